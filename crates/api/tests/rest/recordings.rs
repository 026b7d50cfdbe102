//! Recordings and their sound.

use std::sync::Arc;
use std::time::Duration;

use model::{Recording, RecordingStatus, Resource};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use uuid::Uuid;

use crate::site::{CUSTOMER, Site, at, new_id, site};

/// A recording whose files hold these samples.
fn recording(site: &Site, status: RecordingStatus, samples: &[(i16, i16)]) -> Uuid {
    let id = new_id();
    std::fs::create_dir_all(&site.folder).unwrap();
    let names: Vec<String> = ["in", "out"].map(|side| format!("call_{id}_{side}.wav")).to_vec();
    for (side, name) in names.iter().enumerate() {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(site.folder.join(name), spec).unwrap();
        samples.iter().for_each(|sample| writer.write_sample(if side == 0 { sample.0 } else { sample.1 }).unwrap());
        writer.finalize().unwrap();
    }
    let recording = Recording {
        id,
        customer_id: CUSTOMER,
        status,
        filenames: names,
        tm_create: Some(at(1)),
        ..Recording::default()
    };
    site.put(Resource::Recording(Arc::new(recording)));
    id
}

#[tokio::test]
async fn the_sound_is_both_directions_added() {
    let site = site().await;
    let samples: Vec<(i16, i16)> = (0..200_000).map(|n| ((n % 1_000) as i16, -3)).collect();
    let id = recording(&site, RecordingStatus::Ended, &samples);
    let whole = site.get(&format!("/v1.0/recordingfiles/{id}")).await;
    assert_eq!(whole.status, 200);
    assert!(
        whole.head.contains("content-type: audio/wav") && whole.head.contains("accept-ranges: bytes"),
        "{}",
        whole.head
    );
    let heard: Vec<i16> =
        hound::WavReader::new(whole.octets.as_slice()).unwrap().into_samples().map(Result::unwrap).collect();
    assert!(heard.iter().zip(&samples).all(|(heard, sent)| *heard == sent.0 + sent.1) && heard.len() == samples.len());

    let total = whole.octets.len();
    for (range, first, last) in [
        ("bytes=0-9".to_owned(), 0, 9),
        ("bytes=43-46".to_owned(), 43, 46),
        (format!("bytes={}-", total - 5), total - 5, total - 1),
        ("bytes=-7".to_owned(), total - 7, total - 1),
        ("bytes=131000-300001".to_owned(), 131_000, 300_001),
    ] {
        let head = format!("Authorization: Bearer {}\r\nRange: {range}\r\n", site.key);
        let part = site.raw("GET", &format!("/v1.0/recordingfiles/{id}"), &head, b"").await;
        assert_eq!(part.status, 206, "{range}");
        assert!(part.head.contains(&format!("content-range: bytes {first}-{last}/{total}")), "{}", part.head);
        assert!(part.octets == whole.octets[first..=last], "{range}");
    }
    let head = format!("Authorization: Bearer {}\r\nRange: bytes={total}-\r\n", site.key);
    let none = site.raw("GET", &format!("/v1.0/recordingfiles/{id}"), &head, b"").await;
    assert_eq!(none.refusal(), (416, "INVALID_ARGUMENT".into()));
    assert!(none.head.contains(&format!("content-range: bytes */{total}")), "{}", none.head);
}

#[tokio::test]
async fn both_files_come_in_one_archive() {
    let site = site().await;
    let id = recording(&site, RecordingStatus::Ended, &[(1, 2); 100_000]);
    let answer = site.get(&format!("/v1.0/recordingfiles/{id}?type=zip")).await;
    assert_eq!(answer.status, 200);
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(answer.octets)).unwrap();
    assert_eq!(archive.len(), 2);
    for (n, value) in [(0, 1), (1, 2)] {
        let mut octets = Vec::new();
        std::io::Read::read_to_end(&mut archive.by_index(n).unwrap(), &mut octets).unwrap();
        let mut reader = hound::WavReader::new(octets.as_slice()).unwrap();
        assert!(reader.samples::<i16>().all(|sample| sample.unwrap() == value));
    }
}

#[tokio::test]
async fn of_a_recording_whose_file_is_gone_that_is_told() {
    let site = site().await;
    let id = recording(&site, RecordingStatus::Ended, &[(1, 2); 10]);
    std::fs::remove_file(site.folder.join(format!("call_{id}_out.wav"))).unwrap();
    for query in ["", "?type=zip"] {
        let answer = site.get(&format!("/v1.0/recordingfiles/{id}{query}")).await;
        assert_eq!(answer.refusal(), (404, "FILE_NOT_FOUND".into()), "{query}");
    }
}

#[tokio::test]
async fn what_is_still_recorded_is_not_deleted_and_the_way_out_is_told() {
    let site = site().await;
    let id = recording(&site, RecordingStatus::Recording, &[(1, 2); 10]);
    let answer = site.ask("DELETE", &format!("/v1.0/recordings/{id}"), None).await;
    assert_eq!(answer.refusal(), (409, "STATE_INVALID".into()));
    assert_eq!(answer.json()["error"]["message"], "it is still being recorded: stop it first");
}

/// Two threads may wait for disks here, and four receivers read nothing.
#[test]
fn receivers_that_take_their_time_keep_no_thread() {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    runtime.worker_threads(2).max_blocking_threads(2).enable_all().build().unwrap().block_on(async {
        let site = site().await;
        // More than two sockets hold between them.
        let id = recording(&site, RecordingStatus::Ended, &vec![(1, 2); 8_000_000]);
        let mut slow = Vec::new();
        for _ in 0..4 {
            let mut stream = tokio::net::TcpStream::connect(site.address).await.unwrap();
            let path = format!("/v1.0/recordingfiles/{id}?type=zip&accesskey={}", site.key);
            stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).await.unwrap();
            let mut first = [0; 12];
            stream.read_exact(&mut first).await.unwrap();
            assert_eq!(&first, b"HTTP/1.1 200");
            slow.push(stream);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
        let quick = tokio::time::timeout(Duration::from_secs(5), site.get("/v1.0/recordings")).await;
        assert_eq!(quick.expect("every thread waits for a slow receiver").status, 200);
    });
}

#[tokio::test]
async fn there_is_no_sound_before_the_end_and_none_after_the_deletion() {
    let site = site().await;
    let running = recording(&site, RecordingStatus::Recording, &[(1, 1)]);
    let refusal = (404, "RECORDING_NOT_FOUND".to_owned());
    assert_eq!(site.get(&format!("/v1.0/recordingfiles/{running}")).await.refusal(), refusal);
    assert_eq!(
        site.ask("DELETE", &format!("/v1.0/recordings/{running}"), None).await.refusal(),
        (409, "STATE_INVALID".into())
    );
    let ended = recording(&site, RecordingStatus::Ended, &[(1, 1)]);
    let list = site.get("/v1.0/recordings?status=ended").await.json();
    assert_eq!(list["result"].as_array().unwrap().len(), 1);
    let deleted = site.ask("DELETE", &format!("/v1.0/recordings/{ended}"), None).await;
    assert_eq!(deleted.status, 200);
    assert_eq!(site.get(&format!("/v1.0/recordingfiles/{ended}")).await.refusal(), refusal);
    assert_eq!(std::fs::read_dir(&site.folder).unwrap().count(), 2, "the files of the deleted one are gone");
    assert_eq!(site.get("/v1.0/recordings?status=ended").await.json()["result"], json!([]));
}

#[tokio::test]
async fn file_names_cannot_lead_out_of_the_folder() {
    let site = site().await;
    for name in ["../../etc/passwd", "/etc/passwd", ""] {
        let id = new_id();
        let recording = Recording {
            id,
            customer_id: CUSTOMER,
            status: RecordingStatus::Ended,
            filenames: vec![name.into()],
            ..Recording::default()
        };
        site.put(Resource::Recording(Arc::new(recording)));
        for query in ["", "?type=zip"] {
            assert_eq!(site.get(&format!("/v1.0/recordingfiles/{id}{query}")).await.status, 404, "{name}");
        }
    }
}

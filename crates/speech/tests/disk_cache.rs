//! What was spoken once is kept on disk, within its bounds, whatever happens to the files.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use model::Speech;
use speech::{Cancel, DiskCache, Ear, SpeechError, Synthesizer, content_key};
use support::{Folder, Heard, speak, text};

/// Says 500 samples whose value is the length of the text; a text "fail" fails after them.
#[derive(Default)]
struct Counting(AtomicUsize);

impl Synthesizer for Counting {
    fn engine(&self) -> &str {
        "counting 1"
    }

    fn synthesize(&self, speech: &Speech, _: &Cancel, ear: &mut dyn Ear) -> Result<(), SpeechError> {
        self.0.fetch_add(1, Ordering::Relaxed);
        ear.note("so it is");
        for _ in 0..5 {
            if ear.piece(16_000, &[speech.text.len() as i16; 100]) == ControlFlow::Break(()) {
                return Err(SpeechError::Cancelled);
            }
        }
        if speech.text == "fail" { Err(SpeechError::Failed("as it was told".into())) } else { Ok(()) }
    }
}

/// One file: magic, rate, check sum, 500 samples.
const FILE: u64 = 12 + 4 + 32 + 1_000;

fn open(folder: &Folder, files: u64) -> DiskCache<Counting> {
    DiskCache::open(Counting::default(), &folder.0.join("cache"), files * FILE).unwrap()
}

fn said(cache: &DiskCache<Counting>, words: &str) -> Heard {
    let (result, heard) = speak(cache, &text(words));
    assert_eq!(result, Ok(()));
    assert_eq!((heard.rate_hz, &heard.samples), (16_000, &vec![words.len() as i16; 500]));
    heard
}

fn files(folder: &Folder) -> Vec<PathBuf> {
    fs::read_dir(folder.path("cache")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn a_text_is_spoken_once_and_found_after_a_restart() {
    let folder = Folder::new();
    let cache = open(&folder, 10);
    assert_eq!(said(&cache, "hello").notes, ["so it is"]);
    said(&cache, "hello");
    let counters = cache.counters();
    assert_eq!((counters.requests, counters.disk_hits, counters.disk_octets), (2, 1, FILE));
    let again = open(&folder, 10);
    assert_eq!(again.counters().disk_octets, FILE);
    said(&again, "hello");
    assert_eq!(again.counters().disk_hits, 1);
}

#[test]
fn every_part_of_a_request_and_the_engine_make_another_text() {
    let base = Speech { text: "ab".into(), language: "c".into(), ..Speech::default() };
    let others = [
        Speech { text: "a".into(), language: "bc".into(), ..Speech::default() },
        Speech { gender: "c".into(), language: String::new(), ..base.clone() },
        Speech { provider: "x".into(), ..base.clone() },
        Speech { voice_id: "x".into(), ..base.clone() },
    ];
    let key = content_key("e 1", &base);
    assert_eq!(key, content_key("e 1", &base.clone()));
    assert!(key.len() == 64 && key.bytes().all(|octet| octet.is_ascii_hexdigit()));
    assert_ne!(key, content_key("e 2", &base));
    for other in others {
        assert_ne!(key, content_key("e 1", &other), "{other:?}");
    }
}

#[test]
fn the_text_not_used_for_longest_goes_first_also_after_a_restart() {
    let folder = Folder::new();
    let cache = open(&folder, 2);
    said(&cache, "a");
    said(&cache, "bb");
    said(&cache, "a");
    said(&cache, "ccc");
    assert_eq!(files(&folder).len(), 2);
    said(&cache, "a");
    assert_eq!(cache.counters().disk_hits, 2, "bb went, a stayed");
    // A clock that says which file was used last, without waiting for it.
    for (words, age_s) in [("a", 10), ("ccc", 20)] {
        let path = folder.path("cache").join(format!("{}.speech", content_key("counting 1", &text(words))));
        fs::File::open(path).unwrap().set_modified(SystemTime::now() - Duration::from_secs(age_s)).unwrap();
    }
    let again = open(&folder, 2);
    said(&again, "dddd");
    said(&again, "a");
    assert_eq!(again.counters().disk_hits, 1, "ccc went, a stayed");
    assert_eq!(open(&folder, 1).counters().disk_octets, FILE, "a smaller limit holds at once");
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn damaged_files_are_removed_and_their_texts_spoken_anew() {
    type Damage = fn(&mut Vec<u8>);
    let damages: [Damage; 6] = [
        |file| file.truncate(500),
        |file| file[700] ^= 1,
        |file| file[20] ^= 1,
        |file| file[0] ^= 1,
        |file| file.clear(),
        |file| file.extend([0; 2]),
    ];
    for (n, damage) in damages.into_iter().enumerate() {
        let folder = Folder::new();
        let cache = open(&folder, 10);
        said(&cache, "hello");
        let path = files(&folder).remove(0);
        let mut file = fs::read(&path).unwrap();
        damage(&mut file);
        fs::write(&path, file).unwrap();
        said(&cache, "hello");
        assert_eq!((cache.counters().disk_damaged, cache.counters().disk_hits), (1, 0), "damage {n}");
        said(&cache, "hello");
        assert_eq!((cache.counters().disk_hits, cache.counters().disk_octets), (1, FILE));
    }
}

#[test]
fn a_file_that_somebody_removed_is_no_harm() {
    let folder = Folder::new();
    let cache = open(&folder, 10);
    said(&cache, "hello");
    fs::remove_file(files(&folder).remove(0)).unwrap();
    said(&cache, "hello");
    assert_eq!(files(&folder).len(), 1);
}

#[test]
fn what_failed_or_was_not_heard_to_its_end_is_not_kept() {
    let folder = Folder::new();
    let cache = open(&folder, 10);
    assert!(speak(&cache, &text("fail")).0.is_err());
    let mut heard = Heard { stop_after: Some(2), ..Heard::default() };
    assert_eq!(cache.synthesize(&text("x"), &Cancel::new(), &mut heard), Err(SpeechError::Cancelled));
    assert!(files(&folder).is_empty());
}

#[test]
fn leftovers_of_a_killed_process_go_and_files_of_others_stay() {
    let folder = Folder::new();
    fs::create_dir_all(folder.path("cache")).unwrap();
    fs::write(folder.path("cache").join("abc.1-0.speech-new"), b"half").unwrap();
    fs::write(folder.path("cache").join("notes.txt"), b"mine").unwrap();
    let cache = open(&folder, 10);
    assert_eq!(cache.counters().disk_octets, 0);
    assert_eq!(files(&folder), [folder.path("cache").join("notes.txt")]);
}

#[test]
fn a_folder_that_cannot_be_written_stops_no_speech() {
    let folder = Folder::new();
    let cache = open(&folder, 10);
    fs::remove_dir_all(folder.path("cache")).unwrap();
    said(&cache, "hello");
    assert_eq!(cache.counters().disk_octets, 0);
}

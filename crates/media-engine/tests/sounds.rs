//! Sounds made ready, from files and from a web server on the loopback.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use media_engine::{FromEngine, SoundConfig, SoundRequest, SoundSource};
use support::web::{Drip, Web, response, too_late, wav};
use support::{Rig, config};

/// An engine for sounds only, with a media folder of its own.
struct Sounds {
    rig: Rig,
    folder: PathBuf,
}

impl Sounds {
    fn start(change: impl FnOnce(&mut SoundConfig)) -> Sounds {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("media-sounds-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let mut config = config(20_900 + 2 * number, 20_901 + 2 * number);
        config.sounds.folder = Some(folder.clone());
        config.sounds.fetch.first_octet_ms = 300;
        change(&mut config.sounds);
        Sounds { rig: Rig::start(config), folder }
    }

    fn write(&self, name: &str, contents: &[u8]) {
        std::fs::write(self.folder.join(name), contents).unwrap();
    }

    /// Length of the sound made of these, ms, and what was left out.
    fn prepared(&mut self, urls: &[&str]) -> (Result<u64, String>, Vec<(String, String)>) {
        let (result, skipped) = self.rig.sound(urls);
        (result.map(|prepared| prepared.duration_ms), skipped)
    }

    fn duration(&mut self, url: &str) -> Result<u64, String> {
        self.prepared(&[url]).0
    }
}

impl Drop for Sounds {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn several_sounds_become_one_and_what_is_broken_is_left_out_with_its_reason() {
    let mut sounds = Sounds::start(|_| {});
    sounds.write("a.wav", &wav(120));
    sounds.write("broken.wav", b"not sound at all");
    let urls = ["file:a.wav", "file:broken.wav", "tone:beep", "file:none.wav", "ftp://host/x.wav", "file:a.wav"];
    let (result, skipped) = sounds.prepared(&urls);
    assert_eq!(result, Ok(120 + 500 + 120));
    let skipped_urls: Vec<&str> = skipped.iter().map(|(url, _)| url.as_str()).collect();
    assert_eq!(skipped_urls, ["file:broken.wav", "file:none.wav", "ftp://host/x.wav"]);
    assert!(skipped[0].1.contains("not a WAV file"), "{skipped:?}");
    assert!(skipped[1].1.contains("no such file"), "{skipped:?}");
}

/// The sound that stands in `name` of the folder of sound files, again and again.
fn repeated(name: &str, times: usize) -> Vec<u8> {
    std::fs::read(format!("{}/tests/sound_files/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap().repeat(times)
}

#[test]
fn a_prompt_does_not_wait_until_an_hour_of_mp3_is_decoded() {
    let mut sounds = Sounds::start(|sounds| sounds.longest_s = 3_700);
    // A second each: longer than any test waits for it.
    sounds.write("hour.mp3", &repeated("mono_44100.mp3", 3_600));
    sounds.write("prompt.wav", &wav(200));
    let source = |url: &str| SoundSource::Urls(vec![url.to_owned()]);
    let asked = Instant::now();
    sounds.rig.handle.prepare_sound(SoundRequest { token: 1, source: source("file:hour.mp3") });
    sounds.rig.handle.prepare_sound(SoundRequest { token: 2, source: source("file:prompt.wav") });
    let answer = |sounds: &Sounds| match sounds.rig.next() {
        FromEngine::Sound { token, result, .. } => (token, result.unwrap().duration_ms, asked.elapsed()),
        other => panic!("{other:?}"),
    };
    let (token, duration_ms, after) = answer(&sounds);
    assert_eq!((token, duration_ms), (2, 200));
    assert!(after < Duration::from_secs(1), "{after:?}");
    // The long one is there as soon as its first seconds are.
    let (token, duration_ms, _) = answer(&sounds);
    assert_eq!(token, 1);
    assert!((5_000..60_000).contains(&duration_ms), "{duration_ms} ms");
}

#[test]
fn a_long_sound_is_played_from_its_beginning_to_its_end_while_it_is_decoded() {
    let mut sounds = Sounds::start(|_| {});
    sounds.write("long.mp3", &repeated("mono_44100.mp3", 30));
    let begun_ms = sounds.duration("file:long.mp3").unwrap();
    assert!(begun_ms < 30_000, "{begun_ms} ms");
    let give_up = Instant::now() + support::PATIENCE * 3;
    while sounds.duration("file:long.mp3").unwrap() < 29_900 {
        assert!(Instant::now() < give_up, "it never became whole");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(sounds.rig.engine.metrics().sounds.misses, 1, "it was decoded once");
}

#[test]
fn what_is_too_long_breaks_off_and_is_not_kept() {
    let mut sounds = Sounds::start(|sounds| sounds.longest_s = 8);
    sounds.write("long.mp3", &repeated("mono_44100.mp3", 12));
    for times in 1..=2 {
        assert!(sounds.duration("file:long.mp3").is_ok(), "its beginning is heard");
        sounds.rig.wait_for("the end of it", |metrics| metrics.sounds.failed == times);
    }
}

#[test]
fn when_nothing_is_left_the_answer_is_the_reason() {
    let mut sounds = Sounds::start(|_| {});
    let (result, skipped) = sounds.prepared(&["file:none.wav"]);
    assert_eq!(result.unwrap_err(), "file:none.wav: there is no such file in the media folder");
    assert_eq!(skipped.len(), 1);
    assert_eq!(sounds.prepared(&[]).0.unwrap_err(), "no URL was given");
}

#[test]
fn a_file_is_decoded_once_until_it_changes() {
    let mut sounds = Sounds::start(|_| {});
    sounds.write("a.wav", &wav(100));
    let first = sounds.rig.sound(&["file:a.wav"]).0.unwrap();
    assert_eq!(sounds.rig.sound(&["file:a.wav"]).0.unwrap(), first);
    let seen = sounds.rig.engine.metrics().sounds;
    assert_eq!((seen.misses, seen.hits, seen.cached), (1, 1, 1));
    sounds.write("a.wav", &wav(200));
    let second = sounds.rig.sound(&["file:a.wav"]).0.unwrap();
    assert_eq!(second.duration_ms, 200);
    assert_ne!(second.sound, first.sound);
    std::fs::remove_file(sounds.folder.join("a.wav")).unwrap();
    assert!(sounds.duration("file:a.wav").is_err(), "what is gone is not played from memory");
}

#[test]
fn a_fetched_sound_is_kept_as_long_as_its_server_says() {
    let web = Web::start(|path, head| match path {
        "/kept" => response("200 OK", "Cache-Control: max-age=60\r\n", &wav(100)),
        "/asked" if head.contains("if-none-match: \"v1\"") => response("304 Not Modified", "", b""),
        "/asked" => response("200 OK", "ETag: \"v1\"\r\nCache-Control: no-cache\r\n", &wav(100)),
        _ => response("200 OK", "Cache-Control: no-store\r\n", &wav(100)),
    });
    let mut sounds = Sounds::start(|_| {});
    for path in ["/kept", "/asked", "/never"] {
        for _ in 0..3 {
            assert_eq!(sounds.duration(&web.url(path)), Ok(100));
        }
    }
    assert_eq!((web.count("/kept"), web.count("/asked"), web.count("/never")), (1, 3, 3));
    let seen = sounds.rig.engine.metrics().sounds;
    assert_eq!((seen.hits, seen.revalidated), (2, 2));
}

#[test]
fn what_a_server_does_wrong_is_said() {
    let web = Web::start(|path, _| match path {
        "/none" => response("404 Not Found", "", b""),
        "/page" => response("200 OK", "", b"<html>sorry</html>"),
        "/slow" => too_late(),
        "/large" => response("200 OK", "", &vec![0; 5_000]),
        "/endless" => {
            let mut all = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n".to_vec();
            all.extend(vec![0; 5_000]);
            all
        }
        "/broken" => b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\nshort".to_vec(),
        path => {
            let hops: u32 = path[1..].parse().unwrap();
            match hops {
                0 => response("200 OK", "", &wav(100)),
                hops => response("302 Found", &format!("Location: /{}\r\n", hops - 1), b""),
            }
        }
    });
    let mut sounds = Sounds::start(|sounds| {
        sounds.fetch.octets_max = 4_000;
    });
    assert_eq!(sounds.duration(&web.url("/5")), Ok(100), "five redirects are followed");
    for (path, why) in [
        ("/6", "more than 5 redirects"),
        ("/none", "404"),
        ("/page", "a page of HTML"),
        ("/slow", "did not answer within 300 ms"),
        ("/large", "larger than 4000 octets"),
        ("/endless", "larger than 4000 octets"),
        ("/broken", "the connection broke"),
    ] {
        let reason = sounds.duration(&web.url(path)).unwrap_err();
        assert!(reason.contains(why), "{path}: {reason}");
    }
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let reason = sounds.duration(&format!("http://{nobody}/a.wav")).unwrap_err();
    assert!(reason.contains("refused"), "{reason}");
}

#[test]
fn requests_for_one_url_share_one_fetch_and_do_not_keep_others_waiting() {
    let web = Web::start(|_, _| {
        std::thread::sleep(Duration::from_millis(200));
        response("200 OK", "", &wav(100))
    });
    let mut sounds = Sounds::start(|sounds| sounds.fetch.first_octet_ms = 5_000);
    sounds.write("a.wav", &wav(40));
    let begun = Instant::now();
    for token in 0..20 {
        sounds.rig.handle.prepare_sound(SoundRequest {
            token,
            source: SoundSource::Urls(vec![web.url("/shared"), "file:a.wav".into()]),
        });
    }
    sounds.rig.handle.prepare_sound(SoundRequest { token: 99, source: SoundSource::Urls(vec!["file:a.wav".into()]) });
    let mut tokens = Vec::new();
    while tokens.len() < 21 {
        let FromEngine::Sound { token, result, .. } = sounds.rig.next() else { panic!("not a sound") };
        assert_eq!(result.unwrap().duration_ms, if token == 99 { 40 } else { 140 });
        if token == 99 {
            assert!(begun.elapsed() < Duration::from_millis(180), "the file had to wait: {:?}", begun.elapsed());
        }
        tokens.push(token);
    }
    assert_eq!(tokens[0], 99);
    assert_eq!(web.count("/shared"), 1);
    let seen = sounds.rig.engine.metrics().sounds;
    assert_eq!((seen.shared, seen.in_progress, seen.requests_waiting), (19, 0, 0));
}

/// Asks for a sound without waiting for it.
fn ask(sounds: &mut Sounds, token: u128, url: String) {
    sounds.rig.handle.prepare_sound(SoundRequest { token, source: SoundSource::Urls(vec![url]) });
}

/// What becomes of a sound that was asked for, if it comes within so many ms; other answers are left out.
fn answer(sounds: &Sounds, wanted: u128, ms: u64) -> Option<Result<u64, String>> {
    let until = Instant::now() + Duration::from_millis(ms);
    while let Ok(message) = sounds.rig.inbox.recv_timeout(until.saturating_duration_since(Instant::now())) {
        if let FromEngine::Sound { token, result, .. } = message
            && token == wanted
        {
            return Some(result.map(|prepared| prepared.duration_ms));
        }
    }
    None
}

#[test]
fn slow_web_servers_do_not_keep_a_sound_of_another_server_waiting() {
    let slow = Drip::start(100_000, 0);
    let web = Web::start(|_, _| response("200 OK", "", &wav(100)));
    let mut sounds = Sounds::start(|sounds| sounds.fetch.first_octet_ms = 5_000);
    for token in 0..24 {
        ask(&mut sounds, token, slow.url(&format!("/{token}.wav")));
    }
    slow.wait_for(8);
    ask(&mut sounds, 99, web.url("/a.wav"));
    assert_eq!(answer(&sounds, 99, 5_000), Some(Ok(100)));
    assert_eq!(slow.open(), 8, "of one server not more are fetched at once");
    assert_eq!(sounds.rig.engine.metrics().sounds.loads_waiting, 24 - 8);
}

#[test]
fn a_sound_that_stops_coming_is_given_up_soon() {
    let stuck = Drip::start(1_000, 500).stopped();
    let mut sounds = Sounds::start(|sounds| {
        sounds.fetch.first_octet_ms = 5_000;
        sounds.fetch.stall_ms = 300;
    });
    let url = stuck.url("/a.wav");
    assert_eq!(sounds.duration(&url), Err(format!("{url}: nothing more of it came for 300 ms")));
}

#[test]
fn what_is_fetched_for_a_caller_who_has_hung_up_is_given_up_unless_half_of_it_is_there() {
    let slow = Drip::start(100_000, 0);
    let mut sounds = Sounds::start(|sounds| sounds.fetch.first_octet_ms = 5_000);
    for (token, path) in [(1, "/alone"), (2, "/shared"), (3, "/shared")] {
        ask(&mut sounds, token, slow.url(path));
    }
    slow.wait_for(2);
    for token in [1, 2] {
        sounds.rig.handle.forget_sound(token);
    }
    let until = Instant::now() + Duration::from_secs(5);
    while slow.open() > 1 && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(slow.open(), 1, "one still waits for the other");
    let seen = sounds.rig.engine.metrics().sounds;
    assert_eq!((seen.given_up, seen.in_progress, seen.requests_waiting), (1, 1, 1));

    let whole = wav(1_000);
    let nearly = Drip::start(whole.len(), whole.len() - 9).sending(whole);
    ask(&mut sounds, 4, nearly.url("/kept"));
    nearly.wait_for(1);
    std::thread::sleep(Duration::from_millis(100));
    sounds.rig.handle.forget_sound(4);
    std::thread::sleep(Duration::from_millis(100));
    ask(&mut sounds, 5, nearly.url("/kept"));
    assert_eq!(answer(&sounds, 5, 5_000), Some(Ok(1_000)));
    assert_eq!((nearly.asked(), sounds.rig.engine.metrics().sounds.given_up), (1, 1));
    assert_eq!(answer(&sounds, 4, 0), None, "who has hung up is not answered");
}

#[test]
fn too_many_requests_are_refused_each_with_an_answer() {
    let web = Web::start(|_, _| {
        std::thread::sleep(Duration::from_millis(100));
        response("200 OK", "", &wav(100))
    });
    let mut sounds = Sounds::start(|sounds| {
        sounds.requests_max = 3;
        sounds.fetch.first_octet_ms = 5_000;
    });
    for token in 0..5 {
        sounds.rig.handle.prepare_sound(SoundRequest { token, source: SoundSource::Urls(vec![web.url("/a")]) });
    }
    let mut refused = Vec::new();
    for _ in 0..5 {
        if let FromEngine::Sound { token, result: Err(why), .. } = sounds.rig.next() {
            assert!(why.contains("too many"));
            refused.push(token);
        }
    }
    assert_eq!(refused, [3, 4]);
    assert_eq!(sounds.rig.engine.metrics().loops[0].1.sounds_refused, 2);
    assert_eq!(sounds.duration(&web.url("/a")), Ok(100), "and then there is room again");
}

/// So many ms at 8 kHz as raw octets of µ-law; as signed linear it is half as long.
fn unmarked(duration_ms: usize) -> Vec<u8> {
    vec![0x31; 8 * duration_ms]
}

#[test]
fn what_a_file_is_tells_its_content_then_its_content_type_then_its_suffix() {
    let mp3 = include_bytes!("sound_files/short.mp3");
    let opus = include_bytes!("sound_files/short.opus");
    let web = Web::start(|path, _| match path.rsplit('/').next().unwrap() {
        // Content over both.
        "lies.wav" => response("200 OK", "Content-Type: audio/x-wav\r\n", mp3),
        "lies.ulaw" => response("200 OK", "Content-Type: audio/basic\r\n", opus),
        "lies.html" => response("200 OK", "Content-Type: text/html\r\n", &wav(100)),
        // The header over the suffix.
        "linear.ulaw" => response("200 OK", "Content-Type: audio/x-sln\r\n", &unmarked(100)),
        "law.sln" => response("200 OK", "Content-Type: audio/PCMU; rate=8000\r\n", &unmarked(100)),
        "page.ulaw" => response("200 OK", "Content-Type: text/html; charset=utf-8\r\n", b"sorry, not today"),
        // The suffix, when the header says nothing.
        "suffix.ulaw" => response("200 OK", "Content-Type: application/octet-stream\r\n", &unmarked(100)),
        "suffix.sln?v=1.ulaw" => response("200 OK", "", &unmarked(100)),
        _ => response("200 OK", "", &unmarked(100)),
    });
    let mut sounds = Sounds::start(|_| {});
    for (path, duration_ms) in [
        ("/lies.wav", 200),
        ("/lies.ulaw", 105),
        ("/lies.html", 100),
        ("/linear.ulaw", 50),
        ("/law.sln", 100),
        ("/suffix.ulaw", 100),
        ("/suffix.sln?v=1.ulaw", 50),
    ] {
        assert_eq!(sounds.duration(&web.url(path)), Ok(duration_ms), "{path}");
    }
    for (path, why) in [("/page.ulaw", "text/html"), ("/nothing", "its name has no suffix"), ("/what.xyz", ".xyz")] {
        let url = web.url(path);
        let reason = sounds.duration(&url).unwrap_err();
        assert!(reason.starts_with(&url) && reason.contains(why) && reason.contains("MP3"), "{path}: {reason}");
    }
}

#[test]
fn files_of_every_kind_in_the_media_folder_are_played_and_kept_decoded() {
    let mut sounds = Sounds::start(|_| {});
    sounds.write("a.mp3", include_bytes!("sound_files/short.mp3"));
    sounds.write("a.opus", include_bytes!("sound_files/short.opus"));
    sounds.write("a.ogg", include_bytes!("sound_files/short.ogg"));
    sounds.write("a.alaw", &unmarked(70));
    sounds.write("a.sln16", &unmarked(80));
    let urls = ["file:a.mp3", "file:a.opus", "file:a.ogg", "file:a.alaw", "file:a.sln16"];
    for _ in 0..2 {
        assert_eq!(sounds.prepared(&urls), (Ok(200 + 105 + 200 + 70 + 20), Vec::new()));
    }
    let seen = sounds.rig.engine.metrics().sounds;
    assert_eq!((seen.misses, seen.hits, seen.panics), (5, 5, 0));
}

#[test]
fn a_long_mp3_of_few_octets_is_refused_when_it_is_too_long() {
    let mut sounds = Sounds::start(|sounds| sounds.longest_s = 3);
    sounds.write("long.mp3", &include_bytes!("sound_files/short.mp3").repeat(40));
    assert_eq!(sounds.duration("file:long.mp3").unwrap_err(), "file:long.mp3: it is longer than 3 s");
}

#[test]
fn private_addresses_are_not_asked_for_sounds_when_the_operator_says_so() {
    let web = Web::start(|_, _| response("200 OK", "", &wav(100)));
    let mut sounds = Sounds::start(|sounds| sounds.fetch.may_ask = Some(|ip| !ip.is_loopback()));
    let port = web.url("/").rsplit(':').next().unwrap().to_owned();
    for host in ["127.0.0.1", "localhost", "2130706433"] {
        let why = sounds.duration(&format!("http://{host}:{port}a.wav")).unwrap_err();
        assert!(why.contains("is a private address, and these are refused"), "{host}: {why}");
    }
    assert_eq!(web.count("/a.wav"), 0);
}

#[test]
fn a_redirect_leads_to_no_address_that_may_not_be_asked() {
    let web = Web::start(|path, _| match path {
        "/away" => response("302 Found", "Location: http://127.0.0.2:9/a.wav\r\n", b""),
        "/on" => response("302 Found", "Location: /a.wav\r\n", b""),
        _ => response("200 OK", "", &wav(100)),
    });
    let mut sounds = Sounds::start(|sounds| {
        sounds.fetch.may_ask = Some(|ip| ip == std::net::IpAddr::from([127, 0, 0, 1]));
    });
    let why = sounds.duration(&web.url("/away")).unwrap_err();
    assert!(why.ends_with("127.0.0.2 is a private address, and these are refused by the configuration"), "{why}");
    assert_eq!(sounds.duration(&web.url("/on")), Ok(100));
    // Of its addresses the one that may be asked is.
    let named = web.url("/a.wav").replace("127.0.0.1", "localhost");
    assert_eq!(sounds.duration(&named), Ok(100));
}

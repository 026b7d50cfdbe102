//! Texts that are spoken: scripted synthesizers, and the real one.
#![allow(clippy::unwrap_used)] // test code outside of test functions

mod support;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use media_core::{Codec, Command, Event, PlaybackOutcome};
use media_engine::{FromEngine, PreparedSound, SoundConfig, SoundRequest, SoundSource};
use model::Speech;
use speech::{Cancel, DiskCache, Ear, Espeak, EspeakConfig, SpeechError, Synthesizer};
use support::web::{Web, too_late, wav};
use support::{PATIENCE, Peer, Rig, config};

/// What a scripted synthesizer does next.
enum Say {
    /// So many ms of a loud square wave at 16 kHz.
    Loud(u64),
    Silence(u64),
    Fail,
    Panic,
}

/// Speaks what the test says while it is said: the text is the name of its script.
#[derive(Default)]
struct Scripted {
    scripts: Mutex<BTreeMap<String, Receiver<Say>>>,
    spoken: Mutex<Vec<String>>,
}

impl Scripted {
    /// A text and the far end of its script; dropping that ends the text.
    fn text(&self, text: &str) -> Sender<Say> {
        let (say, script) = channel();
        self.scripts.lock().unwrap().insert(text.into(), script);
        say
    }

    fn spoken(&self) -> usize {
        self.spoken.lock().unwrap().len()
    }
}

impl Synthesizer for Scripted {
    fn engine(&self) -> &str {
        "scripted 1"
    }

    fn synthesize(&self, speech: &Speech, cancel: &Cancel, ear: &mut dyn Ear) -> Result<(), SpeechError> {
        self.spoken.lock().unwrap().push(speech.text.clone());
        let script = self.scripts.lock().unwrap().remove(&speech.text).expect("a script");
        loop {
            let (ms, level) = match script.recv_timeout(Duration::from_millis(20)) {
                Ok(Say::Loud(ms)) => (ms, 8_000),
                Ok(Say::Silence(ms)) => (ms, 0),
                Ok(Say::Fail) => return Err(SpeechError::Failed("it lost its voice".into())),
                Ok(Say::Panic) => panic!("as the script says"),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Ok(()),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) if cancel.is_cancelled() => {
                    return Err(SpeechError::Cancelled);
                }
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => continue,
            };
            let samples: Vec<i16> = (0..ms * 16).map(|n| if n / 16 % 2 == 0 { level } else { -level }).collect();
            if ear.piece(16_000, &samples) == ControlFlow::Break(()) {
                return Err(SpeechError::Cancelled);
            }
        }
    }
}

fn speech(text: &str) -> Speech {
    Speech { text: text.into(), ..Speech::default() }
}

fn rig(first: u16, synthesizer: Arc<dyn Synthesizer>, change: impl FnOnce(&mut SoundConfig)) -> Rig {
    let mut config = config(first, first + 9);
    config.sounds.speech = Some(synthesizer);
    change(&mut config.sounds);
    Rig::start(config)
}

fn ask(rig: &mut Rig, token: u128, text: &str) {
    rig.handle.prepare_sound(SoundRequest { token, source: SoundSource::Speech(speech(text)) });
}

/// The next answer, which must be to this request.
fn answer(rig: &Rig, expected: u128) -> Result<PreparedSound, String> {
    match rig.next() {
        FromEngine::Sound { token, result, .. } if token == expected => result,
        other => panic!("{other:?}"),
    }
}

fn prepared(rig: &mut Rig, text: &str) -> Result<PreparedSound, String> {
    ask(rig, 1, text);
    answer(rig, 1)
}

/// Frames with sound in them until one without comes, after the first; their samples.
fn hear_sound(peer: &Peer) -> Vec<i16> {
    let mut heard = Vec::new();
    let ends = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < ends, "no end of it after {} samples", heard.len());
        let (_, payload, _) = peer.hear();
        let samples: Vec<i16> = payload.iter().map(|octet| Codec::Pcmu.decode(*octet)).collect();
        if samples.iter().any(|sample| sample.unsigned_abs() > 3_000) {
            heard.extend(samples);
        } else if !heard.is_empty() {
            return heard;
        }
    }
}

#[test]
fn a_text_can_be_heard_while_the_rest_of_it_is_still_to_come() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_000, scripted.clone(), |_| {});
    let (stream, peer) = rig.open();
    let say = scripted.text("long");
    say.send(Say::Loud(60)).unwrap();
    ask(&mut rig, 5, "long");
    let nothing = rig.inbox.recv_timeout(Duration::from_millis(150));
    assert!(nothing.is_err(), "60 ms are too little to begin with: {nothing:?}");
    say.send(Say::Loud(140)).unwrap();
    let beginning = answer(&rig, 5).unwrap();
    assert!((100..=200).contains(&beginning.duration_ms), "{} ms", beginning.duration_ms);
    rig.tell(Command::Play { stream, playback: 3, sound: beginning.sound, barge_in: false });
    let first = hear_sound(&peer).len();
    assert!((800..=1_600).contains(&first), "{first} samples");
    rig.wait_for("it waits for more", |metrics| metrics.stream_counter("playback_underruns") > 2);
    say.send(Say::Loud(400)).unwrap();
    let rest = hear_sound(&peer).len();
    drop(say);
    let ended = rig.next_event();
    assert_eq!(ended, Event::PlaybackEnded { stream, playback: 3, outcome: PlaybackOutcome::Completed });
    // The last samples may come only with the end: 600 ms in all, and a frame that is partly filled at each seam.
    let whole = first + rest;
    assert!((4_300..=5_300).contains(&whole), "{whole} samples");
}

#[test]
fn equal_texts_share_one_synthesis_whenever_they_come() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_010, scripted.clone(), |_| {});
    let say = scripted.text("same");
    ask(&mut rig, 1, "same");
    ask(&mut rig, 2, "same");
    rig.wait_for("both are there before the first of it is spoken", |metrics| metrics.sounds.shared == 1);
    say.send(Say::Loud(200)).unwrap();
    let first = answer(&rig, 1).unwrap();
    assert_eq!(answer(&rig, 2).unwrap().sound, first.sound);
    ask(&mut rig, 3, "same");
    assert_eq!(answer(&rig, 3).unwrap().sound, first.sound, "while it grows");
    say.send(Say::Loud(800)).unwrap();
    drop(say);
    rig.wait_for("it counts with all its octets", |metrics| metrics.sounds.cached_octets > 2 * 8_000);
    ask(&mut rig, 4, "same");
    let whole = answer(&rig, 4).unwrap();
    assert_eq!((whole.sound, whole.duration_ms), (first.sound, 1_000));
    assert_eq!(scripted.spoken(), 1);
    let sounds = rig.engine.metrics().sounds;
    assert_eq!((sounds.speech_requests, sounds.speech_memory_hits, sounds.shared, sounds.speech_first), (4, 2, 1, 1));
}

#[test]
fn a_text_shorter_than_a_tenth_of_a_second_is_answered_as_a_whole() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_020, scripted.clone(), |_| {});
    let say = scripted.text("a");
    say.send(Say::Loud(50)).unwrap();
    drop(say);
    assert_eq!(prepared(&mut rig, "a").unwrap().duration_ms, 50);
}

#[test]
fn a_synthesis_that_fails_says_why_and_the_next_request_tries_again() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_030, scripted.clone(), |_| {});
    let say = scripted.text("x");
    say.send(Say::Fail).unwrap();
    assert_eq!(prepared(&mut rig, "x").unwrap_err(), "the text could not be spoken: it lost its voice");
    drop(scripted.text("x"));
    assert_eq!(prepared(&mut rig, "x").unwrap_err(), "there is no sound in it");
    let say = scripted.text("x");
    say.send(Say::Panic).unwrap();
    assert_eq!(prepared(&mut rig, "x").unwrap_err(), "the synthesizer failed badly");
    let say = scripted.text("x");
    say.send(Say::Loud(300)).unwrap();
    drop(say);
    assert!(prepared(&mut rig, "x").is_ok(), "the thread lives on");
    assert_eq!(rig.engine.metrics().sounds.panics, 1);
}

#[test]
fn a_synthesis_that_breaks_off_ends_the_playback_and_is_not_kept() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_040, scripted.clone(), |_| {});
    let (stream, peer) = rig.open();
    let say = scripted.text("broken");
    say.send(Say::Loud(300)).unwrap();
    let begun = prepared(&mut rig, "broken").unwrap();
    rig.tell(Command::Play { stream, playback: 8, sound: begun.sound, barge_in: false });
    say.send(Say::Fail).unwrap();
    assert!(!hear_sound(&peer).is_empty(), "what there was is heard");
    let ended = rig.next_event();
    assert_eq!(ended, Event::PlaybackEnded { stream, playback: 8, outcome: PlaybackOutcome::SoundGone });
    let say = scripted.text("broken");
    say.send(Say::Loud(300)).unwrap();
    assert_ne!(prepared(&mut rig, "broken").unwrap().sound, begun.sound);
    assert_eq!(scripted.spoken(), 2);
}

#[test]
fn a_little_silence_before_the_first_word_is_cut_and_a_long_one_is_kept() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_050, scripted.clone(), |_| {});
    for (silence_ms, whole_ms) in [(0, 400), (15, 415), (200, 420), (1_000, 1_400)] {
        let text = format!("after {silence_ms}");
        let say = scripted.text(&text);
        say.send(Say::Silence(silence_ms)).unwrap();
        say.send(Say::Loud(400)).unwrap();
        drop(say);
        let before = rig.engine.metrics().sounds.cached_octets;
        prepared(&mut rig, &text).unwrap();
        // Two octets for each sample, and a little for the entry. The filter rings for a moment before the first word.
        let expected = whole_ms * 16;
        rig.wait_for(&text, |metrics| {
            let octets = metrics.sounds.cached_octets - before;
            (expected - 80..=expected + 600).contains(&octets)
        });
    }
}

/// The spoken parts are whole before they are asked for.
fn scripted(texts: &[&str]) -> Arc<Scripted> {
    let scripted = Arc::new(Scripted::default());
    for text in texts {
        scripted.text(text).send(Say::Loud(200)).unwrap();
    }
    scripted
}

/// The answer and what was left out.
fn prepared_with_sounds(rig: &mut Rig, text: &str) -> (Result<PreparedSound, String>, Vec<(String, String)>) {
    ask(rig, 1, text);
    match rig.next() {
        FromEngine::Sound { token: 1, result, skipped } => (result, skipped),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_sound_in_a_text_is_heard_between_its_words() {
    let folder = support::folder("speech-audio");
    std::fs::write(folder.join("a.wav"), wav(300)).unwrap();
    let scripted = scripted(&["<speak>one </speak>", "<speak> two</speak>"]);
    let mut rig = rig(22_110, scripted.clone(), |sounds| sounds.folder = Some(folder.clone()));
    let text = "<speak>one <audio src='file:a.wav'>not heard</audio> two</speak>";
    let (result, skipped) = prepared_with_sounds(&mut rig, text);
    let whole = result.unwrap();
    assert!(skipped.is_empty(), "{skipped:?}");
    assert_eq!(*scripted.spoken.lock().unwrap(), ["<speak>one </speak>", "<speak> two</speak>"]);
    assert!((500..=700).contains(&whole.duration_ms), "{} ms", whole.duration_ms);
    // The last words may still be on their way into it: 200 ms of words, 300 of the file, 200 of words.
    let ends = Instant::now() + PATIENCE;
    while prepared_with_sounds(&mut rig, text).0.unwrap().duration_ms != 700 {
        assert!(Instant::now() < ends, "it is never whole");
    }
    assert_eq!(scripted.spoken(), 2, "the words are remembered");
    std::fs::write(folder.join("a.wav"), wav(500)).unwrap();
    let (changed, _) = prepared_with_sounds(&mut rig, text);
    assert_eq!(changed.unwrap().duration_ms, 900, "the file is not taken from memory when it has changed");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_a_text_has_instead_of_a_sound_is_spoken_when_that_cannot_be_had() {
    let scripted = scripted(&["one ", "instead"]);
    let mut rig = rig(22_120, scripted.clone(), |_| {});
    let text = "one <audio src='file:none.wav'><audio src='file:nor-this.wav'/>instead</audio>";
    let (result, skipped) = prepared_with_sounds(&mut rig, text);
    assert!(result.is_ok());
    assert_eq!(*scripted.spoken.lock().unwrap(), ["one ", "instead"]);
    let urls: Vec<&str> = skipped.iter().map(|(url, _)| url.as_str()).collect();
    assert_eq!(urls, ["file:none.wav", "file:nor-this.wav"]);
}

#[test]
fn a_sound_that_does_not_come_soon_holds_its_text_up_no_longer() {
    let web = Web::start(|_, _| too_late());
    let url = web.url("/slow.wav");
    let scripted = scripted(&["instead"]);
    let mut rig = rig(22_130, scripted.clone(), |sounds| {
        sounds.fetch.first_octet_ms = 8_000;
        sounds.speech_sounds_ms = 200;
    });
    let began = Instant::now();
    let (result, skipped) = prepared_with_sounds(&mut rig, &format!("<audio src='{url}'>instead</audio>"));
    assert!(result.is_ok());
    assert_eq!(skipped, [(url, "it did not come in time for its text".to_owned())]);
    assert!(began.elapsed() < Duration::from_millis(1_500), "{:?}", began.elapsed());
}

#[test]
fn a_text_that_waits_too_long_for_a_thread_is_refused() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_060, scripted.clone(), |sounds| {
        sounds.speech_threads = 1;
        sounds.speech_first_ms = 100;
    });
    let say = scripted.text("first");
    ask(&mut rig, 1, "first");
    rig.wait_for("it is being spoken", |_| scripted.spoken() == 1);
    ask(&mut rig, 2, "second");
    std::thread::sleep(Duration::from_millis(150));
    say.send(Say::Loud(200)).unwrap();
    assert!(answer(&rig, 1).is_ok());
    drop(say);
    assert_eq!(answer(&rig, 2).unwrap_err(), "too many texts wait for being spoken");
    assert_eq!(scripted.spoken(), 1);
}

#[test]
fn no_more_texts_wait_than_requests_may() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_070, scripted.clone(), |sounds| sounds.requests_max = 2);
    let scripts: Vec<_> = ["a", "b", "c"].map(|text| scripted.text(text)).into();
    for (token, text) in [(1, "a"), (2, "b"), (3, "c")] {
        ask(&mut rig, token, text);
    }
    assert_eq!(answer(&rig, 3).unwrap_err(), "too many sounds are being asked for");
    drop(scripts);
}

#[test]
fn a_text_longer_than_any_sound_may_be_is_broken_off() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_080, scripted.clone(), |sounds| sounds.longest_s = 2);
    let say = scripted.text("endless");
    for _ in 0..30 {
        let _ = say.send(Say::Loud(200));
    }
    prepared(&mut rig, "endless").unwrap();
    rig.wait_for("it is over", |metrics| metrics.sounds.cached_octets > 0 && say.send(Say::Loud(1)).is_err());
}

#[test]
fn without_a_synthesizer_a_text_is_refused_in_words() {
    let mut rig = Rig::start(config(22_090, 22_099));
    assert!(prepared(&mut rig, "x").unwrap_err().contains("no synthesizer is configured"));
}

#[test]
fn a_shutdown_does_not_wait_for_what_is_being_spoken() {
    let scripted = Arc::new(Scripted::default());
    let mut rig = rig(22_100, scripted.clone(), |_| {});
    let scripts: Vec<_> = (0..10).map(|n| scripted.text(&n.to_string())).collect();
    for n in 0..10 {
        ask(&mut rig, n, &n.to_string());
    }
    rig.wait_for("some are being spoken", |_| scripted.spoken() > 0);
    let began = Instant::now();
    rig.engine.shutdown();
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    drop(scripts);
}

#[test]
fn a_sentence_of_the_real_program_is_heard_on_the_wire_and_again_after_a_restart() {
    let folder = std::env::temp_dir().join(format!("media-speech-{}", std::process::id()));
    let sentence = "Welcome. Please press one for sales, or two for support.";
    let mut lengths = Vec::new();
    for round in 0..2 {
        let espeak = Espeak::start(EspeakConfig::default()).expect("scripts/setup.sh test installs espeak-ng");
        let cached = DiskCache::open(espeak, &folder, 64 << 20).unwrap();
        let mut rig = rig(22_110 + 10 * round, Arc::new(cached), |_| {});
        let (stream, peer) = rig.open();
        let sound = prepared(&mut rig, sentence).unwrap().sound;
        rig.tell(Command::Play { stream, playback: 1, sound, barge_in: false });
        let mut heard = Vec::new();
        // Until the end is known; pauses between words are silence.
        while rig.inbox.try_recv().is_err() {
            heard.extend(peer.hear().1.iter().map(|octet| Codec::Pcmu.decode(*octet)));
        }
        let loud = heard.chunks(160).filter(|frame| frame.iter().any(|sample| sample.unsigned_abs() > 1_000)).count();
        assert!((100..250).contains(&loud), "{loud} frames of speech");
        let active: Vec<f64> = heard
            .chunks(160)
            .map(|frame| frame.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / 160.0)
            .filter(|power| *power > 300.0 * 300.0)
            .collect();
        let level_db = 10.0 * (active.iter().sum::<f64>() / active.len() as f64 / 32_768f64.powi(2)).log10();
        assert!((-25.0..-16.0).contains(&level_db), "active level {level_db} dB");
        assert_eq!(rig.engine.metrics().stream_counter("playback_underruns"), 0);
        lengths.push(loud);
        rig.wait_for("it was counted", |metrics| metrics.sounds.speech_first == 1);
        let sounds = rig.engine.metrics().sounds;
        assert_eq!((sounds.speech_synthesized, sounds.speech_disk_hits), if round == 0 { (1, 0) } else { (0, 1) });
    }
    assert!(lengths[0].abs_diff(lengths[1]) <= 2, "{lengths:?}");
    std::fs::remove_dir_all(&folder).unwrap();
}

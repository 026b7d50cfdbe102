//! How soon a text is heard, on the wall clock, with the real program: from the request to the answer, and from the request to the
//! first RTP packet with sound in it. A measurement:
//! `cargo test --release -p media-engine --test speech_figures -- --ignored --nocapture`
#![allow(clippy::unwrap_used)] // test code outside of test functions
#![allow(clippy::print_stdout)] // the figures

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};

use base::StreamId;
use media_core::{Codec, Command, Event};
use media_engine::{FromEngine, SoundRequest, SoundSource};
use model::Speech;
use speech::{DiskCache, Espeak, EspeakConfig};
use support::{Peer, Rig, config};

const ROUNDS: usize = 40;
/// What must be reached: an uncached sentence and a cached one, by the 90th percentile.
const NEW: Duration = Duration::from_millis(250);
const KNOWN: Duration = Duration::from_millis(40);

fn sentence(number: usize) -> Speech {
    Speech { text: format!("Welcome, caller number {number}. Please press one for sales."), ..Speech::default() }
}

/// From the request to the answer, and to the first packet that can be heard.
fn measure(rig: &mut Rig, stream: StreamId, peer: &Peer, speech: Speech) -> (Duration, Duration) {
    // What waits in the socket is older than the request.
    peer.rtp.set_nonblocking(true).unwrap();
    while peer.rtp.recv(&mut [0; 2_048]).is_ok() {}
    peer.rtp.set_nonblocking(false).unwrap();
    let asked = Instant::now();
    rig.handle.prepare_sound(SoundRequest { token: 1, source: SoundSource::Speech(speech) });
    let FromEngine::Sound { result, .. } = rig.next() else { panic!("no answer") };
    let answered = asked.elapsed();
    rig.tell(Command::Play { stream, playback: 1, sound: result.unwrap().sound, barge_in: false });
    loop {
        let (_, payload, _) = peer.hear();
        if payload.iter().any(|octet| Codec::Pcmu.decode(*octet).unsigned_abs() > 300) {
            let heard = asked.elapsed();
            rig.tell(Command::StopPlayback { stream });
            assert!(matches!(rig.next_event(), Event::PlaybackEnded { .. }));
            return (answered, heard);
        }
    }
}

/// Prints the spread; gives the 90th percentile.
fn show(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = |part: usize| times[(times.len() - 1) * part / 100];
    println!("{what:<44} median {:>7.1?}  90 % {:>7.1?}  worst {:>7.1?}", at(50), at(90), at(100));
    at(90)
}

fn round(rig: &mut Rig, what: &str, numbers: impl Iterator<Item = usize>, limit: Duration) {
    let (stream, peer) = rig.open();
    peer.hear();
    let (answers, heard): (Vec<_>, Vec<_>) =
        numbers.map(|number| measure(rig, stream, &peer, sentence(number))).unzip();
    show(&format!("{what}: to the answer"), answers);
    let reached = show(&format!("{what}: to the first packet heard"), heard);
    rig.close(stream);
    assert!(reached <= limit, "{what}: {reached:?}, and {limit:?} is the limit");
}

#[test]
#[ignore = "a measurement of time"]
fn how_soon_a_text_is_heard() {
    let folder = std::env::temp_dir().join(format!("media-speech-figures-{}", std::process::id()));
    let start = |first: u16| {
        let espeak = Espeak::start(EspeakConfig::default()).unwrap();
        let mut config = config(first, first + 9);
        config.sounds.speech = Some(Arc::new(DiskCache::open(espeak, &folder, 64 << 20).unwrap()));
        Rig::start(config)
    };
    let mut rig = start(22_200);
    round(&mut rig, "new", 0..ROUNDS, NEW);
    round(&mut rig, "known, in memory", 0..ROUNDS, KNOWN);
    drop(rig);
    let mut rig = start(22_210);
    round(&mut rig, "known, on disk after a restart", 0..ROUNDS, KNOWN);
    std::fs::remove_dir_all(&folder).unwrap();
}

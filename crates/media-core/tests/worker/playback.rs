use std::sync::Arc;

use base::MS;
use media_core::tone::goertzel;
use media_core::{Codec, EchoMode, Event, Op, PlaybackOutcome, Retired, Sound};

use crate::support::*;

fn ended(stream: base::StreamId, playback: u64, outcome: PlaybackOutcome) -> Event {
    Event::PlaybackEnded { stream, playback, outcome }
}

fn decode(packets: &[Rtp], codec: Codec) -> Vec<i16> {
    packets.iter().flat_map(|packet| packet.payload.iter().map(|octet| codec.decode(*octet))).collect()
}

#[test]
fn an_idle_stream_sends_silence_every_20_ms_without_drift() {
    let (mut scene, _) = Scene::open(&config());
    scene.run_ms(10_000);
    assert!(scene.outside.sent.iter().all(|sent| sent.from == config().local_ip));
    let packets = scene.take_rtp();
    assert_eq!(packets.len(), 500);
    assert_continuous(&packets, 160, &[0]);
    assert_eq!(packets[0].header.sequence, 65_530);
    assert_eq!(packets[0].header.timestamp, u32::MAX - 1000);
    assert_eq!(packets[0].header.ssrc, OUR_SSRC);
    for (n, packet) in packets.iter().enumerate() {
        assert_eq!(packet.payload, [0xff; 160]);
        assert_eq!(packet.to.to_string(), PEER);
        assert_eq!(packet.at_ns, packets[0].at_ns + n as u64 * 20 * MS);
    }
}

#[test]
fn what_comes_out_is_the_tone_that_went_in() {
    for (codec, payload_type) in [(Codec::Pcmu, 0), (Codec::Pcma, 8)] {
        for ptime_ms in [10, 20, 30, 60] {
            let (mut scene, stream) =
                Scene::open(&media_core::StreamConfig { codec, payload_type, ptime_ms, ..config() });
            let sound = Arc::new(Sound::tone(440, 960, 8000));
            scene.play(stream, 1, &sound);
            scene.run_ms(u64::from(ptime_ms) + 960 + 5);
            let packets = scene.take_rtp();
            assert_continuous(&packets, u32::from(ptime_ms) * 8, &[0]);
            assert!(packets.iter().all(|packet| packet.header.payload_type == payload_type));
            let samples = decode(&packets, codec);
            let peak = goertzel(&samples[..960 * 8], 440.0);
            assert!((peak - 8000.0).abs() < 80.0, "{codec:?} {ptime_ms} ms: {peak}");
            assert!(goertzel(&samples[..960 * 8], 880.0) < 80.0);
            assert_eq!(scene.take_events(), [ended(stream, 1, PlaybackOutcome::Completed)]);
        }
    }
}

#[test]
fn every_octet_of_a_sound_is_sent_once_and_silence_follows() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(95);
    scene.take_rtp();
    let samples: Vec<i16> = (0..1000).map(|n| (n * 61 % 30_000 - 15_000) as i16).collect();
    let part = Sound::from_samples(&samples[..333]);
    let sound = Arc::new(Sound::join([&part, &Sound::from_samples(&samples[333..])]));
    scene.play(stream, 9, &sound);
    scene.run_ms(200);
    let packets = scene.take_rtp();
    // RFC 3551 §4.1: silence was sent as well, so no packet is the first after a time without them.
    assert_continuous(&packets, 160, &[]);
    let sent: Vec<u8> = packets.iter().flat_map(|packet| packet.payload.clone()).collect();
    let expected: Vec<u8> = samples.iter().map(|sample| Codec::Pcmu.encode(*sample)).collect();
    assert_eq!(sent[..1000], expected);
    assert!(sent[1000..].iter().all(|octet| *octet == 0xff));
}

#[test]
fn a_playback_ends_when_its_last_frame_has_been_heard() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(40);
    scene.take_rtp();
    scene.play(stream, 2, &Arc::new(Sound::tone(1000, 50, 1000)));
    while scene.outside.events.is_empty() {
        scene.run_ms(1);
    }
    // Three frames of sound; the end is reported with the frame after them.
    assert_eq!(scene.take_rtp().len(), 4);
    assert_eq!(scene.take_events(), [ended(stream, 2, PlaybackOutcome::Completed)]);
    scene.run_ms(1000);
    assert!(scene.take_events().is_empty());
}

#[test]
fn every_play_ends_exactly_once_however_it_ends() {
    let (mut scene, stream) = Scene::open(&config());
    let long = Arc::new(Sound::tone(300, 60_000, 1000));
    let empty = Arc::new(Sound::from_samples(&[]));
    scene.play(stream, 1, &long);
    scene.run_ms(50);
    scene.play(stream, 2, &long);
    scene.apply(Op::StopPlayback { stream });
    scene.apply(Op::StopPlayback { stream });
    scene.play(stream, 3, &empty);
    scene.run_ms(50);
    scene.play(stream, 4, &long);
    scene.apply(Op::SoundGone { stream, playback: 5 });
    scene.play(stream, 6, &long);
    scene.apply(Op::Close { stream });
    use PlaybackOutcome::{Completed, SoundGone, Stopped};
    let expected = [(1, Stopped), (2, Stopped), (3, Completed), (4, Stopped), (5, SoundGone), (6, Stopped)];
    let mut events = scene.take_events();
    assert!(matches!(events.pop(), Some(Event::Closed { .. })));
    assert_eq!(events, expected.map(|(playback, outcome)| ended(stream, playback, outcome)));
    let sounds = scene.outside.retired.iter().filter(|retired| matches!(retired, Retired::Sound(_))).count();
    assert_eq!(sounds, 5);
    scene.outside.retired.clear();
    assert_eq!(Arc::strong_count(&long), 1);
}

#[test]
fn a_new_play_replaces_the_old_one_without_a_gap() {
    let (mut scene, stream) = Scene::open(&config());
    scene.play(stream, 1, &Arc::new(Sound::tone(440, 1000, 8000)));
    scene.run_ms(400);
    scene.play(stream, 2, &Arc::new(Sound::tone(880, 1000, 8000)));
    scene.run_ms(400);
    let packets = scene.take_rtp();
    assert_continuous(&packets, 160, &[0]);
    let samples = decode(&packets, Codec::Pcmu);
    assert!(goertzel(&samples[..20 * 160], 440.0) > 7900.0);
    assert!(goertzel(&samples[20 * 160..], 880.0) > 7900.0);
    assert!(goertzel(&samples[20 * 160..], 440.0) < 80.0);
}

#[test]
fn on_hold_nothing_is_sent_but_the_playback_goes_on() {
    let (mut scene, stream) = Scene::open(&config());
    scene.play(stream, 1, &Arc::new(Sound::tone(440, 1000, 8000)));
    scene.run_ms(200);
    let before = scene.take_rtp();
    let held = media_core::StreamConfig { send: false, ..config() };
    scene.configure(stream, &held);
    scene.run_ms(500);
    assert_eq!(scene.take_rtp(), []);
    scene.configure(stream, &config());
    scene.run_ms(100);
    let after = scene.take_rtp();
    let (last, first) = (before.last().unwrap().header, after[0].header);
    assert_eq!(first.sequence, last.sequence.wrapping_add(1), "what was held back is no loss");
    assert_eq!(first.timestamp, last.timestamp.wrapping_add(26 * 160), "the clock has gone on");
    assert!(first.marker);
    scene.run_ms(225);
    assert_eq!(scene.take_events().len(), 1, "one second after its start the sound is over");
    // Idle on hold: nothing at all is due but reports.
    scene.configure(stream, &held);
    scene.take_rtp();
    scene.run_ms(3000);
    assert_eq!(scene.take_rtp(), []);
    scene.configure(stream, &config());
    scene.run_ms(40);
    let resumed = scene.take_rtp();
    assert_continuous(&resumed, 160, &[0]);
}

#[test]
fn hold_by_an_address_of_zero_sends_nothing_anywhere() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(100);
    scene.outside.sent.clear();
    let zero = media_core::StreamConfig {
        remote_rtp: "0.0.0.0:4000".parse().unwrap(),
        remote_rtcp: "0.0.0.0:4001".parse().unwrap(),
        ..config()
    };
    scene.configure(stream, &zero);
    scene.run_ms(20_000);
    assert!(scene.outside.sent.is_empty());
    scene.configure(stream, &config());
    scene.run_ms(40);
    assert_eq!(scene.take_rtp().len(), 2);
}

#[test]
fn a_change_of_codec_and_ptime_takes_effect_in_the_running_sound() {
    let (mut scene, stream) = Scene::open(&config());
    scene.play(stream, 1, &Arc::new(Sound::tone(440, 2000, 8000)));
    scene.run_ms(400);
    let mut samples = decode(&scene.take_rtp(), Codec::Pcmu);
    let alaw = media_core::StreamConfig { codec: Codec::Pcma, payload_type: 8, ptime_ms: 40, ssrc: 77, ..config() };
    scene.configure(stream, &alaw);
    scene.run_ms(400);
    let packets = scene.take_rtp();
    assert_continuous(&packets, 320, &[]);
    assert!(packets.iter().all(|packet| packet.header.payload_type == 8 && packet.header.ssrc == OUR_SSRC));
    samples.extend(decode(&packets, Codec::Pcma));
    // One pure tone over the change: no sample was left out or sent twice.
    let peak = goertzel(&samples, 440.0);
    assert!((peak - 8000.0).abs() < 80.0, "{peak}");
}

#[test]
fn playback_goes_before_echo_and_echo_comes_back_after_it() {
    let (mut scene, stream) = Scene::open(&config());
    scene.echo(stream, EchoMode::Audio);
    scene.audio(1, 160);
    scene.play(stream, 1, &Arc::new(Sound::tone(440, 40, 8000)));
    scene.audio(2, 320);
    scene.run_ms(100);
    scene.audio(3, 480);
    let packets = scene.take_rtp();
    assert_eq!(packets.len(), 4, "an echo, two frames of sound, an echo");
    for pair in packets.windows(2) {
        assert_eq!(pair[1].header.sequence, pair[0].header.sequence.wrapping_add(1));
        assert!((pair[1].header.timestamp.wrapping_sub(pair[0].header.timestamp) as i32) >= 160);
    }
    assert_eq!(packets[3].payload[0], 3);
    let markers: Vec<bool> = packets.iter().map(|packet| packet.header.marker).collect();
    assert_eq!(markers, [true, true, false, true]);
}

#[test]
fn a_sound_that_comes_too_slowly_has_silence_in_it_and_loses_nothing() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(100);
    scene.take_rtp();
    let (sound, mut feeder) = Sound::growing();
    scene.play(stream, 4, &Arc::new(sound));
    let loud = [8_000; 800];
    let mut expected = 0;
    for _ in 0..3 {
        assert!(feeder.push(&loud));
        expected += loud.len();
        // 100 ms of sound in 140 ms.
        scene.run_ms(140);
    }
    assert!(scene.take_events().is_empty(), "it waits for more");
    let starved = scene.counters().playback_underruns;
    assert!((5..=8).contains(&starved), "two frames of silence in each turn: {starved}");
    feeder.finish();
    scene.run_ms(40);
    assert_eq!(scene.take_events(), [ended(stream, 4, PlaybackOutcome::Completed)]);
    let packets = scene.take_rtp();
    assert_continuous(&packets, 160, &[]);
    let heard = decode(&packets, Codec::Pcmu).iter().filter(|sample| **sample > 7_000).count();
    assert_eq!(heard, expected);
}

#[test]
fn a_sound_that_breaks_off_ends_its_playback_after_what_there_was() {
    let (mut scene, stream) = Scene::open(&config());
    let (sound, mut feeder) = Sound::growing();
    let sound = Arc::new(sound);
    scene.play(stream, 1, &sound);
    feeder.push(&[8_000; 200]);
    drop(feeder);
    scene.run_ms(100);
    assert_eq!(scene.take_events(), [ended(stream, 1, PlaybackOutcome::SoundGone)]);
    let heard = decode(&scene.take_rtp(), Codec::Pcmu).iter().filter(|sample| **sample > 7_000).count();
    assert_eq!(heard, 200);
    scene.outside.retired.clear();
    assert_eq!(Arc::strong_count(&sound), 1);
}

#[test]
fn a_playback_that_waits_for_its_sound_can_be_stopped_and_replaced() {
    let (mut scene, stream) = Scene::open(&config());
    let (sound, _feeder) = Sound::growing();
    let sound = Arc::new(sound);
    scene.play(stream, 1, &sound);
    scene.run_ms(50);
    scene.play(stream, 2, &sound);
    scene.run_ms(50);
    scene.apply(Op::StopPlayback { stream });
    scene.run_ms(50);
    let expected = [1, 2].map(|playback| ended(stream, playback, PlaybackOutcome::Stopped));
    assert_eq!(scene.take_events(), expected);
}

/// The party sends 20 ms of one sample's octet again and again, for so long.
fn speaks(scene: &mut Scene, packets: u16, octet: u8) {
    for n in 0..packets {
        scene.rtp(PEER, PEER_SSRC, 0, false, n, u32::from(n) * 160, &[octet; 160]);
        scene.run_ms(20);
    }
}

#[test]
fn the_party_ends_a_sound_by_speaking_where_that_was_asked_for() {
    let loud = Codec::Pcmu.encode(8_000);
    let sound = Arc::new(Sound::tone(440, 10_000, 8_000));
    for barge_in in [true, false] {
        let (mut scene, stream) = Scene::open(&config());
        scene.apply(Op::Play { stream, playback: 1, sound: sound.clone(), barge_in });
        scene.run_ms(500);
        speaks(&mut scene, 9, loud);
        assert_eq!(scene.take_events(), [], "180 ms are no speech yet");
        scene.rtp(PEER, PEER_SSRC, 0, false, 9, 9 * 160, &[loud; 160]);
        scene.take_rtp();
        scene.run_ms(100);
        let sent = decode(&scene.take_rtp(), Codec::Pcmu);
        if barge_in {
            assert_eq!(scene.take_events(), [ended(stream, 1, PlaybackOutcome::BargeIn)]);
            assert!(sent.iter().all(|sample| *sample == 0), "silence from the next packet on");
        } else {
            assert_eq!(scene.take_events(), []);
            assert!(goertzel(&sent, 440.0) > 7_000.0);
        }
        assert!((5..=6).contains(&(sent.len() / 160)));
    }
}

#[test]
fn a_sound_that_replaces_another_hears_the_party_anew() {
    let (mut scene, stream) = Scene::open(&config());
    let sound = Arc::new(Sound::tone(440, 10_000, 8_000));
    scene.apply(Op::Play { stream, playback: 1, sound: sound.clone(), barge_in: true });
    scene.run_ms(500);
    speaks(&mut scene, 5, Codec::Pcmu.encode(8_000));
    scene.play(stream, 2, &sound);
    scene.take_events();
    for n in 5..50 {
        scene.rtp(PEER, PEER_SSRC, 0, false, n, u32::from(n) * 160, &[Codec::Pcmu.encode(8_000); 160]);
        scene.run_ms(20);
    }
    assert_eq!(scene.take_events(), [], "the second one may not be spoken over");
}

#[test]
fn on_hold_nobody_is_heard() {
    let (mut scene, stream) = Scene::open(&config());
    let sound = Arc::new(Sound::tone(440, 10_000, 8_000));
    scene.apply(Op::Play { stream, playback: 1, sound, barge_in: true });
    scene.configure(stream, &media_core::StreamConfig { receive_enabled: false, ..config() });
    scene.run_ms(500);
    speaks(&mut scene, 50, Codec::Pcmu.encode(8_000));
    assert_eq!(scene.take_events(), []);
}

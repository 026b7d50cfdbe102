use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const MS: u64 = 1_000_000;
const FRAME: usize = 160;

/// A packet whose samples can be told from any other's nearby.
fn payload(timestamp: u32, length: usize) -> Vec<u8> {
    (0..length as u32).map(|n| (timestamp.wrapping_add(n).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// Sends 20 ms packets through a network that delays packet n by `delay_ms(n)`, reads a frame every 20 ms, and returns the
/// buffer. `at_read` sees the number of each read frame and what it was.
fn run(count: u64, delay_ms: impl Fn(u64) -> u64, mut at_read: impl FnMut(u64, Popped)) -> JitterBuffer {
    let mut buffer = JitterBuffer::new();
    let mut arrivals: Vec<(u64, u64)> = (0..count).map(|n| (n * 20 + delay_ms(n), n)).collect();
    arrivals.sort_unstable();
    let mut arrivals = arrivals.into_iter().peekable();
    for tick in 0..count {
        let now_ms = 1 + tick * 20;
        while let Some((at_ms, n)) = arrivals.next_if(|(at_ms, _)| *at_ms <= now_ms) {
            let timestamp = 7_000_000 + n as u32 * 160;
            buffer.push(at_ms * MS, timestamp, Codec::Pcma, &payload(timestamp, FRAME));
        }
        let mut frame = [0; FRAME];
        at_read(tick, buffer.pop(now_ms * MS, &mut frame));
    }
    buffer
}

fn is_whole(popped: Popped) -> bool {
    matches!(popped, Popped::Frame { arrived: FRAME, .. })
}

#[test]
fn an_even_network_settles_at_the_smallest_delay_and_loses_nothing() {
    let mut whole_after_start = true;
    let buffer = run(1000, |_| 30, |tick, popped| whole_after_start &= tick < 10 || is_whole(popped));
    assert!(whole_after_start);
    assert_eq!(buffer.target_ms(), 20);
    assert_eq!(buffer.counters().late, 0);
}

/// A skip is heard as a jump of the phase, so there is none where nothing but the first guess of the delay asks for it.
#[test]
fn in_a_calm_network_no_frame_is_skipped_whenever_the_ticks_come() {
    for phase_ms in 0..20 {
        let jitter_ms = |n: u64| n * 7919 % 9;
        let buffer = run(
            1000,
            |n| 30 + phase_ms + jitter_ms(n),
            |tick, popped| {
                assert!(tick < 10 || is_whole(popped), "phase {phase_ms} ms: tick {tick} {popped:?}");
            },
        );
        assert_eq!((buffer.counters().skipped, buffer.counters().waited), (0, 0), "phase {phase_ms} ms");
        let newest = 7_000_000 + 999 * 160;
        let lag_ms = (newest - buffer.next_timestamp().unwrap()) / SAMPLES_PER_MS;
        assert!(lag_ms <= 60, "phase {phase_ms} ms: {lag_ms} ms");
    }
}

/// One packet of a calm network is late. If it is in time, nothing is heard of it; else it leaves the gap of itself, and no
/// pause behind that.
#[test]
fn a_packet_that_comes_late_leaves_no_more_than_its_own_gap() {
    for (phase_ms, late_ms) in (0..20).flat_map(|phase_ms| [5, 19, 35, 45, 60].map(|late_ms| (phase_ms, late_ms))) {
        let mut gaps = Vec::new();
        let at_read = |tick, popped| {
            if tick > 300 && !is_whole(popped) {
                gaps.push((tick, popped));
            }
        };
        let buffer = run(1000, |n| 30 + phase_ms + if n == 600 { late_ms } else { 0 }, at_read);
        let most = usize::from(late_ms > 20);
        assert!(gaps.len() <= most, "phase {phase_ms} ms, {late_ms} ms late: {gaps:?}, {:?}", buffer.counters());
    }
}

#[test]
fn the_delay_grows_with_the_jitter_until_nothing_is_late() {
    let delay_ms = |n: u64| 10 + n * 7919 % 97;
    let mut broken = Vec::new();
    let buffer = run(2000, delay_ms, |tick, popped| {
        if !is_whole(popped) {
            broken.push(tick);
        }
    });
    assert!((96..=110).contains(&buffer.target_ms()), "{} ms", buffer.target_ms());
    assert!(broken.iter().all(|tick| *tick < 150), "{broken:?}");
}

#[test]
fn the_delay_never_exceeds_200_ms() {
    let buffer = run(1000, |n| 10 + (n % 10) * 40, |_, _| {});
    assert_eq!(buffer.target_ms(), 200);
    assert!(buffer.counters().late > 0);
}

#[test]
fn the_delay_is_taken_back_frame_by_frame_when_the_network_calms_down() {
    let buffer = run(2000, |n| if n < 300 && n % 3 == 0 { 120 } else { 10 }, |_, _| {});
    assert_eq!(buffer.target_ms(), 20);
    assert!((3..=6).contains(&buffer.counters().skipped), "{:?}", buffer.counters());
    // Reader and newest packet are again close together.
    let newest = 7_000_000 + 1999 * 160;
    let lag = (newest - buffer.next_timestamp().unwrap() as i64 as u32) as i32;
    assert!(lag < 60 * 8, "{lag} samples");
}

#[test]
fn packets_of_any_length_and_codec_are_read_in_frames_of_any_length() {
    let mut buffer = JitterBuffer::new();
    let (mut at, mut sent) = (u32::MAX - 500, Vec::new());
    for (n, length) in [240, 80, 480, 1, 159, 160].into_iter().enumerate() {
        let codec = if n % 2 == 0 { Codec::Pcmu } else { Codec::Pcma };
        let octets = payload(at, length);
        assert_eq!(buffer.push(0, at, codec, &octets), Pushed::Stored);
        sent.extend(octets.iter().map(|octet| codec.decode(*octet)));
        at = at.wrapping_add(length as u32);
    }
    let mut heard = Vec::new();
    for tick in 0..100 {
        let mut frame = [0; 77];
        if let Popped::Frame { timestamp, .. } = buffer.pop(tick * 77 * NS_PER_SAMPLE, &mut frame) {
            let skip = ((u32::MAX - 500).wrapping_sub(timestamp) as i32).clamp(0, 77) as usize;
            heard.extend_from_slice(&frame[skip..]);
        }
    }
    assert_eq!(heard[..sent.len()], sent);
    assert!(heard[sent.len()..].iter().all(|sample| *sample == 0));
}

#[test]
fn a_jump_of_the_timestamps_begins_anew() {
    let mut buffer = JitterBuffer::new();
    buffer.push(0, 1000, Codec::Pcmu, &payload(1000, FRAME));
    assert_eq!(buffer.push(20 * MS, 90_000_000, Codec::Pcmu, &payload(9, FRAME)), Pushed::Restarted);
    assert_eq!(buffer.counters().restarted, 1);
    let mut frame = [1; FRAME];
    let mut whole = 0;
    for tick in 0..5 {
        whole += usize::from(is_whole(buffer.pop((20 + tick * 20) * MS, &mut frame)));
    }
    assert_eq!(whole, 1);
}

#[test]
fn before_the_first_packet_there_is_silence() {
    let mut frame = [1; FRAME];
    assert_eq!(JitterBuffer::new().pop(0, &mut frame), Popped::Waiting);
    assert_eq!(frame, [0; FRAME]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Against a map from timestamp to sample that knows nothing of rings: what is read at a place is what was written
    /// there in time, whatever the order, lengths, overlaps and pauses; and the reader never goes back.
    #[test]
    fn it_reads_what_a_map_would(
        start: u32,
        steps in proptest::collection::vec((0_u64..45, -400_i64..2500, 1_usize..500, any::<bool>(), 1_usize..240), 1..150),
    ) {
        let mut buffer = JitterBuffer::new();
        let mut model: BTreeMap<i64, i16> = BTreeMap::new();
        // The reader's place in the model's numbers, which do not turn over.
        let mut read: Option<i64> = None;
        let unwrap = |timestamp: u32, near: i64| near + i64::from(timestamp.wrapping_sub(start.wrapping_add(near as u32)) as i32);
        let mut now_ms = 0;
        for (step_ms, ahead, length, is_alaw, frame_length) in steps {
            now_ms += step_ms;
            let place = read.unwrap_or(0) + ahead;
            let timestamp = start.wrapping_add(place as u32);
            let codec = if is_alaw { Codec::Pcma } else { Codec::Pcmu };
            let octets = payload(timestamp, length);
            let pushed = buffer.push(now_ms * MS, timestamp, codec, &octets);
            let known = read.unwrap_or_else(|| unwrap(buffer.next_timestamp().unwrap(), place));
            read = Some(known);
            let expected = if place + (length as i64) <= known { Pushed::Late } else { Pushed::Stored };
            prop_assert_eq!(pushed, expected);
            for (n, octet) in octets.iter().enumerate() {
                if place + n as i64 >= known {
                    model.insert(place + n as i64, codec.decode(*octet));
                }
            }
            let mut frame = vec![1; frame_length];
            match buffer.pop(now_ms * MS, &mut frame) {
                Popped::Waiting => prop_assert!(frame.iter().all(|sample| *sample == 0)),
                Popped::Frame { timestamp, arrived } => {
                    let first = unwrap(timestamp, known);
                    prop_assert!(first == known || first == known + frame_length as i64);
                    let expected: Vec<Option<i16>> = (0..frame_length as i64).map(|n| model.get(&(first + n)).copied()).collect();
                    prop_assert_eq!(arrived, expected.iter().flatten().count());
                    let samples: Vec<i16> = expected.iter().map(|sample| sample.unwrap_or(0)).collect();
                    prop_assert_eq!(frame, samples);
                    read = Some(first + frame_length as i64);
                    model = model.split_off(&(first + frame_length as i64));
                }
            }
            prop_assert_eq!(buffer.next_timestamp(), Some(start.wrapping_add(read.unwrap() as u32)));
        }
    }
}

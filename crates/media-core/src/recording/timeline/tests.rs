//! Where packets go. Times are in ms, for 8 samples each.

use proptest::prelude::*;

use super::*;
use crate::Codec;

/// A track that is brought up to date every 100 ms, as a writer does, and the file that it makes.
struct File {
    timeline: Timeline,
    samples: Vec<i16>,
}

impl File {
    fn new() -> File {
        File { timeline: Timeline::new(), samples: Vec::new() }
    }

    /// A packet of 20 ms whose samples all are `mark` arrives.
    fn packet(&mut self, at_ms: u64, timestamp: u32, mark: i16) -> Option<u64> {
        self.packet_of(at_ms, timestamp, mark, 160, false)
    }

    fn packet_of(
        &mut self,
        at_ms: u64,
        timestamp: u32,
        mark: i16,
        samples: usize,
        source_changed: bool,
    ) -> Option<u64> {
        self.passes(at_ms.saturating_sub(100));
        let payload = vec![Codec::Pcma.encode(mark); samples];
        let placed = self.timeline.place(at_ms * 8, timestamp, source_changed, Coding::G711(Codec::Pcma), &payload);
        placed.map(|placed| (placed.until - samples as u64) / 8)
    }

    fn passes(&mut self, to_ms: u64) {
        let mut changed = Vec::new();
        while self.timeline.end() < to_ms * 8 {
            let from = self.timeline.advance((self.timeline.end() + 800).min(to_ms * 8), &mut changed);
            self.samples.truncate(from as usize);
            self.samples.append(&mut changed);
            assert_eq!(self.samples.len() as u64, self.timeline.end());
        }
        let from = self.timeline.advance(self.timeline.end(), &mut changed);
        self.samples.truncate(from as usize);
        self.samples.append(&mut changed);
    }

    /// Closes the file: what each 20 ms hold.
    fn marks(mut self, to_ms: u64) -> (Vec<i16>, u64) {
        self.passes(to_ms);
        let marks = self.samples.chunks(160).map(|frame| frame[0]).collect();
        (marks, self.timeline.gaps() / 8)
    }
}

/// Marks that A-law does not change, 0 for silence.
fn mark(n: i16) -> i16 {
    Codec::Pcma.decode(Codec::Pcma.encode((n + 1) * 1_000))
}

#[test]
fn packets_stand_at_their_media_time_whatever_their_order() {
    let mut file = File::new();
    for (at_ms, n) in [(0, 0), (20, 1), (41, 3), (43, 2), (90, 4), (100, 5)] {
        assert_eq!(file.packet(at_ms, 5_000 + n * 160, mark(n as i16)), Some(u64::from(n) * 20));
    }
    assert_eq!(file.marks(120), ((0..6).map(mark).collect(), 0));
}

#[test]
fn what_is_lost_or_has_not_begun_is_silence_and_counted() {
    let mut file = File::new();
    for n in [2_u32, 3, 5, 6] {
        file.packet(u64::from(n) * 20, n * 160, mark(n as i16));
    }
    assert_eq!(file.marks(160), (vec![0, 0, mark(2), mark(3), 0, mark(5), mark(6), 0], 80));
}

#[test]
fn without_a_packet_all_of_it_is_silence() {
    assert_eq!(File::new().marks(3_000), (vec![0; 150], 3_000));
}

#[test]
fn a_packet_that_is_200_ms_late_comes_to_its_place_in_what_was_given_out() {
    let mut file = File::new();
    file.packet(0, 0, mark(0));
    for n in 2..12_u32 {
        file.packet(u64::from(n) * 20, n * 160, mark(1));
    }
    file.passes(240);
    assert_eq!(file.samples[160..320], [0; 160]);
    assert_eq!(file.packet(240, 160, mark(2)), Some(20));
    file.passes(240);
    assert!(file.samples[160..320].iter().all(|sample| *sample == mark(2)));
    assert_eq!((file.samples[159], file.samples[320]), (mark(0), mark(1)));
    assert_eq!(file.marks(240).1, 0);
}

#[test]
fn a_packet_that_is_too_late_is_left_out_and_counted() {
    let mut file = File::new();
    for n in (0..40_u32).filter(|n| *n != 3) {
        file.packet(u64::from(n) * 20, n * 160, mark(0));
    }
    file.passes(800);
    assert_eq!(file.packet(800, 3 * 160, mark(1)), None);
    assert_eq!((file.timeline.late, file.timeline.jumps), (160, 0));
    let (marks, gaps) = file.marks(800);
    assert_eq!((marks[3], gaps), (0, 20));
}

#[test]
fn a_clock_that_jumps_by_hours_goes_on_where_it_is() {
    for jump in [8_000 * 3_600 * 5_u32, 0x8000_0000, 0_u32.wrapping_sub(8_000 * 3_600), 8_000] {
        let mut file = File::new();
        for n in 0..10_u32 {
            file.packet(u64::from(n) * 20, n * 160, mark(0));
        }
        for n in 10..20_u32 {
            let placed = file.packet(u64::from(n) * 20, (n * 160).wrapping_add(jump), mark(1));
            assert_eq!(placed, Some(u64::from(n) * 20), "after a jump of {jump}");
        }
        assert_eq!(file.timeline.jumps, 1);
        let expected = [vec![mark(0); 10], vec![mark(1); 10]].concat();
        assert_eq!(file.marks(400), (expected, 0), "after a jump of {jump}");
    }
}

#[test]
fn another_source_is_placed_by_its_arrival_whatever_its_timestamps() {
    let mut file = File::new();
    file.packet(0, 1_000, mark(0));
    assert_eq!(file.packet_of(100, 1_160, mark(1), 160, true), Some(100));
    assert_eq!(file.packet_of(120, 1_320, mark(1), 160, false), Some(120));
}

#[test]
fn a_clock_that_stood_still_in_a_hold_does_not_pull_what_follows_into_the_past() {
    let mut file = File::new();
    for n in 0..5_u32 {
        file.packet(u64::from(n) * 20, n * 160, mark(0));
    }
    // 2 s later, but the timestamps go on as if there had been none.
    for n in 5..10_u32 {
        assert_eq!(file.packet(2_000 + u64::from(n) * 20, n * 160, mark(1)), Some(2_000 + u64::from(n) * 20));
    }
    let (marks, gaps) = file.marks(2_200);
    assert_eq!((marks.len(), gaps), (110, 2_000));
}

#[test]
fn a_burst_after_a_pause_of_the_network_loses_nothing() {
    let mut file = File::new();
    for n in 0..5_u32 {
        file.packet(u64::from(n) * 20, n * 160, mark(0));
    }
    // 300 ms of packets come at once.
    for n in 5..20_u32 {
        assert!(file.packet(400, n * 160, mark(1)).is_some());
    }
    let (marks, _) = file.marks(900);
    assert_eq!(marks.iter().filter(|found| **found == mark(1)).count(), 15);
    assert_eq!(marks.iter().filter(|found| **found == mark(0)).count(), 5);
}

#[test]
fn a_flood_makes_the_track_no_longer() {
    let mut file = File::new();
    for n in 0..5_000_u32 {
        file.packet(u64::from(n) / 10, n * 160, mark(1));
    }
    assert_eq!(file.marks(500).0.len(), 25);
}

#[test]
fn packets_of_any_length_and_codec_make_one_track() {
    let mut file = File::new();
    let (mut at, mut expected) = (0_u32, Vec::new());
    for (n, samples) in [80, 160, 240, 320, 400, 480].into_iter().enumerate() {
        let codec = if n % 2 == 0 { Codec::Pcmu } else { Codec::Pcma };
        let payload: Vec<u8> = (0..samples).map(|n| n as u8).collect();
        file.timeline
            .place(u64::from(at), (u32::MAX - 600).wrapping_add(at), false, Coding::G711(codec), &payload)
            .unwrap();
        expected.extend(payload.iter().map(|octet| codec.decode(*octet)));
        at += samples as u32;
        file.passes(u64::from(at) / 8);
    }
    assert_eq!(file.samples, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever arrives: the track is as long as time says, nothing panics, and each sample is a gap or one of a packet.
    #[test]
    fn the_length_is_that_of_the_time_whatever_arrives(
        packets in proptest::collection::vec((0_u64..90, any::<u32>(), -2_000_i32..4_000, 0_usize..1_489, any::<bool>()), 1..200),
    ) {
        let mut file = File::new();
        let (mut at_ms, mut timestamp) = (0, 7_u32);
        for (pause_ms, wild, step, length, is_wild) in packets {
            at_ms += pause_ms;
            timestamp = if is_wild && wild % 10 == 0 { wild } else { timestamp.wrapping_add_signed(step) };
            file.packet_of(at_ms, timestamp, mark(0), length, wild % 37 == 0);
        }
        at_ms += 150;
        file.passes(at_ms);
        prop_assert_eq!(file.samples.len() as u64, at_ms * 8);
        let silent = file.samples.iter().filter(|sample| **sample == 0).count() as u64;
        prop_assert_eq!(silent, file.timeline.gaps());
    }
}

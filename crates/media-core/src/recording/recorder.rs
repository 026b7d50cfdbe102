//! One recording: its tracks, and when it ends by itself.

use super::timeline::{STEP_MAX, Timeline};
use super::{Coding, RecordingEnd, RecordingFact, RecordingRequest, Track};
use crate::settings::SAMPLES_PER_MS;

/// A packet whose samples' absolute values are this large in the mean is no silence: about -42 dB of full scale, above the noise
/// of a quiet room on a telephone. The mean, since a single click is no speech.
pub(crate) const SOUND_MIN: u32 = 256;

/// Makes tracks of equal start and length out of packets: two, or the one of a room. Positions are samples at 8 kHz since the recording began.
///
/// The caller hands in packets in the order of their arrival and the passing of time, and takes what [`Recorder::advance`] gives
/// out. That may reach back behind what it gave out before: a late packet has come to its place.
#[derive(Debug)]
pub struct Recorder {
    input: Timeline,
    /// None: a room has the other one only.
    output: Option<Timeline>,
    silence_max: Option<u64>,
    length_max: u64,
    /// Behind the last sound of the party.
    sound_until: u64,
}

/// What [`Recorder::advance`] gave out: each track from its position on, to the common end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Where the samples of the input track begin.
    pub from_in: u64,
    /// Where the samples of the output track begin; the end if there is none.
    pub from_out: u64,
    /// Where both end.
    pub end: u64,
}

impl Recorder {
    /// A recorder for `request` that records `longest_ms` at most.
    pub fn new(request: &RecordingRequest, longest_ms: u64) -> Recorder {
        let wanted_ms = if request.duration_ms == 0 { longest_ms } else { request.duration_ms.min(longest_ms) };
        let samples = |ms: u64| ms.saturating_mul(u64::from(SAMPLES_PER_MS));
        Recorder {
            input: Timeline::new(),
            output: request.source.tracks().contains(&Track::Out).then(Timeline::new),
            silence_max: Some(samples(u64::from(request.end_of_silence_ms))).filter(|samples| *samples > 0),
            length_max: samples(wanted_ms),
            sound_until: 0,
        }
    }

    /// Samples given out of each track.
    pub fn samples(&self) -> u64 {
        self.input.end()
    }

    /// Where the next [`Recorder::advance`] must lead before a packet of `at` is handed in; none: it can be at once.
    pub fn advance_first(&self, at: u64) -> Option<u64> {
        (at > self.samples() + STEP_MAX).then(|| self.samples() + STEP_MAX)
    }

    /// Takes one packet that arrived or left at `at`.
    pub fn packet(
        &mut self,
        track: Track,
        at: u64,
        timestamp: u32,
        source_changed: bool,
        coding: Coding,
        payload: &[u8],
    ) {
        match track {
            Track::Out => {
                if let Some(output) = &mut self.output {
                    output.place(at, timestamp, source_changed, coding, payload);
                }
            }
            Track::In => {
                let placed = self.input.place(at, timestamp, source_changed, coding, payload);
                if let Some(placed) = placed.filter(|placed| placed.loudness >= SOUND_MIN) {
                    self.sound_until = self.sound_until.max(placed.until);
                }
            }
        }
    }

    /// Audio was lost before it got here, up to `at`: nobody can say that it was silence.
    pub fn lost(&mut self, at: u64) {
        self.sound_until = self.sound_until.max(at);
    }

    /// Moves the end of the tracks to `now`, but at most 200 ms (call it again then), and not beyond the end of the recording.
    pub fn advance(&mut self, now: u64, input: &mut Vec<i16>, output: &mut Vec<i16>) -> Settled {
        let now = self.ends_at(now).map_or(now, |(at, _)| at);
        let from_in = self.input.advance(now, input);
        let end = self.samples();
        let from_out = match &mut self.output {
            Some(track) => track.advance(now, output),
            None => {
                output.clear();
                end
            }
        };
        Settled { from_in, from_out, end }
    }

    /// Whether it has ended by itself: all was given out up to its end.
    pub fn ended(&self) -> Option<RecordingEnd> {
        self.ends_at(self.samples()).map(|(_, end)| end)
    }

    /// Where the recording ends by itself if that is not behind `now`.
    fn ends_at(&self, now: u64) -> Option<(u64, RecordingEnd)> {
        let silent_at = self.silence_max.map(|silence| (self.sound_until + silence).max(self.samples()));
        let long_at = (self.length_max, RecordingEnd::Duration);
        let first = match silent_at {
            Some(at) if at < long_at.0 => (at, RecordingEnd::Silence),
            _ => long_at,
        };
        (first.0 <= now).then_some(first)
    }

    /// Where to end when the worker ended it at `at`: nothing that was there by then is cut off.
    pub fn last_position(&self, at: u64) -> u64 {
        let placed = self.tracks().map(Timeline::placed_until).fold(at, u64::max);
        placed.min(at + STEP_MAX).min(self.length_max)
    }

    /// The last fact. `dropped`: samples that never got here.
    pub fn finish(&self, end: RecordingEnd, dropped: u64) -> RecordingFact {
        RecordingFact::Ended {
            end,
            samples: self.samples(),
            gap_samples_in: self.input.gaps(),
            gap_samples_out: self.output.as_ref().map_or(0, Timeline::gaps),
            dropped_samples: dropped + self.tracks().map(|track| track.late).sum::<u64>(),
        }
    }

    /// Times that timestamps jumped, of all tracks.
    pub fn jumps(&self) -> u64 {
        self.tracks().map(|track| track.jumps).sum()
    }

    fn tracks(&self) -> impl Iterator<Item = &Timeline> {
        std::iter::once(&self.input).chain(&self.output)
    }
}

#[cfg(test)]
mod tests {
    use base::{LoopId, RecordingId, RoomId, StreamId, WorkerId};

    use super::super::RecordingSource;
    use super::*;
    use crate::Codec;

    fn recorder(end_of_silence_ms: u32, duration_ms: u64) -> Recorder {
        let request = RecordingRequest {
            owner: LoopId(0),
            source: RecordingSource::Stream(StreamId { worker: WorkerId(0), slot: 0, lease: 1 }),
            recording: RecordingId(1),
            file_stem: "a".into(),
            end_of_silence_ms,
            duration_ms,
        };
        Recorder::new(&request, 10_000)
    }

    const PCMU: Coding = Coding::G711(Codec::Pcmu);

    /// The party says one thing for `ms`, from `from_ms` on.
    fn says(recorder: &mut Recorder, from_ms: u64, ms: u64, sample: i16) {
        for n in 0..ms / 20 {
            let at = (from_ms + n * 20) * 8;
            run_to(recorder, at);
            recorder.packet(Track::In, at, at as u32, false, PCMU, &[Codec::Pcmu.encode(sample); 160]);
        }
    }

    fn run_to(recorder: &mut Recorder, to: u64) {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        while recorder.samples() < to && recorder.ended().is_none() {
            let settled = recorder.advance(to, &mut input, &mut output);
            assert_eq!(settled.from_in + input.len() as u64, settled.end);
            assert_eq!(settled.from_out + output.len() as u64, settled.end);
        }
    }

    #[test]
    fn it_ends_on_the_sample_when_it_has_the_length_that_was_asked_for() {
        let mut recorder = recorder(0, 1_234);
        run_to(&mut recorder, 1_233 * 8);
        assert_eq!(recorder.ended(), None);
        run_to(&mut recorder, 80_000);
        assert_eq!((recorder.ended(), recorder.samples()), (Some(RecordingEnd::Duration), 1_234 * 8));
    }

    #[test]
    fn without_a_duration_the_longest_of_all_counts() {
        let mut recorder = recorder(0, 0);
        run_to(&mut recorder, 1_000_000);
        assert_eq!((recorder.ended(), recorder.samples()), (Some(RecordingEnd::Duration), 80_000));
    }

    #[test]
    fn it_ends_when_the_party_is_silent_for_that_long_whether_it_sends_silence_or_nothing() {
        for sends_silence in [false, true] {
            let mut recorder = recorder(1_000, 0);
            says(&mut recorder, 0, 400, 3_000);
            if sends_silence {
                says(&mut recorder, 400, 900, 100);
            }
            run_to(&mut recorder, 1_399 * 8);
            assert_eq!(recorder.ended(), None);
            run_to(&mut recorder, 5_000 * 8);
            assert_eq!((recorder.ended(), recorder.samples()), (Some(RecordingEnd::Silence), 1_400 * 8));
        }
    }

    #[test]
    fn what_was_lost_on_the_way_is_no_silence() {
        let mut recorder = recorder(1_000, 0);
        run_to(&mut recorder, 900 * 8);
        recorder.lost(900 * 8);
        run_to(&mut recorder, 1_899 * 8);
        assert_eq!(recorder.ended(), None);
    }

    #[test]
    fn gaps_and_losses_stand_in_the_last_fact() {
        let mut recorder = recorder(0, 0);
        says(&mut recorder, 100, 200, 3_000);
        let last = recorder.last_position(300 * 8);
        run_to(&mut recorder, last);
        let expected = RecordingFact::Ended {
            end: RecordingEnd::Stopped,
            samples: 2_400,
            gap_samples_in: 800,
            gap_samples_out: 2_400,
            dropped_samples: 5,
        };
        assert_eq!(recorder.finish(RecordingEnd::Stopped, 5), expected);
    }

    #[test]
    fn the_packet_that_came_just_before_the_end_is_not_cut() {
        let mut recorder = recorder(0, 0);
        says(&mut recorder, 0, 100, 3_000);
        assert_eq!(recorder.last_position(85 * 8), 800);
        assert_eq!(recorder.last_position(180 * 8), 180 * 8);
    }

    #[test]
    fn a_room_has_one_track_of_linear_samples_and_what_no_tick_brought_is_silence() {
        let request = RecordingRequest {
            owner: LoopId(0),
            source: RecordingSource::Room(RoomId { worker: WorkerId(0), number: 3 }),
            recording: RecordingId(1),
            file_stem: "a".into(),
            end_of_silence_ms: 0,
            duration_ms: 0,
        };
        let mut recorder = Recorder::new(&request, 10_000);
        let mix: Vec<u8> = [i16::MIN, -2, 300, i16::MAX].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        recorder.packet(Track::In, 0, 0, false, Coding::Linear, &mix);
        recorder.packet(Track::In, 8, 8, false, Coding::Linear, &mix);
        let (mut input, mut output) = (Vec::new(), vec![7]);
        let settled = recorder.advance(12, &mut input, &mut output);
        // The lowest value marks an empty place, so it is a step less low.
        let once = [-32_767, -2, 300, 32_767];
        assert_eq!(input, [once.as_slice(), &[0; 4], &once].concat());
        assert_eq!((settled, output), (Settled { from_in: 0, from_out: 12, end: 12 }, Vec::new()));
        let expected = RecordingFact::Ended {
            end: RecordingEnd::Stopped,
            samples: 12,
            gap_samples_in: 4,
            gap_samples_out: 0,
            dropped_samples: 0,
        };
        assert_eq!(recorder.finish(RecordingEnd::Stopped, 0), expected);
    }
}

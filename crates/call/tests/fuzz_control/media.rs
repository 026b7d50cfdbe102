//! The drivers' side of a trial: leases, streams and sounds. It checks that control treats them as agreed, and owes answers.

use std::collections::BTreeMap;

use base::{RecordingId, SoundId, StreamId, WorkerId};
use call::{Input, SoundOutcome};
use media_core::{
    Command, Event, PlaybackOutcome, PortLease, RecordingEnd, RecordingFact, RecordingSource, StreamStats,
};

use crate::cases::Dice;

/// Port pairs that there are of each family.
const PAIRS: usize = 12;

#[derive(Default)]
pub(crate) struct Media {
    /// Slots and how often each was leased.
    free: Vec<(u32, u32, bool)>,
    made: bool,
    /// Handed out and not in service.
    leased: BTreeMap<StreamId, PortLease>,
    /// In service, with what plays.
    open: BTreeMap<StreamId, (PortLease, Option<u64>)>,
    /// What is being recorded.
    recordings: BTreeMap<RecordingSource, RecordingId>,
    /// Answers that are owed.
    pub(crate) owed: Vec<Input>,
    pub(crate) closed: u64,
}

impl Media {
    /// Pairs that control has and does not use.
    pub(crate) fn in_stock(&self) -> usize {
        self.leased.len()
    }

    pub(crate) fn open_len(&self) -> usize {
        self.open.len()
    }

    pub(crate) fn lease(&mut self, ipv6: bool, count: u32) {
        if !std::mem::replace(&mut self.made, true) {
            self.free = (0..2 * PAIRS as u32).map(|slot| (slot, 0, slot % 2 == 1)).collect();
        }
        assert!(count > 0 && count <= 64, "asks for {count} pairs");
        let mut leases = Vec::new();
        while let Some(place) = self.free.iter().position(|(.., of)| *of == ipv6) {
            if leases.len() == count as usize {
                break;
            }
            let (slot, times, _) = self.free.remove(place);
            let stream = StreamId { worker: WorkerId(0), slot, lease: times + 1 };
            let lease = PortLease { stream, rtp_port: 10_000 + 2 * slot as u16, ipv6 };
            self.leased.insert(stream, lease);
            leases.push(lease);
        }
        self.owed.push(Input::Ports { ipv6, leases });
    }

    pub(crate) fn command(&mut self, command: Command) {
        let Some(stream) = command.stream() else { return self.record(&command) };
        if let Command::Open { .. } = command {
            let lease =
                self.leased.remove(&stream).unwrap_or_else(|| panic!("opens {stream:?}, which is no lease of its"));
            self.open.insert(stream, (lease, None));
            return;
        }
        let Some((lease, plays)) = self.open.get_mut(&stream) else { panic!("{command:?}, but it is not open") };
        let ended = |playback, outcome| Input::Media(Event::PlaybackEnded { stream, playback, outcome });
        match command {
            Command::Play { playback, .. } => {
                let before = plays.replace(playback);
                assert!(before.is_none_or(|before| before < playback), "playback {playback} comes behind {before:?}");
                self.owed.extend(before.map(|before| ended(before, PlaybackOutcome::Stopped)));
            }
            Command::StopPlayback { .. } => {
                self.owed.extend(plays.take().map(|playback| ended(playback, PlaybackOutcome::Stopped)));
            }
            Command::Close { .. } => {
                self.owed.extend(plays.take().map(|playback| ended(playback, PlaybackOutcome::Stopped)));
                let source = stream.into();
                if let Some(recording) = self.recordings.remove(&source) {
                    self.owed.push(ended_recording(source, recording, RecordingEnd::StreamClosed));
                }
                self.owed.push(Input::Media(Event::Closed { stream, stats: StreamStats::default() }));
                self.closed += 1;
                self.free.push((stream.slot, stream.lease, lease.ipv6));
                self.open.remove(&stream);
            }
            Command::SendDigits { digits, duration_ms, interval_ms, .. } => {
                assert!(digits.len() <= 100 && (100..=1000).contains(&duration_ms) && interval_ms <= 5000);
            }
            Command::ForwardKey { digit, .. } => assert!("0123456789ABCD*#".contains(digit), "{digit:?}"),
            Command::StartRecording { .. } | Command::StopRecording { .. } => self.record(&command),
            Command::JoinRoom { .. } | Command::LeaveRoom { .. } => {}
            Command::Configure { .. } | Command::Echo { .. } | Command::Open { .. } => {}
        }
    }

    /// Of a stream or a room; at the end of a trial none is left.
    fn record(&mut self, command: &Command) {
        match *command {
            Command::StartRecording { source, recording, .. } => {
                let before = self.recordings.insert(source, recording);
                assert_eq!(before, None, "two recordings of {source:?}");
                self.owed.push(Input::Recording { source, recording, fact: RecordingFact::Started });
            }
            Command::StopRecording { source, recording } => {
                if self.recordings.get(&source) == Some(&recording) {
                    self.recordings.remove(&source);
                    self.owed.push(ended_recording(source, recording, RecordingEnd::Stopped));
                }
            }
            _ => panic!("{command:?} is for no stream"),
        }
    }

    /// What is being recorded.
    pub(crate) fn recorded(&self) -> usize {
        self.recordings.len()
    }

    pub(crate) fn sound(&mut self, dice: &mut Dice, cell: base::CellId, step: u64, urls: &[String]) {
        assert!(!urls.is_empty(), "asks for no sound");
        let skipped = urls.iter().filter(|_| dice.one_in(3)).map(|url| (url.clone(), "gone".to_owned())).collect();
        let sound = (!dice.one_in(4)).then(|| SoundId(dice.next()));
        self.owed.push(Input::Sound { cell, step, outcome: SoundOutcome { sound, skipped } });
    }

    /// A fact about a stream or a recording, true or made up.
    pub(crate) fn fact(&mut self, dice: &mut Dice) -> Input {
        if dice.one_in(8)
            && let Some((source, recording)) = self.recordings.pop_first()
        {
            let end = if dice.one_in(2) { RecordingEnd::Duration } else { RecordingEnd::Failed("full".into()) };
            return ended_recording(source, recording, end);
        }
        let known: Vec<StreamId> = self.open.keys().copied().collect();
        let stream = match known.is_empty() || dice.one_in(6) {
            true => StreamId {
                worker: WorkerId(dice.below(3) as u8),
                slot: dice.below(30) as u32,
                lease: dice.below(4) as u32,
            },
            false => *dice.pick(&known),
        };
        let outcome = *dice.pick(&[PlaybackOutcome::Completed, PlaybackOutcome::Stopped, PlaybackOutcome::SoundGone]);
        Input::Media(match dice.below(3) {
            0 => Event::Digit {
                stream,
                digit: *dice.pick(&['1', '2', '#', '*', 'D']),
                duration_ms: dice.below(5000) as u32,
            },
            1 => Event::PlaybackEnded { stream, playback: dice.next(), outcome },
            _ => {
                let running = self.open.get_mut(&stream).and_then(|(_, plays)| plays.take());
                Event::PlaybackEnded { stream, playback: running.unwrap_or_default(), outcome }
            }
        })
    }
}

fn ended_recording(source: RecordingSource, recording: RecordingId, end: RecordingEnd) -> Input {
    let fact = RecordingFact::Ended { end, samples: 800, gap_samples_in: 0, gap_samples_out: 0, dropped_samples: 0 };
    Input::Recording { source, recording, fact }
}

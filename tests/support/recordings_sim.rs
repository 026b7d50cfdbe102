//! Recordings of the World: in memory, by the same rules as on disk.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base::{LoopId, MS, RecordingId};
use media_core::recording::{Coding, Recorder, RecorderTap, RecordingRequest, TapEnd, TapPacket};
use media_core::{RecordingEnd, RecordingFact, RecordingSource};

/// A sample takes so long, ns.
const SAMPLE_NS: u64 = 125_000;
/// How often the World's writer looks.
const PERIOD_NS: u64 = 100 * MS;
/// Nothing in a World lasts longer.
const LONGEST_MS: u64 = 24 * 3_600_000;

/// What a recording holds: samples at 8 kHz, as they would stand in its files.
#[derive(Clone, Debug, Default)]
pub struct Recorded {
    /// What the party said, or all in a room: `<stem>_in.wav`.
    pub input: Vec<i16>,
    /// What it heard: `<stem>_out.wav`; nothing of a room.
    pub output: Vec<i16>,
    /// The last fact, once it has ended.
    pub ended: Option<RecordingFact>,
}

/// A fact with its addressee.
pub(crate) type RecordingNews = (LoopId, RecordingSource, RecordingId, RecordingFact);

/// All recordings since the World began.
#[derive(Default)]
pub(crate) struct RecordingsSim {
    running: Vec<Running>,
    /// By file stem.
    files: BTreeMap<String, Recorded>,
    /// When the writer looks next, ns.
    due_ns: u64,
}

struct Running {
    request: RecordingRequest,
    shared: Arc<Mutex<Shared>>,
    recorder: Recorder,
    started: bool,
}

/// What the worker has handed over.
#[derive(Debug, Default)]
struct Shared {
    began_ns: Option<u64>,
    end: Option<(TapEnd, u64)>,
    packets: Vec<Kept>,
    over: bool,
}

#[derive(Debug)]
struct Kept {
    track: media_core::recording::Track,
    at: u64,
    timestamp: u32,
    source_changed: bool,
    coding: Coding,
    payload: Vec<u8>,
}

#[derive(Debug)]
struct Tap(Arc<Mutex<Shared>>);

impl Tap {
    fn with<T>(&self, look: impl FnOnce(&mut Shared) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RecorderTap for Tap {
    fn begin(&mut self, now_ns: u64) {
        self.with(|shared| shared.began_ns = Some(now_ns));
    }

    fn packet(&mut self, packet: &TapPacket<'_>) -> bool {
        self.with(|shared| {
            let at = shared.position(packet.now_ns);
            shared.packets.push(Kept {
                track: packet.track,
                at,
                timestamp: packet.timestamp,
                source_changed: packet.source_changed,
                coding: packet.coding,
                payload: packet.payload.to_vec(),
            });
            !shared.over
        })
    }

    fn end(&mut self, now_ns: u64, end: TapEnd) {
        self.with(|shared| shared.end = Some((end, shared.position(now_ns))));
    }

    fn is_over(&self) -> bool {
        self.with(|shared| shared.over)
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.with(|shared| {
            let at = shared.packets.last().map_or(0, |packet| packet.at);
            shared.end.get_or_insert((TapEnd::StreamClosed, at));
        });
    }
}

impl Shared {
    fn position(&self, now_ns: u64) -> u64 {
        self.began_ns.map_or(0, |began_ns| now_ns.saturating_sub(began_ns) / SAMPLE_NS)
    }
}

impl RecordingsSim {
    pub(crate) fn start(&mut self, request: RecordingRequest) -> Box<dyn RecorderTap> {
        let shared = Arc::new(Mutex::new(Shared::default()));
        let recorder = Recorder::new(&request, LONGEST_MS);
        self.running.push(Running { request, shared: shared.clone(), recorder, started: false });
        Box::new(Tap(shared))
    }

    pub(crate) fn recorded(&self, file_stem: &str) -> Option<&Recorded> {
        self.files.get(file_stem)
    }

    pub(crate) fn stems(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// When [`RecordingsSim::tick`] has something to do.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        (!self.running.is_empty()).then_some(self.due_ns)
    }

    /// Takes all recordings up to `now_ns`, every 100 ms.
    pub(crate) fn tick(&mut self, now_ns: u64) -> Vec<RecordingNews> {
        let mut news = Vec::new();
        if self.running.is_empty() || now_ns < self.due_ns {
            return news;
        }
        self.due_ns = (now_ns / PERIOD_NS + 1) * PERIOD_NS;
        let files = &mut self.files;
        self.running.retain_mut(|running| {
            let facts = running.step(now_ns, files);
            let ended = facts.iter().any(|fact| matches!(fact, RecordingFact::Ended { .. }));
            let RecordingRequest { owner, source, recording, .. } = running.request;
            news.extend(facts.into_iter().map(|fact| (owner, source, recording, fact)));
            !ended
        });
        news
    }
}

impl Running {
    fn step(&mut self, now_ns: u64, files: &mut BTreeMap<String, Recorded>) -> Vec<RecordingFact> {
        let shared = self.shared.clone();
        let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
        let mut facts = Vec::new();
        let failed = match shared.end {
            Some((TapEnd::Busy, _)) => Some("another recording of it is running"),
            Some((TapEnd::NoPlace, _)) => Some("there are too many rooms"),
            _ if !self.started && files.contains_key(&self.request.file_stem) => {
                Some("a recording of this name exists already")
            }
            _ => None,
        };
        if let Some(why) = failed {
            shared.over = true;
            return vec![self.recorder.finish(RecordingEnd::Failed(why.into()), 0)];
        }
        if !self.started && shared.began_ns.is_some() {
            self.started = true;
            files.insert(self.request.file_stem.clone(), Recorded::default());
            facts.push(RecordingFact::Started);
        }
        let Some(recorded) = files.get_mut(&self.request.file_stem).filter(|_| self.started) else {
            if shared.end.is_some() {
                facts.push(self.recorder.finish(RecordingEnd::StreamClosed, 0));
            }
            return facts;
        };
        let now = shared.end.map_or_else(|| shared.position(now_ns), |(_, at)| at);
        for kept in std::mem::take(&mut shared.packets) {
            while let Some(first) = self.recorder.advance_first(kept.at) {
                if self.recorder.ended().is_some() {
                    break;
                }
                write_to(&mut self.recorder, first, recorded);
            }
            self.recorder.packet(kept.track, kept.at, kept.timestamp, kept.source_changed, kept.coding, &kept.payload);
        }
        let target = shared.end.map_or(now, |(_, at)| self.recorder.last_position(at));
        while self.recorder.samples() < target && self.recorder.ended().is_none() {
            write_to(&mut self.recorder, target, recorded);
        }
        let so_far = self.recorder.samples();
        write_to(&mut self.recorder, so_far, recorded);
        let told = shared.end.map(|(end, _)| match end {
            TapEnd::Stopped => RecordingEnd::Stopped,
            TapEnd::StreamClosed | TapEnd::Busy | TapEnd::NoPlace => RecordingEnd::StreamClosed,
        });
        if let Some(end) = self.recorder.ended().or(told) {
            shared.over = true;
            let fact = self.recorder.finish(end, 0);
            recorded.ended = Some(fact.clone());
            facts.push(fact);
        }
        facts
    }
}

fn write_to(recorder: &mut Recorder, position: u64, recorded: &mut Recorded) {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let settled = recorder.advance(position, &mut input, &mut output);
    for (file, from, samples) in
        [(&mut recorded.input, settled.from_in, input), (&mut recorded.output, settled.from_out, output)]
    {
        file.truncate(from as usize);
        file.extend(samples);
    }
}

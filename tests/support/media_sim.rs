//! The media side of the World: real workers, with packets in memory instead of sockets, and a pool of made-up ports.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{LoopId, SoundId, StreamId, WorkerId};
use call::SoundOutcome;
use media_core::{Command, Event, Op, Port, PortLease, Retired, Sound, Worker, WorkerIo};

use crate::recordings_sim::{RecordingNews, RecordingsSim};

/// First RTP port of the World's server.
const FIRST_PORT: u16 = 10_000;
/// Port pairs of each worker.
const PAIRS: u16 = 4_096;
/// A stream's place in the cycle of ticks follows from its slot. Only every 120th slot is used, so that all streams have
/// the same place and a scenario does not depend on which slots its calls get.
const SLOT_STEP: u32 = 120;

/// A packet that a worker sent.
pub(crate) struct SentPacket {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) data: Vec<u8>,
}

/// What the workers handed out since the last look.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) packets: Vec<SentPacket>,
    pub(crate) events: Vec<(LoopId, Event)>,
    worker: u8,
}

impl WorkerIo for Outside {
    fn send(&mut self, slot: u32, port: Port, datagram: &[u8], to: SocketAddr, from: IpAddr) -> bool {
        let from = SocketAddr::new(from, port_number(WorkerId(self.worker), slot, port));
        self.packets.push(SentPacket { from, to, data: datagram.to_vec() });
        true
    }

    fn event(&mut self, owner: LoopId, event: Event) -> Result<(), Event> {
        self.events.push((owner, event));
        Ok(())
    }

    fn retire(&mut self, retired: Retired) -> Result<(), Retired> {
        drop(retired);
        Ok(())
    }
}

/// Workers, port pool and sound store.
pub(crate) struct MediaSim {
    workers: Vec<Worker>,
    pub(crate) outside: Outside,
    free: Vec<(WorkerId, u32)>,
    leases: BTreeMap<(WorkerId, u32), u32>,
    sounds: BTreeMap<SoundId, Arc<Sound>>,
    by_url: BTreeMap<String, SoundId>,
    pub(crate) recordings: RecordingsSim,
    /// What recordings have reported since the last look.
    pub(crate) recording_news: Vec<RecordingNews>,
}

fn port_number(worker: WorkerId, slot: u32, port: Port) -> u16 {
    FIRST_PORT + (u16::from(worker.0) * PAIRS + (slot / SLOT_STEP) as u16) * 2 + u16::from(port == Port::Rtcp)
}

impl MediaSim {
    pub(crate) fn new(workers: u8) -> MediaSim {
        let mut free: Vec<_> = (0..u32::from(PAIRS))
            .flat_map(|pair| (0..workers).map(move |worker| (WorkerId(worker), pair * SLOT_STEP)))
            .collect();
        free.reverse();
        MediaSim {
            workers: (0..workers).map(|id| Worker::new(WorkerId(id), u32::from(PAIRS) * SLOT_STEP)).collect(),
            outside: Outside::default(),
            free,
            leases: BTreeMap::new(),
            sounds: BTreeMap::new(),
            by_url: BTreeMap::new(),
            recordings: RecordingsSim::default(),
            recording_news: Vec::new(),
        }
    }

    pub(crate) fn lease(&mut self, count: u32) -> Vec<PortLease> {
        (0..count)
            .map_while(|_| self.free.pop())
            .map(|(worker, slot)| {
                let lease = self.leases.entry((worker, slot)).or_insert(0);
                *lease += 1;
                let stream = StreamId { worker, slot, lease: *lease };
                PortLease { stream, rtp_port: port_number(worker, slot, Port::Rtp), ipv6: false }
            })
            .collect()
    }

    /// Port pairs that control has, in calls or in stock.
    pub(crate) fn leased(&self) -> usize {
        usize::from(PAIRS) * self.workers.len() - self.free.len()
    }

    pub(crate) fn give_back(&mut self, stream: StreamId) {
        let is_free = self.free.contains(&(stream.worker, stream.slot));
        assert!(!is_free, "{stream:?} is given back for the second time");
        self.free.insert(0, (stream.worker, stream.slot));
    }

    pub(crate) fn apply(&mut self, now_ns: u64, owner: LoopId, command: Command) {
        let worker = command.stream().worker;
        let sounds = &self.sounds;
        let recordings = &mut self.recordings;
        let find = |sound| sounds.get(&sound).cloned();
        let op = Op::resolve(command, owner, find, |request| recordings.start(request));
        self.outside.worker = worker.0;
        self.workers[usize::from(worker.0)].apply(now_ns, op, &mut self.outside);
    }

    /// A datagram for one of our ports.
    pub(crate) fn receive(&mut self, now_ns: u64, data: &[u8], from: SocketAddr, to_port: u16) {
        let Some(offset) = to_port.checked_sub(FIRST_PORT) else { return };
        let (worker, rest) = (offset / (PAIRS * 2), offset % (PAIRS * 2));
        let port = if rest % 2 == 0 { Port::Rtp } else { Port::Rtcp };
        if let Some(found) = self.workers.get_mut(usize::from(worker)) {
            self.outside.worker = worker as u8;
            found.receive(now_ns, u32::from(rest / 2) * SLOT_STEP, port, data, from, &mut self.outside);
        }
    }

    pub(crate) fn tick(&mut self, now_ns: u64) {
        for (id, worker) in self.workers.iter_mut().enumerate() {
            if worker.next_tick_ns().is_some_and(|due_ns| due_ns <= now_ns) {
                self.outside.worker = id as u8;
                worker.tick(now_ns, &mut self.outside);
            }
        }
        self.recording_news.extend(self.recordings.tick(now_ns));
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let workers = self.workers.iter().filter_map(Worker::next_tick_ns);
        workers.chain(self.recordings.next_deadline()).min()
    }

    /// How long it takes to make these ready, ms: 1, or 1,000 for what begins with `slow-`, like a file far away.
    pub(crate) fn delay_ms(urls: &[String]) -> u64 {
        if urls.iter().any(|url| url.starts_with("slow-")) { 1_000 } else { 1 }
    }

    /// Speech of this World is a tone: a text `tone:<hz>:<ms>` sounds so, any other text is 500 Hz, 50 ms for each letter.
    pub(crate) fn speak(&mut self, speech: &model::Speech) -> SoundOutcome {
        let tone = match tone_of(&speech.text) {
            Some(_) => speech.text.clone(),
            None => format!("tone:500:{}", 50 * speech.text.chars().count()),
        };
        self.prepare(&[tone])
    }

    /// `tone:<hz>:<ms>` and `tone:beep` exist in this World; everything else is missing.
    pub(crate) fn prepare(&mut self, urls: &[String]) -> SoundOutcome {
        let mut samples = Vec::new();
        let mut skipped = Vec::new();
        for url in urls {
            match tone_of(url) {
                Some((hz, ms)) => samples.extend(sine(hz, ms)),
                None => skipped.push((url.clone(), "no such file".to_owned())),
            }
        }
        if samples.is_empty() {
            return SoundOutcome { sound: None, skipped };
        }
        let next = SoundId(self.by_url.len() as u64 + 1);
        let id = *self.by_url.entry(urls.join(" ")).or_insert(next);
        self.sounds.entry(id).or_insert_with(|| Arc::new(Sound::from_samples(&samples)));
        SoundOutcome { sound: Some(id), skipped }
    }
}

fn tone_of(url: &str) -> Option<(f64, u64)> {
    if url == "tone:beep" {
        return Some((1000.0, 500));
    }
    let url = url.strip_prefix("slow-").unwrap_or(url);
    let (hz, ms) = url.strip_prefix("tone:")?.split_once(':')?;
    Some((hz.parse().ok()?, ms.parse().ok()?))
}

fn sine(hz: f64, ms: u64) -> Vec<i16> {
    (0..ms * 8).map(|i| ((std::f64::consts::TAU * hz * i as f64 / 8000.0).sin() * 8000.0) as i16).collect()
}

//! The media side of the World: real workers, with packets in memory instead of sockets, and a pool of made-up ports.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::{LoopId, SoundId, StreamId, WorkerId};
use call::SoundOutcome;
use media_core::{Command, Event, Journey, Op, Places, Port, PortLease, Retired, Sound, Transit, Worker, WorkerIo};

use crate::recordings_sim::{RecordingNews, RecordingsSim};

/// First RTP port of the World's server.
const FIRST_PORT: u16 = 10_000;
/// Port pairs of each worker.
const PAIRS: u16 = 4_096;
/// A stream's phase in the cycle of ticks follows from its slot. Only every 30th slot is used, so that all streams have
/// the same phase and a scenario does not depend on which slots its calls get.
const SLOT_STEP: u32 = 30;

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
    /// The table of the worker that is at work.
    places: Option<Places>,
    transits: Vec<Transit>,
}

impl WorkerIo for Outside {
    fn send(&mut self, place: u32, port: Port, datagram: &[u8], to: SocketAddr, from: IpAddr) -> bool {
        let Some(places) = self.places else { return false };
        // A guest keeps the ports of its own worker.
        let (home, slot) = places.home(place);
        let from = SocketAddr::new(from, port_number(home, slot, port));
        self.packets.push(SentPacket { from, to, data: datagram.to_vec() });
        true
    }

    fn event(&mut self, owner: LoopId, event: Event) -> Result<(), Event> {
        self.events.push((owner, event));
        Ok(())
    }

    fn retire(&mut self, retired: Retired) -> Result<(), Retired> {
        if let Retired::Transit(transit) = retired {
            self.transits.push(transit);
        }
        Ok(())
    }
}

/// Workers, port pool and sound store.
pub(crate) struct MediaSim {
    workers: Vec<Worker>,
    pub(crate) outside: Outside,
    free: Vec<(WorkerId, u32)>,
    leases: BTreeMap<(WorkerId, u32), u32>,
    /// Which worker serves a slot's stream, where that is not its own one.
    away: BTreeMap<(WorkerId, u32), WorkerId>,
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
            workers: (0..workers)
                .map(|id| Worker::with_guests(WorkerId(id), u32::from(PAIRS) * SLOT_STEP, workers))
                .collect(),
            outside: Outside::default(),
            free,
            leases: BTreeMap::new(),
            away: BTreeMap::new(),
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
        self.away.remove(&(stream.worker, stream.slot));
        self.free.insert(0, (stream.worker, stream.slot));
    }

    /// Carries out a command. A stream that joins a room of another worker is there at once.
    pub(crate) fn apply(&mut self, now_ns: u64, owner: LoopId, command: Command) {
        if let Command::JoinRoom { stream, room, .. } = command
            && let at = self.served_by(stream.worker, stream.slot)
            && room.worker != at
        {
            assert!(usize::from(room.worker.0) < self.workers.len(), "{room:?} is on no worker");
            self.give(now_ns, at, Op::Move(Journey { stream, owner, to: room.worker }));
            self.carry(now_ns, at);
        }
        let of_stream = command.stream().map(|stream| self.served_by(stream.worker, stream.slot));
        let at = of_stream.or(command.room().map(|room| room.worker)).unwrap_or_default();
        let sounds = &self.sounds;
        let recordings = &mut self.recordings;
        let find = |sound| sounds.get(&sound).cloned();
        let op = Op::resolve(command, owner, find, |request| recordings.start(request));
        self.give(now_ns, at, op);
    }

    fn served_by(&self, home: WorkerId, slot: u32) -> WorkerId {
        self.away.get(&(home, slot)).copied().unwrap_or(home)
    }

    fn give(&mut self, now_ns: u64, at: WorkerId, op: Op) {
        self.at_work(at, |worker, outside| worker.apply(now_ns, op, outside));
    }

    fn at_work(&mut self, at: WorkerId, work: impl FnOnce(&mut Worker, &mut Outside)) {
        if let Some(worker) = self.workers.get_mut(usize::from(at.0)) {
            self.outside.places = Some(worker.places());
            work(worker, &mut self.outside);
        }
    }

    /// What the engine's helper thread does about a stream that leaves worker `from`.
    fn carry(&mut self, now_ns: u64, from: WorkerId) {
        while let Some(transit) = self.outside.transits.pop() {
            match transit {
                Transit::Wanted(journey) => self.give(now_ns, from, Op::HandOver(journey)),
                Transit::Underway(journey, slot) => self.give(now_ns, journey.to, Op::Arrive { journey, slot }),
                Transit::Arrived(Journey { stream, to, .. }) => {
                    self.away.insert((stream.worker, stream.slot), to);
                }
                Transit::Refused(_) => {}
            }
        }
    }

    /// A datagram for one of our ports.
    pub(crate) fn receive(&mut self, now_ns: u64, data: &[u8], from: SocketAddr, to_port: u16) {
        let Some(offset) = to_port.checked_sub(FIRST_PORT) else { return };
        let (home, rest) = (WorkerId((offset / (PAIRS * 2)) as u8), offset % (PAIRS * 2));
        let port = if rest % 2 == 0 { Port::Rtp } else { Port::Rtcp };
        let stream = StreamId { worker: home, slot: u32::from(rest / 2) * SLOT_STEP, lease: 0 };
        self.at_work(self.served_by(home, stream.slot), |worker, outside| {
            if let Some(place) = worker.places().place(stream) {
                worker.receive(now_ns, place, port, data, from, outside);
            }
        });
    }

    pub(crate) fn tick(&mut self, now_ns: u64) {
        for id in 0..self.workers.len() {
            self.at_work(WorkerId(id as u8), |worker, outside| {
                if worker.next_tick_ns().is_some_and(|due_ns| due_ns <= now_ns) {
                    worker.tick(now_ns, outside);
                }
            });
        }
        self.recording_news.extend(self.recordings.tick(now_ns));
    }

    pub(crate) fn next_deadline(&self) -> Option<u64> {
        let workers = self.workers.iter().filter_map(Worker::next_tick_ns);
        workers.chain(self.recordings.next_deadline()).min()
    }

    /// How long it takes to make these ready, ms: 1, or 1,000 for what begins with `slow-`, like a file far away, or 15,000
    /// for what begins with `late-`.
    pub(crate) fn delay_ms(urls: &[String]) -> u64 {
        let begins = |word: &str| urls.iter().any(|url| url.starts_with(word));
        match (begins("late-"), begins("slow-")) {
            (true, _) => 15_000,
            (_, true) => 1_000,
            _ => 1,
        }
    }

    /// Speech of this World is a tone: a text `tone:<hz>:<ms>` sounds so, `fail:<why>` cannot be spoken, any other text is
    /// 500 Hz, 50 ms for each letter.
    pub(crate) fn speak(&mut self, speech: &model::Speech) -> SoundOutcome {
        if let Some(why) = speech.text.strip_prefix("fail:") {
            return SoundOutcome { sound: None, skipped: vec![(speech.text.clone(), why.to_owned())] };
        }
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
    let url = url.strip_prefix("slow-").or_else(|| url.strip_prefix("late-")).unwrap_or(url);
    let (hz, ms) = url.strip_prefix("tone:")?.split_once(':')?;
    Some((hz.parse().ok()?, ms.parse().ok()?))
}

fn sine(hz: f64, ms: u64) -> Vec<i16> {
    (0..ms * 8).map(|i| ((std::f64::consts::TAU * hz * i as f64 / 8000.0).sin() * 8000.0) as i16).collect()
}

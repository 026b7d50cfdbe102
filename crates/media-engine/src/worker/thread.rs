//! A worker's thread. Once it runs it makes no system call but wait, receive, send and clock.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread::{Builder, JoinHandle};

use base::{MS, WorkerId};
use media_core::{Op, Port, Worker};
use rtrb::Consumer;

use super::pace::Pace;
use super::shared::slot_of;
use super::{Outlet, WorkerShared};
use crate::config::WorkerHook;
use crate::io::clock::monotonic_ns;
use crate::io::epoll::{self, Ready};
use crate::io::packet::{self, Received};
use crate::io::priority::{self, Priority};
use crate::metrics::ThreadMetrics;

/// Readiness taken up by one wait. Bounds how old `now` gets within a round: about 3 µs each.
const READY_MAX: usize = 64;
/// Instructions taken from one ring in one round, so that packets are not kept waiting.
const OPS_MAX: usize = 64;
/// No audio packet is longer: 60 ms of G.711 are 480 octets. RTCP stays below an Ethernet frame.
const DATAGRAM_MAX: usize = 2_048;
/// How often the numbers are published while there is work.
const PUBLISH_NS: u64 = 5 * MS;

/// Who gives instructions wakes a worker only if it would sleep for longer than this: they are taken up with what is due then,
/// and a wake for each handful would cost more than all that they ask for.
const WAKE_BEYOND_NS: u64 = 5 * MS;
/// A pause shorter than this costs more than it brings.
const GATHER_MIN_NS: u64 = MS / 20;
/// Most receives from a flooded port in one round.
const FLOOD_RECEIVES_MAX: usize = 16;
/// A worker with streams shows life at least so often, even if nothing is due: every silence of 500 ms is an illness.
const SIGN_OF_LIFE_NS: u64 = 100 * MS;

/// Everything a worker's thread needs.
pub(crate) struct WorkerThread {
    pub(crate) shared: Arc<WorkerShared>,
    /// One ring of each control loop, and one of the mover.
    pub(crate) ops: Vec<Consumer<Op>>,
    pub(crate) outlet: Outlet,
    /// How many workers there are.
    pub(crate) workers: u8,
    /// The core it shall have for itself.
    pub(crate) core: Option<usize>,
    pub(crate) hook: Option<WorkerHook>,
    /// See [`crate::EngineConfig::realtime`].
    pub(crate) realtime: bool,
    /// See [`crate::EngineConfig::turn_us`].
    pub(crate) turn_us: u32,
}

/// Starts the thread and waits until it knows its priority; says that and the core it is bound to.
pub(crate) fn spawn(thread: WorkerThread) -> io::Result<(JoinHandle<()>, Priority, Option<usize>)> {
    let WorkerId(number) = thread.shared.id;
    let (told, got) = mpsc::channel();
    let worker = Worker::with_guests(thread.shared.id, thread.shared.slots(), thread.workers);
    let join = Builder::new().name(format!("media-worker-{number}")).spawn(move || {
        let core = thread.core.filter(|core| priority::pin(*core));
        let priority = if thread.realtime { priority::raise() } else { Priority::NotAsked };
        // The engine that started this thread waits for it; should it be gone, its stop flag is set.
        let _ = told.send((priority, core));
        drop(told);
        if let Some(hook) = &thread.hook {
            hook(thread.shared.id);
        }
        Running::new(thread, worker).run();
    })?;
    let (priority, core) = got.recv().map_err(|_| io::Error::other("a media worker ended at its start"))?;
    Ok((join, priority, core))
}

struct Running {
    shared: Arc<WorkerShared>,
    ops: Vec<Consumer<Op>>,
    outlet: Outlet,
    worker: Worker,
    ready: Ready,
    pace: Pace,
    datagram: Vec<u8>,
    /// Counts the rounds, and for each socket the last one in which it had something: by `slot * 2 + port`.
    round: u32,
    last_rounds: Box<[u32]>,
    published_ns: u64,
}

impl Running {
    fn new(thread: WorkerThread, worker: Worker) -> Running {
        let sockets = thread.shared.places().count() as usize * 2;
        Running {
            shared: thread.shared,
            ops: thread.ops,
            outlet: thread.outlet,
            worker,
            ready: Ready::with_capacity(READY_MAX),
            pace: Pace::new(thread.turn_us),
            datagram: vec![0; DATAGRAM_MAX],
            round: 0,
            last_rounds: vec![0; sockets].into_boxed_slice(),
            published_ns: 0,
        }
    }

    fn run(mut self) {
        while !self.shared.is_stopped() {
            // Read anew before and after each wait: a round with many packets would make the next tick late by its own length.
            self.wait(monotonic_ns());
            let now_ns = monotonic_ns();
            self.pace.round(now_ns, self.ready.len() as u64);
            let has_given = self.apply(now_ns);
            self.receive(now_ns, has_given);
            if self.worker.next_tick_ns().is_some_and(|due_ns| due_ns <= now_ns) {
                self.worker.tick(now_ns, &mut self.outlet);
            }
            self.outlet.ring_for_news();
        }
        self.publish(monotonic_ns());
    }

    fn wait(&mut self, now_ns: u64) {
        let due_ns = self.worker.next_tick_ns();
        if due_ns.is_none_or(|due_ns| due_ns > now_ns + PUBLISH_NS) || now_ns >= self.published_ns + PUBLISH_NS {
            self.publish(now_ns);
        }
        let now_ns = self.gather(now_ns, due_ns);
        self.shared.begin_wait(now_ns, due_ns.is_none_or(|due_ns| due_ns > now_ns + WAKE_BEYOND_NS));
        let timeout_ns = match due_ns {
            _ if self.has_instructions() || self.shared.is_stopped() => Some(0),
            Some(due_ns) => Some(due_ns.saturating_sub(now_ns).min(SIGN_OF_LIFE_NS)),
            None => None,
        };
        self.outlet.numbers.rounds += 1;
        if self.shared.epoll.wait(&mut self.ready, timeout_ns).is_err() {
            self.outlet.numbers.wait_errors += 1;
        }
        self.shared.end_wait();
    }

    /// Under load, lets packets gather until the turn is over or something is due; says what time it is then.
    fn gather(&self, now_ns: u64, due_ns: Option<u64>) -> u64 {
        // All room was needed: there may be more, and they have waited for a turn already.
        if self.ready.len() == READY_MAX {
            return now_ns;
        }
        let until_due_ns = due_ns.map_or(u64::MAX, |due_ns| due_ns.saturating_sub(now_ns));
        let gather_ns = self.pace.gather_ns(now_ns).min(until_due_ns);
        if gather_ns < GATHER_MIN_NS {
            return now_ns;
        }
        epoll::pause(gather_ns);
        monotonic_ns()
    }

    fn has_instructions(&self) -> bool {
        self.worker.accepts_ops() && self.ops.iter().any(|ring| !ring.is_empty())
    }

    /// Says whether a stream was given to another worker.
    fn apply(&mut self, now_ns: u64) -> bool {
        let mut has_given = false;
        for ring in &mut self.ops {
            for _ in 0..OPS_MAX {
                if !self.worker.accepts_ops() {
                    return has_given;
                }
                let Ok(op) = ring.pop() else { break };
                has_given |= matches!(op, Op::HandOver(_));
                self.worker.apply(now_ns, op, &mut self.outlet);
            }
        }
        has_given
    }

    /// One receive for each socket that is ready: what has more is reported again by the next wait.
    /// `has_given`: a stream has left in this round, after the wait that has found its packets. They are its new worker's; its
    /// sockets are not watched here any more. Whoever else is passed over with it is reported again.
    fn receive(&mut self, now_ns: u64, has_given: bool) {
        self.round = self.round.wrapping_add(1);
        for at in 0..self.ready.len() {
            if let Some((slot, _)) = slot_of(self.ready.token(at)) {
                self.worker.touch(slot);
            }
        }
        for at in 0..self.ready.len() {
            let Some((slot, port)) = slot_of(self.ready.token(at)) else { continue };
            if has_given && !self.worker.serves(slot) {
                continue;
            }
            let Some(fd) = self.shared.socket(slot, port) else { continue };
            let most = self.receives_due(slot, port);
            for _ in 0..most {
                if !self.receive_one(now_ns, fd, slot, port) {
                    break;
                }
            }
        }
    }

    /// A port that has something in two rounds running is being flooded, since a stream sends every 10 ms at most. Where
    /// rounds are a turn apart, one receive in each would leave the flood in the socket and lose the call's own packets.
    fn receives_due(&mut self, slot: u32, port: Port) -> usize {
        let at = slot as usize * 2 + usize::from(port == Port::Rtcp);
        let Some(last_round) = self.last_rounds.get_mut(at) else { return 1 };
        let flooded = std::mem::replace(last_round, self.round) == self.round.wrapping_sub(1);
        if flooded && self.pace.is_busy() { FLOOD_RECEIVES_MAX } else { 1 }
    }

    /// False: the socket had nothing, or nothing of use.
    fn receive_one(&mut self, now_ns: u64, fd: RawFd, slot: u32, port: Port) -> bool {
        let numbers: &mut ThreadMetrics = &mut self.outlet.numbers;
        match packet::receive(fd, &mut self.datagram) {
            Received::Datagram(length, from) => {
                numbers.datagrams_in += 1;
                self.worker.receive(now_ns, slot, port, &self.datagram[..length], from, &mut self.outlet);
                return true;
            }
            Received::Oversized => numbers.receive_oversized += 1,
            Received::Refused => numbers.receive_refused += 1,
            Received::Nothing => numbers.receive_empty += 1,
            Received::Failed => numbers.receive_failed += 1,
        }
        false
    }

    fn publish(&mut self, now_ns: u64) {
        self.published_ns = now_ns;
        self.shared.publish(self.worker.counters());
        self.shared.thread.publish(&self.outlet.numbers);
    }
}

//! A control loop's end of the engine.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use base::{LoopId, MS, WorkerId};
use crossbeam_channel::Sender;
use media_core::{Command, Event, Journey, Op, PortLease};
use rtrb::{Producer, PushError};

use crate::inbox::{FromEngine, SoundRequest};
use crate::io::clock::monotonic_ns;
use crate::io::wake::Bell;
use crate::metrics::{LiveLoop, add, set};
use crate::ports::PoolRequest;
use crate::recording::Recordings;
use crate::sound::Sounds;
use crate::whereabouts::Whereabouts;
use crate::worker::WorkerShared;

/// A worker that has something to do and has not shown life for this long is silent (design, section 1, back-pressure).
const SILENT_NS: u64 = 500 * MS;

/// Sends commands to the workers and asks the helper threads for ports and sounds. One per control loop, owned by the thread
/// that drives it. No method waits.
pub struct EngineHandle {
    pub(crate) owner: LoopId,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) whereabouts: Whereabouts,
    pub(crate) pool: Sender<PoolRequest>,
    pub(crate) sounds: Arc<Sounds>,
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) answers: Sender<(LoopId, FromEngine)>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) live: Arc<LiveLoop>,
}

/// The way to one worker.
pub(crate) struct Lane {
    shared: Arc<WorkerShared>,
    ring: Producer<Op>,
    /// What did not fit into the ring, in order. Its bound is that of the commands that control may have outstanding.
    outbox: VecDeque<Op>,
    /// Something was put into the ring since the worker was last told.
    news: bool,
    /// When the ring was last found empty before something was put into it.
    waiting_since_ns: u64,
}

impl Lane {
    pub(crate) fn new(shared: Arc<WorkerShared>, ring: Producer<Op>) -> Lane {
        Lane { shared, ring, outbox: VecDeque::new(), news: false, waiting_since_ns: 0 }
    }

    /// Commands in the ring.
    fn ring_len(&self) -> usize {
        self.ring.buffer().capacity() - self.ring.slots()
    }

    fn is_ring_empty(&self) -> bool {
        self.ring_len() == 0
    }

    #[expect(
        clippy::result_large_err,
        reason = "what does not fit comes back as it was; a box would be one more allocation"
    )]
    fn push(&mut self, now_ns: u64, op: Op) -> Result<(), Op> {
        if self.is_ring_empty() {
            self.waiting_since_ns = now_ns;
        }
        match self.ring.push(op) {
            Ok(()) => {
                self.news = true;
                Ok(())
            }
            Err(PushError::Full(op)) => Err(op),
        }
    }

    /// Moves what waits into the ring and wakes the worker if it has news; says how much still waits.
    fn flush(&mut self) -> usize {
        while let Some(op) = self.outbox.pop_front() {
            // The ring was not empty while something waited, so the time of the first one stands.
            match self.ring.push(op) {
                Ok(()) => self.news = true,
                Err(PushError::Full(op)) => {
                    self.outbox.push_front(op);
                    break;
                }
            }
        }
        if self.news {
            self.news = false;
            self.shared.wake_if_asleep();
        }
        self.outbox.len()
    }

    fn is_silent(&self, now_ns: u64) -> bool {
        let shown_ns = self.shared.last_round_ns();
        let has_instructions = !self.is_ring_empty() || !self.outbox.is_empty();
        if has_instructions {
            return now_ns.saturating_sub(shown_ns.max(self.waiting_since_ns)) > SILENT_NS;
        }
        self.shared.open_streams() > 0 && now_ns.saturating_sub(shown_ns) > SILENT_NS
    }
}

impl EngineHandle {
    /// The loop that this handle belongs to.
    pub fn owner(&self) -> LoopId {
        self.owner
    }

    /// Gives a command to the worker of its stream or room. It is never dropped: what does not fit into the worker's ring waits here, in
    /// order, and so does what is for a stream that is being moved to another worker. The worker is woken by
    /// [`EngineHandle::flush`]. `now_ns` is of [`crate::monotonic_ns`].
    pub fn send(&mut self, now_ns: u64, command: Command) {
        add(&self.live.commands, 1);
        if let Some(command) = self.whereabouts.hold(command) {
            self.dispatch(now_ns, command);
        }
    }

    /// The stream is where it is: the command goes there, or the stream must go first.
    fn dispatch(&mut self, now_ns: u64, command: Command) {
        let worker = match (command.stream(), command.room()) {
            (Some(stream), _) => self.whereabouts.worker(stream),
            (None, room) => room.map_or(WorkerId::default(), |room| room.worker),
        };
        match command {
            Command::JoinRoom { stream, room, .. } if usize::from(room.worker.0) >= self.lanes.len() => {
                tracing::error!(?room, "a room on a worker that does not exist");
                add(&self.live.commands_to_nobody, 1);
                self.answer(FromEngine::Media(Event::RoomRefused { stream, room }));
            }
            Command::JoinRoom { stream, room, .. } if room.worker != worker => {
                self.whereabouts.set_out(now_ns, stream, command);
                add(&self.live.moves, 1);
                self.push(now_ns, worker, Op::Move(Journey { stream, owner: self.owner, to: room.worker }));
            }
            command => {
                if let Command::Close { stream } = command {
                    self.whereabouts.forget(stream);
                }
                let find = |sound| self.sounds.find(sound, now_ns);
                let op = Op::resolve(command, self.owner, find, |request| self.recordings.start(request));
                self.push(now_ns, worker, op);
            }
        }
    }

    fn push(&mut self, now_ns: u64, worker: WorkerId, op: Op) {
        let Some(lane) = self.lanes.get_mut(usize::from(worker.0)) else {
            tracing::error!(?op, "a command for a worker that does not exist");
            add(&self.live.commands_to_nobody, 1);
            return;
        };
        let op = if lane.outbox.is_empty() { lane.push(now_ns, op) } else { Err(op) };
        if let Err(op) = op {
            lane.outbox.push_back(op);
            self.live.outbox.fetch_add(1, Ordering::Relaxed);
            add(&self.live.outbox_total, 1);
        }
    }

    /// Streams have arrived at other workers: what was held for them goes there.
    fn take_arrivals(&mut self) {
        while let Ok(arrival) = self.whereabouts.arrivals.try_recv() {
            let Some((took_ns, held)) = self.whereabouts.arrived(&arrival) else { continue };
            if arrival.has_moved {
                add(&self.live.move_us, took_ns / 1_000);
            } else {
                add(&self.live.moves_refused, 1);
            }
            let now_ns = monotonic_ns();
            for command in held {
                // Of a stream that could not go, since there is none, a join would only try again.
                let is_vain = !arrival.has_moved && matches!(command, Command::JoinRoom { .. });
                if !is_vain && let Some(command) = self.whereabouts.hold(command) {
                    self.dispatch(now_ns, command);
                }
            }
        }
    }

    /// To be called when a burst of commands is over: wakes the workers, once each, and moves on what waits. Says whether
    /// something still waits, or a stream is being moved; then it is to be called again within some milliseconds.
    pub fn flush(&mut self) -> bool {
        self.take_arrivals();
        let waiting = self.lanes.iter_mut().map(Lane::flush).sum();
        set(&self.live.outbox, waiting);
        set(&self.live.ring, self.lanes.iter().map(Lane::ring_len).sum());
        set(&self.live.moving, self.whereabouts.moving());
        set(&self.live.held, self.whereabouts.held());
        waiting > 0 || self.whereabouts.moving() > 0
    }

    /// Says something to its own loop, by the way on which everything comes.
    fn answer(&self, answer: FromEngine) {
        let _ = self.answers.send((self.owner, answer));
        self.bell.ring();
    }

    /// Commands that wait because a worker's ring is full.
    pub fn outbox_len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.outbox.len()).sum()
    }

    /// Asks for `count` port pairs of an address family. Each call is answered by exactly one [`FromEngine::Ports`], with fewer
    /// or none if there are no more.
    pub fn want_ports(&mut self, ipv6: bool, count: usize) {
        // Only fails when the engine has ended.
        let _ = self.pool.send(PoolRequest::Want { owner: self.owner, ipv6, count });
    }

    /// Gives back a lease for which no stream was ever opened. Streams that were opened give theirs back when they close.
    pub fn return_ports(&mut self, lease: PortLease) {
        let _ = self.pool.send(PoolRequest::Release { stream: lease.stream, at: usize::from(lease.stream.worker.0) });
    }

    /// Has a sound made ready. Each call is answered by exactly one [`FromEngine::Sound`], unless it is
    /// forgotten.
    pub fn prepare_sound(&mut self, request: SoundRequest) {
        let Err(token) = self.sounds.request(self.owner, request) else { return };
        add(&self.live.sounds_refused, 1);
        let answer =
            FromEngine::Sound { token, result: Err("too many sounds are being asked for".into()), skipped: Vec::new() };
        self.answer(answer);
    }

    /// A sound that was asked for is not wanted any more: there is no answer to it, unless that is on its way, and what is fetched for
    /// nobody else is given up.
    pub fn forget_sound(&mut self, token: u128) {
        self.sounds.forget(self.owner, token);
    }

    /// Whether a worker that has something to do has not shown life for 500 ms: then no new calls should be taken.
    pub fn worker_silent(&self, now_ns: u64) -> bool {
        self.lanes.iter().any(|lane| lane.is_silent(now_ns))
    }
}

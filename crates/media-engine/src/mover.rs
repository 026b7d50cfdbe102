//! Carries streams from one worker to another: a part of the facts thread, which hears what the workers say about it
//! ([`media_core::Transit`]). A stream's sockets stay the port pool's; which worker watches them is changed here.
//!
//! ```text
//!   Wanted   ► take the sockets out of the old worker's epoll set, ask for the stream (Op::HandOver)
//!   Underway ► show the sockets to the new worker, give it the stream (Op::Arrive)
//!   Arrived  ► put the sockets into the new worker's epoll set, tell the control loop
//! ```
//!
//! From the first step to the last, packets wait in the sockets; the stream itself misses the time from the second to the third.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;

use base::StreamId;
use crossbeam_channel::Sender;
use media_core::{Journey, Op, Port, Transit};
use rtrb::{Producer, PushError};

use crate::io::clock::monotonic_ns;
use crate::worker::{WorkerShared, token};

/// Instructions of the mover that fit into a worker's ring; what does not fit waits here.
pub(crate) const RING: usize = 256;

/// The end of a journey, for the control loop that wanted it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) journey: Journey,
    /// Where it is now; false: it never was where it should have left from.
    pub(crate) has_moved: bool,
    pub(crate) at_ns: u64,
}

/// The way to one worker.
pub(crate) struct MoverLane {
    pub(crate) shared: Arc<WorkerShared>,
    pub(crate) ring: Producer<Op>,
    /// What did not fit. Bounded by the streams: each is on one journey at a time.
    pub(crate) outbox: VecDeque<Op>,
}

/// Everything that is needed to move a stream.
pub(crate) struct Mover {
    pub(crate) lanes: Vec<MoverLane>,
    /// By control loop. Each holds one message of each of its streams at most.
    pub(crate) arrivals: Vec<Sender<Arrival>>,
}

/// A stream's sockets as one worker sees them.
struct Sockets<'a> {
    shared: &'a WorkerShared,
    place: u32,
    rtp: RawFd,
    rtcp: RawFd,
}

impl Mover {
    /// Takes the next step of a journey of which worker number `at` says that.
    pub(crate) fn transit(&mut self, at: usize, transit: Transit) {
        match transit {
            Transit::Wanted(journey) => {
                self.unwatch(at, journey.stream);
                self.push(at, Op::HandOver(journey));
            }
            Transit::Refused(journey) => self.tell(journey, false),
            Transit::Underway(journey, slot) => {
                let to = usize::from(journey.to.0);
                self.show(at, to, journey.stream);
                self.push(to, Op::Arrive { journey, slot });
            }
            Transit::Arrived(journey) => {
                self.watch(at, journey.stream);
                self.tell(journey, true);
            }
        }
    }

    /// A stream was closed by worker number `at`. If that was not its own worker, it hears and sees the sockets no more.
    pub(crate) fn closed(&mut self, at: usize, stream: StreamId) {
        if self.is_guest(at, stream) {
            self.unwatch(at, stream);
            self.hide(at, stream);
        }
    }

    /// Moves on what waits; true if there was something.
    pub(crate) fn flush(&mut self) -> bool {
        let mut found = false;
        for lane in &mut self.lanes {
            while let Some(op) = lane.outbox.pop_front() {
                if let Err(PushError::Full(op)) = lane.ring.push(op) {
                    lane.outbox.push_front(op);
                    break;
                }
                found = true;
                lane.shared.wake_if_asleep();
            }
        }
        found
    }

    /// Whether something waits for a worker that does not take it at present.
    pub(crate) fn is_waiting(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.outbox.is_empty())
    }

    fn push(&mut self, to: usize, op: Op) {
        // Whoever named a worker that does not exist was refused by the handle.
        let Some(lane) = self.lanes.get_mut(to) else { return };
        lane.outbox.push_back(op);
        self.flush();
    }

    fn tell(&mut self, journey: Journey, has_moved: bool) {
        if let Some(arrivals) = self.arrivals.get(usize::from(journey.owner.0)) {
            // Only fails when the loop has ended.
            let _ = arrivals.send(Arrival { journey, has_moved, at_ns: monotonic_ns() });
        }
    }

    fn is_guest(&self, at: usize, stream: StreamId) -> bool {
        self.lanes.get(at).is_some_and(|lane| lane.shared.id != stream.worker)
    }

    /// The sockets' numbers, and the place of the stream in the table of worker number `at`.
    fn sockets(&self, at: usize, stream: StreamId) -> Option<Sockets<'_>> {
        let shared = &self.lanes.get(at)?.shared;
        let place = shared.places().place(stream)?;
        let (rtp, rtcp) = (shared.socket(place, Port::Rtp)?, shared.socket(place, Port::Rtcp)?);
        Some(Sockets { shared, place, rtp, rtcp })
    }

    fn watch(&self, at: usize, stream: StreamId) {
        let Some(sockets) = self.sockets(at, stream) else { return };
        for (port, fd) in [(Port::Rtp, sockets.rtp), (Port::Rtcp, sockets.rtcp)] {
            if let Err(error) = sockets.shared.epoll.add(fd, token(sockets.place, port)) {
                tracing::error!(%error, ?stream, "the socket of a moved stream cannot be watched: it hears nothing any more");
            }
        }
    }

    fn unwatch(&self, at: usize, stream: StreamId) {
        let Some(sockets) = self.sockets(at, stream) else { return };
        for fd in [sockets.rtp, sockets.rtcp] {
            if let Err(error) = sockets.shared.epoll.remove(fd) {
                tracing::error!(%error, ?stream, "the socket of a stream cannot be taken out of its epoll set");
            }
        }
    }

    /// Shows a stream's sockets to another worker. A guest's old worker sees them no more; its own one may keep them.
    fn show(&self, from: usize, to: usize, stream: StreamId) {
        let Some(Sockets { rtp, rtcp, .. }) = self.sockets(from, stream) else { return };
        if let Some(lane) = self.lanes.get(to)
            && let Some(place) = lane.shared.places().place(stream)
        {
            lane.shared.set_sockets(place, rtp, rtcp);
        }
        if self.is_guest(from, stream) {
            self.hide(from, stream);
        }
    }

    fn hide(&self, at: usize, stream: StreamId) {
        if let Some(lane) = self.lanes.get(at)
            && let Some(place) = lane.shared.places().place(stream)
        {
            lane.shared.set_sockets(place, -1, -1);
        }
    }
}

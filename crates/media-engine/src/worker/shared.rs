//! What other threads see of a worker: its epoll set, its waker, its table of sockets, its heartbeat and its numbers.

use std::io;
use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering, fence};

use base::WorkerId;
use media_core::{Places, Port, WorkerCounters};

use crate::io::epoll::Epoll;
use crate::io::wake::Waker;
use crate::metrics::{LiveThread, WorkerMetrics};

/// The token of the waker in the epoll set; no slot has it.
pub(crate) const WAKER_TOKEN: u64 = u64::MAX;

/// One worker as the port pool, the handles and the exporter see it.
pub(crate) struct WorkerShared {
    pub(crate) id: WorkerId,
    slots: u32,
    places: Places,
    pub(crate) epoll: Epoll,
    waker: Waker,
    /// The worker waits, or is about to, and not only for a few milliseconds: who has news must wake it.
    asleep: AtomicBool,
    stop: AtomicBool,
    /// Counts waits: what the worker learned from earlier ones it has dealt with when this moves on.
    round: AtomicU64,
    /// When it last went to wait, `CLOCK_MONOTONIC` ns.
    last_round_ns: AtomicU64,
    sockets: Box<[SlotSockets]>,
    streams: [AtomicU64; WorkerCounters::COUNT],
    pub(crate) thread: LiveThread,
}

/// The two sockets of a place, -1 without. Those of the worker's own slots belong to the port pool, which changes them only while
/// the worker cannot use them: before the slot's first lease, and after [`WorkerShared::round`] has moved on past the removal
/// from the epoll set. Those of guests are set and cleared by the mover, before the stream comes and after it has gone.
struct SlotSockets {
    rtp: AtomicI32,
    rtcp: AtomicI32,
}

impl WorkerShared {
    /// A worker without guests.
    #[cfg(test)]
    pub(crate) fn new(id: WorkerId, slots: u32) -> io::Result<WorkerShared> {
        WorkerShared::with_guests(id, slots, 1)
    }

    /// One of `workers` workers that have `slots` slots each.
    pub(crate) fn with_guests(id: WorkerId, slots: u32, workers: u8) -> io::Result<WorkerShared> {
        let places = Places::new(id, slots, workers);
        let epoll = Epoll::new()?;
        let waker = Waker::new()?;
        epoll.add_waker(waker.as_raw_fd(), WAKER_TOKEN)?;
        Ok(WorkerShared {
            id,
            slots,
            places,
            epoll,
            waker,
            asleep: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            round: AtomicU64::new(0),
            last_round_ns: AtomicU64::new(0),
            sockets: (0..places.count())
                .map(|_| SlotSockets { rtp: AtomicI32::new(-1), rtcp: AtomicI32::new(-1) })
                .collect(),
            streams: [const { AtomicU64::new(0) }; WorkerCounters::COUNT],
            thread: LiveThread::default(),
        })
    }

    // For the worker itself.

    /// A wait begins. News that comes from here on wakes if `wants_waking`, else it is found when the wait is over; the caller
    /// looks once more for news that came before.
    pub(crate) fn begin_wait(&self, now_ns: u64, wants_waking: bool) {
        self.last_round_ns.store(now_ns, Ordering::Relaxed);
        // Release: whoever sees the new round also sees that the worker is done with the old one's sockets.
        self.round.fetch_add(1, Ordering::SeqCst);
        self.asleep.store(wants_waking, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// The wait is over.
    pub(crate) fn end_wait(&self) {
        self.asleep.store(false, Ordering::Relaxed);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The socket of a slot, if it has one.
    pub(crate) fn socket(&self, slot: u32, port: Port) -> Option<RawFd> {
        let sockets = self.sockets.get(slot as usize)?;
        let fd = match port {
            Port::Rtp => sockets.rtp.load(Ordering::Relaxed),
            Port::Rtcp => sockets.rtcp.load(Ordering::Relaxed),
        };
        (fd >= 0).then_some(fd)
    }

    pub(crate) fn publish(&self, counters: &WorkerCounters) {
        for (live, value) in self.streams.iter().zip(counters.values()) {
            live.store(value, Ordering::Relaxed);
        }
    }

    // For the others.

    /// Wakes the worker if it waits. To be called after the news is where the worker looks for it.
    pub(crate) fn wake_if_asleep(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::SeqCst) {
            self.waker.wake();
        }
    }

    /// Wakes the worker in any case.
    pub(crate) fn wake(&self) {
        self.waker.wake();
    }

    /// Tells the thread to end.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
        self.waker.wake();
    }

    /// Slots of its own.
    pub(crate) fn slots(&self) -> u32 {
        self.slots
    }

    /// The order of its table.
    pub(crate) fn places(&self) -> Places {
        self.places
    }

    /// Gives a place its sockets, or takes them away by -1.
    pub(crate) fn set_sockets(&self, slot: u32, rtp: RawFd, rtcp: RawFd) {
        if let Some(sockets) = self.sockets.get(slot as usize) {
            sockets.rtp.store(rtp, Ordering::Release);
            sockets.rtcp.store(rtcp, Ordering::Release);
        }
    }

    pub(crate) fn round(&self) -> u64 {
        self.round.load(Ordering::SeqCst)
    }

    pub(crate) fn last_round_ns(&self) -> u64 {
        self.last_round_ns.load(Ordering::Relaxed)
    }

    /// Streams in service, as of some milliseconds ago. The first of the worker's numbers.
    pub(crate) fn open_streams(&self) -> u64 {
        self.streams[0].load(Ordering::Relaxed)
    }

    pub(crate) fn metrics(&self) -> WorkerMetrics {
        WorkerMetrics {
            worker: self.id,
            thread: self.thread.read(),
            streams: std::array::from_fn(|at| self.streams[at].load(Ordering::Relaxed)),
        }
    }
}

/// The token of a slot's socket in the epoll set.
pub(crate) fn token(slot: u32, port: Port) -> u64 {
    u64::from(slot) << 1 | u64::from(port == Port::Rtcp)
}

/// The inverse of [`token`]; none for the waker's.
pub(crate) fn slot_of(token: u64) -> Option<(u32, Port)> {
    let slot = u32::try_from(token >> 1).ok()?;
    Some((slot, if token & 1 == 0 { Port::Rtp } else { Port::Rtcp }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_name_slot_and_port_and_never_the_waker() {
        for slot in [0, 1, 4_999, u32::MAX] {
            for port in [Port::Rtp, Port::Rtcp] {
                assert_eq!(slot_of(token(slot, port)), Some((slot, port)));
            }
        }
        assert_eq!(slot_of(WAKER_TOKEN), None);
    }

    #[test]
    fn the_first_number_is_the_open_streams() {
        assert_eq!(WorkerCounters::NAMES[0], "open_streams");
        let shared = WorkerShared::new(WorkerId(0), 1).unwrap();
        shared.publish(&WorkerCounters { open_streams: 5, ..WorkerCounters::default() });
        assert_eq!(shared.open_streams(), 5);
    }
}

//! The thread of the port pool: the only one that opens and closes RTP sockets.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use base::{LoopId, StreamId};
use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::pool::Pool;
use super::range::PortRange;
use crate::config::PortConfig;
use crate::inbox::{Deliver, FromEngine};
use crate::io::clock::monotonic_ns;

/// How long the thread lets requests gather.
const GATHER: Duration = Duration::from_millis(10);

/// Descriptors that are left to the rest of the process when the pool takes what it needs.
const DESCRIPTORS_LEFT: u64 = 256;

/// What the pool is asked for. The queue needs no bound of its own: a loop has one `Want` at a time, and there are never more
/// `Release`s than pairs.
#[derive(Debug)]
pub(crate) enum PoolRequest {
    /// Lease so many pairs to a loop.
    Want {
        /// Who gets them.
        owner: LoopId,
        /// Of which address family.
        ipv6: bool,
        /// How many.
        count: usize,
    },
    /// The stream is closed, or was never opened.
    Release {
        /// Which one.
        stream: StreamId,
        /// Number of the worker that has served it last. If that is not its own one, the sockets are watched by nobody.
        at: usize,
    },
    /// End.
    Stop,
}

/// Everything that the thread needs.
pub(crate) struct PoolThread {
    pub(crate) pool: Pool,
    pub(crate) requests: Receiver<PoolRequest>,
    pub(crate) deliver: Arc<Deliver>,
}

/// How many pairs there can be: by the range and address families, and by the limit on open descriptors.
pub(crate) fn pairs_possible(config: &PortConfig, descriptor_limit: u64) -> usize {
    let families = usize::from(config.ipv4.is_some()) + usize::from(config.ipv6.is_some());
    let by_range = PortRange::new(config.first, config.last).len() * families;
    let by_limit = descriptor_limit.saturating_sub(DESCRIPTORS_LEFT) / 2;
    by_range.min(usize::try_from(by_limit).unwrap_or(usize::MAX))
}

/// Starts the thread.
pub(crate) fn spawn(thread: PoolThread) -> io::Result<JoinHandle<()>> {
    Builder::new().name("media-ports".into()).spawn(move || run(thread))
}

fn run(thread: PoolThread) {
    let PoolThread { mut pool, requests, deliver } = thread;
    loop {
        let now_ns = monotonic_ns();
        pool.tend(now_ns);
        let rest_ns = pool.next_deadline().map_or(base::SECOND, |due_ns| due_ns.saturating_sub(now_ns));
        let mut next = match requests.recv_timeout(Duration::from_nanos(rest_ns)) {
            Ok(request) => Some(request),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => return,
        };
        // What calls give back rests for seconds and what they want is a stock: nobody waits for these few milliseconds, and
        // one wake for all that they bring costs less than one for each.
        std::thread::sleep(GATHER);
        while let Some(request) = next {
            let now_ns = monotonic_ns();
            match request {
                PoolRequest::Want { owner, ipv6, count } => {
                    let leases = pool.lease(ipv6, count, now_ns);
                    deliver(owner, FromEngine::Ports { ipv6, leases });
                }
                PoolRequest::Release { stream, at } => pool.release(stream, at, now_ns),
                PoolRequest::Stop => return,
            }
            next = requests.try_recv().ok();
        }
    }
}

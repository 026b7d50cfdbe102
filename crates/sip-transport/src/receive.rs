//! The thread that reads one listener.
//!
//! A plain thread that sleeps in poll(2) and reads in batches, rather than a task of an asynchronous runtime: it needs no
//! reactor in between, no other task can hold it up, it has a name of its own in profiles, and there are only as many as
//! listeners. All of them read one socket each, where batches fill under load, unlike the ports of calls.

use std::io::PipeReader;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base::Turns;
use bytes::Bytes;
use sip_core::{Hop, Transport};

use crate::listener::Listener;
use crate::metrics::add;
use crate::sys::{Batch, Datagram, wait_readable};

/// What is done with a datagram, on the thread of its listener. It should not wait: meanwhile the kernel's buffer fills.
pub type OnDatagram = Arc<dyn Fn(Bytes, Hop) + Send + Sync>;

/// How long reading rests after an error, so that one that stays does not take a core.
const ERROR_REST: Duration = Duration::from_millis(10);

/// From so many datagrams a second on they are let gather in the kernel's buffer for a turn.
const BUSY_PER_SECOND: u64 = 1_000;
/// One turn: fewer wakes per call are worth more than a few milliseconds of its set-up.
const TURN: Duration = Duration::from_millis(4);

pub(crate) struct Receiver {
    listeners: Arc<[Listener]>,
    number: usize,
    on_datagram: OnDatagram,
    /// The kernel's count at the last datagram; it wraps.
    drops_seen: u32,
}

impl Receiver {
    pub(crate) fn new(listeners: Arc<[Listener]>, number: usize, on_datagram: OnDatagram) -> Receiver {
        Receiver { listeners, number, on_datagram, drops_seen: 0 }
    }

    /// Reads until the other end of `ended` is closed.
    pub(crate) fn run(mut self, ended: &PipeReader) {
        let listeners = self.listeners.clone();
        let listener = &listeners[self.number];
        let mut batch = Batch::new();
        let mut turns = Turns::from_rate(BUSY_PER_SECOND);
        let started = Instant::now();
        loop {
            match wait_readable(&listener.socket, ended) {
                Ok(ready) if ready.ended => return,
                Ok(_) => {}
                Err(_) => self.rest(listener),
            }
            match batch.receive(&listener.socket) {
                Ok(count) => {
                    (0..count).for_each(|place| self.take(listener, batch.datagram(place)));
                    let now_ns = started.elapsed().as_nanos() as u64;
                    if turns.after(now_ns, count as u64) && count < Batch::LENGTH {
                        std::thread::sleep(TURN);
                    }
                }
                Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EINTR)) => {}
                Err(_) => self.rest(listener),
            }
        }
    }

    fn rest(&self, listener: &Listener) {
        add(&listener.metrics.receive_errors, 1);
        std::thread::sleep(ERROR_REST);
    }

    fn take(&mut self, listener: &Listener, datagram: Datagram<'_>) {
        let metrics = &listener.metrics;
        if let Some(drops) = datagram.drops {
            add(&metrics.kernel_drops, drops.wrapping_sub(self.drops_seen).into());
            self.drops_seen = drops;
        }
        let Some(remote) = datagram.remote else {
            add(&metrics.receive_errors, 1);
            return;
        };
        add(&metrics.received_datagrams, 1);
        add(&metrics.received_bytes, datagram.bytes.len() as u64);
        let bound = listener.bound.address;
        let local = SocketAddr::new(datagram.local.unwrap_or(bound.ip()), bound.port());
        let hop = Hop { transport: Transport::Udp, listener: self.number as u16, local, remote };
        // A copy of just its size: messages are kept for the length of a transaction, the batch is not.
        let bytes = Bytes::copy_from_slice(datagram.bytes);
        if catch_unwind(AssertUnwindSafe(|| (self.on_datagram)(bytes, hop))).is_err() {
            add(&metrics.handler_panics, 1);
            tracing::error!(%hop, "the handling of a datagram panicked; it is dropped");
        }
    }
}

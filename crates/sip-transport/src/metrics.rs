//! Counters of listeners and connections. Each only grows; they are read without stopping anyone.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What happened on one UDP listener since its start.
#[derive(Debug, Default)]
pub struct UdpMetrics {
    /// Datagrams handed on.
    pub received_datagrams: AtomicU64,
    /// Octets of those.
    pub received_bytes: AtomicU64,
    /// Datagrams that the kernel threw away because we were too slow (SO_RXQ_OVFL). Known when the next datagram arrives.
    pub kernel_drops: AtomicU64,
    /// Receives that failed.
    pub receive_errors: AtomicU64,
    /// Datagrams whose handling panicked.
    pub handler_panics: AtomicU64,
    /// Datagrams that the kernel took.
    pub sent_datagrams: AtomicU64,
    /// Octets of those.
    pub sent_bytes: AtomicU64,
    /// Datagrams not sent because the send buffer was full.
    pub send_would_block: AtomicU64,
    /// Datagrams not sent for another reason: no route, too long, an address that is not ours (any more).
    pub send_errors: AtomicU64,
}

/// What happened on all connections since the start.
#[derive(Debug, Default)]
pub struct ConnectionMetrics {
    /// Connections that were taken or made.
    pub opened: AtomicU64,
    /// Connections turned away because there were as many as there may be, in all or of one address.
    pub refused: AtomicU64,
    /// Messages handed to a connection.
    pub sent_messages: AtomicU64,
    /// Octets of those.
    pub sent_bytes: AtomicU64,
    /// Messages for which no connection was open (any more).
    pub not_open: AtomicU64,
    /// Connections given up because the other side did not read what was sent.
    pub not_read: AtomicU64,
    /// Messages that came over connections.
    pub received_messages: AtomicU64,
    /// Octets of those.
    pub received_bytes: AtomicU64,
    /// Connections closed because what came was no SIP, or of no known length.
    pub broken: AtomicU64,
    /// Connections closed because nothing came for too long, or half a message.
    pub timed_out: AtomicU64,
    /// Connections that could not be accepted: the system had no descriptor, or the like.
    pub accept_errors: AtomicU64,
    /// TLS handshakes that failed or took too long.
    pub handshake_errors: AtomicU64,
    /// Connections that were tried for a message whose own was gone.
    pub dialled: AtomicU64,
    /// Those of them that did not come about.
    pub dial_errors: AtomicU64,
    /// Messages for which there was no way at all.
    pub undelivered: AtomicU64,
}

/// Adds to a counter that nothing is ordered by.
pub(crate) fn add(counter: &AtomicU64, amount: u64) {
    counter.fetch_add(amount, Relaxed);
}

//! Leased port pairs, and which of the two a datagram belongs to.

use base::StreamId;
use serde::{Deserialize, Serialize};

/// One of the two sockets of a stream (RFC 3550 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Port {
    /// The even one: RTP.
    Rtp,
    /// The odd one above it: RTCP.
    Rtcp,
}

/// A bound port pair and the worker's slot that goes with it, lent to control for one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortLease {
    /// The id that the stream of this lease has.
    pub stream: StreamId,
    /// Our RTP port, even; RTCP is one above.
    pub rtp_port: u16,
    /// Whether the pair is bound on IPv6.
    pub ipv6: bool,
}

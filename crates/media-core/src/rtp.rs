//! RTP (RFC 3550 §5): packets, sequence numbers, interarrival jitter.

mod header;
mod jitter;
mod sequence;

pub use header::{Header, Packet, RtpError};
pub use jitter::InterarrivalJitter;
pub use sequence::{Arrival, SequenceTracker};

//! A stream's way from one worker to another. It keeps its id, its slot's sockets and all its state; only who serves it changes.
//!
//! ```text
//!   old worker   Op::Move ──► Wanted            Op::HandOver ──► Underway              new worker   Op::Arrive ──► Arrived
//!   helper                      └► sockets are watched ┘            └► stream, sockets' numbers ──► ┘                 └► sockets
//!                                  by nobody                                                                             are watched
//! ```
//!
//! Between the two, packets wait in the sockets. An instruction that is sent to the new worker after `Arrived` finds the stream.

use base::{LoopId, StreamId, WorkerId};

use crate::Stream;

/// Who goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Journey {
    /// The stream.
    pub stream: StreamId,
    /// The control loop that wants it.
    pub owner: LoopId,
    /// The worker that will serve it.
    pub to: WorkerId,
}

/// What a worker says about a journey, to the helper that carries streams.
#[derive(Debug)]
pub enum Transit {
    /// The stream is ready to go, and served here until it is asked for by [`crate::Op::HandOver`]. Before that its sockets must
    /// not be watched any more, so that nothing is read here for which there is no stream.
    Wanted(Journey),
    /// There is no such stream here: it stays what it is.
    Refused(Journey),
    /// The stream itself.
    Underway(Journey, Box<Stream>),
    /// It is served here now.
    Arrived(Journey),
}

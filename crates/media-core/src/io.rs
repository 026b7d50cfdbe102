//! What a worker needs of the outside: three calls that never block. The engine implements them over sockets and rings,
//! tests over plain vectors.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::LoopId;

use crate::recording::RecorderTap;
use crate::{Event, Member, Port, Room, Sound, Stream, Transit};

/// The outside of a [`crate::Worker`]. No call may block or allocate.
pub trait WorkerIo {
    /// Sends one datagram from the `port` of the stream in place `slot` (see [`crate::Places`]), with the source address `from`. False when the kernel refused it: the
    /// packet counts as a send error and is not tried again.
    fn send(&mut self, slot: u32, port: Port, datagram: &[u8], to: SocketAddr, from: IpAddr) -> bool;

    /// Hands a fact to the control loop `owner`.
    ///
    /// # Errors
    /// The event itself when the ring is full: it stays in the stream's slot and is offered again on a later tick.
    fn event(&mut self, owner: LoopId, event: Event) -> Result<(), Event>;

    /// Hands over what must be freed, so that the worker's thread never frees memory.
    ///
    /// # Errors
    /// The thing itself when the ring is full: the worker keeps it and offers it again on a later tick.
    fn retire(&mut self, retired: Retired) -> Result<(), Retired>;
}

/// What a worker has done with: memory, and streams that leave it.
#[derive(Debug)]
pub enum Retired {
    /// A sound that is not played any more by the stream that held this share of it.
    Sound(Arc<Sound>),
    /// A closed stream (or one that could not be opened).
    Stream(Box<Stream>),
    /// The tap of a recording that is over.
    Tap(Box<dyn RecorderTap>),
    /// A stream's part in a room that it is not in any more, or that refused it.
    Member(Box<Member>),
    /// A room that is empty, or that was not needed.
    Room(Box<Room>),
    /// Nothing to be freed, but what goes to another worker takes the same way.
    Transit(Transit),
}

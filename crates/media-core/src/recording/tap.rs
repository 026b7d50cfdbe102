//! The worker's side of a recording.

use std::fmt::Debug;

use super::Track;
use crate::Codec;

/// Takes a stream's packets, or a room's mix, to whoever records. Made and freed outside of the worker's thread; in between the
/// worker calls it, so nothing here may allocate, lock, wait or make a system call. What cannot be taken at once is dropped and counted.
///
/// A tap that is dropped without [`RecorderTap::end`] ends its recording like [`TapEnd::StreamClosed`].
pub trait RecorderTap: Debug + Send {
    /// The recording begins at `now_ns`: media time 0 of its tracks.
    fn begin(&mut self, now_ns: u64);

    /// One packet of audio that has arrived or was sent, or the mix of one tick. False: nobody takes it, the recording has ended by
    /// itself. That may be noticed some packets late.
    fn packet(&mut self, packet: &TapPacket<'_>) -> bool;

    /// Reads what [`RecorderTap::packet`] will read, so that it is in the cache then. The value means nothing.
    fn touch(&self) -> u64 {
        0
    }

    /// Nothing more will come; it ended at `now_ns`.
    fn end(&mut self, now_ns: u64, end: TapEnd);

    /// Nobody takes what is handed over any more: the recording has ended by itself.
    fn is_over(&self) -> bool;
}

/// Why a worker ends a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TapEnd {
    /// It was told to.
    Stopped,
    /// The stream is closed, or was not there.
    StreamClosed,
    /// Another recording runs on the stream or in the room: this one does not begin.
    Busy,
    /// The worker has no place for another room: this one does not begin.
    NoPlace,
}

/// One packet of audio.
#[derive(Clone, Copy, Debug)]
pub struct TapPacket<'a> {
    /// Which way it went.
    pub track: Track,
    /// When.
    pub now_ns: u64,
    /// RTP timestamp of its first sample.
    pub timestamp: u32,
    /// Timestamps before this one belong to another source and mean nothing any more.
    pub source_changed: bool,
    /// How the samples stand in the payload.
    pub coding: Coding,
    /// The samples.
    pub payload: &'a [u8],
}

/// How samples are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// As they came or went: one octet a sample.
    G711(Codec),
    /// Linear, 16 bit, two octets a sample, the lower one first.
    Linear,
}

impl Coding {
    /// Octets of a sample.
    pub fn octets(self) -> usize {
        match self {
            Coding::G711(_) => 1,
            Coding::Linear => 2,
        }
    }
}

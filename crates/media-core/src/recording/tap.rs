//! The worker's side of a recording.

use std::fmt::Debug;

use super::Track;
use crate::Codec;

/// Takes a stream's packets to whoever records. Made and freed outside of the worker's thread; in between the worker calls it, so
/// nothing here may allocate, lock, wait or make a system call. What cannot be taken at once is dropped and counted.
///
/// A tap that is dropped without [`RecorderTap::end`] ends its recording like [`TapEnd::StreamClosed`].
pub trait RecorderTap: Debug + Send {
    /// The recording begins at `now_ns`: media time 0 of both tracks.
    fn begin(&mut self, now_ns: u64);

    /// One packet of audio that has arrived or was sent. False: nobody takes it, the recording has ended by itself. That may be
    /// noticed some packets late.
    fn packet(&mut self, packet: &TapPacket<'_>) -> bool;

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
    /// Another recording runs on the stream: this one does not begin.
    Busy,
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
    /// What the payload is.
    pub codec: Codec,
    /// One octet per sample.
    pub payload: &'a [u8],
}

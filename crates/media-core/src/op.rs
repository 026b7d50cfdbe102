//! What the ring to a worker carries: a [`Command`] with everything already looked up and allocated, so that applying it
//! neither allocates nor frees.

use std::sync::Arc;

use base::{LoopId, SoundId, StreamId};

use crate::{Command, DigitString, EchoMode, Sound, Stream, StreamSettings};

/// One resolved instruction. Made from a [`Command`] by [`Op::resolve`], outside of the worker's thread.
#[derive(Debug)]
pub enum Op {
    /// Take the slot into service.
    Open {
        /// The lease.
        stream: StreamId,
        /// The control loop that gets the stream's events.
        owner: LoopId,
        /// Everything that the stream will ever need, from [`Stream::new`].
        slot: Box<Stream>,
    },
    /// Replace what was negotiated.
    Configure {
        /// The stream.
        stream: StreamId,
        /// What is valid from now on.
        settings: StreamSettings,
    },
    /// Play a sound from its start.
    Play {
        /// The stream.
        stream: StreamId,
        /// Chosen by control.
        playback: u64,
        /// What to play.
        sound: Arc<Sound>,
    },
    /// A `Play` whose sound does not exist any more: what is running is stopped, and the playback ends as `SoundGone`. It
    /// takes this way so that the events of a stream stay in order.
    SoundGone {
        /// The stream.
        stream: StreamId,
        /// Chosen by control.
        playback: u64,
    },
    /// Stop the running playback, if any.
    StopPlayback {
        /// The stream.
        stream: StreamId,
    },
    /// Return what arrives, or stop doing so.
    Echo {
        /// The stream.
        stream: StreamId,
        /// What is returned.
        mode: EchoMode,
    },
    /// Send digits, after those that are still to be sent.
    SendDigits {
        /// The stream.
        stream: StreamId,
        /// What to send, and how fast.
        digits: DigitString,
    },
    /// End the stream.
    Close {
        /// The stream.
        stream: StreamId,
    },
}

impl Op {
    /// Looks up and allocates what `command` needs. `owner` is the loop that sent it; `find` is asked for the sound of a
    /// `Play` only.
    pub fn resolve(command: Command, owner: LoopId, find: impl FnOnce(SoundId) -> Option<Arc<Sound>>) -> Op {
        match command {
            Command::Open { stream, config } => Op::Open { stream, owner, slot: Stream::new(stream, &config) },
            Command::Configure { stream, config } => {
                Op::Configure { stream, settings: StreamSettings::from_config(&config) }
            }
            Command::Play { stream, playback, sound } => match find(sound) {
                Some(sound) => Op::Play { stream, playback, sound },
                None => Op::SoundGone { stream, playback },
            },
            Command::StopPlayback { stream } => Op::StopPlayback { stream },
            Command::Echo { stream, mode } => Op::Echo { stream, mode },
            Command::SendDigits { stream, digits, duration_ms, interval_ms } => {
                Op::SendDigits { stream, digits: DigitString::new(&digits, duration_ms, interval_ms) }
            }
            Command::Close { stream } => Op::Close { stream },
        }
    }

    /// The stream that the instruction is for.
    pub fn stream(&self) -> StreamId {
        match self {
            Op::Open { stream, .. }
            | Op::Configure { stream, .. }
            | Op::Play { stream, .. }
            | Op::SoundGone { stream, .. }
            | Op::StopPlayback { stream }
            | Op::Echo { stream, .. }
            | Op::SendDigits { stream, .. }
            | Op::Close { stream } => *stream,
        }
    }
}

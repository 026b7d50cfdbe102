//! What the ring to a worker carries: a [`Command`] with everything already looked up and allocated, so that applying it
//! neither allocates nor frees.

use std::sync::Arc;

use base::{LoopId, RecordingId, RoomId, SoundId, StreamId};

use crate::recording::{RecorderTap, RecordingRequest, RecordingSource};
use crate::room::{Member, Room};
use crate::{Command, DigitString, EchoMode, Journey, Sound, Stream, StreamSettings};

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
        /// The party ends it by speaking.
        barge_in: bool,
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
    /// The party has pressed a key of which signalling told.
    ForwardKey {
        /// The stream.
        stream: StreamId,
        /// `0-9A-D*#`.
        digit: char,
        /// How long it was pressed, ms.
        duration_ms: u32,
    },
    /// Record both directions of a stream.
    StartRecording {
        /// The stream.
        stream: StreamId,
        /// Chosen by control.
        recording: RecordingId,
        /// Where the audio goes.
        tap: Box<dyn RecorderTap>,
    },
    /// End a recording of a stream, if it runs.
    StopRecording {
        /// The stream.
        stream: StreamId,
        /// Which one.
        recording: RecordingId,
    },
    /// Record a room's mix.
    StartRoomRecording {
        /// The room; it is on the worker that gets this.
        room: RoomId,
        /// Chosen by control.
        recording: RecordingId,
        /// Where the audio goes.
        tap: Box<dyn RecorderTap>,
        /// Becomes the room if nobody has joined it yet.
        spare: Box<Room>,
    },
    /// End a recording of a room, if it runs.
    StopRoomRecording {
        /// The room.
        room: RoomId,
        /// Which one.
        recording: RecordingId,
    },
    /// Put the stream into a room.
    JoinRoom {
        /// The stream.
        stream: StreamId,
        /// The room; it is on the worker that gets this.
        room: RoomId,
        /// The stream's part in it.
        member: Box<Member>,
        /// Becomes the room if the stream is its first member.
        spare: Box<Room>,
    },
    /// Take the stream out of its room, if it is in one.
    LeaveRoom {
        /// The stream.
        stream: StreamId,
    },
    /// Make ready to go to another worker; it leaves its room. Answered by [`crate::Transit`].
    Move(Journey),
    /// Give the stream away that was made ready. Its sockets are watched by nobody.
    HandOver(Journey),
    /// Serve a stream that another worker has given away.
    Arrive {
        /// Who comes.
        journey: Journey,
        /// The stream.
        slot: Box<Stream>,
    },
    /// End the stream.
    Close {
        /// The stream.
        stream: StreamId,
    },
}

impl Op {
    /// Looks up and allocates what `command` needs. `owner` is the loop that sent it; `find` is asked for the sound of a
    /// `Play` only, `record` for the tap of a `StartRecording` only.
    pub fn resolve(
        command: Command,
        owner: LoopId,
        find: impl FnOnce(SoundId) -> Option<Arc<Sound>>,
        record: impl FnOnce(RecordingRequest) -> Box<dyn RecorderTap>,
    ) -> Op {
        match command {
            Command::Open { stream, config } => Op::Open { stream, owner, slot: Stream::new(stream, &config) },
            Command::Configure { stream, config } => {
                Op::Configure { stream, settings: StreamSettings::from_config(&config) }
            }
            Command::Play { stream, playback, sound, barge_in } => match find(sound) {
                Some(sound) => Op::Play { stream, playback, sound, barge_in },
                None => Op::SoundGone { stream, playback },
            },
            Command::StopPlayback { stream } => Op::StopPlayback { stream },
            Command::Echo { stream, mode } => Op::Echo { stream, mode },
            Command::SendDigits { stream, digits, duration_ms, interval_ms } => {
                Op::SendDigits { stream, digits: DigitString::new(&digits, duration_ms, interval_ms) }
            }
            Command::ForwardKey { stream, digit, duration_ms } => Op::ForwardKey { stream, digit, duration_ms },
            Command::StartRecording { source, recording, file_stem, end_of_silence_ms, duration_ms } => {
                let request = RecordingRequest { owner, source, recording, file_stem, end_of_silence_ms, duration_ms };
                let tap = record(request);
                match source {
                    RecordingSource::Stream(stream) => Op::StartRecording { stream, recording, tap },
                    RecordingSource::Room(room) => Op::StartRoomRecording { room, recording, tap, spare: Room::new() },
                }
            }
            Command::StopRecording { source: RecordingSource::Stream(stream), recording } => {
                Op::StopRecording { stream, recording }
            }
            Command::StopRecording { source: RecordingSource::Room(room), recording } => {
                Op::StopRoomRecording { room, recording }
            }
            Command::JoinRoom { stream, room, forwards_keys } => {
                Op::JoinRoom { stream, room, member: Member::new(forwards_keys), spare: Room::new() }
            }
            Command::LeaveRoom { stream } => Op::LeaveRoom { stream },
            Command::Close { stream } => Op::Close { stream },
        }
    }

    /// The stream that the instruction is for; none: it is for a room.
    pub fn stream(&self) -> Option<StreamId> {
        match self {
            Op::Open { stream, .. }
            | Op::Configure { stream, .. }
            | Op::Play { stream, .. }
            | Op::SoundGone { stream, .. }
            | Op::StopPlayback { stream }
            | Op::Echo { stream, .. }
            | Op::SendDigits { stream, .. }
            | Op::ForwardKey { stream, .. }
            | Op::StartRecording { stream, .. }
            | Op::StopRecording { stream, .. }
            | Op::JoinRoom { stream, .. }
            | Op::LeaveRoom { stream }
            | Op::Close { stream } => Some(*stream),
            Op::Move(journey) | Op::HandOver(journey) | Op::Arrive { journey, .. } => Some(journey.stream),
            Op::StartRoomRecording { .. } | Op::StopRoomRecording { .. } => None,
        }
    }
}

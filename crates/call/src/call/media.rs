//! The media side of a leg: one leased port pair, what it should be doing, and whether a worker has it in service yet.
//!
//! The flow may ask for sound before the stream can be opened (a late offer is answered only by the ACK). What it asked for
//! is kept here and told to the worker when the stream opens.

use base::{Random, RecordingId, RoomId, SoundId};
use media_core::{Codec, Command, EchoMode, PortLease, ReceivePayload, StreamConfig, StreamStats, TelephoneEventTypes};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

use crate::context::{Act, Context};

/// One stream of one leg.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LegMedia {
    lease: PortLease,
    phase: Phase,
    /// RFC 3550 §5.1: all three random, and the same for the life of the stream.
    ssrc: u32,
    first_sequence: u16,
    first_timestamp: u32,
    /// Source address of our packets.
    local_ip: IpAddr,
    echo: EchoMode,
    /// The playback that was asked for last and has not ended.
    playback: Option<Playback>,
    next_playback: u64,
    /// Digits to send as soon as the stream is open.
    held_digits: Option<(String, u16, u16)>,
    /// The mix that it is in.
    room: Option<RoomId>,
    /// Whether its keys are sent on there.
    forwards_keys: bool,
    /// A recording to start as soon as the stream is open.
    held_recording: Option<HeldRecording>,
    /// What the worker counted, when it has let go of the stream.
    totals: Option<StreamStats>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct HeldRecording {
    recording: RecordingId,
    file_stem: String,
    end_of_silence_ms: u32,
    duration_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    Idle,
    Open,
    /// Close was sent, the last event has not come.
    Closing,
    Over,
}

/// A sound on its way to the caller.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Playback {
    number: u64,
    /// The flow step that waits for its end.
    step: u64,
    sound: SoundId,
    /// The party ends it by speaking.
    barge_in: bool,
}

impl LegMedia {
    pub(crate) fn new(lease: PortLease, local_ip: IpAddr, random: &mut Random) -> LegMedia {
        LegMedia {
            lease,
            phase: Phase::Idle,
            ssrc: random.next_u32(),
            first_sequence: random.next_u32() as u16,
            first_timestamp: random.next_u32(),
            local_ip,
            echo: EchoMode::Off,
            playback: None,
            next_playback: 1,
            held_digits: None,
            room: None,
            forwards_keys: false,
            held_recording: None,
            totals: None,
        }
    }

    pub(crate) fn lease(&self) -> PortLease {
        self.lease
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    pub(crate) fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Whether the worker has the leased ports in service, be it only to close them; none: they are given back.
    pub(crate) fn in_service(&self) -> Option<bool> {
        match self.phase {
            Phase::Idle => Some(false),
            Phase::Open | Phase::Closing => Some(true),
            Phase::Over => None,
        }
    }

    /// What the worker counted over the whole stream; none when it never had one.
    pub(crate) fn totals(&self) -> Option<StreamStats> {
        self.totals
    }

    /// Takes the stream into service with what was negotiated, or changes what is valid.
    pub(crate) fn open(&mut self, context: &mut Context<'_>, audio: &sdp::AudioSession) {
        let stream = self.lease.stream;
        let config = self.config(audio);
        match self.phase {
            Phase::Open => context.act(Act::Media(Command::Configure { stream, config })),
            Phase::Idle => {
                self.phase = Phase::Open;
                context.act(Act::Media(Command::Open { stream, config }));
                if self.echo != EchoMode::Off {
                    context.act(Act::Media(Command::Echo { stream, mode: self.echo }));
                }
                if let Some(Playback { number, sound, barge_in, .. }) = self.playback {
                    context.act(Act::Media(Command::Play { stream, playback: number, sound, barge_in }));
                }
                if let Some((digits, duration_ms, interval_ms)) = self.held_digits.take() {
                    context.act(Act::Media(Command::SendDigits { stream, digits, duration_ms, interval_ms }));
                }
                if let Some(room) = self.room {
                    let forwards_keys = self.forwards_keys;
                    context.act(Act::Media(Command::JoinRoom { stream, room, forwards_keys }));
                }
                if let Some(held) = self.held_recording.take() {
                    self.tell_recording(context, held);
                }
            }
            Phase::Closing | Phase::Over => {}
        }
    }

    /// The step whose sound is played, or will be as soon as the stream is open.
    pub(crate) fn playing(&self) -> Option<u64> {
        self.playback.map(|playback| playback.step)
    }

    /// Plays `sound` from its start; `step` is told when it has ended. Gives back the step of what it replaces.
    pub(crate) fn play(&mut self, context: &mut Context<'_>, step: u64, sound: SoundId, barge_in: bool) -> Option<u64> {
        let number = self.next_playback;
        self.next_playback += 1;
        let replaced = self.playback.replace(Playback { number, step, sound, barge_in });
        if self.is_open() {
            context.act(Act::Media(Command::Play { stream: self.lease.stream, playback: number, sound, barge_in }));
        }
        replaced.map(|playback| playback.step)
    }

    /// A playback is over: the step that waited for it, unless it has been replaced meanwhile.
    pub(crate) fn playback_ended(&mut self, number: u64) -> Option<u64> {
        let playback = self.playback.take_if(|playback| playback.number == number)?;
        Some(playback.step)
    }

    /// Stops what is played; gives back its step.
    pub(crate) fn stop_playback(&mut self, context: &mut Context<'_>) -> Option<u64> {
        let stopped = self.playback.take()?;
        if self.is_open() {
            context.act(Act::Media(Command::StopPlayback { stream: self.lease.stream }));
        }
        Some(stopped.step)
    }

    /// Records both directions from now on, or from the moment that the stream is open.
    pub(crate) fn start_recording(
        &mut self,
        context: &mut Context<'_>,
        recording: RecordingId,
        file_stem: String,
        end_of_silence_ms: u32,
        duration_ms: u64,
    ) {
        let held = HeldRecording { recording, file_stem, end_of_silence_ms, duration_ms };
        match self.phase {
            Phase::Idle => self.held_recording = Some(held),
            Phase::Open => self.tell_recording(context, held),
            Phase::Closing | Phase::Over => {}
        }
    }

    fn tell_recording(&self, context: &mut Context<'_>, held: HeldRecording) {
        let HeldRecording { recording, file_stem, end_of_silence_ms, duration_ms } = held;
        let source = self.lease.stream.into();
        let command = Command::StartRecording { source, recording, file_stem, end_of_silence_ms, duration_ms };
        context.act(Act::Media(command));
    }

    /// What waits for the stream to be open is not to be recorded any more.
    pub(crate) fn forget_recording(&mut self) {
        self.held_recording = None;
    }

    pub(crate) fn stop_recording(&mut self, context: &mut Context<'_>, recording: RecordingId) {
        if self.is_open() {
            context.act(Act::Media(Command::StopRecording { source: self.lease.stream.into(), recording }));
        }
    }

    pub(crate) fn join_room(&mut self, context: &mut Context<'_>, room: RoomId, forwards_keys: bool) {
        self.room = Some(room);
        self.forwards_keys = forwards_keys;
        if self.is_open() {
            context.act(Act::Media(Command::JoinRoom { stream: self.lease.stream, room, forwards_keys }));
        }
    }

    /// A key of which signalling told goes where those of telephone-events go by themselves.
    pub(crate) fn forward_key(&self, context: &mut Context<'_>, digit: char, duration_ms: u32) {
        if self.room.is_some() && self.forwards_keys && self.is_open() {
            context.act(Act::Media(Command::ForwardKey { stream: self.lease.stream, digit, duration_ms }));
        }
    }

    /// The mix that it is in.
    pub(crate) fn room(&self) -> Option<RoomId> {
        self.room
    }

    pub(crate) fn leave_room(&mut self, context: &mut Context<'_>) {
        if self.room.take().is_some() && self.is_open() {
            context.act(Act::Media(Command::LeaveRoom { stream: self.lease.stream }));
        }
    }

    pub(crate) fn echo(&mut self, context: &mut Context<'_>, mode: EchoMode) {
        self.echo = mode;
        if self.is_open() {
            context.act(Act::Media(Command::Echo { stream: self.lease.stream, mode }));
        }
    }

    pub(crate) fn send_digits(
        &mut self,
        context: &mut Context<'_>,
        digits: String,
        duration_ms: u16,
        interval_ms: u16,
    ) {
        if self.is_open() {
            let stream = self.lease.stream;
            context.act(Act::Media(Command::SendDigits { stream, digits, duration_ms, interval_ms }));
        } else {
            self.held_digits = Some((digits, duration_ms, interval_ms));
        }
    }

    /// Ends the stream, or gives the ports back when it never was in service.
    pub(crate) fn close(&mut self, context: &mut Context<'_>) {
        self.playback = None;
        match self.phase {
            Phase::Idle => {
                self.phase = Phase::Over;
                context.act(Act::ReturnPorts(self.lease));
            }
            Phase::Open => {
                self.phase = Phase::Closing;
                context.act(Act::Media(Command::Close { stream: self.lease.stream }));
            }
            Phase::Closing | Phase::Over => {}
        }
    }

    /// The worker has let go of the stream.
    pub(crate) fn closed(&mut self, totals: StreamStats) {
        self.phase = Phase::Over;
        self.totals = Some(totals);
    }

    /// The worker is not waited for any longer. It gives the ports back when it lets go of them after all.
    pub(crate) fn give_up(&mut self) {
        self.phase = Phase::Over;
    }

    fn config(&self, audio: &sdp::AudioSession) -> StreamConfig {
        StreamConfig {
            local_ip: self.local_ip,
            remote_rtp: audio.remote_rtp,
            remote_rtcp: audio.remote_rtcp,
            codec: codec(audio.codec),
            payload_type: audio.payload_type,
            receive: audio
                .receive
                .iter()
                .map(|&(payload_type, received)| ReceivePayload { payload_type, codec: codec(received) })
                .collect(),
            telephone_event: audio
                .telephone_event
                .map(|types| TelephoneEventTypes { send: types.send, receive: types.receive }),
            ptime_ms: audio.ptime_ms,
            send: audio.direction.sends(),
            receive_enabled: audio.direction.receives(),
            ssrc: self.ssrc,
            first_sequence: self.first_sequence,
            first_timestamp: self.first_timestamp,
        }
    }
}

fn codec(codec: sdp::AudioCodec) -> Codec {
    match codec {
        sdp::AudioCodec::Pcmu => Codec::Pcmu,
        sdp::AudioCodec::Pcma => Codec::Pcma,
    }
}

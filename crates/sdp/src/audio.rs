//! What was agreed, as far as RTP is concerned.

use std::fmt;
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::remote::RemoteAudio;
use crate::{AudioCodec, Direction};

/// The agreed audio stream, seen from our side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioSession {
    /// Where our RTP goes; nowhere while `direction` does not send (the address may then be 0.0.0.0).
    pub remote_rtp: SocketAddr,
    /// Where our RTCP goes: a=rtcp (RFC 3605) or the port after RTP (RFC 3550 §11).
    pub remote_rtcp: SocketAddr,
    /// What we send.
    pub codec: AudioCodec,
    /// Payload type of what we send.
    pub payload_type: u8,
    /// Payload types that the peer may send, each codec once.
    pub receive: Vec<(u8, AudioCodec)>,
    /// RFC 4733, if agreed.
    pub telephone_event: Option<TelephoneEvent>,
    /// Length of the packets that we send, ms: 10–60, a multiple of 10.
    pub ptime_ms: u16,
    /// What we do.
    pub direction: Direction,
    /// Whether the peer does not want to hear us: sendonly, inactive, address 0.0.0.0 or port 0.
    pub on_hold: bool,
}

/// Payload types of telephone-event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TelephoneEvent {
    /// In packets that we send.
    pub send: u8,
    /// In packets that we receive.
    pub receive: u8,
}

impl AudioSession {
    /// `receive` and `telephone_event` follow our own description, the rest follows theirs.
    pub(crate) fn new(
        remote: &RemoteAudio,
        wanted: Direction,
        receive: Vec<(u8, AudioCodec)>,
        telephone_event: Option<TelephoneEvent>,
    ) -> AudioSession {
        let (payload_type, codec) = remote.first;
        AudioSession {
            remote_rtp: remote.rtp,
            remote_rtcp: remote.rtcp,
            codec,
            payload_type,
            receive,
            telephone_event,
            ptime_ms: remote.ptime_ms,
            direction: wanted.facing(remote.direction),
            on_hold: remote.on_hold,
        }
    }

    /// The same stream switched off by port 0 (RFC 3264 §8.2).
    pub(crate) fn disabled(&self) -> AudioSession {
        AudioSession { direction: Direction::Inactive, on_hold: true, ..self.clone() }
    }
}

/// One line for logs and timelines.
impl fmt::Display for AudioSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {} ms to {}", self.codec, self.payload_type, self.ptime_ms, self.remote_rtp)?;
        write!(f, " rtcp {} {} receive", self.remote_rtcp, self.direction)?;
        self.receive.iter().try_for_each(|(number, codec)| write!(f, " {codec}/{number}"))?;
        match self.telephone_event {
            Some(TelephoneEvent { send, receive }) if send == receive => write!(f, " events {send}")?,
            Some(TelephoneEvent { send, receive }) => write!(f, " events {send} back {receive}")?,
            None => {}
        }
        f.write_str(if self.on_hold { " held" } else { "" })
    }
}

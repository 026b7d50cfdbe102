//! What was negotiated for a stream, in a form that a worker can copy: no allocation, values in range.

use std::net::{IpAddr, SocketAddr};

use crate::{Codec, ReceivePayload, StreamConfig, TelephoneEventTypes};

/// RTP clock rate of every codec here (RFC 3551 §6), samples per millisecond.
pub(crate) const SAMPLES_PER_MS: u32 = 8;

/// A [`StreamConfig`] without its vector, and without the values that only an `Open` uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    pub(crate) local_ip: IpAddr,
    pub(crate) remote_rtp: SocketAddr,
    pub(crate) remote_rtcp: SocketAddr,
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    pub(crate) receive: [Option<ReceivePayload>; StreamConfig::RECEIVE_MAX],
    pub(crate) telephone_event: Option<TelephoneEventTypes>,
    pub(crate) ptime_ms: u16,
    pub(crate) send: bool,
    pub(crate) receive_enabled: bool,
}

/// What a payload type stands for in packets that arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PayloadKind {
    /// Audio; the payload type is returned as it came by an echo.
    Audio,
    /// RFC 4733.
    TelephoneEvent,
    /// Not negotiated.
    Unknown,
}

impl StreamSettings {
    /// The settings of `config`. More than [`StreamConfig::RECEIVE_MAX`] payload types are cut off; a ptime that is not a
    /// multiple of 10 from 10 to 60 ms becomes the nearest one below, within these limits.
    pub fn from_config(config: &StreamConfig) -> StreamSettings {
        let mut receive = [None; StreamConfig::RECEIVE_MAX];
        for (slot, payload) in receive.iter_mut().zip(&config.receive) {
            *slot = Some(*payload);
        }
        StreamSettings {
            local_ip: config.local_ip,
            remote_rtp: config.remote_rtp,
            remote_rtcp: config.remote_rtcp,
            codec: config.codec,
            payload_type: config.payload_type & 0x7f,
            receive,
            telephone_event: config.telephone_event,
            ptime_ms: (config.ptime_ms / 10 * 10).clamp(10, 60),
            send: config.send,
            receive_enabled: config.receive_enabled,
        }
    }

    /// Samples, and with G.711 octets, of one packet that we send.
    pub(crate) fn frame_samples(&self) -> u32 {
        u32::from(self.ptime_ms) * SAMPLES_PER_MS
    }

    /// Length of one packet that we send, ns.
    pub(crate) fn frame_ns(&self) -> u64 {
        u64::from(self.ptime_ms) * base::MS
    }

    /// Codec of audio that arrives with this payload type.
    pub(crate) fn codec_of(&self, payload_type: u8) -> Option<Codec> {
        self.receive.iter().flatten().find(|payload| payload.payload_type == payload_type).map(|payload| payload.codec)
    }

    pub(crate) fn kind_of(&self, payload_type: u8) -> PayloadKind {
        if self.receive.iter().flatten().any(|payload| payload.payload_type == payload_type) {
            PayloadKind::Audio
        } else if self.telephone_event.is_some_and(|types| types.receive == payload_type) {
            PayloadKind::TelephoneEvent
        } else {
            PayloadKind::Unknown
        }
    }
}

//! The audio codecs that we negotiate (RFC 3551 §4.5.14, §6 table 4).

use std::fmt;

use serde::{Deserialize, Serialize};

/// An audio codec: 8 kHz, one channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AudioCodec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
}

impl AudioCodec {
    /// All of them.
    pub const ALL: [AudioCodec; 2] = [AudioCodec::Pcmu, AudioCodec::Pcma];
    /// RTP clock of all of them, Hz.
    pub(crate) const CLOCK_RATE: u32 = 8000;

    /// The encoding name.
    pub fn name(self) -> &'static str {
        match self {
            AudioCodec::Pcmu => "PCMU",
            AudioCodec::Pcma => "PCMA",
        }
    }

    /// The payload type that RFC 3551 gave it.
    pub fn static_payload_type(self) -> u8 {
        match self {
            AudioCodec::Pcmu => 0,
            AudioCodec::Pcma => 8,
        }
    }
}

impl fmt::Display for AudioCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

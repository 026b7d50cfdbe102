//! What we can do, and where our end of the stream is.

use std::net::IpAddr;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

use crate::{AudioCodec, Direction};

/// What we offer and accept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Codecs, best first: the order of our offers. An answer follows the order of the offer (`spec/media.md` §5).
    pub codecs: Vec<AudioCodec>,
    /// Payload type of telephone-event (RFC 4733) in our offers, 96–127; `None` neither offers nor accepts it.
    pub telephone_event: Option<u8>,
    /// Packet length that we ask for and that we send where the peer asks for none, ms.
    pub ptime_ms: u16,
    /// Text of s=.
    pub session_name: CompactString,
}

impl Default for Capabilities {
    fn default() -> Self {
        Capabilities {
            codecs: AudioCodec::ALL.to_vec(),
            telephone_event: Some(101),
            ptime_ms: 20,
            session_name: "flowswitch".into(),
        }
    }
}

/// Our end of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalMedia {
    /// The address in o= and c=: the one the peer can reach.
    pub address: IpAddr,
    /// Our RTP port; RTCP is on the next one.
    pub rtp_port: u16,
    /// What we want to do; the answer never goes beyond it.
    pub direction: Direction,
}

impl LocalMedia {
    /// An end that wants to send and to receive.
    pub fn new(address: IpAddr, rtp_port: u16) -> LocalMedia {
        LocalMedia { address, rtp_port, direction: Direction::SendRecv }
    }
}

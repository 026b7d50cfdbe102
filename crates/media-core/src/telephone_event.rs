//! DTMF as RTP telephone events (RFC 4733): the payload, its detection, its generation.

mod detector;
mod sender;

pub use detector::{Detected, Digit, DigitDetector};
pub(crate) use sender::{Content, DigitSender, EventPacket};

/// The payload (RFC 4733 §2.3).
///
/// ```text
/// |     event     |E|R| volume    |          duration             |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// 0–15 are the DTMF digits.
    pub code: u8,
    /// The event has ended; `duration` is final.
    pub end: bool,
    /// Power below 0 dBm0, dB, 0–63.
    pub volume: u8,
    /// Since the packet's timestamp, RTP timestamp units.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Octets of the payload.
    pub const LENGTH: usize = 4;

    /// The first event of a payload; none if it is too short. (Further events in one payload, RFC 4733 §2.5.1.5, are used for
    /// modem signals, never for keys.)
    pub fn parse(payload: &[u8]) -> Option<TelephoneEvent> {
        let [code, flags, high, low] = *payload.first_chunk()?;
        Some(TelephoneEvent {
            code,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([high, low]),
        })
    }

    /// The payload's octets.
    pub fn to_bytes(self) -> [u8; TelephoneEvent::LENGTH] {
        let [high, low] = self.duration.to_be_bytes();
        [self.code, u8::from(self.end) << 7 | self.volume & 0x3f, high, low]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_payload_of_rfc_4733_is_read_and_written() {
        let event = TelephoneEvent { code: 11, end: true, volume: 10, duration: 1600 };
        assert_eq!(event.to_bytes(), [11, 0x8a, 0x06, 0x40]);
        assert_eq!(TelephoneEvent::parse(&event.to_bytes()), Some(event));
        assert_eq!(TelephoneEvent::parse(&[1, 2, 3]), None);
        // The reserved bit is ignored, and so is what follows.
        assert_eq!(TelephoneEvent::parse(&[1, 0x4a, 0, 80, 9]).unwrap().volume, 10);
    }
}

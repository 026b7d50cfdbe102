//! The RTP packet (RFC 3550 §5.1): parsed without copying, written with the fixed header only.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! |V=2|P|X|  CC   |M|     PT      |       sequence number         |
//! |                           timestamp                           |
//! |           synchronization source (SSRC) identifier            |
//! |             CSRC identifiers (CC of them)                     |
//! |  extension: profile (16)      |  length in 32 bit words (16)  |  if X
//! ```

/// The fixed header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// First packet of a talkspurt (RFC 3551 §4.1) or of a telephone event (RFC 4733 §2.2).
    pub marker: bool,
    /// 0–127.
    pub payload_type: u8,
    /// One more with every packet.
    pub sequence: u16,
    /// Sampling instant of the first octet of the payload.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
}

/// A parsed packet that borrows from its datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The fixed header.
    pub header: Header,
    /// The list of contributing sources, four octets each.
    pub csrc: &'a [u8],
    /// What remains after header, CSRC list and extension, without padding.
    pub payload: &'a [u8],
}

/// Why a datagram is no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RtpError {
    /// Fewer than 12 octets.
    TooShort,
    /// The version is not 2.
    Version,
    /// The CSRC list ends behind the datagram.
    Csrc,
    /// The header extension ends behind the datagram.
    Extension,
    /// The padding count is zero or longer than the payload.
    Padding,
}

impl std::fmt::Display for RtpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            RtpError::TooShort => "shorter than an RTP header",
            RtpError::Version => "RTP version is not 2",
            RtpError::Csrc => "CSRC list longer than the datagram",
            RtpError::Extension => "header extension longer than the datagram",
            RtpError::Padding => "padding count does not fit the payload",
        })
    }
}

impl std::error::Error for RtpError {}

impl Header {
    /// Octets of the fixed header.
    pub const LENGTH: usize = 12;

    /// Writes the header: no CSRC, no extension, no padding.
    pub fn write(&self, out: &mut [u8; Header::LENGTH]) {
        out[0] = 2 << 6;
        out[1] = u8::from(self.marker) << 7 | self.payload_type & 0x7f;
        out[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        out[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        out[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }
}

impl<'a> Packet<'a> {
    /// Parses a datagram.
    ///
    /// # Errors
    /// What is wrong with its lengths or version. Nothing else is judged here.
    pub fn parse(datagram: &'a [u8]) -> Result<Packet<'a>, RtpError> {
        let (fixed, rest) = datagram.split_first_chunk::<{ Header::LENGTH }>().ok_or(RtpError::TooShort)?;
        if fixed[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let (csrc, rest) = rest.split_at_checked(usize::from(fixed[0] & 0x0f) * 4).ok_or(RtpError::Csrc)?;
        let rest = if fixed[0] & 0x10 != 0 { skip_extension(rest).ok_or(RtpError::Extension)? } else { rest };
        let payload = if fixed[0] & 0x20 != 0 { strip_padding(rest).ok_or(RtpError::Padding)? } else { rest };
        let header = Header {
            marker: fixed[1] & 0x80 != 0,
            payload_type: fixed[1] & 0x7f,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        };
        Ok(Packet { header, csrc, payload })
    }
}

/// RFC 3550 §5.3.1.
fn skip_extension(rest: &[u8]) -> Option<&[u8]> {
    let (head, rest) = rest.split_first_chunk::<4>()?;
    let words = u16::from_be_bytes([head[2], head[3]]);
    rest.get(usize::from(words) * 4..)
}

/// RFC 3550 §5.1: the last octet counts the padding, itself included.
fn strip_padding(rest: &[u8]) -> Option<&[u8]> {
    let count = usize::from(*rest.last()?);
    if count == 0 { None } else { rest.get(..rest.len().checked_sub(count)?) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn datagram(first: u8, rest: &[u8]) -> Vec<u8> {
        let mut all = vec![first, 0x80 | 101, 0x12, 0x34, 0, 0, 0x03, 0xe8, 0xde, 0xad, 0xbe, 0xef];
        all.extend_from_slice(rest);
        all
    }

    #[test]
    fn a_plain_packet_is_parsed() {
        let bytes = datagram(0x80, b"payload");
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(
            packet.header,
            Header { marker: true, payload_type: 101, sequence: 0x1234, timestamp: 1000, ssrc: 0xdead_beef }
        );
        assert_eq!((packet.csrc, packet.payload), (&[][..], &b"payload"[..]));
    }

    #[test]
    fn csrc_extension_and_padding_are_taken_off() {
        let rest = [&[1, 1, 1, 1, 2, 2, 2, 2][..], &[0xbe, 0xde, 0, 1, 9, 9, 9, 9], b"voice", &[0, 0, 3]].concat();
        let bytes = datagram(0x80 | 0x20 | 0x10 | 2, &rest);
        let packet = Packet::parse(&bytes).unwrap();
        assert_eq!(packet.csrc, [1, 1, 1, 1, 2, 2, 2, 2]);
        assert_eq!(packet.payload, b"voice");
    }

    #[test]
    fn lengths_that_do_not_add_up_are_refused_by_name() {
        let check = |bytes: &[u8], expected| assert_eq!(Packet::parse(bytes), Err(expected));
        check(&datagram(0x80, b"")[..11], RtpError::TooShort);
        check(&[], RtpError::TooShort);
        check(&datagram(0x40, b"x"), RtpError::Version);
        check(&datagram(0x82, &[0; 7]), RtpError::Csrc);
        check(&datagram(0x90, &[0, 0, 0]), RtpError::Extension);
        check(&datagram(0x90, &[0, 0, 0, 2, 0, 0, 0, 0]), RtpError::Extension);
        check(&datagram(0xa0, b""), RtpError::Padding);
        check(&datagram(0xa0, &[1, 2, 0]), RtpError::Padding);
        check(&datagram(0xa0, &[1, 2, 4]), RtpError::Padding);
    }

    #[test]
    fn a_packet_of_nothing_but_padding_is_empty() {
        assert_eq!(Packet::parse(&datagram(0xa0, &[0, 2])).unwrap().payload, b"");
    }

    proptest! {
        #[test]
        fn what_was_written_is_parsed_back(marker: bool, payload_type in 0_u8..128, sequence: u16, timestamp: u32, ssrc: u32) {
            let header = Header { marker, payload_type, sequence, timestamp, ssrc };
            let mut bytes = [0; Header::LENGTH];
            header.write(&mut bytes);
            prop_assert_eq!(Packet::parse(&bytes).unwrap().header, header);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Packet::parse(&bytes);
        }
    }
}

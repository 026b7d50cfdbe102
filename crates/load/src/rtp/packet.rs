//! RTP packets (RFC 3550 §5.1): the fixed header written, any header read.

/// Octets of the fixed header.
pub(crate) const HEADER: usize = 12;
/// Samples, octets and timestamp units of one G.711 frame of 20 ms.
pub(crate) const FRAME: usize = 160;

/// The header fields that matter to the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub marker: bool,
    pub payload_type: u8,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

impl Header {
    pub(crate) fn write(&self, packet: &mut [u8]) {
        packet[0] = 0x80;
        packet[1] = (u8::from(self.marker) << 7) | (self.payload_type & 0x7f);
        packet[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        packet[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        packet[8..12].copy_from_slice(&self.ssrc.to_be_bytes());
    }

    /// The header and the range of the payload; `None` for what is not RTP version 2 or contradicts its own lengths.
    pub(crate) fn read(packet: &[u8]) -> Option<(Header, std::ops::Range<usize>)> {
        if packet.len() < HEADER || packet[0] >> 6 != 2 {
            return None;
        }
        let mut start = HEADER + 4 * usize::from(packet[0] & 0x0f);
        if packet[0] & 0x10 != 0 {
            // RFC 3550 §5.3.1: the extension's length counts 32-bit words after its own four octets.
            let words = packet.get(start + 2..start + 4)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([words[0], words[1]]));
        }
        let mut end = packet.len();
        if packet[0] & 0x20 != 0 {
            let padding = usize::from(packet[end - 1]);
            end = end.checked_sub(padding).filter(|_| padding > 0)?;
        }
        if start > end {
            return None;
        }
        let header = Header {
            marker: packet[1] & 0x80 != 0,
            payload_type: packet[1] & 0x7f,
            sequence: u16::from_be_bytes([packet[2], packet[3]]),
            timestamp: u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]),
            ssrc: u32::from_be_bytes([packet[8], packet[9], packet[10], packet[11]]),
        };
        Some((header, start..end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER_FIELDS: Header =
        Header { marker: true, payload_type: 101, sequence: 65_535, timestamp: 0xfedc_ba98, ssrc: 0x0102_0304 };

    #[test]
    fn what_is_written_is_read_again() {
        let mut packet = [7; HEADER + FRAME];
        HEADER_FIELDS.write(&mut packet);
        assert_eq!(Header::read(&packet), Some((HEADER_FIELDS, HEADER..HEADER + FRAME)));
    }

    #[test]
    fn contributing_sources_extension_and_padding_are_skipped() {
        let mut packet = vec![0; HEADER];
        HEADER_FIELDS.write(&mut packet);
        packet[0] |= 0x20 | 0x10 | 2;
        packet.extend([0; 8]);
        packet.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        packet.extend([1, 2, 3, 0, 0, 3]);
        let (_, payload) = Header::read(&packet).unwrap();
        assert_eq!(&packet[payload], [1, 2, 3]);
    }

    #[test]
    fn no_prefix_or_changed_octet_of_a_packet_makes_the_reader_panic() {
        let mut packet = vec![0xffu8; 40];
        packet[0] = 0xbf;
        for length in 0..packet.len() {
            Header::read(&packet[..length]);
        }
        for first in 0..=255u8 {
            for last in 0..=255u8 {
                packet[0] = first;
                packet[39] = last;
                if let Some((_, payload)) = Header::read(&packet) {
                    assert!(payload.start <= payload.end && payload.end <= 40);
                }
            }
        }
    }
}

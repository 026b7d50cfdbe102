//! The headers of MPEG audio frames, layer III (ISO 11172-3 §2.4.1.3, ISO 13818-3 §2.4.2.3), as far as they tell where frames are.

/// Octets per second by the header's index, in units of 125 (1 kbit/s): MPEG-1, and MPEG-2 with 2.5. 0: free, or forbidden.
const KBITS: [[u32; 16]; 2] = [
    [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0],
    [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0],
];
/// Of MPEG-1; MPEG-2 has half and MPEG-2.5 a quarter.
const RATES_HZ: [u32; 3] = [44_100, 48_000, 32_000];

/// One frame's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    /// Samples a second in each channel.
    pub(crate) rate_hz: u32,
    /// 1 or 2.
    pub(crate) channels: u16,
    /// Length of the frame with its header, octets.
    pub(crate) octets: usize,
}

impl Frame {
    /// The frame that begins with these octets; none if they are no header of layer III, or one of "free" bit rate.
    pub(crate) fn of(octets: &[u8]) -> Option<Frame> {
        let &[first, second, third, fourth, ..] = octets else { return None };
        // Eleven bits set, the version, layer III.
        if first != 0xff || second & 0xe6 != 0xe2 {
            return None;
        }
        let (halvings, kind) = match second >> 3 & 3 {
            0b11 => (0, 0),
            0b10 => (1, 1),
            0b00 => (2, 1),
            _ => return None,
        };
        let bits = KBITS[kind][usize::from(third >> 4)] * 1_000;
        let rate_hz = RATES_HZ.get(usize::from(third >> 2 & 3))? >> halvings;
        if bits == 0 {
            return None;
        }
        // A frame has 1152 samples, since MPEG-2 the half.
        let samples = if kind == 0 { 1_152 } else { 576 };
        let octets = samples / 8 * bits / rate_hz + u32::from(third >> 1 & 1);
        Some(Frame { rate_hz, channels: if fourth >> 6 == 3 { 1 } else { 2 }, octets: octets as usize })
    }

    fn goes_on_as(&self, next: &Frame) -> bool {
        (self.rate_hz, self.channels) == (next.rate_hz, next.channels)
    }
}

/// Whether a frame begins here with another one, or the end of the file, behind it; `whole`: the file ends with `octets`.
pub(crate) fn begins(octets: &[u8], whole: bool) -> bool {
    let Some(frame) = Frame::of(octets) else { return false };
    match octets.get(frame.octets..) {
        Some([]) => whole,
        Some(behind) => Frame::of(behind).is_some_and(|next| frame.goes_on_as(&next)),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_as_long_as_the_standard_says() {
        // 144 * bit rate / sample rate + padding; since MPEG-2, 72.
        for (header, rate_hz, channels, octets) in [
            ([0xff, 0xfb, 0x90, 0x00], 44_100, 2, 417),
            ([0xff, 0xfb, 0x92, 0xc0], 44_100, 1, 418),
            ([0xff, 0xfa, 0xe4, 0x40], 48_000, 2, 960),
            ([0xff, 0xf3, 0x84, 0xc0], 24_000, 1, 192),
            ([0xff, 0xe3, 0x28, 0xc0], 8_000, 1, 144),
        ] {
            assert_eq!(Frame::of(&header), Some(Frame { rate_hz, channels, octets }), "{header:02x?}");
        }
    }

    #[test]
    fn what_is_no_header_of_layer_iii_is_told_from_one() {
        for header in [
            [0xff, 0xff, 0xff, 0xff], // silence of µ-law
            [0xff, 0xfd, 0x90, 0x00], // layer II
            [0xff, 0xf1, 0x50, 0x80], // AAC
            [0xff, 0xfb, 0xf0, 0x00], // no such bit rate
            [0xff, 0xfb, 0x00, 0x00], // free bit rate
            [0xff, 0xfb, 0x9c, 0x00], // no such sample rate
            [0xff, 0xeb, 0x90, 0x00], // no such version
            [0x7f, 0xfb, 0x90, 0x00],
        ] {
            assert_eq!(Frame::of(&header), None, "{header:02x?}");
        }
        assert_eq!(Frame::of(&[0xff, 0xfb, 0x90]), None);
    }

    #[test]
    fn one_header_is_not_enough() {
        let mut file = vec![0; 417];
        file[..4].copy_from_slice(&[0xff, 0xfb, 0x90, 0x00]);
        assert!(begins(&file, true) && !begins(&file, false), "a file of one frame");
        for (behind, expected) in [([0xff, 0xfb, 0x50, 0x00], true), ([0xff, 0xfb, 0x94, 0], false), ([0; 4], false)] {
            let mut file = file.clone();
            file.extend(behind);
            assert_eq!(begins(&file, true), expected, "{behind:02x?}");
        }
        assert!(!begins(&file[..400], true));
    }
}

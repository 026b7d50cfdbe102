//! G.711 decoding for the tone check, and what counts as silence.

/// The codecs the caller can offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Codec {
    /// µ-law, RTP payload type 0 (RFC 3551 §6).
    Pcmu,
    /// A-law, RTP payload type 8 (RFC 3551 §6).
    Pcma,
}

impl Codec {
    /// The static payload type.
    pub(crate) fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
        }
    }

    /// The encoding name in SDP.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
        }
    }

    /// The octet of a zero sample.
    pub(crate) fn silence(self) -> u8 {
        match self {
            Codec::Pcmu => 0xff,
            Codec::Pcma => 0xd5,
        }
    }

    /// The octet whose sample is nearest, by looking at all: leans on the decoder alone, and is not for speed.
    pub(crate) fn encode(self, sample: i16) -> u8 {
        // From above, so that zero becomes the positive one: not every far end gives back the other as it was.
        let distance = |octet: &u8| i32::from(self.decode(*octet)).abs_diff(i32::from(sample));
        (0..=255).rev().min_by_key(distance).expect("there are 256 octets")
    }

    /// The 16-bit sample of one octet.
    pub(crate) fn decode(self, octet: u8) -> i16 {
        match self {
            Codec::Pcmu => decode_u_law(octet),
            Codec::Pcma => decode_a_law(octet),
        }
    }
}

/// ITU-T G.711 table 2a: sign, three bits of segment, four of step, all inverted.
fn decode_u_law(octet: u8) -> i16 {
    let bits = !octet;
    let segment = (bits >> 4) & 7;
    let magnitude = (((i16::from(bits & 0x0f) << 3) + 0x84) << segment) - 0x84;
    if bits & 0x80 != 0 { -magnitude } else { magnitude }
}

/// ITU-T G.711 table 1a: even bits inverted.
fn decode_a_law(octet: u8) -> i16 {
    let bits = octet ^ 0x55;
    let segment = (bits >> 4) & 7;
    let step = i16::from(bits & 0x0f) << 4;
    let magnitude = if segment == 0 { step + 8 } else { (step + 0x108) << (segment - 1) };
    if bits & 0x80 != 0 { magnitude } else { -magnitude }
}

/// All octets are a zero sample, or the smallest step beside it, in either law.
pub(crate) fn is_silence(payload: &[u8]) -> bool {
    let all = |quiet: fn(&u8) -> bool| payload.iter().all(quiet);
    !payload.is_empty()
        && (all(|octet| matches!(octet, 0xff | 0x7f | 0xfe | 0x7e)) || all(|octet| matches!(octet, 0xd5 | 0x55)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_the_recommendation_at_their_corners() {
        // G.711 tables 2a and 1a, scaled to 16 bits.
        for (octet, sample) in
            [(0xff, 0), (0x7f, 0), (0x80, 32_124), (0x00, -32_124), (0xf0, 120), (0xef, 132), (0xfe, 8)]
        {
            assert_eq!(Codec::Pcmu.decode(octet), sample, "µ-law {octet:#x}");
        }
        for (octet, sample) in [(0xd5, 8), (0x55, -8), (0xaa, 32_256), (0x2a, -32_256), (0xd4, 24), (0x80, 5_504)] {
            assert_eq!(Codec::Pcma.decode(octet), sample, "A-law {octet:#x}");
        }
    }

    #[test]
    fn every_octet_but_the_negative_zero_is_the_code_of_its_own_sample() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            for octet in (0..=255u8).filter(|octet| codec == Codec::Pcma || *octet != 0x7f) {
                assert_eq!(codec.encode(codec.decode(octet)), octet);
            }
            assert_eq!(codec.encode(0), codec.silence());
        }
    }

    #[test]
    fn silence_is_told_from_sound() {
        assert!(is_silence(&[0xff; 160]) && is_silence(&[0xd5; 160]));
        assert!(!is_silence(&[0x90; 160]));
        assert!(!is_silence(&[]));
    }
}

//! The tables against a second reading of G.711: its tables of decision values, built up step by step and searched.

use super::*;

#[derive(Clone, Copy)]
enum Law {
    Mu,
    A,
}

impl Law {
    /// The 129 decision values of a positive half (G.711 tables 1a and 2a), in units of 14 bit for µ-law and 12 bit for
    /// A-law. µ-law: one step of 1, fifteen of 2, then sixteen each of 4, 8 ...; A-law: thirty-two of 1, then sixteen
    /// each of 2, 4 ...
    fn decision_values(self) -> Vec<i32> {
        let steps: Vec<i32> = match self {
            Law::Mu => (0..128).map(|n| if n == 0 { 1 } else { 2 << (n / 16) }).collect(),
            Law::A => (0..128).map(|n| if n < 32 { 1 } else { 1 << (n / 16 - 1) }).collect(),
        };
        let mut values = vec![0];
        for step in steps {
            values.push(values[values.len() - 1] + step);
        }
        values
    }

    fn octet(self, code: usize, negative: bool) -> u8 {
        let code = code as u8;
        match (self, negative) {
            (Law::Mu, false) => 0xff - code,
            (Law::Mu, true) => 0x7f - code,
            (Law::A, false) => (0x80 + code) ^ 0x55,
            (Law::A, true) => code ^ 0x55,
        }
    }

    fn encode_by_search(self, values: &[i32], sample: i16) -> u8 {
        let scale = match self {
            Law::Mu => 4,
            Law::A => 16,
        };
        // A negative sample lies in the interval of its one's complement (G.191).
        let magnitude = i32::from(if sample < 0 { -1 - sample } else { sample }) / scale;
        let code = values[..128].partition_point(|value| *value <= magnitude) - 1;
        self.octet(code, sample < 0)
    }

    /// Sample of each octet: the middle of its interval, but 0 for the interval around 0 of µ-law.
    fn decode_table(self) -> [i16; 256] {
        let values = self.decision_values();
        let mut table = [0; 256];
        for code in 0..128 {
            let sum = values[code] + values[code + 1];
            let sample = match self {
                Law::Mu if code == 0 => 0,
                Law::Mu => sum / 2 * 4,
                Law::A => sum * 8,
            };
            table[usize::from(self.octet(code, false))] = sample as i16;
            table[usize::from(self.octet(code, true))] = -(sample as i16);
        }
        table
    }
}

#[test]
fn every_sample_is_encoded_as_the_tables_of_decision_values_say() {
    for (law, encode) in [(Law::Mu, encode_ulaw as fn(i16) -> u8), (Law::A, encode_alaw)] {
        let values = law.decision_values();
        for sample in i16::MIN..=i16::MAX {
            assert_eq!(encode(sample), law.encode_by_search(&values, sample), "sample {sample}");
        }
    }
}

#[test]
fn every_octet_is_decoded_to_the_middle_of_its_interval() {
    let (mu, a) = (Law::Mu.decode_table(), Law::A.decode_table());
    for octet in 0..=255 {
        assert_eq!(decode_ulaw(octet), mu[usize::from(octet)], "µ-law {octet:#04x}");
        assert_eq!(decode_alaw(octet), a[usize::from(octet)], "A-law {octet:#04x}");
    }
}

#[test]
fn known_vectors() {
    // G.711 tables 1 and 2: ends, zero, and the first step on each side.
    let ulaw = [(0, 0xff), (3, 0xff), (4, 0xfe), (-1, 0x7f), (-4, 0x7f), (-5, 0x7e), (32767, 0x80), (-32768, 0x00)];
    for (sample, octet) in ulaw {
        assert_eq!(encode_ulaw(sample), octet, "µ-law {sample}");
    }
    let alaw = [(0, 0xd5), (15, 0xd5), (16, 0xd4), (-1, 0x55), (-16, 0x55), (-17, 0x54), (32767, 0xaa), (-32768, 0x2a)];
    for (sample, octet) in alaw {
        assert_eq!(encode_alaw(sample), octet, "A-law {sample}");
    }
    assert_eq!([0xff, 0x7f, 0x80, 0x00].map(decode_ulaw), [0, 0, 32124, -32124]);
    assert_eq!([0xd5, 0x55, 0xaa, 0x2a].map(decode_alaw), [8, -8, 32256, -32256]);
    // G.711 tables 5 and 6: the digital milliwatt, 1 kHz at 0 dBm0, is closed under decode and encode.
    for octet in [0x1e, 0x0b, 0x0b, 0x1e, 0x9e, 0x8b, 0x8b, 0x9e] {
        assert_eq!(encode_ulaw(decode_ulaw(octet)), octet);
    }
    for octet in [0x34, 0x21, 0x21, 0x34, 0xb4, 0xa1, 0xa1, 0xb4] {
        assert_eq!(encode_alaw(decode_alaw(octet)), octet);
    }
}

#[test]
fn what_was_decoded_is_encoded_to_the_same_octet() {
    for octet in 0..=255 {
        assert_eq!(encode_alaw(decode_alaw(octet)), octet);
        // µ-law has two zeros; the negative one decodes to the same sample.
        let expected = if octet == 0x7f { 0xff } else { octet };
        assert_eq!(encode_ulaw(decode_ulaw(octet)), expected);
    }
}

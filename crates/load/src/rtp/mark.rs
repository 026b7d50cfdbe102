//! The mark that each frame carries through the far end: which run, which call, which frame, when sent, and a filling that
//! follows from these, so that a changed octet anywhere is seen.
//!
//! No octet is ever 0x7f, the one µ-law code that a decoder and encoder do not give back as it was (its negative zero): a far
//! end that decodes and encodes again returns the mark unaltered, too.

use super::packet::FRAME;

const MAGIC: [u8; 4] = [0x31, 0x2a, 0x3c, 0x17];
/// Octets of run, call, frame and send time before they are spread over two octets each.
const FIELDS: usize = 24;
const FILLING: usize = MAGIC.len() + 2 * FIELDS;

/// What one payload says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The run; a frame of an earlier run is not of this one.
    pub run: u64,
    /// The call's number in this run.
    pub call: u32,
    /// The frame's number in this call, from 0.
    pub frame: u32,
    /// CLOCK_REALTIME nanoseconds just before it was sent.
    pub sent_ns: u64,
}

impl Mark {
    pub(crate) fn write(&self, payload: &mut [u8; FRAME]) {
        payload[..MAGIC.len()].copy_from_slice(&MAGIC);
        let mut fields = [0; FIELDS];
        fields[..8].copy_from_slice(&self.run.to_be_bytes());
        fields[8..12].copy_from_slice(&self.call.to_be_bytes());
        fields[12..16].copy_from_slice(&self.frame.to_be_bytes());
        fields[16..24].copy_from_slice(&self.sent_ns.to_be_bytes());
        for (pair, octet) in payload[MAGIC.len()..FILLING].as_chunks_mut().0.iter_mut().zip(fields) {
            *pair = [0x20 | (octet >> 4), 0x20 | (octet & 0x0f)];
        }
        self.fill(&mut payload[FILLING..]);
    }

    /// The mark in `payload`, or `None` if there is none or anything in it was altered.
    pub(crate) fn read(payload: &[u8]) -> Option<Mark> {
        let payload: &[u8; FRAME] = payload.try_into().ok()?;
        if payload[..MAGIC.len()] != MAGIC {
            return None;
        }
        let mut fields = [0; FIELDS];
        for (&[high, low], octet) in payload[MAGIC.len()..FILLING].as_chunks().0.iter().zip(&mut fields) {
            if high & 0xf0 != 0x20 || low & 0xf0 != 0x20 {
                return None;
            }
            *octet = (high << 4) | (low & 0x0f);
        }
        let number =
            |from: usize, to: usize| fields[from..to].iter().fold(0, |sum, octet| (sum << 8) | u64::from(*octet));
        let mark = Mark {
            run: number(0, 8),
            call: number(8, 12) as u32,
            frame: number(12, 16) as u32,
            sent_ns: number(16, 24),
        };
        let mut filling = [0; FRAME - FILLING];
        mark.fill(&mut filling);
        (payload[FILLING..] == filling).then_some(mark)
    }

    /// Octets 0x00 to 0x3f from splitmix64 over all fields.
    fn fill(&self, filling: &mut [u8]) {
        let mut state = self.run ^ self.sent_ns.rotate_left(32) ^ (u64::from(self.call) << 32) ^ u64::from(self.frame);
        for chunk in filling.chunks_mut(8) {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            word = (word ^ (word >> 31)) & 0x3f3f_3f3f_3f3f_3f3f;
            chunk.copy_from_slice(&word.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rtp::g711;

    const MARK: Mark = Mark { run: 0xfeed_0000_7f7f_ffff, call: 0x7fff_007f, frame: 77, sent_ns: u64::MAX - 5 };

    #[test]
    fn what_is_written_is_read_again() {
        let mut payload = [0; FRAME];
        MARK.write(&mut payload);
        assert_eq!(Mark::read(&payload), Some(MARK));
    }

    #[test]
    fn any_single_altered_bit_is_seen() {
        let mut payload = [0; FRAME];
        MARK.write(&mut payload);
        for octet in 0..FRAME {
            for bit in 0..8 {
                payload[octet] ^= 1 << bit;
                assert_eq!(Mark::read(&payload), None, "octet {octet} bit {bit}");
                payload[octet] ^= 1 << bit;
            }
        }
        assert_eq!(Mark::read(&payload[..FRAME - 1]), None);
    }

    #[test]
    fn a_mark_has_no_octet_that_u_law_cannot_give_back() {
        for frame in 0..2000 {
            let mut payload = [0; FRAME];
            Mark { frame, sent_ns: u64::from(frame) * 0x7f7f_7f7f_7f7f, ..MARK }.write(&mut payload);
            assert!(payload.iter().all(|octet| *octet < 0x40));
            assert!(!g711::is_silence(&payload));
        }
    }
}

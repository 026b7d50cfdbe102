//! Conferences of the small target: each call of the same user hears the sum of the others.

use std::collections::{BTreeMap, VecDeque};

use super::Call;

const FRAME: usize = 160;
/// So many frames wait before the first is heard, against unsteady arrival.
const AHEAD: usize = 3;

/// What a call said, frame by frame.
#[derive(Default)]
pub(super) struct Said {
    frames: VecDeque<Vec<u8>>,
    begun: bool,
}

impl Said {
    pub(super) fn push(&mut self, payload: &[u8]) {
        self.frames.push_back(payload.to_vec());
        self.begun |= self.frames.len() >= AHEAD;
        while self.frames.len() > 10 * AHEAD {
            self.frames.pop_front();
        }
    }

    fn next(&mut self) -> Vec<i32> {
        let frame = if self.begun { self.frames.pop_front() } else { None };
        self.begun &= frame.is_some();
        frame.map_or(vec![0; FRAME], |frame| frame.iter().map(|octet| decode(*octet)).collect())
    }
}

/// One frame of every room.
pub(super) fn mix<'a>(calls: impl Iterator<Item = &'a mut Call>) {
    let mut rooms: BTreeMap<String, Vec<&mut Call>> = BTreeMap::new();
    for call in calls.filter(|call| call.user.starts_with("room") && !call.over) {
        rooms.entry(call.user.clone()).or_default().push(call);
    }
    for members in rooms.values_mut() {
        let said: Vec<Vec<i32>> = members.iter_mut().map(|call| call.said.next()).collect();
        let sum: Vec<i32> = (0..FRAME).map(|at| said.iter().map(|frame| frame[at]).sum()).collect();
        for (member, own) in members.iter_mut().zip(&said) {
            let heard: Vec<u8> = sum.iter().zip(own).map(|(sum, own)| encode(sum - own)).collect();
            member.send(&heard);
        }
    }
}

/// ITU-T G.711 µ-law, by the rule of its segments.
fn decode(octet: u8) -> i32 {
    let bits = i32::from(!octet);
    let magnitude = ((((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 7)) - 132;
    if bits & 0x80 != 0 { -magnitude } else { magnitude }
}

fn encode(sample: i32) -> u8 {
    let magnitude = (sample.unsigned_abs() + 132).min(32_635 + 132);
    let segment = 31 - magnitude.leading_zeros() - 7;
    let step = (magnitude >> (segment + 3)) & 0x0f;
    let sign = if sample < 0 { 0x80 } else { 0 };
    !(sign | (segment << 4) | step) as u8
}

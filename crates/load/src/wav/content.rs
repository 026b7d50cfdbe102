//! What the samples of one recorded file hold: the marked frames of one call in order, or one tone.

use crate::args::Content;
use crate::rtp::g711::Codec;
use crate::rtp::mark::Mark;
use crate::rtp::packet::FRAME;
use crate::rtp::tone::{SHARE, Tone};

/// A tone that must not be heard may have less of a frame's energy than this: that of a cut or of another tone's edge.
const UNWANTED_SHARE: f64 = 0.1;

/// What was found in one file.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Found {
    /// Run and call of the marks.
    pub call: Option<(u64, u32)>,
    /// Frames with a mark, or with the tone.
    pub frames: u64,
    /// Numbers between the first and the last mark that are not there.
    pub missing: u64,
    /// Marks that come again or out of order.
    pub repeated: u64,
    /// Marks of another call than the first.
    pub foreign: u64,
    /// Stretches between the first and the last frame that hold neither.
    pub gaps: u64,
    /// Their samples.
    pub gap_samples: usize,
    /// Frames of 20 ms with a tone that must not be heard.
    pub unwanted: u64,
    /// Samples before the first and after the last.
    pub lead: usize,
    pub tail: usize,
}

/// Knows which sample is which octet, so that files of any size are looked at quickly.
pub(super) struct Reader {
    content: Content,
    wanted: Vec<Tone>,
    unwanted: Vec<Tone>,
    octets: Vec<Option<u8>>,
}

impl Reader {
    pub(super) fn new(content: Content, codec: Codec, wanted_hz: &[f64], unwanted_hz: &[f64]) -> Reader {
        let mut octets = vec![None; 1 << 16];
        for octet in 0..=255u8 {
            octets[usize::from(codec.decode(octet) as u16)] = Some(octet);
        }
        let tones = |hertz: &[f64]| hertz.iter().copied().map(Tone::new).collect();
        Reader { content, wanted: tones(wanted_hz), unwanted: tones(unwanted_hz), octets }
    }

    pub(super) fn look(&self, samples: &[i16]) -> Found {
        let mut found = match self.content {
            Content::Marks => self.marks(samples),
            Content::Tone => {
                let frames = samples.as_chunks::<FRAME>().0.iter().enumerate();
                stretches(frames.filter(|(_, frame)| self.is_wanted(*frame)).map(|(at, _)| at * FRAME), samples.len())
            }
            Content::Any => Found { frames: (samples.len() / FRAME) as u64, ..Found::default() },
        };
        let frames = samples.as_chunks::<FRAME>().0.iter();
        let heard = |frame: &&[i16; FRAME]| {
            self.unwanted.iter().any(|tone| tone.share_of(frame.iter().copied()) > UNWANTED_SHARE)
        };
        found.unwanted = if self.unwanted.is_empty() { 0 } else { frames.filter(heard).count() as u64 };
        found
    }

    /// Mostly these tones, and none of them much less than the others.
    fn is_wanted(&self, frame: &[i16]) -> bool {
        let shares: Vec<f64> = self.wanted.iter().map(|tone| tone.share_of(frame.iter().copied())).collect();
        let least = SHARE / 2.0 / shares.len() as f64;
        shares.iter().sum::<f64>() >= SHARE && shares.iter().all(|share| *share >= least)
    }

    fn marks(&self, samples: &[i16]) -> Found {
        // An octet that no law has cannot be in a mark, whose octets are all below 0x40.
        let octets: Vec<u8> =
            samples.iter().map(|sample| self.octets[usize::from(*sample as u16)].unwrap_or(0x7f)).collect();
        let mut marks = Vec::new();
        let mut at = 0;
        while at + FRAME <= octets.len() {
            match Mark::read(&octets[at..at + FRAME]) {
                Some(mark) => {
                    marks.push((at, mark));
                    at += FRAME;
                }
                None => at += 1,
            }
        }
        let mut found = stretches(marks.iter().map(|(at, _)| *at), samples.len());
        let Some((_, first)) = marks.first() else { return found };
        let mut next = first.frame;
        found.call = Some((first.run, first.call));
        for (_, mark) in &marks {
            if (mark.run, mark.call) != (first.run, first.call) {
                found.foreign += 1;
            } else if mark.frame < next {
                found.repeated += 1;
            } else {
                found.missing += u64::from(mark.frame - next);
                next = mark.frame.saturating_add(1);
            }
        }
        found
    }
}

/// What lies between frames that begin at these places.
fn stretches(places: impl Iterator<Item = usize>, length: usize) -> Found {
    let mut found = Found { lead: length, tail: length, ..Found::default() };
    let mut end = None;
    for place in places {
        match end {
            None => found.lead = place,
            Some(end) => {
                found.gaps += u64::from(place > end);
                found.gap_samples += place - end;
            }
        }
        found.frames += 1;
        end = Some(place + FRAME);
    }
    if let Some(end) = end {
        found.tail = length - end;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(frames: &[(u32, u32)]) -> Vec<i16> {
        let mut samples = vec![0; 77];
        for (call, frame) in frames {
            let mut payload = [0; FRAME];
            Mark { run: 9, call: *call, frame: *frame, sent_ns: 5 }.write(&mut payload);
            samples.extend(payload.iter().map(|octet| Codec::Pcmu.decode(*octet)));
        }
        samples.extend([0; 40]);
        samples
    }

    fn look(samples: &[i16]) -> Found {
        Reader::new(Content::Marks, Codec::Pcmu, &[], &[]).look(samples)
    }

    #[test]
    fn frames_in_order_are_found_wherever_they_begin() {
        let found = look(&recorded(&[(3, 5), (3, 6), (3, 7)]));
        let wanted = Found { call: Some((9, 3)), frames: 3, lead: 77, tail: 40, ..Found::default() };
        assert_eq!(found, wanted);
    }

    #[test]
    fn what_is_missing_repeated_foreign_or_altered_is_told_apart() {
        let found = look(&recorded(&[(3, 5), (3, 8), (3, 8), (4, 9), (3, 9)]));
        assert_eq!((found.frames, found.missing, found.repeated, found.foreign, found.gaps), (5, 2, 1, 1, 0));
        let mut samples = recorded(&[(3, 0), (3, 1), (3, 2)]);
        samples[77 + FRAME + 50] += 1;
        let found = look(&samples);
        assert_eq!((found.frames, found.missing, found.gaps, found.gap_samples), (2, 1, 1, FRAME));
        assert_eq!(look(&[0; 1000]), Found { lead: 1000, tail: 1000, ..Found::default() });
    }

    #[test]
    fn a_tone_with_a_hole_in_it_has_a_gap() {
        let sine = |at: usize| (8000.0 * (std::f64::consts::TAU * 500.0 * at as f64 / 8000.0).sin()) as i16;
        let samples: Vec<i16> = (0..8000).map(|at| if (3200..3520).contains(&at) { 0 } else { sine(at) }).collect();
        let found = Reader::new(Content::Tone, Codec::Pcmu, &[500.0], &[600.0]).look(&samples);
        assert_eq!((found.frames, found.gaps, found.gap_samples, found.lead), (48, 1, 320, 0));
        assert_eq!(found.unwanted, 0);
        assert_eq!(Reader::new(Content::Any, Codec::Pcmu, &[], &[500.0]).look(&samples).unwanted, 48);
    }

    #[test]
    fn two_tones_together_are_heard_as_such_and_each_by_itself_is_not() {
        let sine = |hertz: f64, at: usize| 5000.0 * (std::f64::consts::TAU * hertz * at as f64 / 8000.0).sin();
        let both: Vec<i16> = (0..1600).map(|at| (sine(500.0, at) + sine(900.0, at)) as i16).collect();
        let one: Vec<i16> = (0..1600).map(|at| sine(500.0, at) as i16).collect();
        let reader = Reader::new(Content::Tone, Codec::Pcmu, &[500.0, 900.0], &[700.0]);
        assert_eq!((reader.look(&both).frames, reader.look(&both).unwanted), (10, 0));
        assert_eq!(reader.look(&one).frames, 0);
    }
}

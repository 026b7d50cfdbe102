//! What every decoder gives its samples to: channels folded into one, brought to 8 kHz, handed on piece by piece, and stopped when it
//! is too long.

use super::resample::{RATE_HZ, Rate8k};

/// Rates outside of this are taken for damage.
const RATES_HZ: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// More channels than this are taken for damage.
const CHANNELS_MAX: u16 = 64;
/// Rate and channels may change so often in one file (files that were put one after the other); each change costs a new converter.
const CHANGES_MAX: u32 = 64;

/// Samples of one piece, about: a second.
const PIECE: usize = RATE_HZ as usize;

/// Where the samples of a sound go, at 8 kHz.
pub(crate) struct Sink<'a> {
    longest_s: u32,
    given: usize,
    /// Takes the next piece, or says why no more is wanted.
    take: &'a mut dyn FnMut(Vec<i16>) -> Result<(), String>,
}

impl Sink<'_> {
    /// One that takes at most `longest_s` seconds, and a block more.
    pub(crate) fn new(longest_s: u32, take: &mut dyn FnMut(Vec<i16>) -> Result<(), String>) -> Sink<'_> {
        Sink { longest_s, given: 0, take }
    }

    pub(crate) fn longest_s(&self) -> u32 {
        self.longest_s
    }

    /// The next piece.
    ///
    /// # Errors
    /// In words, why no more is wanted.
    pub(crate) fn give(&mut self, samples: Vec<i16>) -> Result<(), String> {
        self.given += samples.len();
        (self.take)(samples)
    }
}

/// All samples that `decode` gives.
///
/// # Errors
/// Those of `decode`.
pub(crate) fn collected(
    longest_s: u32,
    decode: impl FnOnce(Sink<'_>) -> Result<(), String>,
) -> Result<Vec<i16>, String> {
    let mut samples = Vec::new();
    let mut take = |piece: Vec<i16>| {
        samples.extend(piece);
        Ok(())
    };
    decode(Sink::new(longest_s, &mut take)).map(|()| samples)
}

/// Folds the channels of each frame, converts, and stops what is too long.
pub(crate) struct Folder<'a> {
    sink: Sink<'a>,
    rate: Rate8k,
    rate_hz: u32,
    channels: u16,
    sum: f32,
    seen: u16,
    changes: u32,
}

impl<'a> Folder<'a> {
    /// One for frames of `channels` samples at `rate_hz`.
    ///
    /// # Errors
    /// In words: a rate or a number of channels that cannot be.
    pub(crate) fn new(rate_hz: u32, channels: u16, sink: Sink<'a>) -> Result<Folder<'a>, String> {
        possible(rate_hz, channels)?;
        Ok(Folder { sink, rate: Rate8k::new(rate_hz)?, rate_hz, channels, sum: 0.0, seen: 0, changes: 0 })
    }

    /// From here on the frames are of another form.
    ///
    /// # Errors
    /// As [`Folder::new`]; and it changes too often.
    pub(crate) fn change(&mut self, rate_hz: u32, channels: u16) -> Result<(), String> {
        if self.takes(rate_hz, channels) {
            return Ok(());
        }
        possible(rate_hz, channels)?;
        self.changes += 1;
        if self.changes > CHANGES_MAX {
            return Err(format!("its sample rate or number of channels changes more than {CHANGES_MAX} times"));
        }
        (self.sum, self.seen, self.channels) = (0.0, 0, channels);
        if rate_hz != self.rate_hz {
            self.rate.change(rate_hz)?;
            self.rate_hz = rate_hz;
        }
        Ok(())
    }

    /// Whether frames of this form need no [`Folder::change`].
    pub(crate) fn takes(&self, rate_hz: u32, channels: u16) -> bool {
        (rate_hz, channels) == (self.rate_hz, self.channels)
    }

    /// Samples in each frame.
    pub(crate) fn channels(&self) -> usize {
        usize::from(self.channels)
    }

    /// Takes one sample of one channel, full scale is ±1.
    ///
    /// # Errors
    /// In words: it is too long, or no more of it is wanted.
    pub(crate) fn push(&mut self, sample: f32) -> Result<(), String> {
        self.sum += sample;
        self.seen += 1;
        if self.seen < self.channels {
            return Ok(());
        }
        let folded = self.sum / f32::from(self.channels);
        (self.sum, self.seen) = (0.0, 0);
        self.rate.push(folded)?;
        let ready = self.rate.len();
        // Looked at after each block, of which the shortest is one sample.
        if self.sink.given + ready > self.sink.longest_s as usize * RATE_HZ as usize {
            return Err(format!("it is longer than {} s", self.sink.longest_s));
        }
        if ready < PIECE {
            return Ok(());
        }
        self.sink.give(self.rate.take())
    }

    /// Takes whole frames, channel by channel.
    ///
    /// # Errors
    /// As [`Folder::push`].
    pub(crate) fn push_all(&mut self, samples: &[f32]) -> Result<(), String> {
        samples.iter().try_for_each(|sample| self.push(*sample))
    }

    /// There is no more.
    ///
    /// # Errors
    /// In words: the end of it is not wanted.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        let rest = self.rate.finish()?;
        if rest.is_empty() { Ok(()) } else { self.sink.give(rest) }
    }
}

fn possible(rate_hz: u32, channels: u16) -> Result<(), String> {
    if !RATES_HZ.contains(&rate_hz) {
        return Err(format!("a sample rate of {rate_hz} Hz is not possible"));
    }
    if channels == 0 || channels > CHANNELS_MAX {
        return Err(format!("{channels} channels are not possible"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_at_another_rate_follows_what_was_there_and_neither_is_cut() {
        let out = collected(60, |sink| {
            let mut folder = Folder::new(16_000, 1, sink)?;
            folder.push_all(&[0.25; 1_600])?;
            folder.change(8_000, 2)?;
            folder.push_all(&[0.5, 0.0].repeat(800))?;
            folder.change(48_000, 1)?;
            folder.push_all(&[0.25; 4_800])?;
            folder.finish()
        });
        let out = out.unwrap();
        assert_eq!(out.len(), 2_400);
        for middle in [400, 1_200, 2_000] {
            assert!((i32::from(out[middle]) - 8_192).abs() < 200, "{} at {middle}", out[middle]);
        }
    }

    #[test]
    fn a_form_that_changes_without_end_is_refused() {
        let mut nowhere = |_| Ok(());
        let mut folder = Folder::new(8_000, 1, Sink::new(60, &mut nowhere)).unwrap();
        let changed = (1..1_000).find_map(|n| folder.change(8_000 + 8_000 * (n & 1), 1).err().map(|why| (n, why)));
        let (changes, why) = changed.unwrap();
        assert_eq!(changes, 65);
        assert!(why.contains("more than 64 times"), "{why}");
    }

    #[test]
    fn rates_and_channels_that_cannot_be_are_refused() {
        let mut nowhere = |_| Ok(());
        for (rate_hz, channels) in [(0, 1), (8_000, 0), (8_000, 65)] {
            assert!(Folder::new(rate_hz, channels, Sink::new(1, &mut nowhere)).is_err());
        }
        assert!(Folder::new(8_000, 1, Sink::new(1, &mut nowhere)).unwrap().change(400_000, 1).is_err());
    }

    #[test]
    fn a_long_sound_comes_in_pieces_and_ends_when_no_more_is_wanted() {
        let mut pieces = Vec::new();
        let mut take = |piece: Vec<i16>| {
            pieces.push(piece.len());
            if pieces.len() < 3 { Ok(()) } else { Err("enough".to_owned()) }
        };
        let mut folder = Folder::new(8_000, 1, Sink::new(60, &mut take)).unwrap();
        assert_eq!(folder.push_all(&[0.5; 30_000]), Err("enough".into()));
        assert_eq!(pieces, [8_000; 3]);
    }
}

//! A text on its way from a synthesizer to those who hear it: converted to 8 kHz as it comes, and playable from its first tenth of
//! a second on.
//!
//! Its level is left as it is. Synthesizers give about -20 dB of active speech below full scale ([`speech::Synthesizer`]), which
//! is that of our prompts; a gain of our own could only be guessed before the end is known, and would undo `prosody volume`.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{MS, SoundId};
use media_core::{Sound, SoundFeeder};
use model::Speech;
use speech::{Cancel, Ear, Synthesizer};

use super::cache::Ready;
use super::resample::{RATE_HZ, Rate8k};
use crate::config::SoundConfig;
use crate::io::clock::monotonic_ns;

/// So much is there when those who wait are answered, samples: 100 ms. It is also the length of the parts that follow.
const BEGINNING: usize = RATE_HZ as usize / 10;
/// Quieter than this is silence: about -50 dB.
const SILENCE: u16 = 100;
/// Silence before the first word is cut to this, samples: 20 ms ...
const LEAD: usize = RATE_HZ as usize / 50;
/// ... unless it is longer than this, 250 ms: then the author of the text has asked for it.
const LEAD_MAX: usize = RATE_HZ as usize / 4;

/// A text to be spoken.
pub(crate) struct Text {
    /// Its name in the cache.
    pub(crate) key: String,
    pub(crate) speech: Speech,
    /// When it was asked for first, `CLOCK_MONOTONIC` ns.
    pub(crate) asked_ns: u64,
}

/// What came of it.
pub(crate) struct Spoken {
    /// The sound, if its beginning was given to anybody.
    pub(crate) begun: Option<SoundId>,
    pub(crate) result: Result<(), Failure>,
}

/// Why it was not spoken to its end.
pub(crate) struct Failure {
    pub(crate) why: String,
    /// As always, and a bug.
    pub(crate) panicked: bool,
}

/// Takes up a sound that has its beginning.
type Began<'a> = dyn Fn(Sound) -> Result<Ready, String> + 'a;

/// A text that is being spoken.
pub(crate) struct Speaking<'a> {
    began: &'a Began<'a>,
    longest: u64,
    rate: Option<(u32, Rate8k)>,
    /// At 8 kHz, on their way into the sound.
    waiting: Vec<i16>,
    /// The first word, or a silence that is meant, has come.
    has_lead: bool,
    growing: Option<(SoundId, SoundFeeder)>,
    samples: u64,
    failed: Option<String>,
}

impl<'a> Speaking<'a> {
    /// Has a text spoken. `began` is called once, as soon as there is something to play; the sound grows from then on and is over
    /// when this returns.
    pub(crate) fn run(
        text: &Text,
        synthesizer: &dyn Synthesizer,
        config: &SoundConfig,
        cancel: &Cancel,
        began: &'a Began<'a>,
    ) -> Spoken {
        let mut speaking = Speaking {
            began,
            longest: u64::from(config.longest_s) * u64::from(RATE_HZ),
            rate: None,
            waiting: Vec::new(),
            has_lead: false,
            growing: None,
            samples: 0,
            failed: None,
        };
        let waited_ms = monotonic_ns().saturating_sub(text.asked_ns) / MS;
        let result = if waited_ms >= config.speech_first_ms {
            Err(Failure { why: "too many texts wait for being spoken".into(), panicked: false })
        } else {
            // Whoever speaks was perhaps written by others, and a panic ends this text only.
            let spoken = catch_unwind(AssertUnwindSafe(|| {
                let spoken = synthesizer.synthesize(&text.speech, cancel, &mut speaking);
                match (speaking.failed.take(), spoken) {
                    (Some(why), _) => Err(why),
                    (None, Err(error)) => Err(error.to_string()),
                    (None, Ok(())) => speaking.end(),
                }
            }));
            match spoken {
                Ok(result) => result.map_err(|why| Failure { why, panicked: false }),
                Err(_) => Err(Failure { why: "the synthesizer failed badly".into(), panicked: true }),
            }
        };
        let begun = speaking.growing.as_ref().map(|(id, _)| *id);
        // The feeder, when dropped unfinished, says that the sound failed.
        if let Some((_, feeder)) = speaking.growing.take()
            && result.is_ok()
        {
            feeder.finish();
        }
        Spoken { begun, result }
    }

    fn take(&mut self, rate_hz: u32, samples: &[i16]) -> Result<(), String> {
        let rate = match &mut self.rate {
            Some((known_hz, rate)) if *known_hz == rate_hz => rate,
            Some(_) => return Err("the speech changes its sample rate".into()),
            None => &mut self.rate.insert((rate_hz, Rate8k::streaming(rate_hz)?)).1,
        };
        for sample in samples {
            rate.push(f32::from(*sample) / 32_768.0)?;
        }
        let ready = rate.take();
        self.add(&ready, BEGINNING)
    }

    /// Adds what is ready; as soon as `least` samples wait, they go into the sound.
    fn add(&mut self, ready: &[i16], least: usize) -> Result<(), String> {
        self.waiting.extend_from_slice(ready);
        if !self.has_lead {
            let heard = self.waiting.iter().position(|sample| sample.unsigned_abs() >= SILENCE);
            match heard {
                Some(at) if at < LEAD_MAX => drop(self.waiting.drain(..at.saturating_sub(LEAD))),
                _ if self.waiting.len() >= LEAD_MAX || least <= 1 => {}
                _ => return Ok(()),
            }
            self.has_lead = true;
        }
        if self.waiting.len() < least {
            return Ok(());
        }
        let samples = std::mem::take(&mut self.waiting);
        self.samples += samples.len() as u64;
        if self.samples > self.longest {
            return Err(format!("it is longer than {} s", self.longest / u64::from(RATE_HZ)));
        }
        match &mut self.growing {
            Some((_, feeder)) => feeder.push(&samples).then_some(()).ok_or_else(|| "it has too many parts".into()),
            None => {
                let (sound, mut feeder) = Sound::growing();
                feeder.push(&samples);
                let ready = (self.began)(sound)?;
                self.growing = Some((ready.id, feeder));
                Ok(())
            }
        }
    }

    /// The text was spoken to its end: what waits follows.
    fn end(&mut self) -> Result<(), String> {
        let rest = match self.rate.take() {
            Some((_, rate)) => rate.finish()?,
            None => Vec::new(),
        };
        self.add(&rest, 1)?;
        if self.samples == 0 { Err("there is no sound in it".into()) } else { Ok(()) }
    }
}

impl Ear for Speaking<'_> {
    fn piece(&mut self, rate_hz: u32, samples: &[i16]) -> ControlFlow<()> {
        match self.take(rate_hz, samples) {
            Ok(()) => ControlFlow::Continue(()),
            Err(why) => {
                self.failed = Some(why);
                ControlFlow::Break(())
            }
        }
    }

    fn note(&mut self, note: &str) {
        tracing::info!(%note, "about a text that is spoken");
    }
}

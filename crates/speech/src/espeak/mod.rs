//! Speech by the program `espeak-ng`. Its licence is the GPL 3, so it is never linked: it runs as a child process, one for each
//! text, with low priority and within limits.

mod child;
mod ipa;
mod phonemes;
mod slots;
mod sys;
mod voices;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use model::Speech;

use self::child::{Limits, Program, Trouble};
use self::phonemes::Phonemes;
use self::slots::Slots;
use self::voices::Voices;
use crate::counters::{Live, add};
use crate::wav::WavStream;
use crate::{Cancel, Ear, SpeechCounters, SpeechError, Synthesizer, ssml};

/// How long the program gets to say its version and voices.
const START: Duration = Duration::from_secs(10);
/// What it may say then.
const START_OCTETS_MAX: usize = 1 << 20;
/// A text is spoken once more when the program crashed or hung.
const ATTEMPTS: u32 = 2;

/// Configuration of [`Espeak`].
#[derive(Clone, Debug)]
pub struct EspeakConfig {
    /// Name or path of the program.
    pub program: PathBuf,
    /// Children that run at once.
    pub children_max: usize,
    /// Texts that may wait for one of them; more are refused.
    pub waiting_max: usize,
    /// Longest text, octets, as it comes.
    pub text_octets_max: usize,
    /// Longest sound of one text, s.
    pub longest_s: u32,
    /// A child that gives nothing for so long hangs, ms.
    pub silence_ms: u64,
    /// Longest wait for the first sound, ms: for a free child, and for both attempts together.
    pub first_sound_ms: u64,
    /// Longest time for the whole of a text, ms.
    pub whole_ms: u64,
    /// Nice value of the children.
    pub nice: i32,
}

impl Default for EspeakConfig {
    fn default() -> EspeakConfig {
        EspeakConfig {
            program: "espeak-ng".into(),
            children_max: 4,
            waiting_max: 1_024,
            text_octets_max: 32 << 10,
            longest_s: 1_800,
            silence_ms: 4_000,
            first_sound_ms: 10_000,
            whole_ms: 120_000,
            nice: 10,
        }
    }
}

/// The embedded engine.
#[derive(Debug)]
pub struct Espeak {
    config: EspeakConfig,
    program: Program,
    engine: String,
    voices: Voices,
    slots: Slots,
    /// Of the voices that were asked for theirs; variants of a voice have the same.
    phonemes: Mutex<BTreeMap<String, Arc<Phonemes>>>,
    live: Live,
}

impl Espeak {
    /// Looks for the program and asks it for its version and voices.
    ///
    /// # Errors
    /// [`SpeechError::Unavailable`]: the program is not installed, or is something else. The words say what to do.
    pub fn start(config: EspeakConfig) -> Result<Espeak, SpeechError> {
        let shown = config.program.display().to_string();
        let unavailable = |why: &str| {
            SpeechError::Unavailable(format!(
                "texts cannot be spoken, because {shown} {why}; please install espeak-ng \
                 (Debian and Ubuntu: apt-get install espeak-ng) and start again"
            ))
        };
        let program = Program::find(&config.program, config.nice).ok_or_else(|| unavailable("is not installed"))?;
        let ask = |argument: &str| {
            let answer = program.ask(&[argument], START_OCTETS_MAX, START);
            answer.map_err(|why| unavailable(&format!("does not answer ({why})")))
        };
        let said = ask("--version")?;
        let version = said.lines().find_map(version_in).ok_or_else(|| unavailable("does not say its version"))?;
        let voices = Voices::read(&ask("--voices")?, &ask("--voices=variant")?);
        if voices.count() == 0 {
            return Err(unavailable("has no voices"));
        }
        if !program.dies_with_us() {
            tracing::info!(
                "setpriv (util-linux) is missing: should this process be killed, a speaking child may outlive it"
            );
        }
        let engine = format!("espeak-ng {version}");
        tracing::info!(%engine, languages = voices.count(), "texts are spoken");
        let slots = Slots::new(config.children_max, config.waiting_max);
        Ok(Espeak { config, program, engine, voices, slots, phonemes: Mutex::default(), live: Live::default() })
    }

    fn speak(&self, speech: &Speech, cancel: &Cancel, ear: &mut dyn Ear) -> Result<(), SpeechError> {
        let (octets, octets_max) = (speech.text.len(), self.config.text_octets_max);
        if octets > octets_max {
            return Err(SpeechError::TextTooLong { octets, octets_max });
        }
        let mut text = ssml::read(&speech.text).ok_or(SpeechError::Empty)?;
        let choice = self.voices.choose(speech, &text.language);
        if let Some(note) = &choice.note {
            ear.note(note);
        }
        let asked = Instant::now();
        let limits = Limits {
            silence: Duration::from_millis(self.config.silence_ms),
            first: asked + Duration::from_millis(self.config.first_sound_ms),
            whole: asked + Duration::from_millis(self.config.whole_ms),
        };
        let _slot = self.slots.take(limits.first, cancel)?;
        if text.has_phonemes || text.has_figures {
            let known = match text.has_phonemes {
                true => self.phonemes_of(&choice.voice, limits, cancel)?,
                false => Arc::default(),
            };
            let unknown = Cell::new(false);
            let spell = |alphabet: &str, phonemes: &str| {
                let spelled = known.spell(alphabet, phonemes);
                unknown.set(unknown.get() || spelled.is_none());
                spelled
            };
            let voice = ssml::Voice { spell: Some(&spell), language: &choice.language() };
            text = ssml::read_with(&speech.text, &voice).ok_or(SpeechError::Empty)?;
            if unknown.get() {
                ear.note("a phoneme is spoken as its text is, since this voice does not have it");
            }
        }
        // The text is UTF-8 SSML and comes by standard input; no pause is added at its end.
        let arguments = ["-b", "1", "-m", "-z", "-v", &choice.voice, "--stdin", "--stdout"];
        let mut hearing =
            Hearing { ear, live: &self.live, asked, longest_s: self.config.longest_s, heard: 0, rate_hz: 0 };
        let mut why = String::new();
        for attempt in 1..=ATTEMPTS {
            if attempt > 1 {
                if hearing.heard == 0 && Instant::now() >= limits.first {
                    break;
                }
                add(&self.live.retries);
                tracing::warn!(%why, "a text is spoken once more");
            }
            let mut wav = WavStream::default();
            let mut at = 0;
            let ran = self.program.run(&arguments, &text.body, limits, cancel, &mut |octets| {
                let (rate_hz, samples) = wav.push(octets).map_err(Trouble::Again)?;
                hearing.hear(&mut at, rate_hz, samples)
            });
            match ran {
                Ok(()) if hearing.heard > 0 => return Ok(()),
                Ok(()) => "the program gave no sound".clone_into(&mut why),
                Err(Trouble::Again(reason)) => why = reason,
                Err(Trouble::Over(error)) => return Err(error),
            }
        }
        Err(SpeechError::Failed(why))
    }
}

impl Espeak {
    /// The phonemes of a voice. None of them, when the program does not answer as it should.
    fn phonemes_of(&self, voice: &str, limits: Limits, cancel: &Cancel) -> Result<Arc<Phonemes>, SpeechError> {
        let base = voice.split('+').next().unwrap_or(voice);
        let known = || self.phonemes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(base) {
            return Ok(known.clone());
        }
        let mut answer = Vec::new();
        let arguments = ["-b", "1", "-q", "--ipa", "-v", base, "--stdin"];
        let ran = self.program.run(&arguments, &Phonemes::question(), limits, cancel, &mut |octets| {
            answer.extend_from_slice(octets);
            if answer.len() > START_OCTETS_MAX { Err(Trouble::Again("it writes without end".into())) } else { Ok(()) }
        });
        let why = match ran {
            Ok(()) => match Phonemes::read(&String::from_utf8_lossy(&answer)) {
                Some(phonemes) => {
                    let phonemes = Arc::new(phonemes);
                    known().insert(base.to_owned(), phonemes.clone());
                    return Ok(phonemes);
                }
                None => "its answer is not understood".to_owned(),
            },
            Err(Trouble::Over(error)) => return Err(error),
            Err(Trouble::Again(why)) => why,
        };
        tracing::warn!(%voice, %why, "the program does not say what its phonemes sound like");
        Ok(Arc::default())
    }
}

impl Synthesizer for Espeak {
    fn engine(&self) -> &str {
        &self.engine
    }

    fn synthesize(&self, speech: &Speech, cancel: &Cancel, ear: &mut dyn Ear) -> Result<(), SpeechError> {
        add(&self.live.requests);
        let result = self.speak(speech, cancel, ear);
        match &result {
            Ok(()) => add(&self.live.synthesized),
            // Nobody failed.
            Err(SpeechError::Cancelled) => {}
            Err(error) => {
                add(&self.live.failures);
                if *error == SpeechError::Busy {
                    add(&self.live.busy);
                }
            }
        }
        result
    }

    fn counters(&self) -> SpeechCounters {
        SpeechCounters { running: self.slots.running() as u64, ..self.live.read() }
    }
}

/// What the ear has heard of a text, over both attempts: equal texts sound equal, so a second attempt goes on where the first
/// one broke off.
struct Hearing<'a> {
    ear: &'a mut dyn Ear,
    live: &'a Live,
    asked: Instant,
    longest_s: u32,
    heard: u64,
    rate_hz: u32,
}

impl Hearing<'_> {
    /// `at` is where this attempt stands.
    fn hear(&mut self, at: &mut u64, rate_hz: u32, samples: &[i16]) -> Result<(), Trouble> {
        if samples.is_empty() {
            return Ok(());
        }
        if self.heard > 0 && rate_hz != self.rate_hz {
            return Err(Trouble::Again("it speaks at another rate than before".into()));
        }
        let known = usize::try_from(self.heard.saturating_sub(*at)).unwrap_or(usize::MAX).min(samples.len());
        *at += samples.len() as u64;
        let new = &samples[known..];
        if new.is_empty() {
            return Ok(());
        }
        if self.heard == 0 {
            self.live.first_sound(self.asked.elapsed());
        }
        self.rate_hz = rate_hz;
        let longest = u64::from(self.longest_s) * u64::from(rate_hz);
        let room = usize::try_from(longest.saturating_sub(self.heard)).unwrap_or(usize::MAX).min(new.len());
        self.heard += new.len() as u64;
        if room > 0 && self.ear.piece(rate_hz, &new[..room]) == ControlFlow::Break(()) {
            return Err(Trouble::Over(SpeechError::Cancelled));
        }
        if self.heard > longest {
            return Err(Trouble::Over(SpeechError::AudioTooLong { longest_s: self.longest_s }));
        }
        Ok(())
    }
}

/// `eSpeak NG text-to-speech: 1.51  Data at: ...`
fn version_in(line: &str) -> Option<String> {
    let (_, after) = line.split_once("text-to-speech:")?;
    let version = after.split_whitespace().next()?;
    Some(version.chars().filter(|c| c.is_ascii_alphanumeric() || ".-+".contains(*c)).take(40).collect())
}

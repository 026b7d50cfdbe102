//! `talk`: speaks a text.

use model::Speech;

use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait, answer};
use crate::Effect;

pub(super) const KEYS: &[&str] = &["text", "language", "gender", "provider", "voice_id", "digits_handle", "async"];

/// spec/actions.md `talk`.
const DEFAULT_PROVIDER: &str = "gcp";

/// Options of `talk`.
pub(super) struct Options<'a> {
    text: &'a str,
    language: &'a str,
    gender: &'a str,
    provider: &'a str,
    voice_id: &'a str,
    stop_on_digit: bool,
    goes_on: bool,
}

impl<'a> Options<'a> {
    pub(super) fn read(option: &OptionReader<'a>) -> Result<Options<'a>, OptionError> {
        let text = |key| option.text(key).map(|text| text.unwrap_or_default().trim());
        let provider = text("provider")?;
        Ok(Options {
            text: text("text")?,
            language: text("language")?,
            gender: text("gender")?,
            provider: if provider.is_empty() { DEFAULT_PROVIDER } else { provider },
            voice_id: text("voice_id")?,
            stop_on_digit: text("digits_handle")?.eq_ignore_ascii_case("next"),
            goes_on: option.boolean("async")?.unwrap_or(false),
        })
    }

    fn speech(&self) -> Speech {
        Speech {
            text: self.text.to_owned(),
            language: self.language.to_owned(),
            gender: self.gender.to_ascii_lowercase(),
            provider: self.provider.to_ascii_lowercase(),
            voice_id: self.voice_id.to_owned(),
        }
    }
}

/// Answers the call, also for an empty text (spec/actions.md `talk`).
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    answer::answer_if_unanswered(run);
    let options = Options::read(&run.option()?)?;
    if options.text.is_empty() {
        return Ok(Outcome::Continue);
    }
    let wait = !options.goes_on;
    run.emit(Effect::Talk { step: run.step, speech: options.speech(), wait });
    Ok(if wait { Outcome::Wait(Wait::Playback { stop_on_digit: options.stop_on_digit }) } else { Outcome::Continue })
}

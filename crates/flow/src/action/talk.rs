//! `talk`: speaks a text.

use model::Speech;

use super::about::{About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader};
use super::{Fault, Outcome, Run, Wait, answer};
use crate::Effect;

pub(super) const ABOUT: About = About {
    does: "Speaks a text. An incoming call that is not answered yet is answered first, also when the text is empty. The text is plain, or SSML.",
    waits: "The end of the speech, unless `async`. An empty text goes on at once.",
    fails: "When it cannot be spoken, or takes longer than 10 s to begin, the reason stands in the timeline, and the flow goes on with the next action; so it does when an option cannot be read.",
    options: &[
        Field::new("text", Type::Text, "What is spoken: plain text, or SSML with the elements `speak`, `p`, `s`, `break`, `say-as`, `prosody`, `emphasis`, `sub`, `phoneme` and `audio`. Of a `phoneme` that cannot be spoken its text is, of an `audio` that cannot be had its content; of other elements only their text is. `say-as` knows `characters`, `digits`, `cardinal`, `ordinal`, `date` (with `format`, such as `mdy`) and `time`; dates and times in English and German, ordinals also in Danish, Dutch, French, Hungarian, Italian, Latvian, Norwegian, Portuguese, Spanish and Swedish. Each `audio` stands in this text itself: what variables hold names no further sounds.").required(),
        Field::new("language", Type::Text, "BCP 47, such as `en-US`; two letters will do.").default("the engine's, `en-US`"),
        Field::new("gender", Type::Text, "Picks a voice where `voice_id` is absent.").default("none").allowed(Allowed::OfAnyCase(&["", "male", "female", "neutral"])),
        Field::new("provider", Type::Text, "Whose voice. `gcp`, `aws` and all others are spoken by the built-in engine where no other is set up.").default("`gcp`"),
        Field::new("voice_id", Type::Text, "The provider's name of a voice.").default("the provider's"),
        Field::new("digits_handle", Type::Text, "`next`: the first digit that is pressed while it sounds stops it, and the flow goes on. That digit also counts for a `digits_receive` behind it.").default("digits are stored, the sound goes on").allowed(Allowed::OfAnyCase(&["", "next"])),
        Field::new("barge_in", Type::Boolean, "The caller ends it by speaking, and the flow goes on. Who spoke already when it began ends it by speaking on after a pause.").default("false"),
        Field::new("async", Type::Boolean, "Goes on while it is spoken. A sound that is played meanwhile cuts it off.").default("false"),
    ],
    example: r#"[
  { "id": "menu", "type": "talk",
    "option": { "text": "Press 1 to be called back.", "language": "en-US", "gender": "female", "digits_handle": "next" } },
  { "type": "digits_receive", "option": { "duration": 5000, "length": 1 } },
  { "type": "webhook_send", "option": { "uri": "https://example.com/callback", "data": "{\"key\": \"${voipbin.call.digits}\"}" } }
]"#,
};

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
    barge_in: bool,
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
            barge_in: option.boolean("barge_in")?.unwrap_or(false),
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
    run.emit(Effect::Talk { step: run.step, speech: options.speech(), barge_in: options.barge_in, wait });
    Ok(if wait { Outcome::Wait(Wait::Playback { stop_on_digit: options.stop_on_digit }) } else { Outcome::Continue })
}

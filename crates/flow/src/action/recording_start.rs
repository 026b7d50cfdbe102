//! `recording_start`: records the call in the background.

use model::CallStatus;
use serde_json::Value;
use uuid::Uuid;

use super::about::{About, Allowed, Field, Type};
use super::option::{OptionError, OptionReader, wrong};
use super::{Fault, Outcome, Run};
use crate::digits::digit_of;
use crate::{Effect, RecordingOptions};

pub(super) const ABOUT: About = About {
    does: "Starts to record the call, and goes on while it is recorded. The call must be answered, and one recording at a time is made. It ends by `recording_stop`, by what the options say, or with the call; the flow is not moved by that. It sets the variables `voipbin.recording.*`, which the next action can use.",
    waits: "Nothing: the flow goes on at once. Use `sleep` to give it time.",
    fails: "When it cannot be recorded, or an option cannot be read, the reason stands in the timeline, and the flow goes on with the next action.",
    options: &[
        Field::new(
            "format",
            Type::Text,
            "The format of the files. This server has no encoder for `mp3` and `ogg`: with these, too, it writes `wav`, and the recording says so.",
        )
            .default("`wav`")
            .allowed(Allowed::OfAnyCase(&["", "wav", "mp3", "ogg"])),
        Field::new("end_of_silence", Type::Seconds, "This much silence of the caller ends it; 0 is off.")
            .default("0")
            .allowed(Allowed::FromZero("0, which is off")),
        Field::new(
            "end_of_key",
            Type::Text,
            "The key that ends it: `none`, `any`, or one of `0-9 A-D * #`. The key is stored like any other.",
        )
        .default("`none`"),
        Field::new("duration", Type::Seconds, "The longest length; 0 is no limit.")
            .default("0")
            .allowed(Allowed::FromZero("0, which is no limit")),
        Field::new("beep_start", Type::Boolean, "Whether one beep is played to the call first. A `talk` that is still heard ends before it; what the flow plays after this action takes its place.").default("false"),
        Field::new("on_end_flow_id", Type::Uuid, "A flow that runs when the recording is stored."),
    ],
    example: r##"[
  { "type": "talk", "option": { "text": "Please leave a message, then press hash." } },
  { "type": "recording_start", "option": { "end_of_key": "#", "end_of_silence": 5, "duration": 120, "beep_start": true } },
  { "type": "sleep", "option": { "duration": 120000 } }
]"##,
};

/// Options of `recording_start`.
pub(super) struct Options(RecordingOptions);

impl Options {
    pub(super) fn read(option: &OptionReader<'_>) -> Result<Options, OptionError> {
        let format = option.text("format")?.unwrap_or_default().trim().to_ascii_lowercase();
        Ok(Options(RecordingOptions {
            format: if format.is_empty() { "wav".to_owned() } else { format },
            end_of_silence_s: seconds(option, "end_of_silence")?,
            end_of_key: end_of_key(option)?,
            duration_s: seconds(option, "duration")?,
            beep_start: option.boolean("beep_start")?.unwrap_or(false),
            on_end_flow_id: option.uuid("on_end_flow_id")?.unwrap_or(Uuid::nil()),
        }))
    }
}

/// 0 for less than that.
fn seconds(option: &OptionReader<'_>, key: &str) -> Result<u32, OptionError> {
    let seconds = option.integer(key)?.unwrap_or(0).clamp(0, i64::from(u32::MAX));
    Ok(u32::try_from(seconds).unwrap_or(u32::MAX))
}

fn end_of_key(option: &OptionReader<'_>) -> Result<String, OptionError> {
    let text = option.text("end_of_key")?.unwrap_or_default().trim();
    let mut keys = text.chars();
    match (text.to_ascii_lowercase().as_str(), keys.next().and_then(digit_of), keys.next()) {
        ("" | "none", ..) => Ok(String::new()),
        ("any", ..) => Ok("any".to_owned()),
        (_, Some(key), None) => Ok(key.to_string()),
        _ => Err(wrong("end_of_key", &Value::from(text), "none, any, or one key of 0-9 A-D * #")),
    }
}

/// Needs an answered call, never waits (spec/actions.md `recording_start`). Whether one runs already is for the call to
/// know.
pub(super) fn run(run: &mut Run<'_>) -> Result<Outcome, Fault> {
    let Options(options) = Options::read(&run.option()?)?;
    if run.view.status() != Some(CallStatus::Progressing) {
        return Err(Fault("the call is not answered, so nothing is recorded".to_owned()));
    }
    run.emit(Effect::StartRecording { step: run.step, options });
    Ok(Outcome::Continue)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(option: &Value) -> Result<RecordingOptions, OptionError> {
        Options::read(&OptionReader::new(Some(option)).unwrap()).map(|options| options.0)
    }

    #[test]
    fn keys_are_one_key_any_or_none() {
        for (key, expected) in [
            ("", ""),
            ("none", ""),
            ("None", ""),
            ("any", "any"),
            ("ANY", "any"),
            ("#", "#"),
            ("*", "*"),
            ("5", "5"),
            ("a", "A"),
        ] {
            assert_eq!(read(&json!({"end_of_key": key})).unwrap().end_of_key, expected, "{key}");
        }
        for key in ["12", "x", "all"] {
            assert!(read(&json!({"end_of_key": key})).is_err(), "{key}");
        }
    }

    #[test]
    fn seconds_below_zero_are_off_and_the_rest_has_its_defaults() {
        assert_eq!(read(&json!({})).unwrap(), RecordingOptions { format: "wav".into(), ..RecordingOptions::default() });
        let flow = Uuid::from_u128(5);
        let option = json!({"format": "MP3", "end_of_silence": -1, "duration": "90", "beep_start": "true", "on_end_flow_id": flow});
        let read = read(&option).unwrap();
        assert_eq!((read.format.as_str(), read.end_of_silence_s, read.duration_s), ("mp3", 0, 90));
        assert_eq!((read.beep_start, read.on_end_flow_id), (true, flow));
    }
}

//! `${name}` in a text that is to be spoken. Its sounds (SSML `audio`) are fetched, so they are those that the author of the flow wrote:
//! what stands in variables may be a caller's words, such as a display name, and names no further ones.

use std::borrow::Cow;

use serde_json::Value;

use crate::substitute::{Lookup, TooLong, substitute};

/// Begins a sound, and ends it; and elements that are none, of which the content is spoken.
const BEGINS: (&str, &str) = ("<audio", "<x-audio");
const ENDS: (&str, &str) = ("</audio", "</x-audio");

/// As [`substitute`]; sounds that are not in the text as it was sent are none.
pub(crate) fn substitute_spoken(option: &mut Value, lookup: &dyn Lookup) -> Result<(), TooLong> {
    let sounds = |option: &Value| match option.get("text") {
        Some(Value::String(text)) => text.matches(BEGINS.0).count(),
        _ => 0,
    };
    let meant = sounds(option);
    substitute(option, &Spoken(lookup))?;
    // Values that stand side by side may make one together.
    if sounds(option) > meant
        && let Some(Value::String(text)) = option.get_mut("text")
    {
        *text = without_sounds(text);
    }
    Ok(())
}

struct Spoken<'a>(&'a dyn Lookup);

impl Lookup for Spoken<'_> {
    fn value(&self, name: &str) -> Cow<'_, str> {
        let value = self.0.value(name);
        if value.contains(BEGINS.0) || value.contains(ENDS.0) { Cow::Owned(without_sounds(&value)) } else { value }
    }
}

fn without_sounds(text: &str) -> String {
    text.replace(BEGINS.0, BEGINS.1).replace(ENDS.0, ENDS.1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Names;

    impl Lookup for Names {
        fn value(&self, name: &str) -> Cow<'_, str> {
            Cow::Borrowed(match name {
                "name" => "<audio src=\"http://inside/\">Ann</audio>",
                "begin" => "<aud",
                "end" => "io src='http://inside/'/>",
                "close" => "x\"/><audio src=\"http://inside/",
                "url" => "http://h/a.wav",
                "bold" => "<emphasis>Bob</emphasis>",
                _ => "",
            })
        }
    }

    #[test]
    fn variables_name_no_sounds_and_the_author_does() {
        for (text, expected) in [
            ("Hello ${name}", "Hello <x-audio src=\"http://inside/\">Ann</x-audio>"),
            ("${begin}${end}", "<x-audio src='http://inside/'/>"),
            (
                "<audio src=\"${url}\">x</audio> ${bold}",
                "<audio src=\"http://h/a.wav\">x</audio> <emphasis>Bob</emphasis>",
            ),
            ("<audio src=\"${close}\"/>", "<audio src=\"x\"/><x-audio src=\"http://inside/\"/>"),
            ("<audio src='a:b'/>${begin}${end}", "<x-audio src='a:b'/><x-audio src='http://inside/'/>"),
        ] {
            let mut option = json!({ "text": text });
            substitute_spoken(&mut option, &Names).unwrap();
            assert_eq!(option["text"], expected, "{text}");
        }
    }
}

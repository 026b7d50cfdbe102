//! Which of the program's voices speaks a language: BCP 47 in, its own names out.

use std::collections::{BTreeMap, BTreeSet};

use model::Speech;

/// Speaks when nothing else is asked for or can be had (`spec/actions.md` `talk`: `en-US`).
const DEFAULT: &str = "en-us";
/// The variants that make another person of every voice.
const FEMALE: &str = "f3";
const MALE: &str = "m3";

/// What the program says it has.
#[derive(Clone, Debug, Default)]
pub(crate) struct Voices {
    /// Language in small letters.
    languages: BTreeSet<String>,
    /// Name of a voice or of its file in small letters, to its language or file.
    names: BTreeMap<String, String>,
    variants: BTreeSet<String>,
}

/// What was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    /// For the program's option `-v`. Letters, digits and a few marks only.
    pub(crate) voice: String,
    /// What the author of the flow may want to know.
    pub(crate) note: Option<String>,
}

impl Choice {
    /// The language that the voice speaks, such as `en-us`; voices and files of voices are named after it.
    pub(crate) fn language(&self) -> String {
        let base = self.voice.split('+').next().unwrap_or_default();
        base.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
    }
}

impl Voices {
    /// Reads what `--voices` and `--voices=variant` print.
    pub(crate) fn read(voices: &str, variants: &str) -> Voices {
        let mut known = Voices::default();
        for line in voices.lines().skip(1) {
            // Pty Language Age/Gender VoiceName File Other Languages
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [_, language, _, name, file, ..] = columns.as_slice() else { continue };
            if ![language, name, file].iter().all(|word| is_harmless(word)) {
                continue;
            }
            known.languages.insert(language.to_ascii_lowercase());
            // (zh-cmn 5)(zh 5): further languages with a rank.
            let others = columns[5..].join(" ");
            for other in others.split('(').filter_map(|other| other.split_whitespace().next()) {
                if is_harmless(other) {
                    known.languages.insert(other.to_ascii_lowercase());
                }
            }
            for alias in [*name, *file] {
                known.names.insert(alias.to_ascii_lowercase(), (*file).to_owned());
            }
        }
        for line in variants.lines().skip(1) {
            if let Some(file) = line.split_whitespace().nth(4)
                && let Some(name) = file.strip_prefix("!v/")
                && is_harmless(name)
            {
                known.variants.insert(name.to_owned());
            }
        }
        known
    }

    /// How many languages there are.
    pub(crate) fn count(&self) -> usize {
        self.languages.len()
    }

    /// The voice for a request; `in_text` is the language that the text itself says, used when the request has none.
    pub(crate) fn choose(&self, speech: &Speech, in_text: &str) -> Choice {
        if let Some(voice) = self.named(&speech.voice_id) {
            return Choice { voice, note: None };
        }
        let wanted = if speech.language.is_empty() { in_text } else { &speech.language };
        let (voice, note) = match self.language(wanted) {
            Some(voice) => (voice, None),
            None if wanted.is_empty() => (DEFAULT.to_owned(), None),
            None => {
                let shown: String = wanted.chars().filter(|c| !c.is_control()).take(40).collect();
                (DEFAULT.to_owned(), Some(format!("there is no voice for the language {shown:?}; en-US speaks")))
            }
        };
        let variant = match speech.gender.to_ascii_lowercase().as_str() {
            "female" => FEMALE,
            "male" => MALE,
            _ => return Choice { voice, note },
        };
        let voice = if self.variants.contains(variant) { format!("{voice}+{variant}") } else { voice };
        Choice { voice, note }
    }

    /// The language as it is, then without its last parts.
    fn language(&self, wanted: &str) -> Option<String> {
        let mut wanted = wanted.trim().replace('_', "-").to_ascii_lowercase();
        loop {
            // Plain English is American here, as in the default.
            if wanted == "en" {
                return Some(DEFAULT.to_owned());
            }
            if self.languages.contains(&wanted) {
                return Some(wanted);
            }
            wanted.truncate(wanted.rfind('-')?);
        }
    }

    /// `en-us`, `en-us+f3`, `English_(America)` or `gmw/en-US`; names of other providers' voices are none.
    fn named(&self, voice_id: &str) -> Option<String> {
        let (base, variant) = match voice_id.split_once('+') {
            Some((base, variant)) => (base, Some(variant)),
            None => (voice_id, None),
        };
        let lower = base.to_ascii_lowercase();
        let voice = match self.names.get(&lower) {
            Some(file) => file.clone(),
            None if self.languages.contains(&lower) => lower,
            None => return None,
        };
        match variant {
            None => Some(voice),
            Some(variant) if self.variants.contains(variant) => Some(format!("{voice}+{variant}")),
            Some(_) => None,
        }
    }
}

fn is_harmless(word: &str) -> bool {
    !word.is_empty()
        && !word.starts_with(['-', '/'])
        && !word.contains("..")
        && word.chars().all(|c| c.is_ascii_alphanumeric() || "-_/(),'".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOICES: &str = "\
Pty Language       Age/Gender VoiceName          File                 Other Languages
 5  cmn             --/M      Chinese_(Mandarin) sit/cmn              (zh-cmn 5)(zh 5)
 5  de              --/M      German             gmw/de
 2  en-gb           --/M      English_(Great_Britain) gmw/en               (en 2)
 2  en-us           --/M      English_(America)  gmw/en-US            (en 3)
 5  pt-br           --/M      Portuguese_(Brazil) roa/pt-BR            (pt 6)
 5  xx              --/M      Odd                ../../etc/passwd
";
    const VARIANTS: &str = "\
Pty Language       Age/Gender VoiceName          File                 Other Languages
 5  variant         --/F      female3            !v/f3
 5  variant         --/M      male3              !v/m3
";

    fn chosen(language: &str, gender: &str, voice_id: &str) -> Choice {
        let speech =
            Speech { language: language.into(), gender: gender.into(), voice_id: voice_id.into(), ..Speech::default() };
        Voices::read(VOICES, VARIANTS).choose(&speech, "")
    }

    #[test]
    fn the_language_chooses_the_voice_and_falls_back_part_by_part() {
        for (language, voice) in [
            ("", "en-us"),
            ("en", "en-us"),
            ("en-US", "en-us"),
            ("EN_us", "en-us"),
            ("en-GB", "en-gb"),
            ("en-AU", "en-us"),
            ("de-DE", "de"),
            ("de-Latn-AT-x-wien", "de"),
            ("zh-CN", "zh"),
            ("pt-BR", "pt-br"),
            ("pt", "pt"),
        ] {
            assert_eq!(chosen(language, "", ""), Choice { voice: voice.into(), note: None }, "{language}");
        }
    }

    #[test]
    fn a_language_without_a_voice_is_noted_and_spoken_by_the_default() {
        for language in ["tlh", "qq-QQ", "xx", "../x", "-v", "de/../x"] {
            let choice = chosen(language, "female", "");
            assert_eq!(choice.voice, "en-us+f3");
            assert!(choice.note.unwrap().contains("no voice for the language"), "{language}");
        }
    }

    #[test]
    fn a_voice_tells_its_language_however_it_was_chosen() {
        for (language, gender, voice_id, spoken) in
            [("de-DE", "female", "", "de"), ("", "", "GMW/en-us+m3", "en-us"), ("de", "", "English_(America)", "en-us")]
        {
            assert_eq!(chosen(language, gender, voice_id).language(), spoken);
        }
    }

    #[test]
    fn the_gender_chooses_a_variant() {
        for (gender, voice) in [("female", "de+f3"), ("Male", "de+m3"), ("neutral", "de"), ("", "de"), ("x", "de")] {
            assert_eq!(chosen("de", gender, "").voice, voice);
        }
    }

    #[test]
    fn a_voice_of_the_program_is_taken_by_its_name_and_any_other_name_is_ignored() {
        for (voice_id, voice) in [
            ("de", "de"),
            ("en-us+f3", "en-us+f3"),
            ("English_(America)", "gmw/en-US"),
            ("GMW/en-us+m3", "gmw/en-US+m3"),
            ("en-US-Wavenet-F", "pt-br+f3"),
            ("Joanna", "pt-br+f3"),
            ("en-us+../../x", "pt-br+f3"),
            ("../../etc/passwd", "pt-br+f3"),
        ] {
            assert_eq!(chosen("pt-BR", "female", voice_id).voice, voice, "{voice_id}");
        }
    }

    #[test]
    fn the_text_says_its_language_when_the_request_does_not() {
        let voices = Voices::read(VOICES, VARIANTS);
        assert_eq!(voices.choose(&Speech::default(), "de-DE").voice, "de");
        let speech = Speech { language: "en-GB".into(), ..Speech::default() };
        assert_eq!(voices.choose(&speech, "de-DE").voice, "en-gb");
    }
}

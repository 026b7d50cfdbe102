//! Phonemes as authors of SSML write them, in the program's own names.
//!
//! The program's names differ from language to language, and its own `phoneme` knows nothing but them. So it is asked once for each
//! voice what each name sounds like in it, in IPA; that is read backwards.

use std::collections::BTreeMap;

use super::ipa;

/// Names of vowels, and of consonants; no voice knows them all. Where two sound the same the first one counts.
const VOWELS: &str = "a A: A E e i I O o U u @ 3 0 V & y Y W a: aa e: E: i: I: O: o: u: U: @: 3: y: Y: W: a# E# e# I# I2 i2 \
    eI aI OI aU oU @U EI aI@ aI3 aU@ i@ i@3 e@ U@ O@ A@ o@ OY a~ A~ E~ e~ i~ O~ o~ u~ W~ y~ &~ U~ @~ Y~ 9 9: 8 u\" U\" Y\"";
const CONSONANTS: &str = "p b t d k g m n N f v T D s z S Z h l r j w tS dZ ts dz pf c J q G ? n^ l^ B F P x Q C X R V H r- r/ * R2 r\" Q\" \
    s; z; S; s. z. t. d. n. l. r. tS; dZ; ts. dz. t; d; n; l; r; p; b; m; v; f; k; g; J^ l# L v# w# N^ X\" G\"";
/// Longest phonemes, octets.
const LENGTH_MAX: usize = 500;
/// Longest symbol of IPA that a name sounds like.
const SYMBOL_MAX: usize = 5;

/// What may stand for a symbol that a voice does not have; the first that it has counts.
const NEAREST: [(&str, &[&str]); 40] = [
    ("r", &["ɹ", "ɾ", "ʁ", "ʀ"]),
    ("ɹ", &["r", "ɾ", "ʁ"]),
    ("ɾ", &["r", "ɹ"]),
    ("ɻ", &["ɹ", "r"]),
    ("ɽ", &["ɾ", "r"]),
    ("ʁ", &["ʀ", "r", "ɹ"]),
    ("ʀ", &["ʁ", "r"]),
    ("b", &["β"]),
    ("d", &["ð"]),
    ("ɡ", &["ɣ"]),
    ("β", &["b"]),
    ("ɣ", &["ɡ"]),
    ("ð", &["d"]),
    ("θ", &["s"]),
    ("ʋ", &["v", "w"]),
    ("ʍ", &["w"]),
    ("ɫ", &["l"]),
    ("l", &["ɫ"]),
    ("x", &["χ", "h"]),
    ("χ", &["x", "h"]),
    ("ç", &["ʃ"]),
    ("ɦ", &["h"]),
    ("ɱ", &["m"]),
    ("ɚ", &["ɜ", "ə"]),
    ("ɝ", &["ɜː", "ɜ", "əː", "ə"]),
    ("ɜ", &["ɜː", "ə"]),
    ("ɑ", &["ɑː", "a"]),
    ("a", &["ɑ", "æ", "ɐ", "ɑː"]),
    ("æ", &["a", "ɛ"]),
    ("ɐ", &["a", "ə"]),
    ("ɒ", &["ɔ", "ɑː", "o"]),
    ("ɔ", &["o", "ɔː"]),
    ("o", &["ɔ", "oː", "ɔː"]),
    ("ɛ", &["e"]),
    ("e", &["ɛ"]),
    ("ɪ", &["i"]),
    ("ʊ", &["u"]),
    ("ʌ", &["ɐ", "a"]),
    ("ø", &["œ", "øː"]),
    ("œ", &["ø", "øː"]),
];

/// The phonemes of one voice.
#[derive(Clone, Debug, Default)]
pub(super) struct Phonemes {
    /// Names by what they sound like.
    names: BTreeMap<String, &'static str>,
}

impl Phonemes {
    /// What the program is given to say in IPA, one line for each name: within sounds that each language has. What follows a name
    /// that it does not know it leaves out.
    pub(super) fn question() -> String {
        let mut question = "[[pap ap]]. ".to_owned();
        VOWELS.split_whitespace().for_each(|name| question += &format!("[[p{name}p]]. "));
        CONSONANTS.split_whitespace().for_each(|name| question += &format!("[[pap {name}ap]]. "));
        question + "\n"
    }

    /// Reads its answer; none when it is something else.
    pub(super) fn read(answer: &str) -> Option<Phonemes> {
        // Where the stress falls, and tones, are of no interest.
        let sound = |line: &str| line.trim().replace(|c: char| "ˈˌ".contains(c) || c.is_ascii_digit(), "");
        let lines: Vec<String> = answer.lines().map(sound).filter(|line| !line.is_empty()).collect();
        let (frame, sounds) = lines.split_first()?;
        let names = || VOWELS.split_whitespace().chain(CONSONANTS.split_whitespace());
        if sounds.len() != names().count() {
            return None;
        }
        let (before, after) = frame.split_once(' ')?;
        let vowels = VOWELS.split_whitespace().count();
        let mut phonemes = Phonemes::default();
        for (number, (name, sound)) in names().zip(sounds).enumerate() {
            let symbol = match number < vowels {
                true => sound.strip_prefix('p').and_then(|rest| rest.strip_suffix('p')),
                false => sound.strip_prefix(before).and_then(|rest| rest.strip_prefix(' ')?.strip_suffix(after)),
            };
            if let Some(symbol) = symbol.map(ipa::plain).filter(|symbol| !symbol.is_empty()) {
                phonemes.names.entry(symbol).or_insert(name);
            }
        }
        Some(phonemes)
    }

    /// Phonemes in the names of this voice; none if one of them is unknown, or the alphabet is.
    pub(super) fn spell(&self, alphabet: &str, phonemes: &str) -> Option<String> {
        if phonemes.len() > LENGTH_MAX {
            return None;
        }
        let spelled = match alphabet.to_ascii_lowercase().as_str() {
            "" | "ipa" => self.names_of(&ipa::plain(phonemes))?,
            "x-sampa" | "xsampa" => self.names_of(&ipa::plain(&ipa::from_x_sampa(phonemes)))?,
            "espeak" | "x-espeak" | "x-espeak-ng" => self.own(phonemes)?,
            _ => return None,
        };
        Some(spelled).filter(|spelled| spelled.chars().any(char::is_alphanumeric))
    }

    fn names_of(&self, text: &str) -> Option<String> {
        let (mut spelled, mut rest) = (String::new(), text);
        while let Some(first) = rest.chars().next() {
            let mark = match first {
                'ˈ' => "'",
                'ˌ' => ",",
                ' ' => " ",
                // Of a symbol that has no long form here.
                'ː' => "",
                _ => {
                    let (name, length) = self.longest(rest)?;
                    spelled.push_str(name);
                    rest = &rest[length..];
                    continue;
                }
            };
            spelled.push_str(mark);
            rest = &rest[first.len_utf8()..];
        }
        Some(spelled)
    }

    /// The name of the longest symbol at the beginning of a text, or of what comes nearest to its first, and how long that is.
    fn longest(&self, text: &str) -> Option<(&'static str, usize)> {
        let ends: Vec<usize> = text.char_indices().map(|(at, c)| at + c.len_utf8()).take(SYMBOL_MAX).collect();
        let known = ends.iter().rev().find_map(|end| Some((*self.names.get(&text[..*end])?, *end)));
        known.or_else(|| {
            let first = *ends.first()?;
            let (_, nearest) = NEAREST.iter().find(|(symbol, _)| *symbol == &text[..first])?;
            Some((nearest.iter().find_map(|symbol| self.names.get(*symbol))?, first))
        })
    }

    /// The program's own names, when each of them is one of this voice.
    fn own(&self, text: &str) -> Option<String> {
        let mut rest = text.trim();
        while let Some(first) = rest.chars().next() {
            let names = self.names.values().filter(|name| rest.starts_with(**name));
            let length = match names.map(|name| name.len()).max() {
                Some(length) => length,
                None if "',%= |".contains(first) => 1,
                None => return None,
            };
            rest = &rest[length..];
        }
        Some(text.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A voice that has these and answers as the program does.
    fn voice(knows: &[(&str, &str)]) -> Phonemes {
        let sound = |name: &str| knows.iter().find(|(known, _)| *known == name).map(|(_, sound)| *sound);
        let mut answer = "pˈæp ˈæp\n".to_owned();
        for name in VOWELS.split_whitespace() {
            answer += &sound(name).map_or("p\n".to_owned(), |sound| format!("pˈ{sound}p\n"));
        }
        for name in CONSONANTS.split_whitespace() {
            answer += &sound(name).map_or("pæp\n".to_owned(), |sound| format!("pˌæp {sound}ˈæp\n"));
        }
        Phonemes::read(&answer).unwrap()
    }

    fn english() -> Phonemes {
        voice(&[
            ("p", "p"),
            ("I", "ɪ"),
            ("k", "k"),
            ("A:", "ɑː"),
            ("n", "n"),
            ("a", "æ"),
            ("oU", "oʊ"),
            ("t", "t"),
            ("S", "ʃ"),
            ("tS", "tʃ"),
            ("r", "ɹ"),
            ("@", "ə"),
            ("3:", "ɜː"),
        ])
    }

    #[test]
    fn ipa_and_x_sampa_are_spelled_in_the_names_of_the_voice() {
        for (alphabet, phonemes, spelled) in [
            ("ipa", "pɪˈkɑːn", "pI'kA:n"),
            ("", "/ˈpi.kæn/", "'pIkan"),
            ("IPA", "t͡ʃoʊ tʃ", "tSoU tS"),
            ("x-sampa", "pI\"kA:n", "pI'kA:n"),
            ("x-sampa", "tS3`n", "tS3:n"),
            ("ipa", "rɔ", ""),
            ("espeak", "pI'kA:n", "pI'kA:n"),
        ] {
            let found = english().spell(alphabet, phonemes);
            // There is no i here, and ɔ has no name that is near.
            let expected = Some(spelled.to_owned()).filter(|spelled| !spelled.is_empty() && phonemes != "/ˈpi.kæn/");
            assert_eq!(found, expected, "{alphabet} {phonemes}");
        }
    }

    #[test]
    fn what_a_voice_does_not_have_is_said_by_what_is_near() {
        assert_eq!(english().spell("ipa", "ra"), Some("ra".into()), "ɹ and æ");
        assert_eq!(english().spell("ipa", "nːaː"), Some("na".into()), "no long form");
        assert_eq!(voice(&[("B", "β"), ("i", "i")]).spell("ipa", "bi"), Some("Bi".into()));
    }

    #[test]
    fn what_is_unknown_is_not_spelled() {
        for (alphabet, phonemes) in [
            ("ipa", "pɪʘ"),
            ("ipa", "日本"),
            ("ipa", ""),
            ("ipa", "ˈˌ"),
            ("kana", "pI"),
            ("espeak", "pI]]"),
            ("espeak", "_^_fr p"),
            ("espeak", "pI&lt;"),
            ("espeak", "px"),
        ] {
            assert_eq!(english().spell(alphabet, phonemes), None, "{alphabet} {phonemes}");
        }
        assert_eq!(english().spell("ipa", &"p".repeat(LENGTH_MAX + 1)), None);
    }

    #[test]
    fn an_answer_to_another_question_is_no_voice() {
        for answer in ["", "x", "pæp æp\npæp\n", &"p\n".repeat(500)] {
            assert!(Phonemes::read(answer).is_none(), "{answer:?}");
        }
    }
}

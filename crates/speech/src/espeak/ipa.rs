//! How authors write phonemes: the International Phonetic Alphabet, or X-SAMPA, which writes it with the letters of a keyboard.

/// X-SAMPA's symbols and what they are in IPA; the longest that fits counts.
const X_SAMPA: [(&str, &str); 102] = [
    ("r\\`", "ɻ"),
    ("x\\", "ɧ"),
    ("p\\", "ɸ"),
    ("j\\", "ʝ"),
    ("s\\", "ɕ"),
    ("z\\", "ʑ"),
    ("h\\", "ɦ"),
    ("r\\", "ɹ"),
    ("v\\", "ʋ"),
    ("R\\", "ʀ"),
    ("B\\", "ʙ"),
    ("G\\", "ɢ"),
    ("N\\", "ɴ"),
    ("J\\", "ɟ"),
    ("X\\", "ħ"),
    ("?\\", "ʕ"),
    ("M\\", "ɰ"),
    ("K\\", "ɮ"),
    ("l\\", "ɺ"),
    ("@\\", "ɘ"),
    ("3\\", "ɞ"),
    ("I\\", "ɪ"),
    ("U\\", "ʊ"),
    (":\\", ""),
    ("t`", "ʈ"),
    ("d`", "ɖ"),
    ("n`", "ɳ"),
    ("s`", "ʂ"),
    ("z`", "ʐ"),
    ("l`", "ɭ"),
    ("r`", "ɽ"),
    ("@`", "ɚ"),
    ("3`", "ɝ"),
    ("_h", ""),
    ("_j", "ʲ"),
    ("_w", ""),
    ("_0", ""),
    ("_d", ""),
    ("_=", ""),
    ("_^", ""),
    ("_}", ""),
    ("_~", "\u{303}"),
    ("_", ""),
    ("=", ""),
    ("~", "\u{303}"),
    ("'", "ʲ"),
    (":", "ː"),
    ("\"", "ˈ"),
    ("%", "ˌ"),
    (".", ""),
    ("-", ""),
    ("|", ""),
    ("A", "ɑ"),
    ("B", "β"),
    ("C", "ç"),
    ("D", "ð"),
    ("E", "ɛ"),
    ("F", "ɱ"),
    ("G", "ɣ"),
    ("H", "ɥ"),
    ("I", "ɪ"),
    ("J", "ɲ"),
    ("K", "ɬ"),
    ("L", "ʎ"),
    ("M", "ɯ"),
    ("N", "ŋ"),
    ("O", "ɔ"),
    ("P", "ʋ"),
    ("Q", "ɒ"),
    ("R", "ʁ"),
    ("S", "ʃ"),
    ("T", "θ"),
    ("U", "ʊ"),
    ("V", "ʌ"),
    ("W", "ʍ"),
    ("X", "χ"),
    ("Y", "ʏ"),
    ("Z", "ʒ"),
    ("g", "ɡ"),
    ("1", "ɨ"),
    ("2", "ø"),
    ("3", "ɜ"),
    ("4", "ɾ"),
    ("5", "ɫ"),
    ("6", "ɐ"),
    ("7", "ɤ"),
    ("8", "ɵ"),
    ("9", "œ"),
    ("&", "ɶ"),
    ("@", "ə"),
    ("{", "æ"),
    ("}", "ʉ"),
    ("?", "ʔ"),
    ("a", "a"),
    ("e", "e"),
    ("i", "i"),
    ("o", "o"),
    ("u", "u"),
    ("y", "y"),
    (" ", " "),
    ("tS", "tʃ"),
    ("dZ", "dʒ"),
];

/// X-SAMPA in IPA; other letters are the same in both.
pub(super) fn from_x_sampa(text: &str) -> String {
    let (mut ipa, mut rest) = (String::new(), text);
    while let Some(first) = rest.chars().next() {
        let known =
            X_SAMPA.iter().filter(|(symbol, _)| rest.starts_with(symbol)).max_by_key(|(symbol, _)| symbol.len());
        match known {
            Some((symbol, meaning)) => {
                ipa.push_str(meaning);
                rest = &rest[symbol.len()..];
            }
            None => {
                ipa.push(first);
                rest = &rest[first.len_utf8()..];
            }
        }
    }
    ipa
}

/// IPA in one spelling: without marks that change little, and with one sign for what has several.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::new();
    for symbol in text.trim().chars() {
        match symbol {
            'g' => plain.push('ɡ'),
            ':' => plain.push('ː'),
            '\'' => plain.push('ˈ'),
            ',' => plain.push('ˌ'),
            'ʦ' => plain.push_str("ts"),
            'ʣ' => plain.push_str("dz"),
            'ʧ' => plain.push_str("tʃ"),
            'ʤ' => plain.push_str("dʒ"),
            'ã' => plain.push_str("a\u{303}"),
            'ẽ' => plain.push_str("e\u{303}"),
            'ĩ' => plain.push_str("i\u{303}"),
            'õ' => plain.push_str("o\u{303}"),
            'ũ' => plain.push_str("u\u{303}"),
            'ä' => plain.push('a'),
            // Slashes and brackets around it, syllables, ties, and that something is syllabic or not, breathed, dental, voiceless,
            // unreleased, lowered, half long or linked.
            '/' | '[' | ']' | '(' | ')' | '.' | '|' | '‿' | 'ʰ' | 'ʷ' | 'ᵝ' | 'ˑ' => {}
            '\u{361}' | '\u{35c}' | '\u{329}' | '\u{32f}' | '\u{32a}' | '\u{325}' | '\u{30a}' | '\u{31a}'
            | '\u{31e}' => {}
            symbol if symbol.is_whitespace() => plain.push(' '),
            symbol => plain.push(symbol),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x_sampa_is_ipa_with_other_letters() {
        for (sampa, ipa) in [
            ("pI\"kA:n", "pɪˈkɑːn"),
            ("\"tS{t", "ˈtʃæt"),
            ("r\\@U", "ɹəʊ"),
            ("b3`d", "bɝd"),
            ("t_S", "tʃ"),
            ("bO~", "bɔ\u{303}"),
            ("x\\", "ɧ"),
        ] {
            assert_eq!(from_x_sampa(sampa), ipa, "{sampa}");
        }
        let twice: Vec<&str> = X_SAMPA.iter().map(|(symbol, _)| *symbol).collect();
        assert!(twice.iter().enumerate().all(|(at, symbol)| !twice[..at].contains(symbol)));
    }

    #[test]
    fn one_sound_has_one_spelling() {
        for (written, same) in
            [("/ˈpi.kæn/", "ˈpikæn"), ("t͡ʃ", "tʃ"), ("ʧ", "tʃ"), ("'go:", "ˈɡoː"), ("bãn", "ba\u{303}n"), ("n̩", "n")]
        {
            assert_eq!(plain(written), same, "{written}");
        }
    }
}

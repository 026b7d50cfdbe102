//! Ordinals, written as the program reads them. There is no mark that it understands in every language.

use super::german;

/// Longer ones are no ordinals that anybody counts up to.
const DIGITS_MAX: usize = 9;

/// The ordinal of a number in figures; one that is written as an ordinal already stays the same. `language` has no region.
pub(super) fn said(text: &str, language: &str) -> Option<String> {
    let number = number(text)?;
    Some(match language {
        "en" => english(number),
        "de" => german::ordinal_stem(number)? + "e",
        "fr" if number == 1 => "1er".to_owned(),
        "fr" => format!("{number}ème"),
        "es" | "it" | "pt" => format!("{number}º"),
        "sv" => {
            let ending = if matches!(number % 10, 1 | 2) && !matches!(number % 100, 11 | 12) { 'a' } else { 'e' };
            format!("{number}:{ending}")
        }
        // These read the dot so before small letters, and a soft hyphen counts as one. Before a capital it is a cardinal.
        "da" | "hu" | "lv" | "nb" | "nl" => format!("{number}.\u{ad}"),
        _ => return None,
    })
}

fn number(text: &str) -> Option<u32> {
    let digits = text.trim_end_matches(|c: char| c == '.' || c == 'º' || c.is_ascii_alphabetic()).replace(',', "");
    let figures = (1..=DIGITS_MAX).contains(&digits.len()) && digits.bytes().all(|octet| octet.is_ascii_digit());
    if figures { digits.parse().ok() } else { None }
}

pub(super) fn english(number: u32) -> String {
    let ending = match (number % 100, number % 10) {
        (11..=13, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

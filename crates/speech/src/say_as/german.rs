//! German ordinals, dates and times. The program reads `3.` as an ordinal only if no capital follows, and nouns have one: so they are
//! written in words.

use super::clock::{Date, Half, Time};

const MONTHS: [&str; 12] = [
    "Januar",
    "Februar",
    "März",
    "April",
    "Mai",
    "Juni",
    "Juli",
    "August",
    "September",
    "Oktober",
    "November",
    "Dezember",
];

const UNITS: [&str; 20] = [
    "",
    "ein",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];

const TENS: [&str; 10] =
    ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];

/// As it stands before something that is counted; nothing for 0. Below a million.
fn cardinal(number: u32) -> String {
    match number {
        0..20 => UNITS[number as usize].to_owned(),
        20..100 => {
            let (tens, units) = (TENS[number as usize / 10], UNITS[number as usize % 10]);
            if units.is_empty() { tens.to_owned() } else { format!("{units}und{tens}") }
        }
        100..1_000 => format!("{}hundert{}", cardinal(number / 100), cardinal(number % 100)),
        _ => format!("{}tausend{}", cardinal(number / 1_000), cardinal(number % 1_000)),
    }
}

/// Without the ending of its case; from 1 up to 999,999.
pub(super) fn ordinal_stem(number: u32) -> Option<String> {
    if !(1..1_000_000).contains(&number) {
        return None;
    }
    let last = match number % 100 {
        1 => "erst".to_owned(),
        3 => "dritt".to_owned(),
        7 => "siebt".to_owned(),
        8 => "acht".to_owned(),
        low @ (0 | 20..) => cardinal(low) + "st",
        low => cardinal(low) + "t",
    };
    Some(cardinal(number - number % 100) + &last)
}

pub(super) fn date(date: Date) -> String {
    let day = date.day.and_then(ordinal_stem).map(|stem| stem + "er");
    let month = date.month.and_then(|month| MONTHS.get(month as usize - 1)).map(|month| (*month).to_owned());
    let words = [day, month, date.year.map(year)];
    words.into_iter().flatten().collect::<Vec<String>>().join(" ")
}

/// By hundreds before 2000, as people do; the program reads later ones so.
fn year(year: u32) -> String {
    match year {
        1_100..2_000 => format!("{}hundert{}", cardinal(year / 100), counted_out(year % 100)),
        _ => year.to_string(),
    }
}

/// As it stands at the end.
fn counted_out(number: u32) -> String {
    if number == 1 { "eins".to_owned() } else { cardinal(number) }
}

pub(super) fn time(time: Time) -> String {
    let minute_and_second = |minute: Option<String>, second: u32| {
        let second = match second {
            0 => None,
            1 => Some("eine Sekunde".to_owned()),
            _ => Some(format!("{second} Sekunden")),
        };
        minute.into_iter().chain(second).collect::<Vec<String>>().join(" und ")
    };
    match time {
        Time::Lasting { minutes, seconds } => {
            let minutes = match minutes {
                1 => "eine Minute".to_owned(),
                _ => format!("{minutes} Minuten"),
            };
            minute_and_second(Some(minutes), seconds)
        }
        Time::OfDay { hour, half, minute, second } => {
            let hour = match half {
                Some(Half::Am) => hour % 12,
                Some(Half::Pm) => hour % 12 + 12,
                None => hour,
            };
            let hour = match hour {
                0 => "null Uhr".to_owned(),
                1 => "ein Uhr".to_owned(),
                _ => format!("{hour} Uhr"),
            };
            let of_hour = if minute == 0 { hour } else { format!("{hour} {minute}") };
            minute_and_second(Some(of_hour), second)
        }
    }
}

//! English dates and times. Figures stay where the program reads them as people do.

use super::clock::{Date, Half, Time};
use super::ordinal::english as ordinal;

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(super) fn date(date: Date) -> String {
    let month = date.month.and_then(|month| MONTHS.get(month as usize - 1).copied());
    let day = date.day.map(ordinal);
    let of_year = match (month, day) {
        (Some(month), Some(day)) => format!("{month} {day}"),
        (Some(month), None) => month.to_owned(),
        (None, day) => day.unwrap_or_default(),
    };
    match date.year.map(year) {
        Some(year) if date.day.is_some() => format!("{of_year}, {year}"),
        Some(year) => format!("{of_year} {year}").trim_start().to_owned(),
        None => of_year,
    }
}

/// In pairs of figures before 2000; the program reads later ones as people do.
fn year(year: u32) -> String {
    match (year / 100, year % 100) {
        (11..=19, 0) => format!("{} hundred", year / 100),
        (11..=19, low @ 1..=9) => format!("{} oh {low}", year / 100),
        (11..=19, low) => format!("{} {low}", year / 100),
        _ => year.to_string(),
    }
}

pub(super) fn time(time: Time) -> String {
    let seconds = |seconds: u32| format!("{seconds} second{}", if seconds == 1 { "" } else { "s" });
    let (hour, half, minute, second) = match time {
        Time::Lasting { minutes, seconds: rest } => {
            return format!("{minutes} minute{} {}", if minutes == 1 { "" } else { "s" }, seconds(rest));
        }
        Time::OfDay { hour, half, minute, second } => (hour, half, minute, second),
    };
    let mut words = if hour == 0 { "zero".to_owned() } else { hour.to_string() };
    match (minute, half) {
        (0, Some(_)) => {}
        (0, None) if (1..=12).contains(&hour) => words += " o'clock",
        (0, None) => words += " hundred",
        (1..=9, _) => words += &format!(" oh {minute}"),
        _ => words += &format!(" {minute}"),
    }
    words += match half {
        Some(Half::Am) => " AM",
        Some(Half::Pm) => " PM",
        None => "",
    };
    if second > 0 {
        words += &format!(" and {}", seconds(second));
    }
    words
}

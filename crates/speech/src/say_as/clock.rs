//! Dates and times as they are written: figures in, numbers out.

/// A day, or as much of one as is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Date {
    pub(super) year: Option<u32>,
    /// 1 to 12.
    pub(super) month: Option<u32>,
    /// 1 to 31.
    pub(super) day: Option<u32>,
}

/// A time of day, or how long something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// 0 to 23, or 1 to 12 with a half of the day.
    OfDay { hour: u32, half: Option<Half>, minute: u32, second: u32 },
    /// Minutes and seconds.
    Lasting { minutes: u32, seconds: u32 },
}

/// Before or after noon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Half {
    Am,
    Pm,
}

/// Of English; three letters are enough.
const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

impl Date {
    /// `format` is made of the letters d, m and y, as SSML has them; without it a year in front tells, then the order that is usual.
    pub(super) fn read(text: &str, format: &str, month_first: bool) -> Option<Date> {
        let mut parts: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).collect();
        if let [whole] = parts[..]
            && whole.len() == 8
            && whole.bytes().all(|octet| octet.is_ascii_digit())
        {
            parts = vec![&whole[..4], &whole[4..6], &whole[6..]];
        }
        // `yyyymmdd` is `ymd`.
        let mut order: Vec<char> = format.chars().map(|letter| letter.to_ascii_lowercase()).collect();
        order.dedup();
        if order.is_empty() {
            let first = parts.first()?;
            let usual = match first.parse::<u32>() {
                Ok(_) if first.len() == 4 => "ymd",
                Ok(number) if number > 12 || !month_first => "dmy",
                _ => "mdy",
            };
            order = usual.chars().take(parts.len()).collect();
        }
        if order.len() != parts.len() {
            return None;
        }
        let mut date = Date::default();
        for (letter, part) in order.into_iter().zip(parts) {
            let (place, value) = match letter {
                'y' => (&mut date.year, year(part)?),
                'm' => (&mut date.month, month(part)?),
                'd' => (&mut date.day, number(part).filter(|day| (1..=31).contains(day))?),
                _ => return None,
            };
            if place.replace(value).is_some() {
                return None;
            }
        }
        Some(date)
    }
}

fn number(digits: &str) -> Option<u32> {
    if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
        return None;
    }
    digits.parse().ok()
}

/// Of two figures: 1969 to 2068, as POSIX has it.
fn year(digits: &str) -> Option<u32> {
    let year = number(digits)?;
    Some(match (digits.len(), year) {
        (2, 69..) => 1_900 + year,
        (2, _) => 2_000 + year,
        _ => year,
    })
}

fn month(name: &str) -> Option<u32> {
    let by_name = |name: &str| {
        let short = name.get(..3)?.to_ascii_lowercase();
        MONTHS.iter().zip(1..).find(|(month, _)| **month == short).map(|(_, number)| number)
    };
    number(name).filter(|month| (1..=12).contains(month)).or_else(|| by_name(name))
}

impl Time {
    /// `14:05`, `2:30:15 pm`, `9 a.m.`, or `1'21"`.
    pub(super) fn read(text: &str) -> Option<Time> {
        if let Some((minutes, seconds)) = text.split_once('\'') {
            let seconds = seconds.strip_suffix('"').or(seconds.strip_suffix("''"))?;
            let seconds = number(seconds).filter(|seconds| *seconds < 60)?;
            return Some(Time::Lasting { minutes: number(minutes)?, seconds });
        }
        let letters: String = text.chars().filter(char::is_ascii_alphabetic).collect();
        let half = match letters.to_ascii_lowercase().as_str() {
            "" => None,
            "a" | "am" => Some(Half::Am),
            "p" | "pm" => Some(Half::Pm),
            _ => return None,
        };
        let figures = text.find(|c: char| c.is_ascii_alphabetic()).map_or(text, |at| &text[..at]).trim_end();
        let mut parts = figures.split([':', '.']);
        let hour = number(parts.next()?)?;
        let of_two = |part: Option<&str>| match part {
            None => Some(None),
            Some(part) => number(part).filter(|value| part.len() == 2 && *value < 60).map(Some),
        };
        let (minute, second) = (of_two(parts.next())?, of_two(parts.next())?);
        let possible = if half.is_some() { 1..=12 } else { 0..=23 };
        if parts.next().is_some() || !possible.contains(&hour) || (minute.is_none() && half.is_none()) {
            return None;
        }
        Some(Time::OfDay { hour, half, minute: minute.unwrap_or(0), second: second.unwrap_or(0) })
    }
}

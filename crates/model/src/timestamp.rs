//! Moments as the API writes them (spec/resources.md §1): RFC 3339, UTC, six digits of fraction, `Z`.

use std::fmt;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const SECOND_US: i64 = 1_000_000;
const DAY_S: i64 = 86_400;

/// Microseconds since the Unix epoch, UTC. Text in JSON, a number in MessagePack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The first moment that four digits of year cannot write, in microseconds.
    const END_US: u64 = 253_402_300_800_000_000;

    /// The moment `us` microseconds after the epoch; the last of the year 9999 for anything later.
    pub fn from_us(us: u64) -> Timestamp {
        Timestamp(us.min(Self::END_US - 1))
    }

    /// Microseconds since the epoch.
    pub fn as_us(self) -> u64 {
        self.0
    }

    /// Reads a timestamp of any of the accepted forms: RFC 3339 with or without fraction and with any offset, and the
    /// older `2023-04-06 14:53:12.569073` (UTC).
    ///
    /// # Errors
    /// Anything else, and moments before 1970.
    pub fn parse(text: &str) -> Result<Timestamp, TimestampError> {
        parse(text.as_bytes()).ok_or_else(|| TimestampError(text.chars().take(64).collect()))
    }

    /// The same moment in calendar units.
    pub fn civil(self) -> CivilTime {
        let seconds = self.0 / SECOND_US as u64;
        let (days, of_day) = ((seconds / DAY_S as u64) as i64, (seconds % DAY_S as u64) as u32);
        let (year, month, day) = civil_from_days(days);
        CivilTime {
            year,
            month,
            day,
            hour: of_day / 3_600,
            minute: of_day / 60 % 60,
            second: of_day % 60,
            microsecond: (self.0 % SECOND_US as u64) as u32,
            // 1970-01-01 was a Thursday.
            weekday: (days + 4).rem_euclid(7) as u32,
        }
    }

    /// The text, digit by digit: each event has several, and the machinery of `write!` costs ten times as much.
    fn written(self) -> [u8; 27] {
        let t = self.civil();
        let mut text = *b"0000-00-00T00:00:00.000000Z";
        let mut write = |last: usize, digits: usize, mut number: u32| {
            for place in text[..=last].iter_mut().rev().take(digits) {
                *place = b'0' + (number % 10) as u8;
                number /= 10;
            }
        };
        write(3, 4, t.year as u32);
        write(6, 2, t.month);
        write(9, 2, t.day);
        write(12, 2, t.hour);
        write(15, 2, t.minute);
        write(18, 2, t.second);
        write(25, 6, t.microsecond);
        text
    }
}

fn text_of(written: &[u8; 27]) -> &str {
    std::str::from_utf8(written).unwrap_or_default()
}

/// A moment in UTC, in the units of the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CivilTime {
    /// 1970–9999
    pub year: i64,
    /// 1–12
    pub month: u32,
    /// 1–31
    pub day: u32,
    /// 0–23
    pub hour: u32,
    /// 0–59
    pub minute: u32,
    /// 0–59
    pub second: u32,
    /// 0–999999
    pub microsecond: u32,
    /// 0 = Sunday … 6 = Saturday
    pub weekday: u32,
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(text_of(&self.written()))
    }
}

/// Text that is no timestamp; holds its first characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimestampError(String);

impl fmt::Display for TimestampError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is no timestamp; expected is for example 2023-04-06T14:53:12.569073Z", self.0)
    }
}

impl std::error::Error for TimestampError {}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(text_of(&self.written()))
        } else {
            self.0.serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            Timestamp::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
        } else {
            u64::deserialize(deserializer).map(Timestamp::from_us)
        }
    }
}

/// Reads a timestamp that may be unset: `null`, `""` or the older `9999-01-01 00:00:00.000000`. For
/// `#[serde(default, deserialize_with = "optional_timestamp")]`.
///
/// # Errors
/// Text that is no timestamp.
pub fn optional_timestamp<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    if !deserializer.is_human_readable() {
        return Option::<Timestamp>::deserialize(deserializer);
    }
    match Option::<String>::deserialize(deserializer)? {
        None => Ok(None),
        Some(text) if text.is_empty() || text.starts_with("9999-01-01") => Ok(None),
        Some(text) => Timestamp::parse(&text).map(Some).map_err(D::Error::custom),
    }
}

fn parse(text: &[u8]) -> Option<Timestamp> {
    let (date_time, mut rest) = text.split_at_checked(19)?;
    let separators = [date_time[4], date_time[7], date_time[13], date_time[16]];
    if separators != *b"--::" || !matches!(date_time[10], b'T' | b't' | b' ') {
        return None;
    }
    let unit = |range: std::ops::Range<usize>| number(&date_time[range]);
    let (year, month, day) = (unit(0..4)?, unit(5..7)?, unit(8..10)?);
    let (hour, minute, second) = (unit(11..13)?, unit(14..16)?, unit(17..19)?);
    // RFC 3339 §5.6 allows the leap second 60; it is read as the second that follows.
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let mut fraction_us = 0;
    if let Some(after_point) = rest.strip_prefix(b".") {
        let digits = after_point.iter().take_while(|b| b.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let six = after_point[..digits].iter().map(|b| b - b'0').chain(std::iter::repeat(0)).take(6);
        fraction_us = six.fold(0, |us, digit| us * 10 + i64::from(digit));
        rest = &after_point[digits..];
    }
    let offset_s = match rest {
        b"Z" | b"z" => 0,
        // The older form has no offset; it was always UTC.
        b"" if date_time[10] == b' ' => 0,
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let offset = hours * 3_600 + minutes * 60;
            if *sign == b'+' { offset } else { -offset }
        }
        _ => return None,
    };
    let seconds = days_from_civil(year, month, day) * DAY_S + hour * 3_600 + minute * 60 + second - offset_s;
    let us = u64::try_from(seconds * SECOND_US + fraction_us).ok()?;
    (us < Timestamp::END_US).then_some(Timestamp(us))
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, b| b.is_ascii_digit().then(|| n * 10 + i64::from(b - b'0')))
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the proleptic Gregorian calendar. Years are counted from March, so that the leap
/// day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_accepted_form_of_one_moment_is_that_moment() {
        let moment = Timestamp::parse("2023-04-06T14:53:12.569073Z").unwrap();
        for (text, expected_us) in [
            ("2023-04-06T14:53:12.569073Z", moment.as_us()),
            ("2023-04-06 14:53:12.569073", moment.as_us()),
            ("2023-04-06T23:53:12.569073+09:00", moment.as_us()),
            ("2023-04-06T09:23:12.569073-05:30", moment.as_us()),
            ("2023-04-06T14:53:12.5690734999Z", moment.as_us()),
            ("2023-04-06t14:53:12.57z", moment.as_us() - 569_073 + 570_000),
            ("2023-04-06T14:53:12Z", moment.as_us() - 569_073),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().as_us(), expected_us, "{text}");
        }
    }

    #[test]
    fn every_unit_is_written_in_its_place_with_its_zeros() {
        for text in ["1970-01-01T00:00:00.000000Z", "2024-02-29T01:02:03.000456Z", "9999-12-31T23:59:59.999999Z"] {
            let moment = Timestamp::parse(text).unwrap();
            assert_eq!(moment.to_string(), text);
            assert_eq!(serde_json::to_string(&moment).unwrap(), format!("\"{text}\""));
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2023",
            "2023-04-06",
            "2023-13-06T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "2023-04-06T24:00:00Z",
            "2023-04-06T14:53:12",
            "2023-04-06T14:53:12.Z",
            "2023-04-06T14:53:12+0900",
            "1969-12-31T23:59:59Z",
            "2023-04-06T14:53:12Zx",
            "2023/04/06T14:53:12Z",
            "２０２３-04-06T14:53:12Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn weekdays_are_counted_from_sunday() {
        for (text, weekday) in [
            ("1970-01-01T00:00:00Z", 4),
            ("2023-04-09T23:59:59Z", 0),
            ("2024-02-29T12:00:00Z", 4),
            ("2026-11-21T00:00:00Z", 6),
        ] {
            assert_eq!(Timestamp::parse(text).unwrap().civil().weekday, weekday, "{text}");
        }
    }

    #[test]
    fn unset_is_null_empty_or_the_year_9999() {
        #[derive(Deserialize)]
        struct Holder {
            #[serde(default, deserialize_with = "optional_timestamp")]
            at: Option<Timestamp>,
        }
        for text in [r#"{}"#, r#"{"at":null}"#, r#"{"at":""}"#, r#"{"at":"9999-01-01 00:00:00.000000"}"#] {
            assert_eq!(serde_json::from_str::<Holder>(text).unwrap().at, None, "{text}");
        }
        assert!(serde_json::from_str::<Holder>(r#"{"at":"soon"}"#).is_err());
        assert!(serde_json::from_str::<Holder>(r#"{"at":"1970-01-01T00:00:01Z"}"#).unwrap().at.is_some());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(us in 0..Timestamp::END_US) {
            let moment = Timestamp::from_us(us);
            prop_assert_eq!(Timestamp::parse(&moment.to_string()), Ok(moment));
            let json = serde_json::to_string(&moment).unwrap();
            prop_assert_eq!(serde_json::from_str::<Timestamp>(&json).unwrap(), moment);
            let octets = rmp_serde::to_vec(&moment).unwrap();
            prop_assert_eq!(rmp_serde::from_slice::<Timestamp>(&octets).unwrap(), moment);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
            let _ = Timestamp::parse(&text);
        }
    }
}

//! SSML `say-as` as far as the speaking program does not know it: ordinals, dates and times become text that it reads so. English and
//! German have all of it. Of other languages those have ordinals that the program itself can read when they are written its way.

mod clock;
mod english;
mod german;
mod ordinal;

use self::clock::{Date, Time};

/// How a text is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// `21`: the twenty-first.
    Ordinal,
    /// A day, a month or a year, in the order that `format` says.
    Date,
    /// A time of day, or `1'21"`.
    Time,
}

impl How {
    /// By the value of `interpret-as`; none: the program knows it, or nobody does.
    pub(crate) fn of(interpret_as: &str) -> Option<How> {
        Some(match interpret_as {
            "ordinal" => How::Ordinal,
            "date" => How::Date,
            "time" => How::Time,
            _ => return None,
        })
    }

    /// What the program is given instead of `text`; none: as it stands, since it is nothing of the kind, or the language has no words
    /// for it here. `language` is that of the voice, such as `en-us`.
    pub(crate) fn said(self, text: &str, format: &str, language: &str) -> Option<String> {
        let (text, general) = (text.trim(), language.split('-').next().unwrap_or(language));
        match self {
            How::Ordinal => ordinal::said(text, general),
            How::Date => {
                let date = Date::read(text, format, language == "en-us")?;
                match general {
                    "en" => Some(english::date(date)),
                    "de" => Some(german::date(date)),
                    _ => None,
                }
            }
            How::Time => {
                let time = Time::read(text)?;
                match general {
                    "en" => Some(english::time(time)),
                    "de" => Some(german::time(time)),
                    _ => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(interpret_as: &str, format: &str, language: &str, text: &str) -> String {
        How::of(interpret_as).unwrap().said(text, format, language).unwrap_or_else(|| "-".into())
    }

    #[test]
    fn ordinals_are_written_as_the_program_reads_them_in_each_language() {
        for (language, text, expected) in [
            ("en-us", "1", "1st"),
            ("en-gb", " 22 ", "22nd"),
            ("en-us", "103", "103rd"),
            ("en-us", "11", "11th"),
            ("en-us", "212", "212th"),
            ("en-us", "1,001", "1001st"),
            ("en-us", "3rd", "3rd"),
            ("de", "1", "erste"),
            ("de", "3.", "dritte"),
            ("de", "7", "siebte"),
            ("de", "8", "achte"),
            ("de", "12", "zwölfte"),
            ("de", "21", "einundzwanzigste"),
            ("de", "30", "dreißigste"),
            ("de", "100", "einhundertste"),
            ("de", "101", "einhunderterste"),
            ("de", "1234", "eintausendzweihundertvierunddreißigste"),
            ("fr", "1", "1er"),
            ("fr", "21", "21ème"),
            ("es", "3", "3º"),
            ("pt-br", "21", "21º"),
            ("it", "1", "1º"),
            ("sv", "1", "1:a"),
            ("sv", "12", "12:e"),
            ("sv", "22", "22:a"),
            ("nl", "3", "3.\u{ad}"),
            ("pl", "3", "-"),
            ("en-us", "third", "-"),
            ("en-us", "-3", "-"),
            ("en-us", "", "-"),
            ("en-us", "99999999999", "-"),
        ] {
            assert_eq!(said("ordinal", "", language, text), expected, "{language} {text:?}");
        }
    }

    #[test]
    fn dates_are_read_in_the_order_of_their_format() {
        for (language, format, text, expected) in [
            ("en-us", "mdy", "12/25/2024", "December 25th, 2024"),
            ("en-us", "dmy", "25.12.2024", "December 25th, 2024"),
            ("en-us", "ymd", "2024-01-02", "January 2nd, 2024"),
            ("en-us", "yyyymmdd", "19991231", "December 31st, 19 99"),
            ("en-us", "mdy", "Sep 1, 1905", "September 1st, 19 oh 5"),
            ("en-us", "md", "9/1", "September 1st"),
            ("en-us", "dm", "1 september", "September 1st"),
            ("en-us", "my", "9/1900", "September 19 hundred"),
            ("en-us", "ym", "2024/9", "September 2024"),
            ("en-us", "y", "2001", "2001"),
            ("en-us", "m", "2", "February"),
            ("en-us", "d", "22", "22nd"),
            ("en-us", "mdy", "3/4/69", "March 4th, 19 69"),
            ("en-us", "mdy", "3/4/68", "March 4th, 2068"),
            // No format says: ISO 8601 is known by its year, and Americans put the month first.
            ("en-us", "", "2024-01-02", "January 2nd, 2024"),
            ("en-us", "", "1/2/2024", "January 2nd, 2024"),
            ("en-us", "", "13/2/2024", "February 13th, 2024"),
            ("en-gb", "", "1/2/2024", "February 1st, 2024"),
            ("de", "", "3.5.1999", "dritter Mai neunzehnhundertneunundneunzig"),
            ("de", "ymd", "2024-03-31", "einunddreißigster März 2024"),
            ("de", "md", "12-01", "erster Dezember"),
            // What is none is spoken as it stands.
            ("en-us", "mdy", "13/25/2024", "-"),
            ("en-us", "mdy", "1/32/2024", "-"),
            ("en-us", "mdy", "1/2", "-"),
            ("en-us", "mdy", "tomorrow", "-"),
            ("en-us", "mdx", "1/2/3", "-"),
            ("en-us", "mmmm", "1/2/3/4", "-"),
            ("en-us", "", "", "-"),
            ("fr", "dmy", "3.5.1999", "-"),
        ] {
            assert_eq!(said("date", format, language, text), expected, "{language} {format} {text:?}");
        }
    }

    #[test]
    fn times_are_read_on_the_clock_that_they_are_written_for() {
        for (language, text, expected) in [
            ("en-us", "2:30pm", "2 30 PM"),
            ("en-us", "2:05 a.m.", "2 oh 5 AM"),
            ("en-us", "9 PM", "9 PM"),
            ("en-us", "2:00pm", "2 PM"),
            ("en-us", "2:00", "2 o'clock"),
            ("en-us", "14:00", "14 hundred"),
            ("en-us", "14:05", "14 oh 5"),
            ("en-us", "00:15", "zero 15"),
            ("en-us", "2:30:15 pm", "2 30 PM and 15 seconds"),
            ("en-us", "2.30.01", "2 30 and 1 second"),
            ("en-us", "1'21\"", "1 minute 21 seconds"),
            ("de", "14:05", "14 Uhr 5"),
            ("de", "1:00", "ein Uhr"),
            ("de", "2:30pm", "14 Uhr 30"),
            ("de", "12:00 AM", "null Uhr"),
            ("de", "8:00:01", "8 Uhr und eine Sekunde"),
            ("de", "2'1\"", "2 Minuten und eine Sekunde"),
            ("en-us", "25:00", "-"),
            ("en-us", "13:00pm", "-"),
            ("en-us", "2:60", "-"),
            ("en-us", "2:3", "-"),
            ("en-us", "noon", "-"),
            ("en-us", "12", "-"),
            ("en-us", "1:00:00:00", "-"),
            ("es", "14:05", "-"),
        ] {
            assert_eq!(said("time", "", language, text), expected, "{language} {text:?}");
        }
    }

    #[test]
    fn what_the_program_knows_itself_is_left_to_it() {
        for interpret_as in ["cardinal", "characters", "telephone", "", "ordinals"] {
            assert_eq!(How::of(interpret_as), None);
        }
    }
}

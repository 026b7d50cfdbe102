//! A key that a phone reports by SIP INFO instead of by RFC 4733 (spec/media.md §5): the bodies that phones write, which no
//! standard describes. Pure: a type and octets in, a key out.

use std::fmt;

/// Content types of these bodies, as `415 Unsupported Media Type` names them.
pub(crate) const CONTENT_TYPES: &[&str] = &[RELAY, PLAIN];

/// Lines of `Signal=5` and `Duration=160`.
const RELAY: &str = "application/dtmf-relay";
/// The signal and nothing else.
const PLAIN: &str = "application/dtmf";

/// How long a key was pressed when the body does not say so, ms.
const USUAL_DURATION_MS: u32 = 100;
/// Characters of a signal at most. Longer text is none.
const SIGNAL_MAX: usize = 8;

/// A key that was pressed and let go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct InfoDigit {
    /// 0 to 9, A to D, `*` or `#`.
    pub(crate) digit: char,
    pub(crate) duration_ms: u32,
}

/// Why a body says nothing about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Malformed {
    /// There is no signal in it.
    NoSignal,
    /// What stands for the signal is none.
    NotASignal,
    /// It has two.
    TwoSignals,
    /// A line is no `name=value`.
    NotALine,
    /// The duration is no number of milliseconds.
    NotADuration,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Malformed::NoSignal => "the body has no signal",
            Malformed::NotASignal => "the signal is not one key",
            Malformed::TwoSignals => "the body has two signals",
            Malformed::NotALine => "a line of the body is no name=value",
            Malformed::NotADuration => "the duration is no number of milliseconds",
        })
    }
}

/// The key that a body of this content type (`type/subtype` in small letters) reports. `None`: nothing that is a key here, such
/// as a hook flash, or a body of another type.
pub(crate) fn parse(content_type: &str, body: &[u8]) -> Result<Option<InfoDigit>, Malformed> {
    match content_type {
        RELAY => parse_relay(body),
        PLAIN => {
            let signal = body.trim_ascii();
            let digit = if signal.is_empty() { return Err(Malformed::NoSignal) } else { digit_of(signal)? };
            Ok(digit.map(|digit| InfoDigit { digit, duration_ms: USUAL_DURATION_MS }))
        }
        _ => Ok(None),
    }
}

/// Lines in any order; what is neither the signal nor the duration is passed over.
fn parse_relay(body: &[u8]) -> Result<Option<InfoDigit>, Malformed> {
    let (mut signal, mut duration_ms) = (None, USUAL_DURATION_MS);
    let lines = body.split(|&octet| octet == b'\n' || octet == b'\r').map(<[u8]>::trim_ascii);
    for line in lines.filter(|line| !line.is_empty()) {
        let equals = line.iter().position(|&octet| octet == b'=').ok_or(Malformed::NotALine)?;
        let (name, value) = (line[..equals].trim_ascii(), line[equals + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"Signal") {
            if signal.replace(digit_of(value)?).is_some() {
                return Err(Malformed::TwoSignals);
            }
        } else if name.eq_ignore_ascii_case(b"Duration") {
            let number = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            duration_ms = number.ok_or(Malformed::NotADuration)?;
        }
    }
    let digit = signal.ok_or(Malformed::NoSignal)?;
    Ok(digit.map(|digit| InfoDigit { digit, duration_ms }))
}

/// The key that a signal names: itself, or its number among the events of RFC 4733 §3.2. `None`: something else, such as a
/// flash (`16`, `hf`, `!`).
fn digit_of(signal: &[u8]) -> Result<Option<char>, Malformed> {
    if signal.is_empty() || signal.len() > SIGNAL_MAX || !signal.iter().all(u8::is_ascii_graphic) {
        return Err(Malformed::NotASignal);
    }
    Ok(match signal {
        [octet @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D' | b'a'..=b'd')] => {
            Some(char::from(octet.to_ascii_uppercase()))
        }
        b"10" => Some('*'),
        b"11" => Some('#'),
        b"12" => Some('A'),
        b"13" => Some('B'),
        b"14" => Some('C'),
        b"15" => Some('D'),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use base::Random;

    use super::*;

    /// `5 160`, `-` for nothing that is a key, or what is wrong.
    fn shown(content_type: &str, body: &str) -> String {
        match parse(content_type, body.as_bytes()) {
            Ok(Some(InfoDigit { digit, duration_ms })) => format!("{digit} {duration_ms}"),
            Ok(None) => "-".into(),
            Err(malformed) => malformed.to_string(),
        }
    }

    #[test]
    fn lines_of_a_relay_give_the_key() {
        for (body, expected) in [
            ("Signal=5\r\nDuration=160\r\n", "5 160"),
            ("Signal=5\nDuration=160\n", "5 160"),
            ("Signal=5\r\nDuration=160", "5 160"),
            ("Signal= 5\r\nDuration = 160 \r\n", "5 160"),
            ("\tSignal\t=\t5\r\nDuration=160", "5 160"),
            ("Duration=160\r\nSignal=5\r\n", "5 160"),
            ("signal=5\r\nDURATION=160\r\n", "5 160"),
            ("\r\nSignal=5\r\n\r\n", "5 100"),
            ("Signal=5\r\nDuration=0", "5 0"),
            ("Signal=*", "* 100"),
            ("Signal=#", "# 100"),
            ("Signal=10", "* 100"),
            ("Signal=11", "# 100"),
            ("Signal=15", "D 100"),
            ("Signal=a", "A 100"),
            ("Signal=D", "D 100"),
            ("Signal=16", "-"),
            ("Signal=hf\r\nDuration=160", "-"),
            ("Signal=!", "-"),
            ("Signal=E", "-"),
            ("Signal=55", "-"),
            ("Signal==", "-"),
            ("Signal=5\r\nVolume=-8\r\nSequence=1", "5 100"),
            ("", "the body has no signal"),
            ("\r\n", "the body has no signal"),
            ("Duration=160", "the body has no signal"),
            ("Signal=", "the signal is not one key"),
            ("Signal=5 6", "the signal is not one key"),
            ("Signal=12345678", "-"),
            ("Signal=123456789", "the signal is not one key"),
            ("Signal=\u{e9}", "the signal is not one key"),
            ("Signal=5\r\nSignal=6", "the body has two signals"),
            ("Signal=hf\r\nSignal=6", "the body has two signals"),
            ("Signal 5", "a line of the body is no name=value"),
            ("5", "a line of the body is no name=value"),
            ("Signal=5\r\nDuration=", "the duration is no number of milliseconds"),
            ("Signal=5\r\nDuration=long", "the duration is no number of milliseconds"),
            ("Signal=5\r\nDuration=-1", "the duration is no number of milliseconds"),
            ("Signal=5\r\nDuration=4294967296", "the duration is no number of milliseconds"),
        ] {
            assert_eq!(shown(RELAY, body), expected, "{body:?}");
        }
    }

    #[test]
    fn a_plain_body_is_the_key() {
        for (body, expected) in [
            ("5", "5 100"),
            (" 5\r\n", "5 100"),
            ("#", "# 100"),
            ("c", "C 100"),
            ("11", "# 100"),
            ("16", "-"),
            ("hf", "-"),
            ("!", "-"),
            ("\r\n", "the body has no signal"),
            ("5 6", "the signal is not one key"),
            ("Signal=5\r\nDuration=160", "the signal is not one key"),
        ] {
            assert_eq!(shown(PLAIN, body), expected, "{body:?}");
        }
        assert_eq!(shown("text/plain", "5"), "-");
    }

    #[test]
    fn every_key_is_read_however_it_is_written() {
        let mut random = Random::from_seed([7; 32]);
        for (number, digit) in "0123456789*#ABCD".chars().enumerate() {
            for _ in 0..64 {
                let mut pick = |of: &[&str]| of[random.next_u32() as usize % of.len()].to_owned();
                let signal = pick(&[&digit.to_string(), &digit.to_ascii_lowercase().to_string(), &number.to_string()]);
                let mut space = || pick(&["", " ", "\t", "  "]);
                let signal = format!("{}Signal{}={}{signal}{}", space(), space(), space(), space());
                let duration = format!("Duration{}={}1600", space(), space());
                let end = pick(&["\r\n", "\n", "\n\n", "\r"]);
                let body = match pick(&["signal first", "duration first"]).as_str() {
                    "signal first" => format!("{signal}{end}{duration}{end}"),
                    _ => format!("{duration}{end}{signal}"),
                };
                assert_eq!(shown(RELAY, &body), format!("{digit} 1600"), "{body:?}");
            }
        }
    }

    #[test]
    fn whatever_comes_is_a_key_nothing_or_malformed() {
        const PIECES: &[&[u8]] = &[
            b"Signal",
            b"Duration",
            b"=",
            b"\r\n",
            b"\n",
            b" ",
            b"5",
            b"#",
            b"99999999999",
            b"\0",
            b"\xff",
            b"hf",
            b"-",
        ];
        let mut random = Random::from_seed([9; 32]);
        for _ in 0..20_000 {
            let mut body = Vec::new();
            for _ in 0..random.next_u32() % 12 {
                body.extend_from_slice(PIECES[random.next_u32() as usize % PIECES.len()]);
            }
            for content_type in [RELAY, PLAIN] {
                if let Ok(Some(found)) = parse(content_type, &body) {
                    assert!("0123456789*#ABCD".contains(found.digit), "{body:?}");
                    assert!(body.iter().any(|octet| b"5#1".contains(octet)), "{body:?} has no key");
                }
            }
        }
    }
}

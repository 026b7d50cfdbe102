//! Digits to be sent, in a form that a worker can copy.

/// Up to 100 digits with their timing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DigitString {
    codes: [u8; DigitString::MAX],
    length: u8,
    duration_ms: u16,
    interval_ms: u16,
}

impl DigitString {
    /// Most digits of one command.
    pub const MAX: usize = 100;

    /// Digits `0-9A-D*#` (lower-case letters too) of `duration_ms` each, with pauses of `interval_ms` between them. Other
    /// characters are left out, what exceeds [`DigitString::MAX`] is cut off, times are brought into 100–1000 and 0–5000 ms.
    pub fn new(digits: &str, duration_ms: u16, interval_ms: u16) -> DigitString {
        let mut codes = [0; DigitString::MAX];
        let mut length = 0;
        for (slot, code) in codes.iter_mut().zip(digits.chars().filter_map(code_of_digit)) {
            *slot = code;
            length += 1;
        }
        DigitString {
            codes,
            length,
            duration_ms: duration_ms.clamp(100, 1000),
            interval_ms: interval_ms.clamp(0, 5000),
        }
    }

    /// RFC 4733 event codes of the digits, 0–15.
    pub fn codes(&self) -> &[u8] {
        &self.codes[..usize::from(self.length)]
    }

    /// Length of each digit, ms.
    pub fn duration_ms(&self) -> u16 {
        self.duration_ms
    }

    /// Pause between two digits, ms.
    pub fn interval_ms(&self) -> u16 {
        self.interval_ms
    }
}

impl std::fmt::Debug for DigitString {
    #[expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "Debug is for people; no tick asks for it")]
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits: String = self.codes().iter().filter_map(|code| digit_of_code(*code)).collect();
        write!(f, "DigitString({digits:?}, {} ms, {} ms)", self.duration_ms, self.interval_ms)
    }
}

/// RFC 4733 §3.2, table 3: the event code of a digit.
pub(crate) fn code_of_digit(digit: char) -> Option<u8> {
    match digit {
        '0'..='9' => Some(digit as u8 - b'0'),
        '*' => Some(10),
        '#' => Some(11),
        'A'..='D' => Some(digit as u8 - b'A' + 12),
        'a'..='d' => Some(digit as u8 - b'a' + 12),
        _ => None,
    }
}

/// The digit of an RFC 4733 event code; none for events that are not DTMF (flash, modem tones ...).
pub(crate) fn digit_of_code(code: u8) -> Option<char> {
    b"0123456789*#ABCD".get(usize::from(code)).map(|digit| char::from(*digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_has_its_code_and_comes_back() {
        for (code, digit) in "0123456789*#ABCD".chars().enumerate() {
            assert_eq!(code_of_digit(digit), Some(code as u8));
            assert_eq!(digit_of_code(code as u8), Some(digit));
        }
        assert_eq!(digit_of_code(16), None);
    }

    #[test]
    fn what_is_not_a_digit_is_left_out_and_times_are_clamped() {
        let digits = DigitString::new("1 2-x*d", 5, 60_000);
        assert_eq!(digits.codes(), [1, 2, 10, 15]);
        assert_eq!((digits.duration_ms(), digits.interval_ms()), (100, 5000));
        assert_eq!(DigitString::new(&"7".repeat(300), 2000, 0).codes().len(), DigitString::MAX);
    }
}

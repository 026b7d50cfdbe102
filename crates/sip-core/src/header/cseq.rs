//! CSeq (RFC 3261 §20.16).

use serde::{Deserialize, Serialize};

use super::text::{number, take_token, trim, trim_start};
use super::{HeaderError, HeaderProblem};
use crate::Method;

/// The order of a request inside its dialog, and the method a response answers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CSeq {
    /// The sequence number. RFC 3261 §8.1.1.5 asks for less than 2^31; anything that fits 32 bits is read.
    pub number: u32,
    /// The method.
    pub method: Method,
}

impl CSeq {
    /// Reads `314159 INVITE`.
    pub fn parse(value: &[u8]) -> Result<CSeq, HeaderError> {
        let error = |problem, part| HeaderError::new("CSeq", problem).at(value, part);
        let text = trim(value);
        let (digits, rest) = take_token(text);
        let number = match number(digits) {
            Some(number) => u32::try_from(number).map_err(|_| error(HeaderProblem::OutOfRange, digits))?,
            None if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
                return Err(error(HeaderProblem::OutOfRange, digits));
            }
            None => return Err(error(HeaderProblem::NotANumber, text)),
        };
        let token = trim_start(rest);
        let method = Method::parse(token).ok_or(error(HeaderProblem::NotAToken, rest))?;
        Ok(CSeq { number, method })
    }
}

impl std::fmt::Display for CSeq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_must_fit_32_bits_and_a_method_must_follow() {
        let check = |text: &str, expected: Result<(u32, &str), HeaderProblem>| {
            let got = CSeq::parse(text.as_bytes());
            let got = got.as_ref().map(|cseq| (cseq.number, cseq.method.as_str())).map_err(|error| error.problem);
            assert_eq!(got, expected, "{text}");
        };
        check("1 INVITE", Ok((1, "INVITE")));
        check("0009   INVITE", Ok((9, "INVITE")));
        check("4294967295\tnewmethod", Ok((u32::MAX, "newmethod")));
        check("4294967296 INVITE", Err(HeaderProblem::OutOfRange));
        check("36893488147419103232 INVITE", Err(HeaderProblem::OutOfRange));
        check("-1 INVITE", Err(HeaderProblem::NotANumber));
        check("INVITE", Err(HeaderProblem::NotANumber));
        check("", Err(HeaderProblem::NotANumber));
        check("1", Err(HeaderProblem::NotAToken));
        check("1 INVITE x", Err(HeaderProblem::NotAToken));
    }
}

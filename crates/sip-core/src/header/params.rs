//! `;name=value` parameters of headers and URIs (RFC 3261 §7.3.1, §19.1.1), read where they lie.

use super::HeaderProblem;
use super::text::{is_space, is_token_byte, quoted_len, trim};

/// The parameters behind a value, as the raw text from the first semicolon on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Params<'a> {
    raw: &'a [u8],
}

/// One parameter: its name and, if there is an `=`, its value; both without surrounding white space, quotes kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Param<'a> {
    /// The name, in the case it came in.
    pub name: &'a [u8],
    /// The text after `=`; `None` for a parameter without one, such as `lr`.
    pub value: Option<&'a [u8]>,
}

impl<'a> Params<'a> {
    /// `raw` is empty or begins with a semicolon.
    pub(crate) fn new(raw: &'a [u8]) -> Params<'a> {
        Params { raw }
    }

    /// The text as it came, from the first semicolon on; empty if there are no parameters.
    pub fn as_bytes(self) -> &'a [u8] {
        self.raw
    }

    /// All parameters in order.
    pub fn iter(self) -> ParamsIter<'a> {
        ParamsIter { rest: self.raw }
    }

    /// The first parameter called `name`, in any case.
    pub fn find(self, name: &str) -> Option<Param<'a>> {
        self.iter().find(|param| param.name.eq_ignore_ascii_case(name.as_bytes()))
    }

    /// The value of parameter `name` in any case: empty if it is there without a value, `None` if it is not there.
    pub fn get(self, name: &str) -> Option<&'a [u8]> {
        self.find(name).map(|param| param.value.unwrap_or_default())
    }

    /// [`Params::get`] as text; `None` also if the value is not UTF-8.
    pub fn get_str(self, name: &str) -> Option<&'a str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Whether there is a parameter `name`, with or without a value.
    pub fn has(self, name: &str) -> bool {
        self.find(name).is_some()
    }

    /// Every parameter has a name, and a value with quotes is one quoted string.
    pub(crate) fn check(self) -> Result<(), (HeaderProblem, &'a [u8])> {
        for param in self.iter() {
            if param.name.is_empty() {
                return Err((HeaderProblem::EmptyParameter, param.name));
            }
            if param.name.iter().any(|byte| matches!(byte, 0..=b' ' | 0x7f | b'"' | b'<' | b'>')) {
                return Err((HeaderProblem::BadParameter, param.name));
            }
            check_value(param.value.unwrap_or_default())?;
        }
        Ok(())
    }
}

impl<'a> IntoIterator for Params<'a> {
    type Item = Param<'a>;
    type IntoIter = ParamsIter<'a>;

    fn into_iter(self) -> ParamsIter<'a> {
        self.iter()
    }
}

impl std::fmt::Debug for Params<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", String::from_utf8_lossy(self.raw))
    }
}

/// The parameters of one value, in order.
#[derive(Clone, Debug)]
pub struct ParamsIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ParamsIter<'a> {
    type Item = Param<'a>;

    fn next(&mut self) -> Option<Param<'a>> {
        let text = self.rest.strip_prefix(b";")?;
        let (mut equals, mut value_begun) = (None, false);
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            match byte {
                b';' => break,
                // A quote further inside is an error that `check` finds; it must not hide the semicolons behind it.
                b'"' if equals.is_some() && !value_begun => {
                    at += quoted_len(&text[at..]).unwrap_or(text.len() - at);
                    value_begun = true;
                    continue;
                }
                b'=' if equals.is_none() => equals = Some(at),
                _ => value_begun |= equals.is_some() && !is_space(byte),
            }
            at += 1;
        }
        let at = at.min(text.len());
        self.rest = &text[at..];
        Some(match equals {
            Some(equals) => Param { name: trim(&text[..equals]), value: Some(trim(&text[equals + 1..at])) },
            None => Param { name: trim(&text[..at]), value: None },
        })
    }
}

/// A value with quotes is one quoted string; outside of quotes there are no control characters.
fn check_value(value: &[u8]) -> Result<(), (HeaderProblem, &[u8])> {
    if value.first() == Some(&b'"') {
        return match quoted_len(value) {
            Some(length) if length == value.len() => Ok(()),
            Some(_) => Err((HeaderProblem::BadParameter, value)),
            None => Err((HeaderProblem::UnclosedQuote, value)),
        };
    }
    match value.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t' || *byte == b'"') {
        true => Err((HeaderProblem::BadParameter, value)),
        false => Ok(()),
    }
}

/// Puts `;name=value` behind `text`; what could end the parameter or the line is left out.
pub(super) fn push_param(text: &mut Vec<u8>, name: &str, value: Option<&str>) {
    text.push(b';');
    text.extend(name.bytes().filter(|&byte| is_token_byte(byte)));
    if let Some(value) = value {
        text.push(b'=');
        text.extend(value.bytes().filter(|&byte| is_token_byte(byte) || matches!(byte, b':' | b'[' | b']')));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_in_any_case_around_white_space_and_quotes() {
        let params = Params::new(b"; Tag = a1 ;lr;note=\"x;tag=2\"; e= ;tag=second");
        assert_eq!(params.get("tag"), Some(&b"a1"[..]));
        assert_eq!(params.get("LR"), Some(&b""[..]));
        assert_eq!(params.get("note"), Some(&b"\"x;tag=2\""[..]));
        assert_eq!(params.get("e"), Some(&b""[..]));
        assert_eq!(params.get("x"), None);
        assert_eq!(params.iter().count(), 5);
        assert_eq!(params.check(), Ok(()));
    }

    #[test]
    fn nameless_parameters_and_unclosed_quotes_are_found() {
        let problem = |text: &'static str| Params::new(text.as_bytes()).check().map_err(|(problem, _)| problem);
        assert_eq!(problem(";;"), Err(HeaderProblem::EmptyParameter));
        assert_eq!(problem(";a;"), Err(HeaderProblem::EmptyParameter));
        assert_eq!(problem(";=1"), Err(HeaderProblem::EmptyParameter));
        assert_eq!(problem(";a b=1"), Err(HeaderProblem::BadParameter));
        assert_eq!(problem(";a=\"b"), Err(HeaderProblem::UnclosedQuote));
        assert_eq!(problem(";a=b\"c;d"), Err(HeaderProblem::BadParameter));
        assert_eq!(problem(";a=\"b\"c"), Err(HeaderProblem::BadParameter));
        assert_eq!(problem(";a = \"b\\\";\" ;c"), Ok(()));
        assert_eq!(problem(""), Ok(()));
    }
}

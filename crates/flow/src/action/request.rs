//! What `fetch` and `webhook_send` share: where a request goes and with which method.

use super::Fault;
use super::option::{OptionError, OptionReader, wrong};

/// A method that the user did not name.
const DEFAULT_METHOD: &str = "POST";

/// An address of the web, or none when it is missing.
pub(super) fn url<'a>(option: &OptionReader<'a>, key: &str) -> Result<Option<&'a str>, OptionError> {
    let Some(url) = option.text(key)?.map(str::trim).filter(|url| !url.is_empty()) else { return Ok(None) };
    let begins = |scheme: &str| url.get(..scheme.len()).is_some_and(|head| head.eq_ignore_ascii_case(scheme));
    let known = begins("http://") || begins("https://");
    if known && !url.contains(|c: char| c.is_whitespace() || c.is_control()) {
        Ok(Some(url))
    } else {
        Err(wrong(key, &url.into(), "an address that begins with http:// or https:// and holds no spaces"))
    }
}

/// What to say when there is no address.
pub(super) fn missing(key: &str) -> Fault {
    Fault(format!("the option cannot be read: {key} is missing; expected: an address of the web"))
}

/// A token (RFC 9110 §5.6.2); the usual methods also in lower case.
pub(super) fn method(option: &OptionReader<'_>, key: &str) -> Result<String, OptionError> {
    let text = option.text(key)?.unwrap_or_default().trim();
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if text.is_empty() {
        Ok(DEFAULT_METHOD.to_owned())
    } else if text.len() > 32 || !text.bytes().all(is_token) {
        Err(wrong(key, &text.into(), "the name of an HTTP method"))
    } else {
        let usual = ["GET", "POST", "PUT", "DELETE"].into_iter().find(|usual| usual.eq_ignore_ascii_case(text));
        Ok(usual.unwrap_or(text).to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn methods_are_tokens_and_the_usual_ones_may_be_in_lower_case() {
        for (text, expected) in [
            ("", Some("POST")),
            ("get", Some("GET")),
            ("Put", Some("PUT")),
            ("PATCH", Some("PATCH")),
            ("patch", Some("patch")),
            ("GET /x", None),
            ("G\r\nHost", None),
            ("a,b", None),
            (&"X".repeat(33), None),
        ] {
            let option = json!({"m": text});
            let read = method(&OptionReader::new(Some(&option)).unwrap(), "m");
            assert_eq!(read.ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn addresses_are_those_of_the_web() {
        for (text, expected) in [
            ("http://x", Some("http://x")),
            (" HTTPS://x/y?z ", Some("HTTPS://x/y?z")),
            ("ftp://x", None),
            ("x", None),
            ("http://x y", None),
            ("http://x\r\nHost: y", None),
            ("ü", None),
        ] {
            let option = json!({"u": text});
            let read = url(&OptionReader::new(Some(&option)).unwrap(), "u");
            assert_eq!(read.ok().flatten(), expected, "{text}");
        }
        let none = json!({"u": " "});
        assert_eq!(url(&OptionReader::new(Some(&none)).unwrap(), "u"), Ok(None));
    }
}

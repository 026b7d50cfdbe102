//! `%HH` escapes (RFC 3261 §25.1). Messages keep them as they came; only looking something up undoes them.

use std::borrow::Cow;

/// The bytes that `%HH` stand for; a `%` without two hex digits stays.
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return text.into();
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match escaped_byte(&text[at..]) {
            Some(byte) => {
                plain.push(byte);
                at += 3;
            }
            None => {
                plain.push(text[at]);
                at += 1;
            }
        }
    }
    plain.into()
}

/// `text` as the user part of a SIP URI: every byte that may not stand there is escaped (RFC 3261 §25.1 `user`).
pub fn escape_user(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => escaped.push(char::from(byte)),
            _ if b"-_.!~*'()&=+$,;?/".contains(&byte) => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}

/// The byte that an escape at the start of `text` stands for.
pub(super) fn escaped_byte(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(*high)? * 16 + digit(*low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_once_and_broken_ones_stay() {
        assert_eq!(unescape(b"a%20b%2520%zz%4").as_ref(), b"a b%20%zz%4");
        assert_eq!(unescape(b"%00%ff").as_ref(), [0, 255]);
        assert_eq!(escape_user("+1 (2)@x#%\r\n"), "+1%20(2)%40x%23%25%0D%0A");
    }
}

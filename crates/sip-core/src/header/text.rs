//! The lexical ground of RFC 3261 §25.1: tokens, white space, quoted strings, comma lists, numbers.

/// A part of a text, as byte offsets, so that a value can own its text and still know its parts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(crate) struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Where `part` lies inside `whole`. An empty part is the empty span.
    pub(crate) fn of(whole: &[u8], part: &[u8]) -> Span {
        if part.is_empty() {
            return Span::default();
        }
        let start = part.as_ptr() as usize - whole.as_ptr() as usize;
        debug_assert!(start + part.len() <= whole.len(), "a part lies inside the whole");
        Span { start: start as u32, end: (start + part.len()) as u32 }
    }

    pub(crate) fn new(start: usize, end: usize) -> Span {
        Span { start: start as u32, end: end as u32 }
    }

    pub(crate) fn get(self, whole: &[u8]) -> &[u8] {
        &whole[self.start as usize..self.end as usize]
    }

    pub(crate) fn start(self) -> usize {
        self.start as usize
    }

    pub(crate) fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The same part when `changed` of the text, which lies inside of this part or outside, has become `added` longer.
    pub(crate) fn after_change(self, changed: &std::ops::Range<usize>, added: isize) -> Span {
        let moved =
            |at: u32, is_behind: bool| if is_behind { (at as usize).strict_add_signed(added) } else { at as usize };
        Span::new(moved(self.start, self.start() >= changed.end), moved(self.end, self.end as usize >= changed.end))
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }
}

/// One flag per byte value: is it a token character?
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0usize;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let other = b"-.!%*_+`'~";
    let mut i = 0;
    while i < other.len() {
        table[other[i] as usize] = true;
        i += 1;
    }
    table
};

pub(crate) fn is_token_byte(byte: u8) -> bool {
    TOKEN[byte as usize]
}

pub(crate) fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|&byte| is_token_byte(byte))
}

pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

pub(crate) fn trim_start(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    text
}

pub(crate) fn trim_end(mut text: &[u8]) -> &[u8] {
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

pub(crate) fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text))
}

/// The leading token of `text` (perhaps empty) and what follows.
pub(crate) fn take_token(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| !is_token_byte(byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// `text` starts with a double quote: the length of the quoted string with both quotes, `None` if it is not closed.
pub(crate) fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2; // RFC 3261 §25.1: a backslash takes the next byte with it
    }
}

/// A quoted string without its quotes and backslashes; any other text as it is.
pub(crate) fn unquote(text: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = text else {
        return text.into();
    };
    if memchr::memchr(b'\\', inner).is_none() {
        return inner.into();
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            _ => plain.push(byte),
        }
    }
    plain.into()
}

/// A number of decimal digits only; `None` if there is another byte, no digit, or it is above `u64::MAX`.
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u64, |sum, &byte| match byte {
        b'0'..=b'9' => sum.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

/// The elements of a comma list, trimmed; commas inside quotes and `<>` do not separate; empty elements are skipped.
pub(crate) struct ListIter<'a> {
    rest: &'a [u8],
}

pub(crate) fn split_list(text: &[u8]) -> ListIter<'_> {
    ListIter { rest: text }
}

impl<'a> Iterator for ListIter<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = element_len(self.rest);
            let element = trim(&self.rest[..end]);
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

/// Bytes up to the first separating comma, or all. An unclosed quote or `<` swallows the rest: its typed reading fails.
fn element_len(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b',' => return at,
            b'"' => at += quoted_len(&text[at..]).unwrap_or(text.len() - at),
            b'<' => at += memchr::memchr(b'>', &text[at..]).unwrap_or(text.len() - at),
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_inside_quotes_and_angle_brackets_do_not_separate() {
        let check = |text: &str, expected: &[&str]| {
            let got: Vec<_> = split_list(text.as_bytes()).map(|v| String::from_utf8_lossy(v).into_owned()).collect();
            assert_eq!(got, expected, "{text}");
        };
        check("", &[]);
        check("a", &["a"]);
        check(" a , b,c ", &["a", "b", "c"]);
        check(",,a,,", &["a"]);
        check(r#""x, y" <sip:a,b@c>;q=1, <sip:d>"#, &[r#""x, y" <sip:a,b@c>;q=1"#, "<sip:d>"]);
        check(r#""a\", b" <x>, y"#, &[r#""a\", b" <x>"#, "y"]);
        check(r#""never closed, a"#, &[r#""never closed, a"#]);
        check("<never, closed", &["<never, closed"]);
    }

    #[test]
    fn unquoting_removes_one_level_of_backslashes() {
        let check = |text: &str, expected: &str| assert_eq!(unquote(text.as_bytes()).as_ref(), expected.as_bytes());
        check("plain", "plain");
        check(r#""a b""#, "a b");
        check(r#""a \"b\" \\ c""#, r#"a "b" \ c"#);
        check(r#"""#, r#"""#);
    }

    #[test]
    fn numbers_are_digits_only_and_never_wrap() {
        assert_eq!(number(b"0068"), Some(68));
        for bad in ["", "-1", "+1", "1 ", "18446744073709551616"] {
            assert_eq!(number(bad.as_bytes()), None, "{bad}");
        }
    }
}

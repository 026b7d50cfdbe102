//! The header lines of a message as offsets. Folded values are laid out unfolded once, in a buffer of their own, so that
//! every value is one slice while the message keeps the bytes it came in.

use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::header::text::{ListIter, Span, is_space, split_list, trim};
use crate::header::{HeaderField, HeaderName};

/// Header lines over a text.
#[derive(Clone, Default)]
pub(super) struct Fields {
    pub(super) text: Bytes,
    unfolded: Bytes,
    /// Shared, so that a clone costs no memory: a message is kept by its transaction, its call and a crash report to come.
    lines: Arc<[Line]>,
}

#[derive(Clone, Copy)]
pub(super) struct Line {
    /// `None`: a name that is not in the table.
    known: Option<HeaderName>,
    /// The value lies in `unfolded`.
    folded: bool,
    name: Span,
    value: Span,
}

/// One header line of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeaderLine<'a> {
    /// What the name is; `None` for a name this server gives no meaning to.
    pub known: Option<HeaderName>,
    /// The name as it came.
    pub name: &'a [u8],
    /// The value, unfolded and trimmed.
    pub value: &'a [u8],
}

impl HeaderLine<'_> {
    /// Whether it is a line of this header.
    pub fn is(&self, field: HeaderField<'_>) -> bool {
        names(field, self.known, self.name)
    }
}

/// Whether `field` is the header that stands there by this name.
pub(super) fn names(field: HeaderField<'_>, known: Option<HeaderName>, name: &[u8]) -> bool {
    match field {
        HeaderField::Known(wanted) => known == Some(wanted),
        HeaderField::Text(wanted) => known.is_none() && name.eq_ignore_ascii_case(wanted.as_bytes()),
    }
}

/// Lines being collected while the text is still borrowed.
#[derive(Default)]
pub(super) struct FieldsBuilder {
    unfolded: BytesMut,
    lines: Vec<Line>,
}

impl FieldsBuilder {
    pub(super) fn with_capacity(lines: usize) -> FieldsBuilder {
        FieldsBuilder { unfolded: BytesMut::new(), lines: Vec::with_capacity(lines) }
    }

    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }

    /// Adds the line whose parts are these slices of `text`.
    pub(super) fn push(&mut self, text: &[u8], name: &[u8], value: &[u8], folded: bool) {
        let known = HeaderName::parse(name);
        let name = Span::of(text, name);
        let value = trim(value);
        let value = if folded && value.contains(&b'\n') { self.unfold(value) } else { (Span::of(text, value), false) };
        self.lines.push(Line { known, folded: value.1, name, value: value.0 });
    }

    /// Adds a line of a text that is being written.
    pub(super) fn push_known(&mut self, known: Option<HeaderName>, name: Span, value: Span) {
        self.lines.push(Line { known, folded: false, name, value });
    }

    /// RFC 3261 §7.3.1: a line end and the white space around it are one space.
    fn unfold(&mut self, value: &[u8]) -> (Span, bool) {
        let start = self.unfolded.len();
        for (index, part) in value.split(|&byte| byte == b'\n').map(trim).enumerate() {
            if index > 0 && !part.is_empty() && self.unfolded.len() > start {
                self.unfolded.extend_from_slice(b" ");
            }
            self.unfolded.extend_from_slice(part);
        }
        (Span::new(start, self.unfolded.len()), true)
    }

    pub(super) fn finish(self, text: Bytes) -> Fields {
        Fields { text, unfolded: self.unfolded.freeze(), lines: self.lines.into() }
    }
}

impl Fields {
    fn source(&self, line: &Line) -> &Bytes {
        if line.folded { &self.unfolded } else { &self.text }
    }

    fn value(&self, line: &Line) -> &[u8] {
        line.value.get(self.source(line))
    }

    fn is(&self, line: &Line, field: HeaderField<'_>) -> bool {
        names(field, line.known, line.name.get(&self.text))
    }

    pub(super) fn first(&self, field: HeaderField<'_>) -> Option<&[u8]> {
        self.lines.iter().find(|line| self.is(line, field)).map(|line| self.value(line))
    }

    pub(super) fn all<'a>(&self, field: HeaderField<'a>) -> impl Iterator<Item = &[u8]> + use<'_, 'a> {
        self.lines.iter().filter(move |line| self.is(line, field)).map(|line| self.value(line))
    }

    pub(super) fn values<'a>(&self, field: HeaderField<'a>) -> impl Iterator<Item = &[u8]> + use<'_, 'a> {
        self.all(field).flat_map(|value| -> ListIter<'_> { split_list(value) })
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = HeaderLine<'_>> {
        self.lines.iter().map(|line| HeaderLine {
            known: line.known,
            name: line.name.get(&self.text),
            value: self.value(line),
        })
    }

    /// `part`, a value or a piece of one, as a shared slice.
    pub(super) fn share(&self, part: &[u8]) -> Bytes {
        if part.is_empty() {
            Bytes::new()
        } else if self.place_of(part).is_some() {
            self.text.slice_ref(part)
        } else {
            self.unfolded.slice_ref(part)
        }
    }

    /// Where `part`, a value or a piece of one, stands in the text; None for one that was unfolded.
    pub(super) fn place_of(&self, part: &[u8]) -> Option<Range<usize>> {
        let start = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        let end = start.checked_add(part.len())?;
        (end <= self.text.len()).then_some(start..end)
    }

    /// The same lines with `new`, which holds no line end, in the place of `range`, a value or a piece of one.
    pub(super) fn replaced(self, range: Range<usize>, new: &[u8]) -> Fields {
        let mut text = Vec::with_capacity(self.text.len() - range.len() + new.len());
        text.extend_from_slice(&self.text[..range.start]);
        text.extend_from_slice(new);
        text.extend_from_slice(&self.text[range.end..]);
        let added = new.len() as isize - range.len() as isize;
        let moved = |line: &Line| Line {
            name: line.name.after_change(&range, added),
            value: if line.folded { line.value } else { line.value.after_change(&range, added) },
            ..*line
        };
        Fields { text: text.into(), unfolded: self.unfolded, lines: self.lines.iter().map(moved).collect() }
    }
}

/// Whether a line that begins with this byte continues the line before it.
pub(super) fn is_continuation(byte: u8) -> bool {
    is_space(byte) && byte != b'\r' && byte != b'\n'
}

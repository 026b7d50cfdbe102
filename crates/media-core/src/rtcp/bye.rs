//! BYE (RFC 3550 §6.6).

use super::u32_at;

/// A parsed BYE.
#[derive(Clone, Copy, Debug)]
pub struct Bye<'a> {
    body: &'a [u8],
    count: u8,
}

impl<'a> Bye<'a> {
    pub(super) fn parse(body: &'a [u8], count: u8) -> Bye<'a> {
        Bye { body, count }
    }

    /// Who leaves.
    pub fn sources(&self) -> impl Iterator<Item = u32> + use<'a> {
        let body = self.body;
        (0..usize::from(self.count)).map_while(move |n| u32_at(body, n * 4))
    }

    /// Why, if stated.
    pub fn reason(&self) -> Option<&'a [u8]> {
        let text = self.body.get(usize::from(self.count) * 4..)?;
        let (length, text) = text.split_first()?;
        text.get(..usize::from(*length))
    }
}

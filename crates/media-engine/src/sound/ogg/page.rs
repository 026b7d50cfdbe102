//! Pages of OGG (RFC 3533 §6), found and checked; what is damaged is passed over.

use std::io::{self, Read};

/// Head without the table of segments.
const HEAD_OCTETS: usize = 27;
/// The longest page: head, 255 segments, each of 255 octets.
const PAGE_OCTETS_MAX: usize = HEAD_OCTETS + 255 + 255 * 255;
/// After so many damaged pages the rest of a file is left out: each of them has to be looked at from its second octet again.
const DAMAGED_MAX: u32 = 256;

/// Flags of the head.
const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

/// One page.
pub(super) struct Page<'a> {
    head: &'a [u8],
    lengths: &'a [u8],
    body: &'a [u8],
}

impl<'a> Page<'a> {
    /// Its first packet began on the page before.
    pub(super) fn is_continued(&self) -> bool {
        self.head[5] & CONTINUED != 0
    }

    /// The first one of its stream.
    pub(super) fn is_first(&self) -> bool {
        self.head[5] & FIRST != 0
    }

    /// The last one of its stream.
    pub(super) fn is_last(&self) -> bool {
        self.head[5] & LAST != 0
    }

    /// Sound up to the end of the last packet that ends here, in the codec's unit; none if no packet ends here.
    pub(super) fn position(&self) -> Option<u64> {
        u64::try_from(i64::from_le_bytes(four_and_four(self.head, 6))).ok()
    }

    /// Which stream it belongs to.
    pub(super) fn stream(&self) -> u32 {
        u32::from_le_bytes(four(self.head, 14))
    }

    /// Its number within the stream.
    pub(super) fn number(&self) -> u32 {
        u32::from_le_bytes(four(self.head, 18))
    }

    /// The pieces of packets, each with whether its packet ends with it.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (&'a [u8], bool)> {
        let (mut lengths, mut body) = (self.lengths, self.body);
        std::iter::from_fn(move || {
            if lengths.is_empty() {
                return None;
            }
            // RFC 3533 §6: a packet goes on as long as its segments are full.
            let end = lengths.iter().position(|length| *length < 255);
            let segments = end.map_or(lengths.len(), |at| at + 1);
            let (mine, behind) = lengths.split_at(segments);
            let (piece, rest) = body.split_at(mine.iter().map(|length| usize::from(*length)).sum());
            (lengths, body) = (behind, rest);
            Some((piece, end.is_some()))
        })
    }
}

/// Reads page after page.
pub(super) struct Pages<R> {
    file: R,
    /// What was read and is not done with.
    window: Vec<u8>,
    /// Of the window, what is done with.
    done: usize,
    ended: bool,
    damaged: u32,
}

impl<R: Read> Pages<R> {
    pub(super) fn new(file: R) -> Pages<R> {
        Pages { file, window: Vec::new(), done: 0, ended: false, damaged: 0 }
    }

    /// The next page that is whole; none: the file ends, or too much of it is damaged.
    pub(super) fn next(&mut self) -> io::Result<Option<Page<'_>>> {
        let octets = loop {
            self.fill()?;
            let window = &self.window[self.done..];
            match window.windows(4).position(|four| four == b"OggS") {
                None => {
                    // Its last octets may be the beginning of a mark.
                    self.done += window.len().saturating_sub(if self.ended { 0 } else { 3 });
                    if self.ended {
                        return Ok(None);
                    }
                }
                Some(0) => {
                    if let Some(octets) = page_octets(window).filter(|octets| is_whole(&window[..*octets])) {
                        break octets;
                    }
                    self.damaged += 1;
                    if self.damaged > DAMAGED_MAX {
                        return Ok(None);
                    }
                    self.done += 1;
                }
                Some(at) => self.done += at,
            }
        };
        let page = &self.window[self.done..self.done + octets];
        self.done += octets;
        let (head, rest) = page.split_at(HEAD_OCTETS);
        let (lengths, body) = rest.split_at(usize::from(head[26]));
        Ok(Some(Page { head, lengths, body }))
    }

    /// Sees to it that a whole page fits into what is there, unless the file ends.
    fn fill(&mut self) -> io::Result<()> {
        if self.ended || self.window.len() - self.done >= PAGE_OCTETS_MAX {
            return Ok(());
        }
        self.window.drain(..self.done);
        self.done = 0;
        let wanted = 2 * PAGE_OCTETS_MAX - self.window.len();
        let read = self.file.by_ref().take(wanted as u64).read_to_end(&mut self.window)?;
        self.ended = read < wanted;
        Ok(())
    }
}

/// Length of the page that begins here; none if its version is unknown or it does not end within `octets`.
fn page_octets(octets: &[u8]) -> Option<usize> {
    let head = octets.get(..HEAD_OCTETS).filter(|head| head[4] == 0)?;
    let behind = HEAD_OCTETS + usize::from(head[26]);
    let body: usize = octets.get(HEAD_OCTETS..behind)?.iter().map(|length| usize::from(*length)).sum();
    Some(behind + body).filter(|length| *length <= octets.len())
}

/// RFC 3533 §6: the check sum counts as 0 in itself.
fn is_whole(page: &[u8]) -> bool {
    let sum = check_sum(check_sum(check_sum(0, &page[..22]), &[0; 4]), &page[26..]);
    sum == u32::from_le_bytes(four(page, 22))
}

/// CRC-32 with the polynomial 04c11db7, highest bit first, without turning anything round.
pub(super) fn check_sum(begun: u32, octets: &[u8]) -> u32 {
    octets.iter().fold(begun, |sum, octet| sum << 8 ^ TABLE[usize::from((sum >> 24) as u8 ^ octet)])
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut sum = (at as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 0x8000_0000 != 0 { sum << 1 ^ 0x04c1_1db7 } else { sum << 1 };
            bit += 1;
        }
        table[at] = sum;
        at += 1;
    }
    table
};

fn four(octets: &[u8], at: usize) -> [u8; 4] {
    std::array::from_fn(|n| octets[at + n])
}

fn four_and_four(octets: &[u8], at: usize) -> [u8; 8] {
    std::array::from_fn(|n| octets[at + n])
}

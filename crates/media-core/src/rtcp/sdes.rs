//! Source description (RFC 3550 §6.5): of its items, only the CNAME is of use here.

use super::u32_at;

/// RFC 3550 §6.5.1.
const CNAME: u8 = 1;

/// A parsed source description.
#[derive(Clone, Copy, Debug)]
pub struct SourceDescription<'a> {
    body: &'a [u8],
    chunks: u8,
}

impl<'a> SourceDescription<'a> {
    pub(super) fn parse(body: &'a [u8], count: u8) -> SourceDescription<'a> {
        SourceDescription { body, chunks: count }
    }

    /// SSRC and CNAME of each chunk that has one, up to the first chunk that does not fit.
    pub fn cnames(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let (mut rest, mut left) = (self.body, self.chunks);
        std::iter::from_fn(move || {
            while left > 0 {
                left -= 1;
                let ssrc = u32_at(rest, 0)?;
                let (cname, length) = read_chunk(rest.get(4..)?)?;
                rest = rest.get(4 + length..)?;
                if let Some(cname) = cname {
                    return Some((ssrc, cname));
                }
            }
            None
        })
    }
}

/// The CNAME among a chunk's items, and the octets that the items take, padding to four included.
fn read_chunk(items: &[u8]) -> Option<(Option<&[u8]>, usize)> {
    let mut cname = None;
    let mut at = 0;
    loop {
        let kind = *items.get(at)?;
        if kind == 0 {
            // Zero octets end the list and fill up to the next 32 bit word.
            return Some((cname, at / 4 * 4 + 4));
        }
        let length = usize::from(*items.get(at + 1)?);
        let text = items.get(at + 2..at + 2 + length)?;
        if kind == CNAME {
            cname = cname.or(Some(text));
        }
        at += 2 + length;
    }
}

/// Writes one chunk with a CNAME of up to 255 octets to `out`; returns its length, a multiple of four.
pub(super) fn write_chunk(out: &mut [u8], ssrc: u32, cname: &[u8]) -> Option<usize> {
    let length = (4 + 2 + cname.len()) / 4 * 4 + 4;
    let out = out.get_mut(..length)?;
    out.fill(0);
    out[..4].copy_from_slice(&ssrc.to_be_bytes());
    out[4] = CNAME;
    out[5] = u8::try_from(cname.len()).ok()?;
    out[6..6 + cname.len()].copy_from_slice(cname);
    Some(length)
}

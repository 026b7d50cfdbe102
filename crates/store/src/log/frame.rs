//! How entries lie in a segment file. All numbers are little-endian.
//!
//! ```text
//! segment  magic "FSWLOG\r\n", u32 format version, u64 first sequence number, u32 CRC-32 of these 20 octets; then frames
//! frame    u32 length of the payload, u32 CRC-32 of length and all that follows, u64 sequence number, u32 kind,
//!          u32 distance to the first sequence number of its group, payload
//! ```
//! A *group* is what was written and synced at once. A frame of a later group proves that everything before it was synced, and
//! this is how a torn tail, which was never accepted, is told from damage to accepted entries.

use std::fmt;

/// Octets of a segment's header.
pub(crate) const SEGMENT_HEADER: usize = 24;
/// Octets of a frame before its payload.
pub(crate) const FRAME_HEADER: usize = 24;
/// The version that this program writes, and the newest that it reads.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// Longest payload. A longer length is damage.
pub(crate) const PAYLOAD_MAX: usize = 16 << 20;

const MAGIC: &[u8; 8] = b"FSWLOG\r\n";

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// An entry in MessagePack.
    Entry = 0,
    /// The end of a segment that was closed in order; its number is that of the next segment's first entry.
    Seal = 1,
    /// Entries that a repair could not save; the payload is the number (u64) of the next entry.
    Gap = 2,
}

/// One frame that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    pub(crate) seq: u64,
    pub(crate) kind: FrameKind,
    /// First sequence number of the group that it was written with.
    pub(crate) group: u64,
    pub(crate) payload: &'a [u8],
}

impl Frame<'_> {
    /// Octets in the file.
    pub(crate) fn len(&self) -> usize {
        FRAME_HEADER + self.payload.len()
    }

    /// The number that the frame after this one must have.
    pub(crate) fn next_seq(&self) -> u64 {
        match self.kind {
            FrameKind::Entry => self.seq + 1,
            FrameKind::Seal => self.seq,
            FrameKind::Gap => self.payload.try_into().map(u64::from_le_bytes).unwrap_or(self.seq),
        }
    }
}

/// Why there is no frame here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoFrame {
    /// The file ends within it.
    Cut,
    /// The length is impossible.
    BadLength,
    /// The check sum is wrong.
    BadSum,
    /// The kind is unknown.
    BadKind,
    /// It is whole, but not the next one.
    WrongNumber,
}

impl fmt::Display for NoFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NoFrame::Cut => "the file ends within an entry",
            NoFrame::BadLength => "an entry has an impossible length",
            NoFrame::BadSum => "an entry's check sum is wrong",
            NoFrame::BadKind => "an entry is of an unknown kind",
            NoFrame::WrongNumber => "an entry is missing or out of order",
        })
    }
}

/// The header of a segment.
pub(crate) fn segment_header(first_seq: u64) -> [u8; SEGMENT_HEADER] {
    let mut header = [0; SEGMENT_HEADER];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
    header[12..20].copy_from_slice(&first_seq.to_le_bytes());
    let sum = crc32fast::hash(&header[..20]);
    header[20..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// What a segment's header says: format version and first sequence number. None when it is no such header.
pub(crate) fn read_segment_header(octets: &[u8]) -> Option<(u32, u64)> {
    let header = octets.get(..SEGMENT_HEADER)?;
    let sound = header.starts_with(MAGIC) && crc32fast::hash(&header[..20]) == u32_at(header, 20);
    sound.then(|| (u32_at(header, 8), u64_at(header, 12)))
}

/// Appends a frame whose payload is written by `payload`. Returns where in `out` the payload lies.
pub(crate) fn put<E>(
    out: &mut Vec<u8>,
    kind: FrameKind,
    seq: u64,
    group: u64,
    payload: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<std::ops::Range<usize>, E> {
    let start = out.len();
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&(kind as u32).to_le_bytes());
    out.extend_from_slice(&((seq - group) as u32).to_le_bytes());
    let body = start + FRAME_HEADER;
    if let Err(error) = payload(out) {
        out.truncate(start);
        return Err(error);
    }
    let length = (out.len() - body) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    let sum = check_sum(length, &out[start + 8..]);
    out[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
    Ok(body..out.len())
}

/// Reads the frame at the beginning of `octets`.
pub(crate) fn read(octets: &[u8]) -> Result<Frame<'_>, NoFrame> {
    let header = octets.get(..FRAME_HEADER).ok_or(NoFrame::Cut)?;
    let length = u32_at(header, 0);
    if length as usize > PAYLOAD_MAX {
        return Err(NoFrame::BadLength);
    }
    let whole = octets.get(..FRAME_HEADER + length as usize).ok_or(NoFrame::Cut)?;
    if check_sum(length, &whole[8..]) != u32_at(header, 4) {
        return Err(NoFrame::BadSum);
    }
    let kind = match u32_at(header, 16) {
        0 => FrameKind::Entry,
        1 => FrameKind::Seal,
        2 => FrameKind::Gap,
        _ => return Err(NoFrame::BadKind),
    };
    let seq = u64_at(header, 8);
    let group = seq.saturating_sub(u64::from(u32_at(header, 20)));
    Ok(Frame { seq, kind, group, payload: &whole[FRAME_HEADER..] })
}

/// How many octets the frame at the beginning of `octets` takes, as far as its header can be believed.
pub(crate) fn length_of(octets: &[u8]) -> Option<usize> {
    let length = u32_at(octets.get(..FRAME_HEADER)?, 0) as usize;
    (length <= PAYLOAD_MAX).then_some(FRAME_HEADER + length)
}

/// The next sound frame at or after `from` whose number is above `above` and near it: what damage has left.
pub(crate) fn find_sound(octets: &[u8], from: usize, above: u64) -> Option<(usize, Frame<'_>)> {
    (from..octets.len().saturating_sub(FRAME_HEADER - 1)).find_map(|at| {
        // The number is looked at first: summing up at each offset would take minutes.
        let seq = u64_at(&octets[at..at + FRAME_HEADER], 8);
        if seq <= above || seq - above > octets.len() as u64 {
            return None;
        }
        read(&octets[at..]).ok().map(|frame| (at, frame))
    })
}

fn check_sum(length: u32, rest: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(rest);
    hasher.finalize()
}

fn u32_at(octets: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([octets[at], octets[at + 1], octets[at + 2], octets[at + 3]])
}

fn u64_at(octets: &[u8], at: usize) -> u64 {
    u64::from(u32_at(octets, at)) | u64::from(u32_at(octets, at + 4)) << 32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(seq: u64, group: u64, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out, FrameKind::Entry, seq, group, |out| {
            out.extend_from_slice(payload);
            Ok::<_, ()>(())
        })
        .unwrap();
        out
    }

    #[test]
    fn a_frame_is_read_back_and_any_changed_bit_is_noticed() {
        let octets = frame(7, 5, b"hello");
        let read_back = read(&octets).unwrap();
        assert_eq!((read_back.seq, read_back.group, read_back.payload), (7, 5, &b"hello"[..]));
        for bit in 0..octets.len() * 8 {
            let mut broken = octets.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            assert!(read(&broken).is_err(), "bit {bit}");
        }
        for cut in 0..octets.len() {
            assert_eq!(read(&octets[..cut]), Err(NoFrame::Cut));
        }
        assert!(read(&[0; 100]).is_err(), "zeros, as a lost write leaves them, are no frame");
    }

    #[test]
    fn the_next_sound_frame_is_found_behind_damage() {
        let mut octets = vec![0xab; 1_000];
        octets.extend(frame(12, 12, b"later"));
        let (at, found) = find_sound(&octets, 0, 10).unwrap();
        assert_eq!((at, found.seq), (1_000, 12));
        assert!(find_sound(&octets, 0, 12).is_none(), "an older number proves nothing");
    }

    #[test]
    fn a_segment_header_names_its_version_and_first_number() {
        let header = segment_header(99);
        assert_eq!(read_segment_header(&header), Some((FORMAT_VERSION, 99)));
        assert_eq!(read_segment_header(&header[..23]), None);
        let mut broken = header;
        broken[13] ^= 1;
        assert_eq!(read_segment_header(&broken), None);
    }
}

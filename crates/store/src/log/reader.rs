//! Accepted entries, read back from the segments.

use std::fs::File;
use std::os::unix::fs::FileExt;

use model::LogEntry;

use super::frame::{self, FrameKind};
use super::segment::damaged;
use super::segments::{Place, Segments};
use crate::{Accepted, StoreError};

/// Read from a file at once, octets; more if one entry is larger.
const CHUNK: usize = 256 << 10;

/// Hands the entries from `from` up to `through` to `visit`, in order, until it says that it has enough.
pub(crate) fn read(
    segments: &Segments,
    from: u64,
    through: u64,
    mut visit: impl FnMut(u64, &[u8]) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    let mut next = from;
    while next <= through {
        let Some(place) = segments.find(next)? else { return Ok(()) };
        match read_segment(segments, &place, next, through, &mut visit) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            // Retention was faster.
            Err(StoreError::Io { kind: std::io::ErrorKind::NotFound, .. }) if segments.first_seq() > next => {
                return Err(StoreError::Gone { first_seq: segments.first_seq() });
            }
            Err(error) => return Err(error),
        }
        let Some(following) = place.next_segment else { return Ok(()) };
        next = next.max(following);
    }
    Ok(())
}

/// Reads one segment from `place` on; true: there is no need to go on.
fn read_segment(
    segments: &Segments,
    place: &Place,
    from: u64,
    through: u64,
    visit: &mut impl FnMut(u64, &[u8]) -> Result<bool, StoreError>,
) -> Result<bool, StoreError> {
    let path = &place.path;
    let file = File::open(path).map_err(|error| StoreError::io("open", path, &error))?;
    let (mut offset, mut octets) = (place.offset, Vec::new());
    let mut wanted = CHUNK;
    while offset < place.length {
        octets.resize(wanted.min((place.length - offset) as usize), 0);
        file.read_exact_at(&mut octets, offset).map_err(|error| StoreError::io("read", path, &error))?;
        let mut at = 0;
        wanted = CHUNK;
        loop {
            let rest = &octets[at..];
            match frame::length_of(rest) {
                Some(length) if length <= rest.len() => {}
                _ if offset + (octets.len() as u64) < place.length => {
                    // The rest of this entry is in the next chunk.
                    wanted = frame::length_of(rest).unwrap_or(CHUNK).max(CHUNK);
                    break;
                }
                _ if rest.is_empty() => break,
                _ => return Err(damaged(path, offset as usize + at, "the file ends within an entry")),
            }
            let frame = frame::read(rest).map_err(|why| damaged(path, offset as usize + at, &why.to_string()))?;
            if frame.kind == FrameKind::Entry {
                if frame.seq > through || place.next_segment.is_some_and(|next| frame.seq >= next) {
                    return Ok(frame.seq > through);
                }
                segments.note(place.first_seq, frame.seq, offset + at as u64);
                if frame.seq >= from && visit(frame.seq, frame.payload)? {
                    return Ok(true);
                }
            }
            at += frame.len();
        }
        if at == 0 && wanted <= octets.len() {
            return Err(damaged(path, offset as usize, "an entry has an impossible length"));
        }
        offset += at as u64;
    }
    Ok(false)
}

/// An entry from its compact form.
pub(crate) fn decode(seq: u64, payload: &[u8]) -> Result<Accepted, StoreError> {
    match rmp_serde::from_slice::<LogEntry>(payload) {
        Ok(entry) => Ok(Accepted { seq, entry }),
        Err(error) => Err(StoreError::Damaged(format!(
            "entry {seq} of the event log is whole but cannot be understood ({error}): it was probably written by a newer \
             flowswitch"
        ))),
    }
}

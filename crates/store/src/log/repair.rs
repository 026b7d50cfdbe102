//! Rebuilding damaged segments from the entries that can still be read.

use std::fs::{self, File};
use std::path::Path;

use super::frame::{self, Frame, FrameKind, SEGMENT_HEADER};
use super::segment;
use super::segments;
use crate::StoreError;
use crate::repair::{Undo, aside};

/// Makes the log whole again: damaged segments are rebuilt, lost entries become gaps, and the log reaches up to entry
/// `applied` at least. Returns the number of the first entry that is kept, or would be.
pub(crate) fn repair(folder: &Path, applied: u64, done: &mut Vec<String>, undo: &mut Undo) -> Result<u64, StoreError> {
    let firsts = segment::list(folder)?;
    for (at, first_seq) in firsts.iter().copied().enumerate() {
        let next = firsts.get(at + 1).copied();
        repair_segment(&segment::path_of(folder, first_seq), first_seq, next, applied, done, undo)?;
    }
    if let Some(first_seq) = firsts.first() {
        return Ok(*first_seq);
    }
    if applied > 0 {
        undo.made(segment::path_of(folder, applied + 1));
        segment::create(folder, applied + 1)?;
        done.push(format!("the event log was missing; it goes on with entry {}", applied + 1));
    }
    Ok(applied + 1)
}

/// Rebuilds one segment if need be.
fn repair_segment(
    path: &Path,
    first_seq: u64,
    next: Option<u64>,
    applied: u64,
    done: &mut Vec<String>,
    undo: &mut Undo,
) -> Result<(), StoreError> {
    let octets = segments::read(path)?;
    let header = segment::check_header(path, &octets, first_seq);
    if let Err(newer @ StoreError::Newer { .. }) = header {
        return Err(newer);
    }
    let mut rebuilt = frame::segment_header(first_seq).to_vec();
    let (mut expected, mut lost, mut at) = (first_seq, 0, SEGMENT_HEADER.min(octets.len()));
    let mut sealed = false;
    while at < octets.len() && next.is_none_or(|next| expected < next) {
        let (here, frame) = match frame::read(&octets[at..]) {
            Ok(frame) if frame.seq == expected => (at, frame),
            _ => match frame::find_sound(&octets, at, expected) {
                Some(found) => found,
                None => break,
            },
        };
        lost += put_gap(&mut rebuilt, expected, frame.seq);
        put_frame(&mut rebuilt, &frame);
        sealed = frame.kind == FrameKind::Seal;
        expected = frame.next_seq();
        at = here + frame.len();
    }
    // The database knows of entries up to `applied`, so none of these numbers may be given again.
    let wanted = next.unwrap_or_else(|| expected.max(applied + 1));
    lost += put_gap(&mut rebuilt, expected, wanted);
    // A torn tail of the last segment is cut off at the next start; that is no damage.
    if header.is_ok() && lost == 0 {
        return Ok(());
    }
    if next.is_some() && !sealed {
        let _ = frame::put(&mut rebuilt, FrameKind::Seal, wanted, wanted, |_| Ok::<_, ()>(()));
    }
    let kept = aside(path);
    undo.made(kept.clone());
    fs::copy(path, &kept).map_err(|error| StoreError::io("copy aside", path, &error))?;
    let new = path.with_extension("rebuilt");
    undo.made(new.clone());
    fs::write(&new, &rebuilt)
        .and_then(|()| File::open(&new)?.sync_all())
        .and_then(|()| fs::rename(&new, path))
        .map_err(|error| StoreError::io("write", &new, &error))?;
    undo.moved(path.to_owned(), kept.clone());
    segment::sync_folder(path.parent().unwrap_or(Path::new(".")))?;
    done.push(format!("{} was damaged: kept as {}, {lost} entries are lost", path.display(), kept.display()));
    Ok(())
}

/// Says that the entries from `from` up to the one before `to` are lost; returns how many.
fn put_gap(out: &mut Vec<u8>, from: u64, to: u64) -> u64 {
    if to <= from {
        return 0;
    }
    let _ = frame::put(out, FrameKind::Gap, from, from, |out| {
        out.extend_from_slice(&to.to_le_bytes());
        Ok::<_, ()>(())
    });
    to - from
}

fn put_frame(out: &mut Vec<u8>, frame: &Frame<'_>) {
    // Each kept entry is a group of its own: all of them are known to be synced.
    let _ = frame::put(out, frame.kind, frame.seq, frame.seq, |out| {
        out.extend_from_slice(frame.payload);
        Ok::<_, ()>(())
    });
}

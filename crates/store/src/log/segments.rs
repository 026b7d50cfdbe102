//! The list of segments that writer, readers and retention share, and its making at start.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use super::frame::{self, FRAME_HEADER, FrameKind, SEGMENT_HEADER};
use super::segment::{self, accepted_after, damaged};
use crate::StoreError;

/// A place in the index of a segment is kept for every so many octets.
const INDEX_STEP: u64 = 64 << 10;

/// One segment.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    pub(crate) first_seq: u64,
    pub(crate) path: PathBuf,
    /// Octets that are synced: readers stop here.
    pub(crate) length: u64,
    /// Some entries' numbers and offsets, ascending.
    index: Vec<(u64, u64)>,
}

impl Segment {
    fn new(folder: &Path, first_seq: u64, length: u64) -> Segment {
        Segment { first_seq, path: segment::path_of(folder, first_seq), length, index: Vec::new() }
    }

    /// Remembers where an entry is, if none near it is known.
    fn note(&mut self, seq: u64, offset: u64) {
        if self.index.last().is_none_or(|(last, at)| seq > *last && offset >= at + INDEX_STEP) {
            self.index.push((seq, offset));
        }
    }

    fn offset_before(&self, seq: u64) -> u64 {
        let after = self.index.partition_point(|(known, _)| *known <= seq);
        after.checked_sub(1).map_or(SEGMENT_HEADER as u64, |at| self.index[at].1)
    }
}

/// All segments, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Segments(Mutex<Vec<Segment>>);

/// Where to read on: a segment, from an offset up to what is synced, and whether another segment follows.
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) first_seq: u64,
    pub(crate) offset: u64,
    pub(crate) length: u64,
    pub(crate) next_segment: Option<u64>,
}

impl Segments {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Vec<Segment>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(crate) fn push(&self, folder: &Path, first_seq: u64) {
        let mut segments = self.lock();
        // A segment whose very first group failed is made anew under the same name.
        segments.retain(|segment| segment.first_seq != first_seq);
        segments.push(Segment::new(folder, first_seq, SEGMENT_HEADER as u64));
    }

    /// The last segment has grown by a synced group that begins with entry `seq` at `offset`.
    pub(crate) fn grown(&self, seq: u64, offset: u64, length: u64) {
        if let Some(last) = self.lock().last_mut() {
            last.note(seq, offset);
            last.length = length;
        }
    }

    /// Readers have come by entry `seq` at `offset`.
    pub(crate) fn note(&self, first_seq: u64, seq: u64, offset: u64) {
        let mut segments = self.lock();
        if let Ok(at) = segments.binary_search_by_key(&first_seq, |segment| segment.first_seq) {
            segments[at].note(seq, offset);
        }
    }

    /// Where entry `seq` is to be looked for.
    ///
    /// # Errors
    /// [`StoreError::Gone`]: it is older than the first segment.
    pub(crate) fn find(&self, seq: u64) -> Result<Option<Place>, StoreError> {
        let segments = self.lock();
        let after = segments.partition_point(|segment| segment.first_seq <= seq);
        let Some(at) = after.checked_sub(1) else {
            return match segments.first() {
                Some(first) => Err(StoreError::Gone { first_seq: first.first_seq }),
                None => Ok(None),
            };
        };
        let found = &segments[at];
        Ok(Some(Place {
            path: found.path.clone(),
            first_seq: found.first_seq,
            offset: found.offset_before(seq),
            length: found.length,
            next_segment: segments.get(at + 1).map(|next| next.first_seq),
        }))
    }

    pub(crate) fn first_seq(&self) -> u64 {
        self.lock().first().map_or(0, |segment| segment.first_seq)
    }

    pub(crate) fn count_and_octets(&self) -> (u64, u64) {
        let segments = self.lock();
        (segments.len() as u64, segments.iter().map(|segment| segment.length).sum())
    }
}

/// The log as it was found.
pub(crate) struct Found {
    pub(crate) segments: Segments,
    /// The number that the next entry gets.
    pub(crate) next_seq: u64,
    /// The segment to go on with; none: a new one is needed.
    pub(crate) open: Option<(File, u64)>,
    /// What the operator should know.
    pub(crate) warnings: Vec<String>,
}

/// Looks at all segments, cuts a torn tail off the last one, and says where to go on.
///
/// # Errors
/// Accepted entries are damaged or missing; a newer format; the file system says no.
pub(crate) fn open(folder: &Path) -> Result<Found, StoreError> {
    let mut firsts = segment::list(folder)?;
    let mut warnings = Vec::new();
    if let Some(last) = firsts.last().copied()
        && discard_unborn(folder, last, &mut warnings)?
    {
        firsts.pop();
    }
    let mut found = Found { segments: Segments::default(), next_seq: 1, open: None, warnings };
    for (at, first_seq) in firsts.iter().copied().enumerate() {
        let path = segment::path_of(folder, first_seq);
        let length = match firsts.get(at + 1) {
            Some(next) => check_closed(&path, first_seq, *next)?,
            None => open_last(&path, first_seq, &mut found)?,
        };
        found.segments.lock().push(Segment::new(folder, first_seq, length));
    }
    Ok(found)
}

/// A last segment that is shorter than a header was being made when the power went: it never held an entry.
fn discard_unborn(folder: &Path, first_seq: u64, warnings: &mut Vec<String>) -> Result<bool, StoreError> {
    let path = segment::path_of(folder, first_seq);
    let octets = fs::metadata(&path).map_err(|error| StoreError::io("look at", &path, &error))?.len();
    let unborn = octets < SEGMENT_HEADER as u64
        || octets == SEGMENT_HEADER as u64 && frame::read_segment_header(&read(&path)?).is_none();
    if unborn {
        fs::remove_file(&path).map_err(|error| StoreError::io("remove", &path, &error))?;
        segment::sync_folder(folder)?;
        warnings
            .push(format!("{}: was only being made when the program ended; removed, it held no entry", path.display()));
    }
    Ok(unborn)
}

/// Checks that a segment reaches up to the next one; returns its length. A segment that was closed in order shows that in its
/// last frame; any other is read as a whole.
fn check_closed(path: &Path, first_seq: u64, next: u64) -> Result<u64, StoreError> {
    let file = File::open(path).map_err(|error| StoreError::io("open", path, &error))?;
    let length = file.metadata().map_err(|error| StoreError::io("look at", path, &error))?.len();
    let mut ends = [0; SEGMENT_HEADER + FRAME_HEADER];
    let (head, seal) = ends.split_at_mut(SEGMENT_HEADER);
    let quick = file.read_exact_at(head, 0).is_ok()
        && file.read_exact_at(seal, length.saturating_sub(FRAME_HEADER as u64)).is_ok()
        && segment::check_header(path, head, first_seq).is_ok()
        && frame::read(seal).is_ok_and(|frame| frame.kind == FrameKind::Seal && frame.seq == next);
    if quick {
        return Ok(length);
    }
    let octets = read(path)?;
    segment::check_header(path, &octets, first_seq)?;
    let mut end = None;
    let scan = segment::scan(&octets, first_seq, |frame, at| {
        // What was begun here and failed was written again into the next segment.
        if frame.seq == next {
            end.get_or_insert(at);
        }
    });
    match end {
        Some(end) => Ok(end as u64),
        None if scan.next_seq == next => Ok(scan.end as u64),
        None => {
            let why = scan.stop.map_or_else(|| "the file ends".to_owned(), |why| why.to_string());
            let why = format!("{why}; the entries from {} to {} cannot be read", scan.next_seq, next - 1);
            Err(damaged(path, scan.end, &why))
        }
    }
}

fn open_last(path: &Path, first_seq: u64, found: &mut Found) -> Result<u64, StoreError> {
    let octets = read(path)?;
    segment::check_header(path, &octets, first_seq)?;
    let scan = segment::scan(&octets, first_seq, |_, _| {});
    found.next_seq = scan.next_seq;
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(|error| StoreError::io("open", path, &error))?;
    if let Some(why) = scan.stop {
        if let Some(later) = accepted_after(&octets, &scan) {
            return Err(damaged(path, scan.end, &format!("{why}, but later entries follow at offset {later}")));
        }
        file.set_len(scan.end as u64)
            .and_then(|()| file.sync_all())
            .map_err(|error| StoreError::io("cut the torn tail off", path, &error))?;
        found.warnings.push(format!(
            "{}: {} octets at the end were never synced in full ({why}); cut off behind entry {}",
            path.display(),
            octets.len() - scan.end,
            scan.next_seq - 1
        ));
    }
    if !scan.sealed {
        found.open = Some((file, scan.end as u64));
    }
    Ok(scan.end as u64)
}

pub(crate) fn read(path: &Path) -> Result<Vec<u8>, StoreError> {
    fs::read(path).map_err(|error| StoreError::io("read", path, &error))
}

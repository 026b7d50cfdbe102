//! Segment files on disk: their names, their creation, and what is found in one.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::frame::{self, Frame, FrameKind, NoFrame};
use crate::StoreError;

/// The folder of the segments.
pub(crate) fn folder(data_dir: &Path) -> PathBuf {
    data_dir.join("log")
}

/// `<first sequence number>.log`, so that the order of names is the order of entries.
pub(crate) fn path_of(folder: &Path, first_seq: u64) -> PathBuf {
    folder.join(format!("{first_seq:020}.log"))
}

/// The first sequence numbers of all segments, in order. A folder that does not exist has none.
pub(crate) fn list(folder: &Path) -> Result<Vec<u64>, StoreError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(StoreError::io("list", folder, &error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(|error| StoreError::io("list", folder, &error))?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".log")).filter(|digits| digits.len() == 20);
        found.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    found.sort_unstable();
    Ok(found)
}

/// Syncs a folder, so that names made or removed in it survive a power loss.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), StoreError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| StoreError::io("sync the folder", folder, &error))
}

/// Makes a segment file with its header, synced, and its name in the folder too. What an earlier attempt left there was never
/// accepted and is replaced.
pub(crate) fn create(folder: &Path, first_seq: u64) -> Result<File, StoreError> {
    let path = path_of(folder, first_seq);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(StoreError::io("replace", &path, &error));
        }
        _ => {}
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(|error| StoreError::io("make the log segment", &path, &error))?;
    file.write_all_at(&frame::segment_header(first_seq), 0)
        .and_then(|()| file.sync_all())
        .map_err(|error| StoreError::io("write the header of", &path, &error))?;
    sync_folder(folder)?;
    Ok(file)
}

/// What is in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Offset behind the last sound frame.
    pub(crate) end: usize,
    /// The number that the next entry has.
    pub(crate) next_seq: u64,
    /// Whether it was closed in order.
    pub(crate) sealed: bool,
    /// Why reading stopped before the end of the file.
    pub(crate) stop: Option<NoFrame>,
}

/// Reads all frames of a whole segment whose header was checked. `visit` gets each entry and its offset.
pub(crate) fn scan(octets: &[u8], first_seq: u64, mut visit: impl FnMut(Frame<'_>, usize)) -> Scan {
    let mut scan = Scan { end: frame::SEGMENT_HEADER, next_seq: first_seq, sealed: false, stop: None };
    while scan.end < octets.len() {
        match frame::read(&octets[scan.end..]) {
            Ok(frame) if frame.seq == scan.next_seq => {
                if frame.kind == FrameKind::Entry {
                    visit(frame, scan.end);
                }
                scan.next_seq = frame.next_seq();
                scan.sealed = frame.kind == FrameKind::Seal;
                scan.end += frame.len();
            }
            Ok(_) => {
                scan.stop = Some(NoFrame::WrongNumber);
                return scan;
            }
            Err(why) => {
                scan.stop = Some(why);
                return scan;
            }
        }
    }
    scan
}

/// Where in the rest of a segment a frame shows that the damage at `scan.end` hit accepted entries: it belongs to a group that
/// was begun after the damaged entry was synced.
pub(crate) fn accepted_after(octets: &[u8], scan: &Scan) -> Option<usize> {
    let mut from = scan.end;
    while let Some((at, frame)) = frame::find_sound(octets, from, scan.next_seq) {
        if frame.group > scan.next_seq {
            return Some(at);
        }
        from = at + frame.len();
    }
    None
}

/// Checks the header of a whole segment.
pub(crate) fn check_header(path: &Path, octets: &[u8], first_seq: u64) -> Result<(), StoreError> {
    match frame::read_segment_header(octets) {
        Some((version, _)) if version > frame::FORMAT_VERSION => {
            Err(StoreError::Newer { what: path.display().to_string(), found: version, known: frame::FORMAT_VERSION })
        }
        Some((_, first)) if first == first_seq => Ok(()),
        Some((_, first)) => Err(damaged(path, 0, &format!("its header says that it begins with number {first}"))),
        None => Err(damaged(path, 0, "its header is not that of an event log segment")),
    }
}

/// The refusal to start on damaged accepted entries, with the way out.
pub(crate) fn damaged(path: &Path, offset: usize, why: &str) -> StoreError {
    StoreError::Damaged(format!(
        "the event log is damaged: {} at offset {offset}: {why}. Accepted entries are affected, so nothing was changed. \
         Restore a backup, or run `flowswitch repair`: it keeps a copy of the damaged file beside it and saves all entries \
         that can still be read",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(groups: &[&[u64]]) -> Vec<u8> {
        let mut octets = frame::segment_header(groups[0][0]).to_vec();
        for group in groups {
            for seq in *group {
                frame::put(&mut octets, FrameKind::Entry, *seq, group[0], |out| {
                    out.extend_from_slice(&[*seq as u8; 50]);
                    Ok::<_, ()>(())
                })
                .unwrap();
            }
        }
        octets
    }

    #[test]
    fn damage_before_a_later_group_hit_accepted_entries_and_damage_within_the_last_group_did_not() {
        const FRAME: usize = frame::FRAME_HEADER + 50;
        let octets = segment(&[&[5, 6], &[7, 8, 9]]);
        let (mut seen, whole) = (Vec::new(), scan(&octets, 5, |_, _| {}));
        assert_eq!((whole.end, whole.next_seq, whole.stop), (octets.len(), 10, None));
        for (broken, proof) in [(5_u64, true), (6, true), (7, false), (8, false), (9, false)] {
            let mut octets = octets.clone();
            octets[frame::SEGMENT_HEADER + FRAME * (broken - 5) as usize + 30] ^= 0xff;
            seen.clear();
            let scan = scan(&octets, 5, |frame, _| seen.push(frame.seq));
            assert_eq!(seen, (5..broken).collect::<Vec<_>>());
            assert_eq!((scan.next_seq, scan.stop), (broken, Some(NoFrame::BadSum)));
            assert_eq!(accepted_after(&octets, &scan).is_some(), proof, "entry {broken}");
        }
    }
}

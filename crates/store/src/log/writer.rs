//! Writing groups to the open segment.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use super::frame::{self, FrameKind, SEGMENT_HEADER};
use super::segment;
use super::segments::Segments;
use crate::StoreError;

/// The end of the log.
pub(crate) struct Writer {
    folder: PathBuf,
    segment_octets: u64,
    open: Option<Open>,
}

struct Open {
    file: File,
    path: PathBuf,
    /// Octets that are written and synced.
    length: u64,
}

impl Writer {
    pub(crate) fn new(
        folder: PathBuf,
        segment_octets: u64,
        open: Option<(File, u64)>,
        last: Option<PathBuf>,
    ) -> Writer {
        let open = open.zip(last).map(|((file, length), path)| Open { file, path, length });
        Writer { folder, segment_octets, open }
    }

    /// Writes and syncs a group that begins with entry `seq`. After an error nothing of it counts, and the same group may be
    /// given again.
    pub(crate) fn write(&mut self, segments: &Segments, seq: u64, group: &[u8]) -> Result<(), StoreError> {
        let open = match &mut self.open {
            Some(open) => open,
            closed => {
                let file = segment::create(&self.folder, seq)?;
                segments.push(&self.folder, seq);
                let path = segment::path_of(&self.folder, seq);
                closed.insert(Open { file, path, length: SEGMENT_HEADER as u64 })
            }
        };
        if let Err(error) = open.file.write_all_at(group, open.length) {
            let _ = open.file.set_len(open.length); // what stays there is cut off or overwritten later
            return Err(StoreError::io("write to", &open.path, &error));
        }
        if let Err(error) = open.file.sync_data() {
            // After a failed sync the system may hold lost pages for clean ones, so this file is not trusted with another
            // attempt: the group goes into a new segment.
            let error = StoreError::io("sync", &open.path, &error);
            let _ = open.file.set_len(open.length);
            self.open = None;
            return Err(error);
        }
        let offset = open.length;
        open.length += group.len() as u64;
        segments.grown(seq, offset, open.length);
        Ok(())
    }

    /// Closes the segment if it is large enough; the next group begins a new one with entry `next_seq`.
    pub(crate) fn rotate(&mut self, segments: &Segments, next_seq: u64) {
        if self.open.as_ref().is_none_or(|open| open.length < self.segment_octets) {
            return;
        }
        let Some(open) = self.open.take() else { return };
        let mut seal = Vec::new();
        let _ = frame::put(&mut seal, FrameKind::Seal, next_seq, next_seq, |_| Ok::<_, ()>(()));
        // Without a seal the next start reads this segment as a whole; nothing is lost.
        match open.file.write_all_at(&seal, open.length).and_then(|()| open.file.sync_data()) {
            Ok(()) => segments.grown(next_seq, open.length, open.length + seal.len() as u64),
            Err(error) => tracing::warn!("could not close the log segment {} in order: {error}", open.path.display()),
        }
    }
}

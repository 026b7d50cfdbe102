//! Which segments may go.

use std::fs;
use std::time::{Duration, SystemTime};

use super::{LogShared, segment};
use crate::LogConfig;
use crate::metrics::{add, set};

const DAY: Duration = Duration::from_secs(86_400);

/// Removes the oldest segments by age and size, but none that the records still need for a start (`resume_seq`), and none
/// that a cursor has not passed unless all together are larger than the hard limit. The last segment always stays.
pub(crate) fn run(config: &LogConfig, shared: &LogShared, resume_seq: u64, now: SystemTime) {
    // A backup that is being made holds this.
    let Ok(_guard) = shared.keep.try_lock() else { return };
    loop {
        let (_, octets) = shared.segments.count_and_octets();
        let oldest = {
            let segments = shared.segments.lock();
            let [oldest, next, ..] = segments.as_slice() else { break };
            (oldest.path.clone(), next.first_seq)
        };
        let (path, next_seq) = oldest;
        let old = config.retention_days > 0
            && fs::metadata(&path)
                .and_then(|data| data.modified())
                .is_ok_and(|at| now.duration_since(at).is_ok_and(|age| age > DAY * config.retention_days));
        let large = config.retention_octets > 0 && octets > config.retention_octets;
        let forced = config.hard_octets > 0 && octets > config.hard_octets;
        let wanted = shared.cursors.lowest().is_some_and(|cursor| cursor + 1 < next_seq);
        if next_seq > resume_seq || !(old || large || forced) || wanted && !forced {
            break;
        }
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!("could not remove the old log segment {}: {error}", path.display());
            break;
        }
        shared.segments.lock().remove(0);
        add(&shared.live.log.segments_removed, 1);
        if wanted {
            add(&shared.live.log.segments_forced, 1);
            tracing::warn!(
                "removed {} although not all of its events were delivered: the log is too large",
                path.display()
            );
        }
    }
    if let Err(error) = segment::sync_folder(&shared.folder) {
        tracing::warn!("{error}");
    }
    set(&shared.live.log.first_seq, shared.segments.first_seq());
}

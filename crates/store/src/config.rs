//! What the store is told at its start.

use std::path::PathBuf;

/// Configuration of [`crate::Store`].
#[derive(Clone, Debug)]
pub struct StoreConfig {
    /// Folder of everything: `log/`, `secrets/` and `flowswitch.sqlite` are made in it.
    pub data_dir: PathBuf,
    /// The event log.
    pub log: LogConfig,
    /// Call records and timelines older than this are removed, days; 0: they are kept for ever.
    pub records_days: u32,
    /// The folder of the recordings' files, which go with the records of their recordings; none: they stay.
    pub recordings: Option<PathBuf>,
    /// How long ended calls gather before they are written to the database in one transaction, ms. They are safe in the log and
    /// can be read meanwhile. The longer, the fewer pages of the database are written for each.
    pub flush_ms: u64,
    /// Something live is written to the database when the log has grown by this many entries since it was last written, so
    /// that a start never has to read much more than that.
    pub checkpoint_entries: u64,
    /// Registrations gather this long for one transaction when they come thick, ms.
    pub bindings_ms: u64,
    /// Connections that read the database; at least one.
    pub readers: usize,
}

/// The event log.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// Entries gather for at most this long before they are written and synced, ms; at most 20.
    pub sync_ms: u64,
    /// A segment file is closed when it has reached this size, octets.
    pub segment_octets: u64,
    /// Segments whose newest entry is older are removed, days; 0: age does not matter.
    pub retention_days: u32,
    /// The oldest segments are removed while all together are larger, octets; 0: size does not matter.
    pub retention_octets: u64,
    /// While they are even larger than this, segments go although a webhook has not been given all of them, octets; 0: never.
    pub hard_octets: u64,
    /// Entries that may wait before admission should close.
    pub queue_behind: u64,
    /// Entries that may wait at all. More are lost, and counted: only when the disk fails for long.
    pub queue_max: u64,
}

/// The longest gathering time, ms: what the promise "durable within 50 ms" allows.
pub const SYNC_MS_MAX: u64 = 20;

impl StoreConfig {
    /// The defaults, in this folder.
    pub fn new(data_dir: impl Into<PathBuf>) -> StoreConfig {
        StoreConfig {
            data_dir: data_dir.into(),
            log: LogConfig::default(),
            records_days: 0,
            recordings: None,
            flush_ms: 2_000,
            checkpoint_entries: 500_000,
            bindings_ms: 10,
            readers: 4,
        }
    }
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            sync_ms: SYNC_MS_MAX,
            segment_octets: 64 << 20,
            retention_days: 7,
            retention_octets: 4 << 30,
            hard_octets: 16 << 30,
            queue_behind: 20_000,
            queue_max: 200_000,
        }
    }
}

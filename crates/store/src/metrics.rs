//! What the store counts, as an exporter wants it: every number with its name, its kind and its meaning.

use base::metric::Metric;
pub(crate) use base::metric::{add, get, set, sub};
use base::metric_group;

metric_group! { LiveLog,
    /// The event log.
    LogMetrics,
    Gauge queued: "Entries that wait to be written.",
    Gauge accepted_seq: "Number of the last entry that is synced.",
    Gauge first_seq: "Number of the first entry that is still kept.",
    Gauge segments: "Segment files.",
    Gauge octets: "Octets in all segment files.",
    Gauge failing: "1 while the log cannot be written, else 0.",
    Gauge last_sync_us: "How long the last write and sync took, microseconds.",
    Gauge longest_sync_us: "How long the longest write and sync since the start took, microseconds.",
    Gauge subscribers: "Those who are handed accepted entries.",
    Counter entries: "Entries accepted.",
    Counter octets_written: "Octets written.",
    Counter syncs: "Groups written and synced.",
    Counter write_errors: "Writes and syncs that failed; they are tried again.",
    Counter lost: "Entries lost because the queue was full or they were too large: always zero on a sound disk.",
    Counter missed: "Entries that a slow subscriber was not handed and has to read from the log.",
    Counter segments_removed: "Segment files removed by age or size.",
    Counter segments_forced: "Of these, those that went although a cursor had not passed them.",
}

metric_group! { LiveDatabase,
    /// The database.
    DatabaseMetrics,
    Gauge waiting: "Writes that wait for the database thread.",
    Gauge failing: "1 while the last transaction failed, else 0.",
    Gauge longest_commit_us: "How long the longest transaction since the start took, microseconds.",
    Counter writes: "Writes done.",
    Counter commits: "Transactions; each holds all writes that waited.",
    Counter errors: "Transactions that failed.",
    Counter refused: "Writes refused because too many waited.",
}

metric_group! { LiveRecords,
    /// Call records and timelines made from the log.
    RecordMetrics,
    Gauge live: "Calls, activeflows, recordings and bridges that have not ended.",
    Gauge timelines: "Timelines held in memory.",
    Gauge timeline_octets: "Octets that they take.",
    Gauge due: "Records and timelines that wait to be written to the database.",
    Gauge resume_seq: "Number of the entry from which a start would read the log.",
    Counter rows: "Rows written.",
    Counter checkpoints: "Of these, those of things that have not ended.",
    Counter expired: "Rows removed by age.",
}

/// Everything at one moment. Numbers of different threads may be some milliseconds apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreMetrics {
    /// The event log.
    pub log: LogMetrics,
    /// The database.
    pub database: DatabaseMetrics,
    /// Call records and timelines.
    pub records: RecordMetrics,
}

impl StoreMetrics {
    /// Calls `visit` with every number.
    pub fn visit(&self, visit: &mut dyn FnMut(Metric)) {
        self.log.visit("log", None, visit);
        self.database.visit("database", None, visit);
        self.records.visit("records", None, visit);
    }
}

/// The live numbers, shared by all threads.
#[derive(Debug, Default)]
pub(crate) struct Live {
    pub(crate) log: LiveLog,
    pub(crate) database: LiveDatabase,
    pub(crate) records: LiveRecords,
}

impl Live {
    pub(crate) fn read(&self) -> StoreMetrics {
        StoreMetrics { log: self.log.read(), database: self.database.read(), records: self.records.read() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use base::metric::MetricKind;

    use super::*;

    #[test]
    fn every_number_has_a_name_of_its_own_and_a_meaning() {
        let metrics =
            StoreMetrics { log: LogMetrics { queued: 3, ..LogMetrics::default() }, ..StoreMetrics::default() };
        let mut names = BTreeSet::new();
        let mut queued = None;
        metrics.visit(&mut |metric| {
            assert!(names.insert((metric.group, metric.name)), "{} twice", metric.name);
            assert!(metric.help.ends_with('.'), "{}: {}", metric.name, metric.help);
            if (metric.group, metric.name) == ("log", "queued") {
                queued = Some((metric.kind, metric.value));
            }
        });
        assert_eq!(queued, Some((MetricKind::Gauge, 3)));
    }
}

//! What the engine counts, as an exporter wants it: every number with its name, its kind and its meaning.

use std::sync::atomic::AtomicU64;

pub(crate) use base::metric::add;
use base::metric::{Metric, MetricKind};
use base::{LoopId, WorkerId, metric_group};
use media_core::WorkerCounters;

metric_group! { LivePorts,
    /// The port pool.
    PortMetrics,
    Gauge pairs_max: "Port pairs that there can be at most: by the range and by the limit on descriptors.",
    Gauge leased: "Port pairs in the hands of control loops: streams and their stocks.",
    Gauge idle: "Port pairs bound and ready.",
    Gauge resting: "Port pairs that wait after a call until a stale sender has gone.",
    Gauge descriptors: "Open RTP and RTCP sockets.",
    Counter leases: "Port pairs handed out.",
    Counter exhausted: "Requests of control loops that could not be met in full.",
    Counter bind_busy: "Ports passed over because another program has them.",
    Counter bind_failures: "Sockets that could not be made for any other reason.",
    Counter drained: "Stale datagrams thrown away before a pair was used again.",
    Counter release_stale: "Releases of a lease that was over.",
}

metric_group! { LiveThread,
    /// A worker's thread and its sockets.
    ThreadMetrics,
    Counter rounds: "Times that the thread has waited for work.",
    Counter datagrams_in: "Datagrams received.",
    Counter datagrams_out: "Datagrams sent.",
    Counter receive_oversized: "Datagrams thrown away because they are longer than any RTP packet.",
    Counter receive_refused: "Reports of the peer's system that its port is closed, seen on receive.",
    Counter receive_failed: "Receives that failed otherwise.",
    Counter receive_empty: "Receives that found nothing.",
    Counter send_refused: "Sends refused because the peer's port is closed.",
    Counter send_full: "Sends refused because the socket's buffer is full.",
    Counter send_failed: "Sends that failed otherwise.",
    Counter event_ring_full: "Facts that found their ring full and wait in their slot.",
    Counter retired_ring_full: "Things to be freed that found their ring full.",
    Counter wait_errors: "Waits that failed: always zero on a sound system.",
}

metric_group! { LiveLoop,
    /// One control loop's handle.
    LoopMetrics,
    Gauge ring: "Commands in the workers' rings that were not taken yet.",
    Gauge outbox: "Commands that wait because a worker's ring is full.",
    Counter outbox_total: "Commands that ever had to wait.",
    Counter commands: "Commands sent to workers.",
    Counter commands_to_nobody: "Commands for a worker that does not exist: always zero.",
    Gauge moving: "Streams that are being moved to another worker.",
    Gauge held: "Commands that wait for streams that are being moved.",
    Counter moves: "Moves of streams to another worker that were begun.",
    Counter moves_refused: "Of these, those of streams that did not exist.",
    Counter move_us: "Time that moves took from the command to the arrival, in microseconds, all together.",
    Counter sounds_refused: "Sound requests refused because too many waited.",
}

metric_group! { LiveSounds,
    /// Sounds.
    SoundMetrics,
    Gauge cached: "Sounds kept ready.",
    Gauge cached_octets: "Octets that they take.",
    Gauge joined: "Sounds made of several others that are kept ready.",
    Gauge requests_waiting: "Requests that wait for a thread.",
    Gauge in_progress: "URLs that are being fetched or decoded.",
    Gauge loads_waiting: "Of these, those that wait for a thread.",
    Counter requests: "Requests taken.",
    Counter hits: "URLs found ready.",
    Counter misses: "URLs that had to be read or fetched.",
    Counter shared: "URLs that another request was already waiting for.",
    Counter revalidated: "Stale URLs whose server said that nothing has changed.",
    Counter failed: "URLs that could not be had, or not to their end.",
    Counter given_up: "URLs whose fetch was given up because nobody waited for it any more.",
    Counter refused: "Loads refused because too many waited.",
    Counter evicted: "Sounds dropped to make room.",
    Counter panics: "Decoders and synthesizers that panicked.",
    Gauge speech_waiting: "Texts that wait for a thread.",
    Gauge speech_running: "Programs that speak.",
    Counter speech_requests: "Requests for a text to be spoken.",
    Counter speech_memory_hits: "Of these, those whose sound was found ready or growing.",
    Counter speech_disk_hits: "Texts whose sound was found on disk.",
    Counter speech_synthesized: "Texts that were spoken anew, to their end.",
    Counter speech_retries: "Second attempts, after a program crashed or hung.",
    Counter speech_failed: "Texts that were not spoken to their end.",
    Gauge speech_disk_octets: "Octets of speech on disk.",
    Counter speech_disk_damaged: "Files of speech on disk that were damaged, and removed.",
    Counter speech_first: "Texts whose beginning was made ready, from disk or anew.",
    Counter speech_first_ms: "Their waits for this, summed, ms.",
    Gauge speech_first_ms_max: "The longest of these waits, ms.",
}

metric_group! { LiveRecordings,
    /// Recordings.
    RecordingMetrics,
    Gauge running: "Recordings that were started and have not ended.",
    Gauge writer_lag_us: "How late the latest write of the writers' last rounds was, microseconds.",
    Counter started: "Recordings whose files were made.",
    Counter ended_stopped: "Recordings ended by a command.",
    Counter ended_silence: "Recordings ended because the party was silent.",
    Counter ended_duration: "Recordings ended because they had the length that was asked for.",
    Counter ended_stream_closed: "Recordings ended with their stream.",
    Counter ended_failed: "Recordings that could not be started or not go on.",
    Counter write_errors: "Recordings that failed because the file system refused something.",
    Counter samples: "Samples written of each track.",
    Counter clock_jumps: "Times that RTP timestamps jumped, and what followed was placed by its arrival.",
    Counter gap_samples: "Samples of silence put in for audio that was not there, both tracks, counted when a recording ends.",
    Counter dropped_samples: "Samples that came too late or found the ring full, both tracks, counted when a recording ends.",
}

/// One worker, all of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerMetrics {
    /// Which one.
    pub worker: WorkerId,
    /// Its thread and sockets.
    pub thread: ThreadMetrics,
    /// Its streams, in the order of [`WorkerCounters::NAMES`].
    pub streams: [u64; WorkerCounters::COUNT],
}

impl WorkerMetrics {
    /// One of the streams' numbers by its name in [`WorkerCounters`].
    pub fn stream_counter(&self, name: &str) -> Option<u64> {
        let at = WorkerCounters::NAMES.iter().position(|known| *known == name)?;
        Some(self.streams[at])
    }
}

/// Everything at one moment. Numbers of different threads may be some milliseconds apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineMetrics {
    /// The port pool.
    pub ports: PortMetrics,
    /// Sounds.
    pub sounds: SoundMetrics,
    /// Recordings.
    pub recordings: RecordingMetrics,
    /// Each worker.
    pub workers: Vec<WorkerMetrics>,
    /// Each control loop's handle.
    pub loops: Vec<(LoopId, LoopMetrics)>,
}

impl EngineMetrics {
    /// Calls `visit` with every number. Numbers of one name come with different `number`s.
    pub fn visit(&self, visit: &mut dyn FnMut(Metric)) {
        self.ports.visit("ports", None, visit);
        self.sounds.visit("sounds", None, visit);
        self.recordings.visit("recordings", None, visit);
        for worker in &self.workers {
            let number = Some(worker.worker.0);
            worker.thread.visit("worker", number, visit);
            for (at, value) in worker.streams.iter().enumerate() {
                let help = WorkerCounters::HELP[at].trim();
                let kind = if help.starts_with("Gauge") { MetricKind::Gauge } else { MetricKind::Counter };
                visit(Metric { group: "worker", name: WorkerCounters::NAMES[at], help, kind, number, value: *value });
            }
        }
        for (owner, metrics) in &self.loops {
            metrics.visit("loop", Some(owner.0), visit);
        }
    }

    /// One of the streams' numbers, summed over the workers.
    pub fn stream_counter(&self, name: &str) -> u64 {
        self.workers.iter().filter_map(|worker| worker.stream_counter(name)).sum()
    }
}

pub(crate) fn set(gauge: &AtomicU64, value: usize) {
    base::metric::set(gauge, value as u64);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_has_a_name_of_its_own_and_a_meaning() {
        let metrics = EngineMetrics {
            ports: PortMetrics { leased: 3, ..PortMetrics::default() },
            sounds: SoundMetrics::default(),
            recordings: RecordingMetrics::default(),
            workers: vec![WorkerMetrics {
                worker: WorkerId(1),
                thread: ThreadMetrics::default(),
                streams: [7; WorkerCounters::COUNT],
            }],
            loops: vec![(LoopId(2), LoopMetrics::default())],
        };
        let mut names = BTreeSet::new();
        let mut leased = None;
        metrics.visit(&mut |metric| {
            assert!(names.insert((metric.group, metric.name)), "{} twice", metric.name);
            assert!(metric.help.ends_with('.'), "{}: {}", metric.name, metric.help);
            if metric.name == "leased" {
                leased = Some((metric.kind, metric.value));
            }
        });
        assert_eq!(leased, Some((MetricKind::Gauge, 3)));
        assert_eq!(metrics.stream_counter("opened"), 7);
        assert_eq!(metrics.workers[0].stream_counter("no such thing"), None);
    }
}

//! What the handles see of the recordings, and the threads' beginning and end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread::{Builder, JoinHandle};

use crossbeam_channel::{Receiver, Sender, unbounded};
use media_core::recording::{RecorderTap, RecordingRequest};

use super::ring;
use super::running::{Running, is_usable_stem, no_folder};
use super::writer::Writer;
use crate::config::RecordingConfig;
use crate::inbox::Deliver;
use crate::io::signals;
use crate::metrics::{LiveRecordings, RecordingMetrics};

/// What a writer is told.
pub(super) enum Job {
    Record(Box<Running>),
    Stop,
}

/// Shared by handles and writers.
pub(crate) struct Recordings {
    pub(super) config: RecordingConfig,
    pub(super) live: LiveRecordings,
    pub(super) deliver: Arc<Deliver>,
    /// How late each writer was in its last round, µs.
    pub(super) lags: Box<[AtomicU64]>,
    /// To each writer. They hold no more than one job for each stream, as control gives at most one command for each.
    writers: Vec<Sender<Job>>,
    asked: AtomicUsize,
    running: AtomicUsize,
}

/// The threads, to be ended.
pub(crate) struct RecordingThreads {
    recordings: Arc<Recordings>,
    threads: Vec<JoinHandle<()>>,
}

impl Recordings {
    /// The shared part, and the far ends of its queues for [`spawn`].
    pub(crate) fn new(config: RecordingConfig, deliver: Arc<Deliver>) -> (Arc<Recordings>, Queues) {
        let (writers, queues): (Vec<_>, Vec<_>) = (0..config.threads.max(1)).map(|_| unbounded()).unzip();
        let recordings = Recordings {
            config: RecordingConfig { longest_s: config.longest_s.clamp(1, LONGEST_S), ..config },
            live: LiveRecordings::default(),
            deliver,
            lags: writers.iter().map(|_| AtomicU64::new(0)).collect(),
            writers,
            asked: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
        };
        (Arc::new(recordings), Queues(queues))
    }

    /// Makes a recording and gives it to a writer; the worker's end comes back. One that cannot be ends as failed at once.
    pub(crate) fn start(&self, request: RecordingRequest) -> Box<dyn RecorderTap> {
        let before = self.running.fetch_add(1, Ordering::Relaxed);
        let refused = if self.config.folder.is_none() {
            Some(no_folder())
        } else if !is_usable_stem(&request.file_stem) {
            Some("its file name is not usable".to_owned())
        } else if before >= self.config.most {
            Some(format!("{} recordings run already, which is the limit", self.config.most))
        } else {
            None
        };
        let (tap, reader) = ring::pair(refused.is_none());
        let writer = self.asked.fetch_add(1, Ordering::Relaxed) % self.writers.len();
        // Only fails when the engine has ended.
        let _ = self.writers[writer].send(Job::Record(Box::new(Running::new(request, reader, refused))));
        Box::new(tap)
    }

    pub(super) fn one_less(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }

    /// The numbers of now.
    pub(crate) fn metrics(&self) -> RecordingMetrics {
        let lag_us = self.lags.iter().map(|lag| lag.load(Ordering::Relaxed)).max();
        RecordingMetrics {
            running: self.running.load(Ordering::Relaxed) as u64,
            writer_lag_us: lag_us.unwrap_or(0),
            ..self.live.read()
        }
    }
}

/// A WAV file has room for 74 h.
const LONGEST_S: u32 = 72 * 3_600;

/// The far ends of the queues.
pub(crate) struct Queues(Vec<Receiver<Job>>);

/// Starts the threads.
///
/// # Errors
/// A thread cannot be made.
pub(crate) fn spawn(recordings: &Arc<Recordings>, queues: Queues) -> io::Result<RecordingThreads> {
    // A file that may not grow is a failed recording, not the end of the process.
    signals::ignore_file_size_limit();
    let mut threads = RecordingThreads { recordings: recordings.clone(), threads: Vec::new() };
    for (number, jobs) in queues.0.into_iter().enumerate() {
        let writer = Writer::new(recordings.clone(), number, jobs);
        threads.threads.push(Builder::new().name(format!("recording-{number}")).spawn(move || writer.run())?);
    }
    Ok(threads)
}

impl RecordingThreads {
    /// Completes all files and ends the threads. To be called when the workers have ended.
    pub(crate) fn stop(self) {
        for writer in &self.recordings.writers {
            let _ = writer.send(Job::Stop);
        }
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a writer of recordings had panicked");
            }
        }
    }
}

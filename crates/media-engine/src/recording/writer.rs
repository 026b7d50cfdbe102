//! A thread that writes recordings.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base::MS;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use media_core::recording::RecordingRequest;
use media_core::{RecordingEnd, RecordingFact};

use super::front::{Job, Recordings};
use super::running::{Running, Scratch, Step};
use crate::inbox::FromEngine;
use crate::io::clock::monotonic_ns;
use crate::io::priority;
use crate::metrics::{LiveRecordings, add};

/// How often the thread looks who is due. Recordings are due at different times, as they began, which spreads the work.
const ROUND_NS: u64 = 20 * MS;

/// Everything of one thread.
pub(super) struct Writer {
    recordings: Arc<Recordings>,
    number: usize,
    jobs: Receiver<Job>,
    running: Vec<Running>,
    scratch: Scratch,
}

impl Writer {
    pub(super) fn new(recordings: Arc<Recordings>, number: usize, jobs: Receiver<Job>) -> Writer {
        Writer { recordings, number, jobs, running: Vec::new(), scratch: Scratch::default() }
    }

    pub(super) fn run(mut self) {
        // Not lower: audio waits a second and is lost then, and a thread of nice 10 gets next to nothing beside a few busy ones.
        priority::lower_a_little();
        let mut next_round_ns = 0;
        loop {
            let job = if self.running.is_empty() {
                self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                let wait_ns = u64::saturating_sub(next_round_ns, monotonic_ns());
                self.jobs.recv_timeout(Duration::from_nanos(wait_ns))
            };
            match job {
                Ok(Job::Record(recording)) => self.running.push(*recording),
                Err(RecvTimeoutError::Timeout) => {}
                Ok(Job::Stop) | Err(RecvTimeoutError::Disconnected) => break,
            }
            let now_ns = monotonic_ns();
            if now_ns >= next_round_ns {
                self.round(next_round_ns, now_ns, false);
                next_round_ns = now_ns + ROUND_NS;
            }
        }
        while let Ok(job) = self.jobs.try_recv() {
            if let Job::Record(recording) = job {
                self.running.push(*recording);
            }
        }
        // Once for those that only begin now.
        for _ in 0..2 {
            let now_ns = monotonic_ns();
            self.round(now_ns, now_ns, true);
        }
    }

    /// Serves all that are due. `planned_ns`: when this round should have begun.
    fn round(&mut self, planned_ns: u64, now_ns: u64, closing: bool) {
        let mut lag_ns = 0;
        let mut at = 0;
        while let Some(recording) = self.running.get_mut(at) {
            let is_due = recording.due_ns <= now_ns;
            if !is_due && !closing && !recording.is_urgent() {
                at += 1;
                continue;
            }
            if is_due {
                lag_ns = lag_ns.max(monotonic_ns().saturating_sub(recording.due_ns.max(planned_ns)));
            }
            if !self.step(at, closing) {
                at += 1;
            }
        }
        // With nothing left there will be no round that could say that nobody waits.
        let lag_us = if self.running.is_empty() { 0 } else { lag_ns / 1_000 };
        self.recordings.lags[self.number].store(lag_us, Ordering::Relaxed);
    }

    /// One step of one recording; true: it is over, and another stands in its place.
    fn step(&mut self, at: usize, closing: bool) -> bool {
        let Writer { recordings, running, scratch, .. } = self;
        let (live, recording) = (&recordings.live, &mut running[at]);
        let RecordingRequest { owner, source, recording: id, .. } = recording.request;
        // Of now: a round over many recordings takes its time.
        let now_ns = monotonic_ns();
        let step =
            catch_unwind(AssertUnwindSafe(|| recording.step(now_ns, &recordings.config, live, scratch, closing)));
        let step = step.unwrap_or_else(|_| recording.broken(live));
        let tell = |fact| (recordings.deliver)(owner, FromEngine::Recording { source, recording: id, fact });
        match step {
            Step::Nothing => false,
            Step::Started => {
                add(&live.started, 1);
                tell(RecordingFact::Started);
                false
            }
            Step::Ended(fact) => {
                count(live, &fact);
                recordings.one_less();
                // Before it is told: the worker then knows that this one is over when it is given the next.
                drop(running.swap_remove(at));
                tell(fact);
                true
            }
        }
    }
}

fn count(live: &LiveRecordings, fact: &RecordingFact) {
    if let RecordingFact::Ended { end, gap_samples_in, gap_samples_out, dropped_samples, .. } = fact {
        let ended = match end {
            RecordingEnd::Stopped => &live.ended_stopped,
            RecordingEnd::Silence => &live.ended_silence,
            RecordingEnd::Duration => &live.ended_duration,
            RecordingEnd::StreamClosed => &live.ended_stream_closed,
            RecordingEnd::Failed(_) => &live.ended_failed,
        };
        add(ended, 1);
        add(&live.gap_samples, gap_samples_in + gap_samples_out);
        add(&live.dropped_samples, *dropped_samples);
    }
}

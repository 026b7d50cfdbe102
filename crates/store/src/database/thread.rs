//! The database thread: one transaction for all writes that wait, and now and then what the records have.

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use rusqlite::Connection;

use super::mark::{self, Mark};
use super::{Finish, Job, Message};
use crate::StoreError;
use crate::metrics::{Live, add, get, set, sub};
use crate::record::{Expiry, Flusher};

/// Writes in one transaction.
const GROUP_MAX: usize = 1_024;
/// Old records are removed in steps that are so far apart at most, while there are any.
const STEP_EVERY: Duration = Duration::from_millis(500);
/// When nothing was written for so long, the file of the write-ahead log is emptied.
const IDLE: Duration = Duration::from_secs(30);
/// One failure is reported this often.
const REPORT: Duration = Duration::from_secs(30);

pub(super) struct DatabaseThread {
    pub(super) connection: Connection,
    /// Told of each confirmed transaction of jobs. What the records write the event log has, too.
    pub(super) mark: Mark,
    pub(super) inbox: Receiver<Message>,
    pub(super) flusher: Flusher,
    pub(super) expiry: Expiry,
    pub(super) flush_every: Duration,
    /// How long relaxed writes wait for company.
    pub(super) company: Duration,
    /// When something was last written that the write-ahead log still has; none: its file is empty.
    pub(super) written: Option<Instant>,
    pub(super) live: Arc<Live>,
}

impl DatabaseThread {
    pub(super) fn run(mut self) {
        let mut next_flush = Instant::now() + self.flush_every;
        let mut next_step = next_flush;
        let (mut last_group, mut reported) = (None::<Instant>, None::<Instant>);
        let mut closing = false;
        while !(closing && self.inbox.is_empty()) {
            let mut jobs = Vec::new();
            let mut flushes = Vec::new();
            let mut next = match self.inbox.recv_deadline(next_flush.min(next_step)) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(Message::Job(Job { relaxed: true, .. })) = next
                && let Some(wait) = last_group.and_then(|last: Instant| self.company.checked_sub(last.elapsed()))
            {
                thread::sleep(wait);
            }
            while let Some(message) = next {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Flush(finish) => flushes.push(finish),
                    Message::Close => closing = true,
                }
                next = if jobs.len() < GROUP_MAX { self.inbox.try_recv().ok() } else { None };
            }
            if !jobs.is_empty() {
                last_group = Some(Instant::now());
                self.write(jobs);
            }
            if !flushes.is_empty() || Instant::now() >= next_flush {
                let whole = !flushes.is_empty();
                let result = self.flush(whole, &mut reported);
                for finish in flushes {
                    finish(result.clone().map(|_| ()));
                }
                next_flush = Instant::now() + if result == Ok(true) { Duration::ZERO } else { self.flush_every };
            }
            if Instant::now() >= next_step {
                next_step = Instant::now() + self.step();
                self.rest();
            }
        }
        let _ = self.flush(true, &mut None);
        // Not left to the last connection that is closed: one that reads may still be lent.
        if let Err(error) = super::empty_journal(&self.connection) {
            tracing::warn!("the database's write-ahead log could not be emptied: {error}");
        }
    }

    fn write(&mut self, jobs: Vec<Job>) {
        let start = Instant::now();
        let count = jobs.len() as u64;
        sub(&self.live.database.waiting, count);
        let mut finishes: Vec<Finish> = Vec::with_capacity(jobs.len());
        let outcome = self.connection.transaction().and_then(|transaction| {
            finishes.extend(jobs.into_iter().map(|job| (job.run)(&transaction)));
            let number = mark::count(&transaction)?;
            transaction.commit().map(|()| number)
        });
        if let Ok(number) = outcome
            && let Err(error) = self.mark.write(number)
        {
            tracing::warn!("what tells whether writes are missing cannot be written: {error}");
        }
        let outcome = outcome.map(|_| ());
        let outcome = outcome.map_err(|error| StoreError::database("commit", &error));
        self.count(start, &outcome);
        add(&self.live.database.writes, count);
        for finish in finishes {
            finish(outcome.clone());
        }
    }

    /// Ok(true): there is more to be written at once.
    fn flush(&mut self, whole: bool, reported: &mut Option<Instant>) -> Result<bool, StoreError> {
        loop {
            let start = Instant::now();
            let outcome = self.flusher.flush(&mut self.connection);
            match &outcome {
                Ok(flushed) => {
                    if flushed.rows > 0 {
                        self.count(start, &Ok(()));
                    }
                    if !(whole && flushed.more) {
                        return Ok(flushed.more);
                    }
                }
                Err(error) => {
                    self.count(start, &Err(error.clone()));
                    if reported.is_none_or(|at| at.elapsed() >= REPORT) {
                        *reported = Some(Instant::now());
                        tracing::error!(
                            "call records cannot be written: {error}. They are safe in the event log; trying again"
                        );
                    }
                    return Err(error.clone());
                }
            }
        }
    }

    /// Removes some old records; says when to go on.
    fn step(&mut self) -> Duration {
        let walks = self.expiry.step(&mut self.connection, &self.live.records).unwrap_or_else(|error| {
            tracing::warn!("old records could not be removed: {error}");
            false
        });
        if !walks {
            return self.flush_every;
        }
        self.written = Some(Instant::now());
        self.flush_every.min(STEP_EVERY)
    }

    /// After a while without writes: gives the room of the write-ahead log back.
    fn rest(&mut self) {
        if self.written.is_none_or(|at| at.elapsed() < IDLE) {
            return;
        }
        self.written = match super::empty_journal(&self.connection) {
            Ok(true) => None,
            Ok(false) => Some(Instant::now()),
            Err(error) => {
                tracing::warn!("the database's write-ahead log could not be emptied: {error}");
                Some(Instant::now())
            }
        };
    }

    fn count(&mut self, start: Instant, outcome: &Result<(), StoreError>) {
        let database = &self.live.database;
        let us = start.elapsed().as_micros() as u64;
        set(&database.longest_commit_us, us.max(get(&database.longest_commit_us)));
        set(&database.failing, u64::from(outcome.is_err()));
        match outcome {
            Ok(()) => {
                self.written = Some(Instant::now());
                add(&database.commits, 1);
            }
            Err(_) => add(&database.errors, 1),
        }
    }
}

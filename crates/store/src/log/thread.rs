//! The log's thread: gathers entries, writes and syncs them as a group, and hands them on as accepted.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, RecvTimeoutError};
use model::LogEntry;
use uuid::Uuid;

use super::frame::{self, FrameKind, PAYLOAD_MAX};
use super::retention;
use super::writer::Writer;
use super::{Done, LogShared, Message};
use crate::metrics::{add, get, set, sub};
use crate::record::{RecordKind, Records};
use crate::{Accepted, LogConfig, StoreError};

/// A group is closed early when it is this large.
const GROUP_OCTETS: usize = 4 << 20;
/// A group's buffers are used again for the next one unless they have grown larger than this.
const KEPT_OCTETS: usize = 1 << 20;
const KEPT_ENTRIES: usize = 4_096;
/// Between attempts when the log cannot be written.
const RETRY: Duration = Duration::from_millis(250);
/// One failure is reported this often.
const REPORT: Duration = Duration::from_secs(30);
/// Segments are looked over this often.
const HOUSEKEEPING: Duration = Duration::from_secs(30);

pub(crate) struct LogThread {
    pub(crate) config: LogConfig,
    pub(crate) shared: Arc<LogShared>,
    pub(crate) records: Arc<Records>,
    pub(crate) inbox: Receiver<Message>,
    pub(crate) writer: Writer,
    pub(crate) next_seq: u64,
    pub(crate) closing: bool,
}

/// What is written and synced at once.
#[derive(Default)]
struct Group {
    octets: Vec<u8>,
    accepted: Vec<Accepted>,
    /// Where each entry's compact form lies in `octets`.
    payloads: Vec<std::ops::Range<usize>>,
    /// Those who wait, each with the number of its last entry.
    waiting: Vec<(Done, u64)>,
    /// How many times entries were handed over for it.
    messages: usize,
    /// What is deleted by entries of it.
    deleted: Vec<(RecordKind, Uuid)>,
}

impl Group {
    fn clear(&mut self) {
        self.octets.clear();
        self.accepted.clear();
        self.payloads.clear();
        self.octets.shrink_to(KEPT_OCTETS);
        self.accepted.shrink_to(KEPT_ENTRIES);
        self.payloads.shrink_to(KEPT_ENTRIES);
        self.messages = 0;
        self.deleted.clear();
    }
}

impl LogThread {
    pub(crate) fn run(mut self) {
        let (mut last_start, mut looked) = (None::<Instant>, None::<Instant>);
        let mut group = Group::default();
        while !(self.closing && self.inbox.is_empty()) {
            // A lone entry is written at once; when they come thick, one group every `sync_ms`. While they do, this thread
            // sleeps without being woken for the first of the next group.
            let wait = last_start.and_then(|start| self.gathering().checked_sub(start.elapsed()));
            if group.messages > 1
                && !self.closing
                && let Some(wait) = wait
            {
                thread::sleep(wait);
            }
            group.clear();
            let first = match self.inbox.recv_timeout(HOUSEKEEPING) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            if let Some(first) = first {
                if let Some(wait) = last_start.and_then(|start| self.gathering().checked_sub(start.elapsed())) {
                    thread::sleep(wait);
                }
                last_start = Some(Instant::now());
                self.gather(&mut group, first);
                self.write(&mut group);
            }
            if looked.is_none_or(|looked| looked.elapsed() >= HOUSEKEEPING) {
                looked = Some(Instant::now());
                retention::run(&self.config, &self.shared, self.records.resume_seq(), SystemTime::now());
            }
        }
    }

    fn gathering(&self) -> Duration {
        Duration::from_millis(self.config.sync_ms)
    }

    fn gather(&mut self, group: &mut Group, first: Message) {
        let mut next = Some(first);
        while let Some(message) = next {
            group.messages += 1;
            match message {
                Message::Append(entries, done) => self.add(group, entries, done),
                Message::Close => self.closing = true,
            }
            next = if group.octets.len() < GROUP_OCTETS { self.inbox.try_recv().ok() } else { None };
        }
    }

    fn add(&mut self, group: &mut Group, mut entries: Vec<LogEntry>, done: Option<Done>) {
        let count = entries.len() as u64;
        // Here, where it is decided what comes behind what.
        self.records.silence(&mut entries, &mut group.deleted);
        let first_of_group = self.next_seq - group.accepted.len() as u64;
        for entry in entries {
            let seq = self.next_seq;
            let payload = frame::put(&mut group.octets, FrameKind::Entry, seq, first_of_group, |out| {
                let start = out.len();
                rmp_serde::encode::write(out, &entry).map_err(|error| error.to_string())?;
                match out.len() - start {
                    length if length <= PAYLOAD_MAX => Ok(()),
                    length => Err(format!("it takes {length} octets")),
                }
            });
            match payload {
                Ok(payload) => {
                    group.payloads.push(payload);
                    group.accepted.push(Accepted { seq, entry });
                    self.next_seq += 1;
                }
                Err(why) => {
                    add(&self.shared.live.log.lost, 1);
                    tracing::error!(call_id = %entry.call_id, "an event could not be written to the log and is lost: {why}");
                }
            }
        }
        sub(&self.shared.live.log.queued, count);
        if let Some(done) = done {
            group.waiting.push((done, self.next_seq - 1));
        }
    }

    /// Writes the group, however long that takes, and hands it on.
    fn write(&mut self, group: &mut Group) {
        if !group.accepted.is_empty() && !self.write_until_done(group) {
            for (done, _) in group.waiting.drain(..) {
                done(Err(StoreError::Closed));
            }
            return;
        }
        let live = self.shared.live.clone();
        let count = group.accepted.len() as u64;
        if count > 0 {
            add(&live.log.entries, count);
            add(&live.log.octets_written, group.octets.len() as u64);
            add(&live.log.syncs, 1);
            let payloads = group.payloads.iter().map(|range| &group.octets[range.clone()]);
            self.records.apply(group.accepted.iter().zip(payloads));
            let accepted: Arc<[Accepted]> = group.accepted.drain(..).collect();
            let last = self.next_seq - 1;
            self.shared.subscribers.hand_out(&accepted, last, &self.shared.accepted, &live);
            set(&live.log.accepted_seq, last);
            self.writer.rotate(&self.shared.segments, self.next_seq);
            let (segments, octets) = self.shared.segments.count_and_octets();
            set(&live.log.segments, segments);
            set(&live.log.octets, octets);
        }
        for (done, seq) in group.waiting.drain(..) {
            done(Ok(seq));
        }
    }

    /// False: the store is being closed while the log cannot be written.
    fn write_until_done(&mut self, group: &Group) -> bool {
        let live = self.shared.live.clone();
        let seq = group.accepted[0].seq;
        let mut reported = None::<Instant>;
        // Entries that the records have not taken up yet are held in memory, so there is an end to it.
        while self.records.is_full() && !self.shared.closing.load(Ordering::Acquire) {
            thread::sleep(RETRY);
        }
        loop {
            let start = Instant::now();
            match self.writer.write(&self.shared.segments, seq, &group.octets) {
                Ok(()) => {
                    let us = start.elapsed().as_micros() as u64;
                    set(&live.log.last_sync_us, us);
                    set(&live.log.longest_sync_us, us.max(get(&live.log.longest_sync_us)));
                    if self.shared.set_failing(None) {
                        tracing::warn!("the event log can be written again; nothing was lost");
                    }
                    return true;
                }
                Err(error) => {
                    add(&live.log.write_errors, 1);
                    if reported.is_none_or(|at| at.elapsed() >= REPORT) {
                        reported = Some(Instant::now());
                        let waiting = group.accepted.len() as u64 + get(&live.log.queued);
                        tracing::error!(
                            "the event log cannot be written: {error}. {waiting} entries wait; trying again"
                        );
                    }
                    self.shared.set_failing(Some(error));
                    if self.shared.closing.load(Ordering::Acquire) {
                        tracing::error!(
                            "{} entries of the event log are lost: it could not be written",
                            group.accepted.len()
                        );
                        add(&live.log.lost, group.accepted.len() as u64);
                        return false;
                    }
                    thread::sleep(RETRY);
                }
            }
        }
    }
}

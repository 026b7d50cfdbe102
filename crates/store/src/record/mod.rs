//! Records: calls, activeflows, recordings, participants and bridges, as the log's events tell of them, and their timelines.
//!
//! What lives is held in memory; what has ended is written to the database, in one transaction together with the number of the
//! entry from which a start must read the log again. So a start loses nothing and doubles nothing.

mod backlog;
mod flush;
mod graves;
mod head;
mod id_hash;
mod open_timeline;
mod queries;
mod replay;
mod retention;
mod state;
mod timeline;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use model::{Action, Activeflow, Call, Confbridge, Conferencecall, LogBody, LogEntry, Recording, Resource};
use uuid::Uuid;

use crate::Accepted;
use crate::metrics::{Live, get, set};
pub(crate) use flush::Flusher;
pub(crate) use head::Head;
pub(crate) use queries::{read_one, read_page};
pub(crate) use replay::{Unsaved, replay};
pub(crate) use retention::Expiry;
use state::State;
pub(crate) use timeline::read_timeline;

/// Things that wait for the database; above this admission should close.
const DUE_BEHIND: u64 = 50_000;
/// Above this the log waits for the database.
const DUE_MAX: u64 = 400_000;

/// The kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKind {
    /// Calls.
    Call = 1,
    /// Runs of flows.
    Activeflow = 2,
    /// Recordings.
    Recording = 3,
    /// Participants of conferences.
    Conferencecall = 4,
    /// Bridges.
    Confbridge = 5,
}

/// A kind of record that can be read from the store.
pub trait Record: Sized + Send {
    /// Which kind.
    const KIND: RecordKind;
    /// Takes it out of an event's resource.
    fn from_resource(resource: Resource) -> Option<Self>;
}

/// A call together with the action that it is at.
#[derive(Clone, Debug, PartialEq)]
pub struct CallRecord {
    /// The call.
    pub call: Call,
    /// Its current action; none after it has ended.
    pub action: Option<Action>,
}

impl Record for CallRecord {
    const KIND: RecordKind = RecordKind::Call;
    fn from_resource(resource: Resource) -> Option<CallRecord> {
        match resource {
            Resource::Call(call, action) => {
                Some(CallRecord { call: Arc::unwrap_or_clone(call), action: action.map(Arc::unwrap_or_clone) })
            }
            _ => None,
        }
    }
}

macro_rules! record {
    ($($name:ident),+) => {$(
        impl Record for $name {
            const KIND: RecordKind = RecordKind::$name;
            fn from_resource(resource: Resource) -> Option<$name> {
                match resource {
                    Resource::$name(record, ..) => Some(Arc::unwrap_or_clone(record)),
                    _ => None,
                }
            }
        }
    )+};
}

record!(Call, Activeflow, Recording, Conferencecall, Confbridge);

/// Which records a list shows. Nil and empty: any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of this flow; recordings that began while it ran.
    pub flow_id: Uuid,
    /// Of this activeflow.
    pub activeflow_id: Uuid,
    /// Made for this call or other resource.
    pub reference_id: Uuid,
    /// Of this conference.
    pub conference_id: Uuid,
    /// In this status, as JSON names it.
    pub status: String,
    /// Also those that were deleted.
    pub include_deleted: bool,
}

/// What had not ended when the program did: the server closes it with the cause.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unfinished {
    /// Calls that were not hung up, with the action that each was at.
    pub calls: Vec<CallRecord>,
    /// Activeflows that ran.
    pub activeflows: Vec<Activeflow>,
    /// Recordings whose files were not complete.
    pub recordings: Vec<Recording>,
    /// Participants that had not left.
    pub conferencecalls: Vec<Conferencecall>,
    /// Bridges that stood.
    pub confbridges: Vec<Confbridge>,
}

impl Unfinished {
    /// Whether everything had ended.
    pub fn is_empty(&self) -> bool {
        *self == Unfinished::default()
    }

    fn add(&mut self, resource: Resource) {
        match resource {
            call @ Resource::Call(..) => self.calls.extend(CallRecord::from_resource(call)),
            Resource::Activeflow(activeflow) => self.activeflows.push(Arc::unwrap_or_clone(activeflow)),
            Resource::Recording(recording) => self.recordings.push(Arc::unwrap_or_clone(recording)),
            Resource::Conferencecall(participant) => self.conferencecalls.push(Arc::unwrap_or_clone(participant)),
            Resource::Confbridge(confbridge) => self.confbridges.push(Arc::unwrap_or_clone(confbridge)),
            _ => {}
        }
    }
}

/// All records and timelines that are in memory.
pub(crate) struct Records {
    state: Mutex<State>,
    /// The entry from which a start reads the log, as the database has it.
    resume: AtomicU64,
    live: Arc<Live>,
}

impl Records {
    pub(crate) fn new(live: Arc<Live>, applied: u64, resume: u64) -> Records {
        set(&live.records.resume_seq, resume);
        Records { state: Mutex::new(State::new(applied)), resume: AtomicU64::new(resume), live }
    }

    /// Takes up accepted entries, each with its compact form.
    pub(crate) fn apply<'a>(&self, entries: impl Iterator<Item = (&'a Accepted, &'a [u8])>) {
        let mut state = self.lock();
        for (accepted, payload) in entries {
            state.apply(accepted, payload, |_| true);
        }
        state.publish(&self.live.records);
    }

    /// Of what is deleted nobody is told any more: its events become changes of its record, which stays deleted. `deleted` is what
    /// the entries ahead of these have deleted and the records do not know yet; it grows by what these delete.
    pub(crate) fn silence(&self, entries: &mut [LogEntry], deleted: &mut Vec<(RecordKind, Uuid)>) {
        let state = self.lock();
        for entry in entries {
            let LogBody::Event { resource, .. } = &entry.body else { continue };
            let deletes = graves::deleted_at(resource).is_some();
            if !deletes && deleted.is_empty() && state.knows_no_deletion() {
                continue;
            }
            let Some(Head { kind, id, .. }) = Head::of(resource) else { continue };
            if deletes {
                deleted.push((kind, id));
            } else if deleted.contains(&(kind, id)) || state.is_deleted((kind, id)) {
                entry.body = LogBody::Change { resource: resource.clone() };
            }
        }
    }

    pub(crate) fn resume_seq(&self) -> u64 {
        self.resume.load(Ordering::Acquire)
    }

    pub(crate) fn is_behind(&self) -> bool {
        get(&self.live.records.due) > DUE_BEHIND
    }

    pub(crate) fn is_full(&self) -> bool {
        get(&self.live.records.due) > DUE_MAX
    }

    /// What is live, for a start.
    pub(crate) fn unfinished(&self) -> Unfinished {
        let mut unfinished = Unfinished::default();
        for resource in self.lock().unfinished() {
            unfinished.add(resource);
        }
        unfinished
    }

    /// How many of a kind a customer has that have not ended, of those that `is` speaks for.
    pub(crate) fn count_live(&self, kind: RecordKind, customer_id: Uuid, is: impl Fn(&Resource) -> bool) -> u64 {
        let state = self.lock();
        let live = state.records.values().filter(|tracked| tracked.head.kind == kind && !tracked.head.ended);
        live.filter(|tracked| tracked.head.customer_id == customer_id && is(&tracked.resource)).count() as u64
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

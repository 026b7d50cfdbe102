//! Records and timelines in memory: what lives, and what waits to be written to the database.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use model::{Activeflow, LogBody, LogEntry, RecordingReference, Resource, Timestamp};
use uuid::Uuid;

use super::backlog::Backlog;
use super::graves::{self, Graves};
use super::id_hash::IdHash;
use super::open_timeline::{Piece, Spare, Timeline};
use super::{Head, RecordKind};
use crate::Accepted;
use crate::metrics::{LiveRecords, set};

/// Something that is written as a row of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Key {
    /// A record.
    Record(RecordKind, Uuid),
    /// The timeline of a call, activeflow or other resource.
    Timeline(Uuid),
}

pub(super) struct Tracked {
    pub(super) resource: Resource,
    pub(super) head: Head,
    /// The entry that last changed it.
    pub(super) last_seq: u64,
    /// The first entry that the database does not have; none: it has all.
    unsaved: Option<u64>,
}

/// One row to be written.
pub(super) struct Row {
    pub(super) key: Key,
    pub(super) content: Content,
}

pub(super) enum Content {
    Record { resource: Resource, head: Head, seq: u64 },
    Timeline(Arc<Piece>),
}

impl Content {
    pub(super) fn into_piece(self) -> Option<Arc<Piece>> {
        match self {
            Content::Timeline(piece) => Some(piece),
            Content::Record { .. } => None,
        }
    }
}

pub(super) struct State {
    pub(super) records: HashMap<(RecordKind, Uuid), Tracked, IdHash>,
    pub(super) timelines: HashMap<Uuid, Timeline, IdHash>,
    backlog: Backlog,
    /// The last entry taken up.
    pub(super) last_seq: u64,
    timeline_octets: u64,
    graves: Graves,
    /// Empty buffers of timelines that were written, for the next ones: growing each anew costs more than filling it.
    spare: Spare,
}

impl State {
    pub(super) fn new(last_seq: u64) -> State {
        State {
            records: HashMap::default(),
            timelines: HashMap::default(),
            backlog: Backlog::default(),
            last_seq,
            timeline_octets: 0,
            graves: Graves::default(),
            spare: Spare::default(),
        }
    }

    /// A live record as the database has it.
    pub(super) fn restore(&mut self, resource: Resource, seq: u64) {
        if let Some(head) = Head::of(&resource) {
            self.records.insert((head.kind, head.id), Tracked { resource, head, last_seq: seq, unsaved: None });
        }
    }

    /// Takes up one entry. `is_new` says whether the database lacks it; in doubt it does.
    pub(super) fn apply(&mut self, accepted: &Accepted, payload: &[u8], mut is_new: impl FnMut(&Key) -> bool) {
        let Accepted { seq, entry } = accepted;
        self.last_seq = self.last_seq.max(*seq);
        if let Some(resource) = entry.body.resource()
            && let Some(head) = Head::of(resource)
        {
            let key = Key::Record(head.kind, head.id);
            if is_new(&key) {
                self.update(key, resource, head, *seq);
            }
            if let Resource::Activeflow(activeflow) = resource {
                self.step(entry.call_id, activeflow, *seq, &mut is_new);
            }
        }
        for owner in self.owners(entry).into_iter().flatten() {
            if is_new(&Key::Timeline(owner)) {
                self.lengthen(owner, *seq, payload);
            }
        }
    }

    /// A call shows the action that its flow is at (spec/resources.md §4.2), and the flow moves without an event of the call.
    fn step(&mut self, call: Uuid, activeflow: &Activeflow, seq: u64, is_new: &mut impl FnMut(&Key) -> bool) {
        let Some(tracked) = self.records.get(&(RecordKind::Call, call)) else { return };
        let (head, key) = (tracked.head, Key::Record(RecordKind::Call, call));
        if let Resource::Call(call, _) = &tracked.resource
            && !head.ended
            && head.activeflow_id == activeflow.id
            && is_new(&key)
        {
            let moved = Resource::Call(call.clone(), Some(activeflow.current_action.clone()));
            self.update(key, &moved, head, seq);
        }
    }

    fn update(&mut self, key: Key, resource: &Resource, mut head: Head, seq: u64) {
        let mut resource = resource.clone();
        // A deletion that is known holds, whether this record knows of it or not.
        if let Some(at) = self.graves.of((head.kind, head.id)) {
            graves::bury(&mut resource, at);
            (head.deleted, head.ended) = (true, true);
        } else if let Some(at) = graves::deleted_at(&resource) {
            self.graves.add((head.kind, head.id), at);
        }
        if head.kind == RecordKind::Recording {
            head.flow_id = self.flow_of_recording(&head);
        }
        let tracked = match self.records.entry((head.kind, head.id)) {
            Entry::Occupied(known) => {
                let tracked = known.into_mut();
                *tracked = Tracked { resource, head, last_seq: seq, unsaved: tracked.unsaved };
                tracked
            }
            Entry::Vacant(new) => new.insert(Tracked { resource, head, last_seq: seq, unsaved: None }),
        };
        self.backlog.lacks(key, &mut tracked.unsaved, seq);
        if head.ended {
            self.backlog.add_due(key);
            if self.timelines.contains_key(&head.id) {
                self.backlog.add_due(Key::Timeline(head.id));
            }
        }
    }

    /// A recording names its activeflow only, which runs while the recording begins.
    fn flow_of_recording(&self, head: &Head) -> Uuid {
        let known = self.records.get(&(RecordKind::Recording, head.id)).map(|tracked| tracked.head.flow_id);
        let activeflow = || self.records.get(&(RecordKind::Activeflow, head.activeflow_id));
        known
            .filter(|flow_id| !flow_id.is_nil())
            .or_else(|| activeflow().map(|tracked| tracked.head.flow_id))
            .unwrap_or_default()
    }

    /// What is not in the database as it is here, and not deleted.
    pub(super) fn unsaved_records(&self) -> Vec<(RecordKind, Uuid)> {
        let changed = |tracked: &Tracked| tracked.unsaved.is_some() && !tracked.head.deleted;
        self.records.iter().filter(|(_, tracked)| changed(tracked)).map(|(key, _)| *key).collect()
    }

    /// Whether this one is known to be deleted.
    pub(super) fn is_deleted(&self, key: (RecordKind, Uuid)) -> bool {
        self.graves.of(key).is_some()
    }

    pub(super) fn knows_no_deletion(&self) -> bool {
        self.graves.is_empty()
    }

    /// The database has this one as deleted.
    pub(super) fn bury(&mut self, key: (RecordKind, Uuid), at: Timestamp) {
        self.graves.add(key, at);
        if let Some(Tracked { resource, head, last_seq, .. }) = self.records.get(&key) {
            let (resource, head, seq) = (resource.clone(), *head, *last_seq);
            self.update(Key::Record(key.0, key.1), &resource, head, seq);
        }
    }

    fn lengthen(&mut self, owner: Uuid, seq: u64, payload: &[u8]) {
        let timeline = self.timelines.entry(owner).or_default();
        self.timeline_octets += timeline.push(seq, payload, &mut self.spare);
        let key = Key::Timeline(owner);
        self.backlog.lacks(key, &mut timeline.unsaved, seq);
        if timeline.is_large() || !self.is_live(owner) {
            self.backlog.add_due(key);
        }
    }

    /// Whether there will probably be more of this timeline.
    fn is_live(&self, owner: Uuid) -> bool {
        [RecordKind::Call, RecordKind::Activeflow, RecordKind::Confbridge]
            .into_iter()
            .any(|kind| self.records.get(&(kind, owner)).is_some_and(|tracked| !tracked.head.ended))
    }

    /// Whose timeline an entry belongs to. What concerns a call stands in that call's timeline, and the timeline of an
    /// activeflow is read together with those of its calls, so most entries are kept once.
    fn owners(&self, entry: &LogEntry) -> [Option<Uuid>; 3] {
        // What users are not told of stands in no timeline either.
        if matches!(entry.body, LogBody::Change { .. }) {
            return [None; 3];
        }
        let (call, activeflow) = (entry.call_id, entry.activeflow_id);
        let of_its_call = || {
            let call = self.records.get(&(RecordKind::Call, call));
            call.is_some_and(|call| call.head.activeflow_id == activeflow)
        };
        let own_activeflow = (!activeflow.is_nil() && (call.is_nil() || !of_its_call())).then_some(activeflow);
        let other = match &entry.body {
            LogBody::Event { resource: Resource::Conferencecall(participant), .. } => Some(participant.conference_id),
            // Of a conference's bridge, as long as that is known, which is as long as it is recorded.
            LogBody::Event { resource: Resource::Recording(recording), .. }
                if recording.reference_type == RecordingReference::Confbridge =>
            {
                Some(self.conference_of(recording.reference_id).unwrap_or(recording.reference_id))
            }
            LogBody::Event { resource, .. } => Some(resource.id()),
            LogBody::Change { .. } | LogBody::Note { .. } => None,
        };
        let first_of_all = call.is_nil() && activeflow.is_nil();
        let participant = matches!(&entry.body, LogBody::Event { resource: Resource::Conferencecall(_), .. });
        [
            (!call.is_nil()).then_some(call),
            own_activeflow,
            other.filter(|id| !id.is_nil() && (first_of_all || participant)),
        ]
    }

    /// The conference that a bridge belongs to.
    fn conference_of(&self, confbridge_id: Uuid) -> Option<Uuid> {
        let bridge = self.records.get(&(RecordKind::Confbridge, confbridge_id))?;
        Some(bridge.head.reference_id).filter(|id| !id.is_nil())
    }

    /// Rows to be written now, at most `limit` of what is due and as many of what was not written since
    /// `checkpoint_entries` ago, and the entry from which a start has to read when they are written.
    pub(super) fn take(&mut self, limit: usize, checkpoint_entries: u64) -> (Vec<Row>, u64) {
        let horizon = self.last_seq.saturating_sub(checkpoint_entries);
        let (keys, resume) = self.backlog.take(limit, horizon, self.last_seq + 1);
        let rows = keys.into_iter().filter_map(|key| Some(Row { key, content: self.content(key)? })).collect();
        (rows, resume)
    }

    fn content(&mut self, key: Key) -> Option<Content> {
        match key {
            Key::Record(kind, id) => self.records.get(&(kind, id)).map(|tracked| Content::Record {
                resource: tracked.resource.clone(),
                head: tracked.head,
                seq: tracked.last_seq,
            }),
            Key::Timeline(owner) => self.timelines.get_mut(&owner)?.write().map(Content::Timeline),
        }
    }

    /// The database has this row. `through` is the last entry that was taken up when the row was taken.
    pub(super) fn saved(&mut self, key: Key, content: &Content, through: u64) {
        match content {
            Content::Record { seq, .. } => {
                let Key::Record(kind, id) = key else { return };
                let Some(tracked) = self.records.get_mut(&(kind, id)) else { return };
                self.backlog.has(key, &mut tracked.unsaved);
                if tracked.last_seq > *seq {
                    self.backlog.lacks(key, &mut tracked.unsaved, through + 1);
                    return;
                }
                self.backlog.remove_due(key);
                if tracked.head.ended {
                    self.records.remove(&(kind, id));
                }
            }
            Content::Timeline(piece) => {
                let Key::Timeline(owner) = key else { return };
                let Some(timeline) = self.timelines.get_mut(&owner) else { return };
                self.backlog.has(key, &mut timeline.unsaved);
                self.timeline_octets -= piece.octets.len() as u64;
                let Some(seq) = timeline.written() else {
                    self.timelines.remove(&owner);
                    self.backlog.remove_due(key);
                    return;
                };
                self.backlog.lacks(key, &mut timeline.unsaved, seq);
                if self.is_live(owner) {
                    self.backlog.remove_due(key);
                }
            }
        }
    }

    /// Takes the buffers of pieces back that are written.
    pub(super) fn recycle(&mut self, pieces: impl Iterator<Item = Arc<Piece>>) {
        pieces.filter_map(Arc::into_inner).for_each(|piece| self.spare.keep(piece.octets));
    }

    pub(super) fn is_due(&self) -> bool {
        self.backlog.due() > 0
    }

    pub(super) fn unfinished(&self) -> Vec<Resource> {
        let mut live: Vec<&Tracked> = self.records.values().filter(|tracked| !tracked.head.ended).collect();
        live.sort_by_key(|tracked| (tracked.head.tm_create, tracked.head.id));
        live.into_iter().map(|tracked| tracked.resource.clone()).collect()
    }

    pub(super) fn publish(&self, live: &LiveRecords) {
        set(&live.live, self.records.len() as u64);
        set(&live.timelines, self.timelines.len() as u64);
        set(&live.timeline_octets, self.timeline_octets);
        set(&live.due, self.backlog.due() as u64);
    }
}

//! Conferences, their participants, and the bridges beneath (spec/resources.md §7).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{Action, Flow, FlowType, Timestamp, optional_timestamp};

/// A meeting place with a name and rules of its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conference {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// When it ends by itself.
    #[serde(rename = "type")]
    pub kind: ConferenceType,
    /// Where it is in its life.
    pub status: ConferenceStatus,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// The user's own data.
    pub data: Map<String, Value>,
    /// Seconds until it ends by itself; 0 = never.
    pub timeout: u64,
    /// The flow that each participant runs before it enters; nil = none.
    pub pre_flow_id: Uuid,
    /// The flow that each participant runs after it left; nil = none.
    pub post_flow_id: Uuid,
    /// Its bridge.
    pub confbridge_id: Uuid,
    /// Those who are in it or on their way.
    pub conferencecall_ids: Vec<Uuid>,
    /// The running recording; nil if none.
    pub recording_id: Uuid,
    /// All of its recordings.
    pub recording_ids: Vec<Uuid>,
    /// The running transcribe; nil if none.
    pub transcribe_id: Uuid,
    /// All of its transcribes.
    pub transcribe_ids: Vec<Uuid>,
    /// `direct.` and 12 hex digits: makes it dialable.
    pub direct_hash: String,
    /// When it ended.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_end: Option<Timestamp>,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

impl Conference {
    /// Takes over what its calls and its time have made of it, as `known` has it: who is in it, what runs, and how far it is in its
    /// life, which never goes back. Nothing of one that had this id before and was made anew.
    pub fn keep_run(&mut self, known: &Conference) {
        if !self.is_same_life(known) {
            return;
        }
        self.conferencecall_ids.clone_from(&known.conferencecall_ids);
        (self.recording_id, self.transcribe_id) = (known.recording_id, known.transcribe_id);
        self.recording_ids.clone_from(&known.recording_ids);
        self.transcribe_ids.clone_from(&known.transcribe_ids);
        self.status = self.status.max(known.status);
        if self.status == ConferenceStatus::Terminated {
            self.conferencecall_ids.clear();
        }
        self.keep_times(known);
    }

    /// Takes over what its owner has made of it, as `known` has it: its name and rules, and that it is deleted.
    pub fn keep_rules(&mut self, known: &Conference) {
        (self.name, self.detail, self.data) = (known.name.clone(), known.detail.clone(), known.data.clone());
        (self.kind, self.timeout) = (known.kind, known.timeout);
        (self.pre_flow_id, self.post_flow_id) = (known.pre_flow_id, known.post_flow_id);
        self.direct_hash.clone_from(&known.direct_hash);
        self.status = self.status.max(known.status);
        self.keep_times(known);
    }

    /// What was written first stands, but for the last change.
    fn keep_times(&mut self, known: &Conference) {
        self.tm_end = known.tm_end.or(self.tm_end);
        self.tm_delete = known.tm_delete.or(self.tm_delete);
        self.tm_update = self.tm_update.max(known.tm_update);
    }

    /// Whether both are states of one conference, and not of two that had the same id one after the other.
    pub fn is_same_life(&self, other: &Conference) -> bool {
        (self.id, self.tm_create) == (other.id, other.tm_create)
    }

    /// Whether its time is up. It counts from its creation.
    pub fn is_past(&self, now: Timestamp) -> bool {
        let created_us = self.tm_create.map_or(now.as_us(), Timestamp::as_us);
        self.timeout > 0 && created_us.saturating_add(self.timeout.saturating_mul(1_000_000)) <= now.as_us()
    }
}

/// When a conference ends by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConferenceType {
    /// Never, until it is deleted or its time is up.
    #[default]
    #[serde(alias = "")]
    Conference,
    /// When one party is left.
    Connect,
    /// Made for a queue.
    Queue,
}

/// Where a conference is in its life: each comes after the one before and never back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConferenceStatus {
    /// Being made.
    Starting,
    /// Open.
    #[default]
    Progressing,
    /// Everybody is being shown out.
    Terminating,
    /// Over.
    Terminated,
}

/// The body of `POST /conferences` and `PUT /conferences/{id}`, and an entry of `conferences` in a provisioning file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConferenceBody {
    /// Nil = a new one.
    pub id: Uuid,
    /// See [`Conference::kind`].
    #[serde(rename = "type")]
    pub kind: ConferenceType,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// The user's own data.
    pub data: Map<String, Value>,
    /// Seconds; 1–59 become a day ([`ConferenceBody::into_conference`]).
    pub timeout: u64,
    /// See [`Conference::pre_flow_id`].
    pub pre_flow_id: Uuid,
    /// See [`Conference::post_flow_id`].
    pub post_flow_id: Uuid,
    /// The older form of `pre_flow_id`, which wins: actions of which a flow is made. Read and verified by the flow crate.
    pub pre_actions: Value,
    /// The older form of `post_flow_id`.
    pub post_actions: Value,
}

/// The flow that is made of the actions of a conference's older form. It is the conference's own and in no list.
pub fn conference_flow(id: Uuid, conference: &Conference, actions: Vec<Action>, direct_hash: String) -> Flow {
    Flow {
        id,
        customer_id: conference.customer_id,
        kind: FlowType::Conference,
        name: conference.name.clone(),
        actions: actions.into(),
        direct_hash,
        tm_create: conference.tm_create,
        ..Flow::default()
    }
}

impl ConferenceBody {
    /// The conference that this body makes. `id` is used unless the body names one.
    pub fn into_conference(self, id: Uuid, confbridge_id: Uuid, customer_id: Uuid, now: Timestamp) -> Conference {
        Conference {
            id: if self.id.is_nil() { id } else { self.id },
            customer_id,
            kind: self.kind,
            name: self.name,
            detail: self.detail,
            data: self.data,
            timeout: timeout_s(self.timeout),
            pre_flow_id: self.pre_flow_id,
            post_flow_id: self.post_flow_id,
            confbridge_id,
            tm_create: Some(now),
            ..Conference::default()
        }
    }
}

/// Longest life that may be asked for, seconds: a hundred years.
pub const CONFERENCE_TIMEOUT_MAX_S: u64 = 100 * 366 * 86_400;

/// spec/resources.md §7: less than a minute is taken for a mistake.
pub fn timeout_s(asked: u64) -> u64 {
    if (1..60).contains(&asked) { 86_400 } else { asked }
}

/// One call's stay in a conference.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Conferencecall {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// The activeflow that brought the call here.
    pub activeflow_id: Uuid,
    /// The conference.
    pub conference_id: Uuid,
    /// `call`.
    pub reference_type: String,
    /// The call.
    pub reference_id: Uuid,
    /// Where it is.
    pub status: ConferencecallStatus,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

/// Where a participant is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConferencecallStatus {
    /// On its way in.
    #[default]
    Joining,
    /// In.
    Joined,
    /// On its way out.
    Leaving,
    /// Out.
    Leaved,
}

/// A mix that calls can enter. A conference has one; others are made by hand. Entries of the event log are written by the
/// places of the fields, so that a new one is put behind all others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Confbridge {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// When it ends by itself: as for conferences.
    #[serde(rename = "type")]
    pub kind: ConferenceType,
    /// Where it is in its life.
    pub status: ConferenceStatus,
    /// `no_auto_leave`: it does not end when one party is left.
    pub flags: Vec<String>,
    /// The calls in it.
    pub channel_call_ids: Vec<Uuid>,
    /// The running recording; nil if none.
    pub recording_id: Uuid,
    /// All of its recordings.
    pub recording_ids: Vec<Uuid>,
    /// What it was made for: `conference`, or empty when it was made by hand.
    pub reference_type: String,
    /// The id of that; nil if none.
    pub reference_id: Uuid,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
    /// External media that are attached to it.
    #[serde(default)]
    pub external_media_ids: Vec<Uuid>,
}

/// A flag of a confbridge: it does not end when one party is left.
pub const NO_AUTO_LEAVE: &str = "no_auto_leave";

impl Confbridge {
    /// A user made it for itself; no conference ends it.
    pub fn is_by_hand(&self) -> bool {
        self.reference_type.is_empty()
    }

    /// Whether it ends when one party is left (spec/resources.md §7).
    pub fn ends_with_one_left(&self) -> bool {
        self.kind == ConferenceType::Connect && !self.flags.iter().any(|flag| flag == NO_AUTO_LEAVE)
    }

    /// The bridge as its calls leave it one after another because something failed: as it is behind each, and which one has left.
    pub fn left_by_all(&self, at: Option<Timestamp>) -> impl Iterator<Item = (Confbridge, Uuid)> + '_ {
        self.channel_call_ids.iter().enumerate().map(move |(index, call_id)| {
            let channel_call_ids = self.channel_call_ids[index + 1..].to_vec();
            (Confbridge { channel_call_ids, tm_update: at, ..self.clone() }, *call_id)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The log of an older build has bridges without what came to them later.
    #[test]
    fn a_bridge_of_an_older_log_is_read() {
        let bridge =
            Confbridge { id: Uuid::from_u128(7), tm_create: Some(Timestamp::from_us(5)), ..Confbridge::default() };
        let mut octets = rmp_serde::to_vec(&bridge).unwrap();
        assert_eq!((octets[0], octets.pop()), (0x9e, Some(0x90)), "14 fields, the last one an empty list");
        octets[0] = 0x9d;
        assert_eq!(rmp_serde::from_slice::<Confbridge>(&octets).unwrap(), bridge);
    }

    /// Its owner and its calls write it at the same time, each what is theirs.
    #[test]
    fn a_conference_never_goes_back_in_its_life() {
        let at = |us| Some(Timestamp::from_us(us));
        let begun = Conference { name: "old".into(), tm_create: at(1), ..Conference::default() };
        let ended = Conference { status: ConferenceStatus::Terminated, tm_end: at(5), ..begun.clone() };
        let mut renamed = Conference { name: "new".into(), conferencecall_ids: vec![Uuid::max()], ..begun.clone() };
        renamed.keep_run(&ended);
        assert_eq!(renamed, Conference { name: "new".into(), ..ended.clone() });

        let mut told = Conference { tm_end: at(8), tm_update: at(4), ..begun.clone() };
        let deleted = Conference { name: "new".into(), tm_update: at(6), tm_delete: at(6), ..ended.clone() };
        told.keep_rules(&deleted);
        assert_eq!(told, deleted, "who was told that it is deleted, and when it ended, is not told otherwise later");

        let anew = Conference { tm_create: at(7), ..begun };
        let mut kept = anew.clone();
        kept.keep_run(&ended);
        assert_eq!(kept, anew, "what had its id before is another one");
    }

    #[test]
    fn time_is_up_so_long_after_the_creation() {
        let conference =
            |timeout| Conference { timeout, tm_create: Some(Timestamp::from_us(5_000_000)), ..Conference::default() };
        let past = |timeout, second: u64| conference(timeout).is_past(Timestamp::from_us(second * 1_000_000));
        assert_eq!([past(0, 900), past(60, 64), past(60, 65), past(u64::MAX, 900)], [false, false, true, false]);
    }

    #[test]
    fn only_bridges_of_two_end_with_one_left() {
        let of = |kind, flags: &[&str]| {
            let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
            Confbridge { kind, flags, ..Confbridge::default() }.ends_with_one_left()
        };
        assert!(of(ConferenceType::Connect, &[]));
        assert!(!of(ConferenceType::Connect, &[NO_AUTO_LEAVE]));
        assert!(!of(ConferenceType::Conference, &[]));
    }
}

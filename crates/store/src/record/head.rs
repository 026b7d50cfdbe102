//! What the store needs to know of a record to find it again.

use model::{
    ActiveflowStatus, CallStatus, ConferenceStatus, ConferencecallStatus, RecordingStatus, Resource, Timestamp,
};
use uuid::Uuid;

use super::{Filter, RecordKind};
use crate::page::Position;

/// The columns of a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) kind: RecordKind,
    pub(crate) id: Uuid,
    pub(crate) customer_id: Uuid,
    pub(crate) tm_create: Option<Timestamp>,
    pub(crate) deleted: bool,
    pub(crate) ended: bool,
    pub(crate) status: &'static str,
    pub(crate) flow_id: Uuid,
    pub(crate) activeflow_id: Uuid,
    pub(crate) reference_id: Uuid,
    pub(crate) conference_id: Uuid,
}

impl Head {
    /// None for what is no record.
    pub(crate) fn of(resource: &Resource) -> Option<Head> {
        let nil = Uuid::nil();
        let head = match resource {
            Resource::Call(call, _) => Head {
                kind: RecordKind::Call,
                id: call.id,
                customer_id: call.customer_id,
                tm_create: call.tm_create,
                deleted: call.tm_delete.is_some(),
                ended: call.status == CallStatus::Hangup,
                status: call.status.as_str(),
                flow_id: call.flow_id,
                activeflow_id: call.activeflow_id,
                reference_id: call.groupcall_id,
                conference_id: nil,
            },
            Resource::Activeflow(activeflow) => Head {
                kind: RecordKind::Activeflow,
                id: activeflow.id,
                customer_id: activeflow.customer_id,
                tm_create: activeflow.tm_create,
                deleted: activeflow.tm_delete.is_some(),
                ended: activeflow.status == ActiveflowStatus::Ended,
                status: match activeflow.status {
                    ActiveflowStatus::Running => "running",
                    ActiveflowStatus::Ended => "ended",
                },
                flow_id: activeflow.flow_id,
                activeflow_id: activeflow.reference_activeflow_id,
                reference_id: activeflow.reference_id,
                conference_id: nil,
            },
            Resource::Recording(recording) => Head {
                kind: RecordKind::Recording,
                id: recording.id,
                customer_id: recording.customer_id,
                tm_create: recording.tm_create,
                deleted: recording.tm_delete.is_some(),
                ended: recording.status == RecordingStatus::Ended,
                status: match recording.status {
                    RecordingStatus::Initiating => "initiating",
                    RecordingStatus::Recording => "recording",
                    RecordingStatus::Stopping => "stopping",
                    RecordingStatus::Ended => "ended",
                },
                flow_id: nil,
                activeflow_id: recording.activeflow_id,
                reference_id: recording.reference_id,
                conference_id: nil,
            },
            Resource::Conferencecall(participant) => Head {
                kind: RecordKind::Conferencecall,
                id: participant.id,
                customer_id: participant.customer_id,
                tm_create: participant.tm_create,
                deleted: participant.tm_delete.is_some(),
                ended: participant.status == ConferencecallStatus::Leaved,
                status: match participant.status {
                    ConferencecallStatus::Joining => "joining",
                    ConferencecallStatus::Joined => "joined",
                    ConferencecallStatus::Leaving => "leaving",
                    ConferencecallStatus::Leaved => "leaved",
                },
                flow_id: nil,
                activeflow_id: participant.activeflow_id,
                reference_id: participant.reference_id,
                conference_id: participant.conference_id,
            },
            Resource::Confbridge(confbridge) => Head {
                kind: RecordKind::Confbridge,
                id: confbridge.id,
                customer_id: confbridge.customer_id,
                tm_create: confbridge.tm_create,
                deleted: confbridge.tm_delete.is_some(),
                ended: confbridge.status == ConferenceStatus::Terminated,
                status: match confbridge.status {
                    ConferenceStatus::Starting => "starting",
                    ConferenceStatus::Progressing => "progressing",
                    ConferenceStatus::Terminating => "terminating",
                    ConferenceStatus::Terminated => "terminated",
                },
                flow_id: nil,
                activeflow_id: nil,
                reference_id: confbridge.reference_id,
                conference_id: nil,
            },
            _ => return None,
        };
        Some(Head { ended: head.ended || head.deleted, ..head })
    }

    /// Where a list shows it.
    pub(crate) fn position(&self) -> Position {
        Position { at_us: self.tm_create.map_or(0, Timestamp::as_us), id: self.id }
    }

    pub(crate) fn passes(&self, kind: RecordKind, customer_id: Option<Uuid>, filter: &Filter) -> bool {
        let is = |wanted: Uuid, have: Uuid| wanted.is_nil() || wanted == have;
        self.kind == kind
            && customer_id.is_none_or(|customer_id| customer_id == self.customer_id)
            && (filter.include_deleted || !self.deleted)
            && (filter.status.is_empty() || filter.status == self.status)
            && is(filter.flow_id, self.flow_id)
            && is(filter.activeflow_id, self.activeflow_id)
            && is(filter.reference_id, self.reference_id)
            && is(filter.conference_id, self.conference_id)
    }
}

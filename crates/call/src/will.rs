//! The small copy of a call or bridge that is kept outside its cell: enough to end it decently when its handler panics.

use base::{CellId, Now, RoomId};
use media_core::PortLease;
use model::Recording;
use serde::{Deserialize, Serialize};
use sip_core::{Dialog, Endpoint, HeaderName, Hop, Message, Method, ServerTransactionId, uas};
use uuid::Uuid;

use crate::message::{Address, CellMessage, Envelope};

/// What is owed to the peer if the cell is gone. The call renews it whenever one of these changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Will {
    /// An INVITE that has no final response yet.
    pub(crate) pending_invite: Option<(ServerTransactionId, Message)>,
    /// A dialog that must be ended by BYE, and where that goes.
    pub(crate) dialog: Option<(Dialog, Hop)>,
    /// The leased ports, and whether a worker has them in service.
    pub(crate) ports: Option<(PortLease, bool)>,
    /// Bridges that must hear that the call is gone.
    pub(crate) bridges: Vec<Uuid>,
    /// A recording that runs, to be closed in its name.
    pub(crate) recording: Option<Box<Recording>>,
    /// Whether the media side knows of that recording, and will report its end.
    pub(crate) recording_reports: bool,
    /// Recordings before that one which the media side was asked to stop, and will report.
    pub(crate) stopping: Vec<Recording>,
    /// The room that is recorded, which nobody else would stop; none if it is the call's stream, which is closed.
    pub(crate) recorded_room: Option<RoomId>,
    /// Calls that a bridge must send out of the mix, and the bridge's id.
    pub(crate) members: Vec<CellId>,
    pub(crate) members_of: Uuid,
}

/// Q.850 cause 41: temporary failure.
const CAUSE_FAILURE: &str = "Q.850;cause=41";

impl Will {
    /// Ends the call on the wire: 500 to a pending INVITE, else BYE in a dialog that stands. `owner` is the cell that is
    /// gone: what comes of the BYE finds nobody, which is counted and harmless.
    pub(crate) fn execute(&mut self, now: Now, endpoint: &mut Endpoint, local_tag: &str, owner: u64) {
        if let Some((transaction, invite)) = self.pending_invite.take() {
            let response = uas::Rejection::new(500).response_to(&invite).to_tag(local_tag).build();
            endpoint.respond(now, transaction, response);
        } else if let Some((mut dialog, hop)) = self.dialog.take() {
            let bye = dialog.request(Method::Bye).header(HeaderName::Reason, CAUSE_FAILURE);
            endpoint.request(now, bye, hop, owner);
        }
    }

    /// What other cells must be told.
    pub(crate) fn letters(&self, gone: CellId) -> Vec<Envelope> {
        let to_bridges = self
            .bridges
            .iter()
            .map(|bridge| Envelope { to: Address::Bridge(*bridge), message: CellMessage::Left { from: gone } });
        let confbridge_id = self.members_of;
        let kick = |cell| Envelope { to: Address::Cell(cell), message: CellMessage::Kick { confbridge_id } };
        let to_members = self.members.iter().copied().map(kick);
        to_bridges.chain(to_members).collect()
    }
}

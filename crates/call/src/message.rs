//! What cells say to each other. A cell reaches another one only so: addressed, queued in order, also within one loop.

use base::{CellId, LoopId, RoomId, WorkerId};
use model::Conferencecall;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Why a call cannot enter: the bridge is unknown, or another customer's.
pub(crate) const NO_BRIDGE: &str = "there is no such confbridge";

/// A message and where it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Envelope {
    /// To whom.
    pub(crate) to: Address,
    /// What.
    pub(crate) message: CellMessage,
}

/// Who can be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Address {
    /// A cell that is known by its id.
    Cell(CellId),
    /// The bridge of this confbridge id; its cell is made when it is needed.
    Bridge(Uuid),
}

/// What one cell says to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum CellMessage {
    // Calls to a bridge.
    /// The call is on its way into the conference; answered by `Admitted` or `NotAdmitted`.
    Admit { from: CellId, step: u64, conferencecall: Box<Conferencecall> },
    /// The call stands at the door of the mix; answered by `Entered` or `NotEntered`.
    Enter { from: CellId, step: u64, call_id: Uuid, customer_id: Uuid, worker: WorkerId },
    /// The call has left the mix.
    Left { from: CellId },
    // A bridge to its calls.
    /// The conference takes the call.
    Admitted { step: u64, conferencecall_id: Uuid, pre_flow_id: Uuid, post_flow_id: Uuid, confbridge_id: Uuid },
    /// The conference does not take the call.
    NotAdmitted { step: u64, why: String },
    /// The mix is open to the call.
    Entered { step: u64, room: RoomId, confbridge_id: Uuid, answers: bool },
    /// The mix is closed to the call.
    NotEntered { step: u64, why: String },
    /// Leave this bridge: the mix, or the way into it.
    Kick { confbridge_id: Uuid },
}

impl Envelope {
    /// The loop, of `loops`, that the addressee lives in.
    pub fn owner(&self, loops: u8) -> LoopId {
        match self.to {
            Address::Cell(cell) => cell.owner(),
            Address::Bridge(id) => loop_of_resource(id, loops),
        }
    }
}

/// The loop, of `loops`, that owns the cell of a resource which is known by its id everywhere.
pub(crate) fn loop_of_resource(id: Uuid, loops: u8) -> LoopId {
    LoopId((id.as_u128() % u128::from(loops.max(1))) as u8)
}

//! What cells say to each other. A cell reaches another one only so: addressed, queued in order, also within one loop.

use base::{CellId, LoopId, Random, RoomId, WorkerId};
use model::{Conferencecall, HangupReason};
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
    /// The loop of the call with this id, whether the call is still there or not.
    Call(Uuid),
}

/// What one cell says to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum CellMessage {
    // Calls to a bridge.
    /// The call is on its way into the conference; answered by `Admitted` or `NotAdmitted`.
    Admit { from: CellId, step: u64, conferencecall: Box<Conferencecall> },
    /// The call stands at the door of the mix; answered by `Entered` or `NotEntered`.
    Enter { from: CellId, step: u64, call_id: Uuid, customer_id: Uuid, worker: WorkerId, answered: bool },
    /// The call has left the mix.
    Left { from: CellId },
    // A bridge to its calls.
    /// The conference takes the call.
    Admitted { step: u64, conferencecall_id: Uuid, pre_flow_id: Uuid, post_flow_id: Uuid, confbridge_id: Uuid },
    /// The conference does not take the call.
    NotAdmitted { step: u64, why: String },
    /// The mix is open to the call.
    Entered { step: u64, room: RoomId, confbridge_id: Uuid, answers: bool, forwards_keys: bool },
    /// Somebody in the mix has been answered: so is the call, if it is not yet.
    AnswerInside { confbridge_id: Uuid },
    /// The mix is closed to the call.
    NotEntered { step: u64, why: String },
    /// Leave this bridge: the mix, or the way into it.
    Kick { confbridge_id: Uuid },
    // About another call, which may be gone.
    /// Asks the loop of a call how that has ended, on behalf of this customer; answered by `Ended`.
    HowEnded { from: CellId, customer_id: Uuid },
    /// How the call has ended; no reason: it is not known, or has not.
    Ended { call_id: Uuid, reason: Option<HangupReason> },
}

impl Envelope {
    /// The loop, of `loops`, that the addressee lives in.
    pub fn owner(&self, loops: u8) -> LoopId {
        match self.to {
            Address::Cell(cell) => cell.owner(),
            Address::Bridge(id) | Address::Call(id) => loop_of_resource(id, loops),
        }
    }
}

/// The loop, of `loops`, that owns the cell of a resource which is known by its id everywhere.
pub(crate) fn loop_of_resource(id: Uuid, loops: u8) -> LoopId {
    LoopId((id.as_u128() % u128::from(loops.max(1))) as u8)
}

/// A new id for a resource that this loop, of `loops`, owns: wherever it is named later, the owner is known from it.
pub(crate) fn id_of_loop(random: &mut Random, owner: LoopId, loops: u8) -> Uuid {
    let owner = LoopId(owner.0 % loops.max(1));
    loop {
        let id = model::random_id(random);
        if loop_of_resource(id, loops) == owner {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_of_a_call_is_known_from_its_id() {
        let mut random = Random::from_seed([3; 32]);
        for loops in [0, 1, 3, 16, 255] {
            for owner in 0..loops.max(1) {
                let id = id_of_loop(&mut random, LoopId(owner), loops);
                let letter =
                    Envelope { to: Address::Call(id), message: CellMessage::Ended { call_id: id, reason: None } };
                assert_eq!(letter.owner(loops), LoopId(owner), "{owner} of {loops}");
            }
        }
        // A loop that there is none of, by the snapshot, still gets its ids.
        id_of_loop(&mut random, LoopId(7), 3);
    }
}

//! What happens to a running activeflow.

use serde::{Deserialize, Serialize};

/// One input of [`crate::Machine::handle`]. Events with a `step` answer the effect of that step; answers of an earlier
/// step are dropped and counted (spec/flow.md §5.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// Take the first step. Nothing happens before it.
    Start,
    /// The party pressed a key.
    Digit {
        /// `0-9A-D*#`; anything else is ignored.
        digit: char,
        /// How long it was held, ms.
        duration_ms: u32,
    },
    /// The timer of [`crate::Effect::Timer`] has expired.
    Timer {
        /// As in the effect.
        step: u64,
    },
    /// A [`crate::Effect::Play`] or [`crate::Effect::Beep`] is over.
    PlaybackEnded {
        /// As in the effect.
        step: u64,
    },
    /// A [`crate::Effect::Play`] or [`crate::Effect::Beep`] could not be carried out: the cursor moves on.
    PlaybackFailed {
        /// As in the effect.
        step: u64,
        /// Why, for the timeline.
        reason: String,
    },
    /// The call is over: the activeflow ends.
    CallGone,
    /// End the activeflow.
    Stop(StopReason),
    /// Leave the current action and go on at this one (spec/flow.md §5.8). Ignored and counted when there is no such
    /// frame or action.
    Forward {
        /// Id of the frame.
        stack_id: uuid::Uuid,
        /// Id of an action in that frame.
        action_id: String,
    },
    /// The service that owns this frame has ended: the frame is removed and the cursor goes on behind the action that
    /// made it. Works only while that frame is the current one (spec/flow.md §5.4).
    ServiceEnded {
        /// Id of the frame.
        stack_id: uuid::Uuid,
    },
}

/// Why somebody ends an activeflow from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StopReason {
    /// `POST /activeflows/{id}/stop`
    Request,
    /// The activeflow is being deleted.
    Deleted,
    /// Its customer is being deleted.
    CustomerDeleted,
}

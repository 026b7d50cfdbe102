//! What happens to a running activeflow.

use std::sync::Arc;

use model::Action;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// One input of [`crate::Machine::handle`]. Events with a `step` answer the effect of that step; answers of an earlier
/// step are dropped and counted (spec/flow.md §5.7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// A [`crate::Effect::Play`], [`crate::Effect::Beep`] or [`crate::Effect::Talk`] is over.
    PlaybackEnded {
        /// As in the effect.
        step: u64,
    },
    /// A [`crate::Effect::Play`], [`crate::Effect::Beep`] or [`crate::Effect::Talk`] could not be carried out: the cursor
    /// moves on.
    PlaybackFailed {
        /// As in the effect.
        step: u64,
        /// Why, for the timeline.
        reason: String,
    },
    /// The call has left the confbridge of [`crate::Effect::JoinConfbridge`]: the cursor moves on.
    BridgeLeft {
        /// As in the effect.
        step: u64,
    },
    /// The call could not enter that confbridge: the cursor moves on.
    BridgeRefused {
        /// As in the effect.
        step: u64,
        /// Why, for the timeline.
        reason: String,
    },
    /// The service of [`crate::Effect::JoinConference`] has begun: its actions run next, then the cursor returns.
    ServiceStarted {
        /// As in the effect.
        step: u64,
        /// The id of the service and of its frame, for [`Event::ServiceEnded`].
        stack_id: Uuid,
        /// With ids.
        actions: Arc<[Action]>,
    },
    /// That service cannot begin: the activeflow ends (spec/flow.md §9).
    ServiceRefused {
        /// As in the effect.
        step: u64,
        /// Why, for the timeline.
        reason: String,
    },
    /// The flow of [`crate::Effect::FetchFlow`]: its actions run next, then the cursor returns.
    FlowFound {
        /// As in the effect.
        step: u64,
        /// With ids.
        actions: Arc<[Action]>,
    },
    /// There is no such flow for this customer: the activeflow ends (spec/flow.md §9).
    FlowMissing {
        /// As in the effect.
        step: u64,
        /// Why, for the timeline.
        reason: String,
    },
    /// The request of [`crate::Effect::Http`] was answered, or given up.
    HttpAnswered {
        /// As in the effect.
        step: u64,
        /// What came back.
        outcome: HttpOutcome,
    },
    /// A `webhook_send` that nobody waits for has failed. Whatever runs by now goes on.
    WebhookFailed {
        /// The activeflow that sent it; another one may run by now.
        activeflow_id: Uuid,
        /// As in the effect.
        step: u64,
        /// As in the request.
        action_id: String,
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
        stack_id: Uuid,
        /// Id of an action in that frame.
        action_id: String,
    },
    /// The service that owns this frame has ended: the frame is removed and the cursor goes on behind the action that
    /// made it. Works only while that frame is the current one (spec/flow.md §5.4).
    ServiceEnded {
        /// Id of the frame.
        stack_id: Uuid,
    },
}

/// The response to a request, or why there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpOutcome {
    /// The status code; 0 = no answer.
    pub status: u16,
    /// The body; at most 1 MiB.
    pub body: Vec<u8>,
    /// Why there is no answer, or none that can be used; empty otherwise.
    pub error: String,
}

impl HttpOutcome {
    /// Why it is none that was hoped for; none if it is.
    pub fn failure(&self) -> Option<String> {
        let HttpOutcome { status, error, .. } = self;
        match status {
            0 if error.is_empty() => Some("there was no answer: no reason is known".to_owned()),
            0 => Some(format!("there was no answer: {error}")),
            200..300 if error.is_empty() => None,
            200..300 => Some(error.clone()),
            _ => Some(format!("the answer has status {status}")),
        }
    }
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

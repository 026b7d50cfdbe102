//! Why an activeflow ended (spec/flow.md §6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::StopReason;

/// The reason, as the timeline and the log give it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// The last action of the main frame was passed, or a `next_id` led nowhere.
    Finished,
    /// The action `stop`.
    StopAction,
    /// Somebody stopped it.
    Stopped(StopReason),
    /// The call hung up.
    CallGone,
    /// A flow action failed hard (spec/flow.md §9).
    Failed(String),
    /// A limit of spec/flow.md §5.6 was reached.
    Limit(String),
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EndReason::Finished => f.write_str("the actions are finished"),
            EndReason::StopAction => f.write_str("stopped by the action stop"),
            EndReason::Stopped(StopReason::Request) => f.write_str("stopped by request"),
            EndReason::Stopped(StopReason::Deleted) => f.write_str("stopped to be deleted"),
            EndReason::Stopped(StopReason::CustomerDeleted) => f.write_str("stopped because its customer is deleted"),
            EndReason::CallGone => f.write_str("the call is over"),
            EndReason::Failed(why) | EndReason::Limit(why) => f.write_str(why),
        }
    }
}

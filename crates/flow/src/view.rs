//! What the machine may know of its call at this moment.

use model::{Call, CallStatus};

/// Passed afresh to every `handle` and `poll`, so that `answer` followed by `condition_call_status` sees the new status.
#[derive(Clone, Copy, Debug)]
pub struct CallView<'a> {
    /// The call that the activeflow runs for; none for other references.
    pub call: Option<&'a Call>,
    /// Whether the call can still be heard and hung up: false once it is terminating, canceling or over. Actions that
    /// need a call are skipped then (spec/flow.md §6).
    pub alive: bool,
}

impl<'a> CallView<'a> {
    /// The view of a call, alive while its status says so.
    pub fn of(call: &'a Call) -> CallView<'a> {
        CallView { call: Some(call), alive: call.status.is_up() }
    }

    /// The view of an activeflow that has no call.
    pub fn none() -> CallView<'static> {
        CallView { call: None, alive: false }
    }

    pub(crate) fn status(&self) -> Option<CallStatus> {
        self.call.map(|call| call.status)
    }
}

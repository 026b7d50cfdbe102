//! The non-INVITE server transaction, RFC 3261 §17.2.2.
//!
//! ```text
//!                      | request
//!                      v to core
//!                  +---------+  request: absorbed
//!        +---------| Trying  |
//!        |         +---------+---------------------------------+
//!        | 200-699     | 1xx from core                         |
//!        | from core   v send response                         |
//!        | send    +------------+                              |
//!        | response| Proceeding |--+ request: send response    |
//!        |         |            |<-+ 1xx from core: send       |
//!        |         +------------+------------------------------+
//!        |             | 200-699 from core                     |
//!        |             v send response                         |
//!        |         +-----------+                               |
//!        +-------->| Completed |--+ request: send response     |
//!                  |           |<-+                            |
//!                  +-----------+-------------------------------+
//!                      | Timer J       transport error: tell   |
//!                      v               core (not in Trying);   |
//!                  +------------+      64*T1 without an answer |
//!                  | Terminated |<-----------------------------+
//!                  +------------+      of the core
//! ```

use serde::{Deserialize, Serialize};

use super::effect::ServerEffect::{self, *};
use super::timer::Timer::{J, Unanswered};

/// The states of RFC 3261 figure 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Trying,
    Proceeding,
    Completed,
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The request again.
    Request,
    /// The core answers 100-199.
    Provisional,
    /// The core answers 200-699.
    Final,
    TimerJ,
    /// The client has given up waiting for our core.
    TimerUnanswered,
    TransportError,
}

/// Where it begins.
pub(crate) const START: (State, &[ServerEffect]) = (State::Trying, &[PassRequest, Start(Unanswered)]);

/// The transition table.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ServerEffect]) {
    use Event::*;
    use State::*;
    match (state, event) {
        (Trying, Provisional) => (Proceeding, &[SendResponse]),
        (Trying, Final) => (Completed, &[Stop(Unanswered), SendResponse, Start(J)]),
        // RFC 4320 §4.2: no answer is better than a late one, and no 408 is made up.
        (Trying, TimerUnanswered) => (Terminated, &[CountUnanswered]),

        (Proceeding, Request) => (Proceeding, &[RepeatResponse]),
        (Proceeding, Provisional) => (Proceeding, &[SendResponse]),
        (Proceeding, Final) => (Completed, &[Stop(Unanswered), SendResponse, Start(J)]),
        (Proceeding, TransportError) => (Terminated, &[ReportTransportError]),
        (Proceeding, TimerUnanswered) => (Terminated, &[CountUnanswered]),

        (Completed, Request) => (Completed, &[RepeatResponse]),
        (Completed, TransportError) => (Terminated, &[ReportTransportError]),
        (Completed, TimerJ) => (Terminated, &[]),

        (Trying | Proceeding | Completed | Terminated, _) => (state, &[]),
    }
}

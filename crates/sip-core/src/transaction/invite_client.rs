//! The INVITE client transaction, RFC 3261 §17.1.1 as changed by RFC 6026 §7.2.
//!
//! ```text
//!                         | INVITE from core
//!      Timer A            v send INVITE
//!      send INVITE  +-----------+  Timer B or transport error
//!          +--------|  Calling  |-----------------------------+
//!          +------->|           |-- 2xx: to core ----+        |
//!                   +-----------+                    |        |
//!   300-699             |     | 1xx                  |        |
//!   ACK, to core        |     | to core              |        |
//!      +----------------+     v                      |        |
//!      |            +------------+  1xx: to core     |        |
//!      |            | Proceeding |<--+               |        |
//!      |  300-699   |            |---+               |        |
//!      |  ACK,      |            |-- 2xx: to core -->+        |
//!      |  to core   +------------+                   |        |
//!      |<-------------+     | no final after CANCEL  |        |
//!      v                    +------------------------|------->|
//!  +-----------+  300-699: ACK                       v        |
//!  | Completed |<--+                          +----------+    |
//!  |           |---+            2xx: to core  | Accepted |    |
//!  +-----------+                     +--------|          |    |
//!      | Timer D, transport error    +------->+----------+    |
//!      |                                        | Timer M     |
//!      |            +------------+              |             |
//!      +----------->| Terminated |<-------------+<------------+
//!                   +------------+
//! ```

use serde::{Deserialize, Serialize};

use super::effect::ClientEffect::{self, *};
use super::timer::Timer::{A, B, Cancelled, D, M};

/// The states of RFC 3261 figure 5 and RFC 6026 §7.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Calling,
    Proceeding,
    Completed,
    Accepted,
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A response 100-199.
    Provisional,
    /// A response 200-299.
    Success,
    /// A response 300-699.
    Failure,
    /// The core wants the INVITE cancelled.
    Cancel,
    TimerA,
    TimerB,
    TimerD,
    TimerM,
    /// 64*T1 after the CANCEL.
    TimerCancelled,
    TransportError,
}

/// Where it begins.
pub(crate) const START: (State, &[ClientEffect]) = (State::Calling, &[SendRequest, Start(A), Start(B)]);

/// The transition table.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ClientEffect]) {
    use Event::*;
    use State::*;
    match (state, event) {
        (Calling, TimerA) => (Calling, &[SendRequest, Backoff(A)]),
        (Calling, TimerB) => (Terminated, &[ReportTimeout]),
        (Calling, TransportError) => (Terminated, &[ReportTransportError]),
        (Calling, Provisional) => (Proceeding, &[Stop(A), Stop(B), PassResponse]),
        (Calling, Success) => (Accepted, &[Stop(A), Stop(B), PassResponse, Start(M)]),
        (Calling, Failure) => (Completed, &[Stop(A), Stop(B), SendAck, PassResponse, Start(D)]),
        // §9.1: no CANCEL before a provisional response.
        (Calling, Cancel) => (Calling, &[HoldCancel]),

        (Proceeding, Provisional) => (Proceeding, &[PassResponse]),
        (Proceeding, Success) => (Accepted, &[Stop(Cancelled), PassResponse, Start(M)]),
        (Proceeding, Failure) => (Completed, &[Stop(Cancelled), SendAck, PassResponse, Start(D)]),
        (Proceeding, Cancel) => (Proceeding, &[SendCancel, Start(Cancelled)]),
        (Proceeding, TimerCancelled) => (Terminated, &[ReportTimeout]),

        (Completed, Failure) => (Completed, &[SendAck]),
        (Completed, TransportError) => (Terminated, &[ReportTransportError]),
        (Completed, TimerD) => (Terminated, &[]),

        // RFC 6026 §7.2: repeated and forked 2xx are the core's matter.
        (Accepted, Success) => (Accepted, &[PassResponse]),
        (Accepted, TimerM) => (Terminated, &[]),

        (Calling | Proceeding | Completed | Accepted | Terminated, _) => (state, &[]),
    }
}

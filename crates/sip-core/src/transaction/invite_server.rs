//! The INVITE server transaction, RFC 3261 §17.2.1 as changed by RFC 6026 §7.1.
//!
//! ```text
//!                         | INVITE
//!                         v to core, 100 unless it answers at once
//!  INVITE           +------------+  101-199 from core
//!  send response +--|            |--+ send response
//!                +->|            |<-+
//!                   | Proceeding |--+ transport error
//!                   |            |<-+ tell core
//!                   +------------+
//!     300-699 from core |    | 2xx from core
//!     send response     |    | send response
//!            +----------+    +-----------+
//!            v                           v
//!  INVITE, Timer G                    +----------+  INVITE: absorbed
//!  send response                      | Accepted |  ACK: to core
//!    +---+-----------+                |          |  2xx from core: send
//!    +-->| Completed |                +----------+  transport error: tell core
//!        |           |----------+        |
//!        +-----------+ ACK      |        |
//!            | Timer H          v        | Timer L
//!            | tell core  +-----------+  |
//!            |            | Confirmed |  |
//!            |            +-----------+  |
//!            |                | Timer I  |
//!            |                v          |
//!            |         +------------+    |
//!            +-------->| Terminated |<---+
//!                      +------------+
//! ```

use serde::{Deserialize, Serialize};

use super::effect::ServerEffect::{self, *};
use super::timer::Timer::{G, H, I, L};

/// The states of RFC 3261 figure 7 and RFC 6026 §7.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    Proceeding,
    Completed,
    Confirmed,
    Accepted,
    Terminated,
}

/// What can happen to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The request again.
    Invite,
    /// An ACK that matches.
    Ack,
    /// The core answers 101-199.
    Provisional,
    /// The core answers 200-299.
    Success,
    /// The core answers 300-699.
    Failure,
    TimerG,
    TimerH,
    TimerI,
    TimerL,
    TransportError,
}

/// Where it begins. The 100 goes out unless the core answers at once: it may take longer than 200 ms.
pub(crate) const START: (State, &[ServerEffect]) = (State::Proceeding, &[PassRequest, SendTrying]);

/// The transition table.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ServerEffect]) {
    use Event::*;
    use State::*;
    match (state, event) {
        (Proceeding, Invite) => (Proceeding, &[RepeatResponse]),
        (Proceeding, Provisional) => (Proceeding, &[SendResponse]),
        (Proceeding, Success) => (Accepted, &[SendResponse, Start(L)]),
        (Proceeding, Failure) => (Completed, &[SendResponse, Start(G), Start(H)]),
        (Proceeding, TransportError) => (Proceeding, &[ReportTransportError]),

        (Completed, Invite) => (Completed, &[RepeatResponse]),
        (Completed, TimerG) => (Completed, &[RepeatResponse, Backoff(G)]),
        (Completed, Ack) => (Confirmed, &[Stop(G), Stop(H), Start(I)]),
        (Completed, TimerH) => (Terminated, &[ReportAckMissing]),
        (Completed, TransportError) => (Completed, &[ReportTransportError]),

        (Confirmed, TimerI) => (Terminated, &[]),

        // RFC 6026 §7.1: the INVITE is absorbed, the core repeats its 2xx itself (RFC 3261 §13.3.1.4).
        (Accepted, Ack) => (Accepted, &[PassAck]),
        (Accepted, Success) => (Accepted, &[SendResponse]),
        (Accepted, TransportError) => (Accepted, &[ReportTransportError]),
        (Accepted, TimerL) => (Terminated, &[]),

        (Proceeding | Completed | Confirmed | Accepted | Terminated, _) => (state, &[]),
    }
}

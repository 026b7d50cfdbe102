//! The non-INVITE client transaction, RFC 3261 §17.1.2.
//!
//! ```text
//!                      | request from core
//!      Timer E         v send request
//!      send request +---------+  Timer F or transport error: tell core
//!          +--------| Trying  |------------------------------------+
//!          +------->|         |                                    |
//!                   +---------+                                    |
//!    200-699            |   | 1xx                                  |
//!    to core            |   | to core                              |
//!      +----------------+   v                                      |
//!      |            +------------+  Timer F or transport error     |
//!      |            | Proceeding |-------------------------------->|
//!      |            |            |--+ Timer E: send request        |
//!      |            |            |<-+ 1xx: to core                 |
//!      |            +------------+                                 |
//!      |                | 200-699                                  |
//!      |                v to core                                  |
//!      |            +-----------+                                  |
//!      +----------->| Completed | responses: absorbed              |
//!                   +-----------+                                  |
//!                       | Timer K                                  |
//!                       v                                          |
//!                   +------------+                                 |
//!                   | Terminated |<--------------------------------+
//!                   +------------+
//! ```

use serde::{Deserialize, Serialize};

use super::effect::ClientEffect::{self, *};
use super::timer::Timer::{E, F, K};

/// The states of RFC 3261 figure 6.
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
    /// A response 100-199.
    Provisional,
    /// A response 200-699.
    Final,
    TimerE,
    TimerF,
    TimerK,
    TransportError,
}

/// Where it begins.
pub(crate) const START: (State, &[ClientEffect]) = (State::Trying, &[SendRequest, Start(E), Start(F)]);

/// The transition table.
pub(crate) fn step(state: State, event: Event) -> (State, &'static [ClientEffect]) {
    use Event::*;
    use State::*;
    match (state, event) {
        (Trying, TimerE) => (Trying, &[SendRequest, Backoff(E)]),
        (Trying, TimerF) => (Terminated, &[ReportTimeout]),
        (Trying, TransportError) => (Terminated, &[ReportTransportError]),
        (Trying, Provisional) => (Proceeding, &[PassResponse]),
        (Trying, Final) => (Completed, &[Stop(E), Stop(F), PassResponse, Start(K)]),

        // §17.1.2.2: once the server has spoken, T2 is the interval.
        (Proceeding, TimerE) => (Proceeding, &[SendRequest, StartSlow(E)]),
        (Proceeding, TimerF) => (Terminated, &[ReportTimeout]),
        (Proceeding, TransportError) => (Terminated, &[ReportTransportError]),
        (Proceeding, Provisional) => (Proceeding, &[PassResponse]),
        (Proceeding, Final) => (Completed, &[Stop(E), Stop(F), PassResponse, Start(K)]),

        (Completed, TimerK) => (Terminated, &[]),

        (Trying | Proceeding | Completed | Terminated, _) => (state, &[]),
    }
}

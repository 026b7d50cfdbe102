//! What a loop can be asked about itself: how full its tables are and what it turned away.

use serde::{Deserialize, Serialize};
use sip_core::EndpointCounters;

use super::Control;
use super::registrar::Registrar;
use crate::registrar::RefusalCounters;

/// Counters of one loop since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Calls that were given a cell.
    pub calls: u64,
    /// Calls that were answered.
    pub answered: u64,
    /// INVITEs refused before a call was made of them: caller's matter (4xx).
    pub refused: u64,
    /// INVITEs turned away with 503: draining, overload, too many calls, no ports.
    pub turned_away: u64,
    /// Cells that panicked.
    pub panics: u64,
    /// Answers and facts that came for a cell or step that is gone.
    pub stale_inputs: u64,
    /// Final responses to INVITEs that were never acknowledged (RFC 3261 §13.3.1.4 and Timer H).
    pub acks_missing: u64,
}

/// How full a loop's tables are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Calls that are up or ending.
    pub calls: usize,
    /// Cells that are no calls: activeflows without a call, bridges.
    pub other_cells: usize,
    /// Those of them that have nothing to finish: bridges in which nobody is and whose conference's time runs.
    pub empty_bridges: usize,
    /// Server transactions.
    pub server_transactions: usize,
    /// Client transactions.
    pub client_transactions: usize,
    /// Armed timers of transactions.
    pub transaction_timers: usize,
    /// Armed timers of cells.
    pub cell_timers: usize,
    /// Streams leased to calls.
    pub streams: usize,
    /// Streams of panicked calls that are still being closed.
    pub orphan_streams: usize,
    /// Recordings of panicked calls and bridges whose end has not been reported yet.
    pub orphan_recordings: usize,
    /// Leased port pairs at hand and in no call.
    pub port_stock: usize,
    /// Bridges that were entered or made by hand and have not ended, whether somebody is in them or not.
    pub bridges: usize,
    /// Places where phones are registered.
    pub registrations: usize,
    /// Answers that wait for the store, or because their source guesses passwords.
    pub registrar_answers: usize,
}

/// What a loop has done as registrar, and about those who would not say who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RegistrarNumbers {
    /// REGISTERs that were answered by 200.
    pub accepted: u64,
    /// REGISTERs that were answered by 500 because their bindings could not be stored.
    pub not_saved: u64,
    /// REGISTERs and calls that were refused or asked, by reason.
    pub refusals: RefusalCounters,
    /// Answers that were kept back because their source guesses.
    pub delayed: u64,
    /// Networks that guess, as far as they are remembered.
    pub guessing_networks: usize,
}

impl Gauges {
    /// What has an end of its own: calls, flows without a call, bridges with somebody in them.
    pub fn work(&self) -> usize {
        (self.calls + self.other_cells).saturating_sub(self.empty_bridges)
    }

    /// Whether nothing is going on: what must be true 40 s after the last traffic. Ports at hand, open
    /// conferences and bridges, and registered phones may stay.
    pub fn is_idle(&self) -> bool {
        Gauges { port_stock: 0, bridges: 0, registrations: 0, ..*self } == Gauges::default()
    }
}

impl Control {
    /// What the transaction layer counted.
    pub fn endpoint_counters(&self) -> EndpointCounters {
        *self.endpoint.counters()
    }

    /// Counters since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How full the tables are right now.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            calls: self.calls,
            other_cells: self.cells.len() - self.calls,
            empty_bridges: self.empty_bridges.len(),
            server_transactions: self.endpoint.server_len(),
            client_transactions: self.endpoint.client_len(),
            transaction_timers: self.endpoint.timer_len(),
            cell_timers: self.deadlines.len(),
            streams: self.by_stream.len(),
            orphan_streams: self.orphans.len(),
            orphan_recordings: self.orphan_recordings.len(),
            port_stock: self.ports.len(),
            bridges: self.bridges.len(),
            registrations: self.registrar.registrations(),
            registrar_answers: self.registrar.held.len(),
        }
    }

    /// What it has done as registrar.
    pub fn registrar_numbers(&self) -> RegistrarNumbers {
        let Registrar { authenticator, accepted, not_saved, .. } = &self.registrar;
        RegistrarNumbers {
            accepted: *accepted,
            not_saved: *not_saved,
            refusals: authenticator.counters,
            delayed: authenticator.guard.delayed,
            guessing_networks: authenticator.guard.len(),
        }
    }
}

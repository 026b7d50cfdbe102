//! One control loop: it owns its endpoint (transactions), its cells, and the indexes that find a cell. It only routes.

mod admission;
mod bindings;
mod bridges;
mod caller;
mod cells;
mod ended;
mod ended_flows;
mod gauges;
mod held;
mod mail;
mod outside_dialog;
mod persist;
mod registrar;
mod requests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use base::{CellId, LoopId, Now, Random, RecordingId, StreamId, TimerTable};
use media_core::PortLease;
use model::{Confbridge, Recording};
use serde::{Deserialize, Serialize};
use sip_core::digest::ServerKey;
use sip_core::{DialogId, Endpoint, EndpointConfig, EndpointEvent, Message, Method, Output, ServerTransactionId};
use uuid::Uuid;

pub use gauges::{Counters, Gauges, RegistrarNumbers};
pub use persist::{FORMAT_VERSION, TakeUpError};

use self::admission::Pace;
use self::ended::EndedCalls;
use self::ended_flows::EndedFlows;
use self::registrar::Registrar;
use crate::cell::Cell;
use crate::context::CellInput;
use crate::input::Admission;
use crate::message::Envelope;
use crate::ports::PortInventory;
use crate::{Effect, Input, Snapshot};

/// One control loop as a deterministic function of its inputs.
///
/// After each [`Control::handle`] the effects are to be carried out in order, and [`Control::next_deadline`] says when
/// [`Input::Timeout`] is due. The whole state can be written down and taken up again between any two inputs.
#[derive(Debug, Serialize, Deserialize)]
pub struct Control {
    owner: LoopId,
    random: Random,
    snapshot: Snapshot,
    admission: Admission,
    pace: Pace,
    endpoint: Endpoint,
    ports: PortInventory,
    cells: BTreeMap<CellId, Cell>,
    next_cell: u64,
    /// Cells that are calls.
    calls: usize,
    /// When which cell wants [`CellInput::Timeout`].
    deadlines: TimerTable<CellId>,
    by_dialog: BTreeMap<DialogId, CellId>,
    by_invite: BTreeMap<ServerTransactionId, CellId>,
    by_stream: BTreeMap<StreamId, CellId>,
    by_call: BTreeMap<Uuid, CellId>,
    /// Calls of this loop that are gone.
    ended: EndedCalls,
    ended_flows: EndedFlows,
    by_activeflow: BTreeMap<Uuid, CellId>,
    by_bridge: BTreeMap<Uuid, CellId>,
    /// Bridges in which nobody is: they wait for their conference's time to be up.
    empty_bridges: BTreeSet<CellId>,
    /// Bridges that users know of, as they were when they began. Each has a conference, was made by hand, or has somebody in it.
    bridges: BTreeMap<Uuid, Confbridge>,
    registrar: Registrar,
    /// Letters between cells of this loop that are not delivered yet: none between two inputs.
    mail: VecDeque<Envelope>,
    /// Streams of cells that panicked: closed, and their last event not yet seen.
    orphans: BTreeSet<StreamId>,
    /// Recordings of cells that panicked, whose end has not been reported yet.
    orphan_recordings: BTreeMap<RecordingId, Recording>,
    counters: Counters,
}

impl Control {
    /// A loop without calls. `seed` decides every tag, branch, SSRC and id that it will ever make.
    pub fn new(owner: LoopId, seed: [u8; 32], endpoint: EndpointConfig) -> Control {
        let mut random = Random::from_seed(seed);
        let mut endpoint_seed = [0; 32];
        endpoint_seed[..16].copy_from_slice(&random.bytes16());
        endpoint_seed[16..].copy_from_slice(&random.bytes16());
        let mut nonce_key = [0; 32];
        nonce_key[..16].copy_from_slice(&random.bytes16());
        nonce_key[16..].copy_from_slice(&random.bytes16());
        Control {
            owner,
            random,
            snapshot: Snapshot::default(),
            admission: Admission::Open,
            pace: Pace::default(),
            endpoint: Endpoint::new(owner, Random::from_seed(endpoint_seed), endpoint),
            ports: PortInventory::default(),
            cells: BTreeMap::new(),
            next_cell: 0,
            calls: 0,
            deadlines: TimerTable::new(),
            by_dialog: BTreeMap::new(),
            by_invite: BTreeMap::new(),
            by_stream: BTreeMap::new(),
            by_call: BTreeMap::new(),
            ended: EndedCalls::default(),
            ended_flows: EndedFlows::default(),
            by_activeflow: BTreeMap::new(),
            by_bridge: BTreeMap::new(),
            empty_bridges: BTreeSet::new(),
            bridges: BTreeMap::new(),
            registrar: Registrar::new(ServerKey::new(nonce_key), owner),
            mail: VecDeque::new(),
            orphans: BTreeSet::new(),
            orphan_recordings: BTreeMap::new(),
            counters: Counters::default(),
        }
    }

    /// The leased ports of the calls that are up.
    pub fn streams(&self) -> impl Iterator<Item = PortLease> + '_ {
        self.cells.values().filter_map(|cell| cell.call().map(|call| call.lease()))
    }

    /// The loop's own id.
    pub fn owner(&self) -> LoopId {
        self.owner
    }

    /// Whether this is a CANCEL of nothing that the loop has been given so far: it would be answered by 481. Its INVITE may have been
    /// overtaken by it.
    pub fn is_early_cancel(&self, input: &Input) -> bool {
        match input {
            Input::Sip { message, .. } => {
                message.is_request() && message.method() == &Method::Cancel && !self.endpoint.finds_cancelled(message)
            }
            _ => false,
        }
    }

    /// When [`Input::Timeout`] is due: monotonic nanoseconds.
    pub fn next_deadline(&self) -> Option<u64> {
        let deadlines = [self.endpoint.next_deadline(), self.deadlines.next_deadline(), self.registrar.next_deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Takes one input and appends what is to be done about it.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Snapshot(snapshot) => {
                self.replace_snapshot(now, *snapshot, effects);
                self.end_bridges_that_are_gone(now, effects);
                self.watch_conferences(now, effects);
                self.ask_for_ports(effects);
            }
            Input::Changed(resource) => self.changed(now, *resource, effects),
            Input::Sip { message, hop } => {
                self.endpoint.handle_message(now, message, hop);
            }
            Input::Undelivered(request) => self.endpoint.handle_unsent(now, &request),
            Input::Media(event) => self.media(now, event, effects),
            Input::Ports { ipv6, leases } => self.ports.refill(ipv6, leases),
            Input::Sound { cell, step, outcome } => {
                self.deliver(now, cell, CellInput::Sound { step, outcome }, effects)
            }
            Input::Http { cell, step, outcome } => {
                self.deliver(now, cell, CellInput::Http { step, outcome }, effects);
            }
            Input::WebhookFailed { cell, activeflow_id, step, action_id, reason } => {
                let input = CellInput::WebhookFailed { activeflow_id, step, action_id, reason };
                self.deliver(now, cell, input, effects);
            }
            Input::Recording { source, recording, fact } => self.recording(now, source, recording, fact, effects),
            Input::Message(letter) => self.mail.push_back(letter),
            Input::Request { token, request } => self.request(now, token, &request, effects),
            Input::Bindings(bindings) => self.restore_bindings(now, bindings, effects),
            Input::Saved { token, saved } => self.saved(now, token, saved, effects),
            Input::ConnectionClosed(hop) => self.connection_closed(now, &hop, effects),
            Input::Admission(admission) => self.admission = admission,
            Input::HangUpAll => {
                for cell in self.cells.keys().copied().collect::<Vec<_>>() {
                    self.deliver(now, cell, CellInput::HangUpNow, effects);
                }
            }
            Input::Timeout => {
                self.endpoint.handle_timeout(now);
                while let Some(cell) = self.deadlines.pop_expired(now.mono_ns) {
                    self.deliver(now, cell, CellInput::Timeout, effects);
                }
                self.registrar_timeout(now, effects);
            }
            Input::InjectPanic(stream) => {
                if let Some(cell) = self.by_stream.get(&stream).and_then(|cell| self.cells.get_mut(cell)) {
                    cell.panic_next = true;
                }
            }
            Input::InjectPanicIntoBridge(id) => {
                if let Some(cell) = self.by_bridge.get(&id).and_then(|cell| self.cells.get_mut(cell)) {
                    cell.panic_next = true;
                }
            }
            Input::InjectPanicIntoRegistrar => self.registrar.panic_next = true,
        }
        self.drain_endpoint(now, effects);
        while self.deliver_mail(now, effects) {
            self.drain_endpoint(now, effects);
        }
    }

    /// Carries out what the endpoint has to say until it has nothing more to say.
    fn drain_endpoint(&mut self, now: Now, effects: &mut Vec<Effect>) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Transmit { hop, message } => effects.push(Effect::Transmit { hop, message }),
                Output::Event(event) => self.endpoint_event(now, event, effects),
            }
        }
    }

    fn endpoint_event(&mut self, now: Now, event: EndpointEvent, effects: &mut Vec<Effect>) {
        match event {
            EndpointEvent::Request { transaction, request, hop } => match self.cell_of_dialog(&request) {
                Some(cell) => self.deliver(now, cell, CellInput::Request { transaction, request, hop }, effects),
                None => self.outside_dialog(now, transaction, request, hop, effects),
            },
            EndpointEvent::Ack { request, hop } => {
                if let Some(cell) = self.cell_of_dialog(&request) {
                    self.deliver(now, cell, CellInput::Ack { request, hop }, effects);
                }
            }
            EndpointEvent::Cancel { invite, .. } => {
                if let Some(cell) = self.by_invite.get(&invite).copied() {
                    self.deliver(now, cell, CellInput::Cancel, effects);
                }
            }
            EndpointEvent::Response { owner, response, .. } => {
                self.deliver(now, CellId::from_u64(owner), CellInput::Response { response }, effects);
            }
            EndpointEvent::RequestTimeout { owner, .. } | EndpointEvent::RequestUnsent { owner, .. } => {
                self.deliver(now, CellId::from_u64(owner), CellInput::RequestFailed, effects);
            }
            // A response that cannot be sent is as good as lost: its repetition is what helps.
            EndpointEvent::ResponseUnsent { .. } => {}
            // The final response was sent and repeated; nobody is left to tell.
            EndpointEvent::AckMissing { .. } => self.counters.acks_missing += 1,
        }
    }

    fn media(&mut self, now: Now, event: media_core::Event, effects: &mut Vec<Effect>) {
        let stream = event.stream();
        let is_last = matches!(event, media_core::Event::Closed { .. });
        let cell = self.by_stream.get(&stream).copied();
        if let Some(cell) = cell {
            self.deliver(now, cell, CellInput::Media(event), effects);
        }
        // Also when the cell has just panicked over its stream's last event.
        let was_orphan = is_last && self.orphans.remove(&stream);
        if cell.is_none() && !was_orphan {
            self.counters.stale_inputs += 1;
        }
    }

    /// The cell whose dialog a request belongs to (RFC 3261 §12.2.2).
    fn cell_of_dialog(&self, request: &Message) -> Option<CellId> {
        self.by_dialog.get(&DialogId::of_request(request)?).copied()
    }

    fn ask_for_ports(&mut self, effects: &mut Vec<Effect>) {
        let settings = &self.snapshot.settings;
        for (ipv6, target) in [(false, settings.port_stock), (true, settings.port_stock_ipv6)] {
            if let Some(count) = self.ports.wanted(ipv6, target) {
                effects.push(Effect::WantPorts { ipv6, count });
            }
        }
    }
}

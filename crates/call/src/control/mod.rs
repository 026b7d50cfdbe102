//! One control loop: it owns its endpoint (transactions), its cells, and the indexes that find a cell. It only routes.

mod admission;
mod gauges;
mod outside_dialog;
mod persist;

use std::collections::{BTreeMap, BTreeSet};

use base::{CellId, LoopId, Now, Random, StreamId, TimerTable};
use bytes::Bytes;
use media_core::PortLease;
use serde::{Deserialize, Serialize};
use sip_core::{DialogId, Endpoint, EndpointConfig, EndpointEvent, Message, Output, ServerTransactionId};

pub use gauges::{Counters, Gauges};
pub use persist::{FORMAT_VERSION, TakeUpError};

use self::admission::Pace;
use crate::cell::{Cell, Panicked};
use crate::context::{Act, CellInput, Context};
use crate::input::Admission;
use crate::ports::PortInventory;
use crate::{CrashReport, Effect, Input, Note, NoteKind, Snapshot};

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
    /// When which cell wants [`CellInput::Timeout`].
    deadlines: TimerTable<CellId>,
    by_dialog: BTreeMap<DialogId, CellId>,
    by_invite: BTreeMap<ServerTransactionId, CellId>,
    by_stream: BTreeMap<StreamId, CellId>,
    /// Streams of cells that panicked: closed, and their last event not yet seen.
    orphans: BTreeSet<StreamId>,
    counters: Counters,
}

impl Control {
    /// A loop without calls. `seed` decides every tag, branch, SSRC and id that it will ever make.
    pub fn new(owner: LoopId, seed: [u8; 32], endpoint: EndpointConfig) -> Control {
        let mut random = Random::from_seed(seed);
        let mut endpoint_seed = [0; 32];
        endpoint_seed[..16].copy_from_slice(&random.bytes16());
        endpoint_seed[16..].copy_from_slice(&random.bytes16());
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
            deadlines: TimerTable::new(),
            by_dialog: BTreeMap::new(),
            by_invite: BTreeMap::new(),
            by_stream: BTreeMap::new(),
            orphans: BTreeSet::new(),
            counters: Counters::default(),
        }
    }

    /// The leased ports of the calls that are up.
    pub fn streams(&self) -> impl Iterator<Item = PortLease> + '_ {
        self.cells.values().map(|cell| cell.call.lease())
    }

    /// The loop's own id.
    pub fn owner(&self) -> LoopId {
        self.owner
    }

    /// When [`Input::Timeout`] is due: monotonic nanoseconds.
    pub fn next_deadline(&self) -> Option<u64> {
        [self.endpoint.next_deadline(), self.deadlines.next_deadline()].into_iter().flatten().min()
    }

    /// Takes one input and appends what is to be done about it.
    pub fn handle(&mut self, now: Now, input: Input, effects: &mut Vec<Effect>) {
        match input {
            Input::Snapshot(snapshot) => {
                self.snapshot = *snapshot;
                self.ask_for_ports(effects);
            }
            Input::Sip { message, hop } => {
                self.endpoint.handle_message(now, message, hop);
            }
            Input::Media(event) => self.media(now, event, effects),
            Input::Ports { ipv6, leases } => self.ports.refill(ipv6, leases),
            Input::Sound { cell, step, outcome } => {
                self.deliver(now, cell, CellInput::Sound { step, outcome }, effects)
            }
            Input::Admission(admission) => self.admission = admission,
            Input::HangUpAll => {
                for cell in self.cells.keys().copied().collect::<Vec<_>>() {
                    self.deliver(now, cell, CellInput::HangUp, effects);
                }
            }
            Input::Timeout => {
                self.endpoint.handle_timeout(now);
                while let Some(cell) = self.deadlines.pop_expired(now.mono_ns) {
                    self.deliver(now, cell, CellInput::Timeout, effects);
                }
            }
            Input::InjectPanic(stream) => {
                if let Some(cell) = self.by_stream.get(&stream).and_then(|cell| self.cells.get_mut(cell)) {
                    cell.panic_next = true;
                }
            }
        }
        self.drain_endpoint(now, effects);
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
            EndpointEvent::Ack { request, .. } => {
                if let Some(cell) = self.cell_of_dialog(&request) {
                    self.deliver(now, cell, CellInput::Ack { request }, effects);
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

    /// Runs a cell's handler and, when it returns, carries out what it decided.
    fn deliver(&mut self, now: Now, id: CellId, input: CellInput, effects: &mut Vec<Effect>) {
        let Some(cell) = self.cells.get_mut(&id) else {
            self.counters.stale_inputs += 1;
            return;
        };
        let mut acts = Vec::new();
        let call_id = cell.call.id();
        let context = Context { now, snapshot: &self.snapshot, random: &mut self.random, acts: &mut acts, call_id };
        match cell.handle(context, input) {
            Ok(()) => {
                self.carry_out(now, id, acts, effects);
                self.after_handler(id);
            }
            Err(panicked) => self.cell_panicked(now, id, panicked, effects),
        }
    }

    fn carry_out(&mut self, now: Now, id: CellId, acts: Vec<Act>, effects: &mut Vec<Effect>) {
        for act in acts {
            match act {
                Act::Respond(transaction, response) => self.endpoint.respond(now, transaction, response),
                Act::Request(request, hop) => {
                    self.endpoint.request(now, request, hop, id.to_u64());
                }
                Act::Media(command) => effects.push(Effect::Media(command)),
                Act::ReturnPorts(lease) => {
                    self.by_stream.remove(&lease.stream);
                    self.ports.put_back(lease);
                }
                Act::Effect(effect) => {
                    self.counters.answered += u64::from(effect.is_answer());
                    effects.push(effect);
                }
                Act::CountStale => self.counters.stale_inputs += 1,
                Act::Will(will) => {
                    if let Some(cell) = self.cells.get_mut(&id) {
                        cell.will = *will;
                    }
                }
            }
        }
    }

    /// Keeps the loop's tables in step with the cell: its next deadline, or its end.
    fn after_handler(&mut self, id: CellId) {
        let Some(cell) = self.cells.get(&id) else { return };
        if cell.call.is_over() {
            let cell = self.cells.remove(&id).expect("it was just found");
            self.forget(id, &cell);
            return;
        }
        match cell.call.next_deadline() {
            Some(deadline_ns) if self.deadlines.deadline(&id) == Some(deadline_ns) => {}
            Some(deadline_ns) => self.deadlines.set(id, deadline_ns),
            None => {
                self.deadlines.stop(&id);
            }
        }
    }

    fn forget(&mut self, id: CellId, cell: &Cell) {
        self.deadlines.stop(&id);
        self.by_dialog.remove(cell.call.dialog().id());
        self.by_invite.remove(&cell.call.invite_transaction());
        // Ports that were given back early may belong to another call by now.
        let stream = cell.call.stream();
        if self.by_stream.get(&stream) == Some(&id) {
            self.by_stream.remove(&stream);
        }
    }

    /// One call's failure ends that call, and nothing else.
    fn cell_panicked(&mut self, now: Now, id: CellId, panicked: Panicked, effects: &mut Vec<Effect>) {
        let mut cell = self.cells.remove(&id).expect("a handler that ran has its cell");
        self.forget(id, &cell);
        self.counters.panics += 1;
        let local_tag = &cell.call.dialog().id().local_tag;
        cell.will.execute(now, &mut self.endpoint, local_tag, id.to_u64());
        if let Some((lease, in_service)) = cell.will.ports.take() {
            if in_service {
                self.orphans.insert(lease.stream);
                effects.push(Effect::Media(media_core::Command::Close { stream: lease.stream }));
            } else {
                self.ports.put_back(lease);
            }
        }
        let inputs = rmp_serde::to_vec_named(&cell.recent).map(Bytes::from).unwrap_or_default();
        let call_id = cell.call.id();
        let message = panicked.0;
        let kind = NoteKind::CellPanicked { message: message.clone() };
        effects.push(Effect::Note(Note { at_us: now.wall_us, call_id, kind }));
        effects.push(Effect::KeepCrash(Box::new(CrashReport { cell: id, call_id, message, inputs })));
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

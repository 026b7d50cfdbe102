//! The handle that scenarios hold: it makes numbers and phones, and looks at the server's books.

use std::cell::{Ref, RefCell, RefMut};
use std::rc::Rc;
use std::sync::Arc;

use base::{LoopId, MS, RecordingId, StreamId};
use call::{Admission, Gauges, Input, NoteKind};
use media_core::Command;
use serde_json::Value;

use crate::Phone;
use crate::world::WorldState;

/// An id that is easily known again.
pub fn uuid(number: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(number)
}

/// A World.
pub struct World {
    state: Rc<RefCell<WorldState>>,
}

impl World {
    pub(crate) fn new(state: WorldState) -> World {
        let world = World { state: Rc::new(RefCell::new(state)) };
        {
            let mut state = world.state.borrow_mut();
            state.snapshot.settings.open_networks = vec!["127.0.0.0/8".parse().expect("a network")];
            state.snapshot.settings.port_stock = 64;
            state.snapshot.settings.loops = state.controls.len() as u8;
            state.publish();
        }
        world.passes_ms(10);
        world
    }

    pub(crate) fn state(&self) -> Ref<'_, WorldState> {
        self.state.borrow()
    }

    pub(crate) fn state_mut(&self) -> RefMut<'_, WorldState> {
        self.state.borrow_mut()
    }

    /// A phone with an address of its own.
    pub fn phone(&self, name: &str) -> Phone {
        let index = self.state.borrow_mut().add_phone(name);
        Phone { world: self.state.clone(), index }
    }

    /// Makes `number` dialable: it runs these actions.
    pub fn number(&self, number: &str, actions: Value) {
        let mut state = self.state.borrow_mut();
        let count = state.snapshot.numbers.len() as u128 + 1;
        let (flow, number) = crate::provision::flow_and_number(count, number, actions);
        state.snapshot.flows.insert(flow.id, flow);
        state.snapshot.numbers.insert(number.number.clone(), number);
        state.publish();
    }

    /// Makes `number` dialable: it runs these actions, and `then` when they have ended (spec/flow.md §6).
    pub fn number_with_on_complete(&self, number: &str, actions: Value, then: Value) {
        self.number("on-complete", then);
        self.number(number, actions);
        let mut state = self.state.borrow_mut();
        let then = state.snapshot.numbers["on-complete"].call_flow_id;
        let first = state.snapshot.numbers[number].call_flow_id;
        state.snapshot.flows.get_mut(&first).expect("it was made").on_complete_flow_id = then;
        state.publish();
    }

    /// Changes settings for calls to come.
    pub fn settings(&self, change: impl FnOnce(&mut call::Settings)) {
        let mut state = self.state.borrow_mut();
        change(&mut state.snapshot.settings);
        state.publish();
    }

    /// Lets time pass.
    pub fn passes_ms(&self, ms: u64) {
        let mut state = self.state.borrow_mut();
        let limit_ns = state.now.mono_ns + ms * MS;
        while state.step(limit_ns) {}
    }

    /// Milliseconds since the scenario began.
    pub fn elapsed_ms(&self) -> u64 {
        self.state().elapsed_ns() / MS
    }

    /// Opens or closes admission in every loop.
    pub fn admission(&self, admission: Admission) {
        self.to_all(|| Input::Admission(admission));
    }

    /// The operator hangs up every call.
    pub fn hangs_up_all(&self) {
        self.to_all(|| Input::HangUpAll);
    }

    /// Nothing is heard of the media workers any more.
    pub fn loses_the_workers(&self) {
        self.state.borrow_mut().facts_are_lost = true;
    }

    /// The next input of the handler of the phone's call panics.
    pub fn injects_panic_into(&self, phone: &Phone) {
        for stream in self.streams_of(phone) {
            let loops = self.state.borrow().controls.len();
            for owner in 0..loops {
                self.state.borrow_mut().input(owner, Input::InjectPanic(stream));
            }
        }
    }

    /// The streams of the phone's call.
    fn streams_of(&self, phone: &Phone) -> Vec<StreamId> {
        let state = self.state.borrow();
        let rtp = state.phones[phone.index].rtp.remote.expect("the phone has a stream");
        let leases = state.controls.iter().flat_map(|control| control.streams());
        leases.filter(|lease| lease.rtp_port == rtp.port()).map(|lease| lease.stream).collect()
    }

    /// Records the phone's call past control, with these limits (0: none); for what belongs to the media alone.
    pub fn records(&self, phone: &Phone, file_stem: &str, end_of_silence_ms: u32, duration_ms: u64) {
        for stream in self.streams_of(phone) {
            let state = &mut *self.state.borrow_mut();
            let recording = RecordingId(stream.slot.into());
            let file_stem = file_stem.to_owned();
            let source = stream.into();
            let command = Command::StartRecording { source, recording, file_stem, end_of_silence_ms, duration_ms };
            state.media.apply(state.now.mono_ns, LoopId(0), command);
        }
    }

    pub(crate) fn to_all(&self, input: impl Fn() -> Input) {
        let mut state = self.state.borrow_mut();
        for owner in 0..state.controls.len() {
            state.input(owner, input());
        }
    }

    /// Makes a conference. `change` may set more than its name.
    pub fn conference(&self, name: &str, change: impl FnOnce(&mut model::Conference)) -> uuid::Uuid {
        let mut state = self.state.borrow_mut();
        let count = state.snapshot.conferences.len() as u128 + 1;
        let id = uuid::Uuid::from_u128(0xc000 + count);
        let mut conference = model::Conference {
            id,
            name: name.to_owned(),
            confbridge_id: uuid::Uuid::from_u128(0xb000 + count),
            tm_create: Some(model::Timestamp::from_us(state.now.wall_us)),
            ..model::Conference::default()
        };
        change(&mut conference);
        state.snapshot.conferences.insert(id, conference);
        state.publish();
        id
    }

    /// Makes a bridge by hand, as the API does: it is on record, and all loops are told. `change` may set more than its id.
    pub fn confbridge(&self, id: uuid::Uuid, change: impl FnOnce(&mut model::Confbridge)) -> uuid::Uuid {
        let tm_create = Some(model::Timestamp::from_us(self.state.borrow().now.wall_us));
        let mut confbridge = model::Confbridge { id, tm_create, ..model::Confbridge::default() };
        change(&mut confbridge);
        self.changes(&model::Resource::Confbridge(Arc::new(confbridge)));
        id
    }

    /// A conference as it was made.
    pub fn conference_of(&self, id: uuid::Uuid) -> model::Conference {
        self.state.borrow().snapshot.conferences[&id].clone()
    }

    /// Does what the server does about a conference that has changed by itself: it is kept, and all loops are told.
    pub fn keeps_conference(&self, id: uuid::Uuid) -> model::Conference {
        let found = |entry: &model::LogEntry| match &entry.body {
            model::LogBody::Event { resource: model::Resource::Conference(found), .. } if found.id == id => {
                Some(model::Conference::clone(found))
            }
            _ => None,
        };
        let newest = self.state.borrow().log.iter().rev().find_map(found).expect("it has changed");
        self.state.borrow_mut().snapshot.conferences.insert(id, newest.clone());
        self.changes(&model::Resource::Conference(Arc::new(newest.clone())));
        newest
    }

    /// A reload whose files have no such conferences any more.
    pub fn reloads_without_conferences(&self, ids: &[uuid::Uuid]) {
        let mut state = self.state.borrow_mut();
        state.snapshot.conferences.retain(|id, _| !ids.contains(id));
        state.publish();
    }

    /// A flow that no number leads to; its id.
    pub fn flow(&self, name: &str, actions: Value) -> uuid::Uuid {
        let mut state = self.state.borrow_mut();
        let count = 0x100 + state.snapshot.flows.len() as u128;
        let (flow, _) = crate::provision::flow_and_number(count, name, actions);
        let id = flow.id;
        state.snapshot.flows.insert(id, flow);
        state.publish();
        id
    }

    /// Runs one flow when another has ended (spec/flow.md §6).
    pub fn completes_with(&self, flow_id: uuid::Uuid, then: uuid::Uuid) {
        let mut state = self.state.borrow_mut();
        state.snapshot.flows.get_mut(&flow_id).expect("it was made").on_complete_flow_id = then;
        state.publish();
    }

    /// Gives a flow other actions.
    pub fn edits_flow(&self, flow_id: uuid::Uuid, actions: Value) {
        let mut state = self.state.borrow_mut();
        let (edited, _) = crate::provision::flow_and_number(0xff, "edited", actions);
        state.snapshot.flows.get_mut(&flow_id).expect("it was made").actions = edited.actions;
        state.publish();
    }

    /// Gives a flow another owner.
    pub fn owns_flow(&self, flow_id: uuid::Uuid, customer_id: uuid::Uuid) {
        let mut state = self.state.borrow_mut();
        state.snapshot.flows.get_mut(&flow_id).expect("it was made").customer_id = customer_id;
        state.publish();
    }

    /// What answers under a URL.
    pub fn page(&self, url: &str, status: u16, body: &str) {
        self.state.borrow_mut().web.pages.insert(url.to_owned(), (status, body.to_owned()));
    }

    /// The bodies of all requests to a URL.
    pub fn asked(&self, url: &str) -> Vec<String> {
        let state = self.state.borrow();
        state.web.requests.iter().filter(|request| request.url == url).map(|request| request.body.clone()).collect()
    }

    /// All events so far: name and data.
    pub fn events(&self) -> Vec<(String, Value)> {
        let state = self.state.borrow();
        let events = state.log.iter().filter_map(model::LogEntry::to_event);
        events.map(|event| (event["type"].as_str().unwrap_or_default().to_owned(), event["data"].clone())).collect()
    }

    /// How often an event of this name was published.
    pub fn published(&self, name: &str) -> usize {
        self.events().iter().filter(|(found, _)| found == name).count()
    }

    /// The newest data of an event of this name.
    pub fn last(&self, name: &str) -> Value {
        let events = self.events();
        events.into_iter().rev().find(|(found, _)| found == name).map(|(_, data)| data).unwrap_or_default()
    }

    /// Every status that whoever asked for a recording could have seen so far, in order, of all recordings.
    pub fn recording_statuses(&self) -> Vec<String> {
        let state = self.state.borrow();
        let recordings = state.log.iter().filter_map(|entry| match entry.body.resource() {
            Some(model::Resource::Recording(recording)) => Some(recording),
            _ => None,
        });
        let status = |status: &model::RecordingStatus| serde_json::to_value(status).unwrap_or_default();
        recordings.map(|recording| status(&recording.status).as_str().unwrap_or_default().to_owned()).collect()
    }

    /// The id in the newest data of an event of this name.
    pub fn id_of(&self, name: &str) -> uuid::Uuid {
        let data = self.last(name);
        let id = data["id"].as_str().and_then(|id| id.parse().ok());
        id.unwrap_or_else(|| panic!("no {name} with an id: {data}"))
    }

    /// The names of the events so far that begin with one of these words, in order.
    pub fn event_names(&self, words: &[&str]) -> Vec<String> {
        let names = self.events().into_iter().map(|(name, _)| name);
        names.filter(|name| words.iter().any(|word| name.starts_with(word))).collect()
    }

    /// Asks something of all loops, as the API does; the answers that are of use.
    pub fn wishes(&self, request: &call::Request) -> Vec<call::Reply> {
        self.state.borrow_mut().replies.clear();
        self.to_all(|| Input::Request { token: 1, request: request.clone() });
        let state = self.state.borrow();
        let replies = state.replies.iter().map(|(_, reply)| reply.clone());
        replies.filter(|reply| *reply != call::Reply::NotHere).collect()
    }

    /// Tells all loops of a changed resource.
    pub fn changes(&self, resource: &model::Resource) {
        self.to_all(|| Input::Changed(Box::new(resource.clone())));
    }

    /// The next input of the handler of this conference's bridge panics.
    pub fn injects_panic_into_conference(&self, conference_id: uuid::Uuid) {
        let confbridge_id = self.state.borrow().snapshot.conferences[&conference_id].confbridge_id;
        self.injects_panic_into_bridge(confbridge_id);
    }

    /// The same of any bridge.
    pub fn injects_panic_into_bridge(&self, confbridge_id: uuid::Uuid) {
        self.to_all(|| Input::InjectPanicIntoBridge(confbridge_id));
    }

    /// Crash reports so far: the panics' own words.
    pub fn crashes(&self) -> Vec<String> {
        self.state.borrow().crashes.iter().map(|report| report.message.clone()).collect()
    }

    /// Whether a note like this was written.
    pub fn noted(&self, wanted: impl Fn(&NoteKind) -> bool) -> bool {
        self.state.borrow().has_note(wanted)
    }

    /// How many sounds were asked for and not wanted any more before they came.
    pub fn sounds_forgotten(&self) -> usize {
        self.state.borrow().sounds_forgotten
    }

    /// Which actions failed so far, and why, as the timeline has it.
    pub fn failures(&self) -> Vec<(String, String)> {
        let state = self.state.borrow();
        let failed = state.notes.iter().filter_map(|note| match &note.kind {
            NoteKind::Flow(entry) if entry.what == flow::What::Failed => Some(entry),
            _ => None,
        });
        failed.map(|entry| (entry.action_type.clone(), entry.reason.clone())).collect()
    }

    /// Whether an activeflow ended with these words in the timeline.
    pub fn ended_because(&self, words: &str) -> bool {
        self.noted(
            |note| matches!(note, NoteKind::Flow(entry) if entry.what.as_str() == "ended" && entry.reason == words),
        )
    }

    /// The gauges of all loops.
    pub fn gauges(&self) -> Vec<Gauges> {
        self.state.borrow().controls.iter().map(|control| control.gauges()).collect()
    }

    /// After 40 s of quiet every table is empty (design section 4), and each port is where it belongs.
    pub fn is_empty_after_40_s(&self) {
        self.passes_ms(40_000);
        for gauges in self.gauges() {
            assert!(gauges.is_idle(), "something is left after 40 s: {gauges:?}");
        }
        let in_stock: usize = self.gauges().iter().map(|gauges| gauges.port_stock).sum();
        assert_eq!(self.state.borrow().media.leased(), in_stock, "port pairs that are leased, and those in stock");
    }

    /// What stands in the files of the recording with this stem so far.
    pub fn recorded(&self, file_stem: &str) -> Option<crate::Recorded> {
        self.state.borrow().media.recordings.recorded(file_stem).cloned()
    }

    /// The stems of all recordings that were ever started.
    pub fn recording_stems(&self) -> Vec<String> {
        self.state.borrow().media.recordings.stems().map(str::to_owned).collect()
    }

    /// A line of the test's own in the ladder.
    pub fn says(&self, what: &str) {
        self.state.borrow_mut().line(&format!("-- {what}"));
    }
}

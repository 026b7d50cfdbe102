//! One case: a loop, its edge, its drivers and its callers; and what must hold after every input.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use base::{LoopId, MS, Now, SECOND};
use bytes::Bytes;
use call::{Admission, Control, Effect, Gauges, HttpJob, Input, NoteKind, Reply, SoundOutcome};
use model::{Binding, Resource, Timestamp};
use sip_core::{EndpointConfig, Hop, Message};
use sip_transport::{Edge, Pushed};
use uuid::Uuid;

use crate::accounts::USERS;
use crate::cases::{self, Dice};
use crate::far_end::FarEnd;
use crate::flows::{MAX_CALLS, MAX_CONTACTS, MAX_MOVES, extension, snapshot};
use crate::media::Media;

/// Transactions of the loop.
const MAX_TRANSACTIONS: usize = 24;
/// Effects of one thing that happens to one call: each cursor move may say a few things, and a call a few more.
const EFFECTS_MAX: usize = 4 * MAX_MOVES as usize + 16;
/// 64*T1 of RFC 3261 §17, and 40 s.
const SILENCE_NS: u64 = 32 * SECOND + 40 * SECOND;
/// Longest call where nobody hangs up: ends early enough for its BYE to be given up in time.
const SHORT_CALL_MS: u64 = 5_000;

/// What the inputs led to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: u64,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) turned_away: u64,
    pub(crate) ended: u64,
    pub(crate) closed: u64,
    pub(crate) acks_missing: u64,
    pub(crate) transactions_refused: u64,
    pub(crate) stale: u64,
    pub(crate) registered: u64,
    pub(crate) not_saved: u64,
    pub(crate) asked: u64,
    pub(crate) wrong_passwords: u64,
    pub(crate) joined: u64,
    pub(crate) recorded: u64,
    pub(crate) fetched: u64,
    pub(crate) hung_up: u64,
    pub(crate) sent_out: u64,
}

impl Seen {
    pub(crate) fn add(&mut self, other: &Seen) {
        self.calls += other.calls;
        self.answered += other.answered;
        self.refused += other.refused;
        self.turned_away += other.turned_away;
        self.ended += other.ended;
        self.closed += other.closed;
        self.acks_missing += other.acks_missing;
        self.transactions_refused += other.transactions_refused;
        self.stale += other.stale;
        self.registered += other.registered;
        self.not_saved += other.not_saved;
        self.asked += other.asked;
        self.wrong_passwords += other.wrong_passwords;
        self.joined += other.joined;
        self.recorded += other.recorded;
        self.fetched += other.fetched;
        self.hung_up += other.hung_up;
        self.sent_out += other.sent_out;
    }
}

pub(crate) struct Trial {
    now: Now,
    edge: Edge,
    control: Control,
    media: Media,
    far_end: FarEnd,
    /// Longest call, ms; 0 where the trial ends with [`Input::HangUpAll`].
    max_call_duration_ms: u64,
    /// Bindings as they were to be stored; none at first.
    stored: Vec<Vec<Binding>>,
    /// The newest id of each kind that events told of.
    ids: BTreeMap<String, Uuid>,
    inputs: u64,
    ended: u64,
    /// What is counted here and not in the loop.
    seen: Seen,
    /// The steps so far, in short.
    story: String,
}

impl Trial {
    pub(crate) fn new(dice: &mut Dice) -> Trial {
        let config = EndpointConfig { max_transactions: MAX_TRANSACTIONS, ..EndpointConfig::default() };
        let mut trial = Trial {
            now: Now { mono_ns: dice.next() >> 8, wall_us: 1_800_000_000_000_000 },
            edge: Edge::new(1, 5),
            control: Control::new(LoopId(0), [dice.next() as u8; 32], config),
            media: Media::default(),
            far_end: FarEnd::default(),
            max_call_duration_ms: if dice.one_in(2) { SHORT_CALL_MS } else { 0 },
            stored: vec![Vec::new()],
            ids: BTreeMap::new(),
            inputs: 0,
            ended: 0,
            seen: Seen::default(),
            story: String::new(),
        };
        let first = snapshot(dice, 1, trial.max_call_duration_ms);
        trial.input(dice, Input::Snapshot(Box::new(first)));
        trial
    }

    pub(crate) fn seen(&self) -> Seen {
        let (counters, endpoint) = (self.control.counters(), self.control.endpoint_counters());
        let registrar = self.control.registrar_numbers();
        Seen {
            calls: counters.calls,
            answered: counters.answered,
            refused: counters.refused,
            turned_away: counters.turned_away,
            ended: self.ended,
            closed: self.media.closed,
            acks_missing: counters.acks_missing,
            transactions_refused: endpoint.refused_full,
            stale: counters.stale_inputs,
            registered: registrar.accepted,
            not_saved: registrar.not_saved,
            asked: registrar.refusals.asked,
            wrong_passwords: registrar.refusals.wrong_password,
            ..self.seen
        }
    }

    /// Something happens.
    pub(crate) fn step(&mut self, dice: &mut Dice) {
        match dice.below(24) {
            0..=5 if !self.media.owed.is_empty() => self.driver_answers(dice),
            0..=2 => {
                let fact = self.media.fact(dice);
                self.input(dice, fact);
            }
            3 => {
                let cell = base::CellId::from_u64(dice.below(40) as u64);
                let outcome = SoundOutcome { sound: None, skipped: Vec::new() };
                let step = dice.below(5) as u64;
                self.input(dice, Input::Sound { cell, step, outcome });
            }
            4 => {
                let ms = dice.below(100) as u64;
                self.pass(dice, ms);
            }
            5 | 6 => {
                let most = if dice.one_in(6) { 120_000 } else { 2_000 };
                let ms = dice.below(most) as u64;
                self.pass(dice, ms);
            }
            7 if dice.one_in(4) => {
                let to = *dice.pick(&[Admission::Open, Admission::Open, Admission::Draining, Admission::Overloaded]);
                self.input(dice, Input::Admission(to));
            }
            8 if dice.one_in(10) => {
                let next = snapshot(dice, self.inputs, self.max_call_duration_ms);
                self.input(dice, Input::Snapshot(Box::new(next)));
            }
            8 if dice.one_in(4) => {
                let bindings = dice.pick(&self.stored).clone();
                self.input(dice, Input::Bindings(bindings));
            }
            9 if dice.one_in(8) => {
                let (_, hop) = self.far_end.says(dice);
                self.input(dice, Input::ConnectionClosed(hop));
            }
            10 if dice.one_in(8) => {
                let user = USERS[dice.below(USERS.len())];
                let mut extension = extension(dice.below(2) as u128, user, "realm");
                extension.tm_delete = dice.one_in(2).then(|| Timestamp::from_us(self.now.wall_us));
                self.input(dice, Input::Changed(Box::new(Resource::Extension(Arc::new(extension)))));
            }
            11 if dice.one_in(2) => {
                let request = crate::flows::wish(dice, &self.ids);
                self.input(dice, Input::Request { token: self.inputs, request });
            }
            12 if dice.one_in(12) => {
                let conference = crate::flows::changed_conference(dice, self.now);
                self.input(dice, Input::Changed(Box::new(Resource::Conference(Arc::new(conference)))));
            }
            13 if dice.one_in(8) => {
                let bridge = crate::flows::made_by_hand(dice, self.now);
                self.input(dice, Input::Changed(Box::new(Resource::Confbridge(Arc::new(bridge)))));
            }
            9 if dice.one_in(30) => self.input(dice, Input::HangUpAll),
            _ => {
                let (datagram, hop) = self.far_end.says(dice);
                self.datagram(dice, datagram, hop);
            }
        }
    }

    /// The callers say nothing more. After 64*T1 and 40 s there must be nothing left of them.
    pub(crate) fn falls_silent(&mut self, dice: &mut Dice) {
        if self.max_call_duration_ms == 0 {
            self.input(dice, Input::HangUpAll);
        }
        let until_ns = self.now.mono_ns + SILENCE_NS;
        while let Some(due_ns) = self.control.next_deadline().filter(|due_ns| *due_ns <= until_ns) {
            while !self.media.owed.is_empty() {
                self.driver_answers(dice);
            }
            self.now = self.now.plus_ns(due_ns.saturating_sub(self.now.mono_ns));
            self.input(dice, Input::Timeout);
        }
        while !self.media.owed.is_empty() {
            self.driver_answers(dice);
        }
        let gauges = self.control.gauges();
        assert!(gauges.is_idle(), "something is left behind: {gauges:?}, next {:?}", self.control.next_deadline());
        assert_eq!(self.control.next_deadline(), None, "nothing is going on, but a timer is armed");
        assert_eq!(
            (self.media.open_len(), self.media.in_stock(), self.media.recorded()),
            (0, gauges.port_stock, 0),
            "streams open, pairs in stock, recordings that nobody ended"
        );
    }

    /// A driver's answer comes, in any order; the last event of a stream may get lost with its worker.
    fn driver_answers(&mut self, dice: &mut Dice) {
        let index = dice.below(self.media.owed.len());
        let answer = self.media.owed.swap_remove(index);
        if matches!(answer, Input::Media(_) | Input::Sound { .. } | Input::Saved { .. }) && dice.one_in(40) {
            self.tell(|| "a driver's answer is lost".to_owned());
            return;
        }
        self.input(dice, answer);
    }

    /// Time goes on; sometimes the loop is late and gets all that is due at once.
    fn pass(&mut self, dice: &mut Dice, ms: u64) {
        let until_ns = self.now.mono_ns + ms * MS;
        if !dice.one_in(3) {
            while let Some(due_ns) = self.control.next_deadline().filter(|due_ns| *due_ns <= until_ns) {
                self.now = self.now.plus_ns(due_ns.saturating_sub(self.now.mono_ns));
                self.input(dice, Input::Timeout);
            }
        }
        self.now = self.now.plus_ns(until_ns - self.now.mono_ns);
        self.input(dice, Input::Timeout);
    }

    fn datagram(&mut self, dice: &mut Dice, datagram: Bytes, hop: Hop) {
        self.tell(|| format!("{hop}\r\n{}", String::from_utf8_lossy(&datagram)));
        let length = datagram.len();
        let (arrived, answers) = (RefCell::new(None), RefCell::new(0));
        let full = dice.one_in(15);
        self.edge.receive(
            datagram,
            hop,
            |owner, _, message, hop| {
                assert_eq!(owner, LoopId(0));
                if full {
                    return Pushed::Full(message);
                }
                *arrived.borrow_mut() = Some((message, hop));
                Pushed::Taken
            },
            |to, bytes| {
                *answers.borrow_mut() += 1;
                check_stateless(to, bytes, length);
            },
        );
        assert!(*answers.borrow() <= 1, "one datagram, several answers");
        if let Some((message, hop)) = arrived.into_inner() {
            self.input(dice, Input::Sip { message, hop });
        }
    }

    /// Gives one input to the loop and looks at everything that must hold.
    fn input(&mut self, dice: &mut Dice, input: Input) {
        self.tell(|| match &input {
            Input::Sip { .. } => String::new(),
            Input::Snapshot(snapshot) => format!("snapshot {}", snapshot.number),
            other => format!("{other:?}"),
        });
        self.inputs += 1;
        let before = self.control.gauges();
        let wholesale = matches!(input, Input::Timeout | Input::HangUpAll);
        let timeout = matches!(input, Input::Timeout);
        let mut restored = self.inputs.is_multiple_of(16).then(|| {
            let written = self.control.write_down();
            let copy = Control::take_up(&written).expect("what was written can be taken up");
            assert!(copy.write_down() == written, "the state changes by being written down and taken up");
            (copy, input.clone())
        });
        let mut effects = Vec::new();
        self.control.handle(self.now, input, &mut effects);
        if let Some((copy, input)) = &mut restored {
            let mut again = Vec::new();
            copy.handle(self.now, input.clone(), &mut again);
            let written = |effects: &[Effect]| rmp_serde::to_vec_named(effects).unwrap();
            assert!(written(&effects) == written(&again), "restored state acts differently:\n{effects:?}\n{again:?}");
            assert!(copy.write_down() == self.control.write_down(), "restored state goes another way");
        }
        if let Some((copy, _)) = restored {
            self.control = copy;
        }
        for effect in &effects {
            if let Effect::KeepCrash(report) = effect {
                panic!("a handler panicked: {}", report.message);
            }
        }
        let happens = if wholesale { 1 + before.calls + before.transaction_timers } else { 1 };
        assert!(effects.len() <= EFFECTS_MAX * happens, "{} effects of one input, {before:?}", effects.len());
        self.check_tables();
        if timeout {
            let next_ns = self.control.next_deadline();
            assert!(next_ns.is_none_or(|next_ns| next_ns > self.now.mono_ns), "the driver would spin");
        }
        for effect in effects {
            self.carry_out(dice, effect);
        }
    }

    fn check_tables(&self) {
        let Gauges {
            calls,
            other_cells,
            empty_bridges,
            server_transactions,
            client_transactions,
            transaction_timers,
            streams,
            cell_timers,
            registrations,
            registrar_answers,
            ..
        } = self.control.gauges();
        assert!(
            calls <= MAX_CALLS as usize && streams <= calls && cell_timers <= calls + other_cells,
            "{calls} calls, {other_cells} other cells, {streams} streams"
        );
        assert!(empty_bridges <= other_cells, "{empty_bridges} empty bridges of {other_cells} other cells");
        assert_eq!(self.control.counters().panics, 0, "a panic was caught and counted");
        let within_dialogs = MAX_TRANSACTIONS + MAX_TRANSACTIONS / 4;
        let ours = client_transactions;
        assert!(registrations <= MAX_CONTACTS * USERS.len(), "{registrations} registrations");
        assert!(registrar_answers <= server_transactions, "{registrar_answers} answers are kept back");
        assert!(server_transactions <= within_dialogs, "{server_transactions} server transactions");
        // One BYE of each call that is up or was: none of them outlives its Timer F.
        assert!(ours as u64 <= self.control.counters().calls, "{ours} client transactions");
        assert!(transaction_timers <= 4 * (server_transactions + ours), "{transaction_timers} timers");
    }

    fn carry_out(&mut self, dice: &mut Dice, effect: Effect) {
        match effect {
            Effect::Transmit { hop, message } => {
                let message = check_sent(&hop, &message);
                self.far_end.hears(message, hop);
            }
            Effect::Media(command) => self.media.command(command),
            Effect::WantPorts { ipv6, count } => self.media.lease(ipv6, count),
            Effect::PrepareSound { cell, step, urls } => self.media.sound(dice, cell, step, &urls),
            Effect::PrepareSpeech { cell, step, speech } => self.media.sound(dice, cell, step, &[speech.text]),
            // It may come all the same.
            Effect::ForgetSound { .. } => {}
            // Sometimes nobody answers: whoever waits is ended by its caller or its longest duration.
            Effect::Http(job) => {
                if job.wait && !dice.one_in(4) {
                    let outcome = crate::flows::answer(dice);
                    self.seen.fetched += 1;
                    self.media.owed.push(Input::Http { cell: job.cell, step: job.step, outcome });
                } else if !job.wait {
                    let HttpJob { cell, step, activeflow_id, request, .. } = job;
                    let (action_id, reason) = (request.action_id, "nobody answers".to_owned());
                    self.media.owed.push(Input::WebhookFailed { cell, activeflow_id, step, action_id, reason });
                }
            }
            Effect::Log(entry) => {
                let event = entry.to_event().unwrap_or_default();
                match event["type"].as_str() {
                    Some("conferencecall_joined") => self.seen.joined += 1,
                    Some("recording_finished") => self.seen.recorded += 1,
                    _ => {}
                }
                let id = event["data"]["id"].as_str().and_then(|id| id.parse::<Uuid>().ok());
                let kind = event["type"].as_str().and_then(|name| name.split('_').next()).unwrap_or_default();
                self.ids.extend(id.map(|id| (kind.to_owned(), id)));
            }
            Effect::Reply { reply, .. } => match reply {
                Reply::Call(_) => self.seen.hung_up += 1,
                Reply::Conferencecall(_) => self.seen.sent_out += 1,
                _ => {}
            },
            Effect::SaveBindings { token, bindings, .. } => {
                let saved = !dice.one_in(5);
                self.media.owed.push(Input::Saved { token, saved });
                self.stored.push(bindings);
                let surplus = self.stored.len().saturating_sub(4);
                drop(self.stored.drain(..surplus));
            }
            Effect::Send(_) => unreachable!("there is one loop"),
            Effect::Note(note) => self.ended += u64::from(matches!(note.kind, NoteKind::CallEnded { .. })),
            Effect::KeepCrash(_) => unreachable!("looked for before"),
        }
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        let line = what();
        if !line.is_empty() {
            self.story.push_str(&format!("\n@{} ms: {line}", self.now.mono_ns / MS));
            let surplus = self.story.len().saturating_sub(20_000);
            let from = (surplus..self.story.len()).find(|at| self.story.is_char_boundary(*at)).unwrap_or_default();
            drop(self.story.drain(..from));
            cases::show(self.story.as_bytes());
        }
    }
}

/// A stateless answer says what it is about in the words of what arrived, broken as they may be; it must not be a way to
/// make much of little.
fn check_stateless(hop: &Hop, bytes: &[u8], length: usize) {
    assert!(!hop.remote.ip().is_unspecified() && !hop.local.ip().is_unspecified(), "sends to {hop}");
    assert!(
        bytes == b"\r\n" || bytes.starts_with(b"SIP/2.0 4") || bytes.starts_with(b"SIP/2.0 50"),
        "{}",
        bytes.escape_ascii()
    );
    assert!(bytes.len() <= 65_507 && bytes.len() <= length + 300, "{length} octets are answered by {}", bytes.len());
}

/// What we send can be read, by ourselves at least, and an answer goes somewhere.
fn check_sent(hop: &Hop, bytes: &[u8]) -> Message {
    assert!(bytes.len() <= 65_507, "{} octets fit into no datagram", bytes.len());
    let message = Message::parse_datagram(Bytes::copy_from_slice(bytes))
        .unwrap_or_else(|error| panic!("sends what it cannot read: {error}\n{}", bytes.escape_ascii()));
    let lost = hop.remote.ip().is_unspecified() || hop.local.ip().is_unspecified();
    assert!(!lost, "answers to {hop}");
    message
}

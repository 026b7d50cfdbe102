//! A flow as a dialogue: events go in, effects come out as words. After polls the machine is written down and restored,
//! so that each dialogue also shows that nothing is forgotten.
#![allow(dead_code, clippy::unwrap_used, reason = "each test file uses its part, and a test may fail")]

use base::{Now, Random};
use flow::{
    CallView, Effect, Event, HttpOutcome, HttpRequest, Machine, NewActiveflow, RecordingOptions, Reference,
    ReferenceType, What, read_actions,
};
use model::{Address, AddressType, Call, CallStatus, CallType, Direction, HangupBy, HangupReason, Speech};
use serde_json::Value;
use uuid::Uuid;

pub(crate) const CALL_ID: Uuid = Uuid::from_u128(0xca11);
pub(crate) const ACTIVEFLOW_ID: Uuid = Uuid::from_u128(0xaf);

/// An incoming call that rings.
pub(crate) fn ringing_call() -> Call {
    Call {
        id: CALL_ID,
        customer_id: Uuid::from_u128(0xc0),
        flow_id: Uuid::from_u128(0xf1),
        activeflow_id: ACTIVEFLOW_ID,
        kind: CallType::Flow,
        master_call_id: Uuid::nil(),
        chained_call_ids: Vec::new(),
        owner_type: String::new(),
        owner_id: Uuid::nil(),
        recording_id: Uuid::nil(),
        recording_ids: Vec::new(),
        groupcall_id: Uuid::nil(),
        confbridge_id: Uuid::nil(),
        mute_direction: String::new(),
        metadata: serde_json::Map::new(),
        source: Address::new(AddressType::Tel, "+821100000001", "Ann"),
        destination: Address::new(AddressType::Tel, "+821100000002", "Desk"),
        status: CallStatus::Ringing,
        direction: Direction::Incoming,
        hangup_by: HangupBy::None,
        hangup_reason: HangupReason::None,
        tm_ringing: None,
        tm_progressing: None,
        tm_hangup: None,
        tm_create: None,
        tm_update: None,
        tm_delete: None,
    }
}

pub(crate) struct Dialogue {
    pub(crate) machine: Machine,
    pub(crate) call: Option<Call>,
    pub(crate) now: Now,
    /// Ids of the actions that became current and ran; skipped ones in parentheses.
    pub(crate) walked: Vec<String>,
    pub(crate) polls: usize,
    pub(crate) updates: usize,
    /// What was spoken, recorded and asked for last.
    pub(crate) speech: Speech,
    pub(crate) recording: RecordingOptions,
    pub(crate) request: Option<HttpRequest>,
    /// Whether the machine is written down and restored after polls.
    pub(crate) restores: bool,
    /// Why the call does not record, if it does not.
    pub(crate) cannot_record: Option<String>,
}

impl Dialogue {
    pub(crate) fn new(actions: Value, call: Option<Call>, change: impl FnOnce(&mut NewActiveflow)) -> Dialogue {
        let now = Now { mono_ns: 1_000_000_000, wall_us: 1_795_262_400_000_000 };
        let actions = read_actions(actions, &mut Random::from_seed([4; 32])).unwrap();
        let kind = if call.is_some() { ReferenceType::Call } else { ReferenceType::Api };
        let id = call.as_ref().map_or(Uuid::nil(), |call| call.id);
        let mut new = NewActiveflow {
            id: ACTIVEFLOW_ID,
            actions: actions.into(),
            reference: Reference { kind, id },
            ..Default::default()
        };
        change(&mut new);
        let view = call.as_ref().map_or(CallView::none(), CallView::of);
        let machine = Machine::new(now, new, &view);
        Dialogue::with(machine, call, now)
    }

    /// A machine that was made elsewhere.
    pub(crate) fn with(machine: Machine, call: Option<Call>, now: Now) -> Dialogue {
        Dialogue {
            machine,
            call,
            now,
            walked: Vec::new(),
            polls: 0,
            updates: 0,
            speech: Speech::default(),
            recording: RecordingOptions::default(),
            request: None,
            restores: true,
            cannot_record: None,
        }
    }

    /// A flow that an incoming call runs.
    pub(crate) fn of_call(actions: Value) -> Dialogue {
        Dialogue::new(actions, Some(ringing_call()), |_| {})
    }

    /// A flow that an API request started.
    pub(crate) fn of_api(actions: Value) -> Dialogue {
        Dialogue::new(actions, None, |_| {})
    }

    pub(crate) fn start(&mut self) -> String {
        self.event(Event::Start)
    }

    /// Gives one event and returns the effects as words; `updated`, starts and jumps are left out.
    pub(crate) fn event(&mut self, event: Event) -> String {
        let view = self.call.as_ref().map_or(CallView::none(), CallView::of);
        self.machine.handle(self.now, event, &view);
        self.drain()
    }

    pub(crate) fn drain(&mut self) -> String {
        let mut words = Vec::new();
        loop {
            self.polls += 1;
            self.now = self.now.plus_ns(1_000);
            let view = self.call.as_ref().map_or(CallView::none(), CallView::of);
            let effect = self.machine.poll(self.now, &view);
            // Each of the first, then a sample: some dialogues are long.
            if self.restores && (self.polls <= 200 || self.polls.is_multiple_of(97)) {
                self.forget_and_restore();
            }
            let Some(effect) = effect else { break };
            words.extend(self.carry_out(effect));
        }
        words.join(" | ")
    }

    /// The call does at once what it is told.
    fn carry_out(&mut self, effect: Effect) -> Option<String> {
        Some(match effect {
            Effect::Answer => {
                self.call.as_mut().unwrap().status = CallStatus::Progressing;
                "answer".into()
            }
            Effect::Play { step, urls } => format!("play#{step} {}", urls.join(",")),
            Effect::Beep { step } => format!("beep#{step}"),
            Effect::Talk { step, speech, barge_in, wait } => {
                self.speech = speech.clone();
                format!(
                    "talk#{step} {}{}{}",
                    speech.text,
                    if barge_in { " (barge-in)" } else { "" },
                    if wait { "" } else { " (async)" }
                )
            }
            Effect::StartRecording { step, options } => {
                self.recording = options;
                if let Some(reason) = self.cannot_record.clone() {
                    self.machine.note_failed(step, reason);
                } else {
                    let id = ("voipbin.recording.id".to_owned(), format!("recording-{step}"));
                    self.machine.set_variables([id]);
                }
                format!("record#{step}")
            }
            Effect::StopRecording => "stop_recording".into(),
            Effect::JoinConfbridge { step, confbridge_id } => format!("bridge#{step} {}", confbridge_id.as_u128()),
            Effect::LeaveBridge => "leave_bridge".into(),
            Effect::JoinConference { step, conference_id } => {
                format!("conference#{step} {}", conference_id.as_u128())
            }
            Effect::FetchFlow { step, flow_id } => format!("flow#{step} {}", flow_id.as_u128()),
            Effect::Http { step, request, wait } => {
                let words = format!(
                    "http#{step} {:?} {} {}{}",
                    request.purpose,
                    request.method,
                    request.url,
                    if wait { "" } else { " (async)" }
                );
                self.request = Some(request);
                words
            }
            Effect::StopPlayback => "stop_playback".into(),
            Effect::Echo { mode } => format!("echo {mode:?}"),
            Effect::SendDigits { step, digits, duration_ms, interval_ms } => {
                format!("send#{step} {digits} {duration_ms} {interval_ms}")
            }
            Effect::Timer { step, after_ms } => format!("timer#{step} {after_ms}"),
            Effect::Hangup { reason, reference_id } => {
                self.call.as_mut().unwrap().status = CallStatus::Terminating;
                let reference = reference_id.map_or(String::new(), |id| format!(" as {}", id.as_u128()));
                format!("hangup {}{reference}", reason.as_str())
            }
            Effect::Updated => {
                self.updates += 1;
                return None;
            }
            Effect::Timeline(entry) => match entry.what {
                What::Started => {
                    self.walked.push(entry.action_id);
                    return None;
                }
                What::Skipped => {
                    self.walked.push(format!("({})", entry.action_id));
                    return None;
                }
                What::Jumped => return None,
                What::Ended | What::EndedByFailure => format!("ended: {}", entry.reason),
                what => format!("{} {}: {}", what.as_str(), entry.action_type, entry.reason),
            },
            Effect::Ended { hang_up, on_complete_flow_id, .. } => {
                let hang_up = if hang_up { " hang_up" } else { "" };
                let then = on_complete_flow_id.map_or(String::new(), |id| format!(" then {}", id.as_u128()));
                format!("end{hang_up}{then}")
            }
        })
    }

    fn forget_and_restore(&mut self) {
        let named = rmp_serde::to_vec_named(&self.machine).unwrap();
        assert_eq!(rmp_serde::from_slice::<Machine>(&named).unwrap(), self.machine);
        let json = serde_json::to_string(&self.machine).unwrap();
        assert_eq!(serde_json::from_str::<Machine>(&json).unwrap(), self.machine);
        let compact = rmp_serde::to_vec(&self.machine).unwrap();
        self.machine = rmp_serde::from_slice(&compact).unwrap();
    }

    pub(crate) fn timer(&mut self) -> String {
        let step = self.machine.execute_count();
        self.event(Event::Timer { step })
    }

    pub(crate) fn played(&mut self) -> String {
        let step = self.machine.execute_count();
        self.event(Event::PlaybackEnded { step })
    }

    /// The request of the current step is answered.
    pub(crate) fn answer(&mut self, status: u16, body: &str) -> String {
        let step = self.machine.execute_count();
        let error = if status == 0 { "no route".to_owned() } else { String::new() };
        self.event(Event::HttpAnswered { step, outcome: HttpOutcome { status, body: body.into(), error } })
    }

    /// The flow of the current `fetch_flow` is found.
    pub(crate) fn found(&mut self, actions: Value) -> String {
        let step = self.machine.execute_count();
        let actions = read_actions(actions, &mut Random::from_seed([6; 32])).unwrap();
        self.event(Event::FlowFound { step, actions: actions.into() })
    }

    pub(crate) fn press(&mut self, keys: &str) -> String {
        let said: Vec<_> = keys.chars().map(|digit| self.event(Event::Digit { digit, duration_ms: 100 })).collect();
        said.into_iter().filter(|words| !words.is_empty()).collect::<Vec<_>>().join(" | ")
    }

    pub(crate) fn hang_up_by_peer(&mut self) -> String {
        self.call.as_mut().unwrap().status = CallStatus::Hangup;
        self.event(Event::CallGone)
    }

    pub(crate) fn walked(&self) -> String {
        self.walked.join(" ")
    }

    pub(crate) fn variable(&self, name: &str) -> &str {
        self.machine.variables().get(name).unwrap_or("<unset>")
    }

    pub(crate) fn digits(&self) -> &str {
        self.variable("voipbin.call.digits")
    }

    pub(crate) fn executed(&self) -> Vec<String> {
        let shown = serde_json::to_value(self.machine.to_activeflow()).unwrap();
        shown["executed_actions"].as_array().unwrap().iter().map(|a| a["id"].as_str().unwrap().to_owned()).collect()
    }
}

//! One incoming call: its record, its SIP leg, its stream and its flow. It only routes between them.

mod conference;
mod ending;
mod leg;
mod media;
mod program;
mod publish;
mod recording;
mod relay;
mod sound;

use base::{CellId, Random, StreamId, TimerTable};
use flow::{ActiveflowStatus, CallView, Event as FlowEvent, Machine, NewActiveflow, StopReason};
use media_core::{Event as MediaEvent, PlaybackOutcome, PortLease};
use model::{
    Address, AddressType, Call as CallRecord, CallStatus, CallType, Direction, Flow, HangupBy, HangupReason, Resource,
    SipAnswer, Timestamp,
};
use sdp::{LocalMedia, Negotiation};
use serde::{Deserialize, Serialize};
use sip_core::{Dialog, Hop, Message, ServerTransactionId};
use uuid::Uuid;

use crate::context::{Act, CellInput, Context};
use crate::info_digits::InfoDigit;
use crate::message::id_of_loop;
use crate::will::Will;
use crate::{NoteKind, Settings};
use conference::Stays;
use ending::Over;
use leg::{Leg, LegEvent, Stage};
use media::LegMedia;
use program::Waiting;
use recording::Running;

/// A call from its INVITE until nothing more can come of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call {
    cell: CellId,
    record: CallRecord,
    leg: Leg,
    media: LegMedia,
    flow: Machine,
    waiting: Waiting,
    /// The recording that runs.
    recording: Option<Running>,
    /// Those before it whose files are still being completed.
    stopping: Vec<Running>,
    stays: Stays,
    /// Set when one side has ended it; the pieces may still have to say good-bye.
    over: Option<Over>,
    timers: TimerTable<CallTimer>,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum CallTimer {
    /// The leg: a response to repeat.
    Leg,
    /// The flow's timer.
    Flow,
    /// The moment that a sound has to be at hand before the caller is told that it rings.
    Ring,
    /// The longest wait for the beginning of a speech.
    Speech,
    /// The longest wait for how another call has ended.
    EndingOf,
    /// How long the caller waits for an answer, as it says itself (RFC 3261 §13.3.1).
    Expires,
    /// The call's longest duration (spec/media.md §2); then that of the flow that runs after it.
    Duration,
    /// The longest time for the pieces to say good-bye.
    Farewell,
}

/// What a call is made of.
pub(crate) struct NewCall<'a> {
    pub(crate) cell: CellId,
    pub(crate) transaction: ServerTransactionId,
    pub(crate) invite: Message,
    pub(crate) hop: Hop,
    pub(crate) dialog: Dialog,
    pub(crate) lease: PortLease,
    pub(crate) local: LocalMedia,
    /// The INVITE's offer, if it had one, is answered in it.
    pub(crate) negotiation: Negotiation,
    pub(crate) source: Address,
    pub(crate) destination: Address,
    pub(crate) flow: &'a Flow,
}

impl Call {
    pub(crate) fn new(new: NewCall<'_>, settings: &Settings, now: base::Now, random: &mut Random) -> Call {
        let created = Timestamp::from_us(now.wall_us);
        let record = CallRecord {
            id: id_of_loop(random, new.cell.owner(), settings.loops),
            customer_id: new.flow.customer_id,
            flow_id: new.flow.id,
            activeflow_id: model::random_id(random),
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
            source: new.source,
            destination: new.destination,
            status: CallStatus::Ringing,
            direction: Direction::Incoming,
            hangup_by: HangupBy::None,
            hangup_reason: HangupReason::None,
            tm_ringing: Some(created),
            tm_progressing: None,
            tm_hangup: None,
            tm_create: Some(created),
            tm_update: None,
            tm_delete: None,
        };
        let flow_settings = settings.flow();
        let flow = Machine::new(now, NewActiveflow::of_call(&record, new.flow, flow_settings), &CallView::of(&record));
        let mut timers = TimerTable::new();
        if settings.max_call_duration_ms > 0 {
            timers.set(CallTimer::Duration, now.after_ms(settings.max_call_duration_ms));
        }
        if let Ok(Some(seconds)) = new.invite.expires() {
            timers.set(CallTimer::Expires, now.after_ms(u64::from(seconds) * 1_000));
        }
        Call {
            cell: new.cell,
            record,
            media: LegMedia::new(new.lease, new.hop.local.ip(), random),
            leg: Leg::new(new.hop, new.dialog, new.transaction, new.invite, new.local, new.negotiation, random),
            flow,
            waiting: Waiting::default(),
            recording: None,
            stopping: Vec::new(),
            stays: Stays::default(),
            over: None,
            timers,
        }
    }

    pub(crate) fn id(&self) -> Uuid {
        self.record.id
    }

    pub(crate) fn dialog(&self) -> &Dialog {
        self.leg.dialog()
    }

    pub(crate) fn invite_transaction(&self) -> ServerTransactionId {
        self.leg.transaction()
    }

    pub(crate) fn lease(&self) -> PortLease {
        self.media.lease()
    }

    pub(crate) fn stream(&self) -> StreamId {
        self.media.lease().stream
    }

    /// The call as users see it.
    pub(crate) fn record(&self) -> &CallRecord {
        &self.record
    }

    /// The run of its flow.
    pub(crate) fn flow(&self) -> &Machine {
        &self.flow
    }

    /// Whether nothing more can come of this call.
    pub(crate) fn is_over(&self) -> bool {
        self.over.is_some_and(|over| over.is_complete())
            && self.flow.status() == ActiveflowStatus::Ended
            && self.open_recordings().next().is_none()
    }

    /// When [`CellInput::Timeout`] is due.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.timers.next_deadline()
    }

    /// Takes one input. What is to be done about it is written to `context`.
    pub(crate) fn handle(&mut self, context: &mut Context<'_>, input: CellInput) {
        match input {
            CellInput::Start => {
                // The event first: it is what makes the call known to who keeps the timeline.
                self.publish(context, "call_created");
                self.note_created(context);
                self.publish_activeflow(context, "activeflow_created");
                self.step_flow(context, FlowEvent::Start);
            }
            CellInput::Request { transaction, request, hop } => {
                let event = self.leg.receive(context, transaction, &request, hop);
                self.leg_event(context, event);
            }
            CellInput::Ack { request, hop } => {
                let event = self.leg.acknowledged(context, &request, hop);
                self.leg_event(context, event);
            }
            CellInput::Cancel => self.cancelled(context),
            CellInput::Response { response } => {
                if response.status().is_some_and(|status| status >= 200) {
                    self.leg.bye_is_over();
                }
            }
            CellInput::RequestFailed => {
                if self.leg.bye_is_over() {
                    context.note(NoteKind::ByeUnanswered);
                }
            }
            CellInput::Media(event) => self.media_event(context, event),
            CellInput::Sound { step, outcome } => self.sound_ready(context, step, outcome),
            CellInput::Http { step, outcome } => self.step_flow(context, FlowEvent::HttpAnswered { step, outcome }),
            CellInput::WebhookFailed { activeflow_id, step, action_id, reason } => {
                self.step_flow(context, FlowEvent::WebhookFailed { activeflow_id, step, action_id, reason });
            }
            CellInput::Recording { recording, fact } => self.recording_fact(context, recording, fact),
            CellInput::Message(message) => self.message(context, message),
            CellInput::Timeout => self.timeout(context),
            CellInput::HangUp => self.hang_up(context, HangupReason::Normal, SipAnswer::Asked),
            CellInput::StopFlow => self.step_flow(context, FlowEvent::Stop(StopReason::Request)),
            CellInput::HangUpNow => self.hang_up_now(context),
            CellInput::KickMember(_)
            | CellInput::KickCall(_)
            | CellInput::Conference(_)
            | CellInput::CloseBridge
            | CellInput::StartRecording(_)
            | CellInput::StopRecording => context.act(Act::CountStale),
        }
        self.begin_recording_beep(context);
        self.settle(context);
        self.arm_leg();
        self.renew_will(context);
    }

    fn note_created(&self, context: &mut Context<'_>) {
        context.note(NoteKind::CallCreated {
            source: match self.record.source.kind {
                AddressType::Extension => self.record.source.target_name.clone(),
                _ => self.record.source.target.clone(),
            },
            destination: self.record.destination.target.clone(),
            remote: self.leg.hop().remote,
            sip_call_id: self.leg.dialog().id().call_id.clone(),
            flow_id: self.record.flow_id,
        });
    }

    fn leg_event(&mut self, context: &mut Context<'_>, event: LegEvent) {
        match event {
            LegEvent::Nothing => {}
            LegEvent::Audio(audio) => {
                if self.over.is_none() {
                    self.media.open(context, &audio);
                }
            }
            LegEvent::Digit(InfoDigit { digit, duration_ms }) => {
                self.media.forward_key(context, digit, duration_ms);
                self.key_pressed(context, digit, duration_ms);
            }
            LegEvent::HungUp => self.hung_up_by_caller(context),
            LegEvent::Failed => self.session_failed(context),
        }
    }

    fn media_event(&mut self, context: &mut Context<'_>, event: MediaEvent) {
        match event {
            MediaEvent::Digit { digit, duration_ms, .. } => self.key_pressed(context, digit, duration_ms),
            MediaEvent::PlaybackEnded { playback, outcome, .. } => match self.media.playback_ended(playback) {
                Some(step) => {
                    if outcome == PlaybackOutcome::BargeIn {
                        context.note(NoteKind::BargeIn);
                    }
                    self.playback_over(context, step);
                }
                None => context.act(Act::CountStale),
            },
            MediaEvent::RoomRefused { room, .. } => self.room_refused(context, room),
            MediaEvent::Closed { stats, .. } => self.media.closed(stats),
        }
    }

    /// The caller has pressed a key and let it go, whichever way the phone says so.
    fn key_pressed(&mut self, context: &mut Context<'_>, digit: char, duration_ms: u32) {
        context.note(NoteKind::Digit { digit, duration_ms });
        if self.over.is_none() {
            context.event("dtmf_received", Resource::Dtmf { call_id: self.record.id, digit, duration_ms });
            self.recording_key(context, digit);
            self.step_flow(context, FlowEvent::Digit { digit, duration_ms });
        }
    }

    fn timeout(&mut self, context: &mut Context<'_>) {
        while let Some(timer) = self.timers.pop_expired(context.now.mono_ns) {
            match timer {
                CallTimer::Leg => {
                    let event = self.leg.timeout(context);
                    self.leg_event(context, event);
                    self.arm_leg();
                }
                CallTimer::Flow => {
                    if let Some(step) = self.waiting.timer.take() {
                        self.step_flow(context, FlowEvent::Timer { step });
                    }
                }
                CallTimer::Ring => self.leg.ring(context),
                CallTimer::Speech => self.speech_is_late(context),
                CallTimer::EndingOf => self.ending_is_unknown(context),
                // §13.3.1: as if it had cancelled.
                CallTimer::Expires => self.cancelled(context),
                CallTimer::Duration => self.duration_reached(context),
                CallTimer::Farewell => self.give_up(context),
            }
        }
    }

    /// The leg keeps its own deadline; this table wakes it.
    fn arm_leg(&mut self) {
        match self.leg.next_deadline() {
            Some(deadline_ns) => self.timers.set(CallTimer::Leg, deadline_ns),
            None => {
                self.timers.stop(&CallTimer::Leg);
            }
        }
    }

    /// Keeps the copy outside of the cell true.
    fn renew_will(&mut self, context: &mut Context<'_>) {
        let reports = self.recording_reports();
        let recording = self.recording.as_ref().map(|running| (running.record().id, running.record().status, reports));
        let stopping = self.stopping.len();
        let stage = (self.leg.stage(), self.media.in_service(), self.stays.bridges().to_vec(), recording, stopping);
        if self.waiting.will_written.as_ref() == Some(&stage) {
            return;
        }
        self.waiting.will_written = Some(stage);
        let pending = self.leg.unanswered_invite().map(|invite| (self.leg.transaction(), invite.clone()));
        let answered = matches!(self.leg.stage(), Stage::Answered { .. });
        let dialog = answered.then(|| (self.leg.dialog().clone(), self.leg.next_hop()));
        let ports = self.media.in_service().map(|in_service| (self.media.lease(), in_service));
        context.act(Act::Will(Box::new(Will {
            pending_invite: pending,
            dialog,
            ports,
            bridges: self.stays.bridges().to_vec(),
            recording: self.recording.as_ref().map(|running| Box::new(running.record().clone())),
            recording_reports: reports,
            stopping: self.stopping.iter().map(|running| running.record().clone()).collect(),
            ..Will::default()
        })));
    }

    /// Moves the record on, where the table of spec/resources.md §4.3 allows it.
    fn set_status(&mut self, context: &mut Context<'_>, status: CallStatus) {
        if !self.record.status.may_become(status) {
            return;
        }
        let at = Timestamp::from_us(context.now.wall_us);
        self.record.status = status;
        self.record.tm_update = Some(at);
        match status {
            CallStatus::Progressing => self.record.tm_progressing = Some(at),
            CallStatus::Hangup => self.record.tm_hangup = Some(at),
            _ => {}
        }
        context.note(NoteKind::Status(status));
        self.publish(context, event_of(status));
    }
}

/// spec/resources.md §4.3: each change of the status is an event.
fn event_of(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Dialing => "call_dialing",
        CallStatus::Ringing => "call_ringing",
        CallStatus::Progressing => "call_progressing",
        CallStatus::Terminating => "call_terminating",
        CallStatus::Canceling => "call_canceling",
        CallStatus::Hangup => "call_hangup",
    }
}

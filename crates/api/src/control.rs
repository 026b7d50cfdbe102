//! What the API asks of running calls, and whom it tells of changes. The server wires both to the control loops.

use futures_util::future::BoxFuture;
use model::{Activeflow, Binding, Call, Confbridge, Conference, Conferencecall, Resource};
use serde_json::{Map, Value};
use uuid::Uuid;

/// Why a request to a running call was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// There is nothing running with this id.
    NotFound,
    /// The call is over.
    AlreadyHangup,
    /// Not in this state.
    StateInvalid,
    /// The control loops did not answer in time.
    Timeout,
    /// The conference has ended, or is about to.
    ConferenceOver,
    /// Nobody is in the conference.
    NobodyThere,
    /// It is being recorded already, or the recording that was stopped is not complete yet.
    RecordingActive,
    /// It is not being recorded.
    RecordingNotActive,
}

/// How a conference is to be recorded (spec/resources.md §7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConferenceRecording {
    /// Longest length, seconds; 0: a day, which is the most.
    pub duration_s: u32,
    /// The flow that runs when the recording is stored; nil: none.
    pub on_end_flow_id: Uuid,
}

/// Requests to what is running. Each answers within a few seconds, with [`Refused::Timeout`] if need be.
pub trait Control: Send + Sync + 'static {
    /// Hangs up with reason `normal`.
    fn hang_up(&self, call_id: Uuid) -> BoxFuture<'_, Result<Call, Refused>>;

    /// Ends an activeflow; its call is hung up.
    fn stop_activeflow(&self, id: Uuid) -> BoxFuture<'_, Result<Activeflow, Refused>>;

    /// The variables of an activeflow that runs, or has ended and is remembered.
    fn activeflow_variables(&self, id: Uuid) -> BoxFuture<'_, Result<Map<String, Value>, Refused>>;

    /// Shows a participant out of its conference.
    fn kick_conferencecall(&self, id: Uuid) -> BoxFuture<'_, Result<Conferencecall, Refused>>;

    /// Shows everybody out and ends the conference.
    fn close_conference(&self, id: Uuid) -> BoxFuture<'_, Result<Conference, Refused>>;

    /// Has the mix of a conference recorded, which is answered as it is then: with the recording.
    fn start_conference_recording(
        &self,
        id: Uuid,
        recording: ConferenceRecording,
    ) -> BoxFuture<'_, Result<Conference, Refused>>;

    /// Ends the recording of a conference. It is complete a little later.
    fn stop_conference_recording(&self, id: Uuid) -> BoxFuture<'_, Result<Conference, Refused>>;

    /// Shows a call out of a confbridge, which is answered as it is then: with those who stay.
    fn kick_confbridge_call(&self, id: Uuid, call_id: Uuid) -> BoxFuture<'_, Result<Confbridge, Refused>>;

    /// Shows everybody out of a confbridge that was made by hand and ends it. Its record says so when it has ended.
    fn close_confbridge(&self, id: Uuid) -> BoxFuture<'_, Result<Confbridge, Refused>>;

    /// The phones that are registered now.
    fn live_registrations(&self, customer_id: Uuid) -> BoxFuture<'_, Vec<Binding>>;
}

/// Told of every change that the API made to a resource, after it is durable: the loops get a new snapshot, the log an entry.
/// Of records, which are in the log by then ([`crate::Repository::put`]), only a confbridge that was made by hand is told, and
/// only the loops are.
pub trait Publish: Send + Sync + 'static {
    /// `resource` as it is now; `event` such as `flow_created`.
    fn changed(&self, resource: Resource, event: &str);

    /// Runs `step`, which stores a resource and tells of it, on a thread that may wait: whoever tells the loops of all resources
    /// reads them before or behind it.
    fn in_one_step(&self, step: &mut dyn FnMut());
}

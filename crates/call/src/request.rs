//! What the API may wish of running calls, activeflows, conferences and bridges, and what it is told.

use std::collections::BTreeMap;

use model::{Activeflow, Call, Confbridge, Conference, Conferencecall};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::OwedRun;

/// One wish. It is given to every loop; the one that owns the thing answers, the others say [`Reply::NotHere`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Begin a run that is owed from before the process began. The loop that its id names answers.
    BeginRun(Box<OwedRun>),
    /// `POST /calls/{id}/hangup`
    HangUp {
        /// The call.
        call_id: Uuid,
    },
    /// `POST /activeflows/{id}/stop`
    StopActiveflow {
        /// The activeflow.
        activeflow_id: Uuid,
    },
    /// `GET /activeflows/{id}/variables`
    Variables {
        /// The activeflow.
        activeflow_id: Uuid,
    },
    /// `DELETE /conferencecalls/{id}`
    KickConferencecall {
        /// The participant.
        conferencecall_id: Uuid,
    },
    /// `DELETE /conferences/{id}`: everybody is shown out.
    CloseConference {
        /// The conference.
        conference_id: Uuid,
    },
    /// `POST /confbridges/{id}/calls/{call_id}/kick`
    KickConfbridgeCall {
        /// The bridge.
        confbridge_id: Uuid,
        /// The call.
        call_id: Uuid,
    },
    /// `DELETE /confbridges/{id}` of a bridge that was made by hand: everybody is shown out.
    CloseConfbridge {
        /// The bridge.
        confbridge_id: Uuid,
    },
    /// `POST /conferences/{id}/recording_start`
    StartConferenceRecording {
        /// The conference.
        conference_id: Uuid,
        /// How.
        recording: ConferenceRecording,
    },
    /// `POST /conferences/{id}/recording_stop`
    StopConferenceRecording {
        /// The conference.
        conference_id: Uuid,
    },
}

/// How a conference is to be recorded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConferenceRecording {
    /// Longest length, seconds; 0: a day, which is the most.
    pub duration_s: u32,
    /// The flow that runs when the recording is stored; nil: none.
    pub on_end_flow_id: Uuid,
}

/// Why a wish is not carried out, though the thing is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Refusal {
    /// The conference has ended, or is about to.
    Over,
    /// Nobody is in it.
    Empty,
    /// It is being recorded already, or a recording that was stopped is not complete yet.
    RecordingActive,
    /// It is not being recorded.
    NoRecording,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reply {
    /// This loop does not know the thing.
    NotHere,
    /// The owed run has begun.
    Begun,
    /// The owed run is not to be had; why stands in its timeline.
    Skipped,
    /// As many runs as may run do so already: later.
    Busy,
    /// The call as it is now.
    Call(Box<Call>),
    /// The call has ended already, or is about to.
    AlreadyOver(Box<Call>),
    /// The activeflow as it is now.
    Activeflow(Box<Activeflow>),
    /// The participant as it is now: on its way out.
    Conferencecall(Box<Conferencecall>),
    /// The conference as it is now: ending, or over.
    Conference(Box<Conference>),
    /// The bridge as it is now, with those who stay in it: open, ending, or over.
    Confbridge(Box<Confbridge>),
    /// Variables of an activeflow, without those that are computed.
    Variables(BTreeMap<String, String>),
    /// It is not carried out.
    Refused(Refusal),
}

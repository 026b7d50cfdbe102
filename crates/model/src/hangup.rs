//! Who hung up and why (spec/resources.md §4.4).

use serde::{Deserialize, Serialize};

use crate::{CallStatus, Direction};

/// Who ended the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HangupBy {
    /// Not over yet.
    #[default]
    #[serde(rename = "")]
    None,
    /// The other party.
    Remote,
    /// This server.
    Local,
}

/// Why a call ended; also the value of the `hangup` action's `reason`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HangupReason {
    /// Not over yet.
    #[default]
    #[serde(rename = "")]
    None,
    /// In the usual way.
    Normal,
    /// The call could not be set up.
    Failed,
    /// The called party is busy.
    Busy,
    /// Given up before it was answered.
    Cancel,
    /// The longest allowed duration was reached.
    Timeout,
    /// The called party did not answer.
    Noanswer,
    /// Our own limit for ringing was reached.
    Dialout,
    /// An answering machine was detected.
    Amd,
}

impl HangupReason {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            HangupReason::None => "",
            HangupReason::Normal => "normal",
            HangupReason::Failed => "failed",
            HangupReason::Busy => "busy",
            HangupReason::Cancel => "cancel",
            HangupReason::Timeout => "timeout",
            HangupReason::Noanswer => "noanswer",
            HangupReason::Dialout => "dialout",
            HangupReason::Amd => "amd",
        }
    }

    /// The reason with this name; `Normal` for every other text (spec/actions.md `hangup`).
    pub fn from_option(text: &str) -> HangupReason {
        match text {
            "failed" => HangupReason::Failed,
            "busy" => HangupReason::Busy,
            "cancel" => HangupReason::Cancel,
            "timeout" => HangupReason::Timeout,
            "noanswer" => HangupReason::Noanswer,
            "dialout" => HangupReason::Dialout,
            "amd" => HangupReason::Amd,
            _ => HangupReason::Normal,
        }
    }

    /// The Q.850 cause that stands for this reason in a `Reason` header (RFC 3326) and in the table of spec/media.md §3.
    pub fn q850_cause(self) -> u16 {
        match self {
            HangupReason::Busy => 17,
            HangupReason::Failed => 18,
            HangupReason::Noanswer | HangupReason::Dialout => 19,
            _ => 16,
        }
    }
}

/// What ended a call, beside its direction and status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The leg ended with this Q.850 cause; 0 is our own limit for ringing.
    Cause(u16),
    /// The caller of an incoming call gave up before it was answered.
    CallerCancelled,
    /// We hung up, for this reason.
    Local(HangupReason),
    /// The longest allowed duration was reached.
    DurationLimit,
    /// An answering machine was detected and the flow wanted a hang-up then.
    AnsweringMachine,
}

/// Who hung up: `before` is the status that the call had when its leg was gone. The duration limit is always ours.
pub fn hangup_by(before: CallStatus, ending: Ending) -> HangupBy {
    match (before, ending) {
        (CallStatus::Terminating | CallStatus::Canceling, _) | (_, Ending::DurationLimit) => HangupBy::Local,
        _ => HangupBy::Remote,
    }
}

/// Why the call is over. `answered` tells whether it ever was `progressing`, which `before` no longer shows after a
/// local hang-up.
pub fn hangup_reason(direction: Direction, before: CallStatus, answered: bool, ending: Ending) -> HangupReason {
    use CallStatus::{Canceling, Dialing, Ringing};
    match (direction, before, ending) {
        (_, _, Ending::DurationLimit) => HangupReason::Timeout,
        (_, _, Ending::AnsweringMachine) => HangupReason::Amd,
        (Direction::Outgoing, Canceling, _) => HangupReason::Cancel,
        (Direction::Incoming, _, Ending::Local(HangupReason::None)) => HangupReason::Normal,
        (Direction::Incoming, _, Ending::Local(reason)) if !answered => reason,
        (Direction::Incoming, Dialing | Ringing, Ending::CallerCancelled) => HangupReason::Cancel,
        (Direction::Incoming, Dialing | Ringing, Ending::Cause(cause)) => match cause {
            19 => HangupReason::Noanswer,
            17 => HangupReason::Busy,
            _ => HangupReason::Normal,
        },
        (Direction::Outgoing, Dialing | Ringing, Ending::Cause(cause)) => match cause {
            19 | 21 => HangupReason::Noanswer,
            17 => HangupReason::Busy,
            16 | 26 => HangupReason::Normal,
            0 => HangupReason::Dialout,
            _ => HangupReason::Failed,
        },
        _ => HangupReason::Normal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CallStatus::*;
    use Direction::{Incoming, Outgoing};

    #[test]
    fn the_reason_is_that_of_the_table() {
        for (direction, before, answered, ending, expected) in [
            (Incoming, Dialing, false, Ending::Cause(19), HangupReason::Noanswer),
            (Incoming, Ringing, false, Ending::Cause(19), HangupReason::Noanswer),
            (Incoming, Ringing, false, Ending::Cause(17), HangupReason::Busy),
            (Incoming, Ringing, false, Ending::Cause(16), HangupReason::Normal),
            (Incoming, Ringing, false, Ending::Cause(0), HangupReason::Normal),
            (Incoming, Ringing, false, Ending::CallerCancelled, HangupReason::Cancel),
            (Outgoing, Dialing, false, Ending::Cause(19), HangupReason::Noanswer),
            (Outgoing, Ringing, false, Ending::Cause(21), HangupReason::Noanswer),
            (Outgoing, Ringing, false, Ending::Cause(17), HangupReason::Busy),
            (Outgoing, Ringing, false, Ending::Cause(16), HangupReason::Normal),
            (Outgoing, Ringing, false, Ending::Cause(26), HangupReason::Normal),
            (Outgoing, Ringing, false, Ending::Cause(0), HangupReason::Dialout),
            (Outgoing, Ringing, false, Ending::Cause(1), HangupReason::Failed),
            (Incoming, Progressing, true, Ending::DurationLimit, HangupReason::Timeout),
            (Outgoing, Terminating, true, Ending::DurationLimit, HangupReason::Timeout),
            (Incoming, Progressing, true, Ending::Cause(17), HangupReason::Normal),
            (Outgoing, Progressing, true, Ending::Cause(19), HangupReason::Normal),
            (Outgoing, Terminating, true, Ending::AnsweringMachine, HangupReason::Amd),
            (Incoming, Terminating, true, Ending::AnsweringMachine, HangupReason::Amd),
            (Outgoing, Canceling, false, Ending::Cause(16), HangupReason::Cancel),
            (Outgoing, Canceling, false, Ending::Local(HangupReason::Busy), HangupReason::Cancel),
            (Incoming, Terminating, false, Ending::Local(HangupReason::Busy), HangupReason::Busy),
            (Incoming, Terminating, false, Ending::Local(HangupReason::Normal), HangupReason::Normal),
            (Incoming, Terminating, false, Ending::Local(HangupReason::None), HangupReason::Normal),
            (Incoming, Terminating, true, Ending::Local(HangupReason::Busy), HangupReason::Normal),
            (Outgoing, Terminating, true, Ending::Local(HangupReason::Busy), HangupReason::Normal),
        ] {
            let reason = hangup_reason(direction, before, answered, ending);
            assert_eq!(reason, expected, "{direction:?} {before:?} answered {answered} {ending:?}");
        }
    }

    #[test]
    fn the_end_is_ours_when_we_were_hanging_up() {
        for (before, ending, expected) in [
            (Ringing, Ending::CallerCancelled, HangupBy::Remote),
            (Progressing, Ending::Cause(16), HangupBy::Remote),
            (Progressing, Ending::DurationLimit, HangupBy::Local),
            (Terminating, Ending::Local(HangupReason::Normal), HangupBy::Local),
            (Terminating, Ending::Cause(16), HangupBy::Local),
            (Canceling, Ending::Cause(16), HangupBy::Local),
        ] {
            assert_eq!(hangup_by(before, ending), expected, "{before:?} {ending:?}");
        }
    }

    #[test]
    fn an_unknown_reason_is_normal() {
        for text in ["", "normal", "Busy", "whatever"] {
            assert_eq!(HangupReason::from_option(text), HangupReason::Normal, "{text}");
        }
        for reason in [
            HangupReason::Failed,
            HangupReason::Busy,
            HangupReason::Cancel,
            HangupReason::Timeout,
            HangupReason::Noanswer,
            HangupReason::Dialout,
            HangupReason::Amd,
            HangupReason::Normal,
        ] {
            assert_eq!(HangupReason::from_option(reason.as_str()), reason);
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.as_str());
        }
    }
}

//! The status of a call and its allowed moves (spec/resources.md §4.3).

use serde::{Deserialize, Serialize};

/// Where a call is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallStatus {
    /// Outgoing, nothing heard yet.
    Dialing,
    /// Incoming calls start here; outgoing ones with the first 18x.
    Ringing,
    /// Answered.
    Progressing,
    /// Being hung up by us.
    Terminating,
    /// An unanswered outgoing call being hung up by us.
    Canceling,
    /// Over.
    Hangup,
}

impl CallStatus {
    /// All of them, in the order of a call's life.
    pub const ALL: [CallStatus; 6] = [
        CallStatus::Dialing,
        CallStatus::Ringing,
        CallStatus::Progressing,
        CallStatus::Terminating,
        CallStatus::Canceling,
        CallStatus::Hangup,
    ];

    /// The name in JSON, in events (`call_<status>`) and in conditions.
    pub fn as_str(self) -> &'static str {
        match self {
            CallStatus::Dialing => "dialing",
            CallStatus::Ringing => "ringing",
            CallStatus::Progressing => "progressing",
            CallStatus::Terminating => "terminating",
            CallStatus::Canceling => "canceling",
            CallStatus::Hangup => "hangup",
        }
    }

    /// Whether the table of spec/resources.md §4.3 allows this move.
    pub fn may_become(self, to: CallStatus) -> bool {
        use CallStatus::{Canceling, Dialing, Hangup, Progressing, Ringing, Terminating};
        match self {
            Dialing => to != Dialing,
            Ringing => matches!(to, Progressing | Terminating | Canceling | Hangup),
            Progressing => matches!(to, Terminating | Hangup),
            Terminating | Canceling => to == Hangup,
            Hangup => false,
        }
    }

    /// Whether nobody has hung up yet.
    pub fn is_up(self) -> bool {
        matches!(self, CallStatus::Dialing | CallStatus::Ringing | CallStatus::Progressing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_allowed_moves_are_those_of_the_table() {
        // Columns: dialing, ringing, progressing, terminating, canceling, hangup.
        let table = [
            (CallStatus::Dialing, [0, 1, 1, 1, 1, 1]),
            (CallStatus::Ringing, [0, 0, 1, 1, 1, 1]),
            (CallStatus::Progressing, [0, 0, 0, 1, 0, 1]),
            (CallStatus::Terminating, [0, 0, 0, 0, 0, 1]),
            (CallStatus::Canceling, [0, 0, 0, 0, 0, 1]),
            (CallStatus::Hangup, [0, 0, 0, 0, 0, 0]),
        ];
        for (from, row) in table {
            for (to, allowed) in CallStatus::ALL.into_iter().zip(row) {
                assert_eq!(from.may_become(to), allowed == 1, "{from:?} to {to:?}");
            }
        }
    }

    #[test]
    fn names_agree_with_json() {
        for status in CallStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.as_str());
        }
    }
}

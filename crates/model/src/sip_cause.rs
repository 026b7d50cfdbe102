//! Between SIP responses and Q.850 causes (spec/media.md §3).

use serde::{Deserialize, Serialize};

use crate::HangupReason;

/// What ended an incoming call that was never answered, as far as its final response is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum SipAnswer {
    /// A `hangup` action or a hang-up request asked for it.
    Asked,
    /// The flow merely ended, was stopped or failed, or the duration limit struck.
    FlowEnded {
        /// The configured status for this, 480 by default.
        status: u16,
    },
}

/// The final response to an incoming call that is hung up locally before it was answered.
pub fn response_to_unanswered(reason: HangupReason, answer: SipAnswer) -> u16 {
    match (reason, answer) {
        (HangupReason::Busy, _) => 486,
        (HangupReason::Failed, _) => 408,
        (HangupReason::Noanswer | HangupReason::Dialout, _) => 480,
        (HangupReason::Amd, _) => 603,
        (_, SipAnswer::Asked) => 603,
        (_, SipAnswer::FlowEnded { status }) => status,
    }
}

/// The final response that relays the end of another call: that call's own final SIP status if it had one, else by
/// its Q.850 cause.
pub fn response_to_relayed_cause(cause: u16, status_of_leg: Option<u16>) -> u16 {
    if let Some(status) = status_of_leg.filter(|status| (400..=699).contains(status)) {
        return status;
    }
    match cause {
        1..=3 => 404,
        17 => 486,
        18 => 408,
        0 | 19 | 20 | 31 => 480,
        21 => 403,
        22 => 410,
        27 => 502,
        28 => 484,
        29 => 501,
        34 | 42 | 66 => 503,
        38 | 127 => 500,
        58 => 488,
        _ => 603,
    }
}

/// The Q.850 cause of an outgoing leg's final status.
pub fn cause_of_status(status: u16) -> u16 {
    match status {
        404 => 1,
        410 => 22,
        403 | 603 => 21,
        480 => 19,
        408 => 18,
        486 | 600 => 17,
        484 => 28,
        488 => 58,
        501 => 29,
        502 => 27,
        503 => 34,
        400..=499 => 127,
        500..=599 => 38,
        600..=699 => 21,
        _ => 16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CallStatus, Direction, Ending, hangup_reason};

    #[test]
    fn an_unanswered_call_that_we_end_gets_the_response_of_the_table() {
        let ended = SipAnswer::FlowEnded { status: 480 };
        for (reason, answer, status) in [
            (HangupReason::Normal, SipAnswer::Asked, 603),
            (HangupReason::Cancel, SipAnswer::Asked, 603),
            (HangupReason::Timeout, SipAnswer::Asked, 603),
            (HangupReason::Normal, ended, 480),
            (HangupReason::Timeout, ended, 480),
            (HangupReason::Normal, SipAnswer::FlowEnded { status: 404 }, 404),
            (HangupReason::Busy, SipAnswer::Asked, 486),
            (HangupReason::Failed, SipAnswer::Asked, 408),
            (HangupReason::Noanswer, SipAnswer::Asked, 480),
            (HangupReason::Dialout, SipAnswer::Asked, 480),
            (HangupReason::Amd, SipAnswer::Asked, 603),
        ] {
            assert_eq!(response_to_unanswered(reason, answer), status, "{reason:?} {answer:?}");
        }
    }

    #[test]
    fn a_relayed_cause_gives_the_response_of_the_table_unless_the_leg_had_one() {
        for (cause, status) in [
            (1, 404),
            (2, 404),
            (3, 404),
            (16, 603),
            (17, 486),
            (18, 408),
            (19, 480),
            (20, 480),
            (21, 403),
            (22, 410),
            (27, 502),
            (28, 484),
            (29, 501),
            (31, 480),
            (34, 503),
            (38, 500),
            (42, 503),
            (58, 488),
            (66, 503),
            (127, 500),
        ] {
            assert_eq!(response_to_relayed_cause(cause, None), status, "{cause}");
            assert_eq!(response_to_relayed_cause(cause, Some(404)), 404);
            assert_eq!(response_to_relayed_cause(cause, Some(200)), status, "an answered leg has no failure to relay");
        }
    }

    /// Of a call that has no status of its own only the reason needs to be kept.
    #[test]
    fn a_reason_gives_the_same_response_whether_given_or_relayed_as_its_cause() {
        use HangupReason::{Amd, Busy, Cancel, Dialout, Failed, Noanswer, Normal, Timeout};
        for reason in [Normal, Failed, Busy, Cancel, Timeout, Noanswer, Dialout, Amd] {
            let relayed = response_to_relayed_cause(reason.q850_cause(), None);
            assert_eq!(relayed, response_to_unanswered(reason, SipAnswer::Asked), "{reason:?}");
        }
    }

    #[test]
    fn statuses_of_outgoing_legs_give_the_reasons_that_the_table_promises() {
        for (statuses, expected) in [
            (&[480, 403, 603][..], HangupReason::Noanswer),
            (&[486, 600], HangupReason::Busy),
            (&[404, 408, 410, 500, 501, 502, 503, 504, 488, 484, 415, 580], HangupReason::Failed),
        ] {
            for status in statuses {
                let ending = Ending::Cause(cause_of_status(*status));
                let reason = hangup_reason(Direction::Outgoing, CallStatus::Ringing, false, ending);
                assert_eq!(reason, expected, "{status}");
            }
        }
    }
}

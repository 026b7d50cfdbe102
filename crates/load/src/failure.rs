//! What went wrong with calls: every kind counted, the first few of each told in words.

use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::json;

/// How many of each kind are told in words.
const EXAMPLES: usize = 5;
/// How many kinds are told apart; statuses are numbers of the far end's choice. The rest count as one.
const KINDS: usize = 100;

/// How a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Failure {
    /// No response at all to the INVITE within 64·T1 (Timer B).
    NoResponse,
    /// No final answer in `--answer-timeout-ms`: cancelled.
    NoAnswer,
    /// The INVITE was refused with this status.
    Refused(u16),
    /// The 200 has no usable SDP, or names an address that may not be called.
    BadAnswer,
    /// No response to our BYE within 64·T1 (Timer F).
    ByeNoResponse,
    /// Our BYE was refused with this status.
    ByeRefused(u16),
    /// The far end said BYE before its time.
    EarlyBye,
    /// The far end should have said BYE and did not.
    ByeMissing,
    /// No RTP at all came during an answered call that should have had some.
    NoMedia,
    /// Less prompt than `--expect-prompt`.
    PromptShort,
    /// The wanted tone was not heard.
    ToneMissing,
    /// No sound at all came where some was wanted (talk).
    NoSound,
    /// The others of a room were not heard as they should be, or somebody else was.
    WrongMix,
    /// Not all calls were up for long enough, so that nothing can be said of what this one heard.
    NotJudged,
    /// The call was still there when the run's time to end was over.
    NotEnded,
    /// The caller had no socket for it.
    NoSocket,
    /// Kinds beyond the number that is told apart.
    Other,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Failure::NoResponse => "no_response",
            Failure::NoAnswer => "no_answer",
            Failure::Refused(status) => return write!(f, "refused_{status}"),
            Failure::BadAnswer => "bad_answer",
            Failure::ByeNoResponse => "bye_no_response",
            Failure::ByeRefused(status) => return write!(f, "bye_refused_{status}"),
            Failure::EarlyBye => "early_bye",
            Failure::ByeMissing => "bye_missing",
            Failure::NoMedia => "no_media",
            Failure::PromptShort => "prompt_short",
            Failure::ToneMissing => "tone_missing",
            Failure::NoSound => "no_sound",
            Failure::WrongMix => "wrong_mix",
            Failure::NotJudged => "not_judged",
            Failure::NotEnded => "not_ended",
            Failure::NoSocket => "no_socket",
            Failure::Other => "other",
        };
        f.write_str(text)
    }
}

/// The failures of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct FailureLog {
    kinds: BTreeMap<Failure, Kind>,
}

#[derive(Clone, Debug, Default)]
struct Kind {
    count: u64,
    examples: Vec<String>,
}

impl FailureLog {
    pub(crate) fn add(&mut self, failure: Failure, example: impl FnOnce() -> String) {
        let kind = self.kind(failure);
        kind.count += 1;
        if kind.examples.len() < EXAMPLES {
            kind.examples.push(example());
        }
    }

    pub(crate) fn merge(&mut self, other: &FailureLog) {
        for (failure, theirs) in &other.kinds {
            let kind = self.kind(*failure);
            kind.count += theirs.count;
            let room = EXAMPLES - kind.examples.len();
            kind.examples.extend(theirs.examples.iter().take(room).cloned());
        }
    }

    /// Kind, count and examples in words.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Failure, u64, &[String])> {
        self.kinds.iter().map(|(failure, kind)| (*failure, kind.count, kind.examples.as_slice()))
    }

    fn kind(&mut self, failure: Failure) -> &mut Kind {
        let known = self.kinds.contains_key(&failure) || self.kinds.len() < KINDS;
        self.kinds.entry(if known { failure } else { Failure::Other }).or_default()
    }
}

impl Serialize for FailureLog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.kinds.len()))?;
        for (failure, kind) in &self.kinds {
            map.serialize_entry(&failure.to_string(), &json!({ "count": kind.count, "examples": kind.examples }))?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_counted_and_the_first_five_are_told() {
        let mut log = FailureLog::default();
        let mut other = FailureLog::default();
        for call in 0..4 {
            log.add(Failure::Refused(486), || format!("call {call}"));
            other.add(Failure::Refused(486), || format!("call 1{call}"));
        }
        log.merge(&other);
        let (failure, count, examples) = log.iter().next().unwrap();
        assert_eq!((failure.to_string().as_str(), count), ("refused_486", 8));
        assert_eq!(examples, ["call 0", "call 1", "call 2", "call 3", "call 10"]);
    }

    #[test]
    fn the_number_of_kinds_is_bounded() {
        let mut log = FailureLog::default();
        for status in 300..700 {
            log.add(Failure::Refused(status), String::new);
        }
        assert_eq!(log.iter().count(), KINDS + 1);
        assert_eq!(log.iter().map(|(_, count, _)| count).sum::<u64>(), 400);
    }
}

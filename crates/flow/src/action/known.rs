//! Names of actions: those carried out here, those of the language that are not yet, and the rest.

use super::Kind;

/// What a type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Supported(Kind),
    NotYet,
    Unknown,
}

/// Types of spec/flow.md §8 that this server does not carry out yet.
pub(crate) const NOT_YET: [&str; 21] = [
    "agent_call",
    "ai_summary",
    "ai_talk",
    "ai_task",
    "amd",
    "block",
    "call",
    "case_create",
    "chatbot_talk",
    "connect",
    "conversation_send",
    "email_send",
    "external_media_start",
    "external_media_stop",
    "hangup_relay",
    "message_send",
    "mute",
    "queue_join",
    "transcribe_recording",
    "transcribe_start",
    "transcribe_stop",
];

/// Looks up a type; upper and lower case are the same.
pub(crate) fn known(name: &str) -> Known {
    let is = |known: &str| known.eq_ignore_ascii_case(name);
    if let Some((kind, ..)) = Kind::TABLE.iter().find(|(_, known, ..)| is(known)) {
        return Known::Supported(*kind);
    }
    if NOT_YET.iter().any(|known| is(known)) { Known::NotYet } else { Known::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_found_in_any_case() {
        assert_eq!(known("answer"), Known::Supported(Kind::Answer));
        assert_eq!(known("Condition_Datetime"), Known::Supported(Kind::ConditionDatetime));
        assert_eq!(known("Hangup_relay"), Known::NotYet);
        assert_eq!(known("connect"), Known::NotYet);
        for name in ["", "answer ", "dance", "hang up"] {
            assert_eq!(known(name), Known::Unknown, "{name:?}");
        }
    }
}

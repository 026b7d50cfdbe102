//! The actions that this server carries out, with their classes (spec/flow.md §8).

/// One type of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Answer,
    Beep,
    Branch,
    ConditionCallDigits,
    ConditionCallStatus,
    ConditionDatetime,
    ConditionVariable,
    ConfbridgeJoin,
    ConferenceJoin,
    DigitsReceive,
    DigitsSend,
    Echo,
    Empty,
    Fetch,
    FetchFlow,
    Goto,
    Hangup,
    Play,
    RecordingStart,
    RecordingStop,
    Sleep,
    Stop,
    StreamEcho,
    Talk,
    VariableSet,
    WebhookSend,
}

/// Which references an action applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// Calls only.
    Rtc,
    /// Everything.
    Any,
}

/// Who carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    /// The runtime itself.
    Flow,
    /// The call.
    Call,
}

impl Kind {
    /// All of them, with the name, class and engine of each.
    pub(crate) const TABLE: [(Kind, &'static str, Class, Engine); 26] = [
        (Kind::Answer, "answer", Class::Rtc, Engine::Call),
        (Kind::Beep, "beep", Class::Rtc, Engine::Call),
        (Kind::Branch, "branch", Class::Any, Engine::Flow),
        (Kind::ConditionCallDigits, "condition_call_digits", Class::Rtc, Engine::Flow),
        (Kind::ConditionCallStatus, "condition_call_status", Class::Rtc, Engine::Flow),
        (Kind::ConditionDatetime, "condition_datetime", Class::Any, Engine::Flow),
        (Kind::ConditionVariable, "condition_variable", Class::Any, Engine::Flow),
        (Kind::ConfbridgeJoin, "confbridge_join", Class::Rtc, Engine::Call),
        (Kind::ConferenceJoin, "conference_join", Class::Rtc, Engine::Flow),
        (Kind::DigitsReceive, "digits_receive", Class::Rtc, Engine::Call),
        (Kind::DigitsSend, "digits_send", Class::Rtc, Engine::Call),
        (Kind::Echo, "echo", Class::Rtc, Engine::Call),
        (Kind::Empty, "empty", Class::Any, Engine::Flow),
        (Kind::Fetch, "fetch", Class::Any, Engine::Flow),
        (Kind::FetchFlow, "fetch_flow", Class::Any, Engine::Flow),
        (Kind::Goto, "goto", Class::Any, Engine::Flow),
        (Kind::Hangup, "hangup", Class::Rtc, Engine::Call),
        (Kind::Play, "play", Class::Rtc, Engine::Call),
        (Kind::RecordingStart, "recording_start", Class::Rtc, Engine::Call),
        (Kind::RecordingStop, "recording_stop", Class::Rtc, Engine::Call),
        // Waits without a call, too, so an option that cannot be read is no reason to end the flow.
        (Kind::Sleep, "sleep", Class::Any, Engine::Call),
        (Kind::Stop, "stop", Class::Any, Engine::Flow),
        (Kind::StreamEcho, "stream_echo", Class::Rtc, Engine::Call),
        (Kind::Talk, "talk", Class::Rtc, Engine::Call),
        (Kind::VariableSet, "variable_set", Class::Any, Engine::Flow),
        (Kind::WebhookSend, "webhook_send", Class::Any, Engine::Flow),
    ];

    fn row(self) -> &'static (Kind, &'static str, Class, Engine) {
        &Self::TABLE[self as usize]
    }

    pub(crate) fn class(self) -> Class {
        self.row().2
    }

    pub(crate) fn engine(self) -> Engine {
        self.row().3
    }

    /// Whether the activeflow ends when this action cannot be carried out (spec/flow.md §9).
    pub(crate) fn failure_ends(self) -> bool {
        self.engine() == Engine::Flow && !matches!(self, Kind::VariableSet | Kind::WebhookSend)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_kinds() {
        for (kind, name, class, engine) in Kind::TABLE {
            assert_eq!((kind.row().1, kind.class(), kind.engine()), (name, class, engine));
        }
    }
}

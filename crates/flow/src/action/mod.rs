//! The actions: one file each, with its typed options and what it does. This file only lists and routes.

pub(crate) mod about;
mod answer;
mod beep;
mod branch;
mod comparison;
mod condition_call_digits;
mod condition_call_status;
mod condition_datetime;
mod condition_variable;
mod confbridge_join;
mod conference_join;
mod digits_receive;
pub(crate) mod digits_send;
mod echo;
mod empty;
mod fetch;
mod fetch_flow;
mod goto;
mod hangup;
pub(crate) mod kind;
mod known;
pub(crate) mod option;
mod play;
mod recording_start;
mod recording_stop;
mod request;
mod run;
mod sleep;
mod stop;
mod stream_echo;
mod talk;
mod variable_set;
mod webhook_send;

pub(crate) use kind::Kind;
pub(crate) use known::{Known, NOT_YET, known};
pub(crate) use run::{Fault, Outcome, Run, Wait};

use option::{OptionError, OptionReader};

/// Whether a type is `webhook_send`, whose data is substituted in a way of its own.
pub(crate) fn is_webhook(name: &str) -> bool {
    known(name) == Known::Supported(Kind::WebhookSend)
}

/// Carries out the action that has just become current.
pub(crate) fn run(kind: Kind, run: &mut Run<'_>) -> Result<Outcome, Fault> {
    match kind {
        Kind::Answer => answer::run(run),
        Kind::Beep => beep::run(run),
        Kind::Branch => branch::run(run),
        Kind::ConditionCallDigits => condition_call_digits::run(run),
        Kind::ConditionCallStatus => condition_call_status::run(run),
        Kind::ConditionDatetime => condition_datetime::run(run),
        Kind::ConditionVariable => condition_variable::run(run),
        Kind::ConfbridgeJoin => confbridge_join::run(run),
        Kind::ConferenceJoin => conference_join::run(run),
        Kind::DigitsReceive => digits_receive::run(run),
        Kind::DigitsSend => digits_send::run(run),
        Kind::Echo => echo::run(run),
        Kind::Empty => Ok(empty::run()),
        Kind::Fetch => fetch::run(run),
        Kind::FetchFlow => fetch_flow::run(run),
        Kind::Goto => goto::run(run),
        Kind::Hangup => hangup::run(run),
        Kind::Play => play::run(run),
        Kind::RecordingStart => recording_start::run(run),
        Kind::RecordingStop => recording_stop::run(run),
        Kind::Sleep => sleep::run(run),
        Kind::Stop => Ok(stop::run()),
        Kind::StreamEcho => stream_echo::run(run),
        Kind::Talk => talk::run(run),
        Kind::VariableSet => variable_set::run(run),
        Kind::WebhookSend => webhook_send::run(run),
    }
}

/// Whether the option of an action can be read, as far as that can be known before it runs.
pub(crate) fn check(kind: Kind, reader: &OptionReader<'_>) -> Result<(), OptionError> {
    match kind {
        Kind::Answer | Kind::Beep | Kind::Empty | Kind::RecordingStop | Kind::Stop => Ok(()),
        Kind::Branch => branch::Options::read(reader).map(drop),
        Kind::ConditionCallDigits => condition_call_digits::Options::read(reader).map(drop),
        Kind::ConditionCallStatus => condition_call_status::Options::read(reader).map(drop),
        Kind::ConditionDatetime => condition_datetime::Options::read(reader).map(drop),
        Kind::ConditionVariable => condition_variable::Options::read(reader).map(drop),
        Kind::ConfbridgeJoin => confbridge_join::Options::read(reader).map(drop),
        Kind::ConferenceJoin => conference_join::Options::read(reader).map(drop),
        Kind::DigitsReceive => digits_receive::Options::read(reader).map(drop),
        Kind::DigitsSend => digits_send::Options::read(reader).map(drop),
        Kind::Echo | Kind::StreamEcho => echo::Options::read(reader).map(drop),
        Kind::Fetch => fetch::Options::read(reader).map(drop),
        Kind::FetchFlow => fetch_flow::Options::read(reader).map(drop),
        Kind::Goto => goto::Options::read(reader).map(drop),
        Kind::Hangup => hangup::Options::read(reader).map(drop),
        Kind::Play => play::Options::read(reader).map(drop),
        Kind::RecordingStart => recording_start::Options::read(reader).map(drop),
        Kind::Sleep => sleep::Options::read(reader).map(drop),
        Kind::Talk => talk::Options::read(reader).map(drop),
        Kind::VariableSet => variable_set::Options::read(reader).map(drop),
        Kind::WebhookSend => webhook_send::Options::read(reader).map(drop),
    }
}

/// What people are told about an action, and with it the fields that its option may have.
pub(crate) fn about(kind: Kind) -> &'static about::About {
    match kind {
        Kind::Answer => &answer::ABOUT,
        Kind::Beep => &beep::ABOUT,
        Kind::Branch => &branch::ABOUT,
        Kind::ConditionCallDigits => &condition_call_digits::ABOUT,
        Kind::ConditionCallStatus => &condition_call_status::ABOUT,
        Kind::ConditionDatetime => &condition_datetime::ABOUT,
        Kind::ConditionVariable => &condition_variable::ABOUT,
        Kind::ConfbridgeJoin => &confbridge_join::ABOUT,
        Kind::ConferenceJoin => &conference_join::ABOUT,
        Kind::DigitsReceive => &digits_receive::ABOUT,
        Kind::DigitsSend => &digits_send::ABOUT,
        Kind::Echo => &echo::ABOUT,
        Kind::Empty => &empty::ABOUT,
        Kind::Fetch => &fetch::ABOUT,
        Kind::FetchFlow => &fetch_flow::ABOUT,
        Kind::Goto => &goto::ABOUT,
        Kind::Hangup => &hangup::ABOUT,
        Kind::Play => &play::ABOUT,
        Kind::RecordingStart => &recording_start::ABOUT,
        Kind::RecordingStop => &recording_stop::ABOUT,
        Kind::Sleep => &sleep::ABOUT,
        Kind::Stop => &stop::ABOUT,
        Kind::StreamEcho => &stream_echo::ABOUT,
        Kind::Talk => &talk::ABOUT,
        Kind::VariableSet => &variable_set::ABOUT,
        Kind::WebhookSend => &webhook_send::ABOUT,
    }
}

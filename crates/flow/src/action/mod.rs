//! The actions: one file each, with its typed options and what it does. This file only lists and routes.

mod answer;
mod beep;
mod branch;
mod comparison;
mod condition_call_digits;
mod condition_call_status;
mod condition_datetime;
mod condition_variable;
mod digits_receive;
mod digits_send;
mod echo;
mod empty;
mod goto;
mod hangup;
pub(crate) mod kind;
mod known;
pub(crate) mod option;
mod play;
mod run;
mod sleep;
mod stop;
mod stream_echo;
mod variable_set;

pub(crate) use kind::Kind;
pub(crate) use known::{Known, known};
pub(crate) use run::{Fault, Outcome, Run, Wait};

use option::{OptionError, OptionReader};

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
        Kind::DigitsReceive => digits_receive::run(run),
        Kind::DigitsSend => digits_send::run(run),
        Kind::Echo => echo::run(run),
        Kind::Empty => Ok(empty::run()),
        Kind::Goto => goto::run(run),
        Kind::Hangup => hangup::run(run),
        Kind::Play => play::run(run),
        Kind::Sleep => sleep::run(run),
        Kind::Stop => Ok(stop::run()),
        Kind::StreamEcho => stream_echo::run(run),
        Kind::VariableSet => variable_set::run(run),
    }
}

/// Whether the option of an action can be read, as far as that can be known before it runs.
pub(crate) fn check(kind: Kind, reader: &OptionReader<'_>) -> Result<(), OptionError> {
    match kind {
        Kind::Answer | Kind::Beep | Kind::Empty | Kind::Stop => Ok(()),
        Kind::Branch => branch::Options::read(reader).map(drop),
        Kind::ConditionCallDigits => condition_call_digits::Options::read(reader).map(drop),
        Kind::ConditionCallStatus => condition_call_status::Options::read(reader).map(drop),
        Kind::ConditionDatetime => condition_datetime::Options::read(reader).map(drop),
        Kind::ConditionVariable => condition_variable::Options::read(reader).map(drop),
        Kind::DigitsReceive => digits_receive::Options::read(reader).map(drop),
        Kind::DigitsSend => digits_send::Options::read(reader).map(drop),
        Kind::Echo | Kind::StreamEcho => echo::Options::read(reader).map(drop),
        Kind::Goto => goto::Options::read(reader).map(drop),
        Kind::Hangup => hangup::Options::read(reader).map(drop),
        Kind::Play => play::Options::read(reader).map(drop),
        Kind::Sleep => sleep::Options::read(reader).map(drop),
        Kind::VariableSet => variable_set::Options::read(reader).map(drop),
    }
}

/// The fields that an action's option may have.
pub(crate) fn option_keys(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Answer | Kind::Beep | Kind::Empty | Kind::Stop => &[],
        Kind::Branch => branch::KEYS,
        Kind::ConditionCallDigits => condition_call_digits::KEYS,
        Kind::ConditionCallStatus => condition_call_status::KEYS,
        Kind::ConditionDatetime => condition_datetime::KEYS,
        Kind::ConditionVariable => condition_variable::KEYS,
        Kind::DigitsReceive => digits_receive::KEYS,
        Kind::DigitsSend => digits_send::KEYS,
        Kind::Echo | Kind::StreamEcho => echo::KEYS,
        Kind::Goto => goto::KEYS,
        Kind::Hangup => hangup::KEYS,
        Kind::Play => play::KEYS,
        Kind::Sleep => sleep::KEYS,
        Kind::VariableSet => variable_set::KEYS,
    }
}

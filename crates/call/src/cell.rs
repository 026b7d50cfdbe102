//! The frame around a cell's handler: what is kept beside it, and what happens when it panics.
//!
//! A handler gets `&mut` to its own cell and a [`Context`]. Its acts count only when it returns: they are collected and
//! carried out by the loop afterwards. A handler that panics loses its cell; the loop then executes the cell's will.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base::{CellId, Now};
use model::LogEntry;
use serde::{Deserialize, Serialize};

use crate::activeflow;
use crate::bridge::Bridge;
use crate::call::Call;
use crate::context::{CellInput, Context, Subject};
use crate::run::Run;
use crate::will::Will;

/// One cell with what the loop keeps about it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cell {
    pub(crate) id: CellId,
    pub(crate) body: Body,
    pub(crate) will: Will,
    /// The last inputs, for the crash report.
    pub(crate) recent: Recent,
    /// Tests only: panic at the next input.
    pub(crate) panic_next: bool,
}

/// What a cell can be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Body {
    /// A call with its flow.
    Call(Box<Call>),
    /// An activeflow that runs for no call.
    Run(Box<Run>),
    /// A conference and its bridge.
    Bridge(Box<Bridge>),
}

impl Body {
    fn handle(&mut self, context: &mut Context<'_>, input: CellInput) {
        match self {
            Body::Call(call) => call.handle(context, input),
            Body::Run(run) => run.handle(context, input),
            Body::Bridge(bridge) => bridge.handle(context, input),
        }
    }
}

/// A handler's panic, in its own words.
pub(crate) struct Panicked(pub(crate) String);

impl Cell {
    pub(crate) fn new(id: CellId, body: Body, will: Will) -> Cell {
        Cell { id, body, will, recent: Recent::default(), panic_next: false }
    }

    /// The call, if it is one.
    pub(crate) fn call(&self) -> Option<&Call> {
        match &self.body {
            Body::Call(call) => Some(call),
            Body::Run(_) | Body::Bridge(_) => None,
        }
    }

    /// What its notes and events are about.
    pub(crate) fn subject(&self) -> Subject {
        match &self.body {
            Body::Call(call) => call.subject(),
            Body::Run(run) => run.subject(),
            Body::Bridge(bridge) => bridge.subject(),
        }
    }

    /// What is owed to users when the cell is dropped because its handler panicked. The handler left it as it was then, so
    /// this may panic too: then nothing is said.
    pub(crate) fn last_words(&self, now: Now) -> Vec<LogEntry> {
        let words = || match &self.body {
            Body::Call(call) => call.last_words(now),
            Body::Run(run) => activeflow::last_words(run.flow(), run.subject(), now).into_iter().collect(),
            Body::Bridge(bridge) => bridge.last_words(now, &self.will.members),
        };
        guarded(words).unwrap_or_default()
    }

    /// Whether nothing more can come of it.
    pub(crate) fn is_over(&self) -> bool {
        match &self.body {
            Body::Call(call) => call.is_over(),
            Body::Run(run) => run.is_over(),
            Body::Bridge(bridge) => bridge.is_over(),
        }
    }

    /// When [`CellInput::Timeout`] is due.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        match &self.body {
            Body::Call(call) => call.next_deadline(),
            Body::Run(run) => run.next_deadline(),
            Body::Bridge(bridge) => bridge.next_deadline(),
        }
    }

    /// Runs the handler. On a panic nothing of what it did counts; the cell must then be dropped.
    pub(crate) fn handle(&mut self, context: Context<'_>, input: CellInput) -> Result<(), Panicked> {
        self.recent.push(input.in_short());
        let (body, panic_next) = (&mut self.body, self.panic_next);
        guarded(move || {
            let mut context = context;
            body.handle(&mut context, input);
            assert!(!panic_next, "a panic was injected into this cell");
        })
    }
}

/// Runs something that strangers' octets could make panic. What it was changing by then must not be used any more.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let words = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        Panicked(words.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default())
    })
}

/// The last inputs of a cell, oldest first: a few, and no more octets than a peer's big messages should cost.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Recent(VecDeque<CellInput>);

impl Recent {
    const INPUTS_MAX: usize = 16;
    const OCTETS_MAX: usize = 16 * 1_024;

    /// The last one.
    pub(crate) fn newest(&self) -> Option<&CellInput> {
        self.0.back()
    }

    /// Adds the newest, which always stays; the oldest make room.
    fn push(&mut self, input: CellInput) {
        self.0.push_back(input);
        let mut octets: usize = self.0.iter().map(CellInput::octets).sum();
        while self.0.len() > Self::INPUTS_MAX || (octets > Self::OCTETS_MAX && self.0.len() > 1) {
            octets -= self.0.pop_front().map_or(0, |oldest| oldest.octets());
        }
    }
}

#[cfg(test)]
mod tests {
    use sip_core::Message;

    use super::*;

    fn ack(octets: usize) -> CellInput {
        let text = format!(
            "ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP c;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
             Call-ID: x\r\nCSeq: 1 ACK\r\nX-Fill: {}\r\n\r\n",
            "x".repeat(octets)
        );
        let address = "192.0.2.1:5060".parse().unwrap();
        let hop = sip_core::Hop { transport: sip_core::Transport::Udp, listener: 0, local: address, remote: address };
        CellInput::Ack { request: Message::parse_datagram(text.into()).unwrap(), hop }
    }

    #[test]
    fn recent_inputs_are_few() {
        let mut recent = Recent::default();
        (0..100).for_each(|_| recent.push(CellInput::Timeout));
        assert_eq!(recent.0.len(), Recent::INPUTS_MAX);
    }

    #[test]
    fn big_messages_push_older_inputs_out_and_the_newest_stays() {
        let mut recent = Recent::default();
        (0..100).for_each(|_| recent.push(ack(7_000)));
        assert_eq!(recent.0.len(), 2);
        recent.push(ack(60_000));
        assert_eq!(recent.0.len(), 1);
        recent.push(CellInput::Timeout);
        assert!(matches!(recent.0.front(), Some(CellInput::Timeout)), "the big one is over the bound");
    }

    #[test]
    fn of_a_long_web_answer_only_the_beginning_is_kept() {
        let mut recent = Recent::default();
        let outcome = flow::HttpOutcome { status: 200, body: vec![b'x'; 1 << 20], error: String::new() };
        for step in 0..100 {
            recent.push(CellInput::Http { step, outcome: outcome.clone() }.in_short());
        }
        assert!(recent.0.iter().map(CellInput::octets).sum::<usize>() <= Recent::OCTETS_MAX);
        assert!(recent.0.len() > 1, "{}", recent.0.len());
    }

    #[test]
    fn a_panic_is_caught_with_its_words() {
        let Err(Panicked(words)) = guarded(|| -> u8 { panic!("line {}", 7) }) else { panic!("it was not caught") };
        assert_eq!(words, "line 7");
    }
}

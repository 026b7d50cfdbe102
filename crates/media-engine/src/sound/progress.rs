//! A request for a sound, and how far it has got.

use base::LoopId;
use model::Speech;
use speech::TextPart;

use super::cache::Ready;

/// One part of what was asked for.
pub(super) enum Wanted {
    Url(String),
    /// A text that may have sounds in it.
    Text(Box<Speech>),
    Speech(Box<Speech>),
    /// A sound in a text, and what is heard when it cannot be had, last first.
    SoundOfText(String, Vec<Wanted>),
}

/// A request on its way through its parts.
pub(super) struct Progress {
    pub(super) owner: LoopId,
    pub(super) token: u128,
    /// Those still to be looked at, last first.
    pub(super) rest: Vec<Wanted>,
    pub(super) parts: Vec<Ready>,
    pub(super) skipped: Vec<(String, String)>,
    /// What is heard instead of what it waits for, last first.
    pub(super) instead: Vec<Wanted>,
    /// Until when it waits for that, ns; without end for most.
    pub(super) waits_until_ns: u64,
    /// Until when the sounds in its text are waited for, ns.
    pub(super) sounds_until_ns: u64,
}

impl Progress {
    /// A part is there.
    pub(super) fn take(&mut self, ready: Ready) {
        self.parts.push(ready);
        (self.instead, self.waits_until_ns) = (Vec::new(), u64::MAX);
    }

    /// A part cannot be had.
    pub(super) fn leave_out(&mut self) {
        self.rest.append(&mut self.instead);
        self.waits_until_ns = u64::MAX;
    }
}

/// What the parts of a text stand for, last first.
pub(super) fn wanted_of(parts: Vec<TextPart>, speech: &Speech) -> Vec<Wanted> {
    let wanted = parts.into_iter().rev().map(|part| match part {
        TextPart::Words(text) => Wanted::Speech(Box::new(Speech { text, ..speech.clone() })),
        TextPart::Sound { url, instead } => Wanted::SoundOfText(url, wanted_of(instead, speech)),
    });
    wanted.collect()
}

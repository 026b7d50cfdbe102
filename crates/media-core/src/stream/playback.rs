//! The sound that a stream plays.

use std::sync::Arc;

use super::barge_in::BargeIn;
use crate::sound::{Position, Then};
use crate::{Codec, PlaybackOutcome, Sound};

/// One running playback.
#[derive(Debug)]
pub(crate) struct Playback {
    /// Control's name for it.
    pub(crate) id: u64,
    sound: Arc<Sound>,
    position: Position,
    /// Whether the party speaks, where that ends it.
    barge_in: Option<BargeIn>,
}

/// What one frame of a playback is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// The next samples, silence behind the last one.
    Sound,
    /// What there is of a sound that is still being made: too little, so silence follows until more comes.
    Starved,
    /// The sound was over already: its last sample has been sent a frame ago, and nothing was written.
    Over(PlaybackOutcome),
}

impl Playback {
    pub(crate) fn new(id: u64, sound: Arc<Sound>, barge_in: Option<BargeIn>) -> Playback {
        Playback { id, sound, position: Position::default(), barge_in }
    }

    /// Fills a frame with what comes next.
    pub(crate) fn frame(&mut self, codec: Codec, frame: &mut [u8]) -> Frame {
        let (count, then) = self.sound.read(&mut self.position, codec, frame);
        match then {
            Then::Over if count == 0 => return Frame::Over(PlaybackOutcome::Completed),
            Then::Broken if count == 0 => return Frame::Over(PlaybackOutcome::SoundGone),
            _ => frame[count..].fill(codec.silence()),
        }
        if let Some(barge_in) = &mut self.barge_in {
            barge_in.sent(codec, frame);
        }
        if then == Then::Waits { Frame::Starved } else { Frame::Sound }
    }

    /// A packet of the party has arrived. True: it speaks, and that ends this playback.
    #[inline]
    pub(crate) fn is_spoken_over(&mut self, now_ns: u64, codec: Codec, payload: &[u8]) -> bool {
        self.barge_in.as_mut().is_some_and(|barge_in| barge_in.heard(now_ns, codec, payload))
    }

    pub(crate) fn into_sound(self) -> Arc<Sound> {
        self.sound
    }
}

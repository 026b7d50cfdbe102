//! The sound that a stream plays.

use std::sync::Arc;

use crate::sound::{Position, Then};
use crate::{Codec, PlaybackOutcome, Sound};

/// One running playback.
#[derive(Debug)]
pub(crate) struct Playback {
    /// Control's name for it.
    pub(crate) id: u64,
    sound: Arc<Sound>,
    position: Position,
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
    pub(crate) fn new(id: u64, sound: Arc<Sound>) -> Playback {
        Playback { id, sound, position: Position::default() }
    }

    /// Fills a frame with what comes next.
    pub(crate) fn frame(&mut self, codec: Codec, frame: &mut [u8]) -> Frame {
        let (count, then) = self.sound.read(&mut self.position, codec, frame);
        match then {
            Then::Over if count == 0 => return Frame::Over(PlaybackOutcome::Completed),
            Then::Broken if count == 0 => return Frame::Over(PlaybackOutcome::SoundGone),
            _ => frame[count..].fill(codec.silence()),
        }
        if then == Then::Waits { Frame::Starved } else { Frame::Sound }
    }

    pub(crate) fn into_sound(self) -> Arc<Sound> {
        self.sound
    }
}

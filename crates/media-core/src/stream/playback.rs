//! The sound that a stream plays.

use std::sync::Arc;

use crate::sound::Position;
use crate::{Codec, Sound};

/// One running playback.
#[derive(Debug)]
pub(crate) struct Playback {
    /// Control's name for it.
    pub(crate) id: u64,
    sound: Arc<Sound>,
    position: Position,
}

impl Playback {
    pub(crate) fn new(id: u64, sound: Arc<Sound>) -> Playback {
        Playback { id, sound, position: Position::default() }
    }

    /// Fills a frame with the next samples, silence behind the last one. False when the sound was over already: its last
    /// sample has been sent a frame ago, and nothing was written.
    pub(crate) fn frame(&mut self, codec: Codec, frame: &mut [u8]) -> bool {
        let count = self.sound.read(&mut self.position, codec, frame);
        if count == 0 {
            return false;
        }
        frame[count..].fill(codec.silence());
        true
    }

    pub(crate) fn into_sound(self) -> Arc<Sound> {
        self.sound
    }
}

//! From what the media engine says to what a control loop understands.

use base::CellId;
use call::{Input, SoundOutcome};
use media_engine::FromEngine;

/// Names the cell and step that want a sound, so that the answer finds them.
pub(super) fn sound_token(cell: CellId, step: u64) -> u128 {
    u128::from(cell.to_u64()) << 64 | u128::from(step)
}

/// The input that a message of the engine is.
pub(super) fn input(message: FromEngine) -> Input {
    match message {
        FromEngine::Media(event) => Input::Media(event),
        FromEngine::Ports { ipv6, leases } => Input::Ports { ipv6, leases },
        FromEngine::Sound { token, result, mut skipped } => {
            let sound = match result {
                Ok(prepared) => Some(prepared.sound),
                Err(why) => {
                    if skipped.is_empty() {
                        skipped.push((String::new(), why));
                    }
                    None
                }
            };
            let cell = CellId::from_u64((token >> 64) as u64);
            Input::Sound { cell, step: token as u64, outcome: SoundOutcome { sound, skipped } }
        }
        FromEngine::Recording { source, recording, fact } => Input::Recording { source, recording, fact },
    }
}

#[cfg(test)]
mod tests {
    use base::{LoopId, SoundId};
    use media_engine::PreparedSound;

    use super::*;

    #[test]
    fn the_answer_finds_the_cell_and_step_that_asked() {
        let asked = CellId::new(LoopId(2), 77);
        let result = Ok(PreparedSound { sound: SoundId(9), duration_ms: 1 });
        let answer = FromEngine::Sound { token: sound_token(asked, 5), result, skipped: Vec::new() };
        let Input::Sound { cell, step, outcome } = input(answer) else { panic!("a sound") };
        assert_eq!((cell, step, outcome.sound), (asked, 5, Some(SoundId(9))));
    }

    #[test]
    fn a_refusal_says_why_even_when_no_part_is_named() {
        let answer = FromEngine::Sound { token: 0, result: Err("too many".into()), skipped: Vec::new() };
        let Input::Sound { outcome, .. } = input(answer) else { panic!("a sound") };
        assert_eq!(outcome.skipped, [(String::new(), "too many".to_owned())]);
    }
}

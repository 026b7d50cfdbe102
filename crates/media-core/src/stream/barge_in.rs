//! Barge-in: whether the party has begun to speak while a sound is played to it (spec/actions.md `talk`, `barge_in`).
//!
//! A voice is louder than a quiet room, stands out of the noise that the party sends all the time, and is louder than what may
//! come back of our own sound. It counts once it goes on for a while, and only if it began after the sound: who was speaking
//! when the sound began is heard when he goes on after a pause.

use base::MS;

use crate::Codec;
use crate::recording::SOUND_MIN;

/// A voice has to go on for so long: longer than a click or a knock on the receiver.
const SPEECH_NS: u64 = 200 * MS;
/// A voice that comes after so much quiet has begun anew.
const PAUSE_NS: u64 = 100 * MS;
/// How much louder than the noise floor a voice is: 10 dB.
const ABOVE_FLOOR: u32 = 3;
/// What comes back of our own sound is weaker by more than this: 12 dB, above which speakers and line echo rarely come. Geigel's
/// rule for the double talk of echo cancellers, here with the mean of a packet.
const ECHO_PART: u32 = 4;
/// In each packet the noise floor goes down to a lower level by a quarter of the way, and up to a higher one by
/// this part: some seconds.
const FLOOR_FALL: u32 = 4;
const FLOOR_RISE: u32 = 256;
/// The level of what was sent is remembered, weaker by this part with each packet: an echo may take half a second.
const SENT_FADE: u32 = 16;
/// Levels are means of absolute values, in so many parts of a sample's step, or slow changes would be lost in rounding.
const PARTS: u32 = 64;

/// Hears the party during one playback. A handful of numbers; nothing here allocates.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BargeIn {
    floor: u32,
    sent: u32,
    /// End of the last voice, or the beginning of the sound.
    voice_ns: u64,
    /// The voice that is heard now has begun after the sound did.
    began: bool,
    /// How much of it was heard.
    heard_ns: u64,
}

impl BargeIn {
    /// The sound begins at `now_ns`.
    pub(crate) fn new(now_ns: u64) -> BargeIn {
        BargeIn { floor: 0, sent: 0, voice_ns: now_ns, began: false, heard_ns: 0 }
    }

    /// This was sent to the party.
    pub(crate) fn sent(&mut self, codec: Codec, payload: &[u8]) {
        let faded = self.sent - self.sent / SENT_FADE;
        self.sent = faded.max(level(codec, payload));
    }

    /// A packet of the party has arrived. True: it speaks, and has done so for long enough.
    pub(crate) fn heard(&mut self, now_ns: u64, codec: Codec, payload: &[u8]) -> bool {
        let length_ns = payload.len() as u64 * MS / 8;
        let level = level(codec, payload);
        let least = (SOUND_MIN * PARTS).max(self.floor * ABOVE_FLOOR).max(self.sent / ECHO_PART);
        let is_voice = level >= least;
        if level < self.floor {
            self.floor -= (self.floor - level) / FLOOR_FALL;
        } else {
            self.floor += (level - self.floor) / FLOOR_RISE;
        }
        if !is_voice {
            // A word has quiet moments; they do not count, and too many of them end it.
            self.heard_ns = self.heard_ns.saturating_sub(length_ns);
            return false;
        }
        if now_ns >= self.voice_ns + PAUSE_NS {
            (self.began, self.heard_ns) = (true, 0);
        }
        self.voice_ns = now_ns;
        if self.began {
            self.heard_ns += length_ns;
        }
        self.heard_ns >= SPEECH_NS
    }
}

/// The mean of the samples' absolute values.
fn level(codec: Codec, payload: &[u8]) -> u32 {
    let sum: u32 = payload.iter().map(|octet| u32::from(codec.decode(*octet).unsigned_abs())).sum();
    // A datagram has 1500 octets at most, so this fits: 1500 · 32768 · 64 < 2³².
    (sum * PARTS).checked_div(payload.len() as u32).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::noise::{dbm0, noise};

    /// A party that sends packets of 20 ms, and hears a sound all the time.
    struct Party {
        barge_in: BargeIn,
        codec: Codec,
        now_ns: u64,
        seed: u32,
        /// Level of the sound, dBm0.
        sound: f64,
    }

    impl Party {
        fn new(codec: Codec) -> Party {
            Party { barge_in: BargeIn::new(0), codec, now_ns: 0, seed: 7, sound: -20.0 }
        }

        /// Sends noise of this level; after how many ms it was taken for speech.
        fn sends(&mut self, level: f64, ms: u64) -> Option<u64> {
            (0..ms / 20).find_map(|n| {
                self.now_ns += 20 * MS;
                self.barge_in.sent(self.codec, &noise(self.codec, dbm0(self.sound), &mut self.seed));
                let heard = noise(self.codec, dbm0(level), &mut self.seed);
                self.barge_in.heard(self.now_ns, self.codec, &heard).then_some((n + 1) * 20)
            })
        }

        fn sends_nothing(&mut self, ms: u64) {
            self.now_ns += ms * MS;
        }
    }

    fn parties() -> [Party; 2] {
        [Party::new(Codec::Pcmu), Party::new(Codec::Pcma)]
    }

    #[test]
    fn a_voice_that_begins_after_the_sound_ends_it_after_200_ms() {
        for mut party in parties() {
            assert_eq!(party.sends(-65.0, 1_000), None);
            assert_eq!(party.sends(-22.0, 1_000), Some(200));
        }
    }

    #[test]
    fn a_party_that_sends_nothing_while_it_is_silent_is_heard_as_well() {
        for mut party in parties() {
            party.sends_nothing(3_000);
            assert_eq!(party.sends(-22.0, 1_000), Some(200));
        }
    }

    #[test]
    fn knocks_and_a_quiet_room_are_no_voice() {
        for mut party in parties() {
            for _ in 0..50 {
                assert_eq!(party.sends(-50.0, 300), None);
                assert_eq!(party.sends(-15.0, 100), None, "a knock");
            }
        }
    }

    #[test]
    fn knocks_of_a_party_that_sends_nothing_in_between_do_not_add_up() {
        for mut party in parties() {
            for _ in 0..50 {
                party.sends_nothing(400);
                assert_eq!(party.sends(-15.0, 100), None);
            }
        }
    }

    #[test]
    fn who_spoke_already_is_heard_after_a_pause() {
        for mut party in parties() {
            assert_eq!(party.sends(-22.0, 700), None);
            assert_eq!(party.sends(-60.0, 160), None);
            assert_eq!(party.sends(-22.0, 700), Some(200));
        }
    }

    #[test]
    fn who_stands_in_noise_can_speak_over_it() {
        for mut party in parties() {
            assert_eq!(party.sends(-30.0, 6_000), None, "the noise was there from the beginning");
            assert_eq!(party.sends(-15.0, 1_000), Some(200));
        }
    }

    #[test]
    fn what_comes_back_of_the_sound_is_no_voice() {
        for mut party in parties() {
            party.sound = -12.0;
            assert_eq!(party.sends(-65.0, 400), None);
            assert_eq!(party.sends(-26.0, 5_000), None, "14 dB of echo loss");
            party.sound = -60.0;
            // The sound pauses: its echo is still on the way for a moment.
            assert_eq!(party.sends(-26.0, 100), None);
        }
    }

    #[test]
    fn an_empty_or_a_huge_packet_does_no_harm() {
        let mut barge_in = BargeIn::new(0);
        for payload in [&[][..], &[0; 1488]] {
            for codec in [Codec::Pcmu, Codec::Pcma] {
                barge_in.sent(codec, payload);
                barge_in.heard(0, codec, payload);
            }
        }
    }
}

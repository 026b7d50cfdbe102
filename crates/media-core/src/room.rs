//! A room: several streams of one worker, each of which hears all others (N-1). Once in 20 ms it is served as a whole:
//!
//! ```text
//!   members' buffers ── who talks? ── sum of the talkers ──┬── minus the listener's own voice, encoded for each talker
//!                                                          └── encoded once per codec for all who do not talk
//! ```
//!
//! So its cost grows with the talkers; who only listens costs the sending of a packet. A recording gets the sum as it is. Members whose packets are longer or
//! shorter than 20 ms have octets wait until a packet is full ([`Member`]): 10 ms go out in pairs, 30 ms after 40 and 20 ms by
//! turns, 40 and 60 ms evenly.

pub(crate) mod fade;
mod member;
mod record;
mod voice;

use base::MS;

pub use member::Member;

use crate::codec::g711;
use crate::{Codec, WorkerCounters};
use fade::{fade_in, fade_out, mirror};
pub(crate) use record::RoomRecording;

/// Samples of a frame: 20 ms.
pub(crate) const ROOM_FRAME: usize = 160;
/// Length of a tick.
pub(crate) const ROOM_TICK_NS: u64 = 20 * MS;
/// Members of one room at most.
pub(crate) const MEMBERS_MAX: usize = 1024;
/// Samples in which what a leaver heard fades away: 10 ms, the shortest packet.
pub(crate) const FAREWELL: usize = 80;

/// The others as one of them hears them, encoded.
pub(crate) type Heard = [u8; ROOM_FRAME];

/// The members and what they say at present. Made outside of the worker's thread: one comes with each instruction to join, and
/// goes back if it is not needed.
#[derive(Debug)]
pub struct Room {
    /// Places of its members in the worker's table.
    members: Box<[u32]>,
    count: usize,
    pub(crate) due_ns: u64,
    /// Of all talkers. Stands until the next tick.
    sum: [i32; ROOM_FRAME],
    /// What those say who have left since.
    last_words: [i32; ROOM_FRAME],
    /// Who was heard in the last tick.
    pub(crate) talkers: u64,
    /// The sum, encoded for those who do not talk.
    shared: [Option<Heard>; 2],
    /// Whether what one of two presses is sent on to the other.
    pub(crate) forwards_keys: bool,
    /// The recording of the sum, if one runs.
    pub(crate) recording: Option<RoomRecording>,
}

impl Room {
    #[expect(
        clippy::disallowed_methods,
        clippy::disallowed_macros,
        reason = "a room is made outside of the worker's thread"
    )]
    pub(crate) fn new() -> Box<Room> {
        Box::new(Room {
            members: vec![0; MEMBERS_MAX].into(),
            count: 0,
            due_ns: 0,
            sum: [0; ROOM_FRAME],
            last_words: [0; ROOM_FRAME],
            talkers: 0,
            shared: [None; 2],
            forwards_keys: false,
            recording: None,
        })
    }

    pub(crate) fn members(&self) -> &[u32] {
        &self.members[..self.count]
    }

    /// False: it is full.
    pub(crate) fn add(&mut self, place: u32) -> bool {
        let Some(free) = self.members.get_mut(self.count) else { return false };
        *free = place;
        self.count += 1;
        true
    }

    /// Takes a member out; what it was saying fades away.
    pub(crate) fn remove(&mut self, place: u32, member: &mut Member) {
        let Some(at) = self.members().iter().position(|other| *other == place) else { return };
        self.count -= 1;
        self.members.swap(at, self.count);
        if let Some(words) = member.last_words() {
            add(&mut self.last_words, words);
        }
    }

    /// Nobody is in it, and it is not recorded.
    pub(crate) fn is_over(&self) -> bool {
        self.count == 0 && self.recording.is_none()
    }

    /// Hands the mix of this tick to the recording, if one runs; gives that back when nobody takes it any more.
    pub(crate) fn record(&mut self) -> Option<RoomRecording> {
        let Room { recording, sum, due_ns, .. } = self;
        recording.take_if(|running| !running.take(*due_ns, &mix(sum, None)))
    }

    /// A tick begins: nobody has said anything.
    pub(crate) fn begin(&mut self) {
        self.sum = std::mem::replace(&mut self.last_words, [0; ROOM_FRAME]);
        self.talkers = 0;
        self.shared = [None; 2];
    }

    /// A talker's frame.
    pub(crate) fn hear(&mut self, said: &[i16; ROOM_FRAME]) {
        add(&mut self.sum, said);
        self.talkers += 1;
    }

    /// What those hear who do not talk. Encoded when the first of them asks.
    pub(crate) fn shared(&mut self, codec: Codec, counters: &mut WorkerCounters) -> &Heard {
        let Room { sum, shared, .. } = self;
        let at = match codec {
            Codec::Pcmu => 0,
            Codec::Pcma => 1,
        };
        shared[at].get_or_insert_with(|| encode(&mix(sum, None), codec, counters))
    }

    /// What one member hears for whom it is encoded apart: a talker, who does not hear itself, and whoever begins to hear.
    pub(crate) fn own(
        &self,
        said: Option<&[i16; ROOM_FRAME]>,
        codec: Codec,
        begins: bool,
        counters: &mut WorkerCounters,
    ) -> Heard {
        let mut mix = mix(&self.sum, said);
        if begins {
            fade_in(&mut mix);
        }
        encode(&mix, codec, counters)
    }

    /// How it goes on for a moment for a member that leaves: what it heard last, fading.
    pub(crate) fn farewell(&self, said: Option<&[i16; ROOM_FRAME]>, codec: Codec) -> [u8; FAREWELL] {
        let mut mix = mix(&self.sum, said);
        mirror(&mut mix);
        fade_out(&mut mix[..FAREWELL]);
        let mut octets = [0; FAREWELL];
        for (octet, sample) in octets.iter_mut().zip(mix) {
            *octet = codec.encode(sample);
        }
        octets
    }
}

fn add(sum: &mut [i32; ROOM_FRAME], said: &[i16; ROOM_FRAME]) {
    for (sum, sample) in sum.iter_mut().zip(said) {
        *sum += i32::from(*sample);
    }
}

/// The sum without what one has said itself, saturated.
fn mix(sum: &[i32; ROOM_FRAME], said: Option<&[i16; ROOM_FRAME]>) -> [i16; ROOM_FRAME] {
    let mut mix = [0; ROOM_FRAME];
    match said {
        Some(said) => {
            for ((mix, sum), own) in mix.iter_mut().zip(sum).zip(said) {
                *mix = saturated(*sum - i32::from(*own));
            }
        }
        None => {
            for (mix, sum) in mix.iter_mut().zip(sum) {
                *mix = saturated(*sum);
            }
        }
    }
    mix
}

fn saturated(sum: i32) -> i16 {
    sum.clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

fn encode(mix: &[i16; ROOM_FRAME], codec: Codec, counters: &mut WorkerCounters) -> Heard {
    let mut heard = [0; ROOM_FRAME];
    match codec {
        Codec::Pcmu => {
            counters.room_encodes_pcmu += 1;
            heard.iter_mut().zip(mix).for_each(|(octet, sample)| *octet = g711::encode_ulaw(*sample));
        }
        Codec::Pcma => {
            counters.room_encodes_pcma += 1;
            heard.iter_mut().zip(mix).for_each(|(octet, sample)| *octet = g711::encode_alaw(*sample));
        }
    }
    heard
}

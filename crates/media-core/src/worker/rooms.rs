//! The rooms of a worker: who is in which, and when each is served.

use base::{MS, RecordingId, RoomId};

use super::{Slot, Worker};
use crate::recording::{RecorderTap, TapEnd};
use crate::room::{Member, ROOM_TICK_NS, Room, RoomRecording};
use crate::stream::context::Context;
use crate::{DigitString, Retired, Stream, WorkerIo};

/// Rooms of one worker at most. A room has two members as a rule, so there are more of them than a worker has streams for.
const ROOMS_MAX: u32 = 4096;
/// How far the ticks of neighbouring rooms are apart.
const PHASE_NS: u64 = 4 * MS;
/// Ticks that are served at once after a delay. If more are missing they are left out: a burst would only fill the listeners'
/// jitter buffers.
const CATCH_UP_MAX: u64 = 3;

/// All rooms. In the schedule they stand behind the streams.
#[derive(Debug)]
pub(super) struct Rooms {
    table: Box<[Entry]>,
    in_use: usize,
}

#[derive(Debug, Default)]
struct Entry {
    number: u64,
    room: Option<Box<Room>>,
}

impl Rooms {
    #[expect(clippy::disallowed_methods, reason = "made with the worker, before its first tick")]
    pub(super) fn new(places: u32) -> Rooms {
        let count = Rooms::count(places) as usize;
        Rooms { table: std::iter::repeat_with(Entry::default).take(count).collect(), in_use: 0 }
    }

    /// How many rooms a worker of so many places has at most.
    pub(super) fn count(places: u32) -> u32 {
        places.min(ROOMS_MAX)
    }

    /// The place of the room in the table, and a free one if it is in none.
    fn find(&self, number: u64) -> Result<usize, Option<usize>> {
        let (mut free, mut seen) = (None, 0);
        for (at, entry) in self.table.iter().enumerate() {
            if entry.room.is_none() {
                free = free.or(Some(at));
            } else if entry.number == number {
                return Ok(at);
            } else {
                seen += 1;
            }
            if seen == self.in_use && free.is_some() {
                break;
            }
        }
        Err(free)
    }
}

impl Worker {
    /// Puts the stream at `place` into a room. `spare` becomes the room if it does not exist yet.
    pub(super) fn join_room(
        &mut self,
        now_ns: u64,
        place: u32,
        room: RoomId,
        mut member: Box<Member>,
        spare: Box<Room>,
        io: &mut impl WorkerIo,
    ) {
        let found = self.rooms.find(room.number);
        let Some(Slot::Open(stream)) = self.slots.get(place as usize) else { return };
        if let (Ok(at), Some(in_room)) = (found, stream.room())
            && at == in_room as usize
        {
            self.retire(Retired::Member(member), io);
            return self.retire(Retired::Room(spare), io);
        }
        self.leave_room(now_ns, place, io);
        // Its going may have ended the room it was in, and that made a place free; it cannot have ended this one.
        let found = self.find_or_open(now_ns, room, spare, io);
        let Some((at, joined)) = found.and_then(|at| Some((at, self.rooms.table[at].room.as_mut()?))) else {
            return self.refuse(now_ns, place, room, member, io);
        };
        if !joined.add(place) {
            return self.refuse(now_ns, place, room, member, io);
        }
        joined.forwards_keys = member.forwards_keys;
        let due_ns = joined.due_ns;
        member.room = at as u32;
        self.counters.room_members += 1;
        self.counters.room_joins += 1;
        let Worker { slots, graveyard, counters, datagram, .. } = self;
        if let Some(Slot::Open(stream)) = slots.get_mut(place as usize) {
            stream.enter(&mut Context { now_ns, io, counters, graveyard, datagram }, member, due_ns);
        }
    }

    /// The place of the room in the table. It begins, as `spare`, if it does not exist yet; none: there is no place for it.
    fn find_or_open(
        &mut self,
        now_ns: u64,
        room: RoomId,
        mut spare: Box<Room>,
        io: &mut impl WorkerIo,
    ) -> Option<usize> {
        match self.rooms.find(room.number) {
            Err(Some(at)) => {
                let first_ns = now_ns + 1;
                let phase_ns = at as u64 * PHASE_NS % ROOM_TICK_NS;
                spare.due_ns = first_ns + (phase_ns + ROOM_TICK_NS - first_ns % ROOM_TICK_NS) % ROOM_TICK_NS;
                self.schedule.set(self.places.count() + at as u32, now_ns, spare.due_ns);
                self.rooms.table[at] = Entry { number: room.number, room: Some(spare) };
                self.rooms.in_use += 1;
                self.counters.rooms += 1;
                Some(at)
            }
            found => {
                self.retire(Retired::Room(spare), io);
                found.ok()
            }
        }
    }

    /// Ends the room in this place of the table if nobody is in it and it is not recorded.
    fn end_room_if_over(&mut self, at: u32, io: &mut impl WorkerIo) {
        if let Some(room) = self.rooms.table[at as usize].room.take_if(|room| room.is_over()) {
            self.counters.rooms -= 1;
            self.counters.room_talkers -= room.talkers;
            self.rooms.in_use -= 1;
            self.schedule.clear(self.places.count() + at);
            self.retire(Retired::Room(room), io);
        }
    }

    /// Records a room from its next tick on. `spare` becomes the room if it does not exist yet.
    pub(super) fn record_room(
        &mut self,
        now_ns: u64,
        room: RoomId,
        recording: RecordingId,
        mut tap: Box<dyn RecorderTap>,
        spare: Box<Room>,
        io: &mut impl WorkerIo,
    ) {
        let found = self.find_or_open(now_ns, room, spare, io);
        let Some(recorded) = found.and_then(|at| self.rooms.table[at].room.as_mut()) else {
            self.counters.recordings_refused += 1;
            tap.end(now_ns, TapEnd::NoPlace);
            return self.retire(Retired::Tap(tap), io);
        };
        if recorded.recording.as_ref().is_some_and(|running| !running.is_over()) {
            self.counters.recordings_refused += 1;
            tap.end(now_ns, TapEnd::Busy);
            return self.retire(Retired::Tap(tap), io);
        }
        let ended = recorded.recording.replace(RoomRecording::begin(recording, tap, recorded.due_ns));
        if let Some(ended) = ended {
            self.retire(Retired::Tap(ended.into_tap()), io);
        }
    }

    /// Ends the recording of a room, if it is this one.
    pub(super) fn stop_room_recording(
        &mut self,
        now_ns: u64,
        room: RoomId,
        recording: RecordingId,
        io: &mut impl WorkerIo,
    ) {
        let Ok(at) = self.rooms.find(room.number) else { return };
        let running = self.rooms.table[at].room.as_mut().map(|room| &mut room.recording);
        if let Some(ended) = running.and_then(|running| running.take_if(|running| running.id == recording)) {
            self.retire(Retired::Tap(ended.end(now_ns, TapEnd::Stopped)), io);
            self.end_room_if_over(at as u32, io);
        }
    }

    fn refuse(&mut self, now_ns: u64, place: u32, room: RoomId, member: Box<Member>, io: &mut impl WorkerIo) {
        self.counters.room_joins_refused += 1;
        let Worker { slots, graveyard, counters, datagram, .. } = self;
        let mut cx = Context { now_ns, io, counters, graveyard, datagram };
        if let Some(Slot::Open(stream)) = slots.get_mut(place as usize) {
            stream.refuse_room(&mut cx, room);
        }
        cx.retire(Retired::Member(member));
    }

    /// Takes the stream at `place` out of its room, if it is in one.
    pub(super) fn leave_room(&mut self, now_ns: u64, place: u32, io: &mut impl WorkerIo) {
        let Some(Slot::Open(stream)) = self.slots.get_mut(place as usize) else { return };
        let Some(at) = stream.room() else { return };
        let codec = stream.codec();
        let Some(room) = &mut self.rooms.table[at as usize].room else { return };
        let Some(member) = stream.member() else { return };
        let farewell = room.farewell(member.said(), codec);
        room.remove(place, member);
        self.counters.room_members -= 1;
        let member = stream.leave(farewell);
        self.end_room_if_over(at, io);
        if let Some(member) = member {
            self.retire(Retired::Member(member), io);
        }
        self.reschedule(now_ns, place);
    }

    /// Serves the room with this number in the table: everything that is due.
    pub(super) fn serve_room(&mut self, now_ns: u64, at: u32, io: &mut impl WorkerIo) {
        let Worker { slots, graveyard, counters, datagram, rooms, schedule, places, congested, .. } = self;
        let Some(room) = &mut rooms.table[at as usize].room else { return };
        let missed = now_ns.saturating_sub(room.due_ns) / ROOM_TICK_NS;
        counters.room_ticks_missed += missed;
        if missed > CATCH_UP_MAX {
            room.due_ns += missed * ROOM_TICK_NS;
        }
        let mut cx = Context { now_ns, io, counters, graveyard, datagram };
        while room.due_ns <= now_ns {
            tick(room, slots, congested, &mut cx);
            room.due_ns += ROOM_TICK_NS;
        }
        schedule.set(places.count() + at, now_ns, room.due_ns);
        // Its recording may have ended by itself, with nobody there.
        self.end_room_if_over(at, io);
    }
}

/// Twenty milliseconds of a room.
fn tick<Io: WorkerIo>(room: &mut Room, slots: &mut [Slot], congested: &mut u32, cx: &mut Context<'_, Io>) {
    let tick_ns = room.due_ns;
    cx.counters.room_ticks += 1;
    cx.counters.room_talkers -= room.talkers;
    room.begin();
    for at in 0..room.members().len() {
        let Some(stream) = open(slots, room.members()[at]) else { continue };
        if let Some(said) = stream.say(cx, tick_ns) {
            room.hear(said);
        }
    }
    cx.counters.room_talkers += room.talkers;
    if let Some(over) = room.record() {
        cx.retire_tap(over.into_tap());
    }
    if room.forwards_keys {
        forward_all_keys(room, slots, cx);
    }
    for at in 0..room.members().len() {
        let Some(stream) = open(slots, room.members()[at]) else { continue };
        let codec = stream.codec();
        let hears = stream.hears_room();
        let had_room = stream.has_room();
        let Some(member) = stream.member() else { continue };
        let (said, begins) = (member.said(), !member.hears);
        if !hears {
            stream.hear(cx, tick_ns, None);
        } else if said.is_some() || begins {
            let heard = room.own(said, codec, begins, cx.counters);
            stream.hear(cx, tick_ns, Some(&heard));
        } else {
            let heard = room.shared(codec, cx.counters);
            stream.hear(cx, tick_ns, Some(heard));
        }
        match (had_room, stream.has_room()) {
            (true, false) => *congested += 1,
            (false, true) => *congested -= 1,
            _ => {}
        }
    }
}

/// With more than two, or one alone, what was pressed is for nobody.
fn forward_all_keys<Io: WorkerIo>(room: &Room, slots: &mut [Slot], cx: &mut Context<'_, Io>) {
    if let [one, other] = *room.members() {
        forward_keys(slots, one, other, cx);
        forward_keys(slots, other, one, cx);
    } else {
        for place in room.members() {
            if let Some(member) = open(slots, *place).and_then(Stream::member) {
                member.take_keys();
            }
        }
    }
}

/// spec/media.md §5: what one of two presses the other is told, after the key was released. Sent as the other one has negotiated it.
fn forward_keys<Io: WorkerIo>(slots: &mut [Slot], from: u32, to: u32, cx: &mut Context<'_, Io>) {
    let Some(member) = open(slots, from).and_then(Stream::member) else { return };
    let keys = member.take_keys();
    let Some(other) = open(slots, to) else { return };
    for key in keys.into_iter().flatten() {
        let duration_ms = u16::try_from(key.duration_ms).unwrap_or(u16::MAX);
        other.send_digits(cx, DigitString::new(key.digit.encode_utf8(&mut [0; 4]), duration_ms, 0));
        cx.counters.room_keys_forwarded += 1;
    }
}

fn open(slots: &mut [Slot], place: u32) -> Option<&mut Stream> {
    match slots.get_mut(place as usize) {
        Some(Slot::Open(stream)) => Some(stream),
        _ => None,
    }
}

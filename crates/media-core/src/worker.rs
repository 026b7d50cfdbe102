//! One worker: a table of streams, one of rooms, and the schedule of when they are due. It routes only; what a stream does is in
//! `stream`, what a room does in `room`.

mod rooms;
mod transit;

use std::net::SocketAddr;

use base::{LoopId, StreamId, WorkerId};

use self::rooms::Rooms;
use crate::schedule::Schedule;
use crate::stream::RETRY_NS;
use crate::stream::context::{Context, DATAGRAM_MAX, Graveyard};
use crate::telephone_event::Digit;
use crate::{Event, Op, Places, Port, Retired, Stream, StreamStats, Transit, WorkerCounters, WorkerIo};

/// Owns the streams of one media thread. Everything is allocated when it is made.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    places: Places,
    slots: Box<[Slot]>,
    rooms: Rooms,
    /// Of the slots, and behind them of the rooms.
    schedule: Schedule,
    graveyard: Graveyard,
    /// When the graveyard is tried again, ns.
    retire_ns: u64,
    /// Streams whose facts take up most of their room.
    congested: u32,
    counters: WorkerCounters,
    datagram: Box<[u8; DATAGRAM_MAX]>,
}

/// ```text
/// Free ── Open op ──► Open ── Close op ──► Closing ── facts taken, memory retired ──► Closed ── event taken ──► Free
/// Free ── Arrive op ──► Open ── HandOver op ──► Free
/// ```
#[derive(Debug, Default)]
enum Slot {
    #[default]
    Free,
    Open(Box<Stream>),
    Closing(Box<Stream>),
    Closed {
        stream: StreamId,
        owner: LoopId,
        stats: StreamStats,
    },
}

impl Worker {
    /// A worker with room for `slots` streams.
    pub fn new(id: WorkerId, slots: u32) -> Worker {
        Worker::with_guests(id, slots, 1)
    }

    /// One of `workers` workers, each of which has `slots` streams of its own and room for those of all others.
    #[expect(clippy::disallowed_methods, reason = "a worker is made before its first tick")]
    pub fn with_guests(id: WorkerId, slots: u32, workers: u8) -> Worker {
        let places = Places::new(id, slots, workers);
        let count = places.count() as usize;
        Worker {
            id,
            places,
            rooms: Rooms::new(places.count()),
            slots: std::iter::repeat_with(Slot::default).take(count).collect(),
            schedule: Schedule::new(count + Rooms::count(places.count()) as usize),
            graveyard: Graveyard::new(count, Rooms::count(places.count()) as usize),
            retire_ns: 0,
            congested: 0,
            counters: WorkerCounters::default(),
            datagram: Box::new([0; DATAGRAM_MAX]),
        }
    }

    /// The worker's id.
    pub fn id(&self) -> WorkerId {
        self.id
    }

    /// What was counted.
    pub fn counters(&self) -> &WorkerCounters {
        &self.counters
    }

    /// Totals so far of an open stream.
    pub fn stats(&self, stream: StreamId) -> Option<StreamStats> {
        match self.slots.get(self.places.place(stream)? as usize) {
            Some(Slot::Open(open)) if open.id() == stream => Some(open.stats()),
            _ => None,
        }
    }

    /// Whether more instructions may be given. False while events or sounds that the outside does not take have filled
    /// most of the room kept for them: then leave instructions in their ring and go on with `receive` and `tick`.
    pub fn accepts_ops(&self) -> bool {
        self.congested == 0 && self.graveyard.has_room()
    }

    /// When `tick` has something to do next, ns; none when nothing is open.
    pub fn next_tick_ns(&self) -> Option<u64> {
        let retire_ns = if self.graveyard.is_empty() { None } else { Some(self.retire_ns) };
        [self.schedule.next_ns(), retire_ns].into_iter().flatten().min()
    }

    /// Carries out one instruction. One for a lease that is over, or for a slot in use, is dropped and counted.
    pub fn apply(&mut self, now_ns: u64, op: Op, io: &mut impl WorkerIo) {
        let id = op.stream();
        let place = id.and_then(|id| self.places.place(id)).unwrap_or(u32::MAX);
        let is_here = matches!(self.slots.get(place as usize), Some(Slot::Open(stream)) if Some(stream.id()) == id);
        match op {
            Op::Open { owner, slot, .. } => self.open(now_ns, owner, slot, io),
            Op::Arrive { journey, slot } => self.arrive(now_ns, journey, slot, io),
            Op::StartRoomRecording { room, recording, tap, spare } => {
                self.record_room(now_ns, room, recording, tap, spare, io);
            }
            Op::StopRoomRecording { room, recording } => self.stop_room_recording(now_ns, room, recording, io),
            op if !is_here => self.drop_stale(op, io),
            Op::JoinRoom { room, member, spare, .. } => {
                let had_room = self.has_room(place);
                self.join_room(now_ns, place, room, member, spare, io);
                self.note_room(had_room, place);
                self.reschedule(now_ns, place);
            }
            Op::LeaveRoom { .. } => self.leave_room(now_ns, place, io),
            Op::Move(journey) => self.make_ready(now_ns, place, journey, io),
            Op::HandOver(journey) => self.hand_over(now_ns, place, journey, io),
            Op::Close { .. } => self.close(now_ns, place, io),
            op => self.instruct(now_ns, place, op, io),
        }
        self.mind_graveyard(now_ns);
    }

    /// What the stream at `place` carries out alone.
    fn instruct(&mut self, now_ns: u64, place: u32, op: Op, io: &mut impl WorkerIo) {
        let Worker { slots, graveyard, counters, datagram, .. } = self;
        let mut cx = Context { now_ns, io, counters, graveyard, datagram };
        let Some(Slot::Open(stream)) = slots.get_mut(place as usize) else { return };
        let had_room = stream.has_room();
        match op {
            Op::Configure { settings, .. } => stream.configure(&mut cx, settings),
            Op::Play { playback, sound, barge_in, .. } => stream.play(&mut cx, playback, sound, barge_in),
            Op::SoundGone { playback, .. } => stream.sound_gone(&mut cx, playback),
            Op::StopPlayback { .. } => stream.stop_playback(&mut cx),
            Op::Echo { mode, .. } => stream.set_echo(&mut cx, mode),
            Op::SendDigits { digits, .. } => stream.send_digits(&mut cx, digits),
            Op::ForwardKey { digit, duration_ms, .. } => stream.forward_key(Digit { digit, duration_ms }),
            Op::StartRecording { recording, tap, .. } => stream.start_recording(&mut cx, recording, tap),
            Op::StopRecording { recording, .. } => stream.stop_recording(&mut cx, recording),
            // `apply` has taken up the others.
            Op::Open { .. }
            | Op::Arrive { .. }
            | Op::JoinRoom { .. }
            | Op::LeaveRoom { .. }
            | Op::StartRoomRecording { .. }
            | Op::StopRoomRecording { .. }
            | Op::Move(_)
            | Op::HandOver(_)
            | Op::Close { .. } => {}
        }
        self.note_room(had_room, place);
        self.reschedule(now_ns, place);
    }

    /// An instruction for a stream that is not here.
    fn drop_stale(&mut self, op: Op, io: &mut impl WorkerIo) {
        self.counters.ops_stale += 1;
        match op {
            Op::Play { sound, .. } => self.retire(Retired::Sound(sound), io),
            Op::StartRecording { tap, .. } => self.retire(Retired::Tap(tap), io),
            Op::JoinRoom { member, spare, .. } => {
                self.retire(Retired::Member(member), io);
                self.retire(Retired::Room(spare), io);
            }
            Op::Move(journey) | Op::HandOver(journey) => self.retire(Retired::Transit(Transit::Refused(journey)), io),
            _ => {}
        }
    }

    fn open(&mut self, now_ns: u64, owner: LoopId, mut stream: Box<Stream>, io: &mut impl WorkerIo) {
        let place = self.places.place(stream.id()).unwrap_or(u32::MAX);
        if !matches!(self.slots.get(place as usize), Some(Slot::Free)) {
            self.counters.opens_refused += 1;
            return self.retire(Retired::Stream(stream), io);
        }
        stream.open(now_ns, owner, place);
        self.slots[place as usize] = Slot::Open(stream);
        self.counters.opened += 1;
        self.counters.open_streams += 1;
        self.reschedule(now_ns, place);
    }

    fn close(&mut self, now_ns: u64, place: u32, io: &mut impl WorkerIo) {
        self.leave_room(now_ns, place, io);
        let Worker { slots, graveyard, counters, datagram, .. } = self;
        let slot = &mut slots[place as usize];
        if let Slot::Open(stream) = slot {
            let had_room = stream.has_room();
            stream.close(&mut Context { now_ns, io, counters, graveyard, datagram });
            self.note_room(had_room, place);
        }
        let slot = &mut self.slots[place as usize];
        *slot = match std::mem::take(slot) {
            Slot::Open(stream) => Slot::Closing(stream),
            other => other,
        };
        self.go_on_closing(now_ns, place, io);
    }

    /// Whether a stream is served at `place`. If one has just been handed over, what arrives for it must be left in its sockets.
    pub fn serves(&self, place: u32) -> bool {
        matches!(self.slots.get(place as usize), Some(Slot::Open(_)))
    }

    /// The order of the table.
    pub fn places(&self) -> Places {
        self.places
    }

    /// Says that a datagram for `slot` will be given to `receive` soon. The states of some thousand streams are in no processor's
    /// cache, and each packet would wait for several of them in a row. Whoever knows the next dozens of packets calls
    /// this for all of them first: then they wait for all at once.
    #[inline]
    pub fn touch(&self, slot: u32) {
        if let Some(Slot::Open(stream)) = self.slots.get(slot as usize) {
            std::hint::black_box(stream.touch());
        }
    }

    /// One datagram that arrived at the `port` of the stream in place `slot`. An echo answers before this returns.
    #[inline]
    pub fn receive(
        &mut self,
        now_ns: u64,
        slot: u32,
        port: Port,
        datagram: &[u8],
        from: SocketAddr,
        io: &mut impl WorkerIo,
    ) {
        let Worker { slots, graveyard, counters, datagram: buffer, .. } = self;
        let Some(Slot::Open(stream)) = slots.get_mut(slot as usize) else {
            counters.drop_no_stream += 1;
            return;
        };
        let mut cx = Context { now_ns, io, counters, graveyard, datagram: buffer };
        let had_room = stream.has_room();
        match port {
            Port::Rtp => stream.receive_rtp(&mut cx, datagram, from),
            Port::Rtcp => stream.receive_rtcp(&mut cx, datagram, from),
        }
        let wake_ns = stream.wake_ns(now_ns);
        if !had_room {
            self.note_room(had_room, slot);
        }
        if self.schedule.due_ns(slot).is_none_or(|due_ns| wake_ns < due_ns) {
            self.schedule.set(slot, now_ns, wake_ns);
        }
    }

    /// Serves everything that is due at `now_ns`.
    pub fn tick(&mut self, now_ns: u64, io: &mut impl WorkerIo) {
        if !self.graveyard.is_empty() {
            self.graveyard.flush(io, &mut self.counters);
            self.retire_ns = now_ns + RETRY_NS;
        }
        while let Some(slot) = self.schedule.pop_due(now_ns) {
            match slot.checked_sub(self.places.count()) {
                Some(room) => self.serve_room(now_ns, room, io),
                None => self.serve(now_ns, slot, io),
            }
        }
        self.mind_graveyard(now_ns);
    }

    fn serve(&mut self, now_ns: u64, slot: u32, io: &mut impl WorkerIo) {
        let Worker { slots, graveyard, counters, datagram, .. } = self;
        let Slot::Open(stream) = &mut slots[slot as usize] else {
            return self.go_on_closing(now_ns, slot, io);
        };
        let had_room = stream.has_room();
        stream.tick(&mut Context { now_ns, io, counters, graveyard, datagram });
        self.note_room(had_room, slot);
        // Never at once again, whatever it says: this is called in a loop until nothing is due.
        if let Slot::Open(stream) = &self.slots[slot as usize] {
            self.schedule.set(slot, now_ns, stream.wake_ns(now_ns).max(now_ns + 1));
        }
    }

    /// Takes a closing slot as far as the outside permits.
    fn go_on_closing(&mut self, now_ns: u64, slot: u32, io: &mut impl WorkerIo) {
        let Worker { slots, graveyard, counters, datagram, .. } = self;
        let place = &mut slots[slot as usize];
        if let Slot::Closing(stream) = place {
            let had_room = stream.has_room();
            let flushed = stream.flush(&mut Context { now_ns, io, counters, graveyard, datagram });
            if had_room != stream.has_room() {
                self.congested -= 1;
            }
            if flushed {
                let closed = Slot::Closed { stream: stream.id(), owner: stream.owner(), stats: stream.stats() };
                if let Slot::Closing(stream) = std::mem::replace(place, closed)
                    && let Err(Retired::Stream(stream)) = io.retire(Retired::Stream(stream))
                {
                    *place = Slot::Closing(stream);
                }
            }
        }
        if let Slot::Closed { stream, owner, stats } = place
            && io.event(*owner, Event::Closed { stream: *stream, stats: *stats }).is_ok()
        {
            *place = Slot::Free;
            counters.closed += 1;
            counters.open_streams -= 1;
            self.schedule.clear(slot);
            return;
        }
        self.schedule.set(slot, now_ns, now_ns + RETRY_NS);
    }

    fn has_room(&self, slot: u32) -> bool {
        match self.slots.get(slot as usize) {
            Some(Slot::Open(stream)) => stream.has_room(),
            _ => true,
        }
    }

    fn note_room(&mut self, had_room: bool, slot: u32) {
        if let Slot::Open(stream) = &self.slots[slot as usize] {
            match (had_room, stream.has_room()) {
                (true, false) => self.congested += 1,
                (false, true) => self.congested -= 1,
                _ => {}
            }
        }
    }

    fn reschedule(&mut self, now_ns: u64, slot: u32) {
        if let Slot::Open(stream) = &self.slots[slot as usize] {
            self.schedule.set(slot, now_ns, stream.wake_ns(now_ns));
        }
    }

    fn retire(&mut self, retired: Retired, io: &mut impl WorkerIo) {
        self.graveyard.add(retired, io, &mut self.counters);
    }

    /// Makes sure that what could not be retired is tried again.
    fn mind_graveyard(&mut self, now_ns: u64) {
        if !self.graveyard.is_empty() && self.retire_ns <= now_ns {
            self.retire_ns = now_ns + RETRY_NS;
        }
    }
}

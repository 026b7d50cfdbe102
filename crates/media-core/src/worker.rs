//! One worker: a table of streams and the schedule of when they are due. It routes only; what a stream does is in
//! `stream`.

use std::net::SocketAddr;

use base::{LoopId, StreamId, WorkerId};

use crate::schedule::Schedule;
use crate::stream::RETRY_NS;
use crate::stream::context::{Context, DATAGRAM_MAX, Graveyard};
use crate::{Event, Op, Port, Retired, Stream, StreamStats, WorkerCounters, WorkerIo};

/// Owns the streams of one media thread. Everything is allocated when it is made.
#[derive(Debug)]
pub struct Worker {
    id: WorkerId,
    slots: Box<[Slot]>,
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
    #[expect(clippy::disallowed_methods, reason = "a worker is made before its first tick")]
    pub fn new(id: WorkerId, slots: u32) -> Worker {
        let count = slots as usize;
        Worker {
            id,
            slots: std::iter::repeat_with(Slot::default).take(count).collect(),
            schedule: Schedule::new(count),
            graveyard: Graveyard::new(count),
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
        match self.slots.get(stream.slot as usize) {
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
        let op = match op {
            Op::Open { owner, slot, .. } => return self.open(now_ns, owner, slot, io),
            op => op,
        };
        let Worker { slots, graveyard, counters, datagram, .. } = self;
        let mut cx = Context { now_ns, io, counters, graveyard, datagram };
        let stream = match slots.get_mut(id.slot as usize) {
            Some(Slot::Open(stream)) if stream.id() == id => stream,
            _ => {
                cx.counters.ops_stale += 1;
                match op {
                    Op::Play { sound, .. } => cx.retire_sound(sound),
                    Op::StartRecording { tap, .. } => cx.retire_tap(tap),
                    _ => {}
                }
                return self.mind_graveyard(now_ns);
            }
        };
        let had_room = stream.has_room();
        let closes = matches!(op, Op::Close { .. });
        match op {
            Op::Configure { settings, .. } => stream.configure(&mut cx, settings),
            Op::Play { playback, sound, .. } => stream.play(&mut cx, playback, sound),
            Op::SoundGone { playback, .. } => stream.sound_gone(&mut cx, playback),
            Op::StopPlayback { .. } => stream.stop_playback(&mut cx),
            Op::Echo { mode, .. } => stream.set_echo(&mut cx, mode),
            Op::SendDigits { digits, .. } => stream.send_digits(&mut cx, digits),
            Op::StartRecording { recording, tap, .. } => stream.start_recording(&mut cx, recording, tap),
            Op::StopRecording { recording, .. } => stream.stop_recording(&mut cx, recording),
            Op::JoinRoom { room, .. } => stream.refuse_room(&mut cx, room),
            Op::LeaveRoom { .. } => {}
            Op::Close { .. } => stream.close(&mut cx),
            Op::Open { .. } => {}
        }
        self.note_room(had_room, id.slot);
        if closes {
            self.slots[id.slot as usize] = match std::mem::take(&mut self.slots[id.slot as usize]) {
                Slot::Open(stream) => Slot::Closing(stream),
                other => other,
            };
            self.go_on_closing(now_ns, id.slot, io);
        } else {
            self.reschedule(now_ns, id.slot);
        }
        self.mind_graveyard(now_ns);
    }

    fn open(&mut self, now_ns: u64, owner: LoopId, mut stream: Box<Stream>, io: &mut impl WorkerIo) {
        let slot = stream.id().slot;
        if !matches!(self.slots.get(slot as usize), Some(Slot::Free)) {
            self.counters.opens_refused += 1;
            self.graveyard.add(Retired::Stream(stream), io, &mut self.counters);
            return self.mind_graveyard(now_ns);
        }
        stream.open(now_ns, owner);
        self.slots[slot as usize] = Slot::Open(stream);
        self.counters.opened += 1;
        self.counters.open_streams += 1;
        self.reschedule(now_ns, slot);
    }

    /// One datagram that arrived at the `port` of `slot`. An echo answers before this returns.
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
            self.serve(now_ns, slot, io);
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

    /// Makes sure that what could not be retired is tried again.
    fn mind_graveyard(&mut self, now_ns: u64) {
        if !self.graveyard.is_empty() && self.retire_ns <= now_ns {
            self.retire_ns = now_ns + RETRY_NS;
        }
    }
}

//! Streams that come from another worker and go to another one; see [`crate::Transit`].

use super::{Slot, Worker};
use crate::{Journey, Retired, Stream, Transit, WorkerIo};

impl Worker {
    /// A stream shall go to another worker.
    pub(super) fn make_ready(&mut self, now_ns: u64, place: u32, journey: Journey, io: &mut impl WorkerIo) {
        self.leave_room(now_ns, place, io);
        self.retire(Retired::Transit(Transit::Wanted(journey)), io);
    }

    /// And there it goes, with all that waits in it.
    pub(super) fn hand_over(&mut self, now_ns: u64, place: u32, journey: Journey, io: &mut impl WorkerIo) {
        self.leave_room(now_ns, place, io);
        let slot = &mut self.slots[place as usize];
        match std::mem::take(slot) {
            Slot::Open(stream) => {
                self.congested -= u32::from(!stream.has_room());
                self.schedule.clear(place);
                self.counters.open_streams -= 1;
                self.counters.facts_waiting -= stream.facts_waiting();
                self.counters.moved_out += 1;
                self.retire(Retired::Transit(Transit::Underway(journey, stream)), io);
            }
            other => *slot = other,
        }
    }

    /// Here it comes. Its place is its own, so it is free.
    pub(super) fn arrive(&mut self, now_ns: u64, journey: Journey, mut stream: Box<Stream>, io: &mut impl WorkerIo) {
        let place = self.places.place(stream.id()).unwrap_or(u32::MAX);
        if matches!(self.slots.get(place as usize), Some(Slot::Free)) {
            stream.move_to(place);
            self.congested += u32::from(!stream.has_room());
            self.counters.open_streams += 1;
            self.counters.facts_waiting += stream.facts_waiting();
            self.counters.moved_in += 1;
            self.slots[place as usize] = Slot::Open(stream);
            self.reschedule(now_ns, place);
        } else {
            self.counters.opens_refused += 1;
            self.retire(Retired::Stream(stream), io);
        }
        self.retire(Retired::Transit(Transit::Arrived(journey)), io);
    }
}

//! Where the streams of one control loop are, as far as they are not at home, and the commands that wait for those that are on
//! their way.

use std::collections::{BTreeMap, VecDeque};

use base::{StreamId, WorkerId};
use crossbeam_channel::Receiver;
use media_core::Command;

use crate::mover::Arrival;

/// Bounded by the streams of the loop: an entry lives from a stream's first move to its `Close`.
pub(crate) struct Whereabouts {
    streams: BTreeMap<StreamId, Where>,
    pub(crate) arrivals: Receiver<Arrival>,
    moving: usize,
    held: usize,
}

enum Where {
    At(WorkerId),
    Moving {
        from: WorkerId,
        since_ns: u64,
        /// In order. Its bound is that of the commands that control may have outstanding.
        held: VecDeque<Command>,
    },
}

impl Whereabouts {
    pub(crate) fn new(arrivals: Receiver<Arrival>) -> Whereabouts {
        Whereabouts { streams: BTreeMap::new(), arrivals, moving: 0, held: 0 }
    }

    /// The worker that serves a stream.
    pub(crate) fn worker(&self, stream: StreamId) -> WorkerId {
        match self.streams.get(&stream) {
            Some(Where::At(worker) | Where::Moving { from: worker, .. }) => *worker,
            None => stream.worker,
        }
    }

    /// Keeps the command if its stream is on its way; else gives it back.
    pub(crate) fn hold(&mut self, command: Command) -> Option<Command> {
        match command.stream().and_then(|stream| self.streams.get_mut(&stream)) {
            Some(Where::Moving { held, .. }) => {
                held.push_back(command);
                self.held += 1;
                None
            }
            _ => Some(command),
        }
    }

    /// A stream sets out; `first` is for its new worker.
    pub(crate) fn set_out(&mut self, now_ns: u64, stream: StreamId, first: Command) {
        let from = self.worker(stream);
        self.streams.insert(stream, Where::Moving { from, since_ns: now_ns, held: VecDeque::from([first]) });
        self.moving += 1;
        self.held += 1;
    }

    /// A journey has ended: how long it took, ns, and the commands that have waited.
    pub(crate) fn arrived(&mut self, arrival: &Arrival) -> Option<(u64, VecDeque<Command>)> {
        let stream = arrival.journey.stream;
        match self.streams.remove(&stream) {
            Some(Where::Moving { from, since_ns, held }) => {
                let at = if arrival.has_moved { arrival.journey.to } else { from };
                if at != stream.worker {
                    self.streams.insert(stream, Where::At(at));
                }
                self.moving -= 1;
                self.held -= held.len();
                Some((arrival.at_ns.saturating_sub(since_ns), held))
            }
            Some(other) => {
                self.streams.insert(stream, other);
                None
            }
            None => None,
        }
    }

    /// A stream is told to close: no command for it comes any more.
    pub(crate) fn forget(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
    }

    /// Streams on their way.
    pub(crate) fn moving(&self) -> usize {
        self.moving
    }

    /// Commands that wait for them.
    pub(crate) fn held(&self) -> usize {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use base::{LoopId, RoomId};
    use media_core::Journey;

    use super::*;

    const STREAM: StreamId = StreamId { worker: WorkerId(0), slot: 3, lease: 2 };

    fn join(worker: u8) -> Command {
        Command::JoinRoom { stream: STREAM, room: RoomId { worker: WorkerId(worker), number: 5 }, forwards_keys: false }
    }

    fn arrival(to: u8, has_moved: bool) -> Arrival {
        let journey = Journey { stream: STREAM, owner: LoopId(0), to: WorkerId(to) };
        Arrival { journey, has_moved, at_ns: 900 }
    }

    #[test]
    fn commands_wait_in_order_while_their_stream_is_on_its_way() {
        let mut whereabouts = Whereabouts::new(crossbeam_channel::never());
        assert_eq!(whereabouts.hold(join(1)), Some(join(1)), "it is at home");
        whereabouts.set_out(400, STREAM, join(1));
        assert_eq!(whereabouts.hold(Command::Close { stream: STREAM }), None);
        assert_eq!((whereabouts.moving(), whereabouts.held(), whereabouts.worker(STREAM)), (1, 2, WorkerId(0)));
        let (took_ns, held) = whereabouts.arrived(&arrival(1, true)).unwrap();
        assert_eq!((took_ns, held), (500, VecDeque::from([join(1), Command::Close { stream: STREAM }])));
        assert_eq!((whereabouts.moving(), whereabouts.held(), whereabouts.worker(STREAM)), (0, 0, WorkerId(1)));
        assert!(whereabouts.arrived(&arrival(1, true)).is_none(), "once");
        whereabouts.forget(STREAM);
        assert_eq!(whereabouts.worker(STREAM), WorkerId(0));
    }

    #[test]
    fn who_could_not_go_is_where_it_was_and_who_comes_home_is_forgotten() {
        let mut whereabouts = Whereabouts::new(crossbeam_channel::never());
        whereabouts.set_out(0, STREAM, join(1));
        whereabouts.arrived(&arrival(1, false)).unwrap();
        assert!(whereabouts.streams.is_empty());
        whereabouts.set_out(0, STREAM, join(1));
        whereabouts.arrived(&arrival(1, true)).unwrap();
        whereabouts.set_out(0, STREAM, join(0));
        assert_eq!(whereabouts.worker(STREAM), WorkerId(1));
        whereabouts.arrived(&arrival(0, true)).unwrap();
        assert!(whereabouts.streams.is_empty());
    }
}

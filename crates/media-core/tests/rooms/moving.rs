//! A stream goes from one worker to another and keeps its id, its numbers and what waits in it.

use base::{LoopId, MS, RoomId, StreamId, WorkerId};
use media_core::{Codec, Command, Event, Journey, Op, Transit, Worker};

use crate::support::*;

fn journey(to: u8) -> Journey {
    Journey { stream: id(0), owner: LoopId(0), to: WorkerId(to) }
}

/// Carries a stream as the engine does; the two workers' sockets are one here.
fn carry(from: &mut Worker, to: &mut Worker, now_ns: u64, outside: &mut Outside, journey: Journey) {
    from.apply(now_ns, Op::Move(journey), outside);
    assert!(matches!(outside.transits.pop(), Some(Transit::Wanted(wanted)) if wanted == journey));
    from.apply(now_ns, Op::HandOver(journey), outside);
    let Some(Transit::Underway(underway, slot)) = outside.transits.pop() else { panic!("not handed over") };
    assert_eq!(underway, journey);
    to.apply(now_ns, Op::Arrive { journey, slot }, outside);
    assert!(matches!(outside.transits.pop(), Some(Transit::Arrived(arrived)) if arrived == journey));
}

#[test]
fn a_stream_goes_on_where_it_was_on_another_worker() {
    let mut hall = Hall::new(vec![Phone::new(0, Codec::Pcmu, Some(500.0))]);
    let mut first = Worker::with_guests(WorkerId(0), 4, 2);
    let mut second = Worker::with_guests(WorkerId(1), 4, 2);
    let config = hall.phones[0].config.clone();
    let open =
        Op::resolve(Command::Open { stream: id(0), config }, LoopId(0), |_| None, |request| panic!("{request:?}"));
    first.apply(hall.now_ns, open, &mut hall.outside);
    let mut sent = Vec::new();
    let mut places = Vec::new();
    for round in 0..6 {
        for _ in 0..100 {
            hall.now_ns += MS;
            first.tick(hall.now_ns, &mut hall.outside);
            second.tick(hall.now_ns, &mut hall.outside);
            for (place, datagram) in hall.outside.sent.drain(..) {
                places.push(place);
                sent.push(media_core::rtp::Packet::parse(&datagram).unwrap().header);
            }
        }
        let (from, to) = if round % 2 == 0 { (&mut first, &mut second) } else { (&mut second, &mut first) };
        carry(from, to, hall.now_ns, &mut hall.outside, journey(1 - round % 2));
        assert_eq!((from.counters().open_streams, to.counters().open_streams), (0, 1));
        assert!(to.stats(id(0)).is_some() && from.stats(id(0)).is_none());
    }
    assert_eq!(sent.len(), 30);
    for pair in sent.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
        assert_eq!(pair[1].timestamp, pair[0].timestamp.wrapping_add(160));
    }
    // At home it has its own slot, away it is a guest behind the worker's own ones.
    assert_eq!((places[0], places[7]), (0, 4));
    first.apply(hall.now_ns, Op::Close { stream: id(0) }, &mut hall.outside);
    assert!(
        matches!(hall.outside.events[..], [Event::Closed { stream, stats }] if stream == id(0) && stats.sent_packets == 30)
    );
    assert_eq!(first.counters().open_streams + second.counters().open_streams, 0);
}

#[test]
fn who_is_not_here_cannot_go() {
    let mut hall = Hall::new(vec![Phone::new(0, Codec::Pcmu, None)]);
    for stream in [id(5), StreamId { lease: 9, ..id(0) }, StreamId { worker: WorkerId(3), ..id(0) }] {
        for op in [Op::Move(Journey { stream, ..journey(1) }), Op::HandOver(Journey { stream, ..journey(1) })] {
            hall.worker.apply(hall.now_ns, op, &mut hall.outside);
            assert!(matches!(hall.outside.transits.pop(), Some(Transit::Refused(journey)) if journey.stream == stream));
        }
    }
    assert_eq!(hall.counters().ops_stale, 6);
}

#[test]
fn a_mover_leaves_its_room() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, Codec::Pcmu, Some(400.0))).collect());
    (0..2).for_each(|n| hall.join(n, 1));
    hall.run_ms(200);
    hall.worker.apply(hall.now_ns, Op::Move(journey(1)), &mut hall.outside);
    assert_eq!(hall.counters().room_members, 1);
    hall.worker.apply(hall.now_ns, Op::HandOver(journey(1)), &mut hall.outside);
    let Some(Transit::Underway(journey, slot)) = hall.outside.transits.pop() else { panic!("not handed over") };
    let mut other = Worker::with_guests(WorkerId(1), 4, 2);
    other.apply(hall.now_ns, Op::Arrive { journey, slot }, &mut hall.outside);
    let room = RoomId { worker: WorkerId(1), number: 8 };
    let join = Op::resolve(
        Command::JoinRoom { stream: id(0), room, forwards_keys: false },
        LoopId(0),
        |_| None,
        |request| panic!("{request:?}"),
    );
    other.apply(hall.now_ns, join, &mut hall.outside);
    assert_eq!((other.counters().rooms, other.counters().room_members), (1, 1));
    hall.run_ms(100);
    assert_eq!(hall.counters().room_talkers, 1);
}

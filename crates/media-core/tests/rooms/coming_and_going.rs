//! Joining and leaving: without clicks, and nothing is left behind.

use media_core::{Codec, Command, Event, Retired};

use crate::support::*;

const LOUD: f64 = 9000.0;

fn loud(n: u32, hz: f64) -> Phone {
    let mut phone = Phone::new(n, Codec::Pcmu, Some(hz));
    phone.peak = LOUD;
    phone
}

#[test]
fn voices_come_and_go_without_a_click_for_those_who_stay_and_for_those_who_go() {
    let mut hall = Hall::new(vec![loud(0, 310.0), loud(1, 430.0), Phone::new(2, Codec::Pcma, None)]);
    hall.join(0, 1);
    hall.join(2, 1);
    for pause_ms in [213, 187, 251, 109] {
        hall.run_ms(pause_ms);
        hall.join(1, 1);
        hall.run_ms(pause_ms + 90);
        hall.leave(1);
        hall.run_ms(pause_ms);
        // Who only listens comes and goes, too.
        hall.leave(2);
        hall.run_ms(pause_ms);
        hall.join(2, 1);
    }
    for phone in &hall.phones {
        assert_continuous(phone);
        assert_no_click(phone, &[(310.0, LOUD), (430.0, LOUD)]);
        assert!(phone.audio().iter().any(|sample| sample.unsigned_abs() > 8000));
    }
}

#[test]
fn a_voice_that_falls_silent_and_rises_again_does_not_click_and_its_end_is_not_clipped() {
    let mut hall = Hall::new(vec![loud(0, 310.0), Phone::new(1, Codec::Pcmu, None)]);
    (0..2).for_each(|n| hall.join(n, 1));
    hall.run_ms(500);
    for _ in 0..3 {
        // To a whisper that counts as no voice: still heard for the time of the hangover, then not.
        hall.phones[0].peak = 12.0;
        hall.run_ms(600);
        assert_eq!(hall.counters().room_talkers, 0);
        hall.phones[0].peak = LOUD;
        hall.run_ms(300);
        assert_eq!(hall.counters().room_talkers, 1);
    }
    // The peaks of 12 and 9000 meet at zero crossings: 310 Hz has 6.2 periods in a packet.
    let audio = hall.phones[1].audio();
    let whisper = audio.iter().filter(|sample| (4..20).contains(&sample.unsigned_abs())).count();
    assert!(whisper > 3 * 200 * 8 / 3, "{whisper} samples of the whisper were heard");
    hall.run_ms(400);
    assert!((LOUD * 0.95..LOUD * 1.05).contains(&hall.phones[1].hears(310.0, 200)));
}

#[test]
fn a_word_is_heard_from_its_first_sample_on() {
    let mut hall = Hall::new(vec![loud(0, 800.0), Phone::new(1, Codec::Pcmu, None)]);
    hall.phones[0].hz = None;
    (0..2).for_each(|n| hall.join(n, 1));
    hall.run_ms(400);
    hall.listen_anew();
    hall.phones[0].hz = Some(800.0);
    hall.run_ms(200);
    hall.phones[0].hz = None;
    hall.run_ms(600);
    // Ten packets were spoken, and as many are heard, but for the 5 ms of the fade.
    let audio = hall.phones[1].audio();
    let (first, last) = (
        audio.iter().position(|sample| sample.unsigned_abs() > 300).unwrap(),
        audio.iter().rposition(|sample| sample.unsigned_abs() > 300).unwrap(),
    );
    assert!((1590..=1600).contains(&(last - first)), "{} samples", last - first);
}

#[test]
fn a_room_ends_with_its_last_member_and_its_memory_is_given_back() {
    let mut hall = Hall::new((0..4).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    hall.join(0, 1);
    hall.join(1, 1);
    hall.join(2, 2);
    hall.join(2, 2);
    assert_eq!((hall.counters().rooms, hall.counters().room_members, hall.counters().room_joins), (2, 3, 3));
    // From one room to another, which ends the first.
    hall.join(2, 1);
    assert_eq!((hall.counters().rooms, hall.counters().room_members), (1, 3));
    hall.run_ms(100);
    hall.command(Command::Close { stream: id(0) });
    hall.leave(1);
    hall.leave(1);
    hall.leave(3);
    assert_eq!((hall.counters().rooms, hall.counters().room_members), (1, 1));
    hall.command(Command::Close { stream: id(2) });
    assert_eq!((hall.counters().rooms, hall.counters().room_members), (0, 0));
    let count = |is: fn(&Retired) -> bool| hall.outside.retired.iter().filter(|retired| is(retired)).count();
    // Five joins brought a room and a member each; every one has come back.
    assert_eq!(count(|retired| matches!(retired, Retired::Room(_))), 5);
    assert_eq!(count(|retired| matches!(retired, Retired::Member(_))), 5);
    assert_eq!(hall.counters().ops_stale, 0);
    hall.join(0, 1);
    assert_eq!(hall.counters().ops_stale, 1);
    assert_eq!(hall.outside.retired.len(), 2 + 5 + 5 + 2);
}

#[test]
fn a_full_room_refuses_and_the_stream_goes_on_alone() {
    let mut hall = Hall::new((0..1025).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    for n in 0..1024 {
        hall.join(n, 1);
    }
    hall.join(1024, 1);
    assert_eq!(hall.outside.events, [Event::RoomRefused { stream: id(1024), room: room(1) }]);
    assert_eq!((hall.counters().room_members, hall.counters().room_joins_refused), (1024, 1));
    hall.run_ms(100);
    assert_eq!(hall.phones[1024].heard.len(), 5);
    assert_eq!(hall.phones[7].heard.len(), 5);
    hall.leave(500);
    hall.join(1024, 1);
    assert_eq!(hall.counters().room_members, 1024);
}

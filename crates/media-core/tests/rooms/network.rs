//! Loss, jitter, silence on the wire, other sources, late ticks.

use base::MS;
use media_core::{Codec, Event};

use crate::support::*;

fn pair(change: impl FnOnce(&mut Phone)) -> Hall {
    let mut talker = Phone::new(0, Codec::Pcma, Some(350.0));
    change(&mut talker);
    let mut hall = Hall::new(vec![talker, Phone::new(1, Codec::Pcmu, None)]);
    (0..2).for_each(|n| hall.join(n, 1));
    hall
}

#[test]
fn jitter_of_eighty_ms_is_smoothed_after_a_while() {
    let mut hall = pair(|phone| phone.delay_ms = |n| n * 7919 % 80);
    hall.run_ms(3000);
    let lost = hall.counters().room_frames_lost;
    hall.listen_anew();
    hall.run_ms(2000);
    assert_heard(&hall.phones[1], 350.0, 1500);
    assert!(hall.counters().room_frames_lost - lost < 5, "{:?}", hall.counters());
}

#[test]
fn a_lost_packet_fades_and_does_not_click_loudly() {
    let mut hall = pair(|phone| phone.loses = |n| n % 20 == 7);
    hall.run_ms(2000);
    let peak = hall.phones[1].hears(350.0, 1600);
    assert!((0.85..1.0).contains(&(peak / PEAK)), "{peak}");
    // The mirrored frame follows without a step, so the only step is that of the fade's slope.
    assert_no_click(&hall.phones[1], &[(350.0, PEAK)]);
    let lost = hall.counters().room_frames_lost;
    assert!((4..=10).contains(&lost), "{lost}");
}

#[test]
fn packets_that_stop_and_begin_again_are_silence_between() {
    let mut hall = pair(|_| {});
    hall.run_ms(500);
    for _ in 0..3 {
        hall.phones[0].is_quiet = true;
        hall.run_ms(200);
        hall.listen_anew();
        hall.run_ms(700);
        assert!(hall.phones[1].audio().iter().all(|sample| *sample == 0));
        hall.phones[0].is_quiet = false;
        hall.run_ms(600);
        assert_heard(&hall.phones[1], 350.0, 300);
        assert_continuous(&hall.phones[1]);
    }
    assert_eq!(hall.counters().room_frames_lost, 0, "a pause is no loss");
}

#[test]
fn a_member_that_never_sends_a_packet_hears_the_room() {
    let mut hall = pair(|_| {});
    hall.phones[1].is_quiet = true;
    hall.run_ms(600);
    assert_heard(&hall.phones[1], 350.0, 400);
    assert_eq!(hall.counters().room_members, 2);
}

#[test]
fn a_room_that_is_served_late_catches_up_or_leaves_out_and_numbers_go_on() {
    let mut hall = pair(|_| {});
    hall.run_ms(500);
    // Two ticks are due at once, and both are sent.
    hall.now_ns += 45 * MS;
    hall.run_ms(400);
    assert_continuous(&hall.phones[1]);
    assert!(hall.counters().room_ticks_missed >= 1);
    // A second late: left out, which timestamps show.
    let before = hall.phones[1].heard.len();
    hall.now_ns += 1000 * MS;
    hall.run_ms(1000);
    let heard = &hall.phones[1].heard;
    assert!(heard.len() - before <= 54, "no burst: {}", heard.len() - before);
    let (first, last) = (heard[0].0, heard[heard.len() - 1].0);
    assert_eq!(usize::from(last.sequence.wrapping_sub(first.sequence)), heard.len() - 1);
    let passed_ms = last.timestamp.wrapping_sub(first.timestamp) / 8;
    assert!((2900..=2960).contains(&passed_ms), "{passed_ms}");
    assert_heard(&hall.phones[1], 350.0, 400);
}

#[test]
fn closing_in_the_middle_of_a_word_leaves_the_others_in_peace() {
    let mut hall = pair(|phone| phone.peak = 9000.0);
    hall.run_ms(507);
    hall.command(media_core::Command::Close { stream: id(0) });
    hall.run_ms(200);
    assert!(matches!(hall.outside.events[..], [Event::Closed { .. }]));
    assert_no_click(&hall.phones[1], &[(350.0, 9000.0)]);
    assert_unheard(&hall.phones[1], 350.0, 100);
}

//! Who hears whom, and what that costs.

use std::sync::Arc;

use media_core::{Codec, Command, EchoMode, Event, Op, PlaybackOutcome, Sound};

use crate::support::*;

fn codec(n: u32) -> Codec {
    if n.is_multiple_of(2) { Codec::Pcmu } else { Codec::Pcma }
}

/// Tones that differ by more than a window of 400 ms tells apart.
fn tone(n: u32) -> f64 {
    310.0 + 185.0 * f64::from(n)
}

#[test]
fn in_twenty_rooms_of_ten_everybody_hears_just_the_others() {
    let mut hall = Hall::new((0..200).map(|n| Phone::new(n, codec(n), Some(tone(n % 10)))).collect());
    for n in 0..200 {
        hall.join(n, u64::from(n / 10));
    }
    assert_eq!((hall.counters().rooms, hall.counters().room_members), (20, 200));
    hall.run_ms(1000);
    for n in 0..200 {
        let phone = &hall.phones[n as usize];
        for other in 0..10 {
            if other == n % 10 {
                assert_unheard(phone, tone(other), 400);
            } else {
                assert_heard(phone, tone(other), 400);
            }
        }
        assert_continuous(phone);
        assert_eq!(phone.heard.len(), 50);
    }
    let before = hall.counters();
    hall.run_ms(200);
    let after = hall.counters();
    assert_eq!(after.room_talkers, 200);
    assert_eq!(after.room_ticks - before.room_ticks, 200);
    assert_eq!(after.room_frames_decoded - before.room_frames_decoded, 2000);
    // Nobody only listens: each hears a mix of its own.
    assert_eq!(after.room_encodes_pcmu - before.room_encodes_pcmu, 1000);
    assert_eq!(after.room_encodes_pcma - before.room_encodes_pcma, 1000);
    assert_eq!((after.room_frames_lost, after.room_packets_late, after.missed_ticks), (0, 0, 0));
    for n in 0..200 {
        hall.leave(n);
    }
    assert_eq!((hall.counters().rooms, hall.counters().room_members, hall.counters().room_talkers), (0, 0, 0));
}

#[test]
fn in_a_room_of_five_hundred_three_talkers_cost_three_and_the_rest_share_one_frame_per_codec() {
    let talks = |n: u32| (n % 200 == 50).then(|| tone(n / 200));
    let mut hall = Hall::new((0..500).map(|n| Phone::new(n, codec(n / 50), talks(n))).collect());
    for n in 0..500 {
        hall.join(n, 7);
    }
    hall.run_ms(600);
    let before = hall.counters();
    hall.listen_anew();
    hall.run_ms(400);
    let after = hall.counters();
    assert_eq!(after.room_ticks - before.room_ticks, 20);
    assert_eq!(after.room_talkers, 3);
    assert_eq!(after.room_frames_decoded - before.room_frames_decoded, 20 * 3);
    let encodes = |counters: &media_core::WorkerCounters| counters.room_encodes_pcmu + counters.room_encodes_pcma;
    // Two codecs are in use among those who do not talk, and there are three talkers.
    assert_eq!(encodes(&after) - encodes(&before), 20 * (2 + 3));
    assert_eq!(after.frames_sent - before.frames_sent, 20 * 500);
    for n in 0..500 {
        let phone = &hall.phones[n as usize];
        assert_continuous(phone);
        for talker in 0..3 {
            if talks(n) == Some(tone(talker)) {
                assert_unheard(phone, tone(talker), 400);
            } else if talks(n).is_some() || n % 25 == 0 {
                assert_heard(phone, tone(talker), 400);
            }
        }
    }
    // All of one codec who only listen were sent the very same octets.
    let listeners: Vec<_> = (0..500).filter(|n| talks(*n).is_none() && codec(n / 50) == Codec::Pcma).collect();
    let payloads =
        |n: u32| hall.phones[n as usize].heard.iter().map(|(_, payload)| payload.clone()).collect::<Vec<_>>();
    assert!(listeners.iter().all(|n| payloads(*n) == payloads(listeners[0])));
}

#[test]
fn encodes_fall_to_one_per_codec_when_nobody_talks() {
    let mut hall = Hall::new((0..40).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    (0..40).for_each(|n| hall.join(n, 1));
    hall.run_ms(200);
    let before = hall.counters();
    hall.run_ms(1000);
    let after = hall.counters();
    assert_eq!(after.room_encodes_pcmu - before.room_encodes_pcmu, 50);
    assert_eq!((after.room_encodes_pcma, after.room_frames_decoded), (0, 0));
    assert!(hall.phones[3].heard.iter().all(|(_, payload)| payload.iter().all(|octet| *octet == 0xff)));
}

#[test]
fn members_with_packets_of_other_lengths_hear_and_are_heard() {
    let ptimes = [10, 20, 30, 40, 60];
    let mut hall = Hall::new(
        (0..5)
            .map(|n| {
                let mut phone = Phone::new(n, codec(n), Some(tone(n)));
                phone.ptime_ms = ptimes[n as usize];
                phone.config.ptime_ms = phone.ptime_ms as u16;
                phone
            })
            .collect(),
    );
    (0..5).for_each(|n| hall.join(n, 1));
    hall.run_ms(1500);
    for n in 0..5_u32 {
        let phone = &hall.phones[n as usize];
        assert_continuous(phone);
        let length = phone.ptime_ms as usize * 8;
        assert!(phone.heard.iter().all(|(_, payload)| payload.len() == length));
        let sent = phone.heard.len() as u64 * phone.ptime_ms;
        assert!((1420..=1520).contains(&sent), "{sent} ms of packets of {} ms", phone.ptime_ms);
        for other in 0..5 {
            if other == n {
                assert_unheard(phone, tone(other), 400);
            } else {
                assert_heard(phone, tone(other), 400);
            }
        }
        let loud: Vec<(f64, f64)> = (0..5).map(|n| (tone(n), PEAK)).collect();
        assert_no_click(phone, &loud);
    }
    // And a change in the middle of it.
    for (n, ptime_ms) in [(0, 60), (4, 10), (2, 20)] {
        hall.configure(n, |config| config.ptime_ms = ptime_ms);
    }
    hall.run_ms(400);
    hall.listen_anew();
    hall.run_ms(600);
    for n in [0, 2, 4] {
        assert_continuous(&hall.phones[n as usize]);
        assert_heard(&hall.phones[n as usize], tone(1), 400);
    }
}

#[test]
fn who_is_on_hold_hears_nothing_and_is_heard_and_who_is_muted_the_other_way_round() {
    let mut hall = Hall::new((0..3).map(|n| Phone::new(n, Codec::Pcmu, Some(tone(n)))).collect());
    (0..3).for_each(|n| hall.join(n, 1));
    hall.run_ms(400);
    hall.configure(0, |config| config.send = false);
    hall.configure(1, |config| config.receive_enabled = false);
    hall.run_ms(100);
    hall.listen_anew();
    hall.run_ms(600);
    assert!(hall.phones[0].heard.is_empty());
    assert_heard(&hall.phones[1], tone(0), 400);
    assert_heard(&hall.phones[1], tone(2), 400);
    assert_heard(&hall.phones[2], tone(0), 400);
    assert_unheard(&hall.phones[2], tone(1), 400);
    assert_eq!(hall.counters().room_talkers, 2);
    hall.configure(0, |config| config.send = true);
    hall.configure(1, |config| config.receive_enabled = true);
    hall.run_ms(600);
    assert_heard(&hall.phones[0], tone(1), 400);
    assert_heard(&hall.phones[0], tone(2), 400);
    assert_heard(&hall.phones[2], tone(1), 400);
    assert_continuous(&hall.phones[0]);
    assert_no_click(&hall.phones[2], &[(tone(0), PEAK), (tone(1), PEAK)]);
}

#[test]
fn keys_are_reported_and_not_heard() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    (0..2).for_each(|n| hall.join(n, 1));
    hall.run_ms(300);
    hall.press(0, 5);
    hall.run_ms(300);
    assert_eq!(hall.outside.events, [Event::Digit { stream: id(0), digit: '5', duration_ms: 100 }]);
    assert!(hall.phones[1].heard.iter().all(|(header, _)| header.payload_type == 0));
    assert!(hall.phones[1].audio().iter().all(|sample| *sample == 0));
}

#[test]
fn a_key_of_one_of_two_reaches_the_other_and_is_still_reported() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, Codec::Pcmu, Some(tone(n)))).collect());
    (0..2).for_each(|n| hall.join_for_two(n, 1));
    hall.run_ms(300);
    hall.listen_anew();
    hall.press(0, 5);
    hall.run_ms(300);
    assert_eq!(hall.outside.events, [Event::Digit { stream: id(0), digit: '5', duration_ms: 100 }]);
    let keys: Vec<_> = hall.phones[1].heard.iter().filter(|(header, _)| header.payload_type == 101).collect();
    // Five packets of 20 ms each, the last of which ends the key; that one is repeated twice.
    assert_eq!(keys.len(), 7);
    assert!(keys.iter().all(|(header, payload)| header.timestamp == keys[0].0.timestamp && payload[0] == 5));
    assert_eq!(keys.iter().filter(|(_, payload)| payload[1] & 0x80 != 0).count(), 3);
    assert!(hall.phones[0].heard.iter().all(|(header, _)| header.payload_type == 0), "it does not come back");
    assert_heard(&hall.phones[1], tone(0), 100);
}

#[test]
fn a_key_is_heard_where_telephone_events_were_not_agreed_on() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    hall.configure(1, |config| config.telephone_event = None);
    (0..2).for_each(|n| hall.join_for_two(n, 1));
    hall.run_ms(300);
    hall.press(0, 5);
    hall.run_ms(130);
    assert!(hall.phones[1].hears(770.0, 60) > 1_000.0 && hall.phones[1].hears(1_336.0, 60) > 1_000.0);
    assert!(hall.phones[1].heard.iter().all(|(header, _)| header.payload_type == 0));
}

#[test]
fn keys_stay_with_who_presses_them_while_more_than_two_are_there() {
    let mut hall = Hall::new((0..3).map(|n| Phone::new(n, Codec::Pcmu, None)).collect());
    (0..3).for_each(|n| hall.join_for_two(n, 1));
    hall.run_ms(300);
    hall.press(0, 5);
    hall.run_ms(40);
    hall.leave(2);
    hall.run_ms(300);
    assert!(hall.phones[1].heard.iter().all(|(header, _)| header.payload_type == 0));
    hall.press(0, 6);
    hall.run_ms(300);
    let keys = hall.phones[1].heard.iter().filter(|(header, _)| header.payload_type == 101);
    assert!(keys.clone().count() > 0 && keys.clone().all(|(_, payload)| payload[0] == 6));
}

#[test]
fn a_member_hears_its_playback_instead_and_the_room_still_hears_the_member() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, codec(n), Some(tone(n)))).collect());
    (0..2).for_each(|n| hall.join(n, 1));
    hall.run_ms(500);
    let sound = Arc::new(Sound::tone(2750, 500, PEAK as i16));
    hall.worker.apply(hall.now_ns, Op::Play { stream: id(0), playback: 9, sound, barge_in: false }, &mut hall.outside);
    hall.run_ms(480);
    assert_heard(&hall.phones[0], 2750.0, 400);
    assert_unheard(&hall.phones[0], tone(1), 400);
    assert_heard(&hall.phones[1], tone(0), 400);
    assert_unheard(&hall.phones[1], 2750.0, 400);
    hall.run_ms(480);
    let ended = Event::PlaybackEnded { stream: id(0), playback: 9, outcome: PlaybackOutcome::Completed };
    assert_eq!(hall.outside.events, [ended]);
    assert_heard(&hall.phones[0], tone(1), 400);
    assert_continuous(&hall.phones[0]);
}

#[test]
fn an_echo_rests_while_its_stream_is_in_a_room() {
    let mut hall = Hall::new((0..2).map(|n| Phone::new(n, Codec::Pcmu, Some(tone(n)))).collect());
    hall.command(Command::Echo { stream: id(0), mode: EchoMode::Audio });
    hall.run_ms(500);
    assert_heard(&hall.phones[0], tone(0), 400);
    (0..2).for_each(|n| hall.join(n, 1));
    let echoed = hall.counters().echoed;
    hall.run_ms(500);
    assert_unheard(&hall.phones[0], tone(0), 400);
    assert_heard(&hall.phones[0], tone(1), 400);
    assert_eq!(hall.counters().echoed, echoed);
    hall.leave(0);
    hall.run_ms(500);
    assert_heard(&hall.phones[0], tone(0), 400);
    let numbers = hall.phones[0].heard.windows(2);
    assert!(numbers.into_iter().all(|pair| pair[1].0.sequence == pair[0].0.sequence.wrapping_add(1)));
}

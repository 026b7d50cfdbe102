//! What stands in the files of a recorded call.

use support::{Recorded, json, scenario};

use crate::{echo, quiet};

/// How much of `samples` is this tone: its share of the peak of what phones and prompts send here.
fn share(samples: &[i16], hz: f64) -> f64 {
    media_core::tone::goertzel(samples, hz) / 8_000.0
}

/// Both files are equally long, and it has ended.
fn whole(recorded: Option<Recorded>) -> Recorded {
    let recorded = recorded.expect("it was recorded");
    assert_eq!(recorded.input.len(), recorded.output.len());
    assert!(recorded.ended.is_some());
    recorded
}

#[test]
fn the_party_is_in_one_file_and_what_it_hears_in_the_other() {
    scenario("recording_two_files", |world| {
        world.number(
            "prompt",
            json!([
                {"type": "answer"},
                {"type": "play", "option": {"stream_urls": ["tone:600:1000"]}},
                {"type": "sleep", "option": {"duration": 600_000}},
            ]),
        );
        let alice = world.phone("alice");
        alice.is_connected_to("prompt");
        alice.speaks(440.0);
        world.records(&alice, "both", 0, 0);
        alice.waits_ms(800);
        alice.falls_silent();
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.passes_ms(200);
        let recorded = whole(world.recorded("both"));
        let middle = 1_600..4_800;
        assert!(share(&recorded.input[middle.clone()], 440.0) > 0.8);
        assert!(share(&recorded.output[middle.clone()], 600.0) > 0.8);
        assert!(share(&recorded.input[middle.clone()], 600.0) < 0.05);
        assert!(share(&recorded.output[middle], 440.0) < 0.05);
        world.is_empty_after_40_s();
    });
}

#[test]
fn loss_delay_and_reordering_leave_each_packet_at_its_place() {
    scenario("recording_bad_network", |world| {
        world.number("echo", echo());
        let alice = world.phone("alice");
        alice.is_connected_to("echo");
        world.records(&alice, "rough", 0, 2_000);
        alice.link(|link| link.jitter_ms = 60);
        alice.speaks(500.0);
        alice.waits_ms(2_200);
        alice.falls_silent();
        let recorded = whole(world.recorded("rough"));
        assert_eq!(recorded.input.len(), 16_000);
        // Every 500 ms of a sine without a break: a packet at a wrong place would show.
        let pieces: Vec<f64> =
            recorded.input[4_000..].as_chunks::<4_000>().0.iter().map(|piece| share(piece, 500.0)).collect();
        assert!(pieces.iter().all(|share| *share > 0.9), "{pieces:?}");
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

#[test]
fn a_silent_party_ends_the_recording() {
    scenario("recording_silence", |world| {
        world.number("quiet", quiet());
        let alice = world.phone("alice");
        alice.is_connected_to("quiet");
        alice.speaks(440.0);
        world.records(&alice, "silence", 2_000, 0);
        alice.waits_ms(500);
        alice.falls_silent();
        alice.waits_ms(3_000);
        let recorded = whole(world.recorded("silence"));
        assert!((19_500..21_000).contains(&recorded.input.len()), "{}", recorded.input.len());
        alice.hangs_up();
        alice.gets_for(200, "BYE");
        world.is_empty_after_40_s();
    });
}

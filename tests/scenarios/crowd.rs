//! Many calls at once.

use support::{json, large_scenario};

#[test]
fn a_thousand_callers_press_keys_and_are_hung_up_on() {
    large_scenario("crowd", |world| {
        world.settings(|settings| settings.port_stock = 1_100);
        world.number(
            "ivr",
            json!([
                {"type": "answer"},
                {"type": "digits_receive", "option": {"duration": 10_000, "length": 1}},
                {"type": "branch", "option": {"target_ids": {"1": "one"}, "default_target_id": "end"}},
                {"id": "one", "type": "play", "option": {"stream_urls": ["tone:600:400"]}},
                {"id": "end", "type": "hangup"},
            ]),
        );
        world.passes_ms(100);
        let phones: Vec<_> = (0..1_000).map(|number| world.phone(&format!("p{number}"))).collect();
        for phone in &phones {
            phone.calls("ivr");
        }
        world.passes_ms(200);
        for phone in &phones {
            phone.starts_to_press('1', 100);
        }
        world.passes_ms(2_000);
        for phone in &phones {
            assert_eq!(phone.count(200, "INVITE"), 1);
            assert_eq!(phone.count_requests("BYE"), 1);
            assert!(phone.share_so_far(600.0) > 0.9);
        }
        world.is_empty_after_40_s();
    });
}

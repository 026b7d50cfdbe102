//! Calls in conferences (spec/actions.md `conference_join`, `confbridge_join`, spec/resources.md §7): who hears whom, who may
//! come in, and how they get out again.
//!
//! A jitter buffer may drop or repeat 20 ms of what it holds: the tones have whole periods in them, so that nobody hears it.

mod by_hand;
mod ending;
mod inside;
mod recorded;
mod ways_in;

use support::{Phone, Value, World, json};
use uuid::Uuid;

fn play(hz: u32, ms: u32) -> Value {
    json!({"type": "play", "option": {"stream_urls": [format!("tone:{hz}:{ms}")]}})
}

fn join(conference_id: Uuid) -> Value {
    json!({"type": "conference_join", "option": {"conference_id": conference_id}})
}

fn join_bridge(confbridge_id: Uuid) -> Value {
    json!({"type": "confbridge_join", "option": {"confbridge_id": confbridge_id}})
}

fn tell(data: &str) -> Value {
    json!({"type": "webhook_send", "option": {"uri": HOOK, "data": data}})
}

const HOOK: &str = "http://hook.test/";

/// Phones that have dialled `user` one after another.
fn in_conference<const N: usize>(world: &World, user: &str, names: [&str; N]) -> [Phone; N] {
    names.map(|name| {
        let phone = world.phone(name);
        phone.is_connected_to(user);
        phone
    })
}

fn hangs_up(phone: &Phone) {
    phone.falls_silent();
    phone.hangs_up();
    phone.gets_for(200, "BYE");
}

//! The World: whole calls on virtual time against the real cores, in scenarios that read like dialogue.
//!
//! ```text
//! scenario("digits_menu", |world| {
//!     world.number("ivr", json!([{"type": "answer"}, {"type": "digits_receive"}, ...]));
//!     let alice = world.phone("alice");
//!     alice.calls("ivr");
//!     alice.gets(200);
//!     alice.presses('1');
//!     alice.hears(600.0);
//! });
//! ```
//! [`scenario`] runs each one four times: plainly, replayed, with three loops, and with amnesia.

mod describe;
mod digest;
mod ladder;
mod link;
mod media_sim;
mod mode;
mod phone;
mod phone_account;
mod phone_rtp;
mod phone_sip;
mod provision;
mod recordings_sim;
mod scenario;
mod web;
mod world;
mod world_accounts;
mod world_handle;

pub use call::{Admission, ConferenceRecording, NoteKind, Refusal, Reply, Request, WhyUnregistered};
pub use ladder::Ladder;
pub use link::Link;
pub use phone::Phone;
pub use phone_rtp::Heard;
pub use phone_sip::{Manners, Offer};
pub use provision::flow_and_number;
pub use recordings_sim::Recorded;
pub use scenario::{large_scenario, scenario, scenario_of_one_loop};
pub use serde_json::{Value, json};
pub use world_handle::{World, uuid};

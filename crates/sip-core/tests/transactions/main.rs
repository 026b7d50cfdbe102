//! Transactions as dialogues between two endpoints on virtual time. Every endpoint is written down and restored before
//! every single input, so each scenario also shows that the state survives.
#![allow(clippy::unwrap_used, reason = "a test that unwraps nothing has failed")]

mod cancel;
mod invite;
mod matching;
mod non_invite;
mod silence;
mod world;

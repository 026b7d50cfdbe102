//! Phones that register, written as their messages: who is taken, what stands, what it costs.
#![allow(clippy::unwrap_used, reason = "tests")]

mod address_of_record;
mod authentication;
mod phone;
mod repetition;

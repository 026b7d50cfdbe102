//! The worker threads: what they share with the others, what they do, how they send.

mod outlet;
mod pace;
mod shared;
mod thread;

pub(crate) use outlet::Outlet;
pub(crate) use shared::{WorkerShared, token};
pub(crate) use thread::{WorkerThread, spawn};

//! The system calls that std does not offer, each behind a safe function: epoll, datagrams with the kernel's receive time,
//! clocks, signals and resource usage. All unsafe code of the crate is in here.
#![allow(unsafe_code, reason = "system calls; each block says why it is sound")]

mod clock;
mod epoll;
mod limits;
mod signal;
mod socket;
mod usage;

pub(crate) use clock::{monotonic_ns, realtime_ns};
pub(crate) use epoll::Epoll;
pub(crate) use limits::raise_open_files;
pub(crate) use signal::{StopSignals, wait_for_stop};
pub(crate) use socket::{Arrival, bind_udp, kernel_drops, receive};
pub(crate) use usage::{clock_ticks_per_second, page_bytes, process_cpu_ns, thread_cpu_ns};

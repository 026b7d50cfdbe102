//! Calls to the system that std does not offer.
#![allow(unsafe_code)] // poll, fcntl, kill, setpriority and prlimit: std has none

use std::os::fd::RawFd;
use std::time::Duration;

/// Waits until one of the descriptors has something, or for `longest`. Gives for each whether it is worth a look; a negative
/// descriptor is none.
pub(crate) fn poll<const N: usize>(descriptors: [(RawFd, i16); N], longest: Duration) -> [bool; N] {
    let mut polled = descriptors.map(|(fd, events)| libc::pollfd { fd, events, revents: 0 });
    // SAFETY: the array is valid for its length, which is given.
    let count = unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, longest.as_millis() as i32) };
    if count <= 0 {
        return [false; N];
    }
    polled.map(|one| one.revents != 0)
}

/// Reads and writes of this descriptor do not wait from now on.
pub(crate) fn set_nonblocking(fd: RawFd) {
    // SAFETY: no pointers; a wrong descriptor is refused.
    unsafe {
        let flags = libc::fcntl(fd, libc::F_GETFL);
        libc::fcntl(fd, libc::F_SETFL, flags | libc::O_NONBLOCK);
    }
}

/// Kills a child and all that it has started. The child leads a group of its own and has not been waited for yet, so the number
/// belongs to nobody else.
pub(crate) fn kill_group(pid: u32) {
    // SAFETY: no pointers.
    unsafe { libc::kill(-(pid as i32), libc::SIGKILL) };
}

/// Lowers a child's priority.
pub(crate) fn lower(pid: u32, nice: i32) {
    // SAFETY: no pointers. Refusal is impossible for a higher value; a child that is gone does not matter.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, pid, nice) };
}

/// Bounds what a child may use: processor time, memory, the size of a file that it writes; core dumps: none.
pub(crate) fn bound(pid: u32, processor_s: u64, memory_octets: u64, file_octets: u64) {
    let limits = [
        (libc::RLIMIT_CPU, processor_s),
        (libc::RLIMIT_AS, memory_octets),
        (libc::RLIMIT_FSIZE, file_octets),
        (libc::RLIMIT_CORE, 0),
    ];
    for (which, value) in limits {
        let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: the new limit outlives the call, the old one is not asked for.
        unsafe { libc::prlimit(pid as i32, which, &raw const limit, std::ptr::null_mut()) };
    }
}

//! The clock of the media engine and of whoever talks to it: `CLOCK_MONOTONIC` in nanoseconds, read through the vDSO.
//!
//! The same origin for every process of the machine, so deadlines mean the same on both sides of a hand-over.
#![allow(unsafe_code)] // clock_gettime: std has no clock whose origin is known

use std::mem::MaybeUninit;

/// Nanoseconds of `CLOCK_MONOTONIC`. Every `now_ns` that is given to this crate must come from here.
pub fn monotonic_ns() -> u64 {
    let mut time = MaybeUninit::<libc::timespec>::uninit();
    // SAFETY: the pointer is valid for one timespec; CLOCK_MONOTONIC always exists on Linux, so the call fills it.
    let time = unsafe {
        let result = libc::clock_gettime(libc::CLOCK_MONOTONIC, time.as_mut_ptr());
        assert_eq!(result, 0, "CLOCK_MONOTONIC always exists");
        time.assume_init()
    };
    // Both are never negative for a monotonic clock.
    (time.tv_sec as u64) * base::SECOND + time.tv_nsec as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_clock_moves_forward_in_nanoseconds() {
        let before = monotonic_ns();
        std::thread::sleep(Duration::from_millis(5));
        let passed_ns = monotonic_ns() - before;
        assert!((5 * base::MS..5 * base::SECOND).contains(&passed_ns), "{passed_ns}");
    }
}

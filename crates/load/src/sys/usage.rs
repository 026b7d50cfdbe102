//! What this process and this thread have used of the processor.

use super::clock;

/// Processor nanoseconds of this process: user and system, all threads, also those that ended.
pub(crate) fn process_cpu_ns() -> u64 {
    clock::read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// Processor nanoseconds of the calling thread.
pub(crate) fn thread_cpu_ns() -> u64 {
    clock::read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// The unit of the times in /proc/PID/stat.
pub(crate) fn clock_ticks_per_second() -> u64 {
    // SAFETY: no pointers are passed.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    u64::try_from(ticks).ok().filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// The unit of the sizes in /proc/PID/statm, in octets.
pub(crate) fn page_bytes() -> u64 {
    // SAFETY: no pointers are passed.
    let bytes = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    u64::try_from(bytes).ok().filter(|bytes| *bytes > 0).unwrap_or(4096)
}

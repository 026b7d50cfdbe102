//! SIGINT and SIGTERM as something the main thread waits for, so that a run ends with BYE and a report.

use std::mem::MaybeUninit;
use std::time::Duration;

/// The stop signals, blocked in this thread and in all it starts. Made before any thread of the run.
pub(crate) struct StopSignals {
    set: libc::sigset_t,
}

impl StopSignals {
    pub(crate) fn block() -> StopSignals {
        let mut set = MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: sigemptyset initialises the set before anything reads it; the other calls only use that set.
        let set = unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
            libc::pthread_sigmask(libc::SIG_BLOCK, set.as_ptr(), std::ptr::null_mut());
            set.assume_init()
        };
        StopSignals { set }
    }
}

/// Sleeps for `time`; true if a stop signal came meanwhile.
pub(crate) fn wait_for_stop(signals: Option<&StopSignals>, time: Duration) -> bool {
    let Some(signals) = signals else {
        std::thread::sleep(time);
        return false;
    };
    let timeout =
        libc::timespec { tv_sec: time.as_secs() as libc::time_t, tv_nsec: time.subsec_nanos() as libc::c_long };
    // SAFETY: the set is initialised, the timeout lives through the call, no siginfo is asked for.
    unsafe { libc::sigtimedwait(&signals.set, std::ptr::null_mut(), &timeout) > 0 }
}

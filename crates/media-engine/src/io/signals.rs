//! Signals that stand for an error which is seen anyway.
#![allow(unsafe_code)] // signal: std has none

/// Makes a write beyond the limit on file sizes (`RLIMIT_FSIZE`) fail with an error, instead of also ending the process.
pub(crate) fn ignore_file_size_limit() {
    // SAFETY: no handler is installed, the signal is only ignored.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

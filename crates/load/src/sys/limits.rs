//! The limit on open files: each call has two sockets.

use std::io;

/// Raises the soft limit to the hard one; an error that says both figures when `wanted` descriptors still do not fit.
pub(crate) fn raise_open_files(wanted: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid place for one rlimit in both calls.
    let known = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) == 0 && {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &limit) == 0
        }
    };
    if !known {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur < wanted {
        return Err(io::Error::other(format!(
            "{wanted} file descriptors are needed, the hard limit of this process is {}",
            limit.rlim_cur
        )));
    }
    Ok(())
}

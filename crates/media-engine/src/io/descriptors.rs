//! The limit on open descriptors: two of them per call are RTP and RTCP.
#![allow(unsafe_code)] // getrlimit, setrlimit

use std::mem::MaybeUninit;

/// Raises the soft limit of open descriptors to the hard one and says what it is then.
pub(crate) fn raise_limit() -> u64 {
    let mut limit = MaybeUninit::<libc::rlimit>::zeroed();
    // SAFETY: the pointer is valid for one rlimit, of which all zeroes is a value should the call fail.
    let mut limit = unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, limit.as_mut_ptr());
        limit.assume_init()
    };
    if limit.rlim_cur < limit.rlim_max {
        let wanted = libc::rlimit { rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max };
        // SAFETY: the pointer is valid for one rlimit.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const wanted) } == 0 {
            limit = wanted;
        }
    }
    limit.rlim_cur
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_raised_once_and_stays() {
        let limit = raise_limit();
        assert!(limit >= 256);
        assert_eq!(raise_limit(), limit);
    }
}

//! Waking threads: an eventfd into a worker's epoll set, and a socket pair out of the workers, which may only send.
#![allow(unsafe_code)] // eventfd, and send(2) on a UNIX socket: std writes there, and a worker may not

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::time::Duration;

/// Wakes one worker. Watched edge-triggered, so the worker never reads it.
pub(crate) struct Waker(OwnedFd);

impl Waker {
    pub(crate) fn new() -> io::Result<Waker> {
        // SAFETY: no pointers; the result is checked before it is used.
        let fd = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was made above and nobody else owns it.
        Ok(Waker(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    /// Makes the worker's wait return. The counter would be full after 2^64 - 1 wakes only.
    pub(crate) fn wake(&self) {
        let one = 1u64;
        // SAFETY: the buffer is the eight octets of `one`, as an eventfd wants them.
        unsafe { libc::write(self.0.as_raw_fd(), std::ptr::from_ref(&one).cast(), 8) };
    }

    pub(crate) fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// The near end of a bell: rung by workers with one non-blocking `send`, and only while the other end sleeps.
///
/// Who rings: publish the news, then [`Bell::ring`]. Who sleeps: [`Listener::about_to_sleep`], look for news, then
/// [`Listener::sleep`]. One of the two always sees the other (both sides put a fence between their store and their load).
pub(crate) struct Bell {
    near: UnixDatagram,
    asleep: AtomicBool,
}

/// The far end of a bell.
pub(crate) struct Listener {
    far: UnixDatagram,
}

/// A bell and its listener.
pub(crate) fn bell() -> io::Result<(Bell, Listener)> {
    let (near, far) = UnixDatagram::pair()?;
    near.set_nonblocking(true)?;
    Ok((Bell { near, asleep: AtomicBool::new(false) }, Listener { far }))
}

impl Bell {
    /// Wakes the listener if it sleeps. A full socket buffer means that it has been woken already.
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.asleep.load(Ordering::Relaxed) && self.asleep.swap(false, Ordering::SeqCst) {
            let octet = 1u8;
            // SAFETY: the buffer is the one octet above and outlives the call.
            unsafe {
                libc::send(
                    self.near.as_raw_fd(),
                    std::ptr::from_ref(&octet).cast(),
                    1,
                    libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL,
                )
            };
        }
    }
}

impl Listener {
    /// From here on [`Bell::ring`] sends.
    pub(crate) fn about_to_sleep(&self, bell: &Bell) {
        bell.asleep.store(true, Ordering::SeqCst);
        fence(Ordering::SeqCst);
    }

    /// Sleeps until rung, at most `longest`.
    pub(crate) fn sleep(&self, bell: &Bell, longest: Duration) {
        let mut octet = [0; 8];
        if self.far.set_read_timeout(Some(longest)).is_ok() {
            // A timeout and a signal are as good as a ring: the caller looks for news in any case.
            let _ = self.far.recv(&mut octet);
        }
        bell.asleep.store(false, Ordering::Relaxed);
    }

    /// There was news after all: do not sleep.
    pub(crate) fn stay_awake(&self, bell: &Bell) {
        bell.asleep.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_bell_wakes_only_who_sleeps() {
        let (bell, listener) = bell().unwrap();
        bell.ring();
        listener.far.set_nonblocking(true).unwrap();
        assert!(listener.far.recv(&mut [0]).is_err(), "nobody slept, so nothing is sent");
        listener.far.set_nonblocking(false).unwrap();
        listener.about_to_sleep(&bell);
        bell.ring();
        let before = Instant::now();
        listener.sleep(&bell, Duration::from_secs(5));
        assert!(before.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn no_news_is_ever_slept_over() {
        let (bell, listener) = bell().unwrap();
        let bell = Arc::new(bell);
        let news = Arc::new(AtomicU64::new(0));
        let total = 20_000;
        let ringer = std::thread::spawn({
            let (bell, news) = (bell.clone(), news.clone());
            move || {
                for _ in 0..total {
                    news.fetch_add(1, Ordering::Release);
                    bell.ring();
                }
            }
        });
        let mut seen = 0;
        while seen < total {
            listener.about_to_sleep(&bell);
            let now = news.load(Ordering::Acquire);
            if now > seen {
                listener.stay_awake(&bell);
                seen = now;
                continue;
            }
            let before = Instant::now();
            listener.sleep(&bell, Duration::from_secs(20));
            assert!(before.elapsed() < Duration::from_secs(15), "slept over news");
        }
        ringer.join().unwrap();
    }
}

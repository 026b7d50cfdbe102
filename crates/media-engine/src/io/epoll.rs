//! One epoll set: what a worker waits on. Sockets are watched level-triggered, the waker edge-triggered (it is never read).
#![allow(unsafe_code)] // epoll: std offers no readiness

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};

/// An epoll set. `add` and `remove` may be called from any thread while another one waits.
pub(crate) struct Epoll {
    fd: OwnedFd,
    /// The kernel has no `epoll_pwait2` (Linux < 5.11), so timeouts are whole milliseconds.
    coarse: AtomicBool,
}

/// Room for what one wait returns, reserved once.
pub(crate) struct Ready {
    events: Vec<libc::epoll_event>,
    filled: usize,
}

impl Ready {
    pub(crate) fn with_capacity(capacity: usize) -> Ready {
        Ready { events: vec![libc::epoll_event { events: 0, u64: 0 }; capacity], filled: 0 }
    }

    /// How many the last wait found.
    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    /// The token of the `index`-th.
    pub(crate) fn token(&self, index: usize) -> u64 {
        self.events[index].u64
    }
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: no pointers; the result is checked before it is used.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was made above and nobody else owns it.
        let fd = unsafe { OwnedFd::from_raw_fd(fd) };
        Ok(Epoll { fd, coarse: AtomicBool::new(false) })
    }

    /// Watches `fd` for datagrams, level-triggered: as long as one waits, each wait reports it.
    pub(crate) fn add(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN as u32, token)
    }

    /// Watches an eventfd edge-triggered: every write is reported once and nothing needs to be read.
    pub(crate) fn add_waker(&self, fd: RawFd, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd, (libc::EPOLLIN | libc::EPOLLET) as u32, token)
    }

    /// Stops watching `fd`. A wait that began earlier may still report it once.
    pub(crate) fn remove(&self, fd: RawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd, 0, 0)
    }

    fn control(&self, operation: i32, fd: RawFd, events: u32, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events, u64: token };
        // SAFETY: the event outlives the call; a bad descriptor is answered by an error.
        let result = unsafe { libc::epoll_ctl(self.fd.as_raw_fd(), operation, fd, &raw mut event) };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// Waits until something is ready or `timeout_ns` has passed (`None`: for ever). A signal counts as nothing ready.
    pub(crate) fn wait(&self, ready: &mut Ready, timeout_ns: Option<u64>) -> io::Result<()> {
        ready.filled = 0;
        let mut found = -1;
        if !self.coarse.load(Ordering::Relaxed) {
            found = self.wait_fine(ready, timeout_ns);
            if found < 0 && errno() == libc::ENOSYS {
                self.coarse.store(true, Ordering::Relaxed);
            }
        }
        if self.coarse.load(Ordering::Relaxed) {
            found = self.wait_coarse(ready, timeout_ns);
        }
        match usize::try_from(found) {
            Ok(found) => {
                ready.filled = found;
                Ok(())
            }
            Err(_) if errno() == libc::EINTR => Ok(()),
            Err(_) => Err(io::Error::last_os_error()),
        }
    }

    fn wait_fine(&self, ready: &mut Ready, timeout_ns: Option<u64>) -> i32 {
        let time = timeout_ns.map(timespec);
        let time = time.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: `events` has room for `len` events and the kernel writes at most so many; `time` is null or points to a
        // timespec that outlives the call; a null signal mask changes nothing.
        unsafe {
            libc::epoll_pwait2(
                self.fd.as_raw_fd(),
                ready.events.as_mut_ptr(),
                ready.events.len() as i32,
                time,
                std::ptr::null(),
            )
        }
    }

    fn wait_coarse(&self, ready: &mut Ready, timeout_ns: Option<u64>) -> i32 {
        // Rounded up: waking early would only wait again.
        let timeout_ms = timeout_ns.map_or(-1, |ns| i32::try_from(ns.div_ceil(base::MS)).unwrap_or(i32::MAX));
        // SAFETY: as above, `events` has room for `len` events.
        unsafe {
            libc::epoll_wait(self.fd.as_raw_fd(), ready.events.as_mut_ptr(), ready.events.len() as i32, timeout_ms)
        }
    }
}

/// Lets `ns` pass, whatever becomes ready meanwhile.
pub(crate) fn pause(ns: u64) {
    let time = timespec(ns);
    // SAFETY: no descriptors are given, the time outlives the call, a null signal mask changes nothing.
    unsafe { libc::ppoll(std::ptr::null_mut(), 0, &raw const time, std::ptr::null()) };
}

fn timespec(ns: u64) -> libc::timespec {
    libc::timespec { tv_sec: (ns / base::SECOND) as libc::time_t, tv_nsec: (ns % base::SECOND) as libc::c_long }
}

fn errno() -> i32 {
    io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;
    use crate::io::clock::monotonic_ns;
    use crate::io::wake::Waker;

    #[test]
    fn a_socket_is_reported_until_it_is_read_and_not_after_its_removal() {
        let epoll = Epoll::new().unwrap();
        let mut ready = Ready::with_capacity(4);
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        epoll.add(socket.as_raw_fd(), 7).unwrap();
        socket.send_to(b"x", socket.local_addr().unwrap()).unwrap();
        for _ in 0..2 {
            epoll.wait(&mut ready, Some(base::SECOND)).unwrap();
            assert_eq!((ready.len(), ready.token(0)), (1, 7));
        }
        epoll.remove(socket.as_raw_fd()).unwrap();
        epoll.wait(&mut ready, Some(0)).unwrap();
        assert_eq!(ready.len(), 0);
    }

    #[test]
    fn a_waker_is_reported_once_per_wake_without_being_read() {
        let epoll = Epoll::new().unwrap();
        let mut ready = Ready::with_capacity(4);
        let waker = Waker::new().unwrap();
        epoll.add_waker(waker.as_raw_fd(), 9).unwrap();
        for _ in 0..3 {
            waker.wake();
            epoll.wait(&mut ready, Some(base::SECOND)).unwrap();
            assert_eq!((ready.len(), ready.token(0)), (1, 9));
            epoll.wait(&mut ready, Some(0)).unwrap();
            assert_eq!(ready.len(), 0);
        }
    }

    #[test]
    fn a_pause_takes_its_time() {
        let before = monotonic_ns();
        pause(2 * base::MS);
        assert!(monotonic_ns() - before >= 2 * base::MS);
    }

    #[test]
    fn both_ways_of_waiting_keep_their_time() {
        let epoll = Epoll::new().unwrap();
        let mut ready = Ready::with_capacity(1);
        for coarse in [false, true] {
            epoll.coarse.store(coarse, Ordering::Relaxed);
            let before = monotonic_ns();
            epoll.wait(&mut ready, Some(3 * base::MS)).unwrap();
            let passed_ns = monotonic_ns() - before;
            assert!(passed_ns >= 3 * base::MS, "coarse {coarse}: {passed_ns}");
        }
    }
}

//! Priorities and cores of threads: what was asked for, what was permitted, in words for the start message.
#![allow(unsafe_code)] // scheduling calls: std has none

use std::fmt;
use std::mem::{MaybeUninit, size_of};

/// What the system permitted a media worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// SCHED_RR, the lowest real-time priority: before every normal thread.
    RealTime,
    /// Nice -10.
    Nice,
    /// Like everybody else: the others were refused.
    Normal,
    /// Like everybody else: nothing was asked for.
    NotAsked,
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Priority::RealTime => "real-time priority (SCHED_RR)",
            Priority::Nice => "raised priority (nice -10; real time was refused)",
            Priority::Normal => "normal priority (real time and nice -10 were refused)",
            Priority::NotAsked => "normal priority (as configured)",
        })
    }
}

/// Raises the calling thread as far as the system permits.
pub(crate) fn raise() -> Priority {
    // SCHED_RESET_ON_FORK: a child or thread made from here starts as a normal one.
    const RESET_ON_FORK: i32 = 0x4000_0000;
    let parameter = libc::sched_param { sched_priority: 1 };
    // SAFETY: pid 0 is the calling thread; the parameter outlives the call.
    if unsafe { libc::sched_setscheduler(0, libc::SCHED_RR | RESET_ON_FORK, &raw const parameter) } == 0 {
        return Priority::RealTime;
    }
    if set_nice(-10) { Priority::Nice } else { Priority::Normal }
}

/// Lowers the calling thread below the media and control threads: nice 10.
pub(crate) fn lower() {
    // Refusal is impossible: everybody may be nicer.
    set_nice(10);
}

/// Lowers the calling thread a little below the control threads: nice 2. It is the first to wait, but a machine that is full of
/// work of normal priority still lets it do its share.
pub(crate) fn lower_a_little() {
    set_nice(2);
}

fn set_nice(nice: i32) -> bool {
    // SAFETY: no pointers. Who = 0 means the calling thread only: on Linux, nice values belong to threads.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, nice) == 0 }
}

/// The cores that this process may use.
pub(crate) fn cores() -> Vec<usize> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the set is valid for its size, all zeroes is a valid set, and CPU_ISSET is asked only below CPU_SETSIZE.
    unsafe {
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) != 0 {
            return vec![0];
        }
        let set = set.assume_init();
        (0..libc::CPU_SETSIZE as usize).filter(|core| libc::CPU_ISSET(*core, &set)).collect()
    }
}

/// Binds the calling thread to one core; false if the system refuses.
pub(crate) fn pin(core: usize) -> bool {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    if core >= libc::CPU_SETSIZE as usize {
        return false;
    }
    // SAFETY: all zeroes is a valid set, the core is below CPU_SETSIZE, and the set outlives the calls.
    unsafe {
        libc::CPU_SET(core, &mut *set.as_mut_ptr());
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set.as_ptr()) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (policy, nice) of the calling thread.
    fn mine() -> (i32, i32) {
        // SAFETY: no pointers; 0 is the calling thread.
        unsafe { (libc::sched_getscheduler(0), libc::getpriority(libc::PRIO_PROCESS, 0)) }
    }

    #[test]
    fn what_is_reported_is_what_the_thread_has() {
        std::thread::spawn(|| {
            let got = raise();
            let (policy, nice) = mine();
            match got {
                Priority::RealTime => assert_eq!(policy & 0xff, libc::SCHED_RR),
                Priority::Nice => assert_eq!((policy, nice), (libc::SCHED_OTHER, -10)),
                Priority::Normal => assert_eq!(policy, libc::SCHED_OTHER),
                Priority::NotAsked => panic!("it was asked for"),
            }
        })
        .join()
        .unwrap();
    }

    #[test]
    fn lowering_concerns_the_calling_thread_only() {
        let before = mine();
        std::thread::spawn(|| {
            lower();
            assert!(mine().1 >= 10);
        })
        .join()
        .unwrap();
        assert_eq!(mine(), before);
    }

    #[test]
    fn a_pinned_thread_has_one_core() {
        std::thread::spawn(|| {
            let core = *cores().last().unwrap();
            assert!(pin(core));
            assert_eq!(cores(), [core]);
        })
        .join()
        .unwrap();
    }
}

//! Sleep and wake-up of one thread that looks into several queues. A channel of crossbeam would first spin and yield, and
//! enter itself into every queue; at some hundred calls per second that is a fifth of a control loop's time.

use std::sync::atomic::{AtomicBool, Ordering, fence};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;
use std::time::Duration;

/// Shared by the thread that sleeps and all who have news for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Doze(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    asleep: AtomicBool,
    sleeper: OnceLock<Thread>,
}

impl Doze {
    /// Sleeps until woken, at most for `at_most`, unless `has_news` is true already. Always called by the same thread.
    pub(super) fn sleep(&self, at_most: Duration, has_news: impl Fn() -> bool) {
        self.0.sleeper.get_or_init(std::thread::current);
        self.0.asleep.store(true, Ordering::SeqCst);
        // Pairs with the one in `wake`: either we see the news, or who brings it sees that we sleep.
        fence(Ordering::SeqCst);
        if !has_news() {
            // An earlier wake-up that is still owed ends this at once; the caller looks for news in any case.
            std::thread::park_timeout(at_most);
        }
        self.0.asleep.store(false, Ordering::Relaxed);
    }

    /// To be called after the news is where the sleeper looks for it.
    pub(super) fn wake(&self) {
        fence(Ordering::SeqCst);
        if self.0.asleep.load(Ordering::Relaxed)
            && self.0.asleep.swap(false, Ordering::SeqCst)
            && let Some(sleeper) = self.0.sleeper.get()
        {
            sleeper.unpark();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::time::Instant;

    use super::*;

    #[test]
    fn no_news_is_ever_slept_over() {
        let (doze, news) = (Doze::default(), Arc::new(AtomicU64::new(0)));
        let total = 50_000;
        let bringers: Vec<_> = (0..2)
            .map(|_| {
                let (doze, news) = (doze.clone(), news.clone());
                std::thread::spawn(move || {
                    for _ in 0..total / 2 {
                        news.fetch_add(1, Ordering::Release);
                        doze.wake();
                    }
                })
            })
            .collect();
        let mut seen = 0;
        while seen < total {
            let before = Instant::now();
            doze.sleep(Duration::from_secs(20), || news.load(Ordering::Acquire) > seen);
            assert!(before.elapsed() < Duration::from_secs(15), "slept over news");
            seen = news.load(Ordering::Acquire);
        }
        bringers.into_iter().for_each(|bringer| bringer.join().unwrap());
    }

    #[test]
    fn a_sleep_without_news_ends_by_itself() {
        let before = Instant::now();
        Doze::default().sleep(Duration::from_millis(20), || false);
        assert!(before.elapsed() >= Duration::from_millis(20));
    }
}

//! What all fuzz tests share: numbered cases, each of which follows from its number alone, so that the number repeats it.
//!
//! | environment | |
//! | --- | --- |
//! | `FUZZ_SECONDS` | how long each test goes on |
//! | `FUZZ_FIRST` | number of the first case, 0 by default; `fuzz/run` takes another one each time |
//! | `FUZZ_SEED` | run this case and no other |
#![allow(dead_code, reason = "no test needs all of it")]
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may look at the clock to know when to stop"
)]
#![allow(clippy::print_stderr, reason = "the last words of a case that hangs")]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A case that takes longer than this is taken for endless.
const HANGS_AFTER: Duration = Duration::from_secs(60);

/// SplitMix64: small, seeded, good enough to choose by.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0xd134_2543_de82_ef95))
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Less than `limit`; 0 when there is nothing to choose from.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// One to six changes: octets turned, put in, cut out, cut off, repeated, `pieces` put in, stretches of `others`.
    pub(crate) fn mutate(&mut self, bytes: &mut Vec<u8>, pieces: &[&[u8]], others: &[impl AsRef<[u8]>]) {
        for _ in 0..1 + self.below(6) {
            let at = self.below(bytes.len());
            let end = (at + 1 + self.below(40)).min(bytes.len()).max(at);
            match self.below(8) {
                0 if at < bytes.len() => bytes[at] ^= 1 << self.below(8),
                1 if at < bytes.len() => bytes[at] = self.next() as u8,
                2 if self.one_in(4) => bytes.truncate(at),
                3 => drop(bytes.drain(at..end)),
                4 => {
                    let part = bytes[at..end].repeat(1 + self.below(8));
                    drop(bytes.splice(at..at, part));
                }
                5 if !others.is_empty() => {
                    let other = self.pick(others).as_ref();
                    let from = self.below(other.len());
                    let to = (from + self.below(200)).min(other.len());
                    drop(bytes.splice(at..end, other[from..to].iter().copied()));
                }
                6 => {
                    let to = self.below(bytes.len());
                    let part = bytes[at..end].to_vec();
                    drop(bytes.splice(to..to, part));
                }
                _ if !pieces.is_empty() => drop(bytes.splice(at..at, self.pick(pieces).iter().copied())),
                _ => {}
            }
        }
    }
}

thread_local! {
    static INPUT: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// What is to be shown if the case fails: the input as it is, or the last steps.
pub(crate) fn show(input: impl Into<Vec<u8>>) {
    INPUT.with_borrow_mut(|kept| *kept = input.into());
}

/// Runs cases until the time is up, `at_least` so many. `case` gets its number and dice thrown by it. Gives how many ran.
///
/// # Panics
/// When a case does; the words say what was put in and how to run it again.
pub(crate) fn cases(default_seconds: f64, at_least: u64, case: impl Fn(u64, &mut Dice)) -> u64 {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.trim().parse::<u64>().ok());
    let only = number("FUZZ_SEED");
    let first = only.or(number("FUZZ_FIRST")).unwrap_or(0);
    let seconds = std::env::var("FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(default_seconds);
    let until = Instant::now() + Duration::from_secs_f64(seconds);
    let watch = Watch::start(first);
    let mut done = 0;
    while done == 0 || (only.is_none() && (done < at_least || Instant::now() < until)) {
        let seed = first.wrapping_add(done);
        watch.0.seed.store(seed, Ordering::Relaxed);
        show([]);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| case(seed, &mut Dice::new(seed)))) {
            let words = panic.downcast_ref::<String>().map(String::as_str);
            let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
            let input = INPUT.with_borrow(|kept| kept[kept.len().saturating_sub(6_000)..].escape_ascii().to_string());
            let input = input.replace("\\r\\n", "\n").replace("\\n", "\n");
            panic!("FOUND by case {seed}: {words}\n--- input, or its end:\n{input}\n--- {}", again(seed));
        }
        done += 1;
    }
    done
}

/// How to run a case once more.
fn again(seed: u64) -> String {
    let thread = std::thread::current();
    format!(
        "again: FUZZ_SEED={seed} cargo test --release -p {} --test {} {}",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_CRATE_NAME"),
        thread.name().unwrap_or_default()
    )
}

/// Names the case that never comes to its end.
struct Watch(Arc<Watched>);

struct Watched {
    seed: AtomicU64,
    over: AtomicBool,
}

impl Watch {
    fn start(first: u64) -> Watch {
        let watched = Arc::new(Watched { seed: AtomicU64::new(first), over: AtomicBool::new(false) });
        let (seen, hint) = (watched.clone(), again(0));
        std::thread::spawn(move || {
            let (mut seed, mut since) = (seen.seed.load(Ordering::Relaxed), Instant::now());
            while !seen.over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(200));
                let current = seen.seed.load(Ordering::Relaxed);
                if current != seed {
                    (seed, since) = (current, Instant::now());
                } else if since.elapsed() > HANGS_AFTER && !seen.over.load(Ordering::Relaxed) {
                    eprintln!(
                        "FOUND by case {seed}: it does not end\n--- {}",
                        hint.replace("SEED=0", &format!("SEED={seed}"))
                    );
                    std::process::abort();
                }
            }
        });
        Watch(watched)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Relaxed);
    }
}

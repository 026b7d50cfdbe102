//! What the called server uses of the machine, read from /proc.

use std::fs;
use std::io;
use std::path::PathBuf;

use serde::Serialize;

use crate::sys;

/// A process by its id.
#[derive(Clone, Debug)]
pub(crate) struct ServerProcess {
    directory: PathBuf,
    ns_per_tick: u64,
    page_bytes: u64,
}

/// One look at it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Sample {
    /// User and system time of all its threads, in milliseconds.
    pub cpu_ms: f64,
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// Threads.
    pub threads: u64,
    /// Open file descriptors; 0 where they were not counted.
    pub descriptors: u64,
}

impl ServerProcess {
    pub(crate) fn new(pid: u32) -> ServerProcess {
        ServerProcess {
            directory: PathBuf::from(format!("/proc/{pid}")),
            ns_per_tick: 1_000_000_000 / sys::clock_ticks_per_second(),
            page_bytes: sys::page_bytes(),
        }
    }

    /// Reads time, memory and threads.
    pub(crate) fn sample(&self) -> io::Result<Sample> {
        let stat = fs::read_to_string(self.directory.join("stat"))?;
        let statm = fs::read_to_string(self.directory.join("statm"))?;
        let (ticks, threads) =
            parse_stat(&stat).ok_or_else(|| io::Error::other("the stat file is not as proc(5) says"))?;
        let pages = statm.split(' ').nth(1).and_then(|word| word.parse::<u64>().ok());
        let pages = pages.ok_or_else(|| io::Error::other("the statm file is not as proc(5) says"))?;
        Ok(Sample {
            cpu_ms: (ticks * self.ns_per_tick) as f64 / 1e6,
            rss_kib: pages * self.page_bytes / 1024,
            threads,
            descriptors: 0,
        })
    }

    /// [`ServerProcess::sample`] with the descriptors counted, which costs the more the more there are.
    pub(crate) fn full_sample(&self) -> io::Result<Sample> {
        let descriptors = fs::read_dir(self.directory.join("fd"))?.count() as u64;
        Ok(Sample { descriptors, ..self.sample()? })
    }
}

/// utime + stime in ticks, and the number of threads: fields 14, 15 and 20 of proc(5).
fn parse_stat(stat: &str) -> Option<(u64, u64)> {
    // Field 2, the name, is in parentheses and may hold anything, parentheses too.
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |field: usize| fields.get(field - 3)?.parse::<u64>().ok();
    Some((number(14)? + number(15)?, number(20)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_move_the_fields() {
        let stat = "77 (a) b (c) S 1 77 77 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 12345 1000 200";
        assert_eq!(parse_stat(stat), Some((300, 9)));
        assert_eq!(parse_stat("77 (x) S 1"), None);
    }

    #[test]
    fn our_own_process_can_be_seen() {
        let own = ServerProcess::new(std::process::id());
        let sample = own.full_sample().unwrap();
        assert!(sample.rss_kib > 100 && sample.threads >= 1 && sample.descriptors >= 3);
        assert!(ServerProcess::new(u32::MAX).sample().is_err());
    }
}

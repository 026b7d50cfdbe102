//! What the server's process uses while something other than calls goes on.

use std::io;

use serde::Serialize;

use crate::server_process::{Sample, ServerProcess};
use crate::sys;

/// Between two looks at the process.
const LOOK_NS: u64 = 250_000_000;

/// The process before, at its peak and after.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ServerUse {
    pub before: Sample,
    pub peak: Sample,
    pub after: Sample,
    /// Processor time of the whole run.
    pub cpu_ms: f64,
    /// Its share of one processor.
    pub cpu_percent: f64,
    /// Growth of resident memory that was left, in KiB.
    pub kib_left: f64,
    /// File descriptors that were left.
    pub descriptors_left: f64,
    /// The process ended during the run.
    pub vanished: bool,
}

/// Looks at a process from time to time.
#[derive(Debug)]
pub(crate) struct Meter {
    server: Option<ServerProcess>,
    used: ServerUse,
    began_ns: u64,
    next_look_ns: u64,
}

impl Meter {
    /// Begins; an error if the process cannot be read.
    pub(crate) fn begin(pid: Option<u32>) -> io::Result<Meter> {
        let server = pid.map(ServerProcess::new);
        let before = server.as_ref().map(ServerProcess::full_sample).transpose()?.unwrap_or_default();
        let used = ServerUse { before, peak: before, after: before, ..ServerUse::default() };
        let began_ns = sys::monotonic_ns();
        Ok(Meter { server, used, began_ns, next_look_ns: began_ns + LOOK_NS })
    }

    /// Looks, if it is time to.
    pub(crate) fn look(&mut self, now_ns: u64) {
        if now_ns < self.next_look_ns {
            return;
        }
        self.next_look_ns = now_ns + LOOK_NS;
        if let Some(Ok(sample)) = self.server.as_ref().map(ServerProcess::full_sample) {
            let peak = &mut self.used.peak;
            peak.cpu_ms = sample.cpu_ms;
            peak.rss_kib = peak.rss_kib.max(sample.rss_kib);
            peak.threads = peak.threads.max(sample.threads);
            peak.descriptors = peak.descriptors.max(sample.descriptors);
        }
    }

    /// KiB by which the process has grown until now; 0 without a process.
    pub(crate) fn growth_kib(&self) -> f64 {
        let now = self.server.as_ref().and_then(|server| server.sample().ok());
        now.map_or(0.0, |now| now.rss_kib as f64 - self.used.before.rss_kib as f64)
    }

    /// The last look, and what comes of all.
    pub(crate) fn end(mut self) -> Option<ServerUse> {
        let server = self.server.as_ref()?;
        let used = &mut self.used;
        match server.full_sample() {
            Ok(after) => used.after = after,
            Err(_) => used.vanished = true,
        }
        used.cpu_ms = used.after.cpu_ms - used.before.cpu_ms;
        used.cpu_percent = used.cpu_ms * 1e8 / (sys::monotonic_ns() - self.began_ns).max(1) as f64;
        used.kib_left = used.after.rss_kib as f64 - used.before.rss_kib as f64;
        used.descriptors_left = used.after.descriptors as f64 - used.before.descriptors as f64;
        Some(*used)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growth_is_seen_while_it_lasts() {
        let mut meter = Meter::begin(Some(std::process::id())).unwrap();
        let room = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(meter.growth_kib() > 32_000.0);
        meter.look(u64::MAX - LOOK_NS);
        drop(room);
        let used = meter.end().unwrap();
        assert!(used.peak.rss_kib > used.before.rss_kib + 32_000 && !used.vanished);
        assert!(Meter::begin(None).unwrap().end().is_none());
        assert!(Meter::begin(Some(u32::MAX)).is_err());
    }
}

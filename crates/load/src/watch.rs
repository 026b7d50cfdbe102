//! Watching a run from its main thread: calls up over time, the server's processor time and memory, the two clocks.

use serde::Serialize;

use crate::sabotage::{Kind, Sabotage};
use crate::server_process::{Sample, ServerProcess};
use crate::sys;

/// A window of the run and what was used in it.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct Window {
    pub seconds: f64,
    /// Calls up, integrated over the window.
    pub call_seconds: f64,
    /// The caller's own processor time.
    pub own_cpu_ms: f64,
    /// The server's.
    pub server_cpu_ms: f64,
}

/// The run as a whole.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct RunFigures {
    /// From the first call to the end of the last.
    pub whole: Window,
    /// While all calls were up; empty if they never were.
    pub steady: Window,
    pub peak_calls: u32,
    /// How far the system's clock moved against the steady one: echo delays and set-up times are wrong by up to this.
    pub clock_stepped_ms: f64,
    /// The caller's processor time per call and second, in the steady window if there was one.
    pub own_cpu_ms_per_call_second: f64,
}

/// The server.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct ServerFigures {
    pub before: Sample,
    /// The most of each figure seen during the run.
    pub peak: Sample,
    pub after: Sample,
    /// Processor time per call and second: in the steady window if there was one, else over the whole run.
    pub cpu_ms_per_call_second: f64,
    /// Processor time of the whole run by calls started.
    pub cpu_ms_per_call: f64,
    /// Growth of resident memory at its peak by most calls up.
    pub kib_per_call: f64,
    /// Growth of resident memory that was left at the end, in KiB.
    pub kib_left: f64,
    /// File descriptors that were left at the end.
    pub descriptors_left: f64,
    /// The process could not be read any more: it ended during the run.
    pub vanished: bool,
}

/// Often enough for calls up, ...
pub(crate) const LOOK_MS: u64 = 50;
/// ... this often for /proc/PID/stat, and this often for counting descriptors.
const SAMPLE_EVERY: u64 = 5;
const COUNT_EVERY: u64 = 40;

#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    at_ns: u64,
    call_seconds: f64,
    own_cpu_ns: u64,
    server_cpu_ms: f64,
}

/// The watcher.
#[derive(Debug)]
pub(crate) struct Watch {
    server: Option<ServerProcess>,
    figures: ServerFigures,
    looks: u64,
    last_look_ns: u64,
    call_seconds: f64,
    peak_calls: u32,
    clock_offset_ns: u64,
    clock_stepped_ns: u64,
    begin: Mark,
    steady_begin: Option<Mark>,
    steady_end: Option<Mark>,
}

impl Watch {
    /// Begins to watch; an error if the process cannot be read.
    pub(crate) fn begin(pid: Option<u32>) -> std::io::Result<Watch> {
        let server = pid.map(ServerProcess::new);
        let before = server.as_ref().map(ServerProcess::full_sample).transpose()?.unwrap_or_default();
        let mut watch = Watch {
            server,
            figures: ServerFigures { before, peak: before, after: before, ..ServerFigures::default() },
            looks: 0,
            last_look_ns: sys::monotonic_ns(),
            call_seconds: 0.0,
            peak_calls: 0,
            clock_offset_ns: clock_offset_ns(),
            clock_stepped_ns: 0,
            begin: Mark::default(),
            steady_begin: None,
            steady_end: None,
        };
        watch.begin = watch.mark();
        Ok(watch)
    }

    /// One look, every [`LOOK_MS`]. `all_up`: as many calls are up as were asked for. `ending`: no more are made.
    pub(crate) fn look(&mut self, up: u32, all_up: bool, ending: bool) {
        let now_ns = sys::monotonic_ns();
        self.call_seconds += f64::from(up) * (now_ns - self.last_look_ns) as f64 / 1e9;
        self.last_look_ns = now_ns;
        self.peak_calls = self.peak_calls.max(up);
        self.clock_stepped_ns = self.clock_stepped_ns.max(clock_offset_ns().abs_diff(self.clock_offset_ns));
        self.looks += 1;
        if self.looks.is_multiple_of(SAMPLE_EVERY) {
            self.sample(self.looks.is_multiple_of(COUNT_EVERY));
        }
        if all_up && !ending && self.steady_begin.is_none() {
            self.steady_begin = Some(self.mark());
        }
        if ending && self.steady_begin.is_some() && self.steady_end.is_none() {
            self.steady_end = Some(self.mark());
        }
    }

    /// The figures, after the last call. `started` is the number of calls made.
    pub(crate) fn end(mut self, started: u64, sabotage: Option<&Sabotage>) -> (RunFigures, Option<ServerFigures>) {
        let whole = self.begin.to(&self.mark());
        let steady = self.steady_begin.zip(self.steady_end).map(|(begin, end)| begin.to(&end)).unwrap_or_default();
        let judged = if steady.call_seconds > 0.0 { steady } else { whole };
        let run = RunFigures {
            whole,
            steady,
            peak_calls: self.peak_calls,
            clock_stepped_ms: self.clock_stepped_ns as f64 / 1e6,
            own_cpu_ms_per_call_second: ratio(judged.own_cpu_ms, judged.call_seconds),
        };
        let Some(server) = &self.server else { return (run, None) };
        let mut figures = self.figures;
        match server.full_sample() {
            Ok(after) => figures.after = after,
            Err(_) => figures.vanished = true,
        }
        self.figures = figures;
        let is = |kind| sabotage.is_some_and(|sabotage| sabotage.is(kind));
        let hogged_ms = if is(Kind::HogServer) { 500.0 * judged.call_seconds.max(1.0) } else { 0.0 };
        if is(Kind::GrowServer) {
            figures.peak.rss_kib += 8192 * u64::from(self.peak_calls.max(1));
        }
        if is(Kind::LeakDescriptor) {
            figures.after.descriptors += 1 + figures.before.descriptors.saturating_sub(figures.after.descriptors);
        }
        figures.cpu_ms_per_call_second = ratio(judged.server_cpu_ms + hogged_ms, judged.call_seconds);
        figures.cpu_ms_per_call = ratio(whole.server_cpu_ms + hogged_ms, started as f64);
        figures.kib_per_call =
            ratio(figures.peak.rss_kib as f64 - figures.before.rss_kib as f64, f64::from(self.peak_calls));
        figures.kib_left = figures.after.rss_kib as f64 - figures.before.rss_kib as f64;
        figures.descriptors_left = figures.after.descriptors as f64 - figures.before.descriptors as f64;
        (run, Some(figures))
    }

    fn sample(&mut self, count: bool) {
        let Some(server) = &self.server else { return };
        let sample = if count { server.full_sample() } else { server.sample() };
        let Ok(sample) = sample else {
            self.figures.vanished = true;
            return;
        };
        let peak = &mut self.figures.peak;
        peak.cpu_ms = sample.cpu_ms;
        peak.rss_kib = peak.rss_kib.max(sample.rss_kib);
        peak.threads = peak.threads.max(sample.threads);
        peak.descriptors = peak.descriptors.max(sample.descriptors);
    }

    fn mark(&self) -> Mark {
        let sample = self.server.as_ref().and_then(|server| server.sample().ok());
        Mark {
            at_ns: sys::monotonic_ns(),
            call_seconds: self.call_seconds,
            own_cpu_ns: sys::process_cpu_ns(),
            server_cpu_ms: sample.map_or(self.figures.peak.cpu_ms, |sample| sample.cpu_ms),
        }
    }
}

impl Mark {
    fn to(self, end: &Mark) -> Window {
        Window {
            seconds: (end.at_ns - self.at_ns) as f64 / 1e9,
            call_seconds: end.call_seconds - self.call_seconds,
            own_cpu_ms: (end.own_cpu_ns - self.own_cpu_ns) as f64 / 1e6,
            server_cpu_ms: end.server_cpu_ms - self.server_cpu_ms,
        }
    }
}

fn clock_offset_ns() -> u64 {
    sys::realtime_ns().wrapping_sub(sys::monotonic_ns())
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_up_are_integrated_and_the_steady_window_is_that_of_all_calls() {
        let mut watch = Watch::begin(Some(std::process::id())).unwrap();
        let step = || std::thread::sleep(std::time::Duration::from_millis(20));
        for (up, all_up, ending) in
            [(1, false, false), (2, true, false), (2, true, false), (2, true, true), (0, false, true)]
        {
            step();
            watch.look(up, all_up, ending);
        }
        let (run, server) = watch.end(4, None);
        assert_eq!(run.peak_calls, 2);
        assert!(run.whole.call_seconds >= 0.139 && run.steady.call_seconds >= 0.079);
        assert!(run.steady.seconds < run.whole.seconds);
        assert!((run.steady.call_seconds / run.steady.seconds - 2.0).abs() < 0.2);
        let server = server.unwrap();
        assert!(server.after.threads >= 1 && !server.vanished);
    }

    #[test]
    fn a_process_that_is_not_there_is_refused_at_once() {
        assert!(Watch::begin(Some(u32::MAX)).is_err());
    }
}

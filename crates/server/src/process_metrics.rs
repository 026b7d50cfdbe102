//! What the kernel says of this process: memory, descriptors, threads, processor time.

use std::sync::Arc;

use api::{MetricsSource, MetricsText};

/// The kernel counts processor time in hundredths of a second for user programs (`USER_HZ`), on all its platforms.
const TICKS_PER_SECOND: f64 = 100.0;

/// A source that reads `/proc/self` each time it is asked. What cannot be read is left out.
pub fn process_metrics() -> Arc<dyn MetricsSource> {
    Arc::new(Process)
}

struct Process;

impl MetricsSource for Process {
    fn collect(&self, out: &mut MetricsText) {
        if let Ok(status) = std::fs::read_to_string("/proc/self/status") {
            if let Some(kib) = status_number(&status, "VmRSS:") {
                out.gauge("process_resident_memory_bytes", "Memory of the process that is in RAM").value(kib * 1024);
            }
            if let Some(threads) = status_number(&status, "Threads:") {
                out.gauge("process_threads", "Threads of the process").value(threads);
            }
        }
        if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
            // The one with which the folder itself is read is not counted.
            let open = descriptors.count().saturating_sub(1);
            out.gauge("process_open_fds", "File descriptors that are open").value(open);
        }
        if let Some(seconds) = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| processor_seconds(&stat))
        {
            out.counter("process_cpu_seconds_total", "Processor time, user and system").value(seconds);
        }
    }
}

/// The number after `key` in /proc/self/status.
fn status_number(status: &str, key: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15 of /proc/self/stat; field 2 is the program's name in parentheses and may hold spaces.
fn processor_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let ticks: u64 = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks as f64 / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_tables_are_read() {
        let status = "Name:\tx\nVmRSS:\t    1234 kB\nThreads:\t7\n";
        assert_eq!(status_number(status, "VmRSS:"), Some(1234));
        assert_eq!(status_number(status, "Threads:"), Some(7));
        assert_eq!(status_number(status, "VmSwap:"), None);
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 8 0 100 1 1";
        assert_eq!(processor_seconds(stat), Some(3.0));
        assert_eq!(processor_seconds("42 (a"), None);
    }

    #[test]
    fn an_open_file_shows_in_the_count_of_descriptors() {
        let count = || {
            let mut text = MetricsText::default();
            process_metrics().collect(&mut text);
            let text = text.to_string();
            let line = text.lines().find(|line| line.starts_with("flowswitch_process_open_fds ")).unwrap().to_owned();
            line.split(' ').nth(1).unwrap().parse::<usize>().unwrap()
        };
        // Other tests open files at the same time; so many they do not open.
        let files: Vec<_> = (0..200).map(|_| std::fs::File::open("/proc/self/stat").unwrap()).collect();
        let with = count();
        drop(files);
        assert!(with >= 200 && count() + 150 < with);
    }
}

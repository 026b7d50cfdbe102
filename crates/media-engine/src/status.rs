//! What the engine got from the system, in words for the start message.

use std::fmt;

use base::WorkerId;

pub use crate::io::priority::Priority;

/// The outcome of a start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineStatus {
    /// Each worker.
    pub workers: Vec<WorkerStatus>,
    /// How packets are moved.
    pub packet_io: &'static str,
    /// Port pairs that there can be at most.
    pub port_pairs: usize,
    /// Pairs in the configured range; more than `port_pairs` when the limit on descriptors is what bounds them.
    pub port_pairs_configured: usize,
    /// Limit on open descriptors.
    pub descriptor_limit: u64,
}

/// One worker thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerStatus {
    /// Which one.
    pub worker: WorkerId,
    /// What the system permitted.
    pub priority: Priority,
    /// The core that it is bound to, if it is.
    pub core: Option<usize>,
}

impl fmt::Display for EngineStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.workers.len() == 1 { "" } else { "s" };
        write!(f, "{} media worker{plural}", self.workers.len())?;
        let Some(first) = self.workers.first() else { return Ok(()) };
        if self.workers.iter().all(|worker| worker.priority == first.priority) {
            write!(f, ", {}", first.priority)?;
        } else {
            for worker in &self.workers {
                write!(f, ", worker {}: {}", worker.worker.0, worker.priority)?;
            }
        }
        if self.workers.iter().all(|worker| worker.core.is_none()) {
            write!(f, ", not pinned")?;
        } else {
            write!(f, ", pinned to cores")?;
            for worker in &self.workers {
                match worker.core {
                    Some(core) => write!(f, " {core}")?,
                    None => write!(f, " (any)")?,
                }
            }
        }
        write!(f, "; packets by {}; up to {} port pairs", self.packet_io, self.port_pairs)?;
        if self.port_pairs < self.port_pairs_configured {
            write!(
                f,
                " (of {} configured: the limit of {} open descriptors allows no more)",
                self.port_pairs_configured, self.descriptor_limit
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_message_says_what_was_got() {
        let worker = |worker, priority, core| WorkerStatus { worker: WorkerId(worker), priority, core };
        let mut status = EngineStatus {
            workers: vec![worker(0, Priority::RealTime, None), worker(1, Priority::RealTime, None)],
            packet_io: "epoll and plain sockets",
            port_pairs: 10_000,
            port_pairs_configured: 10_000,
            descriptor_limit: 65_536,
        };
        assert_eq!(
            status.to_string(),
            "2 media workers, real-time priority (SCHED_RR), not pinned; packets by epoll and plain sockets; \
             up to 10000 port pairs"
        );
        status.workers = vec![worker(0, Priority::Normal, Some(3))];
        status.port_pairs = 384;
        status.descriptor_limit = 1_024;
        assert_eq!(
            status.to_string(),
            "1 media worker, normal priority (real time and nice -10 were refused), pinned to cores 3; packets by epoll and \
             plain sockets; up to 384 port pairs (of 10000 configured: the limit of 1024 open descriptors allows no more)"
        );
    }
}

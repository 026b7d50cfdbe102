//! The pool itself: which pair is idle, leased or resting, and on which worker's slot.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;

use base::{MS, SECOND, StreamId};
use media_core::{Port, PortLease};

use super::pair::{BindError, Pair};
use super::range::PortRange;
use crate::config::PortConfig;
use crate::metrics::{LivePorts, add, set};
use crate::worker::{WorkerShared, token};

/// How long a pair goes on resting while its worker may still be using what it learned before the release.
const WORKER_BUSY_NS: u64 = 5 * MS;

/// How long no port is tried after all of them were busy, or descriptors ran out.
const RETRY_NS: u64 = SECOND;

/// When nothing was leased for so long, the load is over and the stock shrinks to its smallest size.
const QUIET_NS: u64 = 10 * SECOND;

/// All pairs of all workers.
pub(crate) struct Pool {
    config: PortConfig,
    families: Vec<Family>,
    workers: Vec<WorkerSlots>,
    /// In order of time: every pair rests equally long.
    resting: VecDeque<Resting>,
    pairs: usize,
    pairs_max: usize,
    leased_at_ns: u64,
    live: Arc<LivePorts>,
}

/// One address family: its own sockets on the same port numbers.
struct Family {
    ip: IpAddr,
    range: PortRange,
    /// Until then no further port is tried: the last time none could be opened.
    not_before_ns: u64,
}

/// The slots of one worker.
struct WorkerSlots {
    shared: Arc<WorkerShared>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Idle pairs, by address family: IPv4, IPv6. The one that rested longest is first.
    idle: [VecDeque<u32>; 2],
    leased: usize,
}

/// A slot keeps its pair until that is closed, so that its sockets never change under the worker.
#[derive(Default)]
struct Slot {
    pair: Option<Pair>,
    lease: u32,
    leased: bool,
}

struct Resting {
    until_ns: u64,
    /// The worker that has served it last, and its round when the pair was taken out of its epoll set.
    served_by: usize,
    round: u64,
    /// Whose slot it is.
    worker: usize,
    slot: u32,
}

impl Pool {
    pub(crate) fn new(
        config: PortConfig,
        workers: Vec<Arc<WorkerShared>>,
        pairs_max: usize,
        live: Arc<LivePorts>,
    ) -> Pool {
        let ips = [config.ipv4.map(IpAddr::V4), config.ipv6.map(IpAddr::V6)];
        let families = ips
            .into_iter()
            .flatten()
            .map(|ip| Family { ip, range: PortRange::new(config.first, config.last), not_before_ns: 0 })
            .collect();
        let workers = workers
            .into_iter()
            .map(|shared| WorkerSlots {
                slots: (0..shared.slots()).map(|_| Slot::default()).collect(),
                free: (0..shared.slots()).rev().collect(),
                idle: [VecDeque::new(), VecDeque::new()],
                leased: 0,
                shared,
            })
            .collect();
        set(&live.pairs_max, pairs_max);
        Pool { config, families, workers, resting: VecDeque::new(), pairs: 0, pairs_max, leased_at_ns: 0, live }
    }

    /// Leases up to `count` pairs of an address family, spread so that all workers have about as many.
    pub(crate) fn lease(&mut self, ipv6: bool, count: usize, now_ns: u64) -> Vec<PortLease> {
        let mut leases = Vec::with_capacity(count.min(self.pairs_max));
        while leases.len() < count {
            let Some(lease) = self.lease_one(ipv6, now_ns) else {
                add(&self.live.exhausted, 1);
                break;
            };
            leases.push(lease);
        }
        self.leased_at_ns = now_ns;
        add(&self.live.leases, leases.len() as u64);
        self.publish();
        leases
    }

    fn lease_one(&mut self, ipv6: bool, now_ns: u64) -> Option<PortLease> {
        let family = usize::from(ipv6);
        let worker = self.least_leased(|w| !w.idle[family].is_empty() || !w.free.is_empty())?;
        if let Some(slot) = self.workers[worker].idle[family].pop_front() {
            return self.put_in_service(worker, slot);
        }
        if let Some(slot) = self.bind(worker, ipv6, now_ns) {
            return self.put_in_service(worker, slot);
        }
        // There can be no more: take what another worker has ready.
        let worker = self.least_leased(|w| !w.idle[family].is_empty())?;
        let slot = self.workers[worker].idle[family].pop_front()?;
        self.put_in_service(worker, slot)
    }

    /// The worker with the fewest leases among those that will do.
    fn least_leased(&self, will_do: impl Fn(&WorkerSlots) -> bool) -> Option<usize> {
        (0..self.workers.len()).filter(|at| will_do(&self.workers[*at])).min_by_key(|at| self.workers[*at].leased)
    }

    /// Drains the pair, starts its next lease and lets the worker hear it. None if the worker cannot.
    fn put_in_service(&mut self, worker: usize, slot: u32) -> Option<PortLease> {
        let owner = &mut self.workers[worker];
        let place = &mut owner.slots[slot as usize];
        let pair = place.pair.as_ref()?;
        add(&self.live.drained, pair.drain());
        let watched = owner.shared.epoll.add(pair.rtp(), token(slot, Port::Rtp)).and_then(|()| {
            owner.shared.epoll.add(pair.rtcp(), token(slot, Port::Rtcp)).inspect_err(|_| {
                let _ = owner.shared.epoll.remove(pair.rtp());
            })
        });
        if let Err(error) = watched {
            tracing::error!(%error, "an RTP socket cannot be watched");
            add(&self.live.bind_failures, 1);
            // The worker may have seen it for a moment.
            let round = owner.shared.round();
            self.resting.push_front(Resting { until_ns: 0, served_by: worker, round, worker, slot });
            return None;
        }
        place.lease = place.lease.wrapping_add(1);
        place.leased = true;
        owner.leased += 1;
        let stream = StreamId { worker: owner.shared.id, slot, lease: place.lease };
        Some(PortLease { stream, rtp_port: pair.rtp_port, ipv6: pair.ipv6 })
    }

    /// Ends a lease: the worker number `at`, which has served it last, hears the pair no more, and it rests. If that was not its
    /// own worker, nobody watches its sockets any more.
    pub(crate) fn release(&mut self, stream: StreamId, at: usize, now_ns: u64) {
        let found = self.workers.iter().position(|worker| worker.shared.id == stream.worker).filter(|at| {
            let slot = self.workers[*at].slots.get(stream.slot as usize);
            slot.is_some_and(|slot| slot.leased && slot.lease == stream.lease)
        });
        let Some(worker) = found else {
            add(&self.live.release_stale, 1);
            return;
        };
        let count = self.workers.len();
        let owner = &mut self.workers[worker];
        let place = &mut owner.slots[stream.slot as usize];
        place.leased = false;
        owner.leased -= 1;
        let served_by = if at < count { at } else { worker };
        if served_by == worker
            && let Some(pair) = &place.pair
        {
            for fd in [pair.rtp(), pair.rtcp()] {
                if let Err(error) = owner.shared.epoll.remove(fd) {
                    tracing::error!(%error, "an RTP socket cannot be taken out of its epoll set");
                }
            }
        }
        // After the removal: what the worker learned before it, it learned in this round at the latest.
        let round = self.workers[served_by].shared.round();
        let until_ns = now_ns + self.config.rest_ms * MS;
        self.resting.push_back(Resting { until_ns, served_by, round, worker, slot: stream.slot });
        self.publish();
    }

    /// When [`Pool::tend`] has something to do next.
    pub(crate) fn next_deadline(&self) -> Option<u64> {
        self.resting.front().map(|resting| resting.until_ns)
    }

    /// Takes up the pairs that have rested, closes those that are too many, and binds those that are missing.
    pub(crate) fn tend(&mut self, now_ns: u64) {
        while let Some(mut rested) = self.resting.pop_front_if(|resting| resting.until_ns <= now_ns) {
            let server = &self.workers[rested.served_by].shared;
            if !server.is_stopped() && server.round() <= rested.round {
                // The worker has not begun another round since: it could still touch these sockets. Let it begin one.
                server.wake();
                rested.until_ns = now_ns + WORKER_BUSY_NS;
                self.resting.push_front(rested);
                break;
            }
            let owner = &mut self.workers[rested.worker];
            if let Some(pair) = &owner.slots[rested.slot as usize].pair {
                add(&self.live.drained, pair.drain());
                owner.idle[usize::from(pair.ipv6)].push_back(rested.slot);
            }
        }
        for at in 0..self.families.len() {
            self.level(self.families[at].ip.is_ipv6(), now_ns);
        }
        self.publish();
    }

    /// Keeps the idle pairs of a family between the two configured numbers.
    fn level(&mut self, ipv6: bool, now_ns: u64) {
        let family = usize::from(ipv6);
        let idle = |pool: &Pool| pool.workers.iter().map(|worker| worker.idle[family].len()).sum::<usize>();
        let is_quiet = now_ns > self.leased_at_ns + QUIET_NS;
        let most = if is_quiet { self.config.idle_min } else { self.config.idle_max };
        while idle(self) > most as usize {
            let fullest = (0..self.workers.len()).max_by_key(|at| self.workers[*at].idle[family].len());
            let Some(worker) = fullest else { return };
            let Some(slot) = self.workers[worker].idle[family].pop_front() else { return };
            self.close(worker, slot);
        }
        while idle(self) < self.config.idle_min as usize {
            let emptiest = (0..self.workers.len())
                .filter(|at| !self.workers[*at].free.is_empty())
                .min_by_key(|at| self.workers[*at].idle[family].len());
            let Some(slot) = emptiest.and_then(|worker| Some((worker, self.bind(worker, ipv6, now_ns)?))) else {
                return;
            };
            self.workers[slot.0].idle[family].push_back(slot.1);
        }
    }

    /// Binds another pair into a free slot of `worker`.
    fn bind(&mut self, worker: usize, ipv6: bool, now_ns: u64) -> Option<u32> {
        let family = self.families.iter_mut().find(|family| family.ip.is_ipv6() == ipv6)?;
        if self.pairs >= self.pairs_max || self.workers[worker].free.is_empty() || now_ns < family.not_before_ns {
            return None;
        }
        for _ in 0..family.range.len() {
            let port = family.range.take()?;
            match Pair::bind(family.ip, port, &self.config) {
                Ok(pair) => {
                    let owner = &mut self.workers[worker];
                    let slot = owner.free.pop()?;
                    owner.shared.set_sockets(slot, pair.rtp(), pair.rtcp());
                    owner.slots[slot as usize].pair = Some(pair);
                    self.pairs += 1;
                    return Some(slot);
                }
                Err(BindError::Busy) => {
                    family.range.put_back(port);
                    add(&self.live.bind_busy, 1);
                }
                Err(BindError::Failed(error)) => {
                    family.range.put_back(port);
                    add(&self.live.bind_failures, 1);
                    tracing::warn!(%error, port, "an RTP port cannot be opened");
                    break;
                }
            }
        }
        family.not_before_ns = now_ns + RETRY_NS;
        None
    }

    /// Closes a pair that its worker does not know any more.
    fn close(&mut self, worker: usize, slot: u32) {
        let owner = &mut self.workers[worker];
        owner.shared.set_sockets(slot, -1, -1);
        if let Some(pair) = owner.slots[slot as usize].pair.take() {
            let family = self.families.iter_mut().find(|family| family.ip.is_ipv6() == pair.ipv6);
            if let Some(family) = family {
                family.range.put_back(pair.rtp_port);
            }
            self.pairs -= 1;
        }
        owner.free.push(slot);
    }

    fn publish(&self) {
        let leased: usize = self.workers.iter().map(|worker| worker.leased).sum();
        let idle: usize = self.workers.iter().flat_map(|worker| &worker.idle).map(VecDeque::len).sum();
        set(&self.live.leased, leased);
        set(&self.live.idle, idle);
        set(&self.live.resting, self.resting.len());
        set(&self.live.descriptors, 2 * self.pairs);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for worker in 0..self.workers.len() {
            for slot in 0..self.workers[worker].slots.len() as u32 {
                if self.workers[worker].slots[slot as usize].pair.is_some() {
                    self.close(worker, slot);
                }
            }
        }
        self.resting.clear();
        for worker in &mut self.workers {
            worker.leased = 0;
            worker.idle.iter_mut().for_each(VecDeque::clear);
        }
        self.publish();
    }
}

#[cfg(test)]
mod tests;

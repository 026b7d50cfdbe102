//! The leased RTP port pairs that this loop may give to calls at once, without asking anyone.

use std::collections::VecDeque;

use media_core::PortLease;
use serde::{Deserialize, Serialize};

/// An inventory of leases, one stock per address family, each refilled before it runs dry.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct PortInventory {
    ipv4: Stock,
    ipv6: Stock,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Stock {
    leases: VecDeque<PortLease>,
    /// A request for more is on its way.
    awaited: bool,
}

impl PortInventory {
    /// Takes a pair of the wanted address family.
    pub(crate) fn take(&mut self, ipv6: bool) -> Option<PortLease> {
        self.stock(ipv6).leases.pop_front()
    }

    /// Puts a pair back that was never used.
    pub(crate) fn put_back(&mut self, lease: PortLease) {
        self.stock(lease.ipv6).leases.push_back(lease);
    }

    /// Takes in what the pool handed over: the answer to what was asked for, even when it is less or nothing.
    pub(crate) fn refill(&mut self, ipv6: bool, leases: Vec<PortLease>) {
        let stock = self.stock(ipv6);
        stock.awaited = false;
        stock.leases.extend(leases);
    }

    /// How many to ask for now to have `target` at hand; none while a request is open or half of them are still there.
    pub(crate) fn wanted(&mut self, ipv6: bool, target: u32) -> Option<u32> {
        let stock = self.stock(ipv6);
        let at_hand = stock.leases.len() as u32;
        if stock.awaited || at_hand.saturating_mul(2) >= target {
            return None;
        }
        stock.awaited = true;
        Some(target - at_hand)
    }

    /// Pairs at hand.
    pub(crate) fn len(&self) -> usize {
        self.ipv4.leases.len() + self.ipv6.leases.len()
    }

    fn stock(&mut self, ipv6: bool) -> &mut Stock {
        if ipv6 { &mut self.ipv6 } else { &mut self.ipv4 }
    }
}

#[cfg(test)]
mod tests {
    use base::{StreamId, WorkerId};

    use super::*;

    fn lease(slot: u32) -> PortLease {
        PortLease { stream: StreamId { worker: WorkerId(0), slot, lease: 1 }, rtp_port: 10_000, ipv6: false }
    }

    #[test]
    fn more_is_asked_for_at_half_of_the_target_and_only_once() {
        let mut ports = PortInventory::default();
        assert_eq!(ports.wanted(false, 4), Some(4));
        assert_eq!(ports.wanted(false, 4), None, "a request is open");
        ports.refill(false, (0..4).map(lease).collect());
        ports.take(false).unwrap();
        ports.take(false).unwrap();
        assert_eq!(ports.wanted(false, 4), None);
        ports.take(false).unwrap();
        assert_eq!(ports.wanted(false, 4), Some(3));
    }

    #[test]
    fn an_empty_answer_allows_to_ask_again() {
        let mut ports = PortInventory::default();
        assert!(ports.wanted(true, 8).is_some());
        ports.refill(true, Vec::new());
        assert!(ports.take(true).is_none());
        assert!(ports.wanted(true, 8).is_some());
    }
}

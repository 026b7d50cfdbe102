use std::net::UdpSocket;
use std::sync::Arc;

use base::{SECOND, WorkerId};

use super::*;

/// A pool over a part of the port space of its own, without worker threads: their rounds are begun by hand.
fn pool(first: u16, last: u16, change: impl FnOnce(&mut PortConfig)) -> (Pool, Vec<Arc<WorkerShared>>, Arc<LivePorts>) {
    let mut config = PortConfig {
        first,
        last,
        ipv4: Some("127.0.0.1".parse().unwrap()),
        idle_min: 0,
        idle_max: 100,
        ..PortConfig::default()
    };
    change(&mut config);
    let pairs = PortRange::new(first, last).len();
    let workers: Vec<_> =
        (0..2).map(|id| Arc::new(WorkerShared::new(WorkerId(id), pairs.div_ceil(2) as u32).unwrap())).collect();
    let live = Arc::new(LivePorts::default());
    (Pool::new(config, workers.clone(), pairs, live.clone()), workers, live)
}

fn ports(leases: &[PortLease]) -> Vec<u16> {
    let mut ports: Vec<u16> = leases.iter().map(|lease| lease.rtp_port).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn leases_are_spread_over_the_workers_and_each_has_its_own_ports() {
    let (mut pool, workers, live) = pool(31_000, 31_007, |_| {});
    let leases = pool.lease(false, 4, 1);
    assert_eq!(ports(&leases), [31_000, 31_002, 31_004, 31_006]);
    let on_first = leases.iter().filter(|lease| lease.stream.worker == WorkerId(0)).count();
    assert_eq!(on_first, 2);
    for lease in &leases {
        let worker = &workers[usize::from(lease.stream.worker.0)];
        assert!(worker.socket(lease.stream.slot, Port::Rtp).is_some());
        assert!(worker.socket(lease.stream.slot, Port::Rtcp).is_some());
    }
    let seen = live.read();
    assert_eq!((seen.leased, seen.idle, seen.descriptors, seen.leases), (4, 0, 8, 4));
}

#[test]
fn an_exhausted_range_gives_what_is_there_and_counts() {
    let (mut pool, _, live) = pool(31_010, 31_015, |_| {});
    assert_eq!(pool.lease(false, 10, 1).len(), 3);
    assert_eq!(live.read().exhausted, 1);
    assert!(pool.lease(false, 1, 1).is_empty());
    assert!(pool.lease(true, 1, 1).is_empty(), "no IPv6 is configured");
    assert_eq!(live.read().exhausted, 3);
}

#[test]
fn ports_of_other_programs_are_passed_over() {
    let _rtp = UdpSocket::bind("127.0.0.1:31020").unwrap();
    let _rtcp = UdpSocket::bind("127.0.0.1:31023").unwrap();
    let (mut pool, _, live) = pool(31_020, 31_025, |_| {});
    assert_eq!(ports(&pool.lease(false, 3, 1)), [31_024]);
    assert!(live.read().bind_busy >= 2);
}

#[test]
fn a_released_pair_rests_before_it_is_leased_again() {
    let (mut pool, workers, live) = pool(31_030, 31_031, |_| {});
    let first = pool.lease(false, 1, SECOND)[0];
    pool.release(first.stream, usize::from(first.stream.worker.0), SECOND);
    workers[usize::from(first.stream.worker.0)].begin_wait(SECOND, true);
    assert_eq!(live.read().resting, 1);
    pool.tend(3 * SECOND - 1);
    assert!(pool.lease(false, 1, 3 * SECOND - 1).is_empty(), "it has not rested for 2 s yet");
    pool.tend(3 * SECOND);
    let second = pool.lease(false, 1, 3 * SECOND)[0];
    assert_eq!((second.rtp_port, second.stream.lease), (31_030, first.stream.lease + 1));
}

#[test]
fn what_a_stale_sender_sent_is_not_heard_in_the_next_call() {
    let (mut pool, workers, live) = pool(31_040, 31_041, |_| {});
    let first = pool.lease(false, 1, SECOND)[0];
    pool.release(first.stream, usize::from(first.stream.worker.0), SECOND);
    workers[usize::from(first.stream.worker.0)].begin_wait(SECOND, true);
    let stale = UdpSocket::bind("127.0.0.1:0").unwrap();
    stale.send_to(b"while it rests", "127.0.0.1:31040").unwrap();
    pool.tend(4 * SECOND);
    stale.send_to(b"while it is idle", "127.0.0.1:31041").unwrap();
    let second = pool.lease(false, 1, 4 * SECOND)[0];
    assert_eq!(live.read().drained, 2);
    let fd = workers[usize::from(second.stream.worker.0)].socket(second.stream.slot, Port::Rtp).unwrap();
    assert_eq!(crate::io::packet::receive(fd, &mut [0; 64]), crate::io::packet::Received::Nothing);
}

#[test]
fn sockets_are_not_touched_while_the_worker_may_still_use_them() {
    let (mut pool, workers, live) = pool(31_050, 31_051, |config| config.idle_max = 0);
    let lease = pool.lease(false, 1, SECOND)[0];
    let worker = &workers[usize::from(lease.stream.worker.0)];
    pool.release(lease.stream, usize::from(lease.stream.worker.0), SECOND);
    pool.tend(10 * SECOND);
    assert_eq!(live.read().descriptors, 2, "the worker's round is still the one of the release");
    assert!(worker.socket(lease.stream.slot, Port::Rtp).is_some());
    worker.begin_wait(10 * SECOND, true);
    pool.tend(10 * SECOND + WORKER_BUSY_NS);
    assert_eq!(live.read().descriptors, 0);
    assert!(worker.socket(lease.stream.slot, Port::Rtp).is_none());
}

#[test]
fn a_late_release_of_an_earlier_lease_changes_nothing() {
    let (mut pool, workers, live) = pool(31_060, 31_061, |config| config.rest_ms = 0);
    let first = pool.lease(false, 1, SECOND)[0];
    pool.release(first.stream, usize::from(first.stream.worker.0), SECOND);
    workers[usize::from(first.stream.worker.0)].begin_wait(SECOND, true);
    pool.tend(SECOND);
    pool.lease(false, 1, SECOND);
    pool.release(first.stream, usize::from(first.stream.worker.0), SECOND);
    assert_eq!((live.read().leased, live.read().release_stale), (1, 1));
}

#[test]
fn idle_pairs_are_kept_between_two_numbers() {
    let (mut pool, workers, live) = pool(31_070, 31_099, |config| {
        config.idle_min = 2;
        config.idle_max = 4;
        config.rest_ms = 0;
    });
    pool.tend(SECOND);
    assert_eq!(live.read().idle, 2);
    let leases = pool.lease(false, 10, SECOND);
    pool.tend(SECOND);
    assert_eq!((live.read().leased, live.read().idle), (10, 2));
    leases.iter().for_each(|lease| pool.release(lease.stream, usize::from(lease.stream.worker.0), SECOND));
    workers.iter().for_each(|worker| worker.begin_wait(SECOND, true));
    pool.tend(SECOND);
    let seen = live.read();
    assert_eq!((seen.leased, seen.resting, seen.idle, seen.descriptors), (0, 0, 4, 8));
    // When the load has been over for a while, it is as at the start.
    pool.tend(12 * SECOND);
    assert_eq!((live.read().idle, live.read().descriptors), (2, 4));
}

#[test]
fn both_address_families_have_the_same_port_numbers() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return; // this machine has no IPv6
    }
    let (mut pool, ..) = pool(31_100, 31_103, |config| config.ipv6 = Some("::1".parse().unwrap()));
    let v4 = pool.lease(false, 1, 1);
    let v6 = pool.lease(true, 1, 1);
    assert_eq!((ports(&v4), ports(&v6)), (vec![31_100], vec![31_100]));
    assert!(v6[0].ipv6 && !v4[0].ipv6);
}

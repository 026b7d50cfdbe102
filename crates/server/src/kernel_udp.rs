//! What the kernel drops of UDP on this machine. RTP sockets are too many to ask each of them, so these count the whole
//! machine: while nothing else of weight uses UDP here, what moves is ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::{MetricsSource, MetricsText};

/// A source that reads `/proc/net` each time it is asked. What cannot be read is left out.
pub fn kernel_udp_metrics() -> Arc<dyn MetricsSource> {
    Arc::new(KernelUdp)
}

/// RFC 4113 and `Documentation/networking/snmp_counter.rst` of the kernel: name there, name here, meaning.
const COUNTERS: [(&str, &str, &str); 4] = [
    (
        "RcvbufErrors",
        "kernel_udp_receive_buffer_full_total",
        "UDP datagrams that the kernel dropped because a receive buffer was full: the whole machine, not this process alone",
    ),
    (
        "SndbufErrors",
        "kernel_udp_send_buffer_full_total",
        "UDP datagrams that the kernel did not send because a send buffer was full: the whole machine, not this process alone",
    ),
    (
        "InErrors",
        "kernel_udp_in_errors_total",
        "UDP datagrams that arrived and could not be delivered, full buffers included: the whole machine, not this process alone",
    ),
    (
        "NoPorts",
        "kernel_udp_no_ports_total",
        "UDP datagrams to a port that nobody has open: the whole machine, not this process alone",
    ),
];

struct KernelUdp;

impl MetricsSource for KernelUdp {
    fn collect(&self, out: &mut MetricsText) {
        if let Ok(snmp) = std::fs::read_to_string("/proc/net/snmp") {
            write(out, "ipv4", &of_ipv4(&snmp));
        }
        if let Ok(snmp6) = std::fs::read_to_string("/proc/net/snmp6") {
            write(out, "ipv6", &of_ipv6(&snmp6));
        }
    }
}

fn write(out: &mut MetricsText, family: &str, counters: &BTreeMap<&str, u64>) {
    for (kernel, name, help) in COUNTERS {
        if let Some(count) = counters.get(kernel) {
            let _ = out.counter(name, help).sample(&[("family", family)], *count);
        }
    }
}

/// /proc/net/snmp has two lines that begin with `Udp:`: names, and numbers below them.
fn of_ipv4(snmp: &str) -> BTreeMap<&str, u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Udp:"));
    let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return BTreeMap::new() };
    let pairs = names.split_whitespace().zip(numbers.split_whitespace());
    pairs.filter_map(|(name, number)| Some((name, number.parse().ok()?))).collect()
}

/// /proc/net/snmp6 has one line for each counter.
fn of_ipv6(snmp6: &str) -> BTreeMap<&str, u64> {
    let pairs = snmp6.lines().filter_map(|line| line.strip_prefix("Udp6")?.split_once(char::is_whitespace));
    pairs.filter_map(|(name, number)| Some((name, number.trim().parse().ok()?))).collect()
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn the_kernels_tables_are_read_by_the_names_in_their_heads() {
        let snmp = "Ip: Forwarding\nIp: 1\n\
                    Udp: InDatagrams NoPorts New InErrors OutDatagrams RcvbufErrors SndbufErrors\n\
                    Udp: 9 1 77 5 8 3 2\n\
                    UdpLite: InDatagrams NoPorts\nUdpLite: 40 41\n";
        let counters = of_ipv4(snmp);
        let of = |name| counters.get(name).copied();
        assert_eq!(
            [of("RcvbufErrors"), of("SndbufErrors"), of("InErrors"), of("NoPorts")],
            [Some(3), Some(2), Some(5), Some(1)]
        );
        let counters = of_ipv6("Ip6InReceives \t4\nUdp6InErrors   \t6\nUdp6RcvbufErrors\t7\nUdpLite6InErrors\t9\n");
        assert_eq!((counters.get("InErrors"), counters.get("RcvbufErrors")), (Some(&6), Some(&7)));
        assert!(of_ipv4("Udp: NoPorts\n").is_empty() && of_ipv4("").is_empty(), "a table without numbers");
    }

    /// A receive buffer is filled and left; the counter that an operator sees must move at least that much.
    #[test]
    fn a_full_receive_buffer_shows_as_kernel_drops() {
        let dropped = || {
            let mut text = MetricsText::default();
            kernel_udp_metrics().collect(&mut text);
            let text = text.to_string();
            let start = "flowswitch_kernel_udp_receive_buffer_full_total{family=\"ipv4\"} ";
            let line = text.lines().find_map(|line| line.strip_prefix(start)).expect("the kernel counts this");
            line.parse::<u64>().unwrap()
        };
        let before = dropped();
        let (near, far) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        let full = vec![0; 60_000];
        for _ in 0..400 {
            // 24 MB: more than any default receive buffer holds.
            let _ = far.send_to(&full, near.local_addr().unwrap());
        }
        assert!(dropped() >= before + 100, "{before} before, {} now", dropped());
    }
}

//! The RTCP side of a stream: when reports go out, what they say, and what the peer's reports tell us.

use std::net::SocketAddr;

use base::{MS, SECOND};

use super::latch::is_usable;
use crate::StreamStats;
use crate::rtcp::{Compound, CompoundWriter, Packet, ReportBlock, SenderInfo, ntp_from_ns, ntp_middle};
use crate::seed::Seed;

/// RFC 3550 §6.2: the smallest interval, which holds for two parties.
const INTERVAL_NS: u64 = 5 * SECOND;
/// RFC 3550 §6.3.1: intervals are divided by e - 3/2, here in thousandths, to make up for the randomisation's bias.
const COMPENSATION_MILLI: u64 = 1218;
/// RFC 7022 §4.2: a short-term CNAME has at least 96 bits; hexadecimal here.
const CNAME_LENGTH: usize = 24;
/// A round trip that takes longer is a wrong report.
const ROUND_TRIP_MAX: u32 = 30 << 16;
/// Times of which a peer's report may speak: the last sender reports that we sent.
const SENT_REPORTS: usize = 4;

/// State of a stream's reports.
#[derive(Clone, Debug)]
pub(crate) struct Reporter {
    seed: Seed,
    cname: [u8; CNAME_LENGTH],
    next_ns: u64,
    signalled: SocketAddr,
    /// Where valid reports of the peer came from.
    source: Option<SocketAddr>,
    /// Middle of the NTP time in the peer's last sender report, and when it arrived.
    last_sr: Option<(u32, u64)>,
    /// Middles of the NTP times in ours.
    sent: [Option<u32>; SENT_REPORTS],
    /// Packets sent up to the last report and the one before it.
    packets_at_reports: [u64; 2],
    peer_lost: Option<i32>,
    round_trip_us: Option<u32>,
}

/// What a sender report says about us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) ssrc: u32,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) rtp_timestamp: u32,
}

impl Reporter {
    pub(crate) fn new(mut seed: Seed, signalled: SocketAddr) -> Reporter {
        let mut cname = [0; CNAME_LENGTH];
        for place in cname.chunks_mut(8) {
            let mut random = seed.next_u64();
            for digit in place {
                *digit = b"0123456789abcdef"[(random & 15) as usize];
                random >>= 4;
            }
        }
        Reporter {
            seed,
            cname,
            next_ns: u64::MAX,
            signalled,
            source: None,
            last_sr: None,
            sent: [None; SENT_REPORTS],
            packets_at_reports: [0; 2],
            peer_lost: None,
            round_trip_us: None,
        }
    }

    /// RFC 3550 §6.2: the first report comes after half the interval.
    pub(crate) fn start(&mut self, now_ns: u64) {
        self.next_ns = now_ns + self.interval_ns() / 2;
    }

    pub(crate) fn next_ns(&self) -> u64 {
        self.next_ns
    }

    /// RFC 3550 §6.3.1: uniform between half and one and a half of the interval, compensated.
    fn interval_ns(&mut self) -> u64 {
        let random_ms = self.seed.next_u64() % (INTERVAL_NS / MS + 1);
        (INTERVAL_NS / 2 + random_ms * MS) * 1000 / COMPENSATION_MILLI
    }

    /// A new SDP; an address that cannot be sent to changes nothing.
    pub(crate) fn signal(&mut self, address: SocketAddr) {
        if address != self.signalled && is_usable(address) {
            self.signalled = address;
            self.source = None;
        }
    }

    /// Where reports go to.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        self.source.or_else(|| Some(self.signalled).filter(|address| is_usable(*address)))
    }

    /// Whether RTCP from this address may be the peer's. `rtp`: where we send RTP to.
    pub(crate) fn is_peer(&self, from: SocketAddr, rtp: Option<SocketAddr>) -> bool {
        from == self.signalled || self.source == Some(from) || rtp.is_some_and(|rtp| rtp.ip() == from.ip())
    }

    /// A fresh SSRC after a collision.
    pub(crate) fn fresh_ssrc(&mut self) -> u32 {
        self.seed.next_u32()
    }

    /// Writes the report that is due and sets the next one. `heard`: our receiver's block, without its round trip fields.
    pub(crate) fn write(
        &mut self,
        now_ns: u64,
        sent: Sent,
        heard: Option<ReportBlock>,
        out: &mut [u8],
        bye: bool,
    ) -> usize {
        self.next_ns = now_ns + self.interval_ns();
        let block = heard.map(|block| self.with_last_sr(now_ns, block));
        let mut writer = CompoundWriter::new(out);
        // RFC 3550 §6.4: a sender report if we have sent since the report before the last one.
        if sent.packets > self.packets_at_reports[0] {
            let ntp = ntp_from_ns(now_ns);
            let info = SenderInfo {
                ntp,
                rtp_timestamp: sent.rtp_timestamp,
                packets: sent.packets as u32,
                octets: sent.octets as u32,
            };
            writer.sender_report(sent.ssrc, info, block);
            self.sent.rotate_right(1);
            self.sent[0] = Some(ntp_middle(ntp));
        } else {
            writer.receiver_report(sent.ssrc, block);
        }
        self.packets_at_reports = [self.packets_at_reports[1], sent.packets];
        writer.cname(sent.ssrc, &self.cname);
        if bye {
            writer.bye(sent.ssrc);
        }
        writer.finish()
    }

    fn with_last_sr(&self, now_ns: u64, block: ReportBlock) -> ReportBlock {
        match self.last_sr {
            Some((last_sr, arrived_ns)) => {
                let delay = ntp_middle(ntp_from_ns(now_ns.saturating_sub(arrived_ns)));
                ReportBlock { last_sr, delay_since_last_sr: delay, ..block }
            }
            None => block,
        }
    }

    /// The source that is heard has changed: its earlier reports mean nothing any more.
    pub(crate) fn forget_source(&mut self) {
        self.last_sr = None;
    }

    /// A datagram of the peer. `own`: our SSRC; `peer`: that of the source we hear.
    pub(crate) fn receive(
        &mut self,
        now_ns: u64,
        from: SocketAddr,
        compound: Compound<'_>,
        own: u32,
        peer: Option<u32>,
    ) {
        for packet in compound {
            let (ssrc, blocks) = match packet {
                Packet::SenderReport(report) => {
                    if Some(report.ssrc) == peer {
                        self.last_sr = Some((ntp_middle(report.info.ntp), now_ns));
                    }
                    (report.ssrc, report.blocks)
                }
                Packet::ReceiverReport(report) => (report.ssrc, report.blocks),
                _ => continue,
            };
            // Symmetric RTCP (RFC 4961): only what speaks of this session moves our destination.
            let mut ours = Some(ssrc) == peer;
            for block in blocks.filter(|block| block.ssrc == own) {
                ours = true;
                self.heard_of_us(now_ns, block);
            }
            if ours {
                self.source = Some(from);
            }
        }
    }

    fn heard_of_us(&mut self, now_ns: u64, block: ReportBlock) {
        self.peer_lost = Some(block.cumulative_lost);
        // RFC 3550 §6.4.1: now - LSR - DLSR. Only a report of ours can have been its start.
        if block.last_sr == 0 || !self.sent.contains(&Some(block.last_sr)) {
            return;
        }
        let now = ntp_middle(ntp_from_ns(now_ns));
        let round_trip = now.wrapping_sub(block.last_sr).wrapping_sub(block.delay_since_last_sr);
        // A peer's clock that is coarser than ours can make it slightly negative: that is zero.
        let round_trip = if round_trip as i32 > -1000 && (round_trip as i32) < 0 { 0 } else { round_trip };
        if round_trip <= ROUND_TRIP_MAX {
            self.round_trip_us = Some((u64::from(round_trip) * 1_000_000 / 65_536) as u32);
        }
    }

    pub(crate) fn fill(&self, stats: &mut StreamStats) {
        stats.peer_lost_packets = self.peer_lost;
        stats.round_trip_us = self.round_trip_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "10.0.0.1:4001";
    const SENT: Sent = Sent { ssrc: 7, packets: 1, octets: 160, rtp_timestamp: 0 };

    fn reporter() -> Reporter {
        let mut reporter = Reporter::new(Seed::new(1, 2, 3), PEER.parse().unwrap());
        reporter.start(0);
        reporter
    }

    fn peer_report(last_sr: u32, delay_since_last_sr: u32) -> Vec<u8> {
        let mut buffer = vec![0; 100];
        let mut writer = CompoundWriter::new(&mut buffer);
        let block = ReportBlock { ssrc: 7, cumulative_lost: 3, last_sr, delay_since_last_sr, ..ReportBlock::default() };
        writer.receiver_report(99, Some(block));
        let length = writer.finish();
        buffer.truncate(length);
        buffer
    }

    fn round_trip(reporter: &Reporter) -> Option<u32> {
        let mut stats = StreamStats::default();
        reporter.fill(&mut stats);
        stats.round_trip_us
    }

    #[test]
    fn intervals_are_spread_around_their_mean_and_never_leave_their_bounds() {
        let mut reporter = reporter();
        let all: Vec<u64> = (0..2000).map(|_| reporter.interval_ns() / MS).collect();
        assert!(all.iter().all(|ms| (2052..=6158).contains(ms)));
        let mean = all.iter().sum::<u64>() / 2000;
        assert!((4000..4210).contains(&mean), "{mean}");
        assert!(reporter.next_ns() <= 3100 * MS);
    }

    #[test]
    fn the_round_trip_is_measured_from_our_report_and_its_echo() {
        let mut reporter = reporter();
        let mut out = [0; 200];
        let length = reporter.write(10 * SECOND, SENT, None, &mut out, false);
        let Some(Packet::SenderReport(report)) = Compound::parse(&out[..length]).unwrap().next() else { panic!() };
        // The peer holds it for half a second; the report is back after 540 ms.
        let bytes = peer_report(ntp_middle(report.info.ntp), 32_768);
        reporter.receive(10_540 * MS, PEER.parse().unwrap(), Compound::parse(&bytes).unwrap(), 7, None);
        let round_trip_us = round_trip(&reporter).unwrap();
        assert!((39_950..=40_050).contains(&round_trip_us), "{round_trip_us}");
    }

    #[test]
    fn a_report_about_a_time_that_we_never_sent_is_no_measurement() {
        let mut reporter = reporter();
        let bytes = peer_report(123, 1);
        reporter.receive(SECOND, PEER.parse().unwrap(), Compound::parse(&bytes).unwrap(), 7, None);
        assert_eq!(round_trip(&reporter), None);
        let mut stats = StreamStats::default();
        reporter.fill(&mut stats);
        assert_eq!(stats.peer_lost_packets, Some(3));
    }

    #[test]
    fn who_sends_reports_as_sender_who_stops_as_receiver() {
        let mut reporter = reporter();
        let mut out = [0; 200];
        let mut kinds = Vec::new();
        for packets in [0, 5, 9, 9, 9, 10] {
            let length = reporter.write(SECOND, Sent { packets, ..SENT }, None, &mut out, false);
            kinds.push(out[1]);
            assert!(
                Compound::parse(&out[..length]).unwrap().any(|packet| matches!(packet, Packet::SourceDescription(_)))
            );
        }
        assert_eq!(kinds, [201, 200, 200, 200, 201, 200]);
    }

    #[test]
    fn reports_follow_the_peer_and_come_back_with_a_new_sdp() {
        let mut reporter = reporter();
        let elsewhere: SocketAddr = "192.0.2.7:5555".parse().unwrap();
        assert!(!reporter.is_peer(elsewhere, None));
        assert!(reporter.is_peer(elsewhere, Some("192.0.2.7:5554".parse().unwrap())));
        let about_others = peer_report(0, 0);
        reporter.receive(0, elsewhere, Compound::parse(&about_others).unwrap(), 8, Some(5));
        assert_eq!(reporter.destination(), Some(PEER.parse().unwrap()));
        reporter.receive(0, elsewhere, Compound::parse(&about_others).unwrap(), 7, Some(5));
        assert_eq!(reporter.destination(), Some(elsewhere));
        reporter.signal("10.0.0.2:4001".parse().unwrap());
        assert_eq!(reporter.destination().unwrap().to_string(), "10.0.0.2:4001");
        reporter.signal("0.0.0.0:4001".parse().unwrap());
        assert_eq!(reporter.destination().unwrap().to_string(), "10.0.0.2:4001");
    }

    #[test]
    fn the_peers_last_report_comes_back_with_its_delay() {
        let mut reporter = reporter();
        let mut buffer = [0; 100];
        let mut writer = CompoundWriter::new(&mut buffer);
        writer.sender_report(5, SenderInfo { ntp: 0x1234_5678_9abc_def0, ..SenderInfo::default() }, None);
        let length = writer.finish();
        reporter.receive(SECOND, PEER.parse().unwrap(), Compound::parse(&buffer[..length]).unwrap(), 7, Some(5));
        let mut out = [0; 200];
        let heard = ReportBlock { ssrc: 5, ..ReportBlock::default() };
        let length = reporter.write(3 * SECOND, SENT, Some(heard), &mut out, true);
        let packets: Vec<Packet> = Compound::parse(&out[..length]).unwrap().collect();
        let [Packet::SenderReport(report), _, Packet::Bye(bye)] = &packets[..] else { panic!("{packets:?}") };
        let block = report.blocks.clone().next().unwrap();
        assert_eq!((block.last_sr, block.delay_since_last_sr), (0x5678_9abc, 2 << 16));
        assert_eq!(bye.sources().collect::<Vec<_>>(), [7]);
    }
}

use base::{MS, SECOND};
use media_core::Port;
use media_core::rtcp::{Compound, CompoundWriter, Packet, ReportBlock, SenderInfo, SenderReport};

use crate::support::*;

fn sender_report(bytes: &[u8]) -> SenderReport<'_> {
    match Compound::parse(bytes).unwrap().next() {
        Some(Packet::SenderReport(report)) => report,
        other => panic!("{other:?}"),
    }
}

#[test]
fn reports_go_out_about_every_five_seconds_with_what_was_sent_and_heard() {
    let (mut scene, _) = Scene::open(&config());
    let start_ns = scene.now_ns;
    for n in 0..3000_u16 {
        if n % 10 != 9 {
            scene.audio(n, u32::from(n) * 160);
        }
        scene.run_ms(20);
    }
    let sent_rtp = scene.take_rtp();
    let reports = scene.take_rtcp();
    assert!((12..=18).contains(&reports.len()), "{} in a minute", reports.len());
    for report in &reports {
        assert_eq!((report.port, report.to.to_string(), report.slot), (Port::Rtcp, PEER_RTCP.to_string(), 5));
        let parsed = sender_report(&report.bytes);
        assert_eq!(parsed.ssrc, OUR_SSRC);
        let before: Vec<&Rtp> = sent_rtp.iter().filter(|packet| packet.at_ns <= report.at_ns).collect();
        assert!(before.len().abs_diff(parsed.info.packets as usize) <= 1);
        assert_eq!(parsed.info.octets, parsed.info.packets * 160);
        // The RTP timestamp belongs to the same moment as the NTP time.
        let last = before.last().unwrap();
        let passed = i64::from(parsed.info.rtp_timestamp.wrapping_sub(last.header.timestamp) as i32);
        let expected = ((report.at_ns - last.at_ns) / 125_000) as i64 + 160;
        assert!((passed - expected).abs() <= 161, "{passed} {expected}");
        let block = parsed.blocks.clone().next().unwrap();
        assert_eq!(block.ssrc, PEER_SSRC);
        assert!((20..=30).contains(&block.fraction_lost), "{}", block.fraction_lost);
        assert_eq!(block.jitter, 0);
    }
    let gaps: Vec<u64> = reports.windows(2).map(|pair| (pair[1].at_ns - pair[0].at_ns) / MS).collect();
    assert!(gaps.iter().all(|ms| (2000..6200).contains(ms)), "{gaps:?}");
    assert!(reports[0].at_ns - start_ns < 3200 * MS);
}

#[test]
fn the_round_trip_and_the_peers_loss_are_in_the_totals() {
    let (mut scene, stream) = Scene::open(&config());
    scene.audio(1, 160);
    scene.run_ms(3200);
    let report = scene.take_rtcp().remove(0);
    let ntp = sender_report(&report.bytes).info.ntp;
    scene.now_ns = report.at_ns + SECOND + 25 * MS;
    let mut buffer = [0; 200];
    let mut writer = CompoundWriter::new(&mut buffer);
    let block = ReportBlock {
        ssrc: OUR_SSRC,
        cumulative_lost: 17,
        last_sr: (ntp >> 16) as u32,
        delay_since_last_sr: 65_536,
        ..ReportBlock::default()
    };
    writer.sender_report(PEER_SSRC, SenderInfo { ntp: 5 << 32, ..SenderInfo::default() }, Some(block));
    let length = writer.finish();
    scene.receive(5, Port::Rtcp, &buffer[..length], PEER_RTCP);
    let stats = scene.worker.stats(stream).unwrap();
    assert_eq!(stats.peer_lost_packets, Some(17));
    assert!((24_900..=25_100).contains(&stats.round_trip_us.unwrap()), "{stats:?}");
    // The peer's time comes back in our next report.
    scene.audio(2, 320);
    scene.run_ms(7000);
    let reports = scene.take_rtcp();
    let next = sender_report(&reports[0].bytes).blocks.clone().next().unwrap();
    assert_eq!(next.last_sr, 5 << 16);
    assert!(next.delay_since_last_sr > 0);
}

#[test]
fn rtcp_of_strangers_and_rubbish_are_counted() {
    let (mut scene, _) = Scene::open(&config());
    scene.receive(5, Port::Rtcp, &[0x80, 201, 0, 1, 0, 0, 0, 1], "203.0.113.1:5");
    scene.receive(5, Port::Rtcp, &[0x80, 201, 0, 9, 0, 0], PEER_RTCP);
    scene.receive(5, Port::Rtcp, &[], PEER_RTCP);
    scene.receive(5, Port::Rtcp, &[0x80, 201, 0, 1, 0, 0, 0, 1], PEER_RTCP);
    let counters = scene.counters();
    assert_eq!((counters.drop_foreign_rtcp, counters.drop_malformed_rtcp, counters.rtcp_received), (1, 2, 1));
}

#[test]
fn totals_count_what_was_sent_received_and_lost() {
    let (mut scene, stream) = Scene::open(&config());
    scene.run_ms(100);
    for sequence in [1, 2, 5, 5, 4] {
        scene.audio(sequence, u32::from(sequence) * 160);
    }
    scene.outside.send_fails = true;
    scene.run_ms(40);
    let stats = scene.worker.stats(stream).unwrap();
    assert_eq!((stats.sent_packets, stats.sent_octets, stats.send_errors), (5, 800, 2));
    assert_eq!((stats.received_packets, stats.received_octets), (4, 640));
    // One lost, one twice: RFC 3550 §6.4.1 adds that up to none.
    assert_eq!((stats.lost_packets, stats.discarded_packets), (0, 1));
}

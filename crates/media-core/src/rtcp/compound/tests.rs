use proptest::prelude::*;

use super::*;

/// Octets from a hexadecimal text with free spacing.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// SR with one block, SDES (CNAME "a@b", NAME "x"), BYE with a reason; put together by hand from RFC 3550 §6.
const VECTOR: &str = "
    81 c8 000c  11223344  00000010 80000000  00000320  00000005  00000320
                55667788  40 fffffe  00010007  0000002a  000f8000  00010000
    81 ca 0003  11223344  01 03 61 40 62 02 01 78
    81 cb 0002  11223344  03 62 79 65";

const BLOCK: ReportBlock = ReportBlock {
    ssrc: 0x5566_7788,
    fraction_lost: 0x40,
    cumulative_lost: -2,
    extended_highest: 0x0001_0007,
    jitter: 42,
    last_sr: 0x000f_8000,
    delay_since_last_sr: 65_536,
};

const INFO: SenderInfo = SenderInfo { ntp: 0x10_8000_0000, rtp_timestamp: 800, packets: 5, octets: 800 };

#[test]
fn a_compound_is_read_packet_by_packet() {
    let mut bytes = hex(VECTOR);
    // The SDES list above fills its word to the last octet; it needs a word of zeros as its end.
    let sdes_end = 52 + 16;
    bytes.splice(sdes_end..sdes_end, [0; 4]);
    bytes[52 + 3] = 4;
    let packets: Vec<Packet> = Compound::parse(&bytes).unwrap().collect();
    let [Packet::SenderReport(report), Packet::SourceDescription(sdes), Packet::Bye(bye)] = &packets[..] else {
        panic!("{packets:?}")
    };
    assert_eq!((report.ssrc, report.info), (0x1122_3344, INFO));
    assert_eq!(report.blocks.collect::<Vec<_>>(), [BLOCK]);
    assert_eq!(sdes.cnames().collect::<Vec<_>>(), [(0x1122_3344, &b"a@b"[..])]);
    assert_eq!(bye.sources().collect::<Vec<_>>(), [0x1122_3344]);
    assert_eq!(bye.reason(), Some(&b"bye"[..]));
}

#[test]
fn what_we_write_is_the_vector_and_is_read_back() {
    let mut buffer = [0; 300];
    let mut writer = CompoundWriter::new(&mut buffer);
    writer.sender_report(0x1122_3344, INFO, Some(BLOCK));
    writer.cname(0x1122_3344, b"a@b");
    writer.bye(0x1122_3344);
    let length = writer.finish();
    let expected = [&hex(VECTOR)[..52], &hex("81ca0003 11223344 01036140 62000000 81cb0001 11223344")].concat();
    assert_eq!(buffer[..length], expected);

    let mut writer = CompoundWriter::new(&mut buffer);
    writer.receiver_report(1, Some(BLOCK));
    writer.receiver_report(2, None);
    let length = writer.finish();
    let packets: Vec<Packet> = Compound::parse(&buffer[..length]).unwrap().collect();
    let [Packet::ReceiverReport(first), Packet::ReceiverReport(second)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!(first.blocks.collect::<Vec<_>>(), [BLOCK]);
    assert_eq!((second.ssrc, second.blocks.count()), (2, 0));
}

#[test]
fn chunks_follow_each_other_whether_their_items_fill_the_last_word_or_not() {
    // "ab" fills its word, so a whole word of zeros ends the list; "abc" leaves one octet for that; NAME alone has no CNAME.
    let bytes = hex("84 ca 000b  00000001 01026162 00000000  00000002 01036162 63000000
                     00000003 02026162 00000000  00000004 01017800");
    let Some(Packet::SourceDescription(sdes)) = Compound::parse(&bytes).unwrap().next() else { panic!("no SDES") };
    let expected = [(1, &b"ab"[..]), (2, &b"abc"[..]), (4, &b"x"[..])];
    assert_eq!(sdes.cnames().collect::<Vec<_>>(), expected);
}

#[test]
fn what_is_no_rtcp_is_refused_by_name() {
    let check = |text: &str, expected| assert_eq!(Compound::parse(&hex(text)).err(), Some(expected), "{text}");
    check("", RtcpError::TooShort);
    check("81c800", RtcpError::TooShort);
    check("41c80000", RtcpError::Version);
    check("80600000", RtcpError::PacketType);
    check("80c90001", RtcpError::TooShort);
}

#[test]
fn what_does_not_fit_ends_the_reading_and_nothing_more() {
    // RR that claims two blocks and holds none; then a cut off packet.
    let bytes = hex("82c90001 00000001 81cb0005 00");
    let packets: Vec<Packet> = Compound::parse(&bytes).unwrap().collect();
    let [Packet::ReceiverReport(report)] = &packets[..] else { panic!("{packets:?}") };
    assert_eq!(report.blocks.count(), 0);
    // SR shorter than its fixed part.
    assert_eq!(Compound::parse(&hex("80c80001 00000001")).unwrap().count(), 0);
    // An unknown packet is passed over.
    assert_eq!(Compound::parse(&hex("80cc0001 00000001 80c90001 00000001")).unwrap().count(), 2);
}

#[test]
fn a_buffer_that_is_too_small_leaves_packets_out() {
    let mut buffer = [0; 40];
    let mut writer = CompoundWriter::new(&mut buffer);
    writer.sender_report(1, INFO, Some(BLOCK));
    writer.receiver_report(1, None);
    assert_eq!(writer.finish(), 8);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 192_u8..=207) {
        let mut bytes = bytes;
        if let Some([first, second, high, low]) = bytes.first_chunk_mut() {
            (*first, *second, *high, *low) = (0x80 | *first & 0x3f, kind, 0, *low & 0x1f);
        }
        for packet in Compound::parse(&bytes).into_iter().flatten() {
            match packet {
                Packet::SenderReport(report) => { report.blocks.count(); }
                Packet::ReceiverReport(report) => { report.blocks.count(); }
                Packet::SourceDescription(sdes) => { sdes.cnames().count(); }
                Packet::Bye(bye) => { bye.sources().count(); bye.reason(); }
                Packet::Other(_) => {}
            }
        }
    }

    #[test]
    fn blocks_survive_writing_and_reading(
        ssrc: u32, fraction_lost: u8, cumulative_lost in -0x80_0000_i32..0x80_0000, extended_highest: u32, jitter: u32,
        last_sr: u32, delay_since_last_sr: u32, cname in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let block = ReportBlock {
            ssrc, fraction_lost, cumulative_lost, extended_highest, jitter, last_sr, delay_since_last_sr,
        };
        let mut buffer = [0xff; 300];
        let mut writer = CompoundWriter::new(&mut buffer);
        writer.receiver_report(9, Some(block));
        writer.cname(9, &cname);
        let length = writer.finish();
        let packets: Vec<Packet> = Compound::parse(&buffer[..length]).unwrap().collect();
        let [Packet::ReceiverReport(report), Packet::SourceDescription(sdes)] = &packets[..] else {
            panic!("{packets:?}")
        };
        prop_assert_eq!(report.blocks.collect::<Vec<_>>(), vec![block]);
        prop_assert_eq!(sdes.cnames().collect::<Vec<_>>(), vec![(9, &cname[..])]);
    }
}

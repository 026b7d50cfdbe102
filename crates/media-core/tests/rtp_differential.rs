//! Our RTP parser against an independent one (`rtp` of webrtc-rs) on packets of every shape. Where the other is laxer or
//! stricter than RFC 3550, the difference is named here.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    clippy::disallowed_macros,
    reason = "what runs in no tick may do as it likes"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use media_core::rtp::{Packet, RtpError};
use proptest::prelude::*;
use webrtc_util::marshal::{Marshal, Unmarshal};

fn theirs(datagram: &[u8]) -> Option<rtp::packet::Packet> {
    rtp::packet::Packet::unmarshal(&mut Bytes::copy_from_slice(datagram)).ok()
}

fn assert_same(datagram: &[u8]) {
    let theirs = theirs(datagram);
    match (Packet::parse(datagram), theirs) {
        (Ok(ours), Some(theirs)) => {
            let (header, other) = (ours.header, theirs.header);
            assert_eq!(header.marker, other.marker);
            assert_eq!(header.payload_type, other.payload_type);
            assert_eq!(header.sequence, other.sequence_number);
            assert_eq!(header.timestamp, other.timestamp);
            assert_eq!(header.ssrc, other.ssrc);
            let csrc: Vec<u8> = other.csrc.iter().flat_map(|csrc| csrc.to_be_bytes()).collect();
            assert_eq!(ours.csrc, csrc);
            assert_eq!(ours.payload, &theirs.payload[..]);
        }
        (Err(_), None) => {}
        // The other does not look at the version, and takes a padding count of zero.
        (Err(RtpError::Version | RtpError::Padding), Some(_)) => {}
        (ours, theirs) => panic!("{datagram:02x?}: {ours:?}, other: {theirs:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn packets_of_any_bytes(
        first in prop_oneof![Just(0x80_u8), 0x80_u8..0xc0, any::<u8>()],
        rest in proptest::collection::vec(any::<u8>(), 0..120),
        extension_words in 0_u8..4,
    ) {
        let mut datagram = vec![first];
        datagram.extend_from_slice(&rest);
        // Extensions of believable lengths, or nearly all of them would be refused; of a profile that has no elements inside,
        // because the other reads elements (RFC 8285) past their end and panics.
        let extension = 12 + usize::from(first & 0x0f) * 4;
        if datagram.len() > extension + 4 {
            datagram[extension] = 0x12;
            datagram[extension + 2] = 0;
            datagram[extension + 3] = extension_words;
        }
        assert_same(&datagram);
    }

    #[test]
    fn what_the_other_writes_we_read(
        marker: bool, payload_type in 0_u8..128, sequence_number: u16, timestamp: u32, ssrc: u32,
        csrc in proptest::collection::vec(any::<u32>(), 0..15),
        payload in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let header = rtp::header::Header {
            version: 2, marker, payload_type, sequence_number, timestamp, ssrc, csrc: csrc.clone(), ..Default::default()
        };
        let packet = rtp::packet::Packet { header, payload: Bytes::from(payload.clone()) };
        let datagram = packet.marshal().unwrap();
        assert_same(&datagram);
        let ours = Packet::parse(&datagram).unwrap();
        prop_assert_eq!(ours.payload, &payload[..]);
        prop_assert_eq!(ours.csrc.len(), csrc.len() * 4);
    }
}

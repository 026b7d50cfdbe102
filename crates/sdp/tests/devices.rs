//! Offers of real devices and what we answer: the media lines of the answer and the stream that follows from it.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod corpus;

use std::net::IpAddr;

use corpus::*;
use sdp::{Capabilities, LocalMedia, Negotiation, Refusal, Session};

fn local_for(offer: &Session) -> LocalMedia {
    let v6 = offer.to_string().contains("IN IP6");
    let address: IpAddr = if v6 { "2001:db8::100".parse().unwrap() } else { "198.51.100.1".parse().unwrap() };
    LocalMedia::new(address, 10_000)
}

#[track_caller]
fn check(offer: &str, expected_media: &str, expected_audio: &str) {
    for text in [offer.to_owned(), offer.replace('\n', "\r\n")] {
        let offer = Session::parse(text.as_bytes()).unwrap();
        let mut negotiation = Negotiation::new(7);
        let (answer, audio) = negotiation.answer(&offer, &Capabilities::default(), &local_for(&offer)).unwrap();
        let media: String = answer.media.iter().map(ToString::to_string).collect();
        assert_eq!(media.replace("\r\n", "\n"), expected_media);
        assert_eq!(audio.to_string(), expected_audio);
        assert_eq!(negotiation.local(), Some(&answer));
        assert_eq!(negotiation.audio(), Some(&audio));
    }
}

#[track_caller]
fn check_refused(offer: &str, status: u16, warning: u16, reason: &str) {
    let offer = Session::parse(offer.as_bytes()).unwrap();
    let mut negotiation = Negotiation::new(7);
    let refusal = negotiation.answer(&offer, &Capabilities::default(), &local_for(&offer)).unwrap_err();
    assert_eq!(refusal, Refusal { status, warning: Some(warning), reason: reason.into() });
    assert_eq!(negotiation, Negotiation::new(7));
}

#[test]
fn the_text_of_an_answer_is_exact() {
    let offer = Session::parse(ASTERISK.as_bytes()).unwrap();
    let local = LocalMedia::new("198.51.100.1".parse().unwrap(), 10_000);
    let (answer, _) = Negotiation::new(u64::MAX).answer(&offer, &Capabilities::default(), &local).unwrap();
    assert_eq!(
        answer.to_string(),
        "v=0\r\n\
         o=- 9223372036854775807 1 IN IP4 198.51.100.1\r\n\
         s=flowswitch\r\n\
         c=IN IP4 198.51.100.1\r\n\
         t=0 0\r\n\
         m=audio 10000 RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:8 PCMA/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\n\
         a=fmtp:101 0-15\r\n\
         a=ptime:20\r\n\
         a=sendrecv\r\n"
    );
}

#[test]
fn the_first_offered_codec_that_we_have_is_taken() {
    check(
        SIPP,
        "m=audio 10000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\na=sendrecv\n",
        "PCMU/0 20 ms to 127.0.0.1:6000 rtcp 127.0.0.1:6001 sendrecv receive PCMU/0",
    );
    check(
        BARESIP,
        "m=audio 10000 RTP/AVP 8 0 101\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\n\
         a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na=sendrecv\n",
        "PCMA/8 20 ms to 192.0.2.11:10020 rtcp 192.0.2.11:10021 sendrecv receive PCMA/8 PCMU/0 events 101",
    );
    check(
        CISCO,
        "m=audio 10000 RTP/AVP 8 0\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=ptime:20\na=sendrecv\n",
        "PCMA/8 20 ms to 192.0.2.13:17216 rtcp 192.0.2.13:17217 sendrecv receive PCMA/8 PCMU/0",
    );
}

#[test]
fn telephone_event_is_taken_at_the_clock_of_our_codecs() {
    check(
        LINPHONE,
        "m=audio 10000 RTP/AVP 0 8 100\na=rtpmap:0 PCMU/8000\na=rtpmap:8 PCMA/8000\n\
         a=rtpmap:100 telephone-event/8000\na=fmtp:100 0-15\na=ptime:20\na=sendrecv\nm=video 0 RTP/AVP 96\n",
        "PCMU/0 20 ms to 192.0.2.10:7078 rtcp 192.0.2.10:7079 sendrecv receive PCMU/0 PCMA/8 events 100",
    );
}

#[test]
fn streams_that_we_cannot_serve_are_refused_in_their_places() {
    check(
        FAX_FIRST,
        "m=image 0 udptl t38\nm=audio 10000 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=ptime:20\na=sendrecv\n",
        "PCMA/8 20 ms to 192.0.2.16:4000 rtcp 192.0.2.16:4001 sendrecv receive PCMA/8",
    );
    check(
        SAVP_THEN_AVP,
        "m=audio 0 RTP/SAVP 0 101\nm=audio 10000 RTP/AVP 0 101\na=rtpmap:0 PCMU/8000\n\
         a=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na=sendrecv\n",
        "PCMU/0 20 ms to 192.0.2.17:5002 rtcp 192.0.2.17:5003 sendrecv receive PCMU/0 events 101",
    );
    check(
        VIDEO_FIRST,
        "m=video 0 RTP/AVP 97 98\nm=audio 10000 RTP/AVP 8 99\na=rtpmap:8 PCMA/8000\n\
         a=rtpmap:99 telephone-event/8000\na=fmtp:99 0-15\na=ptime:20\na=sendrecv\nm=application 0 UDP/BFCP *\n",
        "PCMA/8 20 ms to 192.0.2.18:2328 rtcp 192.0.2.18:2329 sendrecv receive PCMA/8 events 99",
    );
}

#[test]
fn addresses_and_numbers_follow_the_offer() {
    check(
        IPV6,
        "m=audio 10000 RTP/AVP 8 0\na=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=ptime:20\na=sendrecv\n",
        "PCMA/8 20 ms to [2001:db8::5]:4000 rtcp [2001:db8::6]:53020 sendrecv receive PCMA/8 PCMU/0",
    );
    check(
        BARE,
        "m=audio 10000 RTP/AVP 8\na=rtpmap:8 PCMA/8000\na=ptime:20\na=sendrecv\n",
        "PCMA/8 20 ms to 192.0.2.19:4000 rtcp 192.0.2.19:4001 sendrecv receive PCMA/8",
    );
    check(
        DYNAMIC_PCMU,
        "m=audio 10000 RTP/AVP 97 98\na=rtpmap:97 PCMU/8000\na=rtpmap:98 telephone-event/8000\na=fmtp:98 0-15\n\
         a=ptime:20\na=sendrecv\n",
        "PCMU/97 30 ms to 192.0.2.20:4000 rtcp 192.0.2.20:4001 sendrecv receive PCMU/97 events 98",
    );
}

#[test]
fn a_codec_that_is_offered_twice_is_taken_once() {
    check(
        "v=0\nc=IN IP4 192.0.2.24\nm=audio 4000 RTP/AVP 97 0 8 96 98 99\na=rtpmap:96 PCMA/8000\na=rtpmap:97 PCMU/8000\n\
         a=rtpmap:98 telephone-event/8000\na=rtpmap:99 telephone-event/8000\n",
        "m=audio 10000 RTP/AVP 97 8 98\na=rtpmap:97 PCMU/8000\na=rtpmap:8 PCMA/8000\n\
         a=rtpmap:98 telephone-event/8000\na=fmtp:98 0-15\na=ptime:20\na=sendrecv\n",
        "PCMU/97 20 ms to 192.0.2.24:4000 rtcp 192.0.2.24:4001 sendrecv receive PCMU/97 PCMA/8 events 98",
    );
}

#[test]
fn an_rtcp_address_that_is_none_leaves_the_port() {
    for address in ["0.0.0.0", "224.0.0.1", "rtcp.example.com"] {
        check(
            &SIPP.replace("a=rtpmap", &format!("a=rtcp:6009 IN IP4 {address}\na=rtpmap")),
            "m=audio 10000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\na=sendrecv\n",
            "PCMU/0 20 ms to 127.0.0.1:6000 rtcp 127.0.0.1:6009 sendrecv receive PCMU/0",
        );
    }
}

#[test]
fn nothing_is_sent_to_one_who_does_not_listen() {
    check(
        BLACK_HOLE,
        "m=audio 10000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\na=recvonly\n",
        "PCMU/0 20 ms to 0.0.0.0:4000 rtcp 0.0.0.0:4001 recvonly receive PCMU/0 held",
    );
    check(
        SENDONLY_SESSION,
        "m=audio 10000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\na=recvonly\n",
        "PCMU/0 20 ms to 192.0.2.22:4000 rtcp 192.0.2.22:4001 recvonly receive PCMU/0 held",
    );
    check(
        &SIPP.replace("a=rtpmap", "a=recvonly\na=rtpmap"),
        "m=audio 10000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\na=sendonly\n",
        "PCMU/0 20 ms to 127.0.0.1:6000 rtcp 127.0.0.1:6001 sendonly receive PCMU/0",
    );
    check(
        &SIPP.replace("IN IP4 127.0.0.1\nt=", "IN IP4 hold.invalid\nt="),
        "m=audio 10000 RTP/AVP 0\na=rtpmap:0 PCMU/8000\na=ptime:20\na=recvonly\n",
        "PCMU/0 20 ms to 0.0.0.0:6000 rtcp 0.0.0.0:6001 recvonly receive PCMU/0 held",
    );
}

#[test]
fn a_refusal_says_why() {
    check_refused(
        WEBRTC,
        488,
        302,
        "WebRTC sound (UDP/TLS/RTP/SAVPF: DTLS-SRTP, ICE) is not supported, only plain RTP/AVP is",
    );
    check_refused(FAX_ONLY, 488, 304, "no audio stream in the offer, but image");
    check_refused(G729_ONLY, 488, 305, "no codec in common: 18 AMR telephone-event against PCMU PCMA");
    check_refused("v=0\n", 488, 304, "no audio stream in the offer, but nothing");
    check_refused(&SIPP.replace("6000", "0"), 488, 304, "the audio stream is disabled by port 0");
    check_refused(&SIPP.replace("c=IN IP4 127.0.0.1\n", ""), 488, 301, "no c= line for the audio stream");
    check_refused(
        &SIPP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 media.example.com"),
        488,
        301,
        "the c= line must hold an IP address",
    );
    check_refused(
        &SIPP.replace("c=IN IP4 127.0.0.1", "c=IN IP4 224.2.1.1/127"),
        488,
        301,
        "the c= line must hold a unicast address",
    );
    check_refused(
        &IPV6.replace("c=IN IP6 2001:db8::5", "c=IN IP4 192.0.2.1"),
        488,
        301,
        "the c= line has an address of another IP version than ours",
    );
    check_refused(&SIPP.replace("PCMU/8000", "PCMU/16000"), 488, 305, "no codec in common: PCMU against PCMU PCMA");
}

#[test]
fn an_unreadable_offer_is_a_bad_request() {
    let error = Session::parse(b"v=0\r\nm=audio here RTP/AVP 0\r\n").unwrap_err();
    let refusal = Refusal::from(error);
    assert_eq!(refusal.status, 400);
    assert!(refusal.reason.starts_with("session description line 2: the port of an m= line"), "{refusal}");
}

#[test]
fn only_configured_codecs_are_taken() {
    let pcma_only = Capabilities { codecs: vec![sdp::AudioCodec::Pcma], telephone_event: None, ..Default::default() };
    let offer = Session::parse(ASTERISK.as_bytes()).unwrap();
    let (answer, audio) = Negotiation::new(1).answer(&offer, &pcma_only, &local_for(&offer)).unwrap();
    assert_eq!(answer.media[0].formats, ["8"]);
    assert_eq!(audio.telephone_event, None);
}

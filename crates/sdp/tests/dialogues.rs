//! Whole negotiations, line by line, in the manner of RFC 3264 §10.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

mod corpus;

use sdp::{AudioSession, Capabilities, Direction, LocalMedia, Negotiation, Refusal, Session};

/// One leg of ours and a peer that speaks lines.
struct Leg {
    negotiation: Negotiation,
    local: LocalMedia,
}

impl Leg {
    fn new() -> Leg {
        Leg { negotiation: Negotiation::new(42), local: LocalMedia::new("198.51.100.1".parse().unwrap(), 10_000) }
    }

    /// The peer offers these media lines; our media lines and the stream come back.
    fn offered(&mut self, media: &str) -> Result<(String, AudioSession), Refusal> {
        self.saved();
        let (answer, audio) = self.negotiation.answer(&peer(media), &Capabilities::default(), &self.local)?;
        Ok((summary(&answer), audio))
    }

    fn offer(&mut self) -> Result<String, Refusal> {
        self.saved();
        self.negotiation.offer(&Capabilities::default(), &self.local).map(|offer| summary(&offer))
    }

    fn answered(&mut self, media: &str) -> Result<AudioSession, Refusal> {
        self.saved();
        self.negotiation.accept_answer(&peer(media))
    }

    /// Before every step the state is written down and taken up again.
    fn saved(&mut self) {
        let saved = rmp_serde::to_vec(&self.negotiation).unwrap();
        self.negotiation = rmp_serde::from_slice(&saved).unwrap();
    }

    fn version(&self) -> String {
        self.negotiation.local().unwrap().origin.as_ref().unwrap().version.to_string()
    }
}

fn peer(media: &str) -> Session {
    let text = format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{media}");
    Session::parse(text.as_bytes()).unwrap()
}

/// The m= lines with the direction of each that is in use.
fn summary(session: &Session) -> String {
    let lines: Vec<String> = session
        .media
        .iter()
        .map(|media| {
            let direction = if media.port == 0 { String::new() } else { format!(" {}", session.direction_of(media)) };
            format!("{} {} {} {}{direction}", media.kind, media.port, media.protocol, media.formats.join(" "))
        })
        .collect();
    lines.join(" | ")
}

const PLAIN: &str = "m=audio 4000 RTP/AVP 0 8 101\na=rtpmap:101 telephone-event/8000\n";

#[test]
fn hold_and_resume_by_direction_keep_port_and_session() {
    let mut leg = Leg::new();
    let (answer, audio) = leg.offered(PLAIN).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 sendrecv");
    assert!(!audio.on_hold);
    assert_eq!(leg.version(), "1");

    let (answer, audio) = leg.offered(&format!("{PLAIN}a=sendonly\n")).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 recvonly");
    assert_eq!((audio.direction, audio.on_hold), (Direction::RecvOnly, true));
    assert_eq!(leg.version(), "2");

    let (answer, audio) = leg.offered(&format!("{PLAIN}a=inactive\n")).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 inactive");
    assert_eq!((audio.direction, audio.on_hold), (Direction::Inactive, true));

    let (answer, audio) = leg.offered(PLAIN).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 sendrecv");
    assert_eq!((audio.direction, audio.on_hold), (Direction::SendRecv, false));
    assert_eq!(leg.version(), "4");
    assert_eq!(leg.negotiation.local().unwrap().origin.as_ref().unwrap().session_id, "42");
}

#[test]
fn hold_by_the_zero_address_stops_our_sending_until_an_address_comes() {
    let mut leg = Leg::new();
    leg.offered(PLAIN).unwrap();
    let (answer, audio) = leg.offered(&PLAIN.replace("101\na", "101\nc=IN IP4 0.0.0.0\na")).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 recvonly");
    assert!(audio.on_hold && !audio.direction.sends());
    let (_, audio) = leg.offered(PLAIN).unwrap();
    assert!(!audio.on_hold && audio.direction.sends());
    assert_eq!(audio.remote_rtp.to_string(), "192.0.2.1:4000");
}

#[test]
fn the_same_offer_again_changes_no_version() {
    let mut leg = Leg::new();
    let first = leg.offered(PLAIN).unwrap();
    // Another address and port of the peer do not change our own description.
    let moved = leg.offered(&PLAIN.replace("4000", "4444")).unwrap();
    assert_eq!(first.0, moved.0);
    assert_eq!(moved.1.remote_rtp.port(), 4444);
    assert_eq!(leg.version(), "1");
}

#[test]
fn a_reoffer_may_change_codec_address_and_ptime() {
    let mut leg = Leg::new();
    leg.offered(PLAIN).unwrap();
    let (answer, audio) = leg
        .offered("m=audio 5000 RTP/AVP 8 96\nc=IN IP4 192.0.2.77\na=rtpmap:96 telephone-event/8000\na=ptime:40\n")
        .unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 8 96 sendrecv");
    assert_eq!(
        audio.to_string(),
        "PCMA/8 40 ms to 192.0.2.77:5000 rtcp 192.0.2.77:5001 sendrecv receive PCMA/8 events 96"
    );
    assert_eq!(leg.version(), "2");
}

#[test]
fn added_streams_are_refused_and_ours_stays_in_its_place() {
    let mut leg = Leg::new();
    leg.offered(PLAIN).unwrap();
    let (answer, _) = leg.offered(&format!("{PLAIN}m=video 4002 RTP/AVP 96\nm=audio 4004 RTP/AVP 0\n")).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 sendrecv | video 0 RTP/AVP 96 | audio 0 RTP/AVP 0");
    assert_eq!(leg.version(), "2");
    // Our own offer keeps all three places.
    assert_eq!(leg.offer().unwrap(), "audio 10000 RTP/AVP 0 8 101 sendrecv | video 0 RTP/AVP 96 | audio 0 RTP/AVP 0");
    assert_eq!(leg.version(), "2");
}

#[test]
fn a_stream_in_use_is_not_left_for_an_earlier_one() {
    let mut leg = Leg::new();
    leg.offered("m=audio 0 RTP/AVP 0\nm=audio 4002 RTP/AVP 0\n").unwrap();
    let (answer, audio) = leg.offered("m=audio 4000 RTP/AVP 0\nm=audio 4002 RTP/AVP 0\n").unwrap();
    assert_eq!(answer, "audio 0 RTP/AVP 0 | audio 10000 RTP/AVP 0 sendrecv");
    assert_eq!(audio.remote_rtp.port(), 4002);
    // When it is disabled, the other one serves.
    let (answer, audio) = leg.offered("m=audio 4000 RTP/AVP 0\nm=audio 0 RTP/AVP 0\n").unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 sendrecv | audio 0 RTP/AVP 0");
    assert_eq!(audio.remote_rtp.port(), 4000);
}

#[test]
fn a_disabled_stream_is_a_hold_and_may_come_back() {
    let mut leg = Leg::new();
    leg.offered(PLAIN).unwrap();
    let (answer, audio) = leg.offered("m=audio 0 RTP/AVP 0\n").unwrap();
    assert_eq!(answer, "audio 0 RTP/AVP 0");
    assert!(audio.on_hold);
    assert_eq!(audio.direction, Direction::Inactive);
    let (answer, audio) = leg.offered(PLAIN).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 sendrecv");
    assert!(!audio.on_hold);
}

#[test]
fn a_refused_reoffer_leaves_everything_as_it_was() {
    let mut leg = Leg::new();
    leg.offered(PLAIN).unwrap();
    let before = leg.negotiation.clone();
    assert_eq!(leg.offered("m=image 4002 udptl t38\n").unwrap_err().status, 488);
    assert_eq!(leg.offered("m=audio 0 RTP/AVP 0\nm=image 4002 udptl t38\n").unwrap_err().status, 488);
    assert_eq!(leg.offered("m=audio 4000 RTP/AVP 18\n").unwrap_err().status, 488);
    assert_eq!(leg.offered("").unwrap_err().status, 488);
    assert_eq!(leg.negotiation, before);
}

#[test]
fn a_late_offer_is_answered_in_the_ack() {
    let mut leg = Leg::new();
    assert_eq!(leg.offer().unwrap(), "audio 10000 RTP/AVP 0 8 101 sendrecv");
    assert!(leg.negotiation.is_offer_pending());
    assert_eq!(leg.negotiation.audio(), None);
    let audio = leg.answered("m=audio 4000 RTP/AVP 8 101\na=rtpmap:101 telephone-event/8000\na=ptime:30\n").unwrap();
    assert_eq!(
        audio.to_string(),
        "PCMA/8 30 ms to 192.0.2.1:4000 rtcp 192.0.2.1:4001 sendrecv receive PCMA/8 events 101"
    );
    assert!(!leg.negotiation.is_offer_pending());
}

#[test]
fn an_answer_may_number_telephone_event_in_its_own_way() {
    let mut leg = Leg::new();
    leg.offer().unwrap();
    let audio = leg.answered("m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\n").unwrap();
    assert_eq!(
        audio.to_string(),
        "PCMU/0 20 ms to 192.0.2.1:4000 rtcp 192.0.2.1:4001 sendrecv receive PCMU/0 events 96 back 101"
    );
}

#[test]
fn an_answer_without_rtpmap_means_what_we_offered() {
    let mut leg = Leg::new();
    leg.offer().unwrap();
    let audio = leg.answered("m=audio 4000 RTP/AVP 0 101\n").unwrap();
    assert_eq!(audio.telephone_event.unwrap().send, 101);
}

#[test]
fn a_late_offer_that_is_not_taken_is_refused() {
    #[track_caller]
    fn check(answer: &str, reason: &str) {
        let mut leg = Leg::new();
        leg.offer().unwrap();
        let refusal = leg.answered(answer).unwrap_err();
        assert_eq!((refusal.status, refusal.reason.as_str()), (488, reason));
        assert!(!leg.negotiation.is_offer_pending());
        assert_eq!(leg.negotiation.audio(), None);
    }
    check("m=audio 0 RTP/AVP 0\n", "the audio stream is disabled by port 0");
    check("m=video 4000 RTP/AVP 96\n", "only audio is supported");
    check("m=audio 4000 RTP/SAVP 0\n", "transport RTP/SAVP is not supported, only RTP/AVP is");
    check("m=audio 4000 RTP/AVP 18\n", "no codec in common: 18 against PCMU PCMA");
    check("", "the answer lacks our audio stream");
    assert_eq!(Leg::new().answered(PLAIN).unwrap_err().reason, "an answer without an offer of ours");
}

#[test]
fn while_our_offer_waits_another_offer_gets_491() {
    let mut leg = Leg::new();
    leg.offer().unwrap();
    assert_eq!(leg.offered(PLAIN).unwrap_err().status, 491);
    assert_eq!(leg.offer().unwrap_err().status, 491);
    leg.answered(PLAIN).unwrap();
    leg.offered(PLAIN).unwrap();
}

#[test]
fn an_invite_without_offer_in_a_call_gets_a_full_offer_again() {
    let mut leg = Leg::new();
    leg.offered("m=audio 4000 RTP/AVP 8 96\na=rtpmap:96 telephone-event/8000\na=sendonly\n").unwrap();
    // Both codecs, both ways, and telephone-event under the number that it has in this session.
    assert_eq!(leg.offer().unwrap(), "audio 10000 RTP/AVP 0 8 96 sendrecv");
    assert_eq!(leg.version(), "2");
    assert!(leg.negotiation.audio().unwrap().on_hold, "in force until the answer comes");
    let audio = leg.answered("m=audio 4000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/8000\n").unwrap();
    assert_eq!(
        audio.to_string(),
        "PCMU/0 20 ms to 192.0.2.1:4000 rtcp 192.0.2.1:4001 sendrecv receive PCMU/0 events 96"
    );
}

#[test]
fn a_number_that_the_peer_uses_otherwise_is_not_ours() {
    let mut leg = Leg::new();
    leg.offered("m=audio 4000 RTP/AVP 101 96 0\na=rtpmap:101 opus/48000/2\na=rtpmap:96 speex/8000\n").unwrap();
    assert_eq!(leg.offer().unwrap(), "audio 10000 RTP/AVP 0 8 97 sendrecv");
}

#[test]
fn an_offer_that_failed_is_forgotten_but_its_version_is_used_up() {
    let mut leg = Leg::new();
    leg.offered(PLAIN).unwrap();
    let audio = leg.negotiation.audio().cloned();
    leg.local.direction = Direction::SendOnly;
    assert_eq!(leg.offer().unwrap(), "audio 10000 RTP/AVP 0 8 101 sendonly");
    assert_eq!(leg.version(), "2");
    leg.negotiation.withdraw_offer();
    assert_eq!(leg.negotiation.audio().cloned(), audio);
    leg.local.direction = Direction::SendRecv;
    leg.offered(PLAIN).unwrap();
    assert_eq!(leg.version(), "3");
}

#[test]
fn our_own_hold_is_answered_by_listening() {
    let mut leg = Leg::new();
    leg.offered(PLAIN).unwrap();
    leg.local.direction = Direction::SendOnly;
    leg.offer().unwrap();
    let audio = leg.answered(&format!("{PLAIN}a=recvonly\n")).unwrap();
    assert_eq!((audio.direction, audio.on_hold), (Direction::SendOnly, false));
}

#[test]
fn a_peer_that_drops_lines_gets_its_own_number_of_lines_back() {
    let mut leg = Leg::new();
    leg.offered(&format!("m=video 4002 RTP/AVP 96\n{PLAIN}")).unwrap();
    let (answer, _) = leg.offered(PLAIN).unwrap();
    assert_eq!(answer, "audio 10000 RTP/AVP 0 8 101 sendrecv");
    assert_eq!(leg.offer().unwrap(), "audio 10000 RTP/AVP 0 8 101 sendrecv");
}

#[test]
fn the_times_of_the_offer_are_kept() {
    let mut negotiation = Negotiation::new(1);
    let local = LocalMedia::new("198.51.100.1".parse().unwrap(), 10_000);
    let offer = Session::parse(corpus::DYNAMIC_PCMU.as_bytes()).unwrap();
    let (answer, _) = negotiation.answer(&offer, &Capabilities::default(), &local).unwrap();
    assert_eq!(answer.timing(), Some("2873397496 2873404696"));
    let offer = negotiation.offer(&Capabilities::default(), &local).unwrap();
    assert_eq!(offer.timing(), Some("2873397496 2873404696"));
}

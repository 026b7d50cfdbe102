//! What holds for every text and every offer.
#![allow(clippy::unwrap_used, reason = "a test may end so")]

use proptest::prelude::*;
use sdp::{Capabilities, LocalMedia, Negotiation, Session};

fn local() -> LocalMedia {
    LocalMedia::new("198.51.100.1".parse().unwrap(), 10_000)
}

/// One line of a media description, well-formed or not quite.
fn media_line() -> impl Strategy<Value = String> {
    prop_oneof![
        (0u8..=130, "(pcmu|PCMA|G722|opus|telephone-event|x)", prop_oneof![Just(8000u32), Just(48000)])
            .prop_map(|(number, name, clock)| format!("a=rtpmap:{number} {name}/{clock}")),
        (0u16..300).prop_map(|ms| format!("a=ptime:{ms}")),
        (0u16..300).prop_map(|ms| format!("a=maxptime:{ms}")),
        "a=(sendrecv|sendonly|recvonly|inactive)",
        "c=IN IP4 (192\\.0\\.2\\.[1-9]|0\\.0\\.0\\.0|224\\.0\\.0\\.1|host\\.example)",
        "c=IN IP6 (2001:db8::[1-9]|::)",
        "a=rtcp:[0-9]{1,5}( IN IP4 192\\.0\\.2\\.9)?",
        "[a-z]=[ -~]{0,30}",
    ]
}

fn media() -> impl Strategy<Value = String> {
    let head = (
        "(audio|audio|video|image|AUDIO)",
        prop_oneof![Just(0u16), any::<u16>()],
        "(RTP/AVP|RTP/AVP|RTP/SAVP|udptl)",
        prop::collection::vec(prop_oneof![Just(0u8), Just(8), Just(18), 90u8..=127], 0..8),
    );
    (head, prop::collection::vec(media_line(), 0..8)).prop_map(|((kind, port, protocol, formats), lines)| {
        let formats: String = formats.iter().map(|format| format!(" {format}")).collect();
        let lines: String = lines.iter().map(|line| format!("{line}\n")).collect();
        format!("m={kind} {port} {protocol}{formats}\n{lines}")
    })
}

fn offer() -> impl Strategy<Value = String> {
    prop::collection::vec(media(), 0..6)
        .prop_map(|media| format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{}", media.concat()))
}

proptest! {
    #[test]
    fn no_octets_make_the_parser_panic(body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Session::parse(&body);
        let _ = Session::parse(&[b"v=0\n".as_slice(), &body].concat());
    }

    #[test]
    fn what_is_written_is_read_again(lines in prop::collection::vec("[a-zA-Z]=[ -~é]{0,40}", 0..30), media in prop::collection::vec(media(), 0..3)) {
        let text = format!("v=0\n{}\n{}", lines.join("\n"), media.concat());
        if let Ok(session) = Session::parse(text.as_bytes()) {
            let written = session.to_string();
            prop_assert_eq!(&Session::parse(written.as_bytes()).unwrap(), &session);
            prop_assert!(!written.replace("\r\n", "").contains(['\r', '\n']));
            let saved = rmp_serde::to_vec(&session).unwrap();
            prop_assert_eq!(&rmp_serde::from_slice::<Session>(&saved).unwrap(), &session);
        }
    }

    #[test]
    fn an_answer_has_the_streams_of_its_offer_and_uses_at_most_one(text in offer()) {
        let Ok(offer) = Session::parse(text.as_bytes()) else { return Ok(()) };
        let mut negotiation = Negotiation::new(1);
        match negotiation.answer(&offer, &Capabilities::default(), &local()) {
            Ok((answer, audio)) => {
                prop_assert_eq!(answer.media.len(), offer.media.len());
                prop_assert_eq!(answer.media.iter().filter(|media| media.port != 0).count(), 1);
                for (ours, theirs) in answer.media.iter().zip(&offer.media) {
                    prop_assert_eq!((&ours.kind, &ours.protocol), (&theirs.kind, &theirs.protocol));
                    prop_assert!(theirs.port != 0 || ours.port == 0);
                    prop_assert!(ours.port == 0 || ours.formats.iter().all(|format| theirs.formats.contains(format)));
                }
                prop_assert_eq!(&Session::parse(answer.to_string().as_bytes()).unwrap(), &answer);
                prop_assert!((10..=60).contains(&audio.ptime_ms) && audio.ptime_ms % 10 == 0);
                prop_assert!(!(audio.on_hold && audio.direction.sends()));
                prop_assert!(!(audio.direction.sends() && audio.remote_rtp.ip().is_unspecified()));
                prop_assert!(audio.receive.contains(&(audio.payload_type, audio.codec)));
            }
            Err(refusal) => {
                prop_assert_eq!(refusal.status, 488);
                prop_assert_eq!(negotiation, Negotiation::new(1));
            }
        }
    }

    #[test]
    fn through_any_series_of_offers_streams_keep_their_places_and_versions_grow_only_with_changes(texts in prop::collection::vec(prop::option::of(offer()), 1..6)) {
        let mut negotiation = Negotiation::new(1);
        for text in texts {
            let before = negotiation.local().cloned();
            let described = match text {
                // The peer offers.
                Some(text) => {
                    let Ok(offer) = Session::parse(text.as_bytes()) else { continue };
                    negotiation.answer(&offer, &Capabilities::default(), &local()).map(|(answer, _)| answer)
                }
                // We offer, and take our own text for the answer of one who can do the same.
                None => {
                    let offer = negotiation.offer(&Capabilities::default(), &local()).unwrap();
                    let audio = negotiation.accept_answer(&offer).unwrap();
                    prop_assert_eq!(audio.direction, sdp::Direction::SendRecv);
                    prop_assert!(before.as_ref().is_none_or(|before| before.media.len() <= offer.media.len()));
                    Ok(offer)
                }
            };
            match (described, before) {
                (Ok(now), Some(before)) => {
                    let version = |session: &Session| session.origin.as_ref().unwrap().version.parse::<u64>().unwrap();
                    let same = now.lines == before.lines && now.media == before.media;
                    prop_assert_eq!(version(&now), version(&before) + u64::from(!same));
                }
                (Err(_), before) => prop_assert_eq!(negotiation.local(), before.as_ref()),
                (Ok(_), None) => {}
            }
        }
    }
}

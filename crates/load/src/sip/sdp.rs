//! The caller's offer, and the little it must know of an answer (RFC 8866, RFC 3264). Written apart from the server's own
//! SDP code, so that both cannot agree on the same mistake.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use crate::rtp::g711::Codec;

/// The payload type we offer for telephone events.
pub(crate) const EVENT_PAYLOAD_TYPE: u8 = 101;

/// What an answer says about the audio stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// Where our RTP goes.
    pub remote: SocketAddr,
    /// The payload type for our telephone events, if they are wanted.
    pub event_payload_type: Option<u8>,
}

/// The offer of one G.711 codec and telephone events on `local`.
pub(crate) fn offer(local: SocketAddr, codec: Codec, session: u32) -> String {
    let ip = local.ip();
    let family = if ip.is_ipv4() { "IP4" } else { "IP6" };
    let (payload_type, name) = (codec.payload_type(), codec.name());
    let mut text = String::with_capacity(256);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "v=0\r\no=- {session} 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {payload_type} {EVENT_PAYLOAD_TYPE}\r\n\
         a=rtpmap:{payload_type} {name}/8000\r\na=rtpmap:{EVENT_PAYLOAD_TYPE} telephone-event/8000\r\n\
         a=fmtp:{EVENT_PAYLOAD_TYPE} 0-15\r\na=ptime:20\r\na=sendrecv\r\n",
        port = local.port(),
    );
    text
}

/// Reads an answer to [`offer`]; the error says what is missing.
pub(crate) fn answer(body: &[u8], codec: Codec) -> Result<Answer, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the SDP is not text".to_owned())?;
    let (mut session_ip, mut media_ip, mut port, mut events) = (None, None, None, None);
    let (mut medias, mut has_codec) = (0, false);
    for line in text.lines() {
        let Some((kind, value)) = line.split_once('=') else { continue };
        match kind {
            "c" if medias == 0 => session_ip = Some(connection(value)?),
            "c" if medias == 1 => media_ip = Some(connection(value)?),
            "m" => {
                medias += 1;
                if medias == 1 {
                    let mut words = value.split_ascii_whitespace();
                    if words.next() != Some("audio") {
                        return Err(format!("the first m-line is not audio: `{line}`"));
                    }
                    port = words.next().and_then(|word| word.parse::<u16>().ok());
                    has_codec = words.skip(1).any(|word| word.parse() == Ok(codec.payload_type()));
                }
            }
            "a" if medias == 1 => {
                if let Some(map) = value.strip_prefix("rtpmap:")
                    && let Some((number, name)) = map.split_once(' ')
                    && name.to_ascii_lowercase().starts_with("telephone-event/8000")
                {
                    events = number.parse().ok();
                }
            }
            _ => {}
        }
    }
    let ip = media_ip.or(session_ip).ok_or("the SDP has no c-line")?;
    match port {
        None => Err("the SDP has no audio m-line with a port".to_owned()),
        Some(0) => Err("the audio stream was refused by port 0".to_owned()),
        Some(_) if !has_codec => Err(format!("the answer does not have the offered {}", codec.name())),
        Some(port) => Ok(Answer { remote: SocketAddr::new(ip, port), event_payload_type: events }),
    }
}

fn connection(value: &str) -> Result<IpAddr, String> {
    let word = value.split_ascii_whitespace().nth(2).unwrap_or_default();
    word.parse().map_err(|_| format!("the c-line `{value}` has no literal address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_offer_is_an_answer_that_can_be_used() {
        for local in ["127.0.0.2:4000", "[::1]:4000"] {
            let local = local.parse().unwrap();
            let offered = offer(local, Codec::Pcma, 7);
            let read = answer(offered.as_bytes(), Codec::Pcma).unwrap();
            assert_eq!(read, Answer { remote: local, event_payload_type: Some(101) });
            assert!(answer(offered.as_bytes(), Codec::Pcmu).unwrap_err().contains("PCMU"));
        }
    }

    #[test]
    fn the_address_of_the_media_line_goes_before_that_of_the_session() {
        let body = b"v=0\nc=IN IP4 127.0.0.1\nm=audio 4000 RTP/AVP 0 96\nc=IN IP4 127.0.0.9\na=rtpmap:96 TELEPHONE-EVENT/8000\nm=video 0 RTP/AVP 31\nc=IN IP4 127.0.0.3\n";
        let read = answer(body, Codec::Pcmu).unwrap();
        assert_eq!(read, Answer { remote: "127.0.0.9:4000".parse().unwrap(), event_payload_type: Some(96) });
    }

    #[test]
    fn an_unusable_answer_is_explained() {
        for (body, part) in [
            ("", "no c-line"),
            ("c=IN IP4 127.0.0.1", "no audio"),
            ("c=IN IP4 127.0.0.1\nm=audio 0 RTP/AVP 0", "port 0"),
            ("c=IN IP4 127.0.0.1\nm=video 5 RTP/AVP 0", "not audio"),
            ("c=IN IP4 example.invalid\nm=audio 5 RTP/AVP 0", "literal"),
            ("c=IN IP4 127.0.0.1\nm=audio 5 RTP/AVP 8", "PCMU"),
        ] {
            let error = answer(body.as_bytes(), Codec::Pcmu).unwrap_err();
            assert!(error.contains(part), "{body}: {error}");
        }
        assert!(answer(&[0xff, 0xfe], Codec::Pcmu).is_err());
    }
}

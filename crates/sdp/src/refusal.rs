//! Why a description is not accepted, in the terms of the SIP response that says so.

use std::fmt;

use crate::{Media, SdpError, Session};

/// An offer or answer that cannot be accepted. The negotiation is as it was before: a call goes on with its sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SIP status: 488, 491 or 400.
    pub status: u16,
    /// Code of a Warning header (RFC 3261 §20.43).
    pub warning: Option<u16>,
    /// What is wrong, in plain ASCII words that fit into a quoted string.
    pub reason: String,
}

impl Refusal {
    fn not_acceptable(warning: u16, reason: String) -> Refusal {
        Refusal { status: 488, warning: Some(warning), reason }
    }

    /// RFC 3264 §4, RFC 3261 §14.2: no new offer while one waits for its answer.
    pub(crate) fn offer_pending() -> Refusal {
        Refusal { status: 491, warning: None, reason: "an offer of ours has no answer yet".into() }
    }

    pub(crate) fn no_offer_pending() -> Refusal {
        Refusal { status: 488, warning: None, reason: "an answer without an offer of ours".into() }
    }

    pub(crate) fn no_codec_configured() -> Refusal {
        Refusal::not_acceptable(305, "no codec is configured".into())
    }

    pub(crate) fn stream_missing() -> Refusal {
        Refusal::not_acceptable(304, "the answer lacks our audio stream".into())
    }

    /// For one stream that was looked at.
    pub(crate) fn of_stream(unusable: &Unusable) -> Refusal {
        match unusable {
            Unusable::Kind => Refusal::not_acceptable(304, "only audio is supported".into()),
            Unusable::Disabled => Refusal::not_acceptable(304, "the audio stream is disabled by port 0".into()),
            Unusable::Transport(protocol) => Refusal::not_acceptable(302, transport(protocol)),
            Unusable::Codec { offered, supported } => {
                Refusal::not_acceptable(305, format!("no codec in common: {offered} against {supported}"))
            }
            Unusable::Address(why) => Refusal::not_acceptable(301, (*why).into()),
        }
    }

    /// For a whole offer, of which no stream can be used: the audio stream that came nearest says why.
    pub(crate) fn of_offer(offer: &Session, unusable: &[Unusable]) -> Refusal {
        let streams = || offer.media.iter().zip(unusable);
        let nearest = streams()
            .find(|(media, _)| media.is("audio") && media.port != 0)
            .or_else(|| streams().find(|(media, _)| media.is("audio")));
        match nearest {
            Some((_, unusable)) => Refusal::of_stream(unusable),
            None => {
                let kinds = words(offer.media.iter().map(|media: &Media| media.kind.as_str()));
                Refusal::not_acceptable(304, format!("no audio stream in the offer, but {kinds}"))
            }
        }
    }
}

impl From<SdpError> for Refusal {
    fn from(error: SdpError) -> Refusal {
        Refusal { status: 400, warning: None, reason: error.to_string() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status, self.reason)
    }
}

impl std::error::Error for Refusal {}

/// Web pages offer nothing but their own kind (RFC 8827 §6.5), and whoever writes one looks for the reason in these words.
fn transport(protocol: &str) -> String {
    match protocol.to_ascii_uppercase().as_str() {
        "UDP/TLS/RTP/SAVPF" | "TCP/TLS/RTP/SAVPF" => {
            format!("WebRTC sound ({protocol}: DTLS-SRTP, ICE) is not supported, only plain RTP/AVP is")
        }
        _ => format!("transport {protocol} is not supported, only RTP/AVP is"),
    }
}

/// Why one media line cannot be our audio stream.
#[derive(Clone, Debug)]
pub(crate) enum Unusable {
    Kind,
    Disabled,
    Transport(String),
    Codec { offered: String, supported: String },
    Address(&'static str),
}

/// Words of a stranger, made fit for our reason text: few, short, nothing but visible ASCII without quotes.
pub(crate) fn words<'a>(words: impl Iterator<Item = &'a str>) -> String {
    const MOST: usize = 8;
    const LONGEST: usize = 32;
    let mut words = words.map(|word| {
        let fit = |c: &char| c.is_ascii_graphic() && !matches!(c, '"' | '\\');
        word.chars().filter(fit).take(LONGEST).collect::<String>()
    });
    let mut list: Vec<String> = words.by_ref().take(MOST).collect();
    match words.next() {
        Some(_) => list.push("...".into()),
        None if list.is_empty() => list.push("nothing".into()),
        None => {}
    }
    list.join(" ")
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_stranger_cannot_write_into_our_header() {
        assert_eq!(words(["a\"b\\c\r\nX: y"].into_iter()), "abcX:y");
        assert_eq!(words(std::iter::repeat_n("x", 50)), "x x x x x x x x ...");
        assert_eq!(words(["y".repeat(99).as_str()].into_iter()).len(), 32);
        assert_eq!(words(std::iter::empty()), "nothing");
    }
}

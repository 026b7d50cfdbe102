//! The lines of our own descriptions.

use compact_str::ToCompactString;

use crate::{Attribute, AudioCodec, Capabilities, Connection, Direction, Line, LocalMedia, Media, Session};

/// The part above the media lines; [`crate::Negotiation`] adds o=.
pub(crate) fn session(capabilities: &Capabilities, local: &LocalMedia, timing: Option<&str>) -> Session {
    Session {
        origin: None,
        name: Some(capabilities.session_name.clone()),
        lines: vec![
            Line::Connection(Connection::new(local.address)),
            // RFC 3264 §6: the t= line of an answer equals that of its offer.
            Line::Other { kind: 't', value: timing.unwrap_or("0 0").into() },
        ],
        media: Vec::new(),
    }
}

/// Our audio stream.
pub(crate) fn audio_media(
    port: u16,
    codecs: &[(u8, AudioCodec)],
    telephone_event: Option<u8>,
    ptime_ms: u16,
    direction: Direction,
) -> Media {
    let rtpmap = |payload_type, encoding: &str| Attribute::Rtpmap {
        payload_type,
        encoding: encoding.into(),
        clock_rate: AudioCodec::CLOCK_RATE,
        parameters: None,
    };
    let mut attributes: Vec<Attribute> = codecs.iter().map(|(number, codec)| rtpmap(*number, codec.name())).collect();
    if let Some(number) = telephone_event {
        attributes.push(rtpmap(number, "telephone-event"));
        // RFC 4733 §2.4.1: the sixteen DTMF events.
        attributes.push(Attribute::Fmtp { format: number.to_compact_string(), parameters: "0-15".into() });
    }
    attributes.push(Attribute::Ptime(ptime_ms));
    attributes.push(Attribute::Direction(direction));
    Media {
        kind: "audio".into(),
        port,
        port_count: None,
        protocol: "RTP/AVP".into(),
        formats: codecs
            .iter()
            .map(|(number, _)| *number)
            .chain(telephone_event)
            .map(|number| number.to_compact_string())
            .collect(),
        lines: attributes.into_iter().map(Line::Attribute).collect(),
    }
}

/// A stream that we do not take: its place, transport and formats as offered, port 0 (RFC 3264 §6).
pub(crate) fn refused_media(offered: &Media) -> Media {
    // Some disabled streams come without a format; RFC 8866 §9 wants one.
    let formats = if offered.formats.is_empty() { vec!["0".into()] } else { offered.formats.clone() };
    Media {
        kind: offered.kind.clone(),
        port: 0,
        port_count: None,
        protocol: offered.protocol.clone(),
        formats,
        lines: Vec::new(),
    }
}

//! What a media line of the peer means for us: whether it can carry our audio, and how.

use std::net::{IpAddr, SocketAddr};

use crate::refusal::{Unusable, words};
use crate::{Attribute, AudioCodec, Connection, Direction, Media, Session};

/// Longest and shortest packets that we send, ms, and the step between them.
const PTIME_MS: std::ops::RangeInclusive<u16> = 10..=60;
const PTIME_STEP_MS: u16 = 10;

/// A usable audio stream as the peer describes it.
#[derive(Clone, Debug)]
pub(crate) struct RemoteAudio {
    pub(crate) rtp: SocketAddr,
    pub(crate) rtcp: SocketAddr,
    /// The peer's direction; without listening where its address says "send nothing".
    pub(crate) direction: Direction,
    pub(crate) on_hold: bool,
    /// The first of `codecs`: what we send.
    pub(crate) first: (u8, AudioCodec),
    /// Formats that we know too, in their order, each codec once.
    pub(crate) codecs: Vec<(u8, AudioCodec)>,
    pub(crate) telephone_event: Option<u8>,
    /// What we send, ms.
    pub(crate) ptime_ms: u16,
}

/// What we bring to the reading.
pub(crate) struct Reader<'a> {
    pub(crate) codecs: &'a [AudioCodec],
    pub(crate) telephone_event: bool,
    pub(crate) ptime_ms: u16,
    pub(crate) local_ip: IpAddr,
    /// The stream as we offered it, when this is the answer: the meaning of numbers that the answer does not repeat.
    pub(crate) offered: Option<&'a Media>,
}

/// What a payload type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Codec(AudioCodec),
    TelephoneEvent,
}

impl Reader<'_> {
    pub(crate) fn read(&self, session: &Session, media: &Media) -> Result<RemoteAudio, Unusable> {
        if !media.is("audio") {
            return Err(Unusable::Kind);
        }
        if media.port == 0 {
            return Err(Unusable::Disabled);
        }
        if !media.protocol.eq_ignore_ascii_case("RTP/AVP") {
            return Err(Unusable::Transport(words([media.protocol.as_str()].into_iter())));
        }
        let (codecs, telephone_event) = self.formats(media);
        let Some(first) = codecs.first().copied() else {
            return Err(Unusable::Codec {
                offered: words(media.formats.iter().map(|format| format_name(media, format))),
                supported: words(self.codecs.iter().map(|codec| codec.name())),
            });
        };
        let connection = session.connection_of(media).ok_or(Unusable::Address("no c= line for the audio stream"))?;
        let ip = self.address(connection)?;
        let rtp = SocketAddr::new(ip, media.port);
        let said = session.direction_of(media);
        let direction = Direction::new(said.sends(), said.receives() && !ip.is_unspecified());
        Ok(RemoteAudio {
            rtp,
            rtcp: rtcp(media, rtp),
            direction,
            // RFC 3264 §8.4: who sends only, or does nothing, has put us on hold.
            on_hold: !direction.receives(),
            first,
            codecs,
            telephone_event,
            ptime_ms: send_ptime(session.ptime_of(media), session.maxptime_of(media), self.ptime_ms),
        })
    }

    fn formats(&self, media: &Media) -> (Vec<(u8, AudioCodec)>, Option<u8>) {
        let mut codecs: Vec<(u8, AudioCodec)> = Vec::new();
        let mut telephone_event = None;
        for number in payload_types(media) {
            let said = meaning(media, number).or_else(|| meaning(self.offered?, number));
            let new = |codec| codecs.iter().all(|(_, known)| *known != codec);
            match said.flatten() {
                Some(Meaning::Codec(codec)) if self.codecs.contains(&codec) && new(codec) => {
                    codecs.push((number, codec))
                }
                Some(Meaning::TelephoneEvent) if self.telephone_event => {
                    telephone_event = telephone_event.or(Some(number));
                }
                _ => {}
            }
        }
        (codecs, telephone_event)
    }

    fn address(&self, connection: &Connection) -> Result<IpAddr, Unusable> {
        if connection.is_hold() {
            return Ok(connection.ip().unwrap_or(match self.local_ip {
                IpAddr::V4(_) => IpAddr::from([0; 4]),
                IpAddr::V6(_) => IpAddr::from([0; 16]),
            }));
        }
        let ip = connection.ip().ok_or(Unusable::Address("the c= line must hold an IP address"))?;
        let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
        if ip.is_multicast() || broadcast {
            return Err(Unusable::Address("the c= line must hold a unicast address"));
        }
        if ip.is_ipv4() != self.local_ip.is_ipv4() {
            return Err(Unusable::Address("the c= line has an address of another IP version than ours"));
        }
        Ok(ip)
    }
}

/// The formats that are RTP payload types.
pub(crate) fn payload_types(media: &Media) -> impl Iterator<Item = u8> {
    media.formats.iter().filter_map(|format| format.parse().ok()).filter(|number| *number <= 127)
}

/// What `number` means in `media`: `None` if nothing is said of it, `Some(None)` if it is nothing that we know.
pub(crate) fn meaning(media: &Media, number: u8) -> Option<Option<Meaning>> {
    let mapped = media.attributes().find_map(|attribute| match attribute {
        Attribute::Rtpmap { payload_type, encoding, clock_rate, parameters } if *payload_type == number => {
            Some(by_name(encoding, *clock_rate, parameters.as_deref()))
        }
        _ => None,
    });
    // RFC 3551 §6: static payload types need no rtpmap.
    let fixed = AudioCodec::ALL.into_iter().find(|codec| codec.static_payload_type() == number);
    mapped.or(fixed.map(|codec| Some(Meaning::Codec(codec))))
}

fn by_name(encoding: &str, clock_rate: u32, parameters: Option<&str>) -> Option<Meaning> {
    // Other clocks of telephone-event belong to codecs that we do not have (RFC 4733 §2.1: the clock is that of the audio).
    if clock_rate != AudioCodec::CLOCK_RATE || !matches!(parameters, None | Some("" | "1")) {
        return None;
    }
    if encoding.eq_ignore_ascii_case("telephone-event") {
        return Some(Meaning::TelephoneEvent);
    }
    AudioCodec::ALL.into_iter().find(|codec| encoding.eq_ignore_ascii_case(codec.name())).map(Meaning::Codec)
}

fn format_name<'a>(media: &'a Media, format: &'a str) -> &'a str {
    let number: Option<u8> = format.parse().ok();
    let name = media.attributes().find_map(|attribute| match attribute {
        Attribute::Rtpmap { payload_type, encoding, .. } if Some(*payload_type) == number => Some(encoding.as_str()),
        _ => None,
    });
    name.unwrap_or(format)
}

fn rtcp(media: &Media, rtp: SocketAddr) -> SocketAddr {
    let said = media.attributes().find_map(|attribute| match attribute {
        Attribute::Rtcp { port, connection } => Some((*port, connection.as_ref().and_then(Connection::ip))),
        _ => None,
    });
    match said {
        // An address that we could not send to is no better than none.
        Some((port, ip)) => {
            let fits = |ip: &IpAddr| ip.is_ipv4() == rtp.is_ipv4() && !ip.is_multicast() && !ip.is_unspecified();
            SocketAddr::new(ip.filter(fits).unwrap_or(rtp.ip()), port)
        }
        // RFC 3550 §11: the next higher port, which 65535 does not have.
        None => SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1)),
    }
}

/// The packet length that we send: what is asked, within what is possible for both.
fn send_ptime(asked: Option<u16>, longest: Option<u16>, ours: u16) -> u16 {
    let ms = asked.unwrap_or(ours).min(longest.unwrap_or(u16::MAX));
    (ms / PTIME_STEP_MS * PTIME_STEP_MS).clamp(*PTIME_MS.start(), *PTIME_MS.end())
}

#[cfg(test)]
mod tests {
    use super::send_ptime;

    #[test]
    fn packets_are_as_long_as_asked_in_steps_of_ten() {
        #[track_caller]
        fn check(asked: Option<u16>, longest: Option<u16>, sent: u16) {
            assert_eq!(send_ptime(asked, longest, 20), sent);
        }
        check(None, None, 20);
        check(Some(30), None, 30);
        check(Some(25), None, 20);
        check(Some(5), None, 10);
        check(Some(200), None, 60);
        check(None, Some(10), 10);
        check(Some(40), Some(35), 30);
        check(Some(20), Some(3), 10);
        check(Some(20), Some(150), 20);
    }
}

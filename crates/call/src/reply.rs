//! Responses as this server writes them: what it understands, which headers stand in which, and how a refused session
//! description is told.

use std::net::IpAddr;

use sdp::{Capabilities, Refusal, Session};
use sip_core::uri::Scheme;
use sip_core::{HeaderName, Hop, Message, MessageBuilder, Method, Transport, Uri, uas};

use crate::{Settings, info_digits};

/// What requests may ask of us; what we tell of it is the same everywhere.
pub(crate) const CAPABILITIES: uas::Capabilities<'static> = uas::Capabilities {
    methods: &[
        Method::Invite,
        Method::Ack,
        Method::Cancel,
        Method::Bye,
        Method::Options,
        Method::Register,
        Method::Info,
    ],
    extensions: &[],
    content_types: &[SDP],
};

/// What requests within the dialog of a call may ask.
const IN_DIALOG: uas::Capabilities<'static> = uas::Capabilities {
    methods: &[Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Options, Method::Info],
    ..CAPABILITIES
};

/// Whether a request may be served that names a dialog, or belongs to none. An INFO has other bodies than the rest.
///
/// # Errors
/// The response that turns it away.
pub(crate) fn check(request: &Message, is_in_dialog: bool) -> Result<(), uas::Rejection> {
    let can = if is_in_dialog { IN_DIALOG } else { CAPABILITIES };
    match request.method() {
        Method::Info => uas::check(request, &uas::Capabilities { content_types: info_digits::CONTENT_TYPES, ..can }),
        _ => uas::check(request, &can),
    }
}

/// Content type of session descriptions.
pub(crate) const SDP: &str = "application/sdp";

/// What we offer and accept of sound.
pub(crate) fn audio_capabilities() -> Capabilities {
    Capabilities::default()
}

/// The session description in a message: none when it has no body.
///
/// # Errors
/// The refusal (400) when the body is no session description.
pub(crate) fn description_of(message: &Message) -> Result<Option<Session>, Refusal> {
    let body = message.body();
    match body.is_empty() {
        true => Ok(None),
        false => Ok(Some(Session::parse(&body)?)),
    }
}

/// The response to a description that cannot be accepted, with the Warning that says why (RFC 3261 §20.43).
pub(crate) fn rejection(refusal: &Refusal, agent: &str) -> uas::Rejection {
    let rejection = match refusal.status {
        400 => uas::Rejection::bad_request(refusal.reason.clone()),
        status => uas::Rejection::new(status),
    };
    match refusal.warning {
        Some(code) => rejection.with(HeaderName::Warning, format!("{code} {agent} \"{}\"", refusal.reason)),
        None => rejection,
    }
}

/// An answer to OPTIONS (RFC 3261 §11.2), from a 200 that has the rest.
pub(crate) fn options(response: MessageBuilder, settings: &Settings, hop: &Hop) -> Message {
    response
        .header(HeaderName::Contact, contact(settings, hop, false))
        .header(HeaderName::Allow, uas::allow(CAPABILITIES.methods))
        .header(HeaderName::Accept, SDP)
        .header(HeaderName::Supported, "")
        .header(HeaderName::Server, &settings.server_name)
        .build()
}

/// The value of Date (RFC 3261 §20.17): `Sat, 13 Nov 2010 23:29:00 GMT`.
pub(crate) fn date(wall_us: u64) -> String {
    const WEEKDAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"];
    let (days, second) = (wall_us / 86_400_000_000, wall_us / 1_000_000 % 86_400);
    // Years are counted from March, so that the leap day is their last, and in eras of 400 years, which are all alike.
    let since_march = days + 719_468;
    let (era, day_of_era) = (since_march / 146_097, since_march % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let year = 400 * era + year_of_era + u64::from(month >= 10);
    let (weekday, month) = (WEEKDAYS[(days % 7) as usize], MONTHS[month as usize]);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// The address of ours that a peer is told: the configured public one, else the one that its packet was sent to; by the same
/// transport. `sips`: as an address that is reached by TLS only (see [`wants_sips`]), if this hop is such a one.
pub(crate) fn contact(settings: &Settings, hop: &Hop, sips: bool) -> String {
    let public = settings.public_sip_addresses.get(usize::from(hop.listener)).copied().flatten();
    let sips = sips && matches!(hop.transport, Transport::Tls | Transport::Wss);
    let (scheme, transport) = match hop.transport {
        // RFC 5630 §3.1.1: within sips there is no `transport=tls`; it is what is meant.
        Transport::Tls if sips => ("sips", None),
        other => (if sips { "sips" } else { "sip" }, other.uri_param()),
    };
    let transport = transport.map(|name| format!(";transport={name}")).unwrap_or_default();
    match public.unwrap_or(hop.local.ip()).to_canonical() {
        IpAddr::V4(ip) => format!("<{scheme}:{ip}:{}{transport}>", hop.local.port()),
        IpAddr::V6(ip) => format!("<{scheme}:[{ip}]:{}{transport}>", hop.local.port()),
    }
}

/// Whether the Contact of our responses must be a sips address (RFC 3261 §12.1.1): as in the Request-URI, or in the topmost
/// Record-Route, or where there is none in the Contact.
pub(crate) fn wants_sips(request: &Message) -> bool {
    let is_sips = |uri: Uri| uri.scheme() == Scheme::Sips;
    let next = match request.record_routes().next() {
        Some(route) => route.ok(),
        None => request.contact().ok().flatten(),
    };
    request.uri().is_ok_and(is_sips) || next.and_then(|next| next.uri().ok()).is_some_and(is_sips)
}

/// The address that stands in our session descriptions.
pub(crate) fn media_address(settings: &Settings, hop: &Hop) -> IpAddr {
    let public = settings.public_rtp_addresses.get(usize::from(hop.listener)).copied().flatten();
    public.unwrap_or(hop.local.ip()).to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 §12.1.1.
    #[test]
    fn who_calls_a_sips_address_gets_one_as_contact_if_it_came_by_tls() {
        let invite = |uri: &str, lines: &str| {
            let text = format!(
                "INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/TLS c;branch=z9hG4bK1\r\n{lines}From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n\
                 Call-ID: x\r\nCSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"
            );
            wants_sips(&Message::parse_datagram(text.into()).unwrap())
        };
        assert!(invite("sips:echo@192.0.2.1", ""));
        assert!(invite("sip:echo@192.0.2.1", "Contact: <sips:a@192.0.2.2>\r\n"));
        assert!(invite("sip:echo@192.0.2.1", "Record-Route: <sips:192.0.2.3;lr>\r\nContact: <sip:a@192.0.2.2>\r\n"));
        assert!(!invite("sip:echo@192.0.2.1", "Record-Route: <sip:192.0.2.3;lr>\r\nContact: <sips:a@192.0.2.2>\r\n"));
        let settings = Settings::default();
        let contacts = [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Wss].map(|transport| {
            let (local, remote) = ("192.0.2.1:5061".parse().unwrap(), "192.0.2.2:40000".parse().unwrap());
            contact(&settings, &Hop { transport, listener: 0, local, remote }, true)
        });
        let expected = [
            "sip:192.0.2.1:5061",
            "sip:192.0.2.1:5061;transport=tcp",
            "sips:192.0.2.1:5061",
            "sips:192.0.2.1:5061;transport=ws",
        ];
        assert_eq!(contacts, expected.map(|uri| format!("<{uri}>")));
    }

    #[test]
    fn a_date_is_that_of_the_calendar() {
        for (second, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"),
            (951_827_696, "Tue, 29 Feb 2000 12:34:56 GMT"),
            (1_289_690_940, "Sat, 13 Nov 2010 23:29:00 GMT"),
            (1_800_000_000, "Fri, 15 Jan 2027 08:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] {
            assert_eq!(date(second * 1_000_000), text);
        }
    }
}

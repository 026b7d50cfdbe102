//! Responses as this server writes them: what it understands, which headers stand in which, and how a refused session
//! description is told.

use std::net::IpAddr;

use sdp::{Capabilities, Refusal, Session};
use sip_core::{HeaderName, Hop, Message, MessageBuilder, Method, uas};

use crate::Settings;

/// What requests may ask of us, inside and outside of dialogs.
pub(crate) const CAPABILITIES: uas::Capabilities<'static> = uas::Capabilities {
    methods: &[Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Options],
    extensions: &[],
    content_types: &[SDP],
};

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
        .header(HeaderName::Contact, contact(settings, hop))
        .header(HeaderName::Allow, uas::allow(CAPABILITIES.methods))
        .header(HeaderName::Accept, SDP)
        .header(HeaderName::Supported, "")
        .header(HeaderName::Server, &settings.server_name)
        .build()
}

/// The address of ours that a peer is told: the configured public one, else the one that its packet was sent to.
pub(crate) fn contact(settings: &Settings, hop: &Hop) -> String {
    let public = settings.public_sip_addresses.get(usize::from(hop.listener)).copied().flatten();
    match public.unwrap_or(hop.local.ip()).to_canonical() {
        IpAddr::V4(ip) => format!("<sip:{ip}:{}>", hop.local.port()),
        IpAddr::V6(ip) => format!("<sip:[{ip}]:{}>", hop.local.port()),
    }
}

/// The address that stands in our session descriptions.
pub(crate) fn media_address(settings: &Settings, hop: &Hop) -> IpAddr {
    let public = settings.public_rtp_addresses.get(usize::from(hop.listener)).copied().flatten();
    public.unwrap_or(hop.local.ip()).to_canonical()
}

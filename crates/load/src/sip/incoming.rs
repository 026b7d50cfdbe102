//! The one place that knows sip-core's message type: what the caller needs of a received message.

use std::net::SocketAddr;

use bytes::Bytes;
use sip_core::{HeaderName, Message, MessageBuilder};

/// Whether it asks or answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The method.
    Request(String),
    /// The status.
    Response(u16),
}

/// A received message.
#[derive(Clone, Debug)]
pub(crate) struct Incoming {
    pub kind: Kind,
    /// The first line, for messages to people.
    pub start_line: String,
    pub from_address: SocketAddr,
    pub call_id: String,
    /// The method in CSeq.
    pub cseq_method: String,
    /// The To value as it came.
    pub to: String,
    pub from_tag: Option<String>,
    pub to_tag: Option<String>,
    /// The URI of the first Contact, if it can be read.
    pub contact: Option<String>,
    /// The Record-Route values from the top down.
    pub record_route: Vec<String>,
    pub body: Bytes,
    message: Message,
}

impl Incoming {
    /// `None` if it is no SIP message.
    pub(crate) fn parse(datagram: Bytes, from_address: SocketAddr) -> Option<Incoming> {
        let message = Message::parse_datagram(datagram).ok()?;
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let kind = match message.status() {
            Some(status) => Kind::Response(status),
            None => Kind::Request(message.method().as_str().to_owned()),
        };
        let start_line = message.as_bytes().split(|octet| matches!(octet, b'\r' | b'\n')).next().map(text);
        Some(Incoming {
            kind,
            start_line: start_line.unwrap_or_default(),
            from_address,
            call_id: message.call_id().to_owned(),
            cseq_method: message.method().as_str().to_owned(),
            to: message.header(HeaderName::To).map(text).unwrap_or_default(),
            from_tag: message.from_tag().map(str::to_owned),
            to_tag: message.to_tag().map(str::to_owned),
            contact: message.contact().ok().flatten().map(|contact| text(contact.uri_bytes())),
            record_route: message.values(HeaderName::RecordRoute).map(text).collect(),
            body: message.body(),
            message,
        })
    }

    /// The number in CSeq.
    pub(crate) fn cseq_number(&self) -> Option<u32> {
        let value = self.message.header_text(HeaderName::CSeq)?;
        value.split_ascii_whitespace().next()?.parse().ok()
    }

    /// The challenges, one for each header field: lists within one are not split, since challenges have commas of their own.
    pub(crate) fn challenges(&self, of_proxy: bool) -> Vec<String> {
        let name = if of_proxy { HeaderName::ProxyAuthenticate } else { HeaderName::WwwAuthenticate };
        self.message.headers(name).map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// Every Contact with the seconds until it expires: its own, else those of the Expires header, else 0.
    pub(crate) fn contacts_with_expires(&self) -> Vec<(String, u32)> {
        let of_all = self.message.header_text(HeaderName::Expires).and_then(|value| value.trim().parse().ok());
        let values = self.message.values(HeaderName::Contact).map(String::from_utf8_lossy);
        values
            .filter_map(|value| {
                let (_, rest) = value.split_once('<')?;
                let (uri, parameters) = rest.split_once('>')?;
                let own = parameters.split(';').filter_map(|one| one.split_once('='));
                let own = own.filter(|(name, _)| name.trim().eq_ignore_ascii_case("expires"));
                let own = own.filter_map(|(_, value)| value.trim().parse().ok()).next();
                Some((uri.to_owned(), own.or(of_all).unwrap_or(0)))
            })
            .collect()
    }

    /// The response to this request, with `allow` in it.
    pub(crate) fn respond(&self, status: u16, reason: &str, allow: &str) -> Bytes {
        let response =
            MessageBuilder::response_to(&self.message, status, reason).header(HeaderName::Allow, allow).build();
        response.as_bytes().clone()
    }
}

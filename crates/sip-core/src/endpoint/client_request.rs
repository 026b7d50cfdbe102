//! The parts of our requests that are the transaction layer's: Via and Max-Forwards, the ACK of a non-2xx, the CANCEL.

use crate::{HeaderName, Hop, Message, MessageBuilder, Method, Via};

/// RFC 3261 §8.1.1.6.
const MAX_FORWARDS: &str = "70";

/// `request` with our Via on top, and Max-Forwards if it has none. rport asks for the port our request is seen to come
/// from: RFC 3581 §3.
pub(super) fn with_via(request: MessageBuilder, hop: &Hop, branch: &str) -> Message {
    let request = request.via(&Via::new(hop.transport.via_name(), hop.local, branch));
    match request.has(HeaderName::MaxForwards) {
        true => request.build(),
        false => request.header(HeaderName::MaxForwards, MAX_FORWARDS).build(),
    }
}

/// The ACK of a non-2xx final response: RFC 3261 §17.1.1.3. Its To is the response's.
pub(super) fn ack(invite: &Message, response: &Message) -> Message {
    derived(Method::Ack, invite, response)
}

/// The CANCEL of an INVITE: RFC 3261 §9.1.
pub(super) fn cancel(invite: &Message) -> Message {
    derived(Method::Cancel, invite, invite)
}

/// What ACK and CANCEL have in common: the INVITE's Request-URI, top Via alone (so its branch), Route, From, Call-ID and
/// CSeq number.
fn derived(method: Method, invite: &Message, to_of: &Message) -> Message {
    let cseq = invite.cseq().map_or(0, |cseq| cseq.number);
    let mut request = MessageBuilder::request(method.clone(), invite.request_uri().unwrap_or_default());
    if let Ok(via) = invite.top_via() {
        request = request.via(&via);
    }
    request
        .copy(invite, HeaderName::Route)
        .header(HeaderName::MaxForwards, MAX_FORWARDS)
        .copy(invite, HeaderName::From)
        .copy(to_of, HeaderName::To)
        .copy(invite, HeaderName::CallId)
        .header(HeaderName::CSeq, format!("{cseq} {method}"))
        .build()
}

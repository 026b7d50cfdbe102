//! Answers without a transaction, RFC 3261 §8.2.7: for requests that there is no room or no reason to remember. A repeated
//! request gets the same bytes again.

use bytes::Bytes;

use crate::endpoint::reply_hop;
use crate::loop_of::stable_hash;
use crate::uas::Rejection;
use crate::{Hop, Message, Method, ParseError};

/// The 503 by which the edge turns away what it cannot hand on. None for what is never answered: an ACK or a response.
pub fn service_unavailable(request: &Message, hop: &Hop, retry_after_s: u32) -> Option<(Hop, Bytes)> {
    reply(request, hop, &Rejection::unavailable(retry_after_s))
}

/// The answer to a request that could not be parsed, 400 or 505, to where it came from: its Via may be what is wrong. None when it
/// was no request, an ACK, or too little of it is left.
pub fn bad_request(error: &ParseError, hop: &Hop) -> Option<(Hop, Bytes)> {
    Some((*hop, error.reply(hop.remote)?))
}

/// `rejection` as a response to `request` that came over `hop`. None for an ACK and for what has no readable Via.
pub(crate) fn reply(request: &Message, hop: &Hop, rejection: &Rejection) -> Option<(Hop, Bytes)> {
    if !request.is_request() || request.method() == &Method::Ack {
        return None;
    }
    let to = reply_hop(&request.top_via().ok()?, hop);
    let request = request.clone().with_source(hop.remote);
    Some((to, response(&request, rejection, None).as_bytes().clone()))
}

/// `rejection` as a response to `request`. The To tag is `to_tag` or, so that it is the same each time, made from the request.
pub(crate) fn response(request: &Message, rejection: &Rejection, to_tag: Option<&str>) -> Message {
    let response = rejection.response_to(request);
    match (request.to_tag(), to_tag) {
        (Some(_), _) => response.build(),
        (None, Some(tag)) => response.to_tag(tag).build(),
        (None, None) => response.to_tag(&stable_tag(request)).build(),
    }
}

/// A tag that does not look like one of a loop: the ACK of such an answer goes where its request went, by Call-ID.
fn stable_tag(request: &Message) -> String {
    let branch = request.top_via().ok();
    let branch = branch.as_ref().and_then(|via| via.branch()).unwrap_or_default();
    let parts = [request.call_id(), request.from_tag().unwrap_or_default(), branch, request.method().as_str()];
    format!("sl{:016x}", stable_hash(parts.map(str::as_bytes)))
}

//! What a user agent server checks before it looks at what a request wants, in the order of RFC 3261 §8.2.

use crate::header::{HeaderName, HeaderProblem};
use crate::uri::Scheme;
use crate::{Message, MessageBuilder, Method, reason_phrase};

/// What the server can do with requests of the kind being checked.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities<'a> {
    /// Methods that are served here; the Allow of a 405 and of answers to OPTIONS.
    pub methods: &'a [Method],
    /// Option tags that a Require may name (`timer`, `100rel`).
    pub extensions: &'a [&'a str],
    /// Body types, `type/subtype` in small letters; the Accept of a 415.
    pub content_types: &'a [&'a str],
}

/// A final response that turns a request away, with the headers that say why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// 300 to 699.
    pub status: u16,
    /// Replaces the usual reason phrase.
    pub reason: Option<String>,
    /// Headers besides those every response has.
    pub headers: Vec<(HeaderName, String)>,
}

impl Rejection {
    /// With the usual reason phrase and no headers.
    pub fn new(status: u16) -> Rejection {
        Rejection { status, reason: None, headers: Vec::new() }
    }

    /// 400 with a reason that names what is wrong, as RFC 3261 §21.4.1 asks.
    pub fn bad_request(reason: impl Into<String>) -> Rejection {
        Rejection { reason: Some(reason.into()), ..Rejection::new(400) }
    }

    /// 503 with Retry-After in seconds, RFC 3261 §21.5.4.
    pub fn unavailable(retry_after_s: u32) -> Rejection {
        Rejection::new(503).with(HeaderName::RetryAfter, retry_after_s.to_string())
    }

    /// The same with one more header.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Rejection {
        self.headers.push((name, value.into()));
        self
    }

    /// The reason phrase.
    pub fn reason(&self) -> &str {
        self.reason.as_deref().unwrap_or(reason_phrase(self.status))
    }

    /// The response to `request`; the To tag is the caller's matter. A header that is named twice stands there twice, as
    /// challenges for two algorithms do.
    pub fn response_to(&self, request: &Message) -> MessageBuilder {
        self.headers
            .iter()
            .fold(MessageBuilder::response_to(request, self.status, self.reason()), |response, (name, value)| {
                response.append(*name, value)
            })
    }
}

/// Whether `request` may be served, in the order of RFC 3261 §8.2: form (400), method (§8.2.1: 405, or 501 for one nobody
/// knows), URI scheme (§8.2.2.1: 416), Require (§8.2.2.3: 420), body (§8.2.3: 415). Merged requests (§8.2.2.2: 482) are found by
/// the [`Endpoint`](crate::Endpoint). Not for ACK, which has no response, and not for CANCEL, which never gets here.
pub fn check(request: &Message, can: &Capabilities<'_>) -> Result<(), Rejection> {
    check_form(request)?;
    check_method(request, can)?;
    check_scheme(request)?;
    check_require(request, can)?;
    check_body(request, can)
}

/// Whether `request` may be sent on by us, as a proxy or a back-to-back user agent does: 483 when its Max-Forwards is used up
/// (RFC 3261 §16.3). A request that ends here is served whatever its Max-Forwards is (RFC 4475 §3.3.8 has one of zero).
pub fn check_hops(request: &Message) -> Result<(), Rejection> {
    match request.max_forwards() {
        Ok(Some(0)) => Err(Rejection::new(483)),
        _ => Ok(()),
    }
}

fn check_form(request: &Message) -> Result<(), Rejection> {
    let missing = |name: HeaderName| Err(Rejection::bad_request(format!("{name} is missing")));
    let told = |error: crate::header::HeaderError| Rejection::bad_request(error.to_string());
    request.from().map_err(told)?;
    request.to().map_err(told)?;
    let cseq = request.cseq().map_err(told)?;
    request.top_via().map_err(told)?;
    if request.call_id().is_empty() {
        return missing(HeaderName::CallId);
    }
    if &cseq.method != request.method() {
        return Err(Rejection::bad_request("CSeq names another method"));
    }
    // §8.1.1.8: the dialog needs exactly one Contact; without it we could never send BYE.
    match request.contact() {
        Err(error) if error.problem != HeaderProblem::Star => Err(told(error)),
        Ok(None) if request.method() == &Method::Invite => missing(HeaderName::Contact),
        _ => Ok(()),
    }
}

/// §8.2.1 and §21.5.2: 405 for a method we know but do not serve here, 501 for one we do not know at all.
fn check_method(request: &Message, can: &Capabilities<'_>) -> Result<(), Rejection> {
    if can.methods.contains(request.method()) {
        return Ok(());
    }
    let status = if matches!(request.method(), Method::Other(_)) { 501 } else { 405 };
    Err(Rejection::new(status).with(HeaderName::Allow, allow(can.methods)))
}

/// The value of Allow, RFC 3261 §20.5.
pub fn allow(methods: &[Method]) -> String {
    let mut text = String::with_capacity(64);
    for method in methods {
        text.push_str(if text.is_empty() { "" } else { ", " });
        text.push_str(method.as_str());
    }
    text
}

fn check_scheme(request: &Message) -> Result<(), Rejection> {
    match request.uri() {
        Ok(uri) if uri.scheme() == Scheme::Other => Err(Rejection::new(416)),
        Ok(_) => Ok(()),
        Err(error) => Err(Rejection::bad_request(error.to_string())),
    }
}

fn check_require(request: &Message, can: &Capabilities<'_>) -> Result<(), Rejection> {
    let supported = |tag: &str| can.extensions.iter().any(|known| known.eq_ignore_ascii_case(tag));
    let unsupported: Vec<_> = request.require().filter(|tag| !supported(tag)).collect();
    match unsupported.is_empty() {
        true => Ok(()),
        false => Err(Rejection::new(420).with(HeaderName::Unsupported, unsupported.join(", "))),
    }
}

/// §8.2.3: a body that is not marked optional must be of a type, coding and handling that we understand.
fn check_body(request: &Message, can: &Capabilities<'_>) -> Result<(), Rejection> {
    if request.body().is_empty() || is_optional(request) {
        return Ok(());
    }
    if request.tokens(HeaderName::ContentEncoding).any(|coding| !coding.eq_ignore_ascii_case("identity")) {
        return Err(Rejection::new(415).with(HeaderName::AcceptEncoding, "identity"));
    }
    let accepted = match request.content_type() {
        Ok(Some(content_type)) => can.content_types.iter().any(|accepted| content_type.is_of(accepted)),
        // §7.4.1: Content-Type MUST be there. What it could have been is told by Accept.
        Ok(None) => false,
        Err(error) => return Err(Rejection::bad_request(error.to_string())),
    };
    match accepted {
        true => Ok(()),
        false => Err(Rejection::new(415).with(HeaderName::Accept, can.content_types.join(", "))),
    }
}

/// RFC 3261 §20.11: `;handling=optional`. Without a disposition or a handling the body is required.
fn is_optional(request: &Message) -> bool {
    let Some(disposition) = request.header(HeaderName::ContentDisposition) else { return false };
    disposition.split(|&byte| byte == b';').skip(1).any(|param| {
        let mut parts = param.splitn(2, |&byte| byte == b'=').map(|part| part.trim_ascii());
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case(b"handling"))
            && parts.next().is_some_and(|value| value.eq_ignore_ascii_case(b"optional"))
    })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    const CAN: Capabilities<'_> = Capabilities {
        methods: &[Method::Invite, Method::Ack, Method::Bye, Method::Cancel, Method::Options],
        extensions: &["timer"],
        content_types: &["application/sdp"],
    };

    fn request(method: &str, uri: &str, extra: &[&str], body: &str) -> Message {
        let extra: String = extra.iter().map(|line| format!("{line}\r\n")).collect();
        let text = format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n{extra}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Message::parse_datagram(Bytes::from(text)).unwrap()
    }

    fn check_text(method: &str, uri: &str, extra: &[&str], body: &str) -> String {
        match check(&request(method, uri, extra, body), &CAN) {
            Ok(()) => "ok".into(),
            Err(rejection) => {
                let headers: String =
                    rejection.headers.iter().map(|(name, value)| format!(" | {name}: {value}")).collect();
                format!("{} {}{headers}", rejection.status, rejection.reason())
            }
        }
    }

    #[test]
    fn requests_are_checked_for_form_method_scheme_require_and_body() {
        let allow = "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS";
        let contact = "Contact: <sip:a@127.0.0.2>";
        let sdp = "Content-Type: application/sdp";
        let table: &[(&str, &str, &[&str], &str, &str)] = &[
            ("INVITE", "sip:c@d", &[contact], "", "ok"),
            ("INVITE", "tel:+1201", &[contact, sdp], "v=0", "ok"),
            ("INVITE", "sip:c@d", &[], "", "400 Contact is missing"),
            ("BYE", "sip:c@d", &[], "", "ok"),
            ("MESSAGE", "sip:c@d", &[], "", &format!("405 Method Not Allowed | {allow}")),
            ("FOO", "sip:c@d", &[], "", &format!("501 Not Implemented | {allow}")),
            ("OPTIONS", "http://x/", &[], "", "416 Unsupported URI Scheme"),
            (
                "OPTIONS",
                "sip:c@d",
                &["Require: timer, 100rel", "Require: Foo"],
                "",
                "420 Bad Extension | Unsupported: 100rel, Foo",
            ),
            ("OPTIONS", "sip:c@d", &["Require: TIMER"], "", "ok"),
            (
                "BYE",
                "sip:c@d",
                &["Content-Type: text/plain"],
                "x",
                "415 Unsupported Media Type | Accept: application/sdp",
            ),
            ("BYE", "sip:c@d", &[], "x", "415 Unsupported Media Type | Accept: application/sdp"),
            (
                "BYE",
                "sip:c@d",
                &["Content-Type: text/plain", "Content-Disposition: render; Handling = optional"],
                "x",
                "ok",
            ),
            ("BYE", "sip:c@d", &["c: Application/SDP;x=1"], "x", "ok"),
            (
                "BYE",
                "sip:c@d",
                &[sdp, "Content-Encoding: gzip"],
                "x",
                "415 Unsupported Media Type | Accept-Encoding: identity",
            ),
            ("BYE", "sip:c@d", &["Max-Forwards: 0"], "", "ok"),
        ];
        for (method, uri, extra, body, expected) in table {
            assert_eq!(&check_text(method, uri, extra, body), expected, "{method} {uri} {extra:?}");
        }
    }

    #[test]
    fn the_order_is_that_of_section_8_2() {
        let all_wrong = ["Require: foo", "Content-Type: text/plain"];
        assert!(check_text("FOO", "http://x/", &all_wrong, "x").starts_with("501"));
        assert!(check_text("OPTIONS", "http://x/", &all_wrong, "x").starts_with("416"));
        assert!(check_text("OPTIONS", "sip:c@d", &all_wrong, "x").starts_with("420"));
        assert!(check_text("OPTIONS", "sip:c@d", &all_wrong[1..], "x").starts_with("415"));
    }

    #[test]
    fn a_request_is_sent_on_only_while_it_has_hops_left() {
        let hops = |line: &str| check_hops(&request("OPTIONS", "sip:c@d", &[line], "")).map_err(|error| error.status);
        assert_eq!(hops("Max-Forwards: 0"), Err(483));
        assert_eq!(hops("Max-Forwards: 1"), Ok(()));
        assert_eq!(hops("Subject: none"), Ok(()));
    }

    #[test]
    fn a_rejection_writes_its_headers_into_the_response() {
        let options = request("OPTIONS", "sip:c@d", &[], "");
        let response = Rejection::unavailable(9).response_to(&options).build();
        assert_eq!((response.status(), response.reason()), (Some(503), Some(&b"Service Unavailable"[..])));
        assert_eq!(response.header(HeaderName::RetryAfter), Some(&b"9"[..]));
        assert_eq!(response.call_id(), "x");
    }
}

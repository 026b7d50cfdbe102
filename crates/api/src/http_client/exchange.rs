//! One request and its answer, with redirects, within its times.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, Request, Response, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use super::{Client, Connection, Failure, Url};

/// Most redirects.
const REDIRECTS_MAX: usize = 3;

const SIGNATURE: HeaderName = HeaderName::from_static("x-voipbin-signature");

/// What is sent. A copy is cheap.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) method: Method,
    pub(crate) url: Arc<Url>,
    pub(crate) content_type: HeaderValue,
    pub(crate) signature: Option<HeaderValue>,
    pub(crate) body: Bytes,
}

/// How long it may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// For the connection.
    pub(crate) connect: Duration,
    /// From the request to the head of the answer.
    pub(crate) first_byte: Duration,
    /// For all of it.
    pub(crate) whole: Duration,
    /// For the body, once the head is there.
    pub(crate) body: Duration,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    /// What came behind the head, or why it did not come to its end.
    pub(crate) body: Result<ReplyBody, Failure>,
}

/// The body of an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplyBody {
    /// At most as many as asked for.
    pub(crate) octets: Vec<u8>,
    /// Whether that is all of it.
    pub(crate) is_whole: bool,
}

/// Asks and reads at most `most` bytes of the answer's body. `kept` is the connection of the request before, and becomes that
/// for the next.
pub(crate) async fn exchange(
    client: &Client,
    kept: &mut Option<Connection>,
    outgoing: &Outgoing,
    times: &Times,
    most: usize,
) -> Result<Reply, Failure> {
    let deadline = Instant::now() + times.whole;
    let mut outgoing = Cow::Borrowed(outgoing);
    for _ in 0..=REDIRECTS_MAX {
        let (mut connection, response) = ask(client, kept, &outgoing, times, deadline).await?;
        let status = response.status().as_u16();
        let location = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let next = match (status, location) {
            (301 | 302 | 303 | 307 | 308, Some(location)) => Some(outgoing.url.join(location)?),
            _ => None,
        };
        let limit = if next.is_some() { 0 } else { most };
        let until = deadline.min(Instant::now() + times.body);
        let body = connection.read(response.into_body(), limit, until).await;
        let is_whole = body.as_ref().is_ok_and(|body| body.is_whole);
        *kept = Some(connection).filter(|connection| is_whole && connection.is_reusable());
        match next {
            None => return Ok(Reply { status, body }),
            Some(url) => {
                let outgoing = outgoing.to_mut();
                if status == 303 {
                    (outgoing.method, outgoing.body) = (Method::GET, Bytes::new());
                }
                if !outgoing.url.same_place(&url) {
                    outgoing.signature = None;
                }
                outgoing.url = Arc::new(url);
            }
        }
    }
    Err(Failure::Redirects)
}

/// One request over the kept connection, or over a new one if there is none or it turns out to be closed.
async fn ask(
    client: &Client,
    kept: &mut Option<Connection>,
    outgoing: &Outgoing,
    times: &Times,
    deadline: Instant,
) -> Result<(Connection, Response<Incoming>), Failure> {
    let within = |time: Duration| deadline.min(Instant::now() + time);
    if let Some(mut connection) = kept.take().filter(|connection| connection.leads_to(&outgoing.url)) {
        match connection.ask(request(outgoing)?, within(times.first_byte)).await {
            Ok(response) => return Ok((connection, response)),
            // The other side may close what is idle at any time; that is no failure of this request.
            Err(Failure::Protocol(_)) => {}
            Err(failure) => return Err(failure),
        }
    }
    let opened = timeout_at(within(times.connect), Connection::open(client, &outgoing.url)).await;
    let mut connection = opened.map_err(|_| Failure::Timeout("connection"))??;
    let response = connection.ask(request(outgoing)?, within(times.first_byte)).await?;
    Ok((connection, response))
}

fn request(outgoing: &Outgoing) -> Result<Request<Full<Bytes>>, Failure> {
    let mut builder = Request::builder()
        .method(&outgoing.method)
        .uri(outgoing.url.target.clone())
        .header(header::HOST, &outgoing.url.host_header)
        .header(header::USER_AGENT, HeaderValue::from_static(concat!("flowswitch/", env!("CARGO_PKG_VERSION"))))
        .header(header::CONTENT_TYPE, &outgoing.content_type);
    if let Some(signature) = &outgoing.signature {
        builder = builder.header(SIGNATURE, signature);
    }
    // Where a body is expected its absence is said (RFC 9110 §8.6); of others the length goes without saying.
    if outgoing.body.is_empty() && [Method::POST, Method::PUT, Method::PATCH].contains(&outgoing.method) {
        builder = builder.header(header::CONTENT_LENGTH, 0);
    }
    builder.body(Full::new(outgoing.body.clone())).map_err(|error| Failure::Url(error.to_string()))
}

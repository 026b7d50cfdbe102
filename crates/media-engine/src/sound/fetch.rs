//! Fetching by http and https, within limits, and how long the answer is good for (RFC 9111).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::{MS, SECOND};
use reqwest::header::{
    AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION,
};
use reqwest::{Client, Response, StatusCode, Url};

use super::cache::Validity;
use super::pinned::Pinned;
use crate::config::FetchLimits;

/// RFC 9111 §4.2.2: how long an answer is taken for fresh that does not say so itself.
const HEURISTIC_FRESH_NS: u64 = 60 * SECOND;
/// No answer is taken for fresh for longer than a day.
const FRESH_MAX_NS: u64 = 86_400 * SECOND;

/// What a server answered.
pub(crate) enum Fetched {
    /// What we have is still right, so much longer.
    NotModified(Validity),
    /// The sound's file.
    Body {
        body: Vec<u8>,
        /// To be kept as long as the body is.
        held: Held,
        /// As the server calls it.
        content_type: Option<String>,
        validity: Validity,
    },
}

/// The http client: made when it is first needed, since reading the system's certificates takes time.
pub(super) struct Fetcher {
    limits: FetchLimits,
    client: Mutex<Option<Client>>,
    /// Addresses that were found fit to be asked; used where not all are.
    pinned: Arc<Pinned>,
    held: Arc<AtomicU64>,
}

/// How much of a body has come.
#[derive(Debug, Default)]
pub(super) struct Arrived {
    octets: AtomicU64,
    /// As the server announced it; 0: it did not.
    of: AtomicU64,
}

impl Arrived {
    /// Whether so little is missing that it is worth having, though nobody waits for it any more: half of it.
    pub(super) fn is_half_there(&self) -> bool {
        let (octets, of) = (self.octets.load(Ordering::Relaxed), self.of.load(Ordering::Relaxed));
        of > 0 && octets >= of / 2
    }
}

/// Octets of bodies that are in memory until they are decoded; all bodies together have a bound.
#[derive(Debug)]
pub(crate) struct Held {
    all: Arc<AtomicU64>,
    own: u64,
}

impl Held {
    /// False: there is no room for so many more.
    fn grow(&mut self, octets: u64, most: u64) -> bool {
        self.own += octets;
        self.all.fetch_add(octets, Ordering::Relaxed) + octets <= most
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.all.fetch_sub(self.own, Ordering::Relaxed);
    }
}

/// All bodies together may be as large as so many of the largest ones.
const LARGEST_AT_ONCE: u64 = 4;

/// A body's speed is measured over so many ms.
const PACE_MS: u64 = 10_000;

impl Fetcher {
    pub(super) fn new(limits: FetchLimits) -> Fetcher {
        Fetcher { limits, client: Mutex::new(None), pinned: Arc::default(), held: Arc::default() }
    }

    /// The client; a clone shares its connections.
    fn client(&self) -> Result<Client, String> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        match &*client {
            Some(client) => Ok(client.clone()),
            None => Ok(client.insert(new_client(&self.limits, &self.pinned)?).clone()),
        }
    }

    /// Fetches `url`; `known` is what we have of it.
    pub(super) async fn fetch(
        &self,
        url: &str,
        known: Option<&Validity>,
        now_ns: u64,
        arrived: &Arrived,
    ) -> Result<Fetched, String> {
        let client = self.client()?;
        let started = Instant::now();
        let mut url = Url::parse(url).map_err(|error| format!("it cannot be fetched: {error}"))?;
        for _ in 0..=self.limits.redirects_max {
            let left = Duration::from_millis(self.limits.first_octet_ms).saturating_sub(started.elapsed());
            let response = match tokio::time::timeout(left, self.ask(&client, &url, known)).await {
                Ok(answered) => answered?,
                Err(_) => return Err(self.too_late()),
            };
            if let Some(location) = location(&response) {
                url = url.join(location).map_err(|error| format!("it was sent on to nowhere: {error}"))?;
                continue;
            }
            return match response.status() {
                StatusCode::OK => {
                    let validity = validity(response.headers(), None, now_ns);
                    let content_type = text(response.headers(), CONTENT_TYPE);
                    let (body, held) = self.body(response, started, arrived).await?;
                    Ok(Fetched::Body { body, held, content_type, validity })
                }
                StatusCode::NOT_MODIFIED if known.is_some() => {
                    Ok(Fetched::NotModified(validity(response.headers(), known, now_ns)))
                }
                status => Err(format!("the server answered {status}")),
            };
        }
        Err(format!("more than {} redirects", self.limits.redirects_max))
    }

    /// One request, of an address that may be asked.
    async fn ask(&self, client: &Client, url: &Url, known: Option<&Validity>) -> Result<Response, String> {
        let _pinned = match self.limits.may_ask {
            Some(may_ask) => Some(self.pinned.pin(url, may_ask).await?),
            None => None,
        };
        let mut request = client.get(url.clone());
        if let Some(Validity::Http { etag, last_modified, .. }) = known {
            if let Some(etag) = etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(time) = last_modified {
                request = request.header(IF_MODIFIED_SINCE, time);
            }
        }
        request.send().await.map_err(|error| self.in_words(&error))
    }

    async fn body(
        &self,
        mut response: Response,
        started: Instant,
        arrived: &Arrived,
    ) -> Result<(Vec<u8>, Held), String> {
        let FetchLimits { octets_max, stall_ms, total_ms, .. } = self.limits;
        let too_large = || format!("it is larger than {octets_max} octets");
        let announced = response.content_length().unwrap_or(0);
        if announced > octets_max {
            return Err(too_large());
        }
        arrived.of.store(announced, Ordering::Relaxed);
        let mut held = Held { all: self.held.clone(), own: 0 };
        let (mut body, mut pace) = (Vec::new(), Pace { since: Instant::now(), octets: 0 });
        loop {
            match tokio::time::timeout(Duration::from_millis(stall_ms), response.chunk()).await {
                Ok(Ok(Some(block))) => {
                    let octets = block.len() as u64;
                    body.extend_from_slice(&block);
                    arrived.octets.fetch_add(octets, Ordering::Relaxed);
                    if body.len() as u64 > octets_max {
                        return Err(too_large());
                    }
                    if !held.grow(octets, LARGEST_AT_ONCE * octets_max) {
                        return Err("too much is being fetched at once".into());
                    }
                    pace.takes(octets, self.limits.slowest_octets_per_s)?;
                }
                Ok(Ok(None)) => return Ok((body, held)),
                Ok(Err(error)) => return Err(format!("the connection broke: {error}")),
                Err(_) => return Err(format!("nothing more of it came for {stall_ms} ms")),
            }
            if started.elapsed() > Duration::from_millis(total_ms) {
                return Err(format!("it took longer than {total_ms} ms"));
            }
        }
    }

    fn too_late(&self) -> String {
        format!("the server did not answer within {} ms", self.limits.first_octet_ms)
    }

    fn in_words(&self, error: &reqwest::Error) -> String {
        if error.is_timeout() {
            self.too_late()
        } else {
            // The innermost cause is the one that says something: connection refused, certificate expired ...
            let mut cause: &dyn std::error::Error = error;
            while let Some(inner) = cause.source() {
                cause = inner;
            }
            format!("it cannot be fetched: {cause}")
        }
    }
}

/// How fast a body comes.
struct Pace {
    since: Instant,
    octets: u64,
}

impl Pace {
    fn takes(&mut self, octets: u64, slowest_octets_per_s: u64) -> Result<(), String> {
        self.octets += octets;
        let passed_ms = self.since.elapsed().as_millis() as u64;
        if passed_ms < PACE_MS {
            return Ok(());
        }
        if self.octets * 1_000 / passed_ms < slowest_octets_per_s {
            return Err(format!("it came slower than {slowest_octets_per_s} octets a second"));
        }
        *self = Pace { since: Instant::now(), octets: 0 };
        Ok(())
    }
}

fn new_client(limits: &FetchLimits, pinned: &Arc<Pinned>) -> Result<Client, String> {
    // One per process; somebody else may have been first, and then theirs is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder();
    if limits.may_ask.is_some() {
        builder = builder.dns_resolver(pinned.clone());
    }
    builder
        .user_agent(concat!("flowswitch/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_millis(limits.first_octet_ms))
        // They are followed one by one, each address looked at.
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(10))
        .build()
        .map_err(|error| format!("no http client: {error}"))
}

/// Where the answer sends on to.
fn location(response: &Response) -> Option<&str> {
    let sends_on = matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308);
    response.headers().get(LOCATION).filter(|_| sends_on).and_then(|value| value.to_str().ok())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

fn validity(headers: &HeaderMap, known: Option<&Validity>, now_ns: u64) -> Validity {
    let text = |name| text(headers, name);
    // RFC 9111 §4.3.4: a 304 updates what it carries, the rest stays.
    let (old_etag, old_modified, old_control) = match known {
        Some(Validity::Http { etag, last_modified, cache_control, .. }) => {
            (etag.clone(), last_modified.clone(), cache_control.clone())
        }
        _ => (None, None, None),
    };
    let cache_control = text(CACHE_CONTROL).or(old_control);
    let fresh_ns = freshness_ns(cache_control.as_deref(), text(AGE).as_deref());
    Validity::Http {
        fresh_until_ns: now_ns + fresh_ns.min(FRESH_MAX_NS),
        etag: text(ETAG).or(old_etag),
        last_modified: text(LAST_MODIFIED).or(old_modified),
        cache_control,
    }
}

/// RFC 9111 §5.2.2, as a private cache.
fn freshness_ns(cache_control: Option<&str>, age_s: Option<&str>) -> u64 {
    let Some(directives) = cache_control else { return HEURISTIC_FRESH_NS };
    let mut fresh_ns = HEURISTIC_FRESH_NS;
    for directive in directives.split(',') {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return 0,
            "max-age" => {
                // §4.2.1: what cannot be understood is stale.
                let max_age_s: u64 = value.trim().trim_matches('"').parse().unwrap_or(0);
                let age_s: u64 = age_s.and_then(|age| age.trim().parse().ok()).unwrap_or(0);
                fresh_ns = max_age_s.saturating_sub(age_s).saturating_mul(1_000 * MS);
            }
            _ => {}
        }
    }
    fresh_ns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_as_the_server_says() {
        for (cache_control, age, fresh_s) in [
            (None, None, 60),
            (Some("max-age=300"), None, 300),
            (Some("public, Max-Age=300"), Some("100"), 200),
            (Some("max-age=\"10\""), None, 10),
            (Some("max-age=10"), Some("20"), 0),
            (Some("max-age=much"), None, 0),
            (Some("no-cache"), None, 0),
            (Some("max-age=300, no-store"), None, 0),
            (Some("private"), None, 60),
        ] {
            assert_eq!(freshness_ns(cache_control, age), fresh_s * SECOND, "{cache_control:?} {age:?}");
        }
    }

    #[test]
    fn a_body_that_crawls_is_given_up_and_a_pause_is_not() {
        let after = |ms, octets| {
            let since = Instant::now().checked_sub(Duration::from_millis(ms)).unwrap();
            Pace { since, octets: 0 }.takes(octets, 4_096)
        };
        assert_eq!(after(9_000, 1), Ok(()), "too early to say");
        assert_eq!(after(10_010, 50_000), Ok(()));
        assert_eq!(after(10_010, 10), Err("it came slower than 4096 octets a second".to_owned()));
        let since = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        assert_eq!(Pace { since, octets: 0 }.takes(1, 0), Ok(()), "however slow it is");
    }

    #[test]
    fn bodies_have_a_bound_all_together() {
        let all = Arc::<AtomicU64>::default();
        let mut first = Held { all: all.clone(), own: 0 };
        let mut second = Held { all: all.clone(), own: 0 };
        assert!(first.grow(60, 100) && second.grow(40, 100));
        assert!(!second.grow(1, 100));
        drop(second);
        assert!(first.grow(40, 100));
        drop(first);
        assert_eq!(all.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_304_keeps_what_it_does_not_carry() {
        let known = Validity::Http {
            fresh_until_ns: 0,
            etag: Some("\"a\"".into()),
            last_modified: Some("then".into()),
            cache_control: Some("max-age=9".into()),
        };
        for (carried, fresh_s) in [(Some("max-age=5"), 5), (None, 9)] {
            let mut headers = HeaderMap::new();
            carried.map(|value| headers.insert(CACHE_CONTROL, value.parse().unwrap()));
            let Validity::Http { fresh_until_ns, etag, last_modified, .. } = validity(&headers, Some(&known), 7) else {
                panic!("http stays http");
            };
            assert_eq!(fresh_until_ns, 7 + fresh_s * SECOND);
            assert_eq!((etag.as_deref(), last_modified.as_deref()), (Some("\"a\""), Some("then")));
        }
    }
}

//! Fetching by http and https, within limits, and how long the answer is good for (RFC 9111).

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base::{MS, SECOND};
use reqwest::blocking::{Client, Response};
use reqwest::header::{
    AGE, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
    LOCATION,
};
use reqwest::{StatusCode, Url};

use super::cache::Validity;
use super::pinned::Pinned;
use crate::config::FetchLimits;

/// RFC 9111 §4.2.2: how long an answer is taken for fresh that does not say so itself.
const HEURISTIC_FRESH_NS: u64 = 60 * SECOND;
/// No answer is taken for fresh for longer than a day.
const FRESH_MAX_NS: u64 = 86_400 * SECOND;

const ENDING: &str = "the media engine ends";

/// What a server answered.
pub(crate) enum Fetched {
    /// What we have is still right, so much longer.
    NotModified(Validity),
    /// The sound's file.
    Body {
        body: Vec<u8>,
        /// As the server calls it.
        content_type: Option<String>,
        validity: Validity,
    },
}

/// The http client: made when it is first needed, since reading the system's certificates takes time.
pub(crate) struct Fetcher {
    limits: FetchLimits,
    client: Mutex<Option<Client>>,
    /// Addresses that were found fit to be asked; used where not all are.
    pinned: Arc<Pinned>,
    /// The engine ends: give up.
    stop: AtomicBool,
}

impl Fetcher {
    pub(crate) fn new(limits: FetchLimits) -> Fetcher {
        Fetcher { limits, client: Mutex::new(None), pinned: Arc::default(), stop: AtomicBool::new(false) }
    }

    /// Nothing is fetched from here on, and the client's own thread ends.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
        self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
    }

    /// The client; a clone shares its connections.
    fn client(&self) -> Result<Client, String> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if self.stop.load(Ordering::Relaxed) {
            return Err(ENDING.into());
        }
        match &*client {
            Some(client) => Ok(client.clone()),
            None => Ok(client.insert(new_client(&self.limits, &self.pinned)?).clone()),
        }
    }

    /// Fetches `url`; `known` is what we have of it.
    pub(crate) fn fetch(&self, url: &str, known: Option<&Validity>, now_ns: u64) -> Result<Fetched, String> {
        let client = self.client()?;
        let started = Instant::now();
        let mut url = Url::parse(url).map_err(|error| format!("it cannot be fetched: {error}"))?;
        for _ in 0..=self.limits.redirects_max {
            let response = self.ask(&client, &url, known)?;
            if let Some(location) = location(&response) {
                url = url.join(location).map_err(|error| format!("it was sent on to nowhere: {error}"))?;
                if started.elapsed() > Duration::from_millis(self.limits.first_octet_ms) {
                    return Err(self.too_late());
                }
                continue;
            }
            return match response.status() {
                StatusCode::OK => {
                    let validity = validity(response.headers(), None, now_ns);
                    let content_type = text(response.headers(), CONTENT_TYPE);
                    Ok(Fetched::Body { body: self.body(response, started)?, content_type, validity })
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
    fn ask(&self, client: &Client, url: &Url, known: Option<&Validity>) -> Result<Response, String> {
        let _pinned = self.limits.may_ask.map(|may_ask| self.pinned.pin(url, may_ask)).transpose()?;
        let mut request = client.get(url.clone());
        if let Some(Validity::Http { etag, last_modified, .. }) = known {
            if let Some(etag) = etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            if let Some(time) = last_modified {
                request = request.header(IF_MODIFIED_SINCE, time);
            }
        }
        request.send().map_err(|error| self.in_words(&error))
    }

    fn body(&self, mut response: Response, started: Instant) -> Result<Vec<u8>, String> {
        let too_large = || format!("it is larger than {} octets", self.limits.octets_max);
        if response.content_length().is_some_and(|length| length > self.limits.octets_max) {
            return Err(too_large());
        }
        let mut body = Vec::new();
        let mut block = vec![0; 64 << 10];
        loop {
            match response.read(&mut block) {
                Ok(0) => return Ok(body),
                Ok(length) => body.extend_from_slice(&block[..length]),
                Err(error) => return Err(format!("the connection broke: {error}")),
            }
            if body.len() as u64 > self.limits.octets_max {
                return Err(too_large());
            }
            if started.elapsed() > Duration::from_millis(self.limits.total_ms) {
                return Err(format!("it took longer than {} ms", self.limits.total_ms));
            }
            if self.stop.load(Ordering::Relaxed) {
                return Err(ENDING.into());
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

fn new_client(limits: &FetchLimits, pinned: &Arc<Pinned>) -> Result<Client, String> {
    // One per process; somebody else may have been first, and then theirs is used.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let wait = Duration::from_millis(limits.first_octet_ms);
    let mut builder = Client::builder();
    if limits.may_ask.is_some() {
        builder = builder.dns_resolver(pinned.clone());
    }
    builder
        .user_agent(concat!("flowswitch/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(wait)
        // Of the blocking client: until the answer's head is there, and then for each read.
        .timeout(wait)
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

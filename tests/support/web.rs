//! The web of a scenario: what answers under which URL, and what was asked.

use std::collections::BTreeMap;

use flow::{HttpOutcome, HttpRequest};

/// Servers of others.
#[derive(Default)]
pub(crate) struct Web {
    /// Status and body by URL.
    pub(crate) pages: BTreeMap<String, (u16, String)>,
    /// All requests, in order.
    pub(crate) requests: Vec<HttpRequest>,
}

impl Web {
    /// Takes a request; what is not there does not answer.
    pub(crate) fn request(&mut self, request: &HttpRequest) -> HttpOutcome {
        self.requests.push(request.clone());
        match self.pages.get(&request.url) {
            Some((status, body)) => {
                HttpOutcome { status: *status, body: body.clone().into_bytes(), error: String::new() }
            }
            None => HttpOutcome { status: 0, body: Vec::new(), error: "nobody answers".into() },
        }
    }
}

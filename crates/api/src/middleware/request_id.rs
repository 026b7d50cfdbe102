//! Every request gets an id: in the header `X-Request-Id` of the response, in the body of a refusal, and in the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

use crate::clock::{hex, random_octets};
use crate::metrics::{MetricsSource, MetricsText};
use crate::problem::Pending;

/// How many requests were answered, by class of status.
#[derive(Debug, Default)]
pub(crate) struct ApiNumbers {
    answered: [AtomicU64; 6],
    limited: AtomicU64,
}

impl MetricsSource for ApiNumbers {
    fn collect(&self, out: &mut MetricsText) {
        let mut family = out.counter("http_requests_total", "HTTP requests that were answered, by class of status");
        for (class, number) in self.answered.iter().enumerate().skip(1) {
            family = family.sample(&[("status", &format!("{class}xx"))], number.load(Ordering::Relaxed));
        }
        out.counter("http_requests_limited_total", "HTTP requests that a rate limit turned away")
            .value(self.limited.load(Ordering::Relaxed));
    }
}

/// Draws the id, writes refusals, counts answers.
pub(crate) async fn request_id(State(numbers): State<Arc<ApiNumbers>>, request: Request, next: Next) -> Response {
    let id = hex(&random_octets::<16>());
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut response = next.run(request).await;
    if let Some(Pending(problem)) = response.extensions_mut().remove() {
        tracing::debug!(request_id = %id, %method, %path, code = problem.code.as_u16(), reason = problem.reason, "refused");
        if problem.code == StatusCode::TOO_MANY_REQUESTS {
            numbers.limited.fetch_add(1, Ordering::Relaxed);
        }
        let allow = response.headers_mut().remove(axum::http::header::ALLOW);
        response = problem.write(&id);
        if let Some(allow) = allow {
            response.headers_mut().insert(axum::http::header::ALLOW, allow);
        }
    }
    let class = usize::from(response.status().as_u16() / 100).min(5);
    numbers.answered[class].fetch_add(1, Ordering::Relaxed);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), value);
    }
    response
}

//! One line per endpoint.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::metrics::{MetricsSource, MetricsText};
use crate::problem;
use crate::readiness::Readiness;

#[derive(Clone)]
struct Shown {
    readiness: Arc<Readiness>,
    metrics: Arc<[Arc<dyn MetricsSource>]>,
}

/// Everything that is served. `metrics` are asked in this order at every `GET /metrics`.
pub fn router(readiness: Arc<Readiness>, metrics: Vec<Arc<dyn MetricsSource>>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .fallback(problem::not_found)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .with_state(Shown { readiness, metrics: metrics.into() })
}

/// The process lives and answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// New calls may be sent here: 200, or 503 with the reasons why not.
async fn readyz(State(shown): State<Shown>) -> Response {
    let reasons = shown.readiness.reasons();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(serde_json::json!({ "ready": reasons.is_empty(), "reasons": reasons }))).into_response()
}

async fn show_metrics(State(shown): State<Shown>) -> Response {
    let mut text = MetricsText::default();
    shown.metrics.iter().for_each(|source| source.collect(&mut text));
    ([(header::CONTENT_TYPE, MetricsText::CONTENT_TYPE)], text.to_string()).into_response()
}

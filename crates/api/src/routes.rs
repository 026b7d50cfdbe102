//! Everything that is served on the one HTTP port.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, middleware};
use bytes::Bytes;

use crate::metrics::{MetricsSource, MetricsText};
use crate::middleware::{ApiNumbers, catch_panics, limit_by_address, request_id};
use crate::readiness::Readiness;
use crate::service::Api;
use crate::{console, problem, resources};

#[derive(Clone)]
struct Health {
    readiness: Arc<Readiness>,
    metrics: Arc<[Arc<dyn MetricsSource>]>,
}

/// Health, readiness and metrics alone. `metrics` are asked in this order at every `GET /metrics`.
pub fn router(readiness: Arc<Readiness>, metrics: Vec<Arc<dyn MetricsSource>>) -> Router {
    finish(health(readiness, metrics), Arc::default())
}

/// All of it: health, the API, its document, the console.
pub fn api_router(api: &Arc<Api>, readiness: Arc<Readiness>, mut metrics: Vec<Arc<dyn MetricsSource>>) -> Router {
    metrics.extend(api.metrics());
    let (routes, document) = resources::endpoints().finish();
    let document = Bytes::from(document.to_string());
    let routes =
        routes.route_layer(middleware::from_fn_with_state(api.clone(), limit_by_address)).with_state(api.clone());
    let document = get(move || async move {
        ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document).into_response()
    });
    let all = health(readiness, metrics).merge(routes).merge(console::router()).route("/openapi.json", document);
    finish(all, api.numbers.clone())
}

fn health(readiness: Arc<Readiness>, metrics: Vec<Arc<dyn MetricsSource>>) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(show_metrics))
        .with_state(Health { readiness, metrics: metrics.into() })
}

fn finish(router: Router, numbers: Arc<ApiNumbers>) -> Router {
    router
        .fallback(problem::no_route)
        .method_not_allowed_fallback(problem::method_not_allowed)
        .layer(catch_panics())
        .layer(middleware::from_fn_with_state(numbers, request_id))
}

/// The process lives and answers.
async fn healthz() -> &'static str {
    "ok\n"
}

/// New calls may be sent here: 200, or 503 with the reasons why not.
async fn readyz(State(health): State<Health>) -> Response {
    let reasons = health.readiness.reasons();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, axum::Json(serde_json::json!({ "ready": reasons.is_empty(), "reasons": reasons }))).into_response()
}

async fn show_metrics(State(health): State<Health>) -> Response {
    let mut text = MetricsText::default();
    health.metrics.iter().for_each(|source| source.collect(&mut text));
    ([(header::CONTENT_TYPE, MetricsText::CONTENT_TYPE)], text.to_string()).into_response()
}

//! Refusals, in the envelope that all errors of the API have: `{"error": {"status", "reason", "message"}}`.

use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

fn problem(code: StatusCode, status: &str, reason: &str, message: &str) -> Response {
    let error = serde_json::json!({ "error": { "status": status, "reason": reason, "message": message } });
    (code, axum::Json(error)).into_response()
}

/// No such path.
pub(crate) async fn not_found(uri: Uri) -> Response {
    let message = format!("there is nothing at {}; there are /healthz, /readyz and /metrics", uri.path());
    problem(StatusCode::NOT_FOUND, "NOT_FOUND", "RESOURCE_NOT_FOUND", &message)
}

/// The path exists, but not with this method. The `Allow` header is added by the router.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    let message = format!("{} does not take {method}", uri.path());
    problem(StatusCode::METHOD_NOT_ALLOWED, "INVALID_ARGUMENT", "METHOD_NOT_ALLOWED", &message)
}

//! The body of every refused API request (spec/resources.md §1.1).

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `{"error": {...}}`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorEnvelope {
    /// What went wrong.
    pub error: ErrorBody,
}

impl ErrorEnvelope {
    /// An error without details.
    pub fn new(status: ErrorStatus, reason: &str, message: impl Into<String>, request_id: &str) -> ErrorEnvelope {
        ErrorEnvelope {
            error: ErrorBody {
                status,
                reason: reason.to_owned(),
                message: message.into(),
                request_id: request_id.to_owned(),
                details: Vec::new(),
            },
        }
    }
}

/// What went wrong, for programs and for people.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The class; decides the HTTP status.
    pub status: ErrorStatus,
    /// The exact reason, e.g. `INVALID_ACTION_TYPE`.
    pub reason: String,
    /// In plain words.
    pub message: String,
    /// Finds the request in the log.
    pub request_id: String,
    /// More, if there is more to say.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<Value>,
}

/// The classes of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ErrorStatus {
    /// The request itself is wrong.
    InvalidArgument,
    /// Nobody is logged in.
    Unauthenticated,
    /// Never given here; part of the vocabulary.
    PaymentRequired,
    /// Somebody is logged in who may not.
    PermissionDenied,
    /// There is no such thing, or it belongs to somebody else.
    NotFound,
    /// There is one already.
    AlreadyExists,
    /// Not in this state.
    FailedPrecondition,
    /// Too many requests.
    ResourceExhausted,
    /// Not now.
    Unavailable,
    /// Our fault.
    Internal,
}

impl ErrorStatus {
    /// The HTTP status of the response.
    pub fn http_status(self) -> u16 {
        match self {
            ErrorStatus::InvalidArgument => 400,
            ErrorStatus::Unauthenticated => 401,
            ErrorStatus::PaymentRequired => 402,
            ErrorStatus::PermissionDenied => 403,
            ErrorStatus::NotFound => 404,
            ErrorStatus::AlreadyExists | ErrorStatus::FailedPrecondition => 409,
            ErrorStatus::ResourceExhausted => 429,
            ErrorStatus::Unavailable => 503,
            ErrorStatus::Internal => 500,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn details_are_left_out_when_there_are_none() {
        let mut envelope =
            ErrorEnvelope::new(ErrorStatus::InvalidArgument, "INVALID_ACTION_TYPE", "not yet supported: connect", "r1");
        assert_eq!(
            serde_json::to_value(&envelope).unwrap(),
            json!({"error": {"status": "INVALID_ARGUMENT", "reason": "INVALID_ACTION_TYPE",
                "message": "not yet supported: connect", "request_id": "r1"}})
        );
        envelope.error.details.push(json!({"json_path": "actions[0].type"}));
        assert_eq!(serde_json::to_value(&envelope).unwrap()["error"]["details"][0]["json_path"], "actions[0].type");
    }

    #[test]
    fn each_status_has_the_http_status_of_the_table() {
        for (status, name, http) in [
            (ErrorStatus::InvalidArgument, "INVALID_ARGUMENT", 400),
            (ErrorStatus::Unauthenticated, "UNAUTHENTICATED", 401),
            (ErrorStatus::PaymentRequired, "PAYMENT_REQUIRED", 402),
            (ErrorStatus::PermissionDenied, "PERMISSION_DENIED", 403),
            (ErrorStatus::NotFound, "NOT_FOUND", 404),
            (ErrorStatus::AlreadyExists, "ALREADY_EXISTS", 409),
            (ErrorStatus::FailedPrecondition, "FAILED_PRECONDITION", 409),
            (ErrorStatus::ResourceExhausted, "RESOURCE_EXHAUSTED", 429),
            (ErrorStatus::Unavailable, "UNAVAILABLE", 503),
            (ErrorStatus::Internal, "INTERNAL", 500),
        ] {
            assert_eq!(serde_json::to_value(status).unwrap(), name);
            assert_eq!(status.http_status(), http, "{name}");
        }
    }
}

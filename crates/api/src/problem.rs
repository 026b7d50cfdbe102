//! Refusals, in the envelope that all errors of the API have (spec/resources.md §1.1).

use axum::http::{HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use model::{ErrorEnvelope, ErrorStatus};
use serde_json::{Value, json};

use crate::control::Refused;
use crate::repository::{Kind, RepositoryError};

/// A request that was refused. The request's id is added on the way out (`middleware/request_id.rs`).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Problem {
    /// The class.
    pub status: ErrorStatus,
    /// The HTTP status; that of the class in all but a few cases.
    pub code: StatusCode,
    /// For programs.
    pub reason: &'static str,
    /// For people.
    pub message: String,
    /// More, such as the field that is wrong.
    pub details: Vec<Value>,
    /// When to come again, seconds.
    pub retry_after: Option<u64>,
    /// More headers of the response.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Marks a response whose body is to be written once the request's id is known.
#[derive(Clone)]
pub(crate) struct Pending(pub(crate) Problem);

impl Problem {
    pub(crate) fn new(status: ErrorStatus, reason: &'static str, message: impl Into<String>) -> Problem {
        let code = StatusCode::from_u16(status.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Problem {
            status,
            code,
            reason,
            message: message.into(),
            details: Vec::new(),
            retry_after: None,
            headers: Vec::new(),
        }
    }

    /// One field of the request is wrong.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Problem {
        Problem::new(ErrorStatus::InvalidArgument, "INVALID_ARGUMENT", message).about(field)
    }

    /// A query parameter is wrong.
    pub(crate) fn parameter(name: &str, message: impl Into<String>) -> Problem {
        Problem::new(ErrorStatus::InvalidArgument, "INVALID_REQUEST_PARAMETER", message).about(name)
    }

    /// Something that must be there is missing.
    pub(crate) fn missing(field: &str) -> Problem {
        let message = format!("{field} is missing");
        Problem::new(ErrorStatus::InvalidArgument, "MISSING_REQUEST_PARAMETER", message).about(field)
    }

    /// No such resource, or not of this customer.
    pub(crate) fn not_found(kind: Kind) -> Problem {
        let (reason, what) = match kind {
            Kind::Call => ("CALL_NOT_FOUND", "call"),
            Kind::Activeflow => ("ACTIVEFLOW_NOT_FOUND", "activeflow"),
            Kind::Recording => ("RECORDING_NOT_FOUND", "recording"),
            Kind::Conference => ("CONFERENCE_NOT_FOUND", "conference"),
            Kind::Conferencecall => ("CONFERENCECALL_NOT_FOUND", "conferencecall"),
            Kind::Flow => ("FLOW_NOT_FOUND", "flow"),
            Kind::Number => ("NUMBER_NOT_FOUND", "number"),
            Kind::Extension => ("EXTENSION_NOT_FOUND", "extension"),
            Kind::Accesskey => ("ACCESSKEY_NOT_FOUND", "access key"),
            Kind::Agent => ("AGENT_NOT_FOUND", "agent"),
            Kind::Customer => ("CUSTOMER_NOT_FOUND", "customer"),
            Kind::Confbridge => ("RESOURCE_NOT_FOUND", "confbridge"),
        };
        Problem::new(ErrorStatus::NotFound, reason, format!("there is no such {what}"))
    }

    /// Nobody can be told who asks.
    pub(crate) fn unauthenticated() -> Problem {
        let message = "say who you are: Authorization: Bearer with an access key or a token of POST /auth/login";
        Problem::new(ErrorStatus::Unauthenticated, "AUTHENTICATION_REQUIRED", message)
    }

    /// A key or token that is not valid, or no longer.
    pub(crate) fn invalid_credentials() -> Problem {
        let message = "the access key or token is unknown, deleted or expired";
        Problem::new(ErrorStatus::Unauthenticated, "INVALID_CREDENTIALS", message)
    }

    pub(crate) fn permission_denied() -> Problem {
        let message = "this needs the permission of a customer's admin or manager";
        Problem::new(ErrorStatus::PermissionDenied, "PERMISSION_DENIED", message)
    }

    /// Something of ours failed. What exactly is for the log, not for the outside.
    pub(crate) fn internal(what: impl std::fmt::Display) -> Problem {
        tracing::error!("a request failed: {what}");
        Problem::new(ErrorStatus::Internal, "INTERNAL", "the server could not do it; its log says why")
    }

    /// What a running call answered, in the words of its kind.
    pub(crate) fn refused(kind: Kind, refused: Refused) -> Problem {
        match refused {
            Refused::NotFound => Problem::not_found(kind),
            Refused::AlreadyHangup => {
                Problem::new(ErrorStatus::FailedPrecondition, "CALL_ALREADY_HANGUP", "the call is over")
            }
            Refused::StateInvalid => {
                Problem::new(ErrorStatus::FailedPrecondition, "STATE_INVALID", "it is not in a state that allows this")
            }
            Refused::ConferenceOver => {
                Problem::new(ErrorStatus::FailedPrecondition, "STATE_INVALID", "the conference is over")
            }
            Refused::NobodyThere => {
                let message = "nobody is in the conference: it can be recorded while somebody is";
                Problem::new(ErrorStatus::FailedPrecondition, "STATE_INVALID", message)
            }
            Refused::RecordingActive => {
                let message = "it is being recorded already, one recording at a time";
                Problem::new(ErrorStatus::FailedPrecondition, "RECORDING_ALREADY_ACTIVE", message)
            }
            Refused::RecordingNotActive => {
                Problem::new(ErrorStatus::FailedPrecondition, "RECORDING_NOT_ACTIVE", "it is not being recorded")
            }
            Refused::Timeout => {
                Problem::new(ErrorStatus::Unavailable, "REQUEST_TIMEOUT", "the server did not get to it in time")
            }
        }
    }

    /// A path that is for WebSockets only.
    pub(crate) fn upgrade_required() -> Problem {
        let message = "this is for WebSockets: ask with Connection: Upgrade and Sec-WebSocket-Version: 13";
        let problem = Problem::new(ErrorStatus::InvalidArgument, "INVALID_ARGUMENT", message);
        let problem = problem.coded(StatusCode::UPGRADE_REQUIRED);
        // RFC 9110 §15.5.22 and §7.8, RFC 6455 §4.4.
        problem
            .with(header::UPGRADE, HeaderValue::from_static("websocket"))
            .with(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"))
            .with(header::CONNECTION, HeaderValue::from_static("upgrade"))
    }

    /// Another HTTP status than that of the class.
    pub(crate) fn coded(mut self, code: StatusCode) -> Problem {
        self.code = code;
        self
    }

    /// With this header.
    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// What exactly it is about.
    pub(crate) fn about(mut self, field: &str) -> Problem {
        self.details.push(json!({ "field": field }));
        self
    }

    /// The response with its body, once the request's id is known.
    pub(crate) fn write(self, request_id: &str) -> Response {
        let mut envelope = ErrorEnvelope::new(self.status, self.reason, self.message, request_id);
        envelope.error.details = self.details;
        let mut response = (self.code, axum::Json(envelope)).into_response();
        response.headers_mut().extend(self.headers);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.into_response();
        response.extensions_mut().insert(Pending(self));
        response
    }
}

impl From<RepositoryError> for Problem {
    fn from(error: RepositoryError) -> Problem {
        match error {
            RepositoryError::Taken => Problem::new(ErrorStatus::AlreadyExists, "ALREADY_EXISTS", error.to_string()),
            RepositoryError::Failed(what) => Problem::internal(what),
            RepositoryError::Unavailable(what) => {
                tracing::error!("a request failed: {what}");
                let message = "the server cannot write anything down at the moment; its log says why";
                Problem::new(ErrorStatus::Unavailable, "SERVICE_UNAVAILABLE", message)
            }
            RepositoryError::Late => {
                let message = "the server could not write it down in time; it may still come true";
                Problem::new(ErrorStatus::Unavailable, "REQUEST_TIMEOUT", message)
            }
        }
    }
}

/// No such path.
pub(crate) async fn no_route(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    let message = format!("there is nothing at {path}; /openapi.json says what there is");
    Problem::new(ErrorStatus::NotFound, "ROUTE_NOT_FOUND", message)
}

/// The path exists, but not with this method. The `Allow` header is added by the router.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    let message = format!("{path} does not take {method}");
    Problem::new(ErrorStatus::InvalidArgument, "METHOD_NOT_ALLOWED", message).coded(StatusCode::METHOD_NOT_ALLOWED)
}

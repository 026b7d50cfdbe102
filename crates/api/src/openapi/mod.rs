//! The OpenAPI 3.1 document: written from the table of endpoints, never by hand.

mod operation;
pub(crate) mod schema;

use serde_json::{Map, Value, json};

pub(crate) use operation::Operation;

/// The whole document.
pub(crate) fn document(paths: Map<String, Value>, mut schemas: Map<String, Value>) -> Value {
    schemas.insert("Error".into(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "flowswitch",
            "description": "Calls, flows and their resources. Times are UTC; an unset id is the nil UUID.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"token": []}, {"accesskey": []}, {"token_cookie": []}, {"accesskey_cookie": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "an access key or a token of POST /auth/login"},
                "token": {"type": "apiKey", "in": "query", "name": "token"},
                "accesskey": {"type": "apiKey", "in": "query", "name": "accesskey"},
                "token_cookie": {"type": "apiKey", "in": "cookie", "name": "token"},
                "accesskey_cookie": {"type": "apiKey", "in": "cookie", "name": "accesskey"},
            },
        },
    })
}

fn error() -> Value {
    let statuses = [
        "INVALID_ARGUMENT",
        "UNAUTHENTICATED",
        "PERMISSION_DENIED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "FAILED_PRECONDITION",
        "RESOURCE_EXHAUSTED",
        "UNAVAILABLE",
        "INTERNAL",
    ];
    let body = json!({
        "type": "object",
        "required": ["status", "reason", "message", "request_id"],
        "properties": {
            "status": {"enum": statuses},
            "reason": {"type": "string", "description": "for programs, such as FLOW_NOT_FOUND"},
            "message": {"type": "string", "description": "for people"},
            "request_id": {"type": "string", "description": "finds the request in the server's log"},
            "details": {"type": "array", "items": {"type": "object"}, "description": "such as the field that is wrong"},
        },
    });
    json!({"type": "object", "required": ["error"], "properties": {"error": body}})
}

//! Request bodies: JSON of the right type, size and depth, and if something is wrong the field that it is in. A field that is null
//! is as good as not there: some programs write so what they have not got. A number says no more than its value: 5.0 is 5.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use model::{ErrorStatus, Mismatch};
use serde::de::{DeserializeOwned, Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// Longest body, bytes: that of the longest flow document.
pub(crate) const MAX_BYTES: usize = flow::MAX_DOCUMENT_BYTES;
/// Longest time that it may take to come.
const BODY_TIME: Duration = Duration::from_secs(30);
/// Deepest nesting: a flow document inside of an object.
const MAX_DEPTH: usize = flow::MAX_DEPTH + 1;

/// A body read as `T`.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

/// A body that may be left out: then all of its fields are.
#[derive(Debug)]
pub(crate) struct OptionalBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default, S: Send + Sync> FromRequest<S> for OptionalBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<OptionalBody<T>, Problem> {
        check_type(request.headers())?;
        let octets = read(request.into_body()).await?;
        if octets.is_empty() { Ok(OptionalBody(T::default())) } else { parse(&octets).map(OptionalBody) }
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<JsonBody<T>, Problem> {
        check_type(request.headers())?;
        let octets = read(request.into_body()).await?;
        parse(&octets).map(JsonBody)
    }
}

/// The whole body, if it is not too long.
async fn read(body: Body) -> Result<bytes::Bytes, Problem> {
    use http_body_util::{BodyExt, LengthLimitError, Limited};
    let collected = tokio::time::timeout(BODY_TIME, Limited::new(body, MAX_BYTES).collect()).await;
    let Ok(collected) = collected else {
        let message = format!("the body did not come within {} s", BODY_TIME.as_secs());
        let problem = Problem::new(ErrorStatus::InvalidArgument, "INVALID_JSON_BODY", message);
        return Err(problem.coded(StatusCode::REQUEST_TIMEOUT));
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            let message = format!("the body is longer than {MAX_BYTES} bytes");
            let problem = Problem::new(ErrorStatus::InvalidArgument, "INVALID_ARGUMENT", message);
            Err(problem.coded(StatusCode::PAYLOAD_TOO_LARGE))
        }
        Err(_) => Err(Problem::new(ErrorStatus::InvalidArgument, "INVALID_JSON_BODY", "the body ended too soon")),
    }
}

/// `application/json`, something that ends with `+json`, or nothing at all.
fn check_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let kind = kind.to_str().unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json")) {
        return Ok(());
    }
    let message = "the body must be JSON, and the header Content-Type: application/json must say so";
    let problem = Problem::new(ErrorStatus::InvalidArgument, "INVALID_ARGUMENT", message);
    Err(problem.coded(StatusCode::UNSUPPORTED_MEDIA_TYPE))
}

fn parse<T: DeserializeOwned>(octets: &[u8]) -> Result<T, Problem> {
    let invalid = |message: String| Problem::new(ErrorStatus::InvalidArgument, "INVALID_JSON_BODY", message);
    if let Some(at) = too_deep(octets) {
        let (line, column) = place(&octets[..at]);
        let message = format!("the body is nested deeper than {MAX_DEPTH} levels at line {line} column {column}");
        return Err(at_place(invalid(message), line, column));
    }
    if octets.iter().find(|byte| !byte.is_ascii_whitespace()).is_none_or(|byte| *byte != b'{') {
        return Err(invalid("the body must be a JSON object".into()));
    }
    let Fields(fields) = serde_json::from_slice(octets).map_err(|error| {
        let problem = invalid(format!("the body is not valid JSON: {error}"));
        at_place(problem, error.line(), error.column())
    })?;
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let field = error.path().to_string();
        let what = in_words(error.into_inner().to_string());
        match field == "." {
            true => invalid(format!("the body is not as described: {what}")),
            false => Problem { reason: "INVALID_JSON_BODY", ..Problem::field(&field, format!("{field}: {what}")) },
        }
    })
}

/// What a message of serde says, in words of JSON.
fn in_words(message: String) -> String {
    match Mismatch::read(&message) {
        Some(Mismatch { found, allowed }) if found.is_empty() => format!("it must be {allowed}"),
        Some(Mismatch { found, allowed }) => format!("it is {found}, and must be {allowed}"),
        None => message,
    }
}

/// Says where in the body it is.
fn at_place(mut problem: Problem, line: usize, column: usize) -> Problem {
    problem.details.push(json!({"line": line, "column": column}));
    problem
}

/// Line and column, counted in bytes from 1, of what stands behind this text.
fn place(before: &[u8]) -> (usize, usize) {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = before.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    (line, column)
}

/// The fields of the body's object that say something.
struct Fields(Map<String, Value>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fields, D::Error> {
        struct EachOnce;
        impl<'de> Visitor<'de> for EachOnce {
            type Value = Fields;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Fields, A::Error> {
                let mut fields = Map::new();
                while let Some((name, value)) = access.next_entry::<String, Value>()? {
                    if fields.contains_key(&name) {
                        return Err(A::Error::custom(format!("the field {name} is there twice")));
                    }
                    fields.insert(name, whole(value));
                }
                fields.retain(|_, value| !value.is_null());
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(EachOnce)
    }
}

/// A number without a fraction as an integer, however it was written; beyond 2^53 a float does not say which integer it is.
fn whole(value: Value) -> Value {
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    match value.as_f64() {
        Some(number) if value.is_f64() && number.fract() == 0.0 && number.abs() <= EXACT_MAX => (number as i64).into(),
        _ => value,
    }
}

/// Counts brackets outside of strings, so that the parser never sees what is too deep. The bracket that is one too many.
fn too_deep(text: &[u8]) -> Option<usize> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match (in_string, byte) {
            (true, _) if escaped => escaped = false,
            (true, b'\\') => escaped = true,
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Some(at);
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

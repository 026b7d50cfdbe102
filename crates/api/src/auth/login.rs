//! `POST /auth/login`: a name and a password for a token.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use model::{ErrorStatus, Resource};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::password::{self, MAX_BYTES};
use super::token::{Tokens, VALID_S};
use crate::endpoints::Endpoints;
use crate::json_body::JsonBody;
use crate::openapi::schema;
use crate::problem::Problem;
use crate::repository::Kind;
use crate::service::Api;

/// Logins that may wait for their turn; more are sent away.
const WAITING_MAX: usize = 32;

/// What logins share. A hash takes time and memory, so two are computed at a time.
pub(crate) struct LoginGate {
    pub(crate) tokens: Tokens,
    turns: Semaphore,
    places: Semaphore,
}

impl LoginGate {
    pub(crate) fn new(secret: &[u8]) -> LoginGate {
        LoginGate { tokens: Tokens::new(secret), turns: Semaphore::new(2), places: Semaphore::new(WAITING_MAX) }
    }
}

/// The body.
#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct LoginRequest {
    username: String,
    password: String,
}

pub(crate) fn schemas(endpoints: &mut Endpoints) {
    let body = [("username", schema::some(255)), ("password", schema::some(255))];
    endpoints.schema("LoginRequest", schema::body(&body, &["username", "password"]));
    endpoints.schema("Login", schema::answer(&[("username", schema::text()), ("token", schema::text())]));
}

pub(crate) async fn login(
    State(api): State<Arc<Api>>,
    JsonBody(request): JsonBody<LoginRequest>,
) -> Result<Response, Problem> {
    for (name, value) in [("username", &request.username), ("password", &request.password)] {
        if value.is_empty() {
            return Err(Problem::missing(name));
        }
        if value.len() > MAX_BYTES {
            return Err(Problem::field(name, format!("{name} is longer than {MAX_BYTES} bytes")));
        }
    }
    let busy = || {
        let mut problem =
            Problem::new(ErrorStatus::ResourceExhausted, "RATE_LIMIT_EXCEEDED", "too many logins at once");
        problem.retry_after = Some(1);
        problem
    };
    let _place = api.login.places.try_acquire().map_err(|_| busy())?;
    let username = request.username.clone();
    let found = api.ask(move |repository| repository.find(Kind::Agent, Uuid::nil(), &username)).await?;
    let agent = match found {
        Some(Resource::Agent(agent)) if agent.tm_delete.is_none() => Some(agent),
        _ => None,
    };
    let hash = agent.as_ref().map_or_else(|| password::NOBODY.to_owned(), |agent| agent.password_hash.clone());
    let _turn = api.login.turns.acquire().await.map_err(Problem::internal)?;
    let fits = tokio::task::spawn_blocking(move || password::is_password(&request.password, &hash));
    let fits = fits.await.map_err(Problem::internal)?;
    match agent {
        Some(agent) if fits => {
            let token = api.login.tokens.sign(&agent);
            let token = token.ok_or_else(|| Problem::internal("a token could not be signed"))?;
            let mut headers = HeaderMap::new();
            let cookie = format!("token={token}; Path=/; Max-Age={VALID_S}; HttpOnly; Secure; SameSite=Strict");
            headers.insert(header::SET_COOKIE, HeaderValue::try_from(cookie).map_err(Problem::internal)?);
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            Ok((headers, Json(json!({"username": agent.username, "token": token}))).into_response())
        }
        _ => {
            let message = "the username or the password is wrong";
            Err(Problem::new(ErrorStatus::InvalidArgument, "INVALID_CREDENTIALS", message))
        }
    }
}

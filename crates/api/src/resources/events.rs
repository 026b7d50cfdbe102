//! `GET /ws`: events as they happen (spec/resources.md §13).

use std::sync::Arc;

use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::Response;
use model::ErrorStatus;

use crate::auth::{Caller, Standing};
use crate::endpoints::Endpoints;
use crate::events::{Socket, Topics};
use crate::openapi::Operation;
use crate::problem::Problem;
use crate::service::Api;

/// Longest message of a client, bytes.
const MESSAGE_MAX: usize = 64 * 1024;
/// A message that is too long is read up to this if it is one frame, so that the client, who is busy with sending, hears why it is
/// closed.
const FRAME_MAX: usize = 4 * MESSAGE_MAX;

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let operation = Operation::new("events", "Events as they happen, over a WebSocket").upgrades().refuses(&[426]);
    endpoints.get("/v1.0/ws", operation, subscribe);
}

async fn subscribe(
    State(api): State<Arc<Api>>,
    Caller(identity): Caller,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| Problem::upgrade_required())?;
    let topics = Topics::of(&identity);
    let subscription = api.events.subscribe().ok_or_else(|| {
        Problem::new(ErrorStatus::Unavailable, "SERVICE_UNAVAILABLE", "there are too many WebSockets at this time")
    })?;
    let upgrade = upgrade.max_message_size(MESSAGE_MAX).max_frame_size(FRAME_MAX);
    let standing = Standing::new(api, identity);
    Ok(upgrade.on_upgrade(move |stream| Socket::new(stream, standing, topics, subscription).run()))
}

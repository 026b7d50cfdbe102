//! `GET /sip`: what becomes a SIP connection, and what does not (RFC 7118 §4, RFC 6455 §4.2).

use std::sync::Arc;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use model::ErrorStatus;

use super::SipRefused;
use super::socket::{MESSAGE_MAX, Socket};
use crate::endpoints::Endpoints;
use crate::listener::Peer;
use crate::openapi::Operation;
use crate::problem::Problem;
use crate::service::Api;

/// The WebSocket subprotocol of SIP.
const SUBPROTOCOL: &str = "sip";
/// What is read at once. There may be thousands of connections, and messages are short.
const READ_BUFFER: usize = 8 * 1024;
/// When to come again where there is no room, seconds.
const RETRY_AFTER: u64 = 5;

pub(crate) fn endpoints(endpoints: &mut Endpoints) {
    let operation = Operation::new("sip", "SIP over a WebSocket of subprotocol sip (RFC 7118)");
    let operation = operation.public().upgrades().refuses(&[403, 426, 503]);
    endpoints.get("/sip", operation, upgrade);
}

async fn upgrade(
    State(api): State<Arc<Api>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let mut upgrade = upgrade.map_err(|_| Problem::upgrade_required())?;
    if !asks_for_sip(&headers) {
        let message = "this is for SIP over WebSocket: say Sec-WebSocket-Protocol: sip";
        return Err(Problem::new(ErrorStatus::InvalidArgument, "SUBPROTOCOL_REQUIRED", message));
    }
    if let Some(origin) = headers.get(header::ORIGIN)
        && !origin.to_str().is_ok_and(|origin| api.sip.allows_origin(origin))
    {
        let message = "pages of this origin may not connect";
        return Err(Problem::new(ErrorStatus::PermissionDenied, "ORIGIN_NOT_ALLOWED", message));
    }
    let local = peer.local.ok_or_else(|| Problem::internal("a connection without a local address"))?;
    let sip = api.sip.open(local, peer.address).map_err(refusal)?;
    // From here on it counts among the SIP connections.
    peer.presence.leave();
    upgrade.set_selected_protocol(HeaderValue::from_static(SUBPROTOCOL));
    let upgrade = upgrade.max_message_size(MESSAGE_MAX).max_frame_size(MESSAGE_MAX);
    let upgrade = upgrade.read_buffer_size(READ_BUFFER).write_buffer_size(0);
    let patience = api.sip.patience();
    Ok(upgrade.on_upgrade(move |stream: WebSocket| Socket::new(stream, sip, patience).run()))
}

/// Among the subprotocols, of which there may be several in one or several headers.
fn asks_for_sip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|name| name.trim() == SUBPROTOCOL)
}

fn refusal(refused: SipRefused) -> Problem {
    let problem = match refused {
        SipRefused::AddressFull => {
            Problem::new(ErrorStatus::ResourceExhausted, "TOO_MANY_CONNECTIONS", refused.to_string())
        }
        SipRefused::Full | SipRefused::Ending => {
            Problem::new(ErrorStatus::Unavailable, "SERVICE_UNAVAILABLE", refused.to_string())
        }
    };
    Problem { retry_after: Some(RETRY_AFTER), ..problem }
}

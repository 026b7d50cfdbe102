//! Confbridges: those of conferences, and those that are made by hand for `confbridge_join` (spec/resources.md §7).

use std::sync::Arc;

use axum::extract::State;
use model::{Confbridge, ConferenceStatus, ConferenceType, ErrorStatus, NO_AUTO_LEAVE};
use serde::Deserialize;
use serde_json::json;

use super::list::{self, Filters};
use crate::auth::Manager;
use crate::clock::{new_id, now};
use crate::control::Refused;
use crate::endpoints::Endpoints;
use crate::json_body::JsonBody;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id, Ids};
use crate::shown::Shown;
use crate::stored::{CallRecord, Stored};

const STATUSES: [&str; 3] = ["progressing", "terminating", "terminated"];
const FILTERS: Filters = Filters { reference_id: true, flow_id: false, status: &STATUSES };

/// The body of `POST /confbridges`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ConfbridgeRequest {
    #[serde(rename = "type")]
    kind: ConferenceType,
    flags: Vec<String>,
}

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let ids = || schema::many(schema::id());
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("type", schema::word(&["conference", "connect", "queue"])),
        ("status", schema::word(&STATUSES)),
        ("flags", schema::many(schema::word(&[NO_AUTO_LEAVE]))),
        ("channel_call_ids", ids()),
        ("recording_id", schema::id()),
        ("recording_ids", ids()),
        ("external_media_ids", ids()),
        ("reference_type", schema::text()),
        ("reference_id", schema::id()),
    ];
    endpoints.schema("Confbridge", schema::answer(&[fields.as_slice(), &schema::times()].concat()));
    let body = [
        ("type", schema::word(&["", "conference", "connect"])),
        ("flags", schema::many(schema::word(&[NO_AUTO_LEAVE]))),
    ];
    endpoints.schema("ConfbridgeRequest", schema::body(&body, &[]));

    let of = |summary| Operation::new("confbridges", summary);
    let list = FILTERS.describe(of("Lists confbridges").gives_page("Confbridge"));
    endpoints.get("/v1.0/confbridges", list, list_all);
    let create = of("Makes a confbridge").takes("ConfbridgeRequest").gives("Confbridge").refuses(&[503]);
    endpoints.post("/v1.0/confbridges", create, make);
    endpoints.get("/v1.0/confbridges/{id}", of("One confbridge").gives("Confbridge"), show);
    let delete = of("Shows everybody out and ends a confbridge that was made by hand");
    endpoints.delete("/v1.0/confbridges/{id}", delete.gives("Confbridge").refuses(&[409, 503]), close);
    let kick = of("Shows a call out; its flow goes on").gives("Confbridge").refuses(&[409, 503]);
    endpoints.post("/v1.0/confbridges/{id}/calls/{call_id}/kick", kick, kick_out);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Confbridge>(&api, &identity, &query, FILTERS).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Confbridge>(&api, &identity, id).await
}

async fn make(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(request): JsonBody<ConfbridgeRequest>,
) -> Result<Shown, Problem> {
    if request.kind == ConferenceType::Queue {
        return Err(Problem::field("type", "type queue is for the server itself; say conference or connect"));
    }
    let mut flags = request.flags;
    if let Some(unknown) = flags.iter().find(|flag| *flag != NO_AUTO_LEAVE) {
        return Err(Problem::field("flags", format!("unknown flag: {unknown}; expected: {NO_AUTO_LEAVE}")));
    }
    flags.dedup();
    api.room_for_one_more(&identity, Kind::Confbridge).await?;
    let confbridge = Confbridge {
        id: new_id(),
        customer_id: identity.customer_id,
        kind: request.kind,
        flags,
        tm_create: Some(now()),
        ..Confbridge::default()
    };
    let resource = confbridge.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "confbridge_created").await?;
    Ok(shown)
}

/// Everybody is shown out, and the record is marked when the last one has left.
async fn close(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let stored: Confbridge = api.own(&identity, id).await?;
    if !stored.is_by_hand() {
        return Err(belongs_elsewhere(&stored));
    }
    let is_over = |bridge: &Confbridge| bridge.status == ConferenceStatus::Terminated;
    if !is_over(&stored) {
        match api.control.close_confbridge(id).await {
            // Not found: it has ended by itself meanwhile.
            Ok(_) | Err(Refused::NotFound) => list::until_over(&api, &identity, id, is_over).await?,
            Err(refused) => return Err(Problem::refused(Kind::Confbridge, refused)),
        }
    }
    list::delete::<Confbridge>(&api, &identity, id, "confbridge_deleted", |_| {}).await
}

/// Only a conference ends its bridge.
fn belongs_elsewhere(bridge: &Confbridge) -> Problem {
    let (kind, id) = (&bridge.reference_type, bridge.reference_id);
    let message = format!("this confbridge belongs to {kind} {id} and ends with it");
    let mut problem = Problem::new(ErrorStatus::FailedPrecondition, "STATE_INVALID", message);
    problem.details.push(json!({"reference_type": kind, "reference_id": id}));
    problem
}

/// A call that is not in it, or no more, is none that could be shown out.
async fn kick_out(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Ids(id, call_id): Ids,
) -> Result<Shown, Problem> {
    api.alive::<Confbridge>(&identity, id).await?;
    api.own::<CallRecord>(&identity, call_id).await?;
    match api.control.kick_confbridge_call(id, call_id).await {
        Ok(bridge) => Ok(api.show(&bridge.into_resource())),
        Err(Refused::NotFound) => {
            let message = "the call is not in this confbridge";
            Err(Problem::new(ErrorStatus::FailedPrecondition, "STATE_INVALID", message))
        }
        Err(refused) => Err(Problem::refused(Kind::Confbridge, refused)),
    }
}

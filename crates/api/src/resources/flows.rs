//! Flows (spec/flow.md §2, spec/resources.md §5).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use flow::Problem as FlowProblem;
use model::{Action, ErrorStatus, Flow, FlowType, action_id};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::direct_hash;
use super::list::{self, Filters};
use crate::auth::Manager;
use crate::clock::{self, new_id, now, random};
use crate::endpoints::Endpoints;
use crate::json_body::JsonBody;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::shown::Shown;
use crate::stored::Stored;

/// The body of `POST /flows` and `PUT /flows/{id}`; the latter replaces the whole flow.
#[derive(Default, Deserialize)]
#[serde(default)]
struct FlowRequest {
    name: String,
    detail: String,
    /// Read and verified by the flow crate.
    actions: Value,
    on_complete_flow_id: Uuid,
}

/// The actions that stand in this field of a request, read and verified as everywhere.
pub(super) fn read_actions(field: &str, actions: Value) -> Result<Vec<Action>, Problem> {
    let refuse =
        |problems: Vec<FlowProblem>| refuse(problems.into_iter().map(|problem| problem.moved_to(field)).collect());
    let actions = flow::read_actions(actions, &mut random()).map_err(refuse)?;
    let verdict = flow::verify(&actions);
    if verdict.is_accepted() { Ok(actions) } else { Err(refuse(verdict.problems)) }
}

/// All problems in one refusal; the first gives the reason.
fn refuse(problems: Vec<FlowProblem>) -> Problem {
    let reason = problems.first().map_or("INVALID_ARGUMENT", |problem| problem.reason.as_str());
    let message = problems.first().map(ToString::to_string).unwrap_or_default();
    let message = match problems.len() {
        0 | 1 => message,
        more => format!("{message} (and {} more, see details)", more - 1),
    };
    let mut refusal = Problem::new(ErrorStatus::InvalidArgument, reason, message);
    refusal.details = problems
        .iter()
        .map(|problem| json!({"field": problem.json_path, "found": problem.what, "expected": problem.expected}))
        .collect();
    refusal
}

fn action_schema() -> Value {
    let fields = [
        ("id", schema::text()),
        ("next_id", schema::text()),
        ("type", schema::text()),
        ("option", json!({})),
        ("tm_execute", schema::moment()),
    ];
    schema::object(&fields, &["id", "next_id", "type"])
}

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    endpoints.schema("Action", action_schema());
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("type", schema::text()),
        ("name", schema::text()),
        ("detail", schema::text()),
        ("actions", schema::many(schema::reference("Action"))),
        ("on_complete_flow_id", schema::id()),
        ("direct_hash", schema::text()),
    ];
    endpoints.schema("Flow", schema::answer(&[fields.as_slice(), &schema::times()].concat()));
    let kind = json!({"type": "string",
        "description": "the name of an action, such as answer, play, digits_receive, branch or hangup"});
    let action_id = || schema::bytes(0, action_id::MAX_BYTES);
    let action = [("id", action_id()), ("next_id", action_id()), ("type", kind), ("option", schema::free())];
    endpoints.schema("ActionRequest", schema::object(&action, &["type"]));
    let body = [
        ("name", schema::text()),
        ("detail", schema::text()),
        ("actions", schema::many(schema::reference("ActionRequest"))),
        ("on_complete_flow_id", schema::id()),
    ];
    endpoints.schema("FlowRequest", schema::body(&body, &[]));

    let of = |summary| Operation::new("flows", summary);
    endpoints.get("/v1.0/flows", of("Lists flows").gives_page("Flow"), list_all);
    endpoints.post("/v1.0/flows", of("Makes a flow").takes("FlowRequest").gives("Flow").refuses(&[404]), create);
    endpoints.get("/v1.0/flows/{id}", of("One flow").gives("Flow"), show);
    let update = of("Replaces a flow; calls that run keep the one they began with").takes("FlowRequest").gives("Flow");
    endpoints.put("/v1.0/flows/{id}", update, replace);
    endpoints.delete("/v1.0/flows/{id}", of("Deletes a flow; calls that run keep it"), delete);
    let regenerate = of("Draws a new direct hash").gives("Flow");
    endpoints.post("/v1.0/flows/{id}/direct-hash-regenerate", regenerate, regenerate_hash);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Flow>(&api, &identity, &query, Filters::default()).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Flow>(&api, &identity, id).await
}

async fn create(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(request): JsonBody<FlowRequest>,
) -> Result<Shown, Problem> {
    let actions = read_actions("actions", request.actions)?;
    api.room_for_one_more(&identity, Kind::Flow).await?;
    let flow = Flow {
        id: new_id(),
        customer_id: identity.customer_id,
        kind: FlowType::Flow,
        name: request.name,
        detail: request.detail,
        actions: actions.into(),
        on_complete_flow_id: request.on_complete_flow_id,
        direct_hash: clock::direct_hash(),
        tm_create: Some(now()),
        ..Flow::default()
    };
    let resource = flow.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "flow_created").await?;
    Ok(shown)
}

async fn replace(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    JsonBody(request): JsonBody<FlowRequest>,
) -> Result<Shown, Problem> {
    let actions = read_actions("actions", request.actions)?;
    let _turn = api.turn(id).await;
    let before: Flow = api.alive(&identity, id).await?;
    let flow = Flow {
        name: request.name,
        detail: request.detail,
        actions: actions.into(),
        on_complete_flow_id: request.on_complete_flow_id,
        tm_update: Some(now()),
        ..before
    };
    let resource = flow.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "flow_updated").await?;
    Ok(shown)
}

async fn delete(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<StatusCode, Problem> {
    list::without_body(list::delete::<Flow>(&api, &identity, id, "flow_deleted", |_| {}).await)
}

async fn regenerate_hash(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
) -> Result<Shown, Problem> {
    direct_hash::regenerate::<Flow>(&api, &identity, id, "flow_updated").await
}

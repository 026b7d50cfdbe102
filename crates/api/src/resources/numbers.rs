//! Numbers and the flows that they run (spec/resources.md §9).

use std::sync::Arc;

use axum::extract::State;
use model::{ErrorStatus, Flow, NUMBER_FORM, NUMBER_MAX, Number, NumberStatus, NumberType, VIRTUAL_PREFIX, is_number};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::list::{self, Filters};
use crate::auth::{Identity, Manager};
use crate::clock::{new_id, now};
use crate::endpoints::Endpoints;
use crate::json_body::JsonBody;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::shown::Shown;
use crate::stored::Stored;

/// The body of `POST /numbers`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NumberRequest {
    number: String,
    #[serde(rename = "type")]
    kind: NumberType,
    call_flow_id: Uuid,
    message_flow_id: Uuid,
    name: String,
    detail: String,
}

/// The body of `PUT /numbers/{id}` and `PUT /numbers/{id}/flow_ids`. What is not there stays as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct NumberUpdate {
    call_flow_id: Option<Uuid>,
    message_flow_id: Option<Uuid>,
    name: Option<String>,
    detail: Option<String>,
}

/// The body of `PUT /numbers/{id}/metadata`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MetadataUpdate {
    rtp_debug: Option<bool>,
}

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let metadata = [("rtp_debug", schema::flag())];
    endpoints.schema("NumberMetadata", schema::answer(&metadata));
    endpoints.schema("NumberMetadataUpdate", schema::body(&metadata, &[]));
    let flow_ids = [("call_flow_id", schema::id()), ("message_flow_id", schema::id())];
    let texts = [("name", schema::text()), ("detail", schema::text())];
    let kind = ("type", schema::word(&["normal", "virtual"]));
    let answer = [
        &[("id", schema::id()), ("customer_id", schema::id()), ("number", schema::text()), kind.clone()],
        flow_ids.as_slice(),
        &texts,
        &[("status", schema::word(&["active", "deleted"]))],
        &[("t38_enabled", schema::flag()), ("emergency_enabled", schema::flag())],
        &[("tm_purchase", schema::moment()), ("tm_renew", schema::moment())],
        &[("metadata", schema::reference("NumberMetadata"))],
        &schema::times(),
    ];
    endpoints.schema("Number", schema::answer(&answer.concat()));
    // Any character counts for up to four bytes, and those of one byte are one.
    let plain = format!("^[!#-9:=?A-~]{{1,{NUMBER_MAX}}}$");
    let any = format!(r#"^[^\s\u0000-\u001f\u007f-\u009f@;<>"]{{1,{}}}$"#, NUMBER_MAX / 4);
    let number = json!({"type": "string", "anyOf": [{"pattern": plain}, {"pattern": any}],
        "description": "what is dialled: E.164, or any text without spaces and @ ; < > \""});
    let request = [&[("number", number), kind], flow_ids.as_slice(), &texts].concat();
    endpoints.schema("NumberRequest", schema::body(&request, &["number"]));
    endpoints.schema("NumberUpdate", schema::body(&[flow_ids.as_slice(), &texts].concat(), &[]));
    endpoints.schema("NumberFlowIds", schema::body(&flow_ids, &[]));

    let of = |summary| Operation::new("numbers", summary);
    endpoints.get("/v1.0/numbers", of("Lists numbers").gives_page("Number"), list_all);
    let create = of("Makes a number").takes("NumberRequest").gives("Number").refuses(&[404, 409]);
    endpoints.post("/v1.0/numbers", create, make);
    endpoints.get("/v1.0/numbers/{id}", of("One number").gives("Number"), show);
    endpoints.put("/v1.0/numbers/{id}", of("Changes a number").takes("NumberUpdate").gives("Number"), change);
    let flow_ids = of("Says which flows a number runs").takes("NumberFlowIds").gives("Number");
    endpoints.put("/v1.0/numbers/{id}/flow_ids", flow_ids, change);
    let metadata = of("Notes something of a number").takes("NumberMetadataUpdate").gives("Number");
    endpoints.put("/v1.0/numbers/{id}/metadata", metadata, note);
    endpoints.delete("/v1.0/numbers/{id}", of("Gives a number up").gives("Number"), remove);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Number>(&api, &identity, &query, Filters::default()).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Number>(&api, &identity, id).await
}

async fn make(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(request): JsonBody<NumberRequest>,
) -> Result<Shown, Problem> {
    if request.number.is_empty() {
        return Err(Problem::missing("number"));
    }
    if !is_number(&request.number) {
        return Err(Problem::field("number", format!("number must be {NUMBER_FORM}")));
    }
    if !request.kind.allows(&request.number) {
        return Err(Problem::field("number", format!("a virtual number begins with {VIRTUAL_PREFIX}")));
    }
    check_flow(&api, &identity, "call_flow_id", request.call_flow_id).await?;
    check_flow(&api, &identity, "message_flow_id", request.message_flow_id).await?;
    api.room_for_one_more(&identity, Kind::Number).await?;
    let _turn = api.turn(&request.number).await;
    let number = request.number.clone();
    if api.ask(move |repository| repository.find(Kind::Number, Uuid::nil(), &number)).await?.is_some() {
        let message = format!("there is a number {} already", request.number);
        return Err(Problem::new(ErrorStatus::AlreadyExists, "ALREADY_EXISTS", message));
    }
    let at = now();
    let number = Number {
        id: new_id(),
        customer_id: identity.customer_id,
        number: request.number,
        kind: request.kind,
        call_flow_id: request.call_flow_id,
        message_flow_id: request.message_flow_id,
        name: request.name,
        detail: request.detail,
        tm_purchase: Some(at),
        tm_create: Some(at),
        ..Number::default()
    };
    let resource = number.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "number_created").await?;
    Ok(shown)
}

async fn change(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    JsonBody(request): JsonBody<NumberUpdate>,
) -> Result<Shown, Problem> {
    let _turn = api.turn(id).await;
    let mut number: Number = api.alive(&identity, id).await?;
    for (field, flow_id) in [("call_flow_id", request.call_flow_id), ("message_flow_id", request.message_flow_id)] {
        check_flow(&api, &identity, field, flow_id.unwrap_or_default()).await?;
    }
    number.call_flow_id = request.call_flow_id.unwrap_or(number.call_flow_id);
    number.message_flow_id = request.message_flow_id.unwrap_or(number.message_flow_id);
    number.name = request.name.unwrap_or(number.name);
    number.detail = request.detail.unwrap_or(number.detail);
    number.tm_update = Some(now());
    let resource = number.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "number_updated").await?;
    Ok(shown)
}

async fn note(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    JsonBody(request): JsonBody<MetadataUpdate>,
) -> Result<Shown, Problem> {
    let _turn = api.turn(id).await;
    let mut number: Number = api.alive(&identity, id).await?;
    number.metadata.rtp_debug = request.rtp_debug.unwrap_or(number.metadata.rtp_debug);
    number.tm_update = Some(now());
    let resource = number.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "number_updated").await?;
    Ok(shown)
}

async fn remove(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let give_up = |number: &mut Number| number.status = NumberStatus::Deleted;
    list::delete::<Number>(&api, &identity, id, "number_deleted", give_up).await
}

/// A flow that a resource names must be there; nil names none.
async fn check_flow(api: &Api, identity: &Identity, field: &str, id: Uuid) -> Result<(), Problem> {
    if id.is_nil() {
        return Ok(());
    }
    api.alive::<Flow>(identity, id).await.map(|_| ()).map_err(|mut problem| {
        problem.details.push(json!({ "field": field }));
        problem
    })
}

//! Calls (spec/resources.md §4).

use std::sync::Arc;

use axum::extract::State;
use model::CallStatus;
use serde_json::json;

use super::list::{self, Filters};
use crate::auth::Manager;
use crate::control::Refused;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::shown::Shown;
use crate::stored::{CallRecord, Stored};

const STATUSES: [&str; 6] = ["dialing", "ringing", "progressing", "terminating", "canceling", "hangup"];
const FILTERS: Filters = Filters { reference_id: true, flow_id: true, status: &STATUSES };

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let ids = || schema::many(schema::id());
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("owner_type", schema::text()),
        ("owner_id", schema::id()),
        ("flow_id", schema::id()),
        ("activeflow_id", schema::id()),
        ("type", schema::word(&["flow", "conference", "sip-service"])),
        ("master_call_id", schema::id()),
        ("chained_call_ids", ids()),
        ("recording_id", schema::id()),
        ("recording_ids", ids()),
        ("groupcall_id", schema::id()),
        ("confbridge_id", schema::id()),
        ("source", schema::reference("Address")),
        ("destination", schema::reference("Address")),
        ("status", schema::word(&STATUSES)),
        ("action", json!({"type": "object", "description": "the action it is at; empty when there is none"})),
        ("metadata", schema::free()),
        ("direction", schema::word(&["incoming", "outgoing"])),
        ("mute_direction", schema::word(&["", "both", "in", "out"])),
        ("hangup_by", schema::word(&["", "remote", "local"])),
        ("hangup_reason", schema::text()),
        ("tm_ringing", schema::moment()),
        ("tm_progressing", schema::moment()),
        ("tm_hangup", schema::moment()),
    ];
    endpoints.schema("Address", schema::address());
    endpoints.schema("Call", schema::answer(&[fields.as_slice(), &schema::times()].concat()));

    let of = |summary| Operation::new("calls", summary);
    endpoints.get("/v1.0/calls", FILTERS.describe(of("Lists calls").gives_page("Call")), list_all);
    endpoints.get("/v1.0/calls/{id}", of("One call").gives("Call"), show);
    let hangup = of("Hangs up").gives("Call").refuses(&[409, 503]);
    endpoints.post("/v1.0/calls/{id}/hangup", hangup, hang_up);
    let delete = of("Hangs up if needed, then deletes").gives("Call").refuses(&[409, 503]);
    endpoints.delete("/v1.0/calls/{id}", delete, remove);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<CallRecord>(&api, &identity, &query, FILTERS).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<CallRecord>(&api, &identity, id).await
}

async fn hang_up(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let record: CallRecord = api.own(&identity, id).await?;
    let call = end(&api, &record).await?;
    Ok(api.show(&CallRecord { call, action: record.action }.into_resource()))
}

/// The call as it is once told to end.
async fn end(api: &Api, record: &CallRecord) -> Result<model::Call, Problem> {
    if record.call.status == CallStatus::Hangup {
        return Err(Problem::refused(Kind::Call, Refused::AlreadyHangup));
    }
    match api.control.hang_up(record.call.id).await {
        Ok(call) => Ok(call),
        // It is known, but runs no more: it ended while the request was on its way.
        Err(Refused::NotFound) => Err(Problem::refused(Kind::Call, Refused::AlreadyHangup)),
        Err(refused) => Err(Problem::refused(Kind::Call, refused)),
    }
}

async fn remove(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let record: CallRecord = api.own(&identity, id).await?;
    if record.call.status != CallStatus::Hangup {
        match end(&api, &record).await {
            Ok(_) => {}
            Err(problem) if problem.reason == "CALL_ALREADY_HANGUP" => {}
            Err(problem) => return Err(problem),
        }
        list::until_over(&api, &identity, id, |record: &CallRecord| record.call.status == CallStatus::Hangup).await?;
    }
    // The end of a recording, of which its call tells, comes behind the call's own. If it does not come, so be it.
    list::comes_true(&api, &identity, id, |record: &CallRecord| record.call.recording_id.is_nil()).await?;
    list::delete::<CallRecord>(&api, &identity, id, "call_deleted", |_| {}).await
}

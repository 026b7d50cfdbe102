//! `GET /timelines/{calls|activeflows|conferences|flows}/{id}/events`: what happened, oldest first (spec/resources.md §14).

use std::sync::Arc;

use axum::extract::State;
use model::{Activeflow, Conference, Flow};
use uuid::Uuid;

use crate::auth::Manager;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::paging;
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::TimelineOf;
use crate::service::{Api, Id};
use crate::shape::write_json;
use crate::shown::Shown;
use crate::stored::CallRecord;

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let entry = [
        ("timestamp", schema::text()),
        ("event_type", schema::text()),
        ("message", schema::text()),
        ("data", schema::free()),
    ];
    endpoints.schema("TimelineEvent", schema::object(&entry, &["timestamp", "event_type", "data"]));
    let of = |summary| Operation::new("timelines", summary).gives_page("TimelineEvent");
    endpoints.get("/v1.0/timelines/calls/{id}/events", of("What happened in a call, oldest first"), of_call);
    let activeflow = of("What happened in a run of a flow, oldest first");
    endpoints.get("/v1.0/timelines/activeflows/{id}/events", activeflow, of_activeflow);
    let conference = of("What became of a conference, and who came and left, oldest first");
    endpoints.get("/v1.0/timelines/conferences/{id}/events", conference, of_conference);
    endpoints.get("/v1.0/timelines/flows/{id}/events", of("What became of a flow, oldest first"), of_flow);
}

async fn of_call(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    query: Query,
) -> Result<Shown, Problem> {
    let _own: CallRecord = api.own(&identity, id).await?;
    events(&api, TimelineOf::Call, id, &query).await
}

async fn of_activeflow(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    query: Query,
) -> Result<Shown, Problem> {
    let _own: Activeflow = api.own(&identity, id).await?;
    events(&api, TimelineOf::Activeflow, id, &query).await
}

async fn of_conference(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    query: Query,
) -> Result<Shown, Problem> {
    let _own: Conference = api.own(&identity, id).await?;
    events(&api, TimelineOf::Conference, id, &query).await
}

async fn of_flow(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    query: Query,
) -> Result<Shown, Problem> {
    let _own: Flow = api.own(&identity, id).await?;
    events(&api, TimelineOf::Flow, id, &query).await
}

/// The token is the sequence number of the last entry that was shown.
async fn events(api: &Api, of: TimelineOf, id: Uuid, query: &Query) -> Result<Shown, Problem> {
    let limit = paging::page_size(query);
    let after = match query.get("page_token") {
        None => 0,
        Some(token) => token
            .parse()
            .map_err(|_| Problem::parameter("page_token", "page_token must be the next_page_token of a page before"))?,
    };
    let entries = api.ask(move |repository| repository.timeline(of, id, after, limit)).await?;
    let token = match entries.last() {
        Some((sequence, _)) if entries.len() >= limit => sequence.to_string(),
        _ => String::new(),
    };
    let shape = api.config.shape;
    Ok(Shown::page(&entries, &token, |(_, entry), text| write_json(&shape.event(entry.to_timeline()), text)))
}

//! Activeflows, runs of flows (spec/flow.md §4, spec/resources.md §5).

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use model::{Activeflow, ActiveflowStatus};
use serde_json::json;

use super::list::{self, Filters};
use crate::auth::{Identity, Manager};
use crate::control::Refused;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::shown::Shown;
use crate::stored::Stored;

const FILTERS: Filters = Filters { reference_id: true, flow_id: true, status: &["running", "ended"] };

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let actions = || schema::many(schema::reference("Action"));
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("flow_id", schema::id()),
        ("status", schema::word(&["running", "ended"])),
        ("reference_type", schema::text()),
        ("reference_id", schema::id()),
        ("reference_activeflow_id", schema::id()),
        ("on_complete_flow_id", schema::id()),
        ("webhook_uri", schema::text()),
        ("webhook_method", schema::text()),
        ("current_action", schema::reference("Action")),
        ("forward_action_id", schema::text()),
        ("executed_actions", actions()),
        ("executed_count", schema::count()),
        ("actions", actions()),
    ];
    endpoints.schema("Activeflow", schema::answer(&[fields.as_slice(), &schema::times()].concat()));
    let of = |summary| Operation::new("activeflows", summary);
    let list = FILTERS.describe(of("Lists runs of flows").gives_page("Activeflow"));
    endpoints.get("/v1.0/activeflows", list, list_all);
    endpoints.get("/v1.0/activeflows/{id}", of("One run of a flow").gives("Activeflow"), show);
    let delete = of("Ends a run if needed, then deletes it").refuses(&[409, 503]);
    endpoints.delete("/v1.0/activeflows/{id}", delete, remove);
    let stop = of("Ends a run; its call is hung up").gives("Activeflow").refuses(&[409, 503]);
    endpoints.post("/v1.0/activeflows/{id}/stop", stop, stop_one);
    let strings = json!({"type": "object", "additionalProperties": schema::text()});
    let shown = json!({
        "type": "object",
        "properties": {"id": schema::id(), "variables": strings},
        "required": ["id", "variables"],
    });
    let variables =
        of("The variables of a run, and of one that ended not long ago").gives_inline(shown).refuses(&[409, 503]);
    endpoints.get("/v1.0/activeflows/{id}/variables", variables, show_variables);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Activeflow>(&api, &identity, &query, FILTERS).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Activeflow>(&api, &identity, id).await
}

/// What has ended already is answered as it is.
async fn stop_one(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let stored: Activeflow = api.own(&identity, id).await?;
    let activeflow = stopped(&api, &identity, stored).await?;
    Ok(api.show(&activeflow.into_resource()))
}

async fn remove(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<StatusCode, Problem> {
    let stored: Activeflow = api.own(&identity, id).await?;
    if stored.is_deleted() {
        return Ok(StatusCode::NO_CONTENT);
    }
    stopped(&api, &identity, stored).await?;
    // The loops' last word is on its way to the repository.
    list::until_over(&api, &identity, id, is_over).await?;
    list::without_body(list::delete::<Activeflow>(&api, &identity, id, "activeflow_deleted", |_| {}).await)
}

fn is_over(run: &Activeflow) -> bool {
    run.status == ActiveflowStatus::Ended
}

async fn stopped(api: &Api, identity: &Identity, stored: Activeflow) -> Result<Activeflow, Problem> {
    if is_over(&stored) {
        return Ok(stored);
    }
    match api.control.stop_activeflow(stored.id).await {
        Ok(activeflow) => Ok(activeflow),
        // It ended a moment ago: its record will say so at any moment.
        Err(Refused::NotFound) => {
            list::until_over(api, identity, stored.id, is_over).await?;
            api.own(identity, stored.id).await
        }
        Err(refused) => Err(Problem::refused(Kind::Activeflow, refused)),
    }
}

async fn show_variables(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let _stored: Activeflow = api.own(&identity, id).await?;
    match api.control.activeflow_variables(id).await {
        Ok(variables) => Ok(json!({"id": id, "variables": variables}).into()),
        Err(Refused::NotFound) => Err(Problem::refused(Kind::Activeflow, Refused::StateInvalid)),
        Err(refused) => Err(Problem::refused(Kind::Activeflow, refused)),
    }
}

//! `POST /numbers/renew`. Nothing is paid here (spec/resources.md §9): that a number is renewed is written down, and told.

use std::sync::Arc;

use axum::extract::State;
use futures_util::future::try_join_all;
use model::{Number, Resource, Timestamp};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use crate::auth::{Identity, Manager};
use crate::clock::now;
use crate::endpoints::Endpoints;
use crate::json_body::JsonBody;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::repository::{After, Kind, Listing, PAGE_SIZE_MAX};
use crate::service::Api;
use crate::shown::Shown;
use crate::stored::Stored;

/// Most numbers that one request renews: as many as a page shows.
const RENEWED_MAX: usize = PAGE_SIZE_MAX;

/// The form in which times are written, for the document; others are read, too.
const MOMENT: &str = "^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$";

/// The body of `POST /numbers/renew`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RenewRequest {
    #[serde(deserialize_with = "model::optional_timestamp")]
    tm_renew: Option<Timestamp>,
}

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let before = json!({"type": "string", "pattern": MOMENT,
        "description": "a time in either form; those are due that were last renewed, or bought, before it"});
    endpoints.schema("NumberRenewRequest", schema::object(&[("tm_renew", before)], &["tm_renew"]));
    let renew = Operation::new("numbers", "Renews numbers that are due, at most 100; ask again until none is");
    endpoints.post("/v1.0/numbers/renew", renew.takes("NumberRenewRequest").gives_page("Number"), renew_due);
}

async fn renew_due(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(request): JsonBody<RenewRequest>,
) -> Result<Shown, Problem> {
    let before = request.tm_renew.ok_or_else(|| Problem::missing("tm_renew"))?;
    let due = due(&api, &identity, before).await?;
    let renewed = try_join_all(due.into_iter().map(|id| renew(&api, &identity, id, before))).await?;
    let renewed: Vec<_> = renewed.into_iter().flatten().collect();
    Ok(Shown::page(&renewed, "", |resource, text| api.config.shape.write_resource(resource, text)))
}

/// Whether a number was last renewed, or bought, before this moment.
fn is_due(number: &Number, before: Timestamp) -> bool {
    number.tm_renew.or(number.tm_purchase).or(number.tm_create).is_none_or(|at| at < before)
}

/// The numbers to be renewed.
async fn due(api: &Api, identity: &Identity, before: Timestamp) -> Result<Vec<Uuid>, Problem> {
    let mut listing = Listing::all(Kind::Number, identity.customer_id);
    api.ask(move |repository| {
        let mut due = Vec::new();
        loop {
            let page = repository.list(&listing)?;
            let full = page.len() == listing.limit;
            let last =
                page.last().map(|last| After { tm_create: last.tm_create().unwrap_or_default(), id: Some(last.id()) });
            let numbers = page.into_iter().filter_map(Number::from_resource);
            due.extend(numbers.filter(|number| is_due(number, before)).map(|number| number.id));
            if due.len() >= RENEWED_MAX || !full {
                due.truncate(RENEWED_MAX);
                return Ok(due);
            }
            listing.after = last;
        }
    })
    .await
}

/// The number as renewed; none if somebody else did so meanwhile, or gave it up.
async fn renew(api: &Api, identity: &Identity, id: Uuid, before: Timestamp) -> Result<Option<Resource>, Problem> {
    let _turn = api.turn(id).await;
    let number: Number = api.own(identity, id).await?;
    if number.is_deleted() || !is_due(&number, before) {
        return Ok(None);
    }
    let at = Some(now());
    let resource = Number { tm_renew: at, tm_update: at, ..number }.into_resource();
    api.keep(resource.clone(), "number_renewed").await?;
    Ok(Some(resource))
}

//! What most resources answer alike: lists, one by its id, deletion.

use std::time::Duration;

use axum::http::StatusCode;
use uuid::Uuid;

use crate::auth::Identity;
use crate::clock::now;
use crate::control::Refused;
use crate::openapi::{Operation, schema};
use crate::paging;
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Listing;
use crate::service::Api;
use crate::shown::Shown;
use crate::stored::Stored;

/// How long a deletion waits for the last record of what it has ended.
const LAST_RECORD: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(50);

/// What some lists can be narrowed by, here or in VoIPBIN. A list that does not take one of these says so: to show everything to who
/// asked for little would be worse. Names that narrow nothing anywhere mean nothing, as in VoIPBIN.
const NARROWING: [&str; 10] = [
    "activeflow_id",
    "conference_id",
    "confbridge_id",
    "direction",
    "flow_id",
    "owner_id",
    "reference_id",
    "reference_type",
    "status",
    "type",
];

/// The filters that a list takes.
#[derive(Clone, Copy, Default)]
pub(super) struct Filters {
    pub(super) reference_id: bool,
    pub(super) flow_id: bool,
    /// The words that `status` may be; none = no such filter.
    pub(super) status: &'static [&'static str],
}

impl Filters {
    /// Adds the filters to a list's description.
    pub(super) fn describe(self, mut operation: Operation) -> Operation {
        if self.reference_id {
            operation = operation.query("reference_id", schema::id(), "only those for this reference");
        }
        if self.flow_id {
            operation = operation.query("flow_id", schema::id(), "only those of this flow");
        }
        if !self.status.is_empty() {
            operation = operation.query("status", schema::word(self.status), "only those in this status");
        }
        operation
    }

    /// Refuses what the list cannot be narrowed by.
    pub(super) fn check(self, query: &Query) -> Result<(), Problem> {
        let takes = |name: &str| match name {
            "reference_id" => self.reference_id,
            "flow_id" => self.flow_id,
            "status" => !self.status.is_empty(),
            _ => false,
        };
        match query.names().find(|name| NARROWING.contains(name) && !takes(name)) {
            None => Ok(()),
            Some(name) => Err(Problem::parameter(name, format!("this list cannot be narrowed by {name}"))),
        }
    }
}

/// `GET /<collection>`
pub(super) async fn list<T: Stored>(
    api: &Api,
    identity: &Identity,
    query: &Query,
    filters: Filters,
) -> Result<Shown, Problem> {
    filters.check(query)?;
    let limit = paging::page_size(query);
    let listing = Listing {
        kind: T::KIND,
        customer_id: identity.customer_id,
        after: paging::after(query)?,
        limit,
        reference_id: if filters.reference_id { query.id("reference_id")? } else { None },
        flow_id: if filters.flow_id { query.id("flow_id")? } else { None },
        status: if filters.status.is_empty() { None } else { query.word("status", filters.status)? },
    };
    let shape = api.config.shape;
    api.ask(move |repository| {
        let found = repository.list(&listing)?;
        let last = found.last().filter(|_| found.len() >= limit);
        let token =
            last.map_or_else(String::new, |last| paging::token(shape, last.tm_create().unwrap_or_default(), last.id()));
        Ok(Shown::page(&found, &token, |resource, text| shape.write_resource(resource, text)))
    })
    .await
}

/// `GET /<collection>/{id}`
pub(super) async fn show<T: Stored>(api: &Api, identity: &Identity, id: Uuid) -> Result<Shown, Problem> {
    let found: T = api.own(identity, id).await?;
    Ok(api.show(&found.into_resource()))
}

/// `DELETE /<collection>/{id}` of what needs no more than to be marked. Twice answers like once.
pub(super) async fn delete<T: Stored>(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    event: &str,
    also: impl FnOnce(&mut T),
) -> Result<Shown, Problem> {
    let _turn = api.turn(id).await;
    let mut found: T = api.own(identity, id).await?;
    if found.is_deleted() {
        return Ok(api.show(&found.into_resource()));
    }
    found.delete(now());
    also(&mut found);
    let resource = found.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, event).await?;
    Ok(shown)
}

/// Waits until the record says that it is over: events of what is deleted would follow those of its deletion.
pub(super) async fn until_over<T: Stored>(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    is_over: impl Fn(&T) -> bool,
) -> Result<(), Problem> {
    match comes_true(api, identity, id, is_over).await? {
        true => Ok(()),
        false => Err(Problem::refused(T::KIND, Refused::Timeout)),
    }
}

/// Waits until something holds of a record; false if it does not within a few seconds.
pub(super) async fn comes_true<T: Stored>(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    holds: impl Fn(&T) -> bool,
) -> Result<bool, Problem> {
    let deadline = tokio::time::Instant::now() + LAST_RECORD;
    while !holds(&api.own::<T>(identity, id).await?) {
        if tokio::time::Instant::now() >= deadline {
            return Ok(false);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(true)
}

/// 204 in place of an answer with a body.
pub(super) fn without_body(answer: Result<Shown, Problem>) -> Result<StatusCode, Problem> {
    answer.map(|_| StatusCode::NO_CONTENT)
}

//! `GET /registrations`: the phones that are registered now. Not in VoIPBIN; the console shows it.

use std::cmp::Reverse;
use std::sync::Arc;

use axum::extract::State;
use model::{Binding, Timestamp};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::list::Filters;
use crate::auth::Manager;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::paging;
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::After;
use crate::service::Api;
use crate::shape::{Shape, write_json};
use crate::shown::Shown;

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let fields = [
        ("extension_id", schema::id()),
        ("customer_id", schema::id()),
        ("contact", schema::text()),
        ("received", schema::text()),
        ("user_agent", schema::text()),
        ("tm_create", schema::moment()),
        ("tm_expire", schema::moment()),
    ];
    endpoints.schema("Registration", schema::answer(&fields));
    let operation = Operation::new("registrations", "The phones that are registered now").gives_page("Registration");
    endpoints.get("/v1.0/registrations", operation, list_all);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    Filters::default().check(&query)?;
    let (limit, after) = (paging::page_size(&query), paging::after(&query)?);
    let is_behind = |(at, id): (Timestamp, Uuid)| match after {
        None => true,
        Some(After { tm_create, id: None }) => at < tm_create,
        Some(After { tm_create, id: Some(last) }) => (at, id) < (tm_create, last),
    };
    let bindings = api.control.live_registrations(identity.customer_id).await;
    let own = bindings.into_iter().filter(|binding| binding.customer_id == identity.customer_id);
    let mut found: Vec<_> = own.map(|binding| (position(&binding), binding)).filter(|(at, _)| is_behind(*at)).collect();
    found.sort_unstable_by_key(|(position, _)| Reverse(*position));
    found.truncate(limit);
    let shape = api.config.shape;
    let last = found.last().filter(|_| found.len() >= limit);
    let token = last.map_or_else(String::new, |((at, id), _)| paging::token(shape, *at, *id));
    Ok(Shown::page(&found, &token, |(_, binding), text| write_json(&shown(binding, shape), text)))
}

fn shown(binding: &Binding, shape: Shape) -> Value {
    json!({
        "extension_id": binding.extension_id,
        "customer_id": binding.customer_id,
        "contact": binding.contact,
        "received": binding.received,
        "user_agent": binding.user_agent,
        "tm_create": shape.timestamp(Timestamp::from_us(binding.created_us)),
        "tm_expire": shape.timestamp(Timestamp::from_us(binding.expires_us)),
    })
}

/// Where a list has it. A registration has no id; one is made of what only one can have, for those of the same time.
fn position(binding: &Binding) -> (Timestamp, Uuid) {
    let digest = Sha256::new().chain_update(binding.extension_id).chain_update(&binding.contact).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&digest[..16]);
    (Timestamp::from_us(binding.created_us), Uuid::from_bytes(id))
}

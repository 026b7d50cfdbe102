//! Access keys (spec/resources.md §2). The token is shown once, when the key is made.

use std::sync::Arc;

use axum::extract::State;
use model::{Accesskey, Timestamp};
use serde::Deserialize;

use super::list::{self, Filters};
use crate::auth::{Manager, NewToken};
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

/// Longest life, seconds: a hundred years.
pub const EXPIRE_MAX: u64 = 100 * 366 * 86_400;

/// The body of `POST /accesskeys`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AccesskeyRequest {
    name: String,
    detail: String,
    /// Seconds from now; 0 = never.
    expire: u64,
}

/// The body of `PUT /accesskeys/{id}`. What is not there stays as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct AccesskeyUpdate {
    name: Option<String>,
    detail: Option<String>,
}

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let texts = [("name", schema::text()), ("detail", schema::text())];
    let fields = [
        &[("id", schema::id()), ("customer_id", schema::id())],
        texts.as_slice(),
        &[("token_prefix", schema::text()), ("tm_expire", schema::moment())],
        &schema::times(),
    ]
    .concat();
    endpoints.schema("Accesskey", schema::answer(&fields));
    endpoints.schema("AccesskeyCreated", schema::answer(&[fields.as_slice(), &[("token", schema::text())]].concat()));
    let expire = serde_json::json!({"type": "integer", "minimum": 0, "maximum": EXPIRE_MAX,
        "description": "seconds from now; 0 = never"});
    endpoints.schema("AccesskeyRequest", schema::body(&[texts.as_slice(), &[("expire", expire)]].concat(), &[]));
    endpoints.schema("AccesskeyUpdate", schema::body(&texts, &[]));

    let of = |summary| Operation::new("accesskeys", summary);
    endpoints.get("/v1.0/accesskeys", of("Lists access keys").gives_page("Accesskey"), list_all);
    let create = of("Makes an access key").takes("AccesskeyRequest").gives("AccesskeyCreated");
    endpoints.post("/v1.0/accesskeys", create, make);
    endpoints.get("/v1.0/accesskeys/{id}", of("One access key").gives("Accesskey"), show);
    let update = of("Renames an access key").takes("AccesskeyUpdate").gives("Accesskey");
    endpoints.put("/v1.0/accesskeys/{id}", update, rename);
    endpoints.delete("/v1.0/accesskeys/{id}", of("Ends an access key").gives("Accesskey"), delete);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Accesskey>(&api, &identity, &query, Filters::default()).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Accesskey>(&api, &identity, id).await
}

async fn make(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(request): JsonBody<AccesskeyRequest>,
) -> Result<Shown, Problem> {
    if request.expire > EXPIRE_MAX {
        return Err(Problem::field("expire", format!("expire must be at most {EXPIRE_MAX} s")));
    }
    api.room_for_one_more(&identity, Kind::Accesskey).await?;
    let (token, at) = (NewToken::random(), now());
    let tm_expire = (request.expire > 0).then(|| Timestamp::from_us(at.as_us() + request.expire * 1_000_000));
    let key = Accesskey {
        id: new_id(),
        customer_id: identity.customer_id,
        name: request.name,
        detail: request.detail,
        token_prefix: token.prefix().to_owned(),
        token_hash: token.hash(),
        tm_expire,
        tm_create: Some(at),
        ..Accesskey::default()
    };
    let resource = key.into_resource();
    let mut shown = api.to_value(&resource);
    api.keep(resource, "accesskey_created").await?;
    shown["token"] = token.as_str().into();
    Ok(shown.into())
}

async fn rename(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    JsonBody(request): JsonBody<AccesskeyUpdate>,
) -> Result<Shown, Problem> {
    let _turn = api.turn(id).await;
    let mut key: Accesskey = api.alive(&identity, id).await?;
    key.name = request.name.unwrap_or(key.name);
    key.detail = request.detail.unwrap_or(key.detail);
    key.tm_update = Some(now());
    let resource = key.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "accesskey_updated").await?;
    Ok(shown)
}

async fn delete(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::delete::<Accesskey>(&api, &identity, id, "accesskey_deleted", |_| {}).await
}

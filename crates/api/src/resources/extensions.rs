//! Extensions: accounts of phones (spec/resources.md §9). Of a password only the digests are kept.

use std::sync::Arc;

use axum::extract::State;
use model::{EXTENSION_FORM, EXTENSION_MAX, ErrorStatus, Extension, PASSWORD_MAX, PasswordDigests, is_extension};
use serde::Deserialize;
use serde_json::json;
use sha2::Digest;

use super::direct_hash;
use super::list::{self, Filters};
use crate::auth::Manager;
use crate::clock::{self, hex, new_id, now};
use crate::endpoints::Endpoints;
use crate::json_body::JsonBody;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::shown::Shown;
use crate::stored::Stored;

/// The body of `POST /extensions`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ExtensionRequest {
    extension: String,
    password: String,
    name: String,
    detail: String,
}

/// The body of `PUT /extensions/{id}`. What is not there stays as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ExtensionUpdate {
    password: Option<String>,
    name: Option<String>,
    detail: Option<String>,
}

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let texts = [("name", schema::text()), ("detail", schema::text())];
    let answer = [
        &[("id", schema::id()), ("customer_id", schema::id()), ("extension", schema::text())],
        texts.as_slice(),
        &[("domain_name", schema::text()), ("username", schema::text()), ("direct_hash", schema::text())],
        &schema::times(),
    ];
    endpoints.schema("Extension", schema::answer(&answer.concat()));
    let extension = json!({"type": "string", "pattern": format!("^[A-Za-z0-9_.+*#-]{{1,{EXTENSION_MAX}}}$")});
    let password = || {
        let mut password = schema::bytes(1, PASSWORD_MAX);
        password["writeOnly"] = true.into();
        password
    };
    let request = [&[("extension", extension), ("password", password())], texts.as_slice()].concat();
    endpoints.schema("ExtensionRequest", schema::body(&request, &["extension", "password"]));
    endpoints.schema("ExtensionUpdate", schema::body(&[&[("password", password())], texts.as_slice()].concat(), &[]));

    let of = |summary| Operation::new("extensions", summary);
    endpoints.get("/v1.0/extensions", of("Lists extensions").gives_page("Extension"), list_all);
    let create = of("Makes an account for a phone").takes("ExtensionRequest").gives("Extension").refuses(&[409]);
    endpoints.post("/v1.0/extensions", create, make);
    endpoints.get("/v1.0/extensions/{id}", of("One extension").gives("Extension"), show);
    let update = of("Changes an extension").takes("ExtensionUpdate").gives("Extension");
    endpoints.put("/v1.0/extensions/{id}", update, change);
    endpoints.delete("/v1.0/extensions/{id}", of("Deletes an extension").gives("Extension"), remove);
    let regenerate = of("Draws a new direct hash").gives("Extension");
    endpoints.post("/v1.0/extensions/{id}/direct-hash-regenerate", regenerate, regenerate_hash);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Extension>(&api, &identity, &query, Filters::default()).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Extension>(&api, &identity, id).await
}

async fn make(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(request): JsonBody<ExtensionRequest>,
) -> Result<Shown, Problem> {
    if request.extension.is_empty() {
        return Err(Problem::missing("extension"));
    }
    if !is_extension(&request.extension) {
        return Err(Problem::field("extension", format!("extension must be {EXTENSION_FORM}")));
    }
    if request.password.is_empty() {
        return Err(Problem::missing("password"));
    }
    check_password(&request.password)?;
    api.room_for_one_more(&identity, Kind::Extension).await?;
    let _turn = api.turn(&request.extension).await;
    let (customer_id, name) = (identity.customer_id, request.extension.clone());
    if api.ask(move |repository| repository.find(Kind::Extension, customer_id, &name)).await?.is_some() {
        let message = format!("there is an extension {} already", request.extension);
        return Err(Problem::new(ErrorStatus::AlreadyExists, "ALREADY_EXISTS", message));
    }
    let domain_name = format!("{}.registrar.{}", identity.customer_id, api.config.base_domain);
    let extension = Extension {
        id: new_id(),
        customer_id: identity.customer_id,
        ha1: digests(&request.extension, &domain_name, &request.password),
        extension: request.extension,
        name: request.name,
        detail: request.detail,
        domain_name,
        direct_hash: clock::direct_hash(),
        tm_create: Some(now()),
        ..Extension::default()
    };
    let resource = extension.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "extension_created").await?;
    Ok(shown)
}

async fn change(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    JsonBody(request): JsonBody<ExtensionUpdate>,
) -> Result<Shown, Problem> {
    if let Some(password) = &request.password {
        check_password(password)?;
    }
    let _turn = api.turn(id).await;
    let mut extension: Extension = api.alive(&identity, id).await?;
    if let Some(password) = request.password {
        extension.ha1 = digests(&extension.extension, &extension.domain_name, &password);
    }
    extension.name = request.name.unwrap_or(extension.name);
    extension.detail = request.detail.unwrap_or(extension.detail);
    extension.tm_update = Some(now());
    let resource = extension.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "extension_updated").await?;
    Ok(shown)
}

async fn remove(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::delete::<Extension>(&api, &identity, id, "extension_deleted", |_| {}).await
}

async fn regenerate_hash(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
) -> Result<Shown, Problem> {
    direct_hash::regenerate::<Extension>(&api, &identity, id, "extension_updated").await
}

fn check_password(password: &str) -> Result<(), Problem> {
    if (1..=PASSWORD_MAX).contains(&password.len()) {
        return Ok(());
    }
    Err(Problem::field("password", format!("password must be 1 to {PASSWORD_MAX} bytes long")))
}

/// RFC 7616 §3.4.2: H(user ":" realm ":" password).
fn digests(user: &str, realm: &str, password: &str) -> PasswordDigests {
    let secret = format!("{user}:{realm}:{password}");
    PasswordDigests { md5: hex(&md5::Md5::digest(&secret)), sha256: hex(&sha2::Sha256::digest(&secret)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_rfc() {
        // RFC 7616 §3.9.1 gives the responses; these are the digests under them, computed by another program.
        let digests = digests("Mufasa", "http-auth@example.org", "Circle of Life");
        assert_eq!(digests.md5, "3d78807defe7de2157e2b0b6573a855f");
        assert_eq!(digests.sha256, "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232");
    }
}

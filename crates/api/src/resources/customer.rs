//! `GET|PUT /customer`: the own customer, above all where its events are sent.

use std::sync::Arc;

use axum::extract::State;
use model::Customer;
use serde::Deserialize;
use uuid::Uuid;

use crate::auth::{Caller, Identity, Manager};
use crate::clock::now;
use crate::endpoints::Endpoints;
use crate::json_body::JsonBody;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::service::Api;
use crate::shown::Shown;
use crate::stored::Stored;

/// What an event may be sent with; empty = `POST`.
const METHODS: [&str; 5] = ["", "POST", "GET", "PUT", "DELETE"];

/// Longest address of the receiver and longest secret, characters.
const TEXT_MAX: usize = 255;

/// The body of `PUT /customer`. What is not there stays as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct CustomerRequest {
    name: Option<String>,
    detail: Option<String>,
    email: Option<String>,
    phone_number: Option<String>,
    address: Option<String>,
    webhook_uri: Option<String>,
    webhook_method: Option<String>,
    webhook_secret: Option<String>,
    metadata: Option<MetadataRequest>,
}

/// What is to be noted. What is not there stays as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct MetadataRequest {
    rtp_debug: Option<bool>,
}

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let about = ["name", "detail", "email", "phone_number", "address"].map(|field| (field, schema::text()));
    let method = ("webhook_method", schema::word(&METHODS));
    let answer = [
        &[("id", schema::id())],
        about.as_slice(),
        &[("webhook_uri", schema::text()), method.clone()],
        &[("status", schema::text()), ("identity_verification_status", schema::text())],
        &[("email_verified", schema::flag()), ("billing_account_id", schema::id())],
        &[("metadata", schema::reference("CustomerMetadata"))],
        &schema::times(),
    ];
    let metadata = [("rtp_debug", schema::flag())];
    endpoints.schema("CustomerMetadata", schema::answer(&metadata));
    endpoints.schema("CustomerMetadataRequest", schema::body(&metadata, &[]));
    endpoints.schema("Customer", schema::answer(&answer.concat()));
    let uri = serde_json::json!({"type": "string", "pattern": uri_pattern(), "maxLength": TEXT_MAX,
        "description": "http or https, a host, and perhaps a port, a path and a query; empty = none"});
    let metadata = schema::reference("CustomerMetadataRequest");
    let request = [("webhook_uri", uri), method, ("webhook_secret", schema::short(TEXT_MAX)), ("metadata", metadata)];
    endpoints.schema("CustomerRequest", schema::body(&[about.as_slice(), &request].concat(), &[]));
    endpoints.get(
        "/v1.0/customer",
        Operation::new("customer", "The own customer").gives("Customer").refuses(&[404]),
        get,
    );
    let put = Operation::new("customer", "Changes the own customer").takes("CustomerRequest").gives("Customer");
    endpoints.put("/v1.0/customer", put.refuses(&[404]), update);
}

/// What `check_url` takes: a port is 1 to 65535, and there are no user names and no fragments. IPv6 addresses in brackets are taken, too,
/// but a pattern for them would be longer than all the rest.
fn uri_pattern() -> String {
    let port = "([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])";
    let characters = "A-Za-z0-9/_.~!$&'()*+,;=:@%-";
    format!(r"^(https?://[A-Za-z0-9.-]+(:{port})?(/[{characters}]*)?(\?[{characters}?]*)?)?$")
}

/// Whether this can be a customer's `webhook_uri`; empty: none.
///
/// # Errors
/// What is wrong with it, in words.
pub fn check_webhook_uri(uri: &str) -> Result<(), String> {
    check_length(uri)?;
    if uri.is_empty() { Ok(()) } else { crate::http_client::check_url(uri) }
}

fn check_length(text: &str) -> Result<(), String> {
    match text.chars().count() {
        0..=TEXT_MAX => Ok(()),
        _ => Err(format!("it is longer than {TEXT_MAX} characters")),
    }
}

async fn get(State(api): State<Arc<Api>>, Caller(identity): Caller) -> Result<Shown, Problem> {
    let customer: Customer = own(&api, &identity).await?;
    Ok(show(&api, customer))
}

async fn update(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(request): JsonBody<CustomerRequest>,
) -> Result<Shown, Problem> {
    if let Err(what) = request.webhook_uri.as_deref().map_or(Ok(()), check_webhook_uri) {
        return Err(Problem::field("webhook_uri", format!("webhook_uri: {what}")));
    }
    if let Err(what) = request.webhook_secret.as_deref().map_or(Ok(()), check_length) {
        return Err(Problem::field("webhook_secret", format!("webhook_secret: {what}")));
    }
    if request.webhook_method.as_deref().is_some_and(|method| !METHODS.contains(&method)) {
        return Err(Problem::field("webhook_method", "webhook_method must be empty, POST, GET, PUT or DELETE"));
    }
    let _turn = api.turn(identity.customer_id).await;
    let mut customer: Customer = own(&api, &identity).await?;
    for (field, value) in [
        (&mut customer.name, request.name),
        (&mut customer.detail, request.detail),
        (&mut customer.email, request.email),
        (&mut customer.phone_number, request.phone_number),
        (&mut customer.address, request.address),
        (&mut customer.webhook_uri, request.webhook_uri),
        (&mut customer.webhook_method, request.webhook_method),
        (&mut customer.webhook_secret, request.webhook_secret),
    ] {
        if let Some(value) = value {
            *field = value;
        }
    }
    if let Some(rtp_debug) = request.metadata.and_then(|metadata| metadata.rtp_debug) {
        customer.metadata.rtp_debug = rtp_debug;
    }
    customer.tm_update = Some(now());
    api.keep(customer.clone().into_resource(), "customer_updated").await?;
    Ok(show(&api, customer))
}

async fn own(api: &Api, identity: &Identity) -> Result<Customer, Problem> {
    api.own(identity, identity.customer_id).await
}

/// Here nobody is billed or checked: a customer is verified, and active until it is deleted (spec/resources.md §1.1).
fn show(api: &Api, customer: Customer) -> Shown {
    let status = if customer.is_deleted() { "deleted" } else { "active" };
    let mut shown = api.to_value(&customer.into_resource());
    shown["status"] = status.into();
    shown["identity_verification_status"] = "verified".into();
    shown["email_verified"] = (shown["email"] != "").into();
    shown["billing_account_id"] = Uuid::nil().to_string().into();
    shown.into()
}

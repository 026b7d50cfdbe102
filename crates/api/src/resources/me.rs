//! `GET /me`: who the caller is.

use std::sync::Arc;

use axum::extract::State;
use model::Resource;

use crate::auth::Caller;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::service::Api;
use crate::shown::Shown;

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("username", schema::text()),
        ("name", schema::text()),
        ("detail", schema::text()),
        ("permission", schema::count()),
    ];
    endpoints.schema("Agent", schema::answer(&[fields.as_slice(), &schema::times()].concat()));
    endpoints.get("/v1.0/me", Operation::new("me", "The calling agent").gives("Agent"), me);
}

async fn me(State(api): State<Arc<Api>>, Caller(identity): Caller) -> Shown {
    api.show(&Resource::Agent(Arc::new(identity.to_agent())))
}

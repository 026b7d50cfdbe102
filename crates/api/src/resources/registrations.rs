//! `GET /registrations`: the phones that are registered now. Not in VoIPBIN; the console shows it.

use std::sync::Arc;

use axum::extract::State;
use model::Timestamp;
use serde_json::json;

use crate::auth::Manager;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::service::Api;
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
    let page = schema::answer(&[
        ("result", schema::many(schema::reference("Registration"))),
        ("next_page_token", schema::word(&[""])),
    ]);
    let operation = Operation::new("registrations", "The phones that are registered now").gives_inline(page);
    endpoints.get("/v1.0/registrations", operation, list_all);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager) -> Shown {
    let bindings = api.control.live_registrations(identity.customer_id).await;
    let shape = api.config.shape;
    let shown = bindings.iter().filter(|binding| binding.customer_id == identity.customer_id).map(|binding| {
        json!({
            "extension_id": binding.extension_id,
            "customer_id": binding.customer_id,
            "contact": binding.contact,
            "received": binding.received,
            "user_agent": binding.user_agent,
            "tm_create": shape.timestamp(Timestamp::from_us(binding.created_us)),
            "tm_expire": shape.timestamp(Timestamp::from_us(binding.expires_us)),
        })
    });
    json!({"result": shown.collect::<Vec<_>>(), "next_page_token": ""}).into()
}

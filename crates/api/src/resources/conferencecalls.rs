//! Participants of conferences (spec/resources.md §7).

use std::sync::Arc;

use axum::extract::State;
use model::{Conferencecall, ConferencecallStatus};

use super::list::{self, Filters};
use crate::auth::Manager;
use crate::control::Refused;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::shown::Shown;
use crate::stored::Stored;

const STATUSES: [&str; 4] = ["joining", "joined", "leaving", "leaved"];
const FILTERS: Filters = Filters { reference_id: true, flow_id: false, status: &STATUSES };

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("activeflow_id", schema::id()),
        ("conference_id", schema::id()),
        ("reference_type", schema::text()),
        ("reference_id", schema::id()),
        ("status", schema::word(&STATUSES)),
    ];
    endpoints.schema("Conferencecall", schema::answer(&[fields.as_slice(), &schema::times()].concat()));
    let of = |summary| Operation::new("conferencecalls", summary);
    let list = FILTERS.describe(of("Lists participants").gives_page("Conferencecall"));
    endpoints.get("/v1.0/conferencecalls", list, list_all);
    endpoints.get("/v1.0/conferencecalls/{id}", of("One participant").gives("Conferencecall"), show);
    let kick = of("Shows a participant out; its flow goes on").gives("Conferencecall").refuses(&[409, 503]);
    endpoints.delete("/v1.0/conferencecalls/{id}", kick, kick_out);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Conferencecall>(&api, &identity, &query, FILTERS).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Conferencecall>(&api, &identity, id).await
}

/// Who has left already is answered as it is.
async fn kick_out(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let stored: Conferencecall = api.own(&identity, id).await?;
    let now = if stored.status == ConferencecallStatus::Leaved {
        stored
    } else {
        match api.control.kick_conferencecall(id).await {
            Ok(conferencecall) => conferencecall,
            Err(Refused::NotFound) => return Err(Problem::refused(Kind::Conferencecall, Refused::StateInvalid)),
            Err(refused) => return Err(Problem::refused(Kind::Conferencecall, refused)),
        }
    };
    Ok(api.show(&now.into_resource()))
}

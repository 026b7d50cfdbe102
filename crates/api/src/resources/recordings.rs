//! Recordings (spec/resources.md §6). Their sound is at `/recordingfiles/{id}`.

use std::sync::Arc;

use axum::extract::State;
use model::{ErrorStatus, Recording, RecordingStatus};

use super::list::{self, Filters};
use crate::auth::Manager;
use crate::endpoints::Endpoints;
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::service::{Api, Id};
use crate::shown::Shown;

const STATUSES: [&str; 4] = ["initiating", "recording", "stopping", "ended"];
const FILTERS: Filters = Filters { reference_id: true, flow_id: true, status: &STATUSES };

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("owner_type", schema::text()),
        ("owner_id", schema::id()),
        ("activeflow_id", schema::id()),
        ("reference_type", schema::word(&["call", "confbridge"])),
        ("reference_id", schema::id()),
        ("status", schema::word(&STATUSES)),
        ("format", schema::text()),
        ("on_end_flow_id", schema::id()),
        ("recording_name", schema::text()),
        ("filenames", schema::many(schema::text())),
        ("duration_ms", schema::count()),
        ("end_reason", schema::text()),
        ("tm_start", schema::moment()),
        ("tm_end", schema::moment()),
    ];
    endpoints.schema("Recording", schema::answer(&[fields.as_slice(), &schema::times()].concat()));
    let of = |summary| Operation::new("recordings", summary);
    endpoints.get("/v1.0/recordings", FILTERS.describe(of("Lists recordings").gives_page("Recording")), list_all);
    endpoints.get("/v1.0/recordings/{id}", of("One recording").gives("Recording"), show);
    let delete = of("Deletes a recording and its files").gives("Recording").refuses(&[409, 503]);
    endpoints.delete("/v1.0/recordings/{id}", delete, remove);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Recording>(&api, &identity, &query, FILTERS).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Recording>(&api, &identity, id).await
}

async fn remove(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let recording: Recording = api.own(&identity, id).await?;
    if recording.status != RecordingStatus::Ended {
        let message = "it is still being recorded: stop it first";
        return Err(Problem::new(ErrorStatus::FailedPrecondition, "STATE_INVALID", message));
    }
    let answer = list::delete::<Recording>(&api, &identity, id, "recording_deleted", |_| {}).await?;
    let files = recording.files(&api.config.recordings);
    let removed = tokio::task::spawn_blocking(move || {
        for file in files {
            match std::fs::remove_file(&file) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::error!("the recording's file {} cannot be removed: {error}", file.display());
                }
                _ => {}
            }
        }
    });
    removed.await.map_err(Problem::internal)?;
    Ok(answer)
}

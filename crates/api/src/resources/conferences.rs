//! Conferences (spec/resources.md §7).

use std::sync::Arc;

use axum::extract::State;
use model::{
    Action, CONFERENCE_TIMEOUT_MAX_S, Conference, ConferenceBody, ConferenceStatus, ConferenceType, ErrorStatus, Flow,
    conference_flow, timeout_s,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::direct_hash;
use super::flows::read_actions;
use super::list::{self, Filters};
use crate::auth::{Identity, Manager};
use crate::clock::{self, new_id, now};
use crate::control::{ConferenceRecording, Refused};
use crate::endpoints::Endpoints;
use crate::json_body::{JsonBody, OptionalBody};
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::shown::Shown;
use crate::stored::Stored;

/// The body of `PUT /conferences/{id}`. What is not there stays as it is.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ConferenceUpdate {
    name: Option<String>,
    detail: Option<String>,
    data: Option<Map<String, Value>>,
    timeout: Option<u64>,
    pre_flow_id: Option<Uuid>,
    post_flow_id: Option<Uuid>,
    pre_actions: Value,
    post_actions: Value,
}

/// The body of `POST /conferences/{id}/recording_start`.
#[derive(Default, Deserialize)]
#[serde(default)]
struct RecordingRequest {
    format: String,
    duration: u32,
    on_end_flow_id: Uuid,
}

/// What is taken as a format, in any case of letters. All are written as WAV, and the recording says so.
const FORMATS: [&str; 4] = ["", "wav", "mp3", "ogg"];
const FORMATS_FORM: &str = "^([Ww][Aa][Vv]|[Mm][Pp]3|[Oo][Gg][Gg])?$";

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let ids = || schema::many(schema::id());
    let fields = [
        ("id", schema::id()),
        ("customer_id", schema::id()),
        ("type", schema::word(&["conference", "connect", "queue"])),
        ("status", schema::word(&["starting", "progressing", "terminating", "terminated"])),
        ("name", schema::text()),
        ("detail", schema::text()),
        ("data", schema::free()),
        ("timeout", schema::count()),
        ("pre_flow_id", schema::id()),
        ("post_flow_id", schema::id()),
        ("confbridge_id", schema::id()),
        ("conferencecall_ids", ids()),
        ("recording_id", schema::id()),
        ("recording_ids", ids()),
        ("transcribe_id", schema::id()),
        ("transcribe_ids", ids()),
        ("direct_hash", schema::text()),
        ("tm_end", schema::moment()),
    ];
    endpoints.schema("Conference", schema::answer(&[fields.as_slice(), &schema::times()].concat()));
    let timeout = json!({"type": "integer", "minimum": 0, "maximum": CONFERENCE_TIMEOUT_MAX_S,
        "description": "seconds; 0 = never; 1 to 59 become a day"});
    let body = [
        ("name", schema::text()),
        ("detail", schema::text()),
        ("data", schema::free()),
        ("timeout", timeout),
        ("pre_flow_id", schema::id()),
        ("post_flow_id", schema::id()),
    ];
    let new = [("id", schema::id()), ("type", schema::word(&["", "conference", "connect", "queue"]))];
    let actions = || schema::many(schema::reference("ActionRequest"));
    let older = [("pre_actions", actions()), ("post_actions", actions())];
    endpoints.schema("ConferenceRequest", schema::body(&[new.as_slice(), &body, &older].concat(), &[]));
    endpoints.schema("ConferenceUpdate", schema::body(&[body.as_slice(), &older].concat(), &[]));

    let format = json!({"type": "string", "pattern": FORMATS_FORM,
        "description": "wav; mp3 and ogg are taken, but written as wav"});
    let duration = json!({"type": "integer", "minimum": 0, "maximum": u32::MAX,
        "description": "longest length in seconds; 0 and more than a day are a day"});
    let recording = [("format", format), ("duration", duration), ("on_end_flow_id", schema::id())];
    endpoints.schema("ConferenceRecordingRequest", schema::body(&recording, &[]));

    let of = |summary| Operation::new("conferences", summary);
    endpoints.get("/v1.0/conferences", of("Lists conferences").gives_page("Conference"), list_all);
    let create = of("Opens a conference").takes("ConferenceRequest").gives("Conference").refuses(&[409]);
    endpoints.post("/v1.0/conferences", create, open);
    endpoints.get("/v1.0/conferences/{id}", of("One conference").gives("Conference"), show);
    let update = of("Changes a conference").takes("ConferenceUpdate").gives("Conference");
    endpoints.put("/v1.0/conferences/{id}", update, change);
    let delete = of("Shows everybody out and ends the conference").gives("Conference").refuses(&[409, 503]);
    endpoints.delete("/v1.0/conferences/{id}", delete, close);
    let start = of("Records the mix: the voices of all who are in it").may_take("ConferenceRecordingRequest");
    let start = start.gives("Conference").refuses(&[409, 503]);
    endpoints.post("/v1.0/conferences/{id}/recording_start", start, start_recording);
    let stop = of("Ends the recording").gives("Conference").refuses(&[409, 503]);
    endpoints.post("/v1.0/conferences/{id}/recording_stop", stop, stop_recording);
    let regenerate = of("Draws a new direct hash").gives("Conference");
    endpoints.post("/v1.0/conferences/{id}/direct-hash-regenerate", regenerate, regenerate_hash);
}

async fn list_all(State(api): State<Arc<Api>>, Manager(identity): Manager, query: Query) -> Result<Shown, Problem> {
    list::list::<Conference>(&api, &identity, &query, Filters::default()).await
}

async fn show(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    list::show::<Conference>(&api, &identity, id).await
}

async fn open(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    JsonBody(mut request): JsonBody<ConferenceBody>,
) -> Result<Shown, Problem> {
    check_timeout(request.timeout)?;
    if request.kind == ConferenceType::Queue {
        return Err(Problem::field("type", "type queue is for the server itself; say conference or connect"));
    }
    let pre = read_actions("pre_actions", request.pre_actions.take())?;
    let post = read_actions("post_actions", request.post_actions.take())?;
    let mut conference = request.into_conference(new_id(), new_id(), identity.customer_id, now());
    conference.direct_hash = clock::direct_hash();
    let id = conference.id;
    api.room_for_one_more(&identity, Kind::Conference).await?;
    let _turn = api.turn(id).await;
    if api.ask(move |repository| repository.get(Kind::Conference, id)).await?.is_some() {
        let message = "there is or was a conference with this id";
        return Err(Problem::new(ErrorStatus::AlreadyExists, "ALREADY_EXISTS", message));
    }
    if conference.pre_flow_id.is_nil() {
        conference.pre_flow_id = keep_flow(&api, &identity, &conference, pre).await?;
    }
    if conference.post_flow_id.is_nil() {
        conference.post_flow_id = keep_flow(&api, &identity, &conference, post).await?;
    }
    let resource = conference.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "conference_created").await?;
    Ok(shown)
}

async fn change(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    JsonBody(request): JsonBody<ConferenceUpdate>,
) -> Result<Shown, Problem> {
    check_timeout(request.timeout.unwrap_or(0))?;
    let given = |field, actions: Value| match actions {
        Value::Null => Ok(None),
        actions => read_actions(field, actions).map(Some),
    };
    let pre = given("pre_actions", request.pre_actions)?;
    let post = given("post_actions", request.post_actions)?;
    let _turn = api.turn(id).await;
    let mut conference: Conference = api.alive(&identity, id).await?;
    conference.name = request.name.unwrap_or(conference.name);
    conference.detail = request.detail.unwrap_or(conference.detail);
    conference.data = request.data.unwrap_or(conference.data);
    conference.timeout = request.timeout.map_or(conference.timeout, timeout_s);
    conference.pre_flow_id =
        flow_of(&api, &identity, &conference, (conference.pre_flow_id, request.pre_flow_id), pre).await?;
    conference.post_flow_id =
        flow_of(&api, &identity, &conference, (conference.post_flow_id, request.post_flow_id), post).await?;
    conference.tm_update = Some(now());
    let resource = conference.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, "conference_updated").await?;
    Ok(shown)
}

/// A conference that runs lets everybody out, and its record is marked when the last one has left. One that no loop knows of
/// ends here.
async fn close(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    let stored: Conference = api.own(&identity, id).await?;
    let is_over = |conference: &Conference| conference.status == ConferenceStatus::Terminated;
    if !stored.is_deleted() && !is_over(&stored) {
        match api.control.close_conference(id).await {
            Ok(conference) => {
                let recorded = list::until_over(&api, &identity, id, is_over).await;
                // Perhaps it has been over for long, and the record could not be written at that time.
                recorded.or_else(|late| if is_over(&conference) { Ok(()) } else { Err(late) })?;
            }
            Err(Refused::NotFound) => {}
            Err(refused) => return Err(Problem::refused(Kind::Conference, refused)),
        }
    }
    let end = |conference: &mut Conference| {
        conference.status = ConferenceStatus::Terminated;
        conference.conferencecall_ids.clear();
        conference.tm_end = conference.tm_end.or(conference.tm_delete);
    };
    list::delete::<Conference>(&api, &identity, id, "conference_deleted", end).await
}

/// It is recorded from somebody's joining on, at the earliest.
async fn start_recording(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    OptionalBody(request): OptionalBody<RecordingRequest>,
) -> Result<Shown, Problem> {
    if !FORMATS.contains(&request.format.to_ascii_lowercase().as_str()) {
        return Err(Problem::field("format", "format must be wav; mp3 and ogg are taken, but written as wav"));
    }
    api.alive::<Conference>(&identity, id).await?;
    let on_end_flow_id = request.on_end_flow_id;
    if !on_end_flow_id.is_nil() {
        let found = api.alive::<Flow>(&identity, on_end_flow_id).await;
        found.map_err(|problem| problem.about("on_end_flow_id"))?;
    }
    let recording = ConferenceRecording { duration_s: request.duration, on_end_flow_id };
    let started = api.control.start_conference_recording(id, recording).await;
    let conference = started.map_err(|refused| Problem::refused(Kind::Conference, refused))?;
    // Whoever asks for the conference next finds it there.
    let has_it = |stored: &Conference| stored.recording_ids.contains(&conference.recording_id);
    if !list::comes_true(&api, &identity, id, has_it).await? {
        return Err(Problem::refused(Kind::Conference, Refused::Timeout));
    }
    Ok(api.show(&conference.into_resource()))
}

/// The file is complete a moment later: the conference names the recording until then.
async fn stop_recording(State(api): State<Arc<Api>>, Manager(identity): Manager, Id(id): Id) -> Result<Shown, Problem> {
    api.alive::<Conference>(&identity, id).await?;
    let stopped = api.control.stop_conference_recording(id).await;
    let conference = stopped.map_err(|refused| Problem::refused(Kind::Conference, refused))?;
    Ok(api.show(&conference.into_resource()))
}

async fn regenerate_hash(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
) -> Result<Shown, Problem> {
    direct_hash::regenerate::<Conference>(&api, &identity, id, "conference_updated").await
}

/// The flow that a change names, by its id or by the actions of the older form; the one `before` if it names none.
async fn flow_of(
    api: &Api,
    identity: &Identity,
    conference: &Conference,
    (before, flow_id): (Uuid, Option<Uuid>),
    actions: Option<Vec<Action>>,
) -> Result<Uuid, Problem> {
    match (flow_id.filter(|id| !id.is_nil()), actions) {
        (Some(id), _) => Ok(id),
        // Participants who are in it may still need the one before.
        (None, Some(actions)) => keep_flow(api, identity, conference, actions).await,
        (None, None) => Ok(flow_id.unwrap_or(before)),
    }
}

/// The id of a flow made of the actions of the older form; nil if there are none.
async fn keep_flow(
    api: &Api,
    identity: &Identity,
    conference: &Conference,
    actions: Vec<Action>,
) -> Result<Uuid, Problem> {
    if actions.is_empty() {
        return Ok(Uuid::nil());
    }
    api.room_for_one_more(identity, Kind::Flow).await?;
    let flow = conference_flow(new_id(), conference, actions, clock::direct_hash());
    let flow = Flow { tm_create: Some(now()), ..flow };
    let id = flow.id;
    api.keep(flow.into_resource(), "flow_created").await?;
    Ok(id)
}

fn check_timeout(timeout: u64) -> Result<(), Problem> {
    if timeout > CONFERENCE_TIMEOUT_MAX_S {
        return Err(Problem::field("timeout", format!("timeout must be at most {CONFERENCE_TIMEOUT_MAX_S} s")));
    }
    Ok(())
}

//! `GET /recordingfiles/{id}`: the sound of a recording (spec/resources.md §6).

use std::io;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{Stream, stream};
use model::{ErrorStatus, Recording, RecordingStatus};

use crate::auth::Manager;
use crate::endpoints::Endpoints;
use crate::media::{Archive, Mix, Range, RangeError};
use crate::openapi::{Operation, schema};
use crate::problem::Problem;
use crate::query::Query;
use crate::repository::Kind;
use crate::service::{Api, Id};
use crate::stored::Stored;

/// How much is read at a time, bytes: 8 s of sound.
const PIECE: usize = 128 * 1024;

pub(super) fn endpoints(endpoints: &mut Endpoints) {
    let operation =
        Operation::new("recordings", "The sound of a recording: both directions mixed, or both files as a ZIP")
            .gives_bytes(&["audio/wav", "application/zip"])
            .query("type", schema::word(&["wav", "zip"]), "wav, the default, or zip for the separate files");
    endpoints.get("/v1.0/recordingfiles/{id}", operation, download);
}

async fn download(
    State(api): State<Arc<Api>>,
    Manager(identity): Manager,
    Id(id): Id,
    query: Query,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let kind = query.word("type", &["wav", "zip"])?;
    let recording: Recording = api.own(&identity, id).await?;
    if recording.status != RecordingStatus::Ended || recording.is_deleted() {
        return Err(Problem::not_found(Kind::Recording));
    }
    let files = recording.files(&api.config.recordings);
    if files.is_empty() {
        // It was stopped before it began.
        return Err(Problem::not_found(Kind::Recording));
    }
    if kind.as_deref() == Some("zip") {
        let attachment = disposition(id, "zip");
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
        let whole = (header::ACCEPT_RANGES, HeaderValue::from_static("none"));
        let there = tokio::task::spawn_blocking({
            let files = files.clone();
            move || files.iter().all(|file| file.is_file())
        });
        if !there.await.map_err(Problem::internal)? {
            return Err(missing(id, "not all files are there"));
        }
        return Ok(([kind, attachment, whole], Body::from_stream(packed(Archive::new(files)))).into_response());
    }
    let opened = tokio::task::spawn_blocking(move || Mix::open(&files)).await.map_err(Problem::internal)?;
    let mix = opened.map_err(|error| missing(id, error))?;
    let total = mix.length();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let content_range = |text: String| HeaderValue::try_from(text).map_err(Problem::internal);
    match Range::parse(asked, total) {
        Err(RangeError) => {
            let message = format!("there is no such range: it is {total} bytes long");
            let problem = Problem::new(ErrorStatus::InvalidArgument, "INVALID_ARGUMENT", message).about("Range");
            let problem = problem.coded(StatusCode::RANGE_NOT_SATISFIABLE);
            Err(problem.with(header::CONTENT_RANGE, content_range(format!("bytes */{total}"))?))
        }
        Ok(None) => Ok((sound(id, total), Body::from_stream(pieces(mix, 0, total))).into_response()),
        Ok(Some(Range { first, length })) => {
            let text = format!("bytes {first}-{}/{total}", first + length - 1);
            let range = [(header::CONTENT_RANGE, content_range(text)?)];
            let body = Body::from_stream(pieces(mix, first, length));
            Ok((StatusCode::PARTIAL_CONTENT, sound(id, length), range, body).into_response())
        }
    }
}

fn sound(id: uuid::Uuid, length: u64) -> [(HeaderName, HeaderValue); 4] {
    [
        (header::CONTENT_TYPE, HeaderValue::from_static("audio/wav")),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
        (header::ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        disposition(id, "wav"),
    ]
}

/// The name under which it is saved.
fn disposition(id: uuid::Uuid, ending: &str) -> (HeaderName, HeaderValue) {
    let text = format!("attachment; filename=\"{id}.{ending}\"");
    (header::CONTENT_DISPOSITION, HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("attachment")))
}

/// The recording is known, its files cannot be read.
fn missing(id: uuid::Uuid, what: impl std::fmt::Display) -> Problem {
    tracing::error!("the files of recording {id} cannot be read: {what}");
    let message = "the recording is known, but its files are gone or cannot be read";
    Problem::new(ErrorStatus::NotFound, "FILE_NOT_FOUND", message)
}

/// The bytes of an archive, made piece by piece on threads that may wait for the disk.
fn packed(archive: Archive) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold(archive, |mut archive| async move {
        let made = tokio::task::spawn_blocking(move || archive.next().map(|piece| piece.map(|piece| (piece, archive))));
        made.await.map_err(io::Error::other)?
    })
}

/// The bytes of a mix, read piece by piece on threads that may wait for the disk.
fn pieces(mix: Mix, first: u64, length: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((mix, first, length), |(mut mix, at, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let most = PIECE.min(usize::try_from(left).unwrap_or(PIECE));
        let read = tokio::task::spawn_blocking(move || mix.read(at, most).map(|octets| (mix, octets)));
        let (mix, mut octets) = read.await.map_err(io::Error::other)??;
        if octets.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        octets.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let taken = octets.len() as u64;
        Ok(Some((Bytes::from(octets), (mix, at + taken, left - taken))))
    })
}

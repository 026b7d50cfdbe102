//! What goes on on one HTTP connection, known to the connection itself, to the requests on it, and to those who need its place.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Duration, Instant};

use crate::listener::Peer;

/// One connection.
#[derive(Debug)]
pub(crate) struct Presence {
    /// Requests under way; a WebSocket is one that does not end.
    requests: AtomicU32,
    /// Requests that have begun so far.
    begun: AtomicU64,
    /// When something moved last.
    moved: Mutex<Instant>,
    is_to_go: AtomicBool,
    waker: AtomicWaker,
    /// Its place among the HTTP connections, while it is one.
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Presence {
    pub(crate) fn new(place: OwnedSemaphorePermit) -> Arc<Presence> {
        Arc::new(Presence {
            requests: AtomicU32::new(0),
            begun: AtomicU64::new(0),
            moved: Mutex::new(Instant::now()),
            is_to_go: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            place: Mutex::new(Some(place)),
        })
    }

    /// A request has come whole, but for its body.
    fn begin(self: &Arc<Presence>) -> UnderWay {
        self.begun.fetch_add(1, Ordering::AcqRel);
        self.requests.fetch_add(1, Ordering::AcqRel);
        UnderWay(self.clone())
    }

    /// How many requests have begun.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// Something was read or written.
    pub(crate) fn touch(&self) {
        *self.moved.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// Whether no request is under way.
    pub(crate) fn is_free(&self) -> bool {
        self.requests.load(Ordering::Acquire) == 0
    }

    /// For how long nothing has moved.
    pub(crate) fn silent_for(&self) -> Duration {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    /// It is closed, or is no HTTP any more and counted by others: its place is free.
    pub(crate) fn leave(&self) {
        drop(self.place.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Whether it is no HTTP connection any more.
    pub(crate) fn has_left(&self) -> bool {
        self.place.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    /// Its place is needed: it ends unless a request comes just now, and then behind that one.
    pub(crate) fn send_away(&self) {
        self.is_to_go.store(true, Ordering::Release);
        self.waker.wake();
    }

    /// Whether it was sent away.
    pub(crate) fn is_sent_away(&self) -> bool {
        self.is_to_go.load(Ordering::Acquire)
    }

    /// Whether it is to end now; if not, `context` is woken when it is.
    pub(crate) fn ends(&self, context: &Context<'_>) -> bool {
        self.waker.register(context.waker());
        self.is_sent_away() && self.is_free()
    }
}

/// A request under way, until its answer is given away whole.
struct UnderWay(Arc<Presence>);

impl UnderWay {
    /// From here on it is no HTTP any more.
    fn goes_on(self) {
        self.0.requests.fetch_add(1, Ordering::AcqRel);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.touch();
        self.0.requests.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Lets the connection know of each request.
pub(crate) async fn under_way(request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>();
    let Some(request_under_way) = peer.map(|ConnectInfo(peer)| peer.presence.begin()) else {
        return next.run(request).await;
    };
    let response = next.run(request).await;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        request_under_way.goes_on();
        return response;
    }
    response.map(|body| Body::new(Held { body, _until_sent: request_under_way }))
}

/// A body whose request is under way as long as there is more of it.
struct Held {
    body: Body,
    _until_sent: UnderWay,
}

impl hyper::body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

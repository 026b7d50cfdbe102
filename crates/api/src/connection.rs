//! One HTTP connection: its place among those allowed, and the clocks that end it when its peer falls silent, or takes its time
//! to say what it wants.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use crate::listener::Limits;
use crate::presence::Presence;

/// A stream that fails with `TimedOut` when nothing could be read or written for a while, or when the head of a request was begun
/// and does not end. It also fails when its place is needed and no request is under way. What has become something else than HTTP
/// ([`Presence::leave`]) has clocks of its own.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    presence: Arc<Presence>,
    idle: Duration,
    head: Duration,
    /// When something moved last.
    moved: Instant,
    /// Since when a head is awaited that is not whole, and how many requests had begun by then.
    head_since: Option<Instant>,
    begun: u64,
    deadline: Pin<Box<Sleep>>,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, presence: Arc<Presence>, limits: &Limits) -> Connection {
        let (idle, head, now) = (limits.idle, limits.head, Instant::now());
        let deadline = Box::pin(sleep(idle.min(head)));
        let head_since = Some(now);
        Connection { stream, presence, idle, head, moved: now, head_since, begun: 0, deadline }
    }

    pub(crate) fn presence(&self) -> &Arc<Presence> {
        &self.presence
    }

    /// The address of ours that it has come to.
    pub(crate) fn local_addr(&self) -> Option<SocketAddr> {
        self.stream.local_addr().ok()
    }

    /// Passes on what moved; what did not move for too long becomes an error.
    fn watch<T>(&mut self, context: &mut Context<'_>, outcome: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        let begun = self.presence.begun();
        if begun != self.begun {
            (self.begun, self.head_since) = (begun, None);
        }
        if outcome.is_ready() {
            self.moved = Instant::now();
            self.presence.touch();
            return outcome;
        }
        if self.presence.has_left() {
            return outcome;
        }
        let silent = self.moved + self.idle;
        let until = self.head_since.map_or(silent, |since| silent.min(since + self.head));
        if self.deadline.deadline() != until {
            self.deadline.as_mut().reset(until);
        }
        match self.deadline.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.presence.leave();
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.presence.ends(context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = into.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, into);
        let outcome = self.watch(context, outcome);
        if into.filled().len() > before && self.presence.is_free() {
            self.head_since.get_or_insert_with(Instant::now);
        }
        outcome
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.watch(context, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.watch(context, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

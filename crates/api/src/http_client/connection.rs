//! One connection to one place, driven by whoever uses it.

use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, Sleep, sleep_until};

use super::exchange::ReplyBody;
use super::{Client, Failure, Url};

/// Longest head of an answer, bytes.
const HEAD_MAX: usize = 64 * 1024;

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

/// An open connection that is idle, or whose answer is being read.
pub(crate) struct Connection {
    sender: http1::SendRequest<Full<Bytes>>,
    driver: Driver,
    /// One for the connection's life: to set a time-out anew to a later time costs next to nothing, to make one does.
    alarm: Pin<Box<Sleep>>,
    to: Arc<Url>,
}

impl Connection {
    /// Connects, to the first of the host's addresses that answers.
    pub(super) async fn open(client: &Client, url: &Arc<Url>) -> Result<Connection, Failure> {
        let found =
            lookup_host((url.host.as_str(), url.port)).await.map_err(|error| Failure::Resolve(error.to_string()))?;
        let mut last = Failure::Resolve(format!("{} has no address", url.host));
        for address in found {
            // What was looked up is what is connected to, so that a second answer of the DNS cannot lead elsewhere.
            if !client.reach.allows(address.ip()) {
                last = Failure::Private(address.ip());
                continue;
            }
            match connect(address).await {
                Ok(stream) => return Connection::handshake(client, url, stream).await,
                Err(error) => last = Failure::Connect(error.to_string()),
            }
        }
        Err(last)
    }

    async fn handshake(client: &Client, url: &Arc<Url>, stream: TcpStream) -> Result<Connection, Failure> {
        let mut builder = http1::Builder::new();
        // Head and body in one piece: bodies are small.
        builder.max_buf_size(HEAD_MAX).writev(false);
        let protocol = |error: hyper::Error| Failure::Protocol(error.to_string());
        let (sender, driver): (_, Driver) = if url.tls {
            let stream = client.tls.connect(&url.host, stream).await?;
            let (sender, driver) = builder.handshake(TokioIo::new(stream)).await.map_err(protocol)?;
            (sender, Box::pin(driver))
        } else {
            let (sender, driver) = builder.handshake(TokioIo::new(stream)).await.map_err(protocol)?;
            (sender, Box::pin(driver))
        };
        Ok(Connection { sender, driver, alarm: Box::pin(sleep_until(Instant::now())), to: url.clone() })
    }

    /// Whether this connection leads to where `url` is.
    pub(super) fn leads_to(&self, url: &Arc<Url>) -> bool {
        Arc::ptr_eq(&self.to, url) || self.to.same_place(url)
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
        until: Instant,
    ) -> Result<Response<Incoming>, Failure> {
        let answer = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        drive(&mut self.driver, &mut self.alarm, until, answer).await?.map_err(|error| Failure::Protocol(chain(&error)))
    }

    /// Reads a body, at most `most` bytes of it.
    pub(super) async fn read(&mut self, mut body: Incoming, most: usize, until: Instant) -> Result<ReplyBody, Failure> {
        let mut octets = Vec::new();
        loop {
            let frame = drive(&mut self.driver, &mut self.alarm, until, body.frame()).await;
            match frame.map_err(in_the_body)? {
                None => return Ok(ReplyBody { octets, is_whole: true }),
                Some(Err(error)) => return Err(Failure::Body(chain(&error))),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        let taken = data.len().min(most - octets.len());
                        octets.extend_from_slice(&data[..taken]);
                        if taken < data.len() {
                            return Ok(ReplyBody { octets, is_whole: false });
                        }
                    }
                }
            }
        }
    }

    /// Whether another request may follow.
    pub(super) fn is_reusable(&self) -> bool {
        !self.sender.is_closed()
    }
}

/// Lets the connection work until `wanted` is there, or the time is up. A connection that ended may still have brought it.
async fn drive<T>(
    driver: &mut Driver,
    alarm: &mut Pin<Box<Sleep>>,
    until: Instant,
    wanted: impl Future<Output = T>,
) -> Result<T, Failure> {
    let mut wanted = pin!(wanted);
    let mut is_set = false;
    poll_fn(|context| {
        if let Poll::Ready(value) = wanted.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        let ended = driver.as_mut().poll(context);
        // What the driver has just brought is taken at once, not at the next turn.
        if let Poll::Ready(value) = wanted.as_mut().poll(context) {
            return Poll::Ready(Ok(value));
        }
        if let Poll::Ready(ended) = ended {
            // From here on the driver must not be polled; what it left behind was ready at once or never comes.
            let why = ended.err().map_or("it was closed".into(), |error| chain(&error));
            return Poll::Ready(Err(Failure::Protocol(why)));
        }
        if !is_set {
            alarm.as_mut().reset(until);
            is_set = true;
        }
        alarm.as_mut().poll(context).map(|()| Err(Failure::Timeout("answer")))
    })
    .await
}

async fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The same failure, once the head of the answer is there.
fn in_the_body(failure: Failure) -> Failure {
    match failure {
        Failure::Protocol(what) => Failure::Body(what),
        Failure::Timeout(_) => Failure::Timeout("end of the answer"),
        other => other,
    }
}

/// An error and what is behind it.
fn chain(error: &hyper::Error) -> String {
    use std::error::Error as _;
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}

//! One WebSocket of SIP: each frame that comes is one message, and each message goes out as one frame (RFC 7118 §5).

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::{SipPatience, SipSocket};
use crate::unreadable::unreadable;

/// Longest message, octets: what a datagram could hold.
pub(super) const MESSAGE_MAX: usize = 64 * 1024;
/// How long the other side may take to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Why the connection ends.
enum End {
    /// The other side is gone, or takes nothing.
    Gone,
    /// It has said goodbye.
    Closed,
    /// We end it, and say why.
    Close(u16, &'static str),
}

/// A connection after the upgrade. It has its place until `sip` is dropped, which is after the socket was closed.
pub(super) struct Socket {
    stream: WebSocket,
    sip: Box<dyn SipSocket>,
    patience: SipPatience,
}

impl Socket {
    pub(super) fn new(stream: WebSocket, sip: Box<dyn SipSocket>, patience: SipPatience) -> Socket {
        Socket { stream, sip, patience }
    }

    /// Serves the connection until it ends.
    pub(super) async fn run(mut self) {
        let end = self.serve().await;
        self.sip.close();
        let (stream, is_too_long) = (&mut self.stream, matches!(end, End::Close(close_code::SIZE, _)));
        let goodbye = async move {
            match end {
                End::Gone => return,
                End::Closed => {}
                End::Close(code, reason) => {
                    let frame = CloseFrame { code, reason: reason.into() };
                    if stream.send(Message::Close(Some(frame))).await.is_err() {
                        return;
                    }
                }
            }
            // RFC 6455 §7.1.1: both sides say it before the connection is closed.
            while let Some(Ok(_)) = stream.recv().await {}
            if is_too_long {
                // The rest of it stays unread, and who closes a TCP connection with something unread resets it.
                tokio::time::sleep(GOODBYE).await;
            }
        };
        let _ = timeout(GOODBYE, goodbye).await;
    }

    async fn serve(&mut self) -> End {
        let every = self.patience.ping;
        let mut ping = interval_at(Instant::now() + every, every);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut heard = Instant::now();
        loop {
            let outcome = tokio::select! {
                frame = self.stream.recv() => {
                    let outcome = self.take(frame).await;
                    heard = Instant::now();
                    outcome
                }
                message = self.sip.next() => match message {
                    Some(message) => self.send(frame_of(message)).await,
                    None => Err(End::Close(close_code::AWAY, "the server ends this connection")),
                },
                _ = ping.tick() => {
                    if heard.elapsed() > 2 * every { self.last_look(&mut heard).await } else { self.ping().await }
                }
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    async fn ping(&mut self) -> Result<(), End> {
        self.send(Message::Ping(Bytes::new())).await
    }

    /// Whoever is given up for silence may have spoken while nobody listened.
    async fn last_look(&mut self, heard: &mut Instant) -> Result<(), End> {
        let frame = self.stream.recv().now_or_never().ok_or(End::Gone)?;
        *heard = Instant::now();
        self.take(frame).await
    }

    async fn take(&mut self, frame: Option<Result<Message, axum::Error>>) -> Result<(), End> {
        let is_taken = match frame {
            Some(Ok(Message::Text(text))) => self.sip.take(text.into()).await,
            Some(Ok(Message::Binary(octets))) => self.sip.take(octets).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => true,
            Some(Ok(Message::Close(_))) => return Err(End::Closed),
            Some(Err(error)) => {
                return Err(unreadable(&error).map_or(End::Gone, |(code, reason)| End::Close(code, reason)));
            }
            None => return Err(End::Gone),
        };
        match is_taken {
            true => Ok(()),
            false => Err(End::Close(close_code::AGAIN, "the server is behind its work")),
        }
    }

    async fn send(&mut self, frame: Message) -> Result<(), End> {
        match timeout(self.patience.write, self.stream.send(frame)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }
}

/// RFC 7118 §5: text where it can be, since some know nothing else, and binary where it is not UTF-8.
fn frame_of(message: Bytes) -> Message {
    match Utf8Bytes::try_from(message.clone()) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Binary(message),
    }
}

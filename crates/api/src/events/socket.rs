//! One WebSocket: subscriptions in, events out.

use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use serde::Deserialize;
use tokio::time::{Instant, interval_at, timeout};

use super::hub::{Frame, Subscription};
use super::topics::{Forbidden, Topics};
use crate::auth::Standing;
use crate::unreadable::unreadable;

/// How often a ping is sent. Who has said nothing for two of them is gone.
const PING: Duration = Duration::from_secs(30);
/// How often it is asked whether the caller may stay while nothing else happens.
const LOOK: Duration = Duration::from_secs(1);
/// A frame that cannot be written for so long ends the connection.
const WRITE: Duration = Duration::from_secs(10);
/// How long the other side has to answer our Close frame, or to read it.
const GOODBYE: Duration = Duration::from_secs(1);

/// What clients say.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Wish {
    Subscribe { topics: Vec<String> },
    Unsubscribe { topics: Vec<String> },
}

/// Why the connection ends.
enum End {
    /// The other side is gone.
    Gone,
    /// The other side said goodbye, and is to hear it back (RFC 6455 §5.5.1).
    Answer,
    /// We end it, and say why.
    Close(u16, &'static str),
    /// The same; what the other side sends cannot be read any more.
    Broken(u16, &'static str),
}

/// A connection after the upgrade.
pub(crate) struct Socket {
    stream: WebSocket,
    standing: Standing,
    topics: Topics,
    events: Subscription,
}

impl Socket {
    pub(crate) fn new(stream: WebSocket, standing: Standing, topics: Topics, events: Subscription) -> Socket {
        Socket { stream, standing, topics, events }
    }

    /// Serves the connection until it ends.
    pub(crate) async fn run(mut self) {
        let end = self.serve().await;
        if let End::Close(code, reason) | End::Broken(code, reason) = end {
            let frame = CloseFrame { code, reason: reason.into() };
            let _ = timeout(WRITE, self.stream.send(Message::Close(Some(frame)))).await;
        }
        match end {
            End::Gone => {}
            // Reading on sends the answer that is due, and ends when both have said goodbye. Who closes a TCP connection
            // with something unread resets it, and what was said last may be lost.
            End::Answer | End::Close(..) => {
                let _ = timeout(GOODBYE, async { while let Some(Ok(_)) = self.stream.recv().await {} }).await;
            }
            End::Broken(..) => tokio::time::sleep(GOODBYE).await,
        }
    }

    async fn serve(&mut self) -> End {
        let mut ping = interval_at(Instant::now() + PING, PING);
        let mut look = interval_at(Instant::now() + LOOK, LOOK);
        let mut heard = Instant::now();
        loop {
            let outcome = tokio::select! {
                message = self.stream.recv() => {
                    heard = Instant::now();
                    match message {
                        Some(Ok(Message::Text(text))) => self.wish(text.as_bytes()),
                        Some(Ok(Message::Binary(octets))) => self.wish(&octets),
                        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(()),
                        Some(Ok(Message::Close(_))) => Err(End::Answer),
                        Some(Err(error)) => {
                            Err(unreadable(&error).map_or(End::Gone, |(code, reason)| End::Broken(code, reason)))
                        }
                        None => Err(End::Gone),
                    }
                }
                frame = self.events.next() => match frame {
                    None if self.events.is_over() => Err(End::Close(close_code::AWAY, "the server ends")),
                    None => Err(End::Close(close_code::POLICY, "too slow for the events")),
                    Some(frame) if self.topics.want(&frame.topics) => self.tell(&frame).await,
                    Some(_) => Ok(()),
                },
                _ = look.tick() => self.may_stay().await,
                _ = ping.tick() => {
                    if heard.elapsed() > 2 * PING { Err(End::Gone) } else { self.send(Message::Ping(bytes::Bytes::new())).await }
                }
            };
            if let Err(end) = outcome {
                return end;
            }
        }
    }

    fn wish(&mut self, text: &[u8]) -> Result<(), End> {
        match serde_json::from_slice(text) {
            Ok(Wish::Subscribe { topics }) => {
                topics.iter().try_for_each(|topic| self.topics.subscribe(topic)).map_err(|forbidden| match forbidden {
                    Forbidden::NotYours => End::Close(close_code::POLICY, "this topic is not yours"),
                    Forbidden::TooMany => End::Close(close_code::POLICY, "too many topics"),
                })
            }
            Ok(Wish::Unsubscribe { topics }) => {
                topics.iter().for_each(|topic| self.topics.unsubscribe(topic));
                Ok(())
            }
            Err(_) => Err(End::Close(close_code::INVALID, "say {\"type\": \"subscribe\", \"topics\": [...]}")),
        }
    }

    async fn tell(&mut self, frame: &Frame) -> Result<(), End> {
        self.may_stay().await?;
        self.send(Message::Text(frame.json())).await
    }

    async fn may_stay(&mut self) -> Result<(), End> {
        match self.standing.holds().await {
            true => Ok(()),
            false => Err(End::Close(close_code::POLICY, "the access key or login has ended")),
        }
    }

    async fn send(&mut self, message: Message) -> Result<(), End> {
        match timeout(WRITE, self.stream.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }
}

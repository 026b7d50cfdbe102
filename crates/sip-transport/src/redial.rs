//! Messages whose connection is gone: another one is made where SIP says so, else whoever sent them is told.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip_core::{Hop, Message, second_way};
use socket2::{Domain, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;

use crate::metrics::add;
use crate::stream_task::{self, StreamLimits};
use crate::{Connection, Inlet, tcp};

/// Connections that are being made at one time. Further messages are not delivered.
const DIALS: usize = 64;
/// How long one may take. Their transaction waits 32 s.
const DIAL_LIMIT: Duration = Duration::from_secs(10);

/// A message and the connection that it was for.
#[derive(Debug)]
pub(crate) struct Lost {
    pub(crate) hop: Hop,
    pub(crate) bytes: Bytes,
}

/// What is done with a message for which there is no way (RFC 3261 §17.1.4, §18.4).
pub type OnUndelivered = Arc<dyn Fn(Message) + Send + Sync>;

/// Where messages come out whose connection is gone.
#[derive(Debug)]
pub struct LostMessages(pub(crate) mpsc::Receiver<Lost>);

impl LostMessages {
    /// Delivers them over new connections as [`second_way`] says, whose messages go into `inlet`. What cannot be delivered is
    /// given to `undelivered`; so is what would come back to us at one of the addresses that we are `listening` on. Goes on as long
    /// as the runtime.
    pub async fn redial(
        mut self,
        inlet: Inlet,
        limits: StreamLimits,
        listening: Vec<SocketAddr>,
        undelivered: OnUndelivered,
    ) {
        let redial = Redial { inlet, limits, listening, undelivered, places: Arc::new(Semaphore::new(DIALS)) };
        while let Some(lost) = self.0.recv().await {
            redial.deliver(&lost);
        }
    }
}

#[derive(Clone)]
struct Redial {
    inlet: Inlet,
    limits: StreamLimits,
    listening: Vec<SocketAddr>,
    undelivered: OnUndelivered,
    places: Arc<Semaphore>,
}

impl Redial {
    fn deliver(&self, lost: &Lost) {
        // A pong, or the like: nobody waits for it.
        let Ok(message) = Message::parse_datagram(lost.bytes.clone()) else { return };
        let hop = second_way(&message, &lost.hop).filter(|hop| !is_ours(hop.remote, &self.listening));
        let Some(hop) = hop else { return self.give_up(message) };
        match self.inlet.connections().send_or_open(hop, &lost.bytes) {
            Ok(None) => {}
            Ok(Some(connection)) => match self.places.clone().try_acquire_owned() {
                Ok(place) => drop(tokio::spawn(self.clone().dial(connection, place))),
                Err(_) => self.give_back(connection),
            },
            Err(_) => self.give_up(message),
        }
    }

    async fn dial(self, connection: Connection, place: OwnedSemaphorePermit) {
        let hop = connection.hop();
        let metrics = self.inlet.connections().metrics();
        add(&metrics.dialled, 1);
        match timeout(DIAL_LIMIT, connect(&hop)).await {
            Ok(Ok(stream)) => {
                drop(place);
                stream_task::run(stream, connection, self.inlet, self.limits).await;
            }
            failed => {
                add(&metrics.dial_errors, 1);
                let error = failed.map_or_else(|_| "no answer".to_owned(), |result| format!("{:?}", result.err()));
                tracing::debug!(%hop, error, "no new connection for a message whose own is gone");
                self.give_back(connection);
            }
        }
    }

    /// Whatever waits for a connection that does not come about.
    fn give_back(&self, mut connection: Connection) {
        connection.rest().into_iter().filter_map(|bytes| Message::parse_datagram(bytes).ok()).for_each(|message| {
            self.give_up(message);
        });
    }

    fn give_up(&self, message: Message) {
        add(&self.inlet.connections().metrics().undelivered, 1);
        (self.undelivered)(message);
    }
}

/// Whether a connection to `remote` would come to one of our own listeners.
fn is_ours(remote: SocketAddr, listening: &[SocketAddr]) -> bool {
    let ip = remote.ip().to_canonical();
    let may_come = |listening: &&SocketAddr| listening.port() == remote.port();
    listening.iter().filter(may_come).any(|listening| match listening.ip() {
        // On every address of this machine, and only such a one can be bound.
        all if all.is_unspecified() => can_bind(SocketAddr::new(ip, 0)).is_ok(),
        one => one.to_canonical() == ip,
    })
}

fn can_bind(address: SocketAddr) -> io::Result<()> {
    Socket::new(Domain::for_address(address), Type::STREAM, None)?.bind(&address.into())
}

/// From the address that the peer knows us by, and any port.
async fn connect(hop: &Hop) -> io::Result<TcpStream> {
    let socket = if hop.remote.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.bind(SocketAddr::new(hop.local.ip(), 0))?;
    let stream = socket.connect(hop.remote).await?;
    tcp::set_options(&stream)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_listeners_are_known() {
        #[track_caller]
        fn check(remote: &str, listening: &str, expected: bool) {
            assert_eq!(is_ours(remote.parse().unwrap(), &[listening.parse().unwrap()]), expected, "{remote}");
        }
        check("127.0.0.34:5060", "127.0.0.34:5060", true);
        check("[::ffff:127.0.0.34]:5060", "127.0.0.34:5060", true);
        check("127.0.0.35:5060", "127.0.0.34:5060", false);
        check("127.0.0.34:5070", "127.0.0.34:5060", false);
        check("127.0.0.35:5060", "0.0.0.0:5060", true);
        // RFC 5737: nobody has it.
        check("192.0.2.1:5060", "0.0.0.0:5060", false);
    }
}

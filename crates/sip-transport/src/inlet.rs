//! The way of everything that arrives into the lanes: datagrams at once or not at all, messages of a connection with patience.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base::LoopId;
use bytes::Bytes;
use sip_core::{Hop, Message};

use crate::metrics::add;
use crate::{Connections, Edge, Lane, Pushed, SipSender};

/// Puts a message into a lane of a loop without waiting.
pub type Push = Arc<dyn Fn(LoopId, Lane, Message, Hop) -> Pushed + Send + Sync>;

/// Is told of the end of each connection over which somebody has tried to register. By then another one may be open over another hop,
/// never over this one.
pub type OnClosed = Arc<dyn Fn(Hop) + Send + Sync>;

/// How long a message of a connection waits for room before it is tried again.
const ROOM_ROUND: Duration = Duration::from_millis(5);
/// How many times: 10 s in all. A loop that is so far behind is lost to its calls, and to close tells the other side.
const ROOM_ROUNDS: u32 = 2_000;

/// The lane of dialogs has stayed full for 10 s: a message was lost, and its connection is to be closed, since over a
/// connection nobody repeats it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoRoom;

impl fmt::Display for NoRoom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the control loop has had no room for a message for 10 s")
    }
}

impl std::error::Error for NoRoom {}

/// Sorts what arrives and hands it to the loops. Cloning is cheap.
#[derive(Clone)]
pub struct Inlet {
    edge: Arc<Edge>,
    push: Push,
    sender: SipSender,
    closed: OnClosed,
}

impl Inlet {
    /// What arrives is sorted by `edge` and put into lanes by `push`; stateless answers go out by `sender`. The end of a connection
    /// over TCP or TLS is told to `closed`.
    pub fn new(edge: Arc<Edge>, push: Push, sender: SipSender, closed: OnClosed) -> Inlet {
        Inlet { edge, push, sender, closed }
    }

    /// One datagram. What finds no room is answered by 503 or, within a dialog, dropped: it will be repeated.
    pub fn datagram(&self, datagram: Bytes, hop: Hop) {
        log(&datagram, &hop);
        self.edge.receive(datagram, hop, &*self.push, |to, answer| self.answer(to, answer));
    }

    /// What one WebSocket frame held. It is counted here, other than what comes in a stream; for the rest see [`Inlet::message`].
    ///
    /// # Errors
    /// As [`Inlet::message`].
    pub async fn frame(&self, message: Bytes, hop: Hop) -> Result<(), NoRoom> {
        let metrics = self.connections().metrics();
        add(&metrics.received_bytes, message.len() as u64);
        let is_keep_alive = message.iter().all(|octet| matches!(octet, b'\r' | b'\n'));
        add(&metrics.received_messages, u64::from(!is_keep_alive));
        self.message(message, hop).await
    }

    /// One message that came whole over a connection: cut out of a stream, or one WebSocket frame. One that cannot be read is
    /// answered by 400 where that is possible, a keep-alive as it asks, and the connection goes on. While a message of a
    /// dialog finds no room this waits, and with it the connection, whose peer is slowed down.
    ///
    /// # Errors
    /// [`NoRoom`] when that does not help: the connection is to be closed.
    pub async fn message(&self, message: Bytes, hop: Hop) -> Result<(), NoRoom> {
        log(&message, &hop);
        let mut refused = self.edge.receive_whole(message, hop, &*self.push, |to, answer| self.answer(to, answer));
        for _ in 0..ROOM_ROUNDS {
            let Some(message) = refused else { return Ok(()) };
            tokio::time::sleep(ROOM_ROUND).await;
            refused = self.edge.hand_on(message, hop, &*self.push);
        }
        if refused.is_none() {
            return Ok(());
        }
        add(&self.edge.metrics().dialog_full, 1);
        Err(NoRoom)
    }

    /// The connections that answers go over.
    pub fn connections(&self) -> &Connections {
        self.sender.connections()
    }

    /// A double line end came: a ping (RFC 5626 §4.4.1).
    pub(crate) fn pong(&self, hop: &Hop) {
        add(&self.edge.metrics().keep_alives, 1);
        self.connections().send(hop, b"\r\n");
    }

    /// A connection has ended over which somebody has tried to register.
    pub(crate) fn closed(&self, hop: Hop) {
        if !self.connections().is_open(&hop) {
            (self.closed)(hop);
        }
    }

    /// A message that its connection has not taken to the end.
    pub(crate) fn lost(&self, hop: &Hop, message: &[u8]) -> bool {
        self.sender.lost(hop, message)
    }

    /// A stateless answer. If it is lost, the request is repeated or its sender is gone.
    fn answer(&self, to: &Hop, answer: &[u8]) {
        self.sender.send(to, answer);
    }
}

impl fmt::Debug for Inlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inlet").field("edge", &self.edge).finish_non_exhaustive()
    }
}

fn log(message: &[u8], hop: &Hop) {
    tracing::debug!(target: "flowswitch::sip", %hop, message = %String::from_utf8_lossy(message), "received");
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    use sip_core::Transport;

    use super::*;
    use crate::{BindSockets, ConnectionLimits, Connections, UdpTransport};

    const LIMITS: ConnectionLimits = ConnectionLimits { max: 1, max_per_address: 1, max_waiting_bytes: 10_000 };

    /// An inlet whose lanes are full the first `full` times, what got in, and the connections that answers go to.
    fn inlet(full: usize) -> (Inlet, Arc<Mutex<Vec<Message>>>, Connections) {
        let (edge, connections, taken) = (Arc::new(Edge::new(1, 3)), Connections::new(LIMITS), Arc::default());
        let (tries, lane) = (AtomicUsize::new(0), Arc::clone(&taken));
        let push: Push = Arc::new(move |_, _, message, _| match tries.fetch_add(1, Relaxed) < full {
            true => Pushed::Full(message),
            false => {
                let lane: &Mutex<Vec<Message>> = &lane;
                lane.lock().unwrap().push(message);
                Pushed::Taken
            }
        });
        let udp = UdpTransport::bind(&[], &mut BindSockets).unwrap();
        (
            Inlet::new(edge, push, SipSender::new(udp.sender(), connections.clone()), Arc::new(|_| ())),
            taken,
            connections,
        )
    }

    fn hop() -> Hop {
        let (local, remote) = ("127.0.0.1:5060".parse().unwrap(), "127.0.0.2:1000".parse().unwrap());
        Hop { transport: Transport::Tcp, listener: 1, local, remote }
    }

    fn request(method: &str, to_tag: &str) -> Bytes {
        let text = format!(
            "{method} sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.2;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:a@b>{to_tag}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        );
        Bytes::from(text)
    }

    #[tokio::test(start_paused = true)]
    async fn a_bye_over_a_connection_waits_until_its_lane_has_room() {
        let (inlet, taken, _) = inlet(7);
        assert_eq!(inlet.message(request("BYE", ";tag=2"), hop()).await, Ok(()));
        assert_eq!(taken.lock().unwrap().len(), 1);
        assert_eq!(inlet.edge.metrics().requests.load(Relaxed), 1);
        assert_eq!(inlet.edge.metrics().dialog_full.load(Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_whose_message_finds_no_room_for_ten_seconds_is_to_be_closed() {
        let (inlet, taken, _) = inlet(usize::MAX);
        let started = tokio::time::Instant::now();
        assert_eq!(inlet.message(request("BYE", ";tag=2"), hop()).await, Err(NoRoom));
        assert!((10..12).contains(&started.elapsed().as_secs()));
        assert!(taken.lock().unwrap().is_empty());
        assert_eq!(inlet.edge.metrics().dialog_full.load(Relaxed), 1);
    }

    #[tokio::test]
    async fn messages_in_frames_are_counted_and_keep_alives_are_only_octets() {
        let (inlet, taken, connections) = inlet(0);
        let bye = request("BYE", ";tag=2");
        let octets = bye.len() as u64 + 4;
        for frame in [bye, Bytes::from_static(b"\r\n\r\n")] {
            assert_eq!(inlet.frame(frame, hop()).await, Ok(()));
        }
        let metrics = connections.metrics();
        let counted = (metrics.received_messages.load(Relaxed), metrics.received_bytes.load(Relaxed));
        assert_eq!((counted, taken.lock().unwrap().len()), ((1, octets), 1));
    }

    #[tokio::test]
    async fn answers_of_the_edge_go_over_the_connection() {
        let (inlet, _, connections) = inlet(usize::MAX);
        let mut connection = connections.open(hop()).unwrap();
        for (message, answer) in [
            (request("INVITE", ""), "SIP/2.0 503 "),
            (Bytes::from_static(b"\r\n\r\n"), "\r\n"),
            (Bytes::from_static(b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\nCSeq: x\r\n\r\n"), "SIP/2.0 400 "),
        ] {
            assert_eq!(inlet.message(message, hop()).await, Ok(()));
            let sent = connection.next().await.unwrap();
            assert!(sent.starts_with(answer.as_bytes()), "{}", String::from_utf8_lossy(&sent));
        }
    }
}

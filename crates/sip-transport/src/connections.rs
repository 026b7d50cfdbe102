//! The connections that are open: how many there may be, and the way of a message from any thread to the task that has the
//! right one.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base::Network;
use bytes::Bytes;
use sip_core::Hop;
use tokio::sync::mpsc;

use crate::ConnectionMetrics;
use crate::metrics::add;
use crate::seldom::Seldom;

/// How much all connections may take. One counts until its socket is closed: also while it still writes, or says goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Most connections at one time.
    pub max: usize,
    /// Most of them with one address of the other side, or one /64 of IPv6.
    pub max_per_address: usize,
    /// Most octets that wait for one connection because the other side does not read; with more it is given up.
    pub max_waiting_bytes: usize,
}

/// Why there is no room for a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionRefused {
    /// There are as many as there may be.
    Full,
    /// That address has as many as it may have.
    AddressFull,
    /// [`Connections::close_all`] was called.
    Ending,
}

impl fmt::Display for ConnectionRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ConnectionRefused::Full => "as many SIP connections are open as there may be",
            ConnectionRefused::AddressFull => "as many SIP connections are open with this address as there may be",
            ConnectionRefused::Ending => "all SIP connections are being closed",
        })
    }
}

impl std::error::Error for ConnectionRefused {}

/// How often [`Connections::all_ended`] looks.
const LOOK: Duration = Duration::from_millis(5);

/// All open connections, whatever carries them. Cloning is cheap.
///
/// Every connection has a task, which reads, and writes what [`Connection::next`] gives it.
#[derive(Clone, Debug)]
pub struct Connections(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    limits: ConnectionLimits,
    metrics: ConnectionMetrics,
    table: Mutex<Table>,
    refusals: Seldom,
}

#[derive(Debug, Default)]
struct Table {
    open: HashMap<Hop, Entry>,
    last_number: u64,
    /// How many have a task and with it a socket, closed ones that still write or say goodbye included.
    tasks: usize,
    /// The same of each network.
    of_network: HashMap<Network, usize>,
    is_ending: bool,
}

/// The sending end of a connection.
#[derive(Debug)]
struct Entry {
    number: u64,
    messages: mpsc::UnboundedSender<Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
}

impl Connections {
    /// None yet.
    pub fn new(limits: ConnectionLimits) -> Connections {
        let table = Mutex::new(Table::default());
        let (metrics, refusals) = (ConnectionMetrics::default(), Seldom::default());
        Connections(Arc::new(Shared { limits, metrics, table, refusals }))
    }

    /// Makes room for a connection over `hop`. One that was open over the same hop is over: its peer must have forgotten it.
    ///
    /// # Errors
    /// [`ConnectionRefused`] when there are too many.
    pub fn open(&self, hop: Hop) -> Result<Connection, ConnectionRefused> {
        let network = Network::of(hop.remote.ip());
        let mut table = self.table();
        table.close(&hop, None);
        let refused = if table.is_ending {
            Some(ConnectionRefused::Ending)
        } else if table.tasks >= self.0.limits.max {
            Some(ConnectionRefused::Full)
        } else if table.of_network.get(&network).is_some_and(|&tasks| tasks >= self.0.limits.max_per_address) {
            Some(ConnectionRefused::AddressFull)
        } else {
            None
        };
        if let Some(refused) = refused {
            drop(table);
            self.refused(refused, &hop);
            return Err(refused);
        }
        table.last_number += 1;
        table.tasks += 1;
        let (number, waiting_bytes) = (table.last_number, Arc::new(AtomicUsize::new(0)));
        // Bounded by the octets that wait in it.
        let (messages, outgoing) = mpsc::unbounded_channel();
        table.open.insert(hop, Entry { number, messages, waiting_bytes: waiting_bytes.clone() });
        *table.of_network.entry(network).or_default() += 1;
        add(&self.0.metrics.opened, 1);
        Ok(Connection { hop, number, outgoing, waiting_bytes, connections: self.clone() })
    }

    fn refused(&self, refused: ConnectionRefused, hop: &Hop) {
        add(&self.0.metrics.refused, 1);
        let (key, limit) = match refused {
            ConnectionRefused::Full => ("sip.max_connections", self.0.limits.max),
            ConnectionRefused::AddressFull => ("sip.max_connections_per_address", self.0.limits.max_per_address),
            ConnectionRefused::Ending => return,
        };
        if let Some(others) = self.0.refusals.line() {
            let (transport, remote) = (hop.transport.via_name(), hop.remote);
            tracing::warn!(%remote, transport, limit, others, "a connection was turned away: {refused} ({key})");
        }
    }

    /// Hands a message to the connection over `hop`, or makes room for one, in which it waits for the task to come. None: it is
    /// handed over.
    ///
    /// # Errors
    /// [`ConnectionRefused`] when there are too many.
    pub(crate) fn send_or_open(&self, hop: Hop, bytes: &[u8]) -> Result<Option<Connection>, ConnectionRefused> {
        if self.is_open(&hop) && self.send(&hop, bytes) {
            return Ok(None);
        }
        let connection = self.open(hop)?;
        self.send(&hop, bytes);
        Ok(Some(connection))
    }

    /// Hands a message to the connection over `hop`. False if none is open, or the other side reads so slowly that it is
    /// given up herewith.
    pub fn send(&self, hop: &Hop, bytes: &[u8]) -> bool {
        let mut table = self.table();
        let Some(entry) = table.open.get(hop) else {
            add(&self.0.metrics.not_open, 1);
            return false;
        };
        let waiting = entry.waiting_bytes.fetch_add(bytes.len(), Relaxed) + bytes.len();
        if waiting > self.0.limits.max_waiting_bytes {
            add(&self.0.metrics.not_read, 1);
            table.close(hop, None);
            return false;
        }
        if entry.messages.send(Bytes::copy_from_slice(bytes)).is_err() {
            add(&self.0.metrics.not_open, 1);
            return false;
        }
        add(&self.0.metrics.sent_messages, 1);
        add(&self.0.metrics.sent_bytes, bytes.len() as u64);
        true
    }

    /// Closes all, and lets no more be opened. What was handed to them is still written.
    pub fn close_all(&self) {
        let mut table = self.table();
        table.is_ending = true;
        table.open.clear();
    }

    /// Returns when the last task has dropped its [`Connection`].
    pub async fn all_ended(&self) {
        while self.table().tasks > 0 {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Whether a message over `hop` would find a connection.
    pub fn is_open(&self, hop: &Hop) -> bool {
        self.table().open.contains_key(hop)
    }

    /// How many there are, those that still write or say goodbye included: what the limits are compared with.
    pub fn count(&self) -> usize {
        self.table().tasks
    }

    /// The counters.
    pub fn metrics(&self) -> &ConnectionMetrics {
        &self.0.metrics
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // Nothing in here panics half way.
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// Forgets the connection over `hop`, or only if it is number `only`.
    fn close(&mut self, hop: &Hop, only: Option<u64>) {
        if self.open.get(hop).is_some_and(|entry| only.is_none_or(|number| number == entry.number)) {
            self.open.remove(hop);
        }
    }

    /// One of this network has given its place back.
    fn ended(&mut self, network: Network) {
        self.tasks -= 1;
        if let Some(tasks) = self.of_network.get_mut(&network) {
            *tasks -= 1;
            if *tasks == 0 {
                self.of_network.remove(&network);
            }
        }
    }
}

/// A place among the connections, for the task that reads and writes it. Dropping it gives the place back, so that it is to be
/// dropped after the socket.
#[derive(Debug)]
pub struct Connection {
    hop: Hop,
    number: u64,
    outgoing: mpsc::UnboundedReceiver<Bytes>,
    waiting_bytes: Arc<AtomicUsize>,
    connections: Connections,
}

impl Connection {
    /// What its messages come from and answers go to.
    pub fn hop(&self) -> Hop {
        self.hop
    }

    /// What ends it from its own task while that waits in [`Connection::next`].
    pub(crate) fn closer(&self) -> Closer {
        Closer { hop: self.hop, number: self.number, connections: self.connections.clone() }
    }

    /// Ends it and gives back what was not taken.
    pub(crate) fn rest(&mut self) -> Vec<Bytes> {
        self.closer().close();
        std::iter::from_fn(|| self.outgoing.try_recv().ok()).collect()
    }

    /// The next message to write; none when the connection is over, because the other side does not read or has made a new
    /// one. A task that waits for its peer to take a message does not come here, so it needs a time limit for that.
    pub async fn next(&mut self) -> Option<Bytes> {
        let message = self.outgoing.recv().await?;
        self.waiting_bytes.fetch_sub(message.len(), Relaxed);
        Some(message)
    }

    /// Takes no more messages: what is sent to it from now on is not sent.
    pub fn close(&self) {
        self.connections.table().close(&self.hop, Some(self.number));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let mut table = self.connections.table();
        table.close(&self.hop, Some(self.number));
        table.ended(Network::of(self.hop.remote.ip()));
    }
}

/// Ends one connection.
#[derive(Debug)]
pub(crate) struct Closer {
    hop: Hop,
    number: u64,
    connections: Connections,
}

impl Closer {
    /// Nothing more is taken; what waits is still given to the task.
    pub(crate) fn close(&self) {
        self.connections.table().close(&self.hop, Some(self.number));
    }
}

#[cfg(test)]
mod tests {
    use sip_core::Transport;

    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits { max: 3, max_per_address: 2, max_waiting_bytes: 10 };

    fn from(remote: &str) -> Hop {
        let local = "127.0.0.1:5060".parse().unwrap();
        Hop { transport: Transport::Tcp, listener: 1, local, remote: remote.parse().unwrap() }
    }

    #[tokio::test]
    async fn a_message_goes_to_the_connection_of_its_hop_while_that_is_open() {
        let connections = Connections::new(LIMITS);
        let (near, far) = (from("192.0.2.1:1000"), from("192.0.2.2:1000"));
        let mut first = connections.open(near).unwrap();
        let mut second = connections.open(far).unwrap();
        assert!(connections.send(&near, b"one") && connections.send(&far, b"two"));
        assert_eq!(first.next().await.unwrap(), "one");
        assert_eq!(second.next().await.unwrap(), "two");
        drop(first);
        assert!(!connections.send(&near, b"three") && connections.send(&far, b"four"));
        assert_eq!(connections.metrics().not_open.load(Relaxed), 1);
    }

    #[tokio::test]
    async fn what_waits_in_a_connection_that_is_ended_is_given_back() {
        let connections = Connections::new(LIMITS);
        let hop = from("192.0.2.1:1000");
        let mut connection = connections.send_or_open(hop, b"one").unwrap().unwrap();
        assert!(connections.send_or_open(hop, b"two").unwrap().is_none());
        assert_eq!(connection.rest(), ["one", "two"]);
        assert!(!connections.is_open(&hop));
        assert_eq!(connection.next().await, None);
    }

    #[test]
    fn there_are_no_more_than_there_may_be_in_all_and_of_one_address() {
        let connections = Connections::new(LIMITS);
        let first = connections.open(from("192.0.2.1:1000")).unwrap();
        let _second = connections.open(from("192.0.2.1:1001")).unwrap();
        assert_eq!(connections.open(from("[::ffff:192.0.2.1]:1002")).unwrap_err(), ConnectionRefused::AddressFull);
        let _third = connections.open(from("192.0.2.2:1000")).unwrap();
        assert_eq!(connections.open(from("192.0.2.3:1000")).unwrap_err(), ConnectionRefused::Full);
        drop(first);
        assert_eq!(connections.count(), 2);
        let _fourth = connections.open(from("192.0.2.1:1002")).unwrap();
    }

    #[test]
    fn a_64_of_ipv6_is_one_address() {
        let connections = Connections::new(LIMITS);
        let _first = connections.open(from("[2001:db8::1]:1000")).unwrap();
        let _second = connections.open(from("[2001:db8::2]:1000")).unwrap();
        assert_eq!(connections.open(from("[2001:db8::f:3]:1000")).unwrap_err(), ConnectionRefused::AddressFull);
        let _other = connections.open(from("[2001:db8:0:1::1]:1000")).unwrap();
    }

    #[tokio::test]
    async fn one_that_is_closed_takes_its_place_until_its_socket_is_closed() {
        let connections = Connections::new(LIMITS);
        let [first, second] =
            ["192.0.2.1:1000", "192.0.2.1:1001"].map(|remote| connections.open(from(remote)).unwrap());
        first.close();
        second.close();
        assert_eq!(connections.open(from("192.0.2.1:1002")).unwrap_err(), ConnectionRefused::AddressFull);
        let _third = connections.open(from("192.0.2.2:1000")).unwrap();
        assert_eq!(connections.open(from("192.0.2.3:1000")).unwrap_err(), ConnectionRefused::Full);
        assert_eq!(connections.count(), 3, "of which two say goodbye");
        drop(first);
        let _fourth = connections.open(from("192.0.2.1:1002")).unwrap();
        assert_eq!(connections.open(from("192.0.2.1:1000")).unwrap_err(), ConnectionRefused::Full);
    }

    #[tokio::test]
    async fn who_does_not_read_is_given_up() {
        let connections = Connections::new(LIMITS);
        let hop = from("192.0.2.1:1000");
        let mut connection = connections.open(hop).unwrap();
        assert!(connections.send(&hop, b"12345"));
        assert_eq!(connection.next().await.unwrap(), "12345");
        assert!(connections.send(&hop, b"12345678"));
        assert!(!connections.send(&hop, b"901"), "8 of 10 octets wait");
        assert!(!connections.is_open(&hop));
        assert_eq!(connection.next().await.unwrap(), "12345678");
        assert_eq!(connection.next().await, None);
        assert_eq!(connections.metrics().not_read.load(Relaxed), 1);
    }

    #[tokio::test]
    async fn a_new_connection_over_the_same_hop_ends_the_old_one() {
        let connections = Connections::new(LIMITS);
        let hop = from("192.0.2.1:1000");
        let mut old = connections.open(hop).unwrap();
        let mut new = connections.open(hop).unwrap();
        assert_eq!(old.next().await, None);
        drop(old);
        assert!(connections.send(&hop, b"hello"));
        assert_eq!(new.next().await.unwrap(), "hello");
        assert_eq!(connections.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_end_what_waits_is_written_and_nothing_is_opened() {
        let connections = Connections::new(LIMITS);
        let hop = from("192.0.2.1:1000");
        let mut connection = connections.open(hop).unwrap();
        assert!(connections.send(&hop, b"BYE"));
        connections.close_all();
        assert!(!connections.send(&hop, b"late"));
        assert_eq!(connections.open(hop).unwrap_err(), ConnectionRefused::Ending);
        assert_eq!((connections.count(), connection.next().await.as_deref()), (1, Some(&b"BYE"[..])));
        assert_eq!(connection.next().await, None);
        let ended = tokio::time::timeout(Duration::from_secs(1), connections.all_ended());
        assert!(ended.await.is_err(), "its task still says goodbye");
        drop(connection);
        connections.all_ended().await;
    }

    #[test]
    fn one_that_is_closed_takes_no_messages_while_it_says_goodbye() {
        let connections = Connections::new(LIMITS);
        let hop = from("192.0.2.1:1000");
        let old = connections.open(hop).unwrap();
        old.close();
        assert!(!connections.send(&hop, b"x"));
        let _new = connections.open(hop).unwrap();
        drop(old);
        assert!(connections.send(&hop, b"x"), "the old one closed the new one");
    }
}

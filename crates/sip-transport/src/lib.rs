//! SIP on the wire: listeners over UDP, TCP and TLS, connections, the senders that go with them, and the edge that sorts what
//! arrives.
//!
//! Entry types: [`UdpTransport`] binds and receives datagrams, [`TcpTransport`] takes connections, [`Connections`] knows what is
//! open, [`SipSender`] sends over either from any thread, [`Inlet`] takes what came: its [`Edge`] turns it into a message in the
//! right lane of the right loop, or into a stateless answer.
//!
//! Invariants: a reply leaves from the address its request came to, and over the connection it came over; sending never
//! waits; nothing that arrives, and no error of a socket, ends a listener.
//!
//! ```text
//!   socket ─recvmmsg─► receive thread ─(Bytes, Hop)─► Inlet, Edge ─► lane of a loop      (dialog work | new work)
//!   stream ──────────► stream task ────(Bytes, Hop)─►   │
//!      ▲                                                │
//!      └──────────────── SipSender ◄── stateless 400, 503, keep-alive
//! ```

mod connections;
mod edge;
mod inlet;
mod listener;
mod metrics;
mod receive;
mod redial;
mod seldom;
mod sender;
mod sip_sender;
mod socket_source;
mod stream_task;
mod sys;
mod tcp;
mod tls;

pub use connections::{Connection, ConnectionLimits, ConnectionRefused, Connections};
pub use edge::{Edge, EdgeMetrics, Lane, Pushed};
pub use inlet::{Inlet, NoRoom, OnClosed, Push};
pub use listener::{BindError, BoundListener, ListenerConfig, UdpTransport};
pub use metrics::{ConnectionMetrics, UdpMetrics};
pub use receive::OnDatagram;
pub use redial::{LostMessages, OnUndelivered};
pub use sender::UdpSender;
pub use sip_sender::SipSender;
pub use socket_source::{BindSockets, SocketSource};
pub use stream_task::StreamLimits;
pub use tcp::TcpTransport;

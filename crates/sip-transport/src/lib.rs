//! SIP on the wire: UDP listeners, the sender that goes with them, and the edge that sorts what arrives.
//!
//! Entry types: [`UdpTransport`] binds and receives, [`UdpSender`] sends from any thread, [`Edge`] turns a datagram into a
//! message in the right lane of the right loop, or into a stateless answer.
//!
//! Invariants: a reply leaves from the address its request came to; sending never waits; nothing that arrives, and no error
//! of a socket, ends a listener.
//!
//! ```text
//!   socket ─recvmmsg─► receive thread ─(Bytes, Hop)─► Edge ─► lane of a loop      (dialog work | new work)
//!      ▲                                               │
//!      └──────────────── UdpSender ◄── stateless 400, 503, keep-alive
//! ```

mod edge;
mod listener;
mod metrics;
mod receive;
mod sender;
mod socket_source;
mod sys;

pub use edge::{Edge, EdgeMetrics, Lane, Pushed};
pub use listener::{BindError, BoundListener, ListenerConfig, UdpTransport};
pub use metrics::UdpMetrics;
pub use receive::OnDatagram;
pub use sender::UdpSender;
pub use socket_source::{BindSockets, SocketSource};

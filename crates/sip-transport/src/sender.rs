//! Sending from any thread, never waiting.

use std::io;
use std::sync::Arc;

use sip_core::Hop;

use crate::listener::Listener;
use crate::metrics::add;
use crate::sys;

/// Sends over the sockets of all listeners. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct UdpSender {
    listeners: Arc<[Listener]>,
}

impl UdpSender {
    pub(crate) fn new(listeners: Arc<[Listener]>) -> UdpSender {
        UdpSender { listeners }
    }

    /// Sends one datagram to `hop.remote`, from `hop.local` over the listener of the hop. What cannot be sent is dropped and
    /// counted: SIP repeats what matters (RFC 3261 §17). False if it was not sent.
    pub fn send(&self, hop: &Hop, bytes: &[u8]) -> bool {
        let Some(listener) = self.listeners.get(usize::from(hop.listener)) else {
            // A hop of another configuration; there is no listener whose counter it could be.
            tracing::warn!(%hop, listener = hop.listener, "no such listener; a datagram is dropped");
            return false;
        };
        let metrics = &listener.metrics;
        match sys::send_from(&listener.socket, bytes, hop.local.ip(), hop.remote) {
            Ok(()) => {
                add(&metrics.sent_datagrams, 1);
                add(&metrics.sent_bytes, bytes.len() as u64);
                true
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                add(&metrics.send_would_block, 1);
                false
            }
            Err(error) => {
                add(&metrics.send_errors, 1);
                tracing::debug!(%hop, %error, "a datagram could not be sent");
                false
            }
        }
    }
}

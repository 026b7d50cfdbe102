//! Sending over whatever a hop names, from any thread, never waiting.

use sip_core::{Hop, Transport};

use crate::{Connections, UdpSender};

/// Sends over the UDP listeners and the open connections. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct SipSender {
    udp: UdpSender,
    connections: Connections,
}

impl SipSender {
    /// A sender over both.
    pub fn new(udp: UdpSender, connections: Connections) -> SipSender {
        SipSender { udp, connections }
    }

    /// Sends one message to `hop.remote`. False if it was not sent, which is counted: over UDP, SIP repeats what matters; a
    /// connection that is gone took its peer with it.
    pub fn send(&self, hop: &Hop, bytes: &[u8]) -> bool {
        match hop.transport {
            Transport::Udp => self.udp.send(hop, bytes),
            _ => self.connections.send(hop, bytes),
        }
    }
}

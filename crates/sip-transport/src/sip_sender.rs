//! Sending over whatever a hop names, from any thread, never waiting.

use bytes::Bytes;
use sip_core::{Hop, Transport};
use tokio::sync::mpsc;

use crate::metrics::add;
use crate::redial::{Lost, LostMessages};
use crate::{Connections, UdpSender};

/// Messages that may wait to be looked at because their connection is gone. Only who vanishes in the midst of a call causes
/// one; what does not fit is as good as a datagram that was lost.
const LOST: usize = 1_024;

/// Sends over the UDP listeners and the open connections. Cloning is cheap.
#[derive(Clone, Debug)]
pub struct SipSender {
    udp: UdpSender,
    connections: Connections,
    lost: Option<mpsc::Sender<Lost>>,
}

impl SipSender {
    /// A sender over both. What finds its connection gone is dropped.
    pub fn new(udp: UdpSender, connections: Connections) -> SipSender {
        SipSender { udp, connections, lost: None }
    }

    /// A sender that hands on what finds its connection gone, and where that comes out.
    pub fn with_lost_messages(self) -> (SipSender, LostMessages) {
        let (lost, messages) = mpsc::channel(LOST);
        (SipSender { lost: Some(lost), ..self }, LostMessages(messages))
    }

    /// Sends one message to `hop.remote`. False if it was not sent, which is counted: over UDP, SIP repeats what matters; for
    /// what belongs to a connection that is gone see [`LostMessages`].
    pub fn send(&self, hop: &Hop, bytes: &[u8]) -> bool {
        match hop.transport {
            Transport::Udp => self.udp.send(hop, bytes),
            _ => self.connections.send(hop, bytes) || self.lost(hop, bytes),
        }
    }

    /// The connections that it sends over.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// A message whose connection is gone. False: it is dropped.
    pub(crate) fn lost(&self, hop: &Hop, bytes: &[u8]) -> bool {
        let taken = self.lost.as_ref().is_some_and(|lost| {
            let message = Lost { hop: *hop, bytes: Bytes::copy_from_slice(bytes) };
            lost.try_send(message).is_ok()
        });
        if !taken {
            add(&self.connections.metrics().undelivered, 1);
        }
        taken
    }
}

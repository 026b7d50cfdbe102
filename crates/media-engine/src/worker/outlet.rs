//! The outside of a worker's streams: datagrams leave by their slot's socket, facts and freed things by rings.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use base::LoopId;
use media_core::{Event, Port, Retired, WorkerIo};
use rtrb::{Producer, PushError};

use super::WorkerShared;
use crate::io::packet::{self, Sent};
use crate::io::wake::Bell;
use crate::metrics::ThreadMetrics;

/// What a worker hands its results to. Nothing here waits, allocates or frees.
pub(crate) struct Outlet {
    pub(crate) shared: Arc<WorkerShared>,
    pub(crate) events: Producer<(LoopId, Event)>,
    pub(crate) retired: Producer<Retired>,
    /// The sockets are bound to the wildcard, so each packet must be told which address it leaves from.
    pub(crate) name_source: bool,
    pub(crate) bell: Arc<Bell>,
    /// Something was put into a ring since the bell was last rung.
    pub(crate) news: bool,
    pub(crate) numbers: ThreadMetrics,
}

impl Outlet {
    /// Wakes the facts thread if there is something for it and it sleeps.
    pub(crate) fn ring_for_news(&mut self) {
        if self.news {
            self.news = false;
            self.bell.ring();
        }
    }
}

impl WorkerIo for Outlet {
    fn send(&mut self, slot: u32, port: Port, datagram: &[u8], to: SocketAddr, from: IpAddr) -> bool {
        let Some(fd) = self.shared.socket(slot, port) else {
            self.numbers.send_failed += 1;
            return false;
        };
        let sent = packet::send(fd, datagram, to, self.name_source.then_some(from));
        match sent {
            Sent::Yes => self.numbers.datagrams_out += 1,
            Sent::Refused => self.numbers.send_refused += 1,
            Sent::Full => self.numbers.send_full += 1,
            Sent::Failed => self.numbers.send_failed += 1,
        }
        sent == Sent::Yes
    }

    fn event(&mut self, owner: LoopId, event: Event) -> Result<(), Event> {
        match self.events.push((owner, event)) {
            Ok(()) => {
                self.news = true;
                Ok(())
            }
            Err(PushError::Full((_, event))) => {
                self.numbers.event_ring_full += 1;
                self.news = true;
                Err(event)
            }
        }
    }

    fn retire(&mut self, retired: Retired) -> Result<(), Retired> {
        match self.retired.push(retired) {
            Ok(()) => {
                self.news = true;
                Ok(())
            }
            Err(PushError::Full(retired)) => {
                self.numbers.retired_ring_full += 1;
                self.news = true;
                Err(retired)
            }
        }
    }
}

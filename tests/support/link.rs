//! A link between a peer and the server: delay, loss, duplication and reordering, all decided by a seed.

use base::{MS, Random};

/// How a link treats the packets that cross it.
#[derive(Clone, Debug)]
pub struct Link {
    draws: [Random; 4],
    /// Time that every packet takes.
    pub delay_ms: u64,
    /// Up to this much is added, anew for each packet. More than the packets' spacing reorders them.
    pub jitter_ms: u64,
    /// Packets lost, per thousand.
    pub loss_permille: u32,
    /// Packets that arrive twice, per thousand.
    pub duplicate_permille: u32,
    /// The next SIP messages of one direction to lose for certain, counted down: to hit one message of a race.
    pub drop_next_to_server: u32,
    /// The same towards the peer.
    pub drop_next_to_peer: u32,
}

/// What a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cargo {
    /// A SIP message.
    Sip,
    /// RTP or RTCP.
    Rtp,
}

impl Link {
    /// A link without faults. SIP and RTP draw from their own seeds each way, so what happens to a packet does not depend
    /// on other links, nor on how packets alternate.
    pub(crate) fn new(seed: u16) -> Link {
        let draw = |stream: u8| {
            let mut bytes = [stream; 32];
            bytes[..2].copy_from_slice(&seed.to_be_bytes());
            Random::from_seed(bytes)
        };
        Link {
            draws: [draw(1), draw(2), draw(3), draw(4)],
            delay_ms: 5,
            jitter_ms: 0,
            loss_permille: 0,
            duplicate_permille: 0,
            drop_next_to_server: 0,
            drop_next_to_peer: 0,
        }
    }
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// From the peer to the server.
    ToServer,
    /// From the server to the peer.
    ToPeer,
}

impl Link {
    /// When the copies of one packet arrive, ns after it was sent. Empty: it is lost.
    pub(crate) fn arrivals(&mut self, way: Way, cargo: Cargo) -> Vec<u64> {
        let random = &mut self.draws[way as usize * 2 + cargo as usize];
        let certain = match way {
            Way::ToServer => &mut self.drop_next_to_server,
            Way::ToPeer => &mut self.drop_next_to_peer,
        };
        if cargo == Cargo::Sip && *certain > 0 {
            *certain -= 1;
            return Vec::new();
        }
        if random.next_u32() % 1000 < self.loss_permille {
            return Vec::new();
        }
        let copies = if random.next_u32() % 1000 < self.duplicate_permille { 2 } else { 1 };
        (0..copies)
            .map(|_| {
                let jitter_ns = random.next_u64() % (self.jitter_ms * MS + 1);
                self.delay_ms * MS + jitter_ns
            })
            .collect()
    }
}

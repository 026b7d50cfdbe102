//! Symmetric RTP (RFC 4961, RFC 7362 §4): which source a stream listens to, and where it sends.
//!
//! The address in the SDP is believed at once. Any other address, and any new SSRC, must first send two packets in sequence
//! (RFC 3550 A.1); it takes the place of a source that is being heard only when that one has fallen silent, so that a stray
//! packet cannot steal the stream. The address in the SDP needs no silence: it was signalled.

use std::net::SocketAddr;

use base::MS;

/// A packet from a new address that goes on with the SSRC and sequence of the known source: its NAT binding has changed.
/// The old address must have been silent this long.
const REBIND_SILENCE_NS: u64 = 100 * MS;
/// Any other source must have been silent this long.
const SOURCE_SILENCE_NS: u64 = 1000 * MS;
/// After the SDP has moved the peer, packets from where it was may still be under way this long. If they go on after that,
/// the peer is behind a NAT and stayed where it was.
const MOVE_GRACE_NS: u64 = 300 * MS;
/// Sequence numbers this far ahead, or a hundred behind, go on with a source (RFC 3550 A.1).
const SEQUENCE_AHEAD: u16 = 3000;
const SEQUENCE_BEHIND: u16 = 100;

/// Whose packet it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// The known source's.
    Known,
    /// The known source's, from another address.
    Moved,
    /// A new source's: forget what was known of the old one.
    New,
    /// Perhaps a new source's: the next packet in sequence will prove it.
    Probation,
    /// Not ours.
    Foreign,
}

/// The address side of one stream.
#[derive(Clone, Debug)]
pub(crate) struct Latch {
    signalled: SocketAddr,
    source: Option<Source>,
    /// Whether we send to the source; else to the signalled address.
    settled: bool,
    moved_ns: u64,
    last_packet_ns: u64,
    candidate: Option<Candidate>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    address: SocketAddr,
    ssrc: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Candidate {
    address: SocketAddr,
    ssrc: u32,
    next_sequence: u16,
}

impl Latch {
    pub(crate) fn new(signalled: SocketAddr) -> Latch {
        Latch { signalled, source: None, settled: false, moved_ns: 0, last_packet_ns: 0, candidate: None }
    }

    /// A new SDP. The same address keeps what was learned; an unusable one (hold by 0.0.0.0) does, too.
    pub(crate) fn signal(&mut self, now_ns: u64, address: SocketAddr) {
        if address == self.signalled || !is_usable(address) {
            return;
        }
        self.signalled = address;
        self.settled = self.source.is_some_and(|source| source.address == address);
        self.moved_ns = now_ns;
        self.candidate = None;
    }

    /// Where to send to; none before the SDP has named a usable address and nothing has arrived.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        match self.source {
            Some(source) if self.settled => Some(source.address),
            _ => Some(self.signalled).filter(|address| is_usable(*address)),
        }
    }

    /// SSRC of the source that is heard.
    pub(crate) fn ssrc(&self) -> Option<u32> {
        self.source.map(|source| source.ssrc)
    }

    /// Reads what [`Latch::admit`] will read (see [`super::Stream::touch`]).
    pub(crate) fn touch(&self) -> u64 {
        let source = self.source.map_or(0, |source| u64::from(source.ssrc));
        source ^ self.last_packet_ns ^ self.moved_ns ^ u64::from(self.signalled.port())
    }

    /// Whether this is the source that is heard.
    pub(crate) fn is_known(&self, from: SocketAddr, ssrc: u32) -> bool {
        self.source.is_some_and(|source| source.ssrc == ssrc && source.address == from)
    }

    /// Whether the address belongs to the peer as far as we know.
    pub(crate) fn is_peer(&self, from: SocketAddr) -> bool {
        self.source.map_or(from == self.signalled, |source| source.address == from)
    }

    /// Judges a packet. `highest`: the newest sequence number of the known source.
    #[inline]
    pub(crate) fn admit(&mut self, now_ns: u64, from: SocketAddr, ssrc: u32, sequence: u16, highest: u16) -> Admission {
        if self.is_known(from, ssrc) {
            self.last_packet_ns = now_ns;
            self.settled |= now_ns.saturating_sub(self.moved_ns) >= MOVE_GRACE_NS;
            return Admission::Known;
        }
        self.judge(now_ns, from, ssrc, sequence, highest)
    }

    fn judge(&mut self, now_ns: u64, from: SocketAddr, ssrc: u32, sequence: u16, highest: u16) -> Admission {
        let proven = self.candidate == Some(Candidate { address: from, ssrc, next_sequence: sequence });
        let silent_ns = now_ns.saturating_sub(self.last_packet_ns);
        let continues = self.ssrc() == Some(ssrc) && goes_on(sequence, highest);
        let admission = match self.source {
            None if from == self.signalled || proven => Admission::New,
            None => Admission::Probation,
            Some(source) if source.address == from => {
                if proven {
                    Admission::New
                } else {
                    Admission::Probation
                }
            }
            Some(_) if from == self.signalled => match (proven || !self.settled, continues) {
                (true, true) => Admission::Moved,
                (true, false) => Admission::New,
                (false, _) => Admission::Probation,
            },
            Some(_) if continues && silent_ns >= REBIND_SILENCE_NS => {
                if proven {
                    Admission::Moved
                } else {
                    Admission::Probation
                }
            }
            Some(_) if silent_ns >= SOURCE_SILENCE_NS => {
                if proven {
                    Admission::New
                } else {
                    Admission::Probation
                }
            }
            Some(_) => Admission::Foreign,
        };
        match admission {
            Admission::New | Admission::Moved => {
                self.source = Some(Source { address: from, ssrc });
                self.settled = true;
                self.last_packet_ns = now_ns;
                self.candidate = None;
            }
            Admission::Probation | Admission::Foreign => {
                self.candidate = Some(Candidate { address: from, ssrc, next_sequence: sequence.wrapping_add(1) });
            }
            Admission::Known => {}
        }
        admission
    }
}

/// An address that one can send to.
pub(crate) fn is_usable(address: SocketAddr) -> bool {
    !address.ip().is_unspecified() && address.port() != 0
}

fn goes_on(sequence: u16, highest: u16) -> bool {
    sequence.wrapping_sub(highest) < SEQUENCE_AHEAD || highest.wrapping_sub(sequence) <= SEQUENCE_BEHIND
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDP: &str = "10.0.0.1:4000";
    const NAT: &str = "192.0.2.1:9999";
    const STRANGER: &str = "203.0.113.5:6000";

    /// Feeds `(ms, from, ssrc, sequence)` and keeps the highest number as the receiver would.
    struct Listener {
        latch: Latch,
        highest: u16,
    }

    impl Listener {
        fn new() -> Listener {
            Listener { latch: Latch::new(SDP.parse().unwrap()), highest: 0 }
        }

        fn packet(&mut self, at_ms: u64, from: &str, ssrc: u32, sequence: u16) -> Admission {
            let admission = self.latch.admit(at_ms * MS, from.parse().unwrap(), ssrc, sequence, self.highest);
            if matches!(admission, Admission::Known | Admission::Moved | Admission::New) {
                self.highest = sequence;
            }
            admission
        }

        fn sends_to(&self) -> String {
            self.latch.destination().unwrap().to_string()
        }
    }

    use Admission::{Foreign, Known, Moved, New, Probation};

    #[test]
    fn the_signalled_address_is_believed_at_once() {
        let mut listener = Listener::new();
        assert_eq!(listener.sends_to(), SDP);
        assert_eq!(listener.packet(0, SDP, 1, 10), New);
        assert_eq!(listener.packet(20, SDP, 1, 11), Known);
    }

    #[test]
    fn behind_a_nat_two_packets_in_sequence_are_needed() {
        let mut listener = Listener::new();
        assert_eq!(listener.packet(0, NAT, 1, 10), Probation);
        assert_eq!(listener.packet(20, NAT, 1, 12), Probation);
        assert_eq!(listener.sends_to(), SDP);
        assert_eq!(listener.packet(40, NAT, 1, 13), New);
        assert_eq!(listener.sends_to(), NAT);
    }

    #[test]
    fn a_stranger_cannot_steal_a_stream_that_is_heard() {
        let mut listener = Listener::new();
        listener.packet(0, SDP, 1, 10);
        for n in 0..200 {
            let at_ms = u64::from(n) * 20;
            assert_eq!(listener.packet(at_ms, SDP, 1, 11 + n), Known);
            assert_eq!(listener.packet(at_ms + 1, STRANGER, 7, n), Foreign);
            assert_eq!(listener.packet(at_ms + 2, STRANGER, 1, 12 + n), Foreign, "even with the right numbers");
        }
        assert_eq!(listener.sends_to(), SDP);
    }

    #[test]
    fn a_changed_nat_binding_is_followed_after_a_short_silence() {
        let mut listener = Listener::new();
        listener.packet(0, SDP, 1, 10);
        assert_eq!(listener.packet(20, NAT, 1, 11), Foreign);
        assert_eq!(listener.packet(100, NAT, 1, 15), Probation);
        assert_eq!(listener.packet(120, NAT, 1, 16), Moved);
        assert_eq!(listener.sends_to(), NAT);
    }

    #[test]
    fn another_source_is_taken_after_a_long_silence_only() {
        let mut listener = Listener::new();
        listener.packet(0, SDP, 1, 10);
        assert_eq!(listener.packet(980, STRANGER, 7, 1), Foreign);
        assert_eq!(listener.packet(1000, STRANGER, 7, 2), New);
        // And the signalled one comes back when it speaks again.
        assert_eq!(listener.packet(1100, SDP, 1, 11), Probation);
        assert_eq!(listener.packet(1120, SDP, 1, 12), New);
        assert_eq!(listener.sends_to(), SDP);
    }

    #[test]
    fn a_restart_of_the_peer_is_a_new_ssrc_from_the_same_address() {
        let mut listener = Listener::new();
        listener.packet(0, SDP, 1, 10);
        assert_eq!(listener.packet(20, SDP, 2, 500), Probation);
        assert_eq!(listener.packet(40, SDP, 2, 501), New);
        assert_eq!(listener.packet(60, SDP, 1, 11), Probation);
    }

    #[test]
    fn a_new_sdp_moves_the_destination_at_once_and_old_packets_do_not_move_it_back() {
        let mut listener = Listener::new();
        listener.packet(0, SDP, 1, 10);
        listener.latch.signal(30 * MS, NAT.parse().unwrap());
        assert_eq!(listener.sends_to(), NAT);
        assert_eq!(listener.packet(40, SDP, 1, 11), Known, "still heard");
        assert_eq!(listener.sends_to(), NAT);
        assert_eq!(listener.packet(60, NAT, 1, 12), Moved);
        assert_eq!(listener.sends_to(), NAT);
        assert_eq!(listener.packet(70, SDP, 1, 13), Foreign);
    }

    #[test]
    fn a_peer_that_stays_where_it_was_after_a_new_sdp_gets_its_packets_there() {
        let mut listener = Listener::new();
        listener.packet(0, NAT, 1, 10);
        listener.packet(20, NAT, 1, 11);
        listener.latch.signal(1000 * MS, STRANGER.parse().unwrap());
        assert_eq!(listener.packet(1200, NAT, 1, 12), Known);
        assert_eq!(listener.sends_to(), STRANGER);
        assert_eq!(listener.packet(1300, NAT, 1, 13), Known);
        assert_eq!(listener.sends_to(), NAT);
    }

    #[test]
    fn hold_by_an_unspecified_address_and_an_unchanged_sdp_forget_nothing() {
        let mut listener = Listener::new();
        listener.packet(0, NAT, 1, 10);
        listener.packet(20, NAT, 1, 11);
        for address in ["0.0.0.0:4000", SDP, "10.0.0.9:0"] {
            listener.latch.signal(100 * MS, address.parse().unwrap());
            assert_eq!(listener.sends_to(), NAT);
        }
        assert_eq!(Latch::new("0.0.0.0:4000".parse().unwrap()).destination(), None);
    }
}

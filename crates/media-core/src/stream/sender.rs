//! The sending half of a stream: one SSRC, one sequence, one media clock, whatever the packets are made of.
//!
//! The media clock counts samples. It goes on while nothing is sent, so that timestamps show silence as the time it took.

use std::net::{IpAddr, SocketAddr};

use super::context::Context;
use crate::rtp::Header;
use crate::{Port, StreamSettings, StreamStats, WorkerIo};

/// Where what is sent goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    pub(crate) slot: u32,
    pub(crate) to: SocketAddr,
    pub(crate) from: IpAddr,
}

/// State of what we send.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    pub(crate) ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    /// Of the next generated frame.
    timestamp: u32,
    /// When that frame is due, ns.
    due_ns: u64,
    /// The next packet begins a talkspurt (RFC 3551 §4.1: it is the first one after a time in which none were sent; a sound that follows
    /// upon silence that was sent does not begin one).
    marker: bool,
    /// Timestamp just behind the last sent packet, and when it was sent.
    sent_until: u32,
    sent_ns: u64,
    pub(crate) packets: u64,
    pub(crate) octets: u64,
    pub(crate) errors: u64,
}

impl Sender {
    pub(crate) fn new(ssrc: u32, first_sequence: u16, first_timestamp: u32) -> Sender {
        Sender {
            ssrc,
            sequence: first_sequence,
            timestamp: first_timestamp,
            due_ns: 0,
            marker: true,
            sent_until: first_timestamp,
            sent_ns: 0,
            packets: 0,
            octets: 0,
            errors: 0,
        }
    }

    /// Reads what a packet changes (see [`super::Stream::touch`]).
    pub(crate) fn touch(&self) -> u64 {
        self.due_ns ^ self.octets ^ u64::from(self.ssrc)
    }

    /// Sets the clock going: frames are due at `phase_ns` within the frame length. Streams have different phases, which
    /// spreads the work.
    pub(crate) fn start(&mut self, now_ns: u64, frame_ns: u64, phase_ns: u64) {
        let into_frame = now_ns % frame_ns;
        let wait_ns = (phase_ns % frame_ns + frame_ns - into_frame) % frame_ns;
        self.due_ns = now_ns + wait_ns;
        self.sent_ns = now_ns;
    }

    /// When the next frame is due, ns.
    pub(crate) fn due_ns(&self) -> u64 {
        self.due_ns
    }

    /// The next frame is due at another moment; its timestamp stays.
    pub(crate) fn set_due(&mut self, due_ns: u64) {
        self.due_ns = due_ns;
    }

    /// Timestamp of the next frame.
    pub(crate) fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Sequence number of the next packet.
    pub(crate) fn sequence(&self) -> u16 {
        self.sequence
    }

    /// The next audio packet begins a talkspurt.
    pub(crate) fn begin_talkspurt(&mut self) {
        self.marker = true;
    }

    /// Whether an audio packet that is about to be sent begins a talkspurt.
    pub(crate) fn take_talkspurt(&mut self) -> bool {
        std::mem::take(&mut self.marker)
    }

    /// Frames of time have passed.
    pub(crate) fn advance(&mut self, frames: u64, settings: &StreamSettings) {
        self.due_ns += frames * settings.frame_ns();
        self.timestamp = self.timestamp.wrapping_add((frames as u32).wrapping_mul(settings.frame_samples()));
    }

    /// Frames were not needed for a while (echo, hold); goes on with the first one that is not yet due, behind everything
    /// that was sent meanwhile.
    pub(crate) fn resume(&mut self, now_ns: u64, settings: &StreamSettings) {
        let behind_ns = now_ns.saturating_sub(self.due_ns);
        self.advance(behind_ns.div_ceil(settings.frame_ns()), settings);
        // The peer's clock, which an echo follows, may be ahead of ours.
        if (self.sent_until.wrapping_sub(self.timestamp) as i32) > 0 {
            self.timestamp = self.sent_until;
        }
        self.marker = true;
    }

    /// The RTP timestamp that belongs to `now_ns`, for a sender report.
    pub(crate) fn timestamp_at(&self, now_ns: u64) -> u32 {
        let samples = now_ns.saturating_sub(self.sent_ns) / 125_000;
        self.sent_until.wrapping_add(samples as u32)
    }

    /// Sends the payload that stands behind the header's place in the context's datagram, as the next in sequence.
    pub(crate) fn send_next<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, route: Route, packet: Outgoing) {
        let header = Header {
            marker: packet.marker,
            payload_type: packet.payload_type,
            sequence: self.sequence,
            timestamp: packet.timestamp,
            ssrc: self.ssrc,
        };
        self.sequence = self.sequence.wrapping_add(1);
        self.put(cx, route, header, packet);
    }

    /// Sends a payload with a sequence number that is carried over; the next in sequence comes behind the highest of these.
    pub(crate) fn send_numbered<Io: WorkerIo>(
        &mut self,
        cx: &mut Context<'_, Io>,
        route: Route,
        sequence: u16,
        packet: Outgoing,
    ) {
        let header = Header {
            marker: packet.marker,
            payload_type: packet.payload_type,
            sequence,
            timestamp: packet.timestamp,
            ssrc: self.ssrc,
        };
        let next = sequence.wrapping_add(1);
        if (next.wrapping_sub(self.sequence) as i16) > 0 {
            self.sequence = next;
        }
        self.put(cx, route, header, packet);
    }

    #[inline]
    fn put<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, route: Route, header: Header, packet: Outgoing) {
        let length = Header::LENGTH + packet.payload_octets;
        let Some((place, _)) = cx.datagram.split_first_chunk_mut() else { return };
        header.write(place);
        let until = packet.timestamp.wrapping_add(packet.samples);
        if (until.wrapping_sub(self.sent_until) as i32) > 0 {
            self.sent_until = until;
            self.sent_ns = cx.now_ns;
        }
        if cx.io.send(route.slot, Port::Rtp, &cx.datagram[..length], route.to, route.from) {
            self.packets += 1;
            self.octets += packet.payload_octets as u64;
        } else {
            self.errors += 1;
            cx.counters.send_errors += 1;
        }
    }

    pub(crate) fn fill(&self, stats: &mut StreamStats) {
        stats.sent_packets = self.packets;
        stats.sent_octets = self.octets;
        stats.send_errors = self.errors;
    }
}

/// A packet but for its header's running parts. Its payload stands in the context's datagram already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) timestamp: u32,
    /// How far the packet reaches from its timestamp.
    pub(crate) samples: u32,
    pub(crate) payload_octets: usize,
}

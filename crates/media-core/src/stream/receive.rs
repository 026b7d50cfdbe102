//! What a stream does with a datagram that arrives.

use std::net::SocketAddr;

use super::Stream;
use super::context::{Context, DATAGRAM_MAX};
use super::latch::Admission;
use super::sender::Outgoing;
use crate::rtcp::Compound;
use crate::rtp::{Arrival, Header, Packet};
use crate::settings::PayloadKind;
use crate::telephone_event::TelephoneEvent;
use crate::{EchoMode, PlaybackOutcome, WorkerIo};

impl Stream {
    /// A datagram on the RTP port.
    pub(crate) fn receive_rtp<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, datagram: &[u8], from: SocketAddr) {
        if datagram.len() > DATAGRAM_MAX {
            cx.counters.drop_oversized += 1;
            return;
        }
        // RFC 5761 §4: these payload types are not used with RTP, so that RTCP can be told apart.
        if datagram.len() >= 2 && datagram[0] >> 6 == 2 && (192..=223).contains(&datagram[1]) {
            cx.counters.drop_rtcp_on_rtp_port += 1;
            return;
        }
        let Ok(packet) = Packet::parse(datagram) else {
            cx.counters.drop_malformed_rtp += 1;
            return;
        };
        if packet.header.ssrc == self.sender.ssrc {
            self.own_ssrc(cx, from);
            return;
        }
        let kind = self.settings.kind_of(packet.header.payload_type);
        if kind == PayloadKind::Unknown && !self.latch.is_known(from, packet.header.ssrc) {
            // Not even a reason to listen to a new source.
            cx.counters.drop_payload_type += 1;
            return;
        }
        if let Some(extended) = self.admit(cx, &packet.header, from) {
            self.accept(cx, &packet, kind, extended);
        }
    }

    /// The packet's extended sequence number if it is one of the peer's, and new.
    fn admit<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, header: &Header, from: SocketAddr) -> Option<u64> {
        let highest = self.receiver.highest();
        let arrival = match self.latch.admit(cx.now_ns, from, header.ssrc, header.sequence, highest) {
            Admission::Known => self.receiver.arrived(header.sequence),
            Admission::Moved => {
                cx.counters.source_changed += 1;
                self.receiver.arrived(header.sequence)
            }
            Admission::New => {
                cx.counters.source_changed += 1;
                self.forget_source(cx);
                self.receiver.begin(header.sequence)
            }
            Admission::Probation => {
                cx.counters.drop_probation += 1;
                return None;
            }
            Admission::Foreign => {
                cx.counters.drop_foreign_source += 1;
                return None;
            }
        };
        match arrival {
            Arrival::Newest { extended } | Arrival::Late { extended } => Some(extended),
            Arrival::Restarted { extended } => {
                self.echo.stop();
                self.recording_source_changed();
                self.receiver.forget_transit();
                Some(extended)
            }
            Arrival::Duplicate => {
                cx.counters.drop_duplicate += 1;
                self.receiver.discard();
                None
            }
            Arrival::Jump => {
                cx.counters.drop_jump += 1;
                self.receiver.discard();
                None
            }
        }
    }

    fn forget_source<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>) {
        self.echo.stop();
        self.recording_source_changed();
        if let Some(member) = &mut self.member {
            member.forget_source();
        }
        self.reporter.forget_source();
        if let Some(digit) = self.detector.restart() {
            self.key(cx, digit);
            self.flush(cx);
        }
    }

    #[inline]
    fn accept<Io: WorkerIo>(
        &mut self,
        cx: &mut Context<'_, Io>,
        packet: &Packet<'_>,
        kind: PayloadKind,
        extended: u64,
    ) {
        if kind == PayloadKind::Unknown {
            cx.counters.drop_payload_type += 1;
            self.receiver.discard();
            self.echo.remove(extended);
            return;
        }
        cx.counters.rtp_received += 1;
        self.receiver.accept(packet.payload.len());
        if kind == PayloadKind::Audio {
            self.receiver.time(cx.now_ns, packet.header.timestamp);
        }
        if !self.settings.receive_enabled {
            self.echo.remove(extended);
            return;
        }
        if kind == PayloadKind::Audio {
            self.record_received(cx, packet);
            self.mind_barge_in(cx, packet);
        }
        if let (Some(member), Some(codec)) = (&mut self.member, self.settings.codec_of(packet.header.payload_type)) {
            member.push(cx.now_ns, packet.header.timestamp, codec, packet.payload, cx.counters);
        }
        let returned = match (kind, self.echo_mode) {
            (PayloadKind::Audio, EchoMode::Audio | EchoMode::Stream) => Some(packet.header.payload_type),
            (PayloadKind::TelephoneEvent, EchoMode::Stream) => self.settings.telephone_event.map(|types| types.send),
            _ => None,
        };
        match returned {
            Some(payload_type) => self.return_packet(cx, packet, payload_type, extended),
            None => self.echo.remove(extended),
        }
        if kind == PayloadKind::TelephoneEvent {
            self.detect(cx, packet);
        }
    }

    /// Ends the playback when the party speaks over it, where that was asked for.
    #[inline]
    fn mind_barge_in<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, packet: &Packet<'_>) {
        let Some(playback) = &mut self.playback else { return };
        let Some(codec) = self.settings.codec_of(packet.header.payload_type) else { return };
        if playback.is_spoken_over(cx.now_ns, codec, packet.payload) {
            self.end_playback(cx, PlaybackOutcome::BargeIn);
            self.flush(cx);
        }
    }

    /// Echo: back at once, past tick and jitter buffer.
    fn return_packet<Io: WorkerIo>(
        &mut self,
        cx: &mut Context<'_, Io>,
        packet: &Packet<'_>,
        payload_type: u8,
        extended: u64,
    ) {
        // What is generated goes before; it ends this run of echo.
        if self.needs_frames() || packet.payload.len() > DATAGRAM_MAX - Header::LENGTH {
            return;
        }
        let Some(route) = self.route() else { return };
        if !self.echo.is_running() {
            self.sender.resume(cx.now_ns, &self.settings);
            self.echo.start(extended, packet.header.timestamp, self.sender.sequence(), self.sender.timestamp());
        }
        let Some((sequence, timestamp)) = self.echo.carry_over(extended, packet.header.timestamp) else {
            cx.counters.echo_late += 1;
            self.receiver.discard();
            return;
        };
        let payload_octets = packet.payload.len();
        cx.datagram[Header::LENGTH..Header::LENGTH + payload_octets].copy_from_slice(packet.payload);
        let outgoing = Outgoing {
            payload_type,
            marker: packet.header.marker | self.take_talkspurt(),
            timestamp,
            samples: payload_octets as u32,
            payload_octets,
        };
        cx.counters.echoed += 1;
        self.sender.send_numbered(cx, route, sequence, outgoing);
        if let Some(codec) = self.settings.codec_of(packet.header.payload_type) {
            self.record_sent(cx, codec, outgoing);
        }
    }

    fn detect<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, packet: &Packet<'_>) {
        let Some(event) = TelephoneEvent::parse(packet.payload) else {
            cx.counters.events_ignored += 1;
            return;
        };
        let detected = self.detector.packet(cx.now_ns, packet.header.timestamp, event);
        cx.counters.events_ignored += u64::from(detected.ignored);
        for digit in [detected.earlier, detected.own].into_iter().flatten() {
            self.key(cx, digit);
        }
        if !self.facts.is_empty() {
            self.flush(cx);
        }
    }

    /// RFC 3550 §8.2: another source with our SSRC, or our own packets on their way back. The first time it may be a
    /// collision, and we leave the SSRC to the peer; what comes with the new one, which nobody else can know, is a loop.
    fn own_ssrc<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, from: SocketAddr) {
        cx.counters.drop_own_ssrc += 1;
        if self.ssrc_changed || !self.latch.is_peer(from) {
            return;
        }
        self.report(cx, true);
        self.sender.ssrc = self.reporter.fresh_ssrc();
        self.sender.begin_talkspurt();
        self.ssrc_changed = true;
        cx.counters.ssrc_changed += 1;
    }

    /// A datagram on the RTCP port.
    pub(crate) fn receive_rtcp<Io: WorkerIo>(&mut self, cx: &mut Context<'_, Io>, datagram: &[u8], from: SocketAddr) {
        if !self.reporter.is_peer(from, self.latch.destination()) {
            cx.counters.drop_foreign_rtcp += 1;
            return;
        }
        let Ok(compound) = Compound::parse(datagram) else {
            cx.counters.drop_malformed_rtcp += 1;
            return;
        };
        cx.counters.rtcp_received += 1;
        self.reporter.receive(cx.now_ns, from, compound, self.sender.ssrc, self.latch.ssrc());
    }
}

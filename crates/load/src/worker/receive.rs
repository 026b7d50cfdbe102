//! What comes in: RTP, RTCP and signalling, each with the kernel's receive time.

use std::io;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::{Phase, ROOM_SETTLES_NS, RTCP, RTP, SIP_BATCH, SIP_TOKEN, Worker};
use crate::sabotage::Kind as Sabotaged;
use crate::sip::incoming::{Incoming, Kind};
use crate::sys;

impl Worker {
    pub(super) fn read(&mut self, token: u64) {
        if token == SIP_TOKEN {
            for _ in 0..SIP_BATCH {
                if !self.read_sip() {
                    break;
                }
            }
        } else {
            self.read_media((token >> 1) as u32, token & 1);
        }
    }

    pub(super) fn read_media(&mut self, slot: u32, port: u64) {
        let Some(call) = self.calls.get_mut(slot as usize).and_then(Option::as_deref_mut) else { return };
        let Some(pair) = &call.media.pair else { return };
        let socket = if port == RTP { &pair.rtp } else { &pair.rtcp };
        let Ok(arrival) = sys::receive(socket, &mut self.buffer) else { return };
        let media = &mut self.stats.media;
        if port == RTCP {
            media.rtcp += 1;
            return;
        }
        if call.phase == Phase::Over {
            media.after_end += 1;
            return;
        }
        if self.plan.rooms.is_some() {
            let full_since_ns = self.shared.full_since_ns.load(Ordering::Relaxed);
            let settled = full_since_ns != 0 && sys::monotonic_ns() >= full_since_ns + ROOM_SETTLES_NS;
            call.media.room_is_full = settled && !self.ending && sys::monotonic_ns() < self.end_ns;
        }
        let packet = &self.buffer[..arrival.length];
        match &self.plan.sabotage {
            None => call.media.take(&self.plan, self.tone.as_ref(), packet, arrival, &mut self.stats),
            Some(sabotage) => {
                for (mut packet, arrival) in call.media.tamper.receive(sabotage, packet, arrival) {
                    call.media.sabotage_room(&self.plan, &mut packet);
                    call.media.take(&self.plan, self.tone.as_ref(), &packet, arrival, &mut self.stats);
                }
            }
        }
    }

    pub(super) fn read_sip(&mut self) -> bool {
        let Some(socket) = &self.sip else { return false };
        let arrival = match sys::receive(socket, &mut self.buffer) {
            Ok(arrival) => arrival,
            Err(error) => return error.kind() != io::ErrorKind::WouldBlock,
        };
        let datagram = &self.buffer[..arrival.length];
        // RFC 5626 §3.5.1: blank lines alone keep a path open and are no message.
        if datagram.iter().all(u8::is_ascii_whitespace) {
            return true;
        }
        let Some(message) = Incoming::parse(Bytes::copy_from_slice(datagram), arrival.from) else {
            self.stats.sip.malformed += 1;
            return true;
        };
        let mut kernel_ns = arrival.kernel_ns;
        let Some(slot) = self.slot_of(&message.call_id) else {
            self.stats.sip.strays += 1;
            if let Kind::Request(method) = &message.kind
                && method != "ACK"
            {
                let response = message.respond(481, "Call/Transaction Does Not Exist", "");
                let sent = socket.send_to(&response, arrival.from);
                self.stats.own.send_errors += u64::from(sent.is_err());
            }
            return true;
        };
        if self.plan.sabotage.is_some() && self.sabotage_received(slot, &message, &mut kernel_ns) {
            return true;
        }
        if message.cseq_method == "INVITE"
            && matches!(message.kind, Kind::Response(200..300))
            && let Some(call) = self.calls[slot as usize].as_deref_mut()
            && call.answered_ns.is_none()
        {
            call.media.answered_ns = kernel_ns;
        }
        self.with_uac(slot, sys::monotonic_ns(), |uac, stats, actions| {
            uac.receive(&message, kernel_ns, &mut stats.sip, actions);
        });
        true
    }

    /// Distorts a received message; true if it is not to be seen.
    pub(super) fn sabotage_received(&mut self, slot: u32, message: &Incoming, kernel_ns: &mut u64) -> bool {
        let (Some(sabotage), Some(call)) = (&self.plan.sabotage, self.calls[slot as usize].as_deref_mut()) else {
            return false;
        };
        let answer = message.cseq_method == "INVITE" && matches!(message.kind, Kind::Response(200..300));
        let bye = message.kind == Kind::Request("BYE".to_owned());
        let first = !call.media.tamper.lost_one;
        match sabotage.description.kind {
            Sabotaged::Drop200 if answer && first => {
                call.media.tamper.lost_one = true;
                true
            }
            Sabotaged::LateAnswer if answer => {
                *kernel_ns += sabotage.amount_ns;
                false
            }
            Sabotaged::NotSip if answer && first => {
                call.media.tamper.lost_one = true;
                let cut = Bytes::copy_from_slice(&self.buffer[..20]);
                self.stats.sip.malformed += u64::from(Incoming::parse(cut, message.from_address).is_none());
                true
            }
            Sabotaged::MissBye => bye,
            _ => false,
        }
    }

    /// The slot is written in the Call-ID: RUN-NUMBER-SLOT@IP.
    pub(super) fn slot_of(&self, call_id: &str) -> Option<u32> {
        let slot: u32 = call_id.split('@').next()?.rsplit('-').next()?.parse().ok()?;
        let call = self.calls.get(slot as usize)?.as_deref()?;
        (call.uac.as_ref()?.call_id() == call_id).then_some(slot)
    }
}

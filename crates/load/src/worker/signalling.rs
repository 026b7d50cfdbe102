//! What the user agent of a call wants done.

use std::net::SocketAddr;

use super::{Phase, Worker};
use crate::args::End;
use crate::failure::Failure;
use crate::sabotage::Kind as Sabotaged;
use crate::sip::sdp;
use crate::sip::target::is_local;
use crate::sip::uac::{Action, Uac, What};
use crate::stats::Stats;
use crate::sys;

impl Worker {
    pub(super) fn with_uac(
        &mut self,
        slot: u32,
        now_ns: u64,
        work: impl FnOnce(&mut Uac, &mut Stats, &mut Vec<Action>),
    ) {
        let mut actions = Vec::new();
        let call = self.calls[slot as usize].as_deref_mut();
        if let Some(uac) = call.and_then(|call| call.uac.as_mut()) {
            work(uac, &mut self.stats, &mut actions);
        }
        self.perform(slot, actions, now_ns);
    }

    pub(super) fn perform(&mut self, slot: u32, actions: Vec<Action>, now_ns: u64) {
        for action in actions {
            match action {
                Action::Send { what, bytes, to } => self.send_sip(slot, what, &bytes, to),
                Action::Arm(timer, after_ns) => self.arm_at(slot, timer, now_ns + after_ns),
                Action::Stop(timer) => {
                    if let Some(call) = self.calls[slot as usize].as_deref_mut() {
                        call.armed.stop(timer);
                    }
                }
                Action::Answered(body) => self.answered(slot, &body, now_ns),
                Action::RemoteBye => self.remote_bye(slot),
                Action::Ended => self.over(slot, now_ns),
                Action::Failed(failure, reason) => self.fail(slot, failure, &reason),
            }
        }
    }

    pub(super) fn answered(&mut self, slot: u32, body: &[u8], now_ns: u64) {
        let answer = sdp::answer(body, self.plan.codec).and_then(|answer| {
            if self.plan.any_network || is_local(answer.remote.ip()) {
                Ok(answer)
            } else {
                Err(format!("RTP is to go to {}, which needs --i-own-this-network", answer.remote))
            }
        });
        match answer {
            Ok(answer) => self.begin_sound(slot, answer.remote, answer.event_payload_type, now_ns),
            Err(reason) => {
                self.fail(slot, Failure::BadAnswer, &reason);
                if let Some(call) = self.calls[slot as usize].as_deref_mut() {
                    call.phase = Phase::Leaving;
                }
                self.with_uac(slot, now_ns, |uac, _, actions| uac.hang_up(sys::realtime_ns(), actions));
            }
        }
    }

    pub(super) fn remote_bye(&mut self, slot: u32) {
        if self.plan.end == End::Caller {
            self.fail(slot, Failure::EarlyBye, "the far end said BYE before us");
        }
    }

    pub(super) fn send_sip(&mut self, slot: u32, what: What, bytes: &[u8], to: SocketAddr) {
        let Some(socket) = &self.sip else { return };
        if let (Some(sabotage), Some(call)) = (&self.plan.sabotage, self.calls[slot as usize].as_deref_mut()) {
            let lost = match sabotage.description.kind {
                Sabotaged::LoseInvite => what == What::Invite,
                Sabotaged::LoseAck => what == What::Ack,
                Sabotaged::LoseBye => what == What::Bye,
                Sabotaged::IgnoreBye => what == What::Response,
                _ => false,
            };
            if lost && !std::mem::replace(&mut call.media.tamper.lost_one, true) {
                return;
            }
        }
        self.stats.own.send_errors += u64::from(socket.send_to(bytes, to).is_err());
    }
}

//! The end of calls: of each by itself, and of all with the run.

use std::sync::atomic::Ordering;

use super::{CLOSE_NS, FORGET_NS, LAST_BYES_NS, LINGER_NS, Phase, SHORTEST_NS, Worker};
use crate::args::{End, Mode};
use crate::failure::Failure;
use crate::media::TONE_FRAMES;
use crate::sys;
use crate::timers::Timer;

impl Worker {
    pub(super) fn begin_to_end(&mut self, now_ns: u64) {
        self.ending = true;
        self.end_ns = self.end_ns.min(now_ns);
        self.last_over_ns = now_ns;
        // A call that the far end is to end keeps its --hold.
        if self.plan.end == End::Server {
            return;
        }
        // Not all at once: no network sees a thousand callers hang up in one instant.
        let pause_ns = self.launch_every_ns.min(LAST_BYES_NS / u64::from(self.active.max(1)));
        let mut end_ns = now_ns;
        for slot in 0..self.calls.len() as u32 {
            let Some(call) = self.calls[slot as usize].as_deref_mut() else { continue };
            if call.phase != Phase::Up || call.armed.deadline_ns(Timer::Hold).is_some_and(|hold_ns| hold_ns <= end_ns) {
                continue;
            }
            let up_ns = now_ns - call.answered_ns.unwrap_or(now_ns);
            let pending = call.armed.is_armed(Timer::Digits) || call.armed.is_armed(Timer::Tone);
            call.cut_short = self.plan.hold_ns.is_some() || pending || up_ns < SHORTEST_NS;
            self.arm_at(slot, Timer::Hold, end_ns);
            end_ns += pause_ns;
        }
    }

    pub(super) fn is_finished(&self, now_ns: u64) -> bool {
        self.active == 0 && now_ns >= self.last_over_ns + LINGER_NS
    }

    pub(super) fn is_out_of_time(&mut self, now_ns: u64) -> bool {
        let out_of_time = now_ns >= self.end_ns + self.plan.end_within_ns;
        if out_of_time {
            for slot in 0..self.calls.len() as u32 {
                if self.calls[slot as usize].as_ref().is_some_and(|call| call.phase != Phase::Over) {
                    self.fail(slot, Failure::NotEnded, "still there when the time of --end-within was over");
                    self.over(slot, now_ns);
                }
            }
        }
        out_of_time
    }

    /// Stops sending, and hangs up when the last frames have had time to come back.
    pub(super) fn drain(&mut self, slot: u32, now_ns: u64) {
        let Some(call) = self.calls[slot as usize].as_deref_mut() else { return };
        if call.phase != Phase::Up {
            return;
        }
        call.phase = Phase::Draining;
        call.armed.stop(Timer::Frame);
        call.armed.stop(Timer::Hold);
        if self.plan.mode == Mode::Echo {
            self.arm_at(slot, Timer::Drain, now_ns + self.plan.drain_ns);
        } else {
            self.leave(slot, now_ns);
        }
    }

    pub(super) fn leave(&mut self, slot: u32, now_ns: u64) {
        let Some(call) = self.calls[slot as usize].as_deref_mut() else { return };
        if !matches!(call.phase, Phase::Up | Phase::Draining) {
            return;
        }
        call.phase = Phase::Leaving;
        call.armed.stop(Timer::Frame);
        if call.uac.is_none() {
            return self.over(slot, now_ns);
        }
        self.with_uac(slot, now_ns, |uac, _, actions| uac.hang_up(sys::realtime_ns(), actions));
    }

    pub(super) fn over(&mut self, slot: u32, now_ns: u64) {
        let Some(call) = self.calls[slot as usize].as_deref_mut() else { return };
        if call.phase == Phase::Over {
            return;
        }
        call.phase = Phase::Over;
        for timer in [Timer::Frame, Timer::Hold, Timer::Digits, Timer::Drain] {
            call.armed.stop(timer);
        }
        if call.answered_ns.is_some() {
            call.media.settle(&self.plan, &mut self.stats.media);
            self.shared.up.fetch_sub(1, Ordering::Relaxed);
            self.judge_sound(slot);
        }
        let call = self.calls[slot as usize].as_deref().expect("the call was there a moment ago");
        self.stats.calls.completed += u64::from(call.answered_ns.is_some() && !call.failed);
        self.active -= 1;
        self.last_over_ns = now_ns;
        self.arm_at(slot, Timer::Close, now_ns + CLOSE_NS);
        self.arm_at(slot, Timer::Forget, now_ns + if self.plan.has_sip() { FORGET_NS } else { CLOSE_NS });
    }

    /// What each answered call should have heard in its life.
    pub(super) fn judge_sound(&mut self, slot: u32) {
        let Some(call) = self.calls[slot as usize].as_deref() else { return };
        let (received, sound, tone) = (call.media.received, call.media.sound_frames, call.media.tone_frames);
        let tone_pending = call.armed.is_armed(Timer::Tone);
        if call.cut_short {
            self.stats.calls.cut_short += 1;
            return;
        }
        if self.plan.mode == Mode::Setup {
            return;
        }
        if received == 0 {
            return self.fail(slot, Failure::NoMedia, "answered, but no RTP came");
        }
        if self.plan.mode == Mode::Talk && sound == 0 {
            return self.fail(slot, Failure::NoSound, "RTP came, but nothing louder than silence");
        }
        if self.plan.mode == Mode::Room {
            let (judged, fault) = (call.media.room.judged, call.media.room.fault.clone());
            if let Some(fault) = fault {
                self.fail(slot, Failure::WrongMix, &fault);
            } else if judged == 0 {
                self.fail(slot, Failure::NotJudged, "nothing was judged: not all calls were up for long enough");
            }
            return;
        }
        if self.plan.mode == Mode::Prompt {
            let wanted = self.plan.expected_frames;
            if sound < wanted {
                self.fail(slot, Failure::PromptShort, &format!("{} ms of sound, {} wanted", sound * 20, wanted * 20));
            }
            if self.plan.tone_hz.is_some() && tone < TONE_FRAMES {
                self.judge_tone(slot);
            }
        } else if tone_pending {
            self.judge_tone(slot);
        }
    }

    pub(super) fn fail(&mut self, slot: u32, failure: Failure, reason: &str) {
        let Some(call) = self.calls[slot as usize].as_deref_mut() else { return };
        if !call.failed {
            call.failed = true;
            self.stats.calls.failed += 1;
            self.shared.failed.fetch_add(1, Ordering::Relaxed);
        }
        let (number, call_id) = (call.number, call.uac.as_ref().map_or("no SIP", |uac| uac.call_id()));
        self.stats.failures.add(failure, || format!("call {number} ({call_id}): {reason}"));
    }

    pub(super) fn finish(&mut self) {
        let media = &mut self.stats.media;
        if matches!(self.plan.mode, Mode::Prompt | Mode::Menu | Mode::Room | Mode::Talk) {
            media.lost = media.sequence_gaps;
            media.lost_by_server = media.lost.saturating_sub(media.kernel_dropped);
        }
        self.stats.sip.kernel_dropped = self.sip.as_ref().map_or(0, sys::kernel_drops);
    }
}

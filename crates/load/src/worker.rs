//! One thread of the caller: it owns its calls, their sockets, one signalling socket, one timer heap and its own figures,
//! and shares nothing but a few counters for the progress line.

mod ending;
mod receive;
mod signalling;

use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use crate::args::{End, Mode};
use crate::failure::Failure;
use crate::media::{Media, SentFrame, TONE_FRAMES};
use crate::plan::{Destination, Plan};
use crate::ports::Ports;
use crate::rtp::tone::Tone;
use crate::sabotage::Kind as Sabotaged;
use crate::sip::sdp;
use crate::sip::target::Target;
use crate::sip::uac::{Uac, UacConfig};
use crate::stats::Stats;
use crate::sys::{self, Epoll};
use crate::timers::{Armed, Due, Timer, Timers};

const MS: u64 = 1_000_000;
const FRAME_NS: u64 = 20 * MS;
/// A packet sent this much later than planned is counted as the caller's own lateness.
const LATE_NS: u64 = 5 * MS;
/// Behind by more than this the caller leaves frames out instead of sending them in one burst.
const SKIP_NS: u64 = 200 * MS;
/// The sockets stay open this long after a call, to see what still comes.
const CLOSE_NS: u64 = 300 * MS;
/// The call is known this long after its end, to answer what comes again.
const FORGET_NS: u64 = 5_000 * MS;
/// The thread stays this long after its last call: longer than T1, so that a first repetition is seen.
const LINGER_NS: u64 = 700 * MS;
/// The last calls are ended within this time, or at the rate of launches if that is faster.
const LAST_BYES_NS: u64 = 2_000 * MS;
/// A call of less than this has had no time for sound.
const SHORTEST_NS: u64 = 1_000 * MS;
/// Launches that could not be made in time are caught up with, but never more than this much of them.
const CATCH_UP_NS: u64 = 1_000 * MS;
/// After the last caller of all has come in, a room has this long before what is heard there is judged.
const ROOM_SETTLES_NS: u64 = 1_000 * MS;
/// Longest sleep, so that a stop request is noticed.
const LONGEST_WAIT_NS: u64 = 50 * MS;
/// Room for received signalling.
const SIP_BUFFER: usize = 4 << 20;
/// Room for received RTP of one call.
const RTP_BUFFER: usize = 256 << 10;
/// Largest datagram there is.
const DATAGRAM: usize = 65_536;
/// Sockets read before it is looked whether a timer has expired.
const READS: usize = 32;
/// Signalling datagrams read before other work has its turn.
const SIP_BATCH: usize = 64;

const SIP_TOKEN: u64 = u64::MAX;
const RTP: u64 = 0;
const RTCP: u64 = 1;

/// What the threads share with the one that watches them.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Calls answered and not yet over.
    pub up: AtomicU32,
    pub started: AtomicU32,
    pub failed: AtomicU32,
    /// CLOCK_MONOTONIC since which all calls were up for the first time; 0 if they never were.
    pub full_since_ns: AtomicU64,
    /// No new calls; those that are up end now.
    pub stop: AtomicBool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Calling,
    Up,
    /// No more frames are sent; the last ones have time to come back.
    Draining,
    Leaving,
    Over,
}

#[derive(Debug)]
struct Call {
    number: u32,
    phase: Phase,
    uac: Option<Uac>,
    media: Media,
    armed: Armed,
    /// CLOCK_MONOTONIC of the answer.
    answered_ns: Option<u64>,
    /// The run ended before the call had its time: what it should have heard is not asked.
    cut_short: bool,
    failed: bool,
}

/// One thread's work.
pub(crate) struct Worker {
    plan: Arc<Plan>,
    shared: Arc<Shared>,
    index: u32,
    /// This thread's part of the calls.
    share: u32,
    epoll: Epoll,
    sip: Option<UdpSocket>,
    /// One for each target.
    uac_configs: Vec<Arc<UacConfig>>,
    ports: Ports,
    tone: Option<Tone>,
    calls: Vec<Option<Box<Call>>>,
    free: VecDeque<u32>,
    active: u32,
    launched: u32,
    next_launch_ns: u64,
    launch_every_ns: u64,
    end_ns: u64,
    ending: bool,
    last_over_ns: u64,
    timers: Timers,
    stats: Stats,
    buffer: Vec<u8>,
}

impl Worker {
    /// The `index`-th of the plan's threads, to begin at `start_ns` (CLOCK_MONOTONIC).
    pub(crate) fn new(plan: Arc<Plan>, shared: Arc<Shared>, index: u32, start_ns: u64) -> io::Result<Worker> {
        let epoll = Epoll::new()?;
        let (mut sip, mut uac_configs) = (None, Vec::new());
        if let Destination::Sip(targets) = &plan.destination {
            let socket = sys::bind_udp(SocketAddr::new(plan.from_ip, 0), SIP_BUFFER)?;
            epoll.add(&socket, SIP_TOKEN)?;
            let local = socket.local_addr()?;
            let config = |target: &Target| UacConfig {
                target: target.clone(),
                local,
                answer_timeout_ns: plan.answer_timeout_ns,
                any_network: plan.any_network,
            };
            uac_configs = targets.iter().map(|target| Arc::new(config(target))).collect();
            sip = Some(socket);
        }
        let buffer_bytes = if plan.is_sabotaged(Sabotaged::FullBuffer) { 1 } else { RTP_BUFFER };
        let launch_every_ns = (1e9 * f64::from(plan.threads) / plan.rate) as u64;
        Ok(Worker {
            share: plan.calls / plan.threads + u32::from(index < plan.calls % plan.threads),
            ports: Ports::new(plan.from_ip, plan.ports, index, plan.threads, buffer_bytes),
            tone: plan.tone(),
            calls: Vec::new(),
            free: VecDeque::new(),
            active: 0,
            launched: 0,
            next_launch_ns: start_ns + launch_every_ns * u64::from(index) / u64::from(plan.threads),
            launch_every_ns,
            end_ns: start_ns + plan.duration_ns,
            ending: false,
            last_over_ns: start_ns,
            timers: Timers::default(),
            stats: Stats::default(),
            buffer: vec![0; DATAGRAM],
            plan,
            shared,
            index,
            epoll,
            sip,
            uac_configs,
        })
    }

    /// Makes the calls and returns what it counted.
    pub(crate) fn run(mut self) -> io::Result<Stats> {
        let began_ns = sys::monotonic_ns();
        let cpu_ns = sys::thread_cpu_ns();
        loop {
            let now_ns = sys::monotonic_ns();
            self.expire(now_ns);
            self.launch(now_ns);
            if !self.ending && (now_ns >= self.end_ns || self.shared.stop.load(Ordering::Relaxed)) {
                self.begin_to_end(now_ns);
            }
            if self.ending && (self.is_finished(now_ns) || self.is_out_of_time(now_ns)) {
                break;
            }
            self.sabotage_pace();
            let count = self.epoll.wait(self.wait_ns(sys::monotonic_ns()))?;
            for event in 0..count {
                self.read(self.epoll.token(event));
                // A room sends to all its members at once; what is due meanwhile does not wait for all of them.
                if event % READS == READS - 1 {
                    self.expire(sys::monotonic_ns());
                }
            }
        }
        self.finish();
        let used_ns = sys::thread_cpu_ns() - cpu_ns;
        let wall_ns = (sys::monotonic_ns() - began_ns).max(1);
        self.stats.own.busiest_thread_percent = used_ns as f64 * 100.0 / wall_ns as f64;
        Ok(self.stats)
    }

    fn wait_ns(&self, now_ns: u64) -> u64 {
        let mut until_ns = now_ns + LONGEST_WAIT_NS;
        if let Some(timer_ns) = self.timers.next_ns() {
            until_ns = until_ns.min(timer_ns);
        }
        if !self.ending {
            until_ns = until_ns.min(self.end_ns);
            if self.active < self.share {
                until_ns = until_ns.min(self.next_launch_ns);
            }
        }
        until_ns.saturating_sub(now_ns)
    }

    fn sabotage_pace(&self) {
        let Some(sabotage) = &self.plan.sabotage else { return };
        if sabotage.is(Sabotaged::FullBuffer) {
            std::thread::sleep(Duration::from_millis(200));
        }
        if sabotage.is(Sabotaged::StallSender) && sys::monotonic_ns() / (1_000 * MS) % 2 == 1 {
            std::thread::sleep(Duration::from_nanos(sabotage.amount_ns));
        }
    }

    // New calls.

    fn launch(&mut self, now_ns: u64) {
        while !self.ending && self.active < self.share && now_ns >= self.next_launch_ns {
            let behind_ns = now_ns - self.next_launch_ns;
            if behind_ns > CATCH_UP_NS {
                if self.plan.hold_ns.is_some() {
                    self.stats.own.held_back_s += (behind_ns - CATCH_UP_NS) as f64 / 1e9;
                }
                self.next_launch_ns = now_ns - CATCH_UP_NS;
            }
            self.next_launch_ns += self.launch_every_ns;
            self.start_call(now_ns);
        }
    }

    fn start_call(&mut self, now_ns: u64) {
        let number = self.launched * self.plan.threads + self.index;
        self.launched += 1;
        self.stats.calls.started += 1;
        self.shared.started.fetch_add(1, Ordering::Relaxed);
        let slot = self.free.pop_front().unwrap_or_else(|| {
            self.calls.push(None);
            self.calls.len() as u32 - 1
        });
        let token = u64::from(slot) << 1;
        let bound = self.ports.bind().and_then(|pair| {
            self.epoll.add(&pair.rtp, token | RTP)?;
            self.epoll.add(&pair.rtcp, token | RTCP)?;
            Ok(pair)
        });
        let pair = match bound {
            Ok(pair) => pair,
            Err(error) => {
                self.free.push_back(slot);
                self.stats.calls.failed += 1;
                self.shared.failed.fetch_add(1, Ordering::Relaxed);
                self.stats.failures.add(Failure::NoSocket, || format!("call {number}: {error}"));
                return;
            }
        };
        let address = pair.address;
        let mut actions = Vec::new();
        let uac = self.uac_configs.get(self.plan.target_of(number)).cloned().map(|config| {
            let name = format!("{:x}-{number}-{slot}", self.plan.run);
            let offer = sdp::offer(address, self.plan.codec, number);
            Uac::start(config, &name, &offer, sys::realtime_ns(), &mut actions)
        });
        self.active += 1;
        self.calls[slot as usize] = Some(Box::new(Call {
            number,
            phase: Phase::Calling,
            uac,
            media: Media::new(&self.plan, number, pair),
            armed: Armed::default(),
            answered_ns: None,
            cut_short: false,
            failed: false,
        }));
        self.perform(slot, actions, now_ns);
        if let Destination::Rtp { first, port_step } = self.plan.destination {
            // A replaced stream would go to the port of another: without SIP each number below `calls` has one.
            let port = first.port() + port_step * (number % self.plan.calls) as u16;
            self.begin_sound(slot, SocketAddr::new(first.ip(), port), None, now_ns);
        }
    }

    /// The call is up and its far end known.
    fn begin_sound(&mut self, slot: u32, remote: SocketAddr, event_payload_type: Option<u8>, now_ns: u64) {
        let Some(call) = self.calls[slot as usize].as_deref_mut() else { return };
        call.phase = Phase::Up;
        call.answered_ns = Some(now_ns);
        call.cut_short = self.ending;
        call.media.remote = Some(remote);
        call.media.event_payload_type = event_payload_type;
        self.stats.calls.answered += 1;
        let up = self.shared.up.fetch_add(1, Ordering::Relaxed) + 1;
        if up >= self.plan.calls {
            // Only the first time counts: a call that is replaced leaves the others in their rooms.
            let _ = self.shared.full_since_ns.compare_exchange(0, now_ns, Ordering::Relaxed, Ordering::Relaxed);
        }
        if self.ending {
            return self.leave(slot, now_ns);
        }
        if self.calls[slot as usize].as_ref().is_some_and(|call| self.plan.sends_rtp(call.number)) {
            // The phases of the calls are spread over the 20 ms, each on a whole millisecond, whatever the rate of launches:
            // 7 is prime to 20.
            let phase_ns =
                u64::from(self.calls_phase(slot)) * MS + u64::from(self.index) * MS / u64::from(self.plan.threads);
            let first_ns = (now_ns + FRAME_NS) / FRAME_NS * FRAME_NS + phase_ns;
            self.arm_at(slot, Timer::Frame, first_ns);
        }
        if let Some(hold_ns) = self.plan.hold_ns {
            self.arm_at(slot, Timer::Hold, now_ns + hold_ns);
        }
        if self.plan.mode == Mode::Menu {
            self.arm_at(slot, Timer::Digits, now_ns + self.plan.digits_after_ns);
        }
    }

    fn calls_phase(&self, slot: u32) -> u32 {
        self.calls[slot as usize].as_ref().map_or(0, |call| call.number / self.plan.threads * 7 % 20)
    }

    // Timers.

    fn arm_at(&mut self, slot: u32, timer: Timer, at_ns: u64) {
        if let Some(call) = self.calls[slot as usize].as_deref_mut() {
            self.timers.set(&mut call.armed, Due { at_ns, slot, number: call.number, timer });
        }
    }

    fn expire(&mut self, now_ns: u64) {
        while let Some(due) = self.timers.pop(now_ns) {
            let Some(call) = self.calls[due.slot as usize].as_deref_mut() else { continue };
            if call.number != due.number || !call.armed.take(due) {
                continue;
            }
            match due.timer {
                Timer::Frame => self.send_frame(due),
                Timer::Repeat | Timer::GiveUp => self.with_uac(due.slot, now_ns, |uac, stats, actions| {
                    uac.expire(due.timer, &mut stats.sip, actions);
                }),
                Timer::Hold => self.hold_is_over(due.slot, now_ns),
                Timer::Digits => {
                    if !self.plan.is_sabotaged(Sabotaged::LoseDigits) {
                        call.media.digits = crate::rtp::digits::Digits::new(&self.plan.digits);
                    } else {
                        self.arm_at(due.slot, Timer::Tone, now_ns + self.plan.tone_within_ns);
                    }
                }
                Timer::Tone => self.judge_tone(due.slot),
                Timer::Drain => self.leave(due.slot, now_ns),
                Timer::Close => call.media.pair = None,
                Timer::Forget => {
                    self.calls[due.slot as usize] = None;
                    self.free.push_back(due.slot);
                }
            }
        }
    }

    fn send_frame(&mut self, due: Due) {
        let Some(call) = self.calls[due.slot as usize].as_deref_mut() else { return };
        if let Some(sabotage) = self.plan.sabotage.filter(|sabotage| sabotage.is(Sabotaged::LateSender)) {
            let planned_ns = due.at_ns + sabotage.amount_ns;
            std::thread::sleep(Duration::from_nanos(planned_ns.saturating_sub(sys::monotonic_ns())));
        }
        let now_ns = sys::monotonic_ns();
        let late_ns = now_ns.saturating_sub(due.at_ns);
        let own = &mut self.stats.own;
        own.lateness.add(late_ns);
        own.generator_late += u64::from(late_ns > LATE_NS);
        let outcome = call.media.send_frame(&self.plan, &mut self.stats.media);
        own.send_errors += u64::from(outcome == SentFrame::Refused);
        let mut next_ns = due.at_ns + FRAME_NS;
        if late_ns > SKIP_NS {
            let skipped = (now_ns - due.at_ns) / FRAME_NS;
            own.frames_skipped += skipped;
            call.media.skip_frames(skipped);
            next_ns += skipped * FRAME_NS;
        }
        self.arm_at(due.slot, Timer::Frame, next_ns);
        if outcome == SentFrame::DigitsEnded {
            self.arm_at(due.slot, Timer::Tone, now_ns + self.plan.tone_within_ns);
        }
    }

    fn hold_is_over(&mut self, slot: u32, now_ns: u64) {
        let Some(call) = self.calls[slot as usize].as_deref() else { return };
        if call.phase == Phase::Up && self.plan.end == End::Server {
            self.fail(slot, Failure::ByeMissing, "the far end's BYE did not come within --hold");
        }
        self.drain(slot, now_ns);
    }

    fn judge_tone(&mut self, slot: u32) {
        let Some(call) = self.calls[slot as usize].as_deref_mut() else { return };
        let (heard, wanted) = (call.media.tone_frames, self.plan.tone_hz);
        call.armed.stop(Timer::Tone);
        if let Some(wanted) = wanted
            && heard < TONE_FRAMES
        {
            self.fail(
                slot,
                Failure::ToneMissing,
                &format!("{wanted} Hz was in {heard} frames, {TONE_FRAMES} are wanted"),
            );
        }
    }
}

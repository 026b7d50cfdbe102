//! The thread of one control loop: it feeds inputs to [`Control`] and carries out the effects. All waiting is done here.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use base::{MS, Now, Turns};
use call::{Control, Counters, Effect, Gauges, Input, RegistrarNumbers, Reply};
use media_engine::{EngineHandle, SoundRequest, SoundSource};
use sip_core::EndpointCounters;
use sip_transport::SipSender;

use super::clock::now;
use super::lanes::LaneReceiver;
use super::outside::Outside;
use super::{crash, engine_facts, note_log};

/// Inputs that are taken before timers and workers are looked after again.
const BATCH: usize = 64;
/// How often the loop's numbers are published.
const PUBLISH_NS: u64 = 100 * MS;
/// Longest sleep of a loop.
const NAP_NS: u64 = 100 * MS;
/// How soon commands that found a worker's ring full are tried again.
const OUTBOX_NS: u64 = 2 * MS;

/// From so many inputs a second on they are let gather for a turn.
const BUSY_PER_SECOND: u64 = 1_000;
/// One turn: calls that are served together cost up to a sixth less, all threads taken together, than each by itself, and that
/// is worth more than a few milliseconds of their set-up.
const TURN: Duration = Duration::from_millis(10);

/// What a loop shows of itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LoopNumbers {
    /// How full its tables are.
    pub(super) gauges: Gauges,
    /// What it counted.
    pub(super) counters: Counters,
    /// What it did as registrar.
    pub(super) registrar: RegistrarNumbers,
    /// What its transaction layer counted.
    pub(super) endpoint: EndpointCounters,
    /// A media worker has not shown life for 500 ms although it has work.
    pub(super) worker_silent: bool,
    /// The loop has panicked outside of any call and is gone with all of its calls.
    pub(super) lost: bool,
}

/// A running loop, seen from outside.
pub(super) struct LoopThread {
    /// Its numbers, at most 100 ms old while it runs.
    pub(super) numbers: Arc<ArcSwap<LoopNumbers>>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// What the thread owns.
pub(super) struct LoopParts {
    /// The loop itself.
    pub(super) control: Control,
    /// What comes in.
    pub(super) lanes: LaneReceiver,
    /// The way to the media workers.
    pub(super) engine: EngineHandle,
    /// The way to the wire.
    pub(super) sender: SipSender,
    /// The way to everything else.
    pub(super) outside: Outside,
    /// Folder for crash reports.
    pub(super) crash_folder: PathBuf,
}

impl LoopThread {
    /// Starts the thread.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn spawn(parts: LoopParts) -> std::io::Result<LoopThread> {
        let numbers = Arc::new(ArcSwap::from_pointee(LoopNumbers::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let name = format!("control-{}", parts.control.owner().0);
        let driver = Driver {
            parts,
            numbers: numbers.clone(),
            stop: stop.clone(),
            effects: Vec::new(),
            replies: Vec::new(),
            published_ns: 0,
            turns: Turns::from_rate(BUSY_PER_SECOND),
        };
        let last_words = LastWords(numbers.clone());
        let run = move || {
            let _last_words = last_words;
            driver.run();
        };
        let thread = std::thread::Builder::new().name(name).spawn(run)?;
        Ok(LoopThread { numbers, stop, thread })
    }

    /// Ends the thread. Calls that are up are left as they are. False: it had panicked.
    pub(super) fn end(self) -> bool {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.join().is_ok()
    }
}

/// Tells the supervisor when its thread panics.
struct LastWords(Arc<ArcSwap<LoopNumbers>>);

impl Drop for LastWords {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let numbers = LoopNumbers { lost: true, ..**self.0.load() };
            self.0.store(Arc::new(numbers));
        }
    }
}

struct Driver {
    parts: LoopParts,
    numbers: Arc<ArcSwap<LoopNumbers>>,
    stop: Arc<AtomicBool>,
    effects: Vec<Effect>,
    /// Answers to the API, which wait for the round's entries to be on their way to the log: whoever writes down something because
    /// of an answer writes behind what led to it.
    replies: Vec<(u64, Reply)>,
    published_ns: u64,
    turns: Turns,
}

impl Driver {
    fn run(mut self) {
        while !self.stop.load(Ordering::SeqCst) {
            let started = now();
            let timers_due = self.parts.control.next_deadline().is_some_and(|due_ns| due_ns <= started.mono_ns);
            if timers_due {
                self.give(started, Input::Timeout);
            }
            if let Some(wish) = self.parts.lanes.try_wish() {
                self.give(now(), wish);
            }
            let mut taken = 0;
            while taken < BATCH
                && let Some(input) = self.next_input()
            {
                self.give(now(), input);
                taken += 1;
            }
            let commands_wait = self.parts.engine.flush();
            self.parts.outside.feed.flush();
            self.replies.drain(..).for_each(|(token, reply)| self.parts.outside.wishes.reply(token, reply));
            let done = now();
            self.publish(done);
            if taken < BATCH {
                if self.turns.after(done.mono_ns, u64::from(timers_due) + taken as u64) {
                    std::thread::sleep(TURN);
                } else {
                    self.sleep(done, commands_wait);
                }
            }
        }
    }

    fn next_input(&mut self) -> Option<Input> {
        let LoopParts { control, lanes, .. } = &mut self.parts;
        lanes.try_next(|input| control.is_early_cancel(input))
    }

    fn sleep(&self, now: Now, commands_wait: bool) {
        let longest_ns = if commands_wait { OUTBOX_NS } else { NAP_NS };
        let until_due_ns =
            self.parts.control.next_deadline().map_or(longest_ns, |due_ns| due_ns.saturating_sub(now.mono_ns));
        self.parts.lanes.wait(Duration::from_nanos(until_due_ns.min(longest_ns)));
    }

    fn give(&mut self, now: Now, input: Input) {
        self.parts.control.handle(now, input, &mut self.effects);
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            self.carry_out(now, effect);
        }
        self.effects = effects;
    }

    fn carry_out(&mut self, now: Now, effect: Effect) {
        match effect {
            Effect::Transmit { hop, message } => {
                tracing::debug!(target: "flowswitch::sip", %hop, message = %String::from_utf8_lossy(&message), "sent");
                self.parts.sender.send(&hop, &message);
            }
            Effect::Media(command) => self.parts.engine.send(now.mono_ns, command),
            Effect::WantPorts { ipv6, count } => self.parts.engine.want_ports(ipv6, count as usize),
            Effect::PrepareSound { cell, step, urls } => {
                let token = engine_facts::sound_token(cell, step);
                self.parts.engine.prepare_sound(SoundRequest { token, source: SoundSource::Urls(urls) });
            }
            Effect::PrepareSpeech { cell, step, speech } => {
                let token = engine_facts::sound_token(cell, step);
                self.parts.engine.prepare_sound(SoundRequest { token, source: SoundSource::Speech(speech) });
            }
            Effect::ForgetSound { cell, step } => self.parts.engine.forget_sound(engine_facts::sound_token(cell, step)),
            Effect::Note(note) => {
                note_log::write(&note);
                self.parts.outside.feed.note(note);
            }
            Effect::KeepCrash(report) => crash::keep(&self.parts.crash_folder, &report),
            Effect::Log(entry) => self.parts.outside.feed.event(*entry),
            Effect::Http(job) => self.parts.outside.http(job),
            Effect::Send(letter) => self.parts.outside.send(letter),
            Effect::Reply { token, reply } => self.replies.push((token, reply)),
            Effect::SaveBindings { token, extension_id, bindings } => {
                self.parts.outside.save(token, extension_id, bindings);
            }
        }
    }

    fn publish(&mut self, now: Now) {
        if now.mono_ns < self.published_ns + PUBLISH_NS {
            return;
        }
        self.published_ns = now.mono_ns;
        self.numbers.store(Arc::new(LoopNumbers {
            gauges: self.parts.control.gauges(),
            counters: *self.parts.control.counters(),
            registrar: self.parts.control.registrar_numbers(),
            endpoint: self.parts.control.endpoint_counters(),
            worker_silent: self.parts.engine.worker_silent(now.mono_ns),
            lost: false,
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_panics_is_seen_to_be_lost_and_one_that_ends_is_not() {
        for panics in [false, true] {
            let numbers = Arc::new(ArcSwap::from_pointee(LoopNumbers::default()));
            let last_words = LastWords(numbers.clone());
            let thread = std::thread::spawn(move || {
                let _last_words = last_words;
                assert!(!panics, "on purpose");
            });
            assert_eq!(thread.join().is_err(), panics);
            assert_eq!(numbers.load().lost, panics);
        }
    }
}

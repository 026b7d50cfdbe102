//! Looks after the running server: admission by the media workers' health, and what the operator asks by signal.

use std::sync::Arc;
use std::time::{Duration, Instant};

use api::{NotReady, Readiness};
use arc_swap::ArcSwap;
use call::{Admission, Input};
use media_engine::MetricsReader;
use model::Timestamp;
use store::Store;

use super::banner::Secrets;
use super::certificates::Certificates;
use super::lanes::LaneSender;
use super::loop_thread::LoopNumbers;
use super::publisher;
use super::resources::Resources;
use super::service_manager::{self, Stage};
use super::steps::Steps;
use super::{StartError, clock, snapshot};
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::logging::Logging;
use crate::provision::{self, Provisioned};
use crate::signals::{Request, Signals};

/// How often health is looked at.
const ROUND: Duration = Duration::from_millis(200);
/// Ticks missed by all workers within one round that close admission: quality is about to suffer.
const MISSED_TICKS_MAX: u64 = 50;
/// Rounds without a missed tick after which admission opens again.
const CALM_ROUNDS: u32 = 10;
/// Longest that a reload waits for the loops, which take its snapshot within milliseconds; the API's changes wait with it.
const SNAPSHOT_PATIENCE: Duration = Duration::from_secs(2);

/// What it needs to do so.
pub(super) struct Supervisor<'a> {
    /// Where the configuration came from, for a reload.
    pub(super) args: ServeArgs,
    /// What is valid now.
    pub(super) config: Config,
    /// The snapshot that the loops have.
    pub(super) snapshot_number: u64,
    /// The ways into the loops.
    pub(super) senders: Vec<LaneSender>,
    /// The loops' numbers.
    pub(super) numbers: Vec<Arc<ArcSwap<LoopNumbers>>>,
    /// The media engine's numbers.
    pub(super) engine: MetricsReader,
    /// What `/readyz` shows.
    pub(super) readiness: Arc<Readiness>,
    /// What provisioning is applied to.
    pub(super) resources: Resources,
    /// Read again by a reload, whatever else comes of it.
    pub(super) certificates: Certificates,
    /// A reload and the API's changes take turns.
    pub(super) steps: Steps,
    /// Its health counts.
    pub(super) store: Store,
    /// Its level may change by a reload.
    pub(super) logging: &'a Logging,
}

/// What was last told to the loops, and why it may change.
#[derive(Default)]
struct Health {
    missed_ticks: u64,
    calm_rounds: u32,
    overloaded: bool,
    full: bool,
    draining: bool,
}

/// Whether new calls find a loop with as many as it may have. Then some must have ended before they are welcome again, so that
/// who shares calls out is not told something else by every call.
fn is_full(calls: impl IntoIterator<Item = usize>, most: usize, was_full: bool) -> bool {
    let limit = if was_full { most - most / 20 } else { most };
    calls.into_iter().any(|calls| calls >= limit)
}

impl Supervisor<'_> {
    /// Runs until the process is to end.
    pub(super) async fn run(mut self, mut signals: Signals) {
        let mut health = Health { missed_ticks: self.missed_ticks(), ..Health::default() };
        let mut end_by: Option<Instant> = None;
        let mut hanging_up = false;
        loop {
            let request = tokio::select! {
                request = signals.next() => Some(request),
                () = tokio::time::sleep(ROUND) => None,
            };
            match request {
                None if self.has_lost_a_loop() && !hanging_up => {
                    tracing::error!("a control loop is lost with its calls; the server ends, to be started anew");
                    hanging_up = true;
                    end_by = Some(self.hang_up_all(&mut health));
                }
                None => self.look_after(&mut health),
                Some(Request::Reload) => self.reload(),
                Some(Request::Drain) => {
                    tracing::info!(
                        seconds = self.config.drain_seconds,
                        "draining: no new calls, the others may finish"
                    );
                    self.refuse_new_work(&mut health);
                    end_by = Some(Instant::now() + Duration::from_secs(self.config.drain_seconds));
                }
                Some(Request::HangUp) => {
                    hanging_up = true;
                    end_by = Some(self.hang_up_all(&mut health));
                }
                Some(Request::EndNow) => return,
            }
            match end_by {
                Some(_) if self.work() == 0 && request.is_none() => return,
                Some(end) if Instant::now() >= end && hanging_up => {
                    tracing::warn!(calls = self.calls(), "some calls did not answer BYE in time");
                    return;
                }
                Some(end) if Instant::now() >= end => {
                    hanging_up = true;
                    end_by = Some(self.hang_up_all(&mut health));
                }
                _ => {}
            }
        }
    }

    fn calls(&self) -> usize {
        let loops = self.numbers.iter().map(|numbers| numbers.load());
        loops.filter(|numbers| !numbers.lost).map(|numbers| numbers.gauges.calls).sum()
    }

    /// What the end waits for: what is cut off would be told as failed at the next start. A conference in which nobody is goes on
    /// then with the time that is left to it, so that nothing waits for it.
    fn work(&self) -> usize {
        let loops = self.numbers.iter().map(|numbers| numbers.load());
        loops.filter(|numbers| !numbers.lost).map(|numbers| numbers.gauges.work()).sum()
    }

    /// Whether a loop has panicked outside of any call.
    fn has_lost_a_loop(&self) -> bool {
        self.numbers.iter().any(|numbers| numbers.load().lost)
    }

    /// The first step of every end.
    fn refuse_new_work(&self, health: &mut Health) {
        if !health.draining {
            service_manager::tell(Stage::Stopping);
        }
        health.draining = true;
        self.tell_admission(health);
    }

    fn hang_up_all(&self, health: &mut Health) -> Instant {
        tracing::info!(calls = self.calls(), "hanging up all calls");
        self.refuse_new_work(health);
        self.tell_all(|| Input::HangUpAll);
        Instant::now() + Duration::from_nanos(snapshot::FAREWELL_NS)
    }

    fn tell_all(&self, input: impl Fn() -> Input) {
        for sender in &self.senders {
            sender.wish(input());
        }
    }

    fn tell_admission(&self, health: &Health) {
        let admission = match (health.draining, health.overloaded) {
            (true, _) => Admission::Draining,
            (false, true) => Admission::Overloaded,
            (false, false) => Admission::Open,
        };
        self.readiness.set(NotReady::Draining, health.draining);
        self.readiness.set(NotReady::AdmissionClosed, health.overloaded);
        self.tell_all(|| Input::Admission(admission));
    }

    fn missed_ticks(&self) -> u64 {
        self.engine.read().stream_counter("missed_ticks")
    }

    /// Design, section 3: missed ticks decide admission. Calls that are up are left alone.
    fn look_after(&self, health: &mut Health) {
        let missed = self.missed_ticks();
        let lately = missed.saturating_sub(std::mem::replace(&mut health.missed_ticks, missed));
        let silent = self.numbers.iter().any(|numbers| numbers.load().worker_silent);
        let store = self.store.status();
        self.readiness.set(NotReady::StoreFailing, !store.is_ready());
        self.look_for_room(health);
        let strained = silent || lately > MISSED_TICKS_MAX || store.is_behind;
        health.calm_rounds = if silent || lately > 0 { 0 } else { health.calm_rounds + 1 };
        let overloaded = strained || (health.overloaded && health.calm_rounds < CALM_ROUNDS);
        if overloaded != health.overloaded {
            health.overloaded = overloaded;
            match overloaded {
                true => tracing::warn!(
                    missed_ticks = lately,
                    worker_silent = silent,
                    store = store.problems.join("; "),
                    "the server is behind its work: no new calls for now"
                ),
                false => tracing::info!("the server keeps up again: new calls are welcome"),
            }
            self.tell_admission(health);
        }
    }

    fn look_for_room(&self, health: &mut Health) {
        let most = snapshot::max_calls_of_a_loop(&self.config) as usize;
        let full = is_full(self.numbers.iter().map(|numbers| numbers.load().gauges.calls), most, health.full);
        if full != health.full {
            health.full = full;
            self.readiness.set(NotReady::Full, full);
            match full {
                true => {
                    tracing::warn!(calls = self.calls(), "as many calls are up as sip.max_calls allows: no new ones")
                }
                false => tracing::info!(calls = self.calls(), "there is room for new calls again"),
            }
        }
    }

    /// Takes over what a reload may change; what is wrong changes nothing.
    fn reload(&mut self) {
        let certificates = self.certificates.reload(clock::now().wall_us);
        for path in &certificates {
            tracing::info!("another certificate is shown from now on: {}", path.display());
        }
        let new = match self.args.load() {
            Ok(new) => new,
            Err(error) => return tracing::error!("the configuration was not reloaded: {error}"),
        };
        let changes = self.config.changes(&new);
        let next = self.config.reloaded_with(new);
        let provisioned = match provision::load(&next.provision, Timestamp::from_us(clock::now().wall_us)) {
            Ok(provisioned) => provisioned,
            Err(error) => return tracing::error!("nothing was reloaded: {error}"),
        };
        for warning in &provisioned.warnings {
            tracing::warn!("{warning}");
        }
        super::warn_of_missing_sounds(&self.config.media.folder);
        if let Err(error) = self.take_over(next, &provisioned) {
            return tracing::error!("{error}");
        }
        let mut changed = changes.taken_over;
        changed.extend((!certificates.is_empty()).then(|| "sip.tls certificate".to_owned()));
        let waiting = changes.after_restart.join(", ");
        tracing::info!(
            flows = provisioned.flows.len(),
            numbers = provisioned.numbers.len(),
            changed = changed.join(", "),
            after_restart = waiting,
            "reloaded"
        );
    }

    /// Files, store, configuration and loops say the same when this returns: all of them something new, or nothing.
    fn take_over(&mut self, next: Config, provisioned: &Provisioned) -> Result<(), StartError> {
        let steps = self.steps.clone();
        let _turn = steps.reload();
        let now = Timestamp::from_us(clock::now().wall_us);
        let applied =
            self.resources.apply(provisioned, now).map_err(|error| format!("nothing was reloaded: {error}"))?;
        self.config = next;
        self.logging.set_level(&self.config.log.level);
        self.keep_passwords(applied.new_passwords);
        self.snapshot_number += 1;
        let mut snapshot = snapshot::snapshot(self.snapshot_number, &self.config);
        self.resources.fill(&mut snapshot).map_err(|error| {
            format!("what was reloaded could not be read again, and calls do not know of it; reload again: {error}")
        })?;
        self.senders.iter().for_each(|sender| sender.snapshot(snapshot.clone()));
        publisher::tell(&self.store, &[], &applied.changes);
        self.await_loops();
        Ok(())
    }

    fn keep_passwords(&self, passwords: Vec<(String, String)>) {
        if passwords.is_empty() {
            return;
        }
        let file = self.config.data_dir.join("secrets").join("first-start.txt");
        match (Secrets { access_key: None, passwords }).keep(&file) {
            Ok(()) => tracing::info!("passwords were made for new extensions; they are in {}", file.display()),
            Err(error) => tracing::error!(%error, "{} cannot be written", file.display()),
        }
    }

    /// What is told by another lane must not overtake the snapshot.
    fn await_loops(&self) {
        let end = Instant::now() + SNAPSHOT_PATIENCE;
        let has_it = |(sender, numbers): (&LaneSender, &Arc<ArcSwap<LoopNumbers>>)| {
            sender.has_taken_snapshots() || numbers.load().lost
        };
        while !self.senders.iter().zip(&self.numbers).all(has_it) {
            if Instant::now() >= end {
                return tracing::warn!("a control loop is slow to take over what was reloaded");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_full_when_a_loop_is_and_until_some_calls_have_ended() {
        assert!(!is_full([0, 99], 100, false));
        assert!(is_full([0, 100], 100, false));
        assert!(is_full([0, 95], 100, true));
        assert!(!is_full([94, 94], 100, true));
        assert!(is_full([1], 1, true) && !is_full([0], 1, true));
    }
}

//! Requests for sounds: each goes through its URLs in order; one that must be loaded is loaded once for all who wait for it.
//!
//! ```text
//!  handles ──► front thread ── found ready ───────────────────────────► answer
//!                   └─ missing ─► file thread, fetch threads ─ cache ─► all who wait for this URL go on
//! ```

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use base::{LoopId, MS, SoundId};
use crossbeam_channel::{Receiver, Sender, unbounded};
use media_core::Sound;
use model::Speech;

use super::cache::{Cache, Ready, Validity};
use super::fetch::Fetcher;
use super::load::{Load, Loaded};
use super::source::{self, Source};
use crate::config::SoundConfig;
use crate::inbox::{Deliver, FromEngine, PreparedSound, SoundRequest, SoundSource};
use crate::io::clock::monotonic_ns;
use crate::io::priority;
use crate::metrics::{LiveSounds, add, set};

/// The flow action `beep`: 1000 Hz, 500 ms; a quarter of full scale is about -12 dB.
const BEEP: (u32, u32, i16) = (1_000, 500, 8_192);

/// How a spoken text is called among the parts that were left out.
const SPEECH: &str = "speech";

/// The shared state of handles and sound threads. The lock is held for look-ups only, never while something is loaded, and no
/// worker knows it.
pub(crate) struct Sounds {
    config: SoundConfig,
    state: Mutex<State>,
    front: Sender<FrontJob>,
    files: Sender<LoadJob>,
    fetches: Sender<LoadJob>,
    /// Requests that are not answered yet, wherever they are: the bound of all queues here.
    unanswered: AtomicUsize,
    fetcher: Fetcher,
    deliver: Arc<Deliver>,
    live: Arc<LiveSounds>,
}

struct State {
    cache: Cache,
    /// Who waits for a URL that is being loaded.
    waiting: BTreeMap<String, Vec<Progress>>,
}

/// One part of what was asked for.
enum Wanted {
    Url(String),
    Speech(Box<Speech>),
}

/// A request on its way through its parts.
struct Progress {
    owner: LoopId,
    token: u128,
    /// Those still to be looked at, last first.
    rest: Vec<Wanted>,
    parts: Vec<Ready>,
    skipped: Vec<(String, String)>,
}

enum FrontJob {
    Request(Progress),
    Stop,
}

enum LoadJob {
    Load(Load),
    Stop,
}

/// What became of one URL.
enum Step {
    Ready(Ready),
    Skip(String),
    /// It is being loaded; the request waits with it.
    Waits,
}

impl Sounds {
    /// The state, and the far ends of its queues for [`spawn`].
    pub(crate) fn new(config: SoundConfig, deliver: Arc<Deliver>, live: Arc<LiveSounds>) -> (Arc<Sounds>, Queues) {
        // Each holds no more than there are unanswered requests.
        let (front, front_jobs) = unbounded();
        let (files, file_jobs) = unbounded();
        let (fetches, fetch_jobs) = unbounded();
        let cache = Cache::new(config.cache_octets, config.hold_ms * MS);
        let sounds = Sounds {
            state: Mutex::new(State { cache, waiting: BTreeMap::new() }),
            front,
            files,
            fetches,
            unanswered: AtomicUsize::new(0),
            fetcher: Fetcher::new(config.fetch.clone()),
            config,
            deliver,
            live,
        };
        (Arc::new(sounds), Queues { front: front_jobs, files: file_jobs, fetches: fetch_jobs })
    }

    /// The sound of this name, if it is still kept.
    pub(crate) fn find(&self, sound: SoundId, now_ns: u64) -> Option<Arc<Sound>> {
        self.state().cache.find(sound, now_ns)
    }

    /// Takes a request, or gives it back if too many are unanswered.
    pub(crate) fn request(&self, owner: LoopId, request: SoundRequest) -> Result<(), SoundRequest> {
        if self.unanswered.fetch_add(1, Ordering::Relaxed) >= self.config.requests_max {
            self.unanswered.fetch_sub(1, Ordering::Relaxed);
            return Err(request);
        }
        add(&self.live.requests, 1);
        let SoundRequest { token, source } = request;
        let rest = match source {
            SoundSource::Urls(urls) => urls.into_iter().rev().map(Wanted::Url).collect(),
            SoundSource::Speech(speech) => vec![Wanted::Speech(Box::new(speech))],
        };
        let progress = Progress { owner, token, rest, parts: Vec::new(), skipped: Vec::new() };
        // Only fails when the engine has ended.
        let _ = self.front.send(FrontJob::Request(progress));
        Ok(())
    }

    /// Takes a request as far as it goes without waiting.
    fn advance(&self, mut progress: Progress) {
        while let Some(wanted) = progress.rest.pop() {
            let (name, step) = match wanted {
                Wanted::Url(url) => {
                    let step = self.step(&url, &mut progress);
                    (url, step)
                }
                Wanted::Speech(speech) => (SPEECH.to_owned(), self.speak(&speech, &mut progress)),
            };
            match step {
                Step::Ready(ready) => progress.parts.push(ready),
                Step::Skip(why) => self.skip(&mut progress, name, why),
                Step::Waits => return,
            }
        }
        self.answer(progress);
    }

    fn speak(&self, _speech: &Speech, _progress: &mut Progress) -> Step {
        Step::Skip("no speech synthesizer is configured".to_owned())
    }

    fn skip(&self, progress: &mut Progress, url: String, why: String) {
        add(&self.live.failed, 1);
        tracing::warn!(%url, %why, "a sound is left out");
        progress.skipped.push((url, why));
    }

    fn step(&self, url: &str, progress: &mut Progress) -> Step {
        let source = match Source::of(url) {
            Ok(source) => source,
            Err(why) => return Step::Skip(why),
        };
        let now_ns = monotonic_ns();
        // Asked before the lock is taken: a file system may be slow.
        let on_disk = match &source {
            Source::File(path) => match source::open(self.config.folder.as_deref(), path) {
                Ok(opened) => Some(Validity::File { modified: opened.modified, length: opened.length }),
                Err(why) => return Step::Skip(why),
            },
            _ => None,
        };
        let mut state = self.state();
        let known = state.cache.lookup(url, now_ns);
        let stale = match known {
            Some((ready, validity)) => {
                let valid = match &validity {
                    Validity::Always => true,
                    Validity::File { .. } => on_disk.as_ref() == Some(&validity),
                    Validity::Http { fresh_until_ns, .. } => now_ns < *fresh_until_ns,
                };
                if valid {
                    add(&self.live.hits, 1);
                    return Step::Ready(ready);
                }
                Some((ready, validity))
            }
            None => None,
        };
        let load = match source {
            Source::Beep => {
                let (frequency_hz, duration_ms, amplitude) = BEEP;
                let sound = Sound::tone(frequency_hz, duration_ms, amplitude);
                return match state.cache.insert(url, sound, Validity::Always, now_ns) {
                    Ok(ready) => Step::Ready(ready),
                    Err(why) => Step::Skip(why),
                };
            }
            Source::File(path) => Load::File { url: url.to_owned(), path },
            Source::Http => Load::Fetch { url: url.to_owned(), stale },
        };
        self.wait_for(&mut state, load, progress);
        Step::Waits
    }

    /// Puts a request to those who wait for a URL, and has it loaded if it is the first of them.
    fn wait_for(&self, state: &mut State, load: Load, progress: &mut Progress) {
        let request = Progress {
            owner: progress.owner,
            token: progress.token,
            rest: std::mem::take(&mut progress.rest),
            parts: std::mem::take(&mut progress.parts),
            skipped: std::mem::take(&mut progress.skipped),
        };
        if let Some(waiting) = state.waiting.get_mut(load.url()) {
            add(&self.live.shared, 1);
            waiting.push(request);
            return;
        }
        add(&self.live.misses, 1);
        state.waiting.insert(load.url().to_owned(), vec![request]);
        let queue = if matches!(load, Load::File { .. }) { &self.files } else { &self.fetches };
        let _ = queue.send(LoadJob::Load(load));
    }

    /// Loads, keeps what came of it, and takes on everybody who waited.
    fn load(&self, load: &Load) {
        let url = load.url();
        let now_ns = monotonic_ns();
        let loaded = load.run(&self.config, &self.fetcher, now_ns);
        let now_ns = monotonic_ns();
        let (result, waiting) = {
            let mut state = self.state();
            let result = match loaded {
                Loaded::Sound(sound, validity) => state.cache.insert(url, sound, validity, now_ns),
                Loaded::StillRight(ready, validity) => {
                    add(&self.live.revalidated, 1);
                    state.cache.revalidate(ready.id, validity);
                    Ok(ready)
                }
                Loaded::Failed(why) => Err(why),
                Loaded::Panicked => {
                    add(&self.live.panics, 1);
                    tracing::error!(%url, "decoding a sound panicked");
                    Err("it cannot be decoded".into())
                }
            };
            (result, state.waiting.remove(url).unwrap_or_default())
        };
        for mut progress in waiting {
            match &result {
                Ok(ready) => progress.parts.push(ready.clone()),
                Err(why) => self.skip(&mut progress, url.to_owned(), why.clone()),
            }
            self.advance(progress);
        }
    }

    fn answer(&self, progress: Progress) {
        let Progress { owner, token, parts, skipped, .. } = progress;
        let result = if parts.is_empty() {
            Err(match skipped.as_slice() {
                [] => "no URL was given".to_owned(),
                [(url, why)] => format!("{url}: {why}"),
                [(url, why), ..] => format!("none of {} sounds could be had; {url}: {why}", skipped.len()),
            })
        } else {
            let joined = self.state().cache.join(&parts, monotonic_ns());
            joined.map(|ready| PreparedSound { sound: ready.id, duration_ms: ready.sound.duration_ms() })
        };
        self.unanswered.fetch_sub(1, Ordering::Relaxed);
        self.publish();
        (self.deliver)(owner, FromEngine::Sound { token, result, skipped });
    }

    fn publish(&self) {
        let state = self.state();
        let (own, joined, octets) = state.cache.size();
        set(&self.live.cached, own);
        set(&self.live.joined, joined);
        self.live.cached_octets.store(octets, Ordering::Relaxed);
        self.live.evicted.store(state.cache.evicted, Ordering::Relaxed);
        set(&self.live.in_progress, state.waiting.len());
        set(&self.live.requests_waiting, self.unanswered.load(Ordering::Relaxed));
        set(&self.live.loads_waiting, self.files.len() + self.fetches.len());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock leaves the books half written when it panics; going on beats silence for all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The far ends of the queues.
pub(crate) struct Queues {
    front: Receiver<FrontJob>,
    files: Receiver<LoadJob>,
    fetches: Receiver<LoadJob>,
}

/// The threads, to be ended.
pub(crate) struct SoundThreads {
    sounds: Arc<Sounds>,
    local: Vec<JoinHandle<()>>,
    fetching: Vec<JoinHandle<()>>,
}

/// Starts the threads.
pub(crate) fn spawn(sounds: &Arc<Sounds>, queues: Queues) -> io::Result<SoundThreads> {
    let mut threads = SoundThreads { sounds: sounds.clone(), local: Vec::new(), fetching: Vec::new() };
    let front = sounds.clone();
    threads.local.push(low("media-sounds", move || {
        while let Ok(FrontJob::Request(progress)) = queues.front.recv() {
            front.advance(progress);
        }
    })?);
    threads.local.push(loader("media-files", sounds, queues.files)?);
    for number in 0..sounds.config.fetch_threads.max(1) {
        let name = format!("media-fetch-{number}");
        threads.fetching.push(loader(&name, sounds, queues.fetches.clone())?);
    }
    Ok(threads)
}

fn loader(name: &str, sounds: &Arc<Sounds>, jobs: Receiver<LoadJob>) -> io::Result<JoinHandle<()>> {
    let sounds = sounds.clone();
    low(name, move || {
        while let Ok(LoadJob::Load(load)) = jobs.recv() {
            sounds.load(&load);
        }
    })
}

fn low(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.into()).spawn(move || {
        priority::lower();
        work();
    })
}

impl SoundThreads {
    /// How long threads that fetch get to notice: one that waits for a server cannot be interrupted.
    const PATIENCE: Duration = Duration::from_secs(1);

    /// Ends the threads. One that waits for a server beyond [`SoundThreads::PATIENCE`] is left to its time limit.
    pub(crate) fn stop(self) {
        self.sounds.fetcher.stop();
        let _ = self.sounds.front.send(FrontJob::Stop);
        let _ = self.sounds.files.send(LoadJob::Stop);
        for _ in &self.fetching {
            let _ = self.sounds.fetches.send(LoadJob::Stop);
        }
        for thread in self.local {
            let _ = thread.join();
        }
        let patience_ends = Instant::now() + Self::PATIENCE;
        for thread in self.fetching {
            while !thread.is_finished() && Instant::now() < patience_ends {
                std::thread::sleep(Duration::from_millis(2));
            }
            if thread.is_finished() {
                let _ = thread.join();
            } else {
                tracing::warn!("a thread still waits for a web server and is left behind");
            }
        }
    }
}

//! Requests for sounds: each goes through its URLs in order; one that must be loaded is loaded once for all who wait for it.
//!
//! ```text
//!  handles ──► front thread ── found ready ───────────────────────────► answer
//!                   ├─ missing ─► file threads, those for large files ─ cache ─► all who wait for this URL go on
//!                   ├─ missing, http ─► fetching, then the same threads
//!                   └─ a text ──► speech threads ─ its beginning, cache ─► all who wait for this text go on
//! ```
//! A sound of more than a few seconds is there as soon as its beginning is, like a text, and grows while it is played.
//!
//! A text with sounds in it (SSML `audio`) is a request of several parts; for a sound that cannot be had, or not soon, the words that the
//! text has in its stead are spoken.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base::{LoopId, MS, SoundId};
use media_core::Sound;
use model::Speech;
use speech::{Cancel, content_key, text_parts};

use super::cache::{Cache, Ready, Validity};
use super::fetch::Fetched;
use super::fetching::FetchJob;
use super::load::{Growth, Load, Loaded};
use super::progress::{Progress, Wanted, wanted_of};
use super::queues::{FrontJob, Jobs, LoadJob, Queues, TextJob, queues};
use super::source::{self, Source};
use super::speak::{Speaking, Text};
use crate::config::SoundConfig;
use crate::inbox::{Deliver, FromEngine, PreparedSound, SoundRequest, SoundSource};
use crate::io::clock::monotonic_ns;
use crate::metrics::{LiveSounds, add, set};

/// The flow action `beep`: 1000 Hz, 500 ms; a quarter of full scale is about -12 dB.
const BEEP: (u32, u32, i16) = (1_000, 500, 8_192);

/// Larger files have threads of their own, octets: so nobody waits for a prompt while hours of music are decoded.
const LARGE: u64 = 256 << 10;

/// How a spoken text is called among the parts that were left out.
const SPEECH: &str = "speech";

/// The shared state of handles and sound threads. The lock is held for look-ups only, never while something is loaded, and no
/// worker knows it.
pub(crate) struct Sounds {
    pub(super) config: SoundConfig,
    state: Mutex<State>,
    pub(super) queues: Queues,
    /// URLs that wait for being fetched.
    pub(super) fetches_waiting: AtomicUsize,
    /// Ends what is being spoken or decoded when the engine ends.
    pub(super) cancel: Cancel,
    /// Requests that are not answered yet, wherever they are: the bound of all queues here.
    unanswered: AtomicUsize,
    deliver: Arc<Deliver>,
    live: Arc<LiveSounds>,
}

struct State {
    cache: Cache,
    /// Who waits for a URL that is being loaded, or for the beginning of a text.
    waiting: BTreeMap<String, Vec<Progress>>,
}

/// What became of one part.
enum Step {
    Ready(Ready),
    Skip(String),
    /// It is being loaded; the request waits with it.
    Waits,
}

impl Sounds {
    /// The state, and the far ends of its queues for [`spawn`].
    pub(crate) fn new(config: SoundConfig, deliver: Arc<Deliver>, live: Arc<LiveSounds>) -> (Arc<Sounds>, Jobs) {
        let (queues, jobs) = queues();
        let cache = Cache::new(config.cache_octets, config.hold_ms * MS);
        let sounds = Sounds {
            state: Mutex::new(State { cache, waiting: BTreeMap::new() }),
            queues,
            fetches_waiting: AtomicUsize::new(0),
            cancel: Cancel::new(),
            unanswered: AtomicUsize::new(0),
            config,
            deliver,
            live,
        };
        (Arc::new(sounds), jobs)
    }

    /// The sound of this name, if it is still kept.
    pub(crate) fn find(&self, sound: SoundId, now_ns: u64) -> Option<Arc<Sound>> {
        self.state().cache.find(sound, now_ns)
    }

    /// Takes a request, or gives its token back if too many are unanswered.
    pub(crate) fn request(&self, owner: LoopId, request: SoundRequest) -> Result<(), u128> {
        if self.unanswered.fetch_add(1, Ordering::Relaxed) >= self.config.requests_max {
            self.unanswered.fetch_sub(1, Ordering::Relaxed);
            return Err(request.token);
        }
        add(&self.live.requests, 1);
        let SoundRequest { token, source } = request;
        let rest = match source {
            SoundSource::Urls(urls) => urls.into_iter().rev().map(Wanted::Url).collect(),
            SoundSource::Speech(speech) => vec![Wanted::Text(Box::new(speech))],
        };
        let progress = Progress {
            owner,
            token,
            rest,
            parts: Vec::new(),
            skipped: Vec::new(),
            instead: Vec::new(),
            waits_until_ns: u64::MAX,
            sounds_until_ns: u64::MAX,
        };
        // Only fails when the engine has ended.
        let _ = self.queues.front.send(FrontJob::Request(progress));
        Ok(())
    }

    /// Who asked does not want it any more and gets no answer, unless that is on its way. What is fetched for nobody else is given up.
    pub(crate) fn forget(&self, owner: LoopId, token: u128) {
        let _ = self.queues.front.send(FrontJob::Forget(owner, token));
    }

    pub(super) fn forgotten(&self, owner: LoopId, token: u128) {
        let is_it = |progress: &mut Progress| progress.owner == owner && progress.token == token;
        let mut state = self.state();
        for (name, waiting) in &mut state.waiting {
            let before = waiting.len();
            waiting.retain_mut(|progress| !is_it(progress));
            let gone = before - waiting.len();
            self.unanswered.fetch_sub(gone, Ordering::Relaxed);
            if gone > 0 && waiting.is_empty() {
                let _ = self.queues.fetches.send(FetchJob::GiveUp(name.clone()));
            }
        }
        drop(state);
        self.publish();
    }

    /// Whether nobody waits for it; then it is not being loaded any more, and who asks next begins anew.
    pub(super) fn is_given_up(&self, url: &str) -> bool {
        let mut state = self.state();
        let nobody = state.waiting.get(url).is_none_or(Vec::is_empty);
        if nobody {
            state.waiting.remove(url);
            add(&self.live.given_up, 1);
        }
        drop(state);
        self.publish();
        nobody
    }

    /// Takes a request as far as it goes without waiting.
    pub(super) fn advance(&self, mut progress: Progress) {
        while let Some(wanted) = progress.rest.pop() {
            let (name, step) = match wanted {
                Wanted::Url(url) => {
                    let step = self.step(&url, &mut progress);
                    (url, step)
                }
                Wanted::Text(speech) => {
                    let parts = text_parts(&speech.text);
                    progress.sounds_until_ns = monotonic_ns() + self.config.speech_sounds_ms * MS;
                    progress.rest.extend(wanted_of(parts, &speech));
                    continue;
                }
                Wanted::Speech(speech) => (SPEECH.to_owned(), self.speak(&speech, &mut progress)),
                Wanted::SoundOfText(url, instead) => {
                    progress.instead = instead;
                    progress.waits_until_ns = progress.sounds_until_ns;
                    let step = self.step(&url, &mut progress);
                    (url, step)
                }
            };
            match step {
                Step::Ready(ready) => progress.take(ready),
                Step::Skip(why) => self.skip(&mut progress, name, why),
                Step::Waits => return,
            }
        }
        self.answer(progress);
    }

    /// Takes those on who have waited long enough for a sound in their text; true: others still wait.
    pub(super) fn look_who_waits(&self) -> bool {
        let now_ns = monotonic_ns();
        let (mut late, mut others) = (Vec::new(), false);
        for (name, waiting) in &mut self.state().waiting {
            // Whoever sets to work still finds its name, if nobody waits by then.
            let is_late = |progress: &mut Progress| progress.waits_until_ns <= now_ns;
            late.extend(waiting.extract_if(.., is_late).map(|progress| (name.clone(), progress)));
            others |= waiting.iter().any(|progress| progress.waits_until_ns != u64::MAX);
        }
        for (url, mut progress) in late {
            self.skip(&mut progress, url, "it did not come in time for its text".into());
            self.advance(progress);
        }
        others
    }

    /// A text that was spoken before, or is being spoken, is found like a sound with a URL.
    fn speak(&self, speech: &Speech, progress: &mut Progress) -> Step {
        let Some(synthesizer) = &self.config.speech else {
            return Step::Skip("this server does not speak texts: no synthesizer is configured".into());
        };
        add(&self.live.speech_requests, 1);
        let key = format!("{SPEECH}:{}", content_key(synthesizer.engine(), speech));
        let now_ns = monotonic_ns();
        let mut state = self.state();
        // One that broke off a moment ago is about to be forgotten.
        if let Some((ready, _)) = state.cache.lookup(&key, now_ns).filter(|(ready, _)| !ready.sound.has_failed()) {
            add(&self.live.speech_memory_hits, 1);
            return Step::Ready(ready);
        }
        if self.wait_for(&mut state, &key, progress) {
            let _ = self.queues.texts.send(TextJob::Speak(Text { key, speech: speech.clone(), asked_ns: now_ns }));
        }
        Step::Waits
    }

    fn skip(&self, progress: &mut Progress, url: String, why: String) {
        add(&self.live.failed, 1);
        // Whoever asked says so in the log, and of which call; addresses may hold secrets.
        tracing::debug!(%why, "a sound is left out");
        progress.skipped.push((url, why));
        progress.leave_out();
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
                Ok(opened) => {
                    Some((Validity::File { modified: opened.modified, length: opened.length }, opened.length))
                }
                Err(why) => return Step::Skip(why),
            },
            _ => None,
        };
        let is_large = on_disk.as_ref().is_some_and(|(_, length)| *length > LARGE);
        let mut state = self.state();
        // One that broke off a moment ago is about to be forgotten.
        let known = state.cache.lookup(url, now_ns).filter(|(ready, _)| !ready.sound.has_failed());
        let stale = match known {
            Some((ready, validity)) => {
                let valid = match &validity {
                    Validity::Always => true,
                    Validity::File { .. } => on_disk.as_ref().is_some_and(|(now, _)| *now == validity),
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
            Source::Http => {
                if self.wait_for(&mut state, url, progress) {
                    let _ = self.queues.fetches.send(FetchJob::Fetch { url: url.to_owned(), stale });
                }
                return Step::Waits;
            }
        };
        if self.wait_for(&mut state, url, progress) {
            self.have_loaded(load, is_large);
        }
        Step::Waits
    }

    /// A fetch has ended: what came is decoded, and everybody who waited goes on, by the threads that decode.
    pub(super) fn fetched(&self, url: String, stale: Option<(Ready, Validity)>, answer: Result<Fetched, String>) {
        let is_large = matches!(&answer, Ok(Fetched::Body { body, .. }) if body.len() as u64 > LARGE);
        self.have_loaded(Load::Fetched { url, stale, answer: Box::new(answer) }, is_large);
    }

    fn have_loaded(&self, load: Load, is_large: bool) {
        let queue = if is_large { &self.queues.large_files } else { &self.queues.files };
        let _ = queue.send(LoadJob::Load(load));
    }

    /// Puts a request to those who wait for a URL or text; true if it is the first of them, and somebody must set to work.
    fn wait_for(&self, state: &mut State, name: &str, progress: &mut Progress) -> bool {
        let request = Progress {
            owner: progress.owner,
            token: progress.token,
            rest: std::mem::take(&mut progress.rest),
            parts: std::mem::take(&mut progress.parts),
            skipped: std::mem::take(&mut progress.skipped),
            instead: std::mem::take(&mut progress.instead),
            waits_until_ns: progress.waits_until_ns,
            sounds_until_ns: progress.sounds_until_ns,
        };
        if request.waits_until_ns != u64::MAX {
            let _ = self.queues.front.send(FrontJob::Watch);
        }
        if let Some(waiting) = state.waiting.get_mut(name) {
            add(&self.live.shared, 1);
            waiting.push(request);
            return false;
        }
        add(&self.live.misses, 1);
        state.waiting.insert(name.to_owned(), vec![request]);
        true
    }

    /// Loads, keeps what came of it, and takes on everybody who waited.
    pub(super) fn load(&self, load: Load) {
        let url = load.url().to_owned();
        let url = url.as_str();
        let growing = GrowingFile { sounds: self, url };
        let loaded = load.run(&self.config, &self.cancel, &growing);
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
                Loaded::Grown(id) => {
                    state.cache.grown(id, now_ns);
                    drop(state);
                    // Those who waited went on at its beginning, and who asked since then found it.
                    return self.publish();
                }
                Loaded::Failed(failure) => {
                    let url = url.split(['?', '#']).next().unwrap_or_default();
                    if failure.panicked {
                        add(&self.live.panics, 1);
                        tracing::error!(url, "decoding a sound panicked");
                    }
                    if let Some(id) = failure.begun {
                        add(&self.live.failed, 1);
                        tracing::warn!(url, why = %failure.why, "a sound broke off while it was played");
                        state.cache.forget(id);
                        drop(state);
                        return self.publish();
                    }
                    Err(failure.why)
                }
            };
            (result, state.waiting.remove(url).unwrap_or_default())
        };
        self.go_on(waiting, url, &result);
    }

    /// A sound of this name has its beginning: it is kept, and everybody who waited for it goes on.
    fn begin(&self, name: &str, called: &str, sound: Sound, validity: Validity) -> Result<Ready, String> {
        let (result, waiting) = {
            let mut state = self.state();
            let result = state.cache.insert(name, sound, validity, monotonic_ns());
            (result, state.waiting.remove(name).unwrap_or_default())
        };
        self.go_on(waiting, called, &result);
        result
    }

    /// Takes on everybody who waited for something that is there now, or not to be had.
    fn go_on(&self, waiting: Vec<Progress>, name: &str, result: &Result<Ready, String>) {
        for mut progress in waiting {
            match result {
                Ok(ready) => progress.take(ready.clone()),
                Err(why) => self.skip(&mut progress, name.to_owned(), why.clone()),
            }
            self.advance(progress);
        }
    }

    /// Has a text spoken. Everybody who waits for it is answered as soon as its beginning is there.
    pub(super) fn have_spoken(&self, text: &Text) {
        let Some(synthesizer) = &self.config.speech else { return };
        let began = |sound: Sound| {
            let after_ms = monotonic_ns().saturating_sub(text.asked_ns) / MS;
            add(&self.live.speech_first, 1);
            add(&self.live.speech_first_ms, after_ms);
            self.live.speech_first_ms_max.fetch_max(after_ms, Ordering::Relaxed);
            self.begin(&text.key, SPEECH, sound, Validity::Always)
        };
        let spoken = Speaking::run(text, &**synthesizer, &self.config, &self.cancel, &began);
        if let Err(failure) = &spoken.result {
            tracing::warn!(why = %failure.why, "a text was not spoken to its end");
            add(&self.live.panics, u64::from(failure.panicked));
        }
        let why = spoken.result.err().map(|failure| failure.why);
        let waiting = {
            let mut state = self.state();
            match (spoken.begun, &why) {
                (Some(id), None) => state.cache.grown(id, monotonic_ns()),
                (Some(id), Some(_)) => state.cache.forget(id),
                (None, _) => {}
            }
            // Nobody, if it began: then they have gone on, and who asks since then finds it in the cache.
            if spoken.begun.is_none() { state.waiting.remove(&text.key).unwrap_or_default() } else { Vec::new() }
        };
        self.go_on(waiting, SPEECH, &Err(why.unwrap_or_else(|| "there is no sound in it".into())));
        self.publish();
    }

    fn answer(&self, progress: Progress) {
        let Progress { owner, token, parts, skipped, .. } = progress;
        let result = if parts.is_empty() {
            Err(match skipped.as_slice() {
                [] => "no URL was given".to_owned(),
                [(url, why)] if url == SPEECH => why.clone(),
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
        let fetches = self.fetches_waiting.load(Ordering::Relaxed);
        set(&self.live.loads_waiting, self.queues.files.len() + self.queues.large_files.len() + fetches);
        drop(state);
        self.publish_speech();
    }

    fn publish_speech(&self) {
        let Some(synthesizer) = &self.config.speech else { return };
        let counters = synthesizer.counters();
        set(&self.live.speech_waiting, self.queues.texts.len());
        for (live, value) in [
            (&self.live.speech_running, counters.running),
            (&self.live.speech_disk_hits, counters.disk_hits),
            (&self.live.speech_synthesized, counters.synthesized),
            (&self.live.speech_retries, counters.retries),
            (&self.live.speech_failed, counters.failures),
            (&self.live.speech_disk_octets, counters.disk_octets),
            (&self.live.speech_disk_damaged, counters.disk_damaged),
        ] {
            live.store(value, Ordering::Relaxed);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock leaves the books half written when it panics; going on beats silence for all.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file of which the beginning is played while the rest is decoded.
struct GrowingFile<'a> {
    sounds: &'a Sounds,
    url: &'a str,
}

impl Growth for GrowingFile<'_> {
    fn began(&self, sound: Sound, validity: Validity) -> Result<Ready, String> {
        self.sounds.begin(self.url, self.url, sound, validity)
    }

    fn grew(&self, sound: SoundId) {
        self.sounds.state().cache.grown(sound, monotonic_ns());
    }
}

//! What is fetched at the same time: so many sounds, and of these so many from one host, so that servers that are slow hold up nobody but
//! those who want something of them. All of it on one thread; what came is decoded on others.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use reqwest::Url;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::cache::{Ready, Validity};
use super::fetch::{Arrived, Fetched, Fetcher};
use super::service::Sounds;
use crate::config::FetchLimits;
use crate::io::clock::monotonic_ns;

/// What the thread is told.
pub(crate) enum FetchJob {
    /// Fetch this.
    Fetch {
        /// As it was asked for.
        url: String,
        /// What we have of it, if it is stale.
        stale: Option<(Ready, Validity)>,
    },
    /// Nobody waits for this URL any more.
    GiveUp(String),
    Stop,
}

const ENDING: &str = "the media engine ends";

/// How long look-ups of names, which cannot be called off, get to end with the thread.
const PATIENCE: Duration = Duration::from_secs(1);

/// The thread's work.
pub(super) fn run(sounds: &Arc<Sounds>, jobs: UnboundedReceiver<FetchJob>) {
    match runtime(&sounds.config.fetch) {
        Ok(runtime) => {
            runtime.block_on(serve(sounds, jobs));
            runtime.shutdown_timeout(PATIENCE);
        }
        Err(error) => refuse_all(sounds, jobs, &format!("nothing can be fetched: {error}")),
    }
}

/// Its further threads look up names, one each.
fn runtime(limits: &FetchLimits) -> std::io::Result<Runtime> {
    let names_at_once = limits.at_once.max(1);
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(names_at_once)
        .thread_keep_alive(Duration::from_secs(5))
        .thread_name("media-names")
        .build()
}

fn refuse_all(sounds: &Sounds, mut jobs: UnboundedReceiver<FetchJob>, why: &str) {
    tracing::error!("{why}");
    loop {
        match jobs.blocking_recv() {
            Some(FetchJob::Fetch { url, stale }) => sounds.fetched(url, stale, Err(why.to_owned())),
            Some(FetchJob::GiveUp(_)) => {}
            Some(FetchJob::Stop) | None => return,
        }
    }
}

async fn serve(sounds: &Arc<Sounds>, mut jobs: UnboundedReceiver<FetchJob>) {
    let fetcher = Arc::new(Fetcher::new(sounds.config.fetch.clone()));
    let mut places = Places::new(&sounds.config.fetch);
    let mut fetches = JoinSet::new();
    loop {
        tokio::select! {
            job = jobs.recv() => match job {
                Some(FetchJob::Fetch { url, stale }) => places.waiting.push_back(Wanted::new(url, stale)),
                Some(FetchJob::GiveUp(url)) => places.give_up(&url, || sounds.is_given_up(&url)),
                Some(FetchJob::Stop) | None => break,
            },
            Some(ended) = fetches.join_next_with_id(), if !fetches.is_empty() => {
                if let Some((Wanted { url, stale, .. }, answer)) = places.ended(ended) {
                    sounds.fetched(url, stale, answer);
                }
            }
        }
        while let Some(wanted) = places.next() {
            let arrived = Arc::<Arrived>::default();
            let (fetcher, theirs) = (fetcher.clone(), arrived.clone());
            let (url, known) = (wanted.url.clone(), wanted.stale.as_ref().map(|(_, validity)| validity.clone()));
            let fetch = async move { fetcher.fetch(&url, known.as_ref(), monotonic_ns(), &theirs).await };
            let handle = fetches.spawn(fetch);
            places.running.push(Running { wanted, arrived, handle });
        }
        sounds.fetches_waiting.store(places.waiting.len() + jobs.len(), Ordering::Relaxed);
    }
    let unfinished = places.running.into_iter().map(|running| running.wanted).chain(places.waiting);
    unfinished.for_each(|Wanted { url, stale, .. }| sounds.fetched(url, stale, Err(ENDING.to_owned())));
    jobs.close();
    while let Some(job) = jobs.recv().await {
        if let FetchJob::Fetch { url, stale } = job {
            sounds.fetched(url, stale, Err(ENDING.to_owned()));
        }
    }
}

/// A sound that is to be fetched.
struct Wanted {
    url: String,
    stale: Option<(Ready, Validity)>,
    /// Host and port, as the URL has them: where it is sent on to is not known before.
    host: String,
}

impl Wanted {
    fn new(url: String, stale: Option<(Ready, Validity)>) -> Wanted {
        let parsed = Url::parse(&url).ok();
        let host = parsed.map(|url| {
            format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
        });
        Wanted { url, stale, host: host.unwrap_or_default() }
    }
}

struct Running {
    wanted: Wanted,
    arrived: Arc<Arrived>,
    handle: AbortHandle,
}

/// Who fetches, and who waits for a place.
struct Places {
    at_once: usize,
    at_once_per_host: usize,
    waiting: VecDeque<Wanted>,
    running: Vec<Running>,
}

impl Places {
    fn new(limits: &FetchLimits) -> Places {
        Places {
            at_once: limits.at_once.max(1),
            at_once_per_host: limits.at_once_per_host.max(1),
            waiting: VecDeque::new(),
            running: Vec::new(),
        }
    }

    /// The first that waits and whose host has a place.
    fn next(&mut self) -> Option<Wanted> {
        if self.waiting.is_empty() || self.running.len() >= self.at_once {
            return None;
        }
        let mut of_host = BTreeMap::<&str, usize>::new();
        for running in &self.running {
            *of_host.entry(&running.wanted.host).or_default() += 1;
        }
        let has_place = |wanted: &Wanted| of_host.get(wanted.host.as_str()).is_none_or(|n| *n < self.at_once_per_host);
        let at = self.waiting.iter().position(has_place)?;
        self.waiting.remove(at)
    }

    /// Nobody waits for this any more, as far as `is_given_up`, which is asked last, says so too. What is half there is fetched to its
    /// end all the same: the next one who wants it finds it.
    fn give_up(&mut self, url: &str, is_given_up: impl FnOnce() -> bool) {
        if let Some(at) = self.waiting.iter().position(|wanted| wanted.url == url) {
            if is_given_up() {
                self.waiting.remove(at);
            }
        } else if let Some(running) = self.running.iter().find(|running| running.wanted.url == url)
            && !running.arrived.is_half_there()
            && is_given_up()
        {
            running.handle.abort();
        }
    }

    /// One has ended; none: it was given up.
    fn ended(
        &mut self,
        ended: Result<(Id, Result<Fetched, String>), JoinError>,
    ) -> Option<(Wanted, Result<Fetched, String>)> {
        let (id, answer) = match ended {
            Ok((id, answer)) => (id, Some(answer)),
            Err(error) if error.is_cancelled() => (error.id(), None),
            Err(error) => (error.id(), Some(Err(format!("fetching it failed: {error}")))),
        };
        let at = self.running.iter().position(|running| running.handle.id() == id)?;
        let Running { wanted, .. } = self.running.swap_remove(at);
        answer.map(|answer| (wanted, answer))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(at_once: usize, at_once_per_host: usize, urls: &[&str]) -> Places {
        let limits = FetchLimits { at_once, at_once_per_host, ..FetchLimits::default() };
        let mut places = Places::new(&limits);
        places.waiting.extend(urls.iter().map(|url| Wanted::new((*url).to_owned(), None)));
        places
    }

    /// Starts what may be started; a fetch that never ends stands for each.
    fn started(places: &mut Places, fetches: &mut JoinSet<()>) -> Vec<String> {
        let mut started = Vec::new();
        while let Some(wanted) = places.next() {
            started.push(wanted.url.clone());
            let handle = fetches.spawn(std::future::pending());
            places.running.push(Running { wanted, arrived: Arc::default(), handle });
        }
        started
    }

    #[test]
    fn a_host_gets_its_places_and_not_those_of_others() {
        let runtime = runtime(&FetchLimits::default()).unwrap();
        let _inside = runtime.enter();
        let mut fetches = JoinSet::new();
        let mut places =
            places(3, 2, &["http://a/1", "http://A:80/2", "http://a/3", "http://b/1", "http://a:81/1", "http://b/2"]);
        assert_eq!(started(&mut places, &mut fetches), ["http://a/1", "http://A:80/2", "http://b/1"]);
        places.running.remove(0);
        assert_eq!(started(&mut places, &mut fetches), ["http://a/3"], "in the order in which they were asked for");
        places.running.clear();
        assert_eq!(started(&mut places, &mut fetches), ["http://a:81/1", "http://b/2"]);
    }

    #[test]
    fn what_is_half_there_or_wanted_again_is_not_given_up() {
        let runtime = runtime(&FetchLimits::default()).unwrap();
        let _inside = runtime.enter();
        let mut fetches = JoinSet::new();
        let mut places = places(1, 1, &["http://a/1", "http://a/2"]);
        started(&mut places, &mut fetches);
        places.give_up("http://a/2", || false);
        assert_eq!(places.waiting.len(), 1);
        places.give_up("http://a/2", || true);
        assert_eq!(places.waiting.len(), 0);
        places.give_up("http://a/3", || panic!("it is not asked about what is not here"));
        places.give_up("http://a/1", || false);
        assert!(!runtime.block_on(async { fetches.try_join_next().is_some() }));
        places.give_up("http://a/1", || true);
        let ended = runtime.block_on(fetches.join_next_with_id()).unwrap().unwrap_err();
        assert!(ended.is_cancelled());
        assert!(places.ended(Err(ended)).is_none() && places.running.is_empty());
    }
}

//! The threads that make sounds ready: all of low priority, so that a call's audio comes before what is still to be prepared.

use std::io;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::fetching::{self, FetchJob};
use super::queues::{FrontJob, Jobs, LoadJob, TextJob};
use super::service::Sounds;
use crate::io::priority;

/// The threads, to be ended.
pub(crate) struct SoundThreads {
    sounds: Arc<Sounds>,
    local: Vec<JoinHandle<()>>,
    loading: Vec<JoinHandle<()>>,
    fetching: Vec<JoinHandle<()>>,
    speaking: Vec<JoinHandle<()>>,
}

/// Starts the threads.
pub(crate) fn spawn(sounds: &Arc<Sounds>, jobs: Jobs) -> io::Result<SoundThreads> {
    let mut threads = SoundThreads {
        sounds: sounds.clone(),
        local: Vec::new(),
        loading: Vec::new(),
        fetching: Vec::new(),
        speaking: Vec::new(),
    };
    let front = sounds.clone();
    threads.local.push(low("media-sounds", move || serve(&front, &jobs.front))?);
    for number in 0..sounds.config.file_threads.max(1) {
        threads.loading.push(loader(&format!("media-files-{number}"), sounds, jobs.files.clone())?);
        threads.loading.push(loader(&format!("media-large-{number}"), sounds, jobs.large_files.clone())?);
    }
    let fetching = sounds.clone();
    threads.fetching.push(low("media-fetch", move || fetching::run(&fetching, jobs.fetches))?);
    let speaking = if sounds.config.speech.is_some() { sounds.config.speech_threads.max(1) } else { 0 };
    for number in 0..speaking {
        let (sounds, texts) = (sounds.clone(), jobs.texts.clone());
        threads.speaking.push(low(&format!("media-speech-{number}"), move || {
            while let Ok(TextJob::Speak(text)) = texts.recv() {
                sounds.have_spoken(&text);
            }
        })?);
    }
    Ok(threads)
}

/// How often the front thread looks whether somebody has waited long enough, while somebody may have.
const LOOK: Duration = Duration::from_millis(200);

/// Takes requests on their way, and goes on with those who do not wait any longer.
fn serve(sounds: &Sounds, jobs: &Receiver<FrontJob>) {
    let mut look_at: Option<Instant> = None;
    loop {
        let job = match look_at {
            Some(at) => jobs.recv_deadline(at),
            None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match job {
            Ok(FrontJob::Request(progress)) => sounds.advance(progress),
            Ok(FrontJob::Forget(owner, token)) => sounds.forgotten(owner, token),
            Ok(FrontJob::Watch) => drop(look_at.get_or_insert_with(|| Instant::now() + LOOK)),
            Err(RecvTimeoutError::Timeout) => {}
            Ok(FrontJob::Stop) | Err(RecvTimeoutError::Disconnected) => return,
        }
        if look_at.is_some_and(|at| Instant::now() >= at) {
            look_at = sounds.look_who_waits().then(|| Instant::now() + LOOK);
        }
    }
}

fn loader(name: &str, sounds: &Arc<Sounds>, jobs: Receiver<LoadJob>) -> io::Result<JoinHandle<()>> {
    let sounds = sounds.clone();
    low(name, move || {
        while let Ok(LoadJob::Load(load)) = jobs.recv() {
            sounds.load(load);
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
    /// Ends the threads.
    pub(crate) fn stop(self) {
        // Whoever speaks or decodes looks at this, and takes what else waits: it is cancelled at once.
        self.sounds.cancel.cancel();
        let _ = self.sounds.queues.front.send(FrontJob::Stop);
        let _ = self.sounds.queues.fetches.send(FetchJob::Stop);
        for _ in &self.speaking {
            let _ = self.sounds.queues.texts.send(TextJob::Stop);
        }
        for thread in self.local.into_iter().chain(self.fetching).chain(self.speaking) {
            let _ = thread.join();
        }
        // They also say how what was being fetched has ended.
        for _ in &self.loading {
            // There are as many of each kind.
            let _ = self.sounds.queues.files.send(LoadJob::Stop);
            let _ = self.sounds.queues.large_files.send(LoadJob::Stop);
        }
        for thread in self.loading {
            let _ = thread.join();
        }
    }
}

//! The facts thread: takes what the workers have put into their rings to the control loops, frees what they retire, and carries
//! streams from one worker to another.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use base::LoopId;
use crossbeam_channel::{Receiver, Sender};
use media_core::{Event, Retired, Transit};
use rtrb::Consumer;

use crate::inbox::{Deliver, FromEngine};
use crate::io::wake::{Bell, Listener};
use crate::mover::Mover;
use crate::ports::PoolRequest;

/// Taken from one ring before the next one has its turn.
const BATCH: usize = 256;
/// The bell wakes at once; this is only how often an idle thread looks for itself.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// While an instruction of the mover waits for room in a worker's ring.
const RETRY_SLEEP: Duration = Duration::from_millis(5);

/// The far ends of one worker's rings.
pub(crate) struct WorkerRings {
    pub(crate) events: Consumer<(LoopId, Event)>,
    pub(crate) retired: Consumer<Retired>,
}

/// Everything that the thread needs.
pub(crate) struct FactsThread {
    pub(crate) rings: Vec<WorkerRings>,
    /// Answers that handles give themselves; they go this way because handles must not call [`Deliver`].
    pub(crate) answers: Receiver<(LoopId, FromEngine)>,
    pub(crate) pool: Sender<PoolRequest>,
    pub(crate) mover: Mover,
    pub(crate) deliver: Arc<Deliver>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) listener: Listener,
    /// Set when the workers have ended: drain once more, then end.
    pub(crate) stop: Arc<AtomicBool>,
}

/// Starts the thread.
pub(crate) fn spawn(mut thread: FactsThread) -> io::Result<JoinHandle<()>> {
    Builder::new().name("media-facts".into()).spawn(move || thread.run())
}

impl FactsThread {
    fn run(&mut self) {
        loop {
            // Read before the rings: what was put into them before the stop is drained in any case.
            let stopping = self.stop.load(Ordering::SeqCst);
            let mut found = self.drain();
            if !found && stopping {
                return;
            }
            if !found {
                self.listener.about_to_sleep(&self.bell);
                found = self.drain() || self.stop.load(Ordering::SeqCst);
                if found {
                    self.listener.stay_awake(&self.bell);
                } else {
                    let longest = if self.mover.is_waiting() { RETRY_SLEEP } else { LONGEST_SLEEP };
                    self.listener.sleep(&self.bell, longest);
                }
            }
        }
    }

    /// Empties the rings as far as one batch each goes; false if there was nothing.
    fn drain(&mut self) -> bool {
        let mut found = self.mover.flush();
        for at in 0..self.rings.len() {
            found |= self.drain_events(at, BATCH);
            for _ in 0..BATCH {
                let Ok(retired) = self.rings[at].retired.pop() else { break };
                found = true;
                match retired {
                    Retired::Transit(transit) => self.transit(at, transit),
                    retired => drop(retired),
                }
            }
        }
        for (owner, answer) in self.answers.try_iter().take(BATCH) {
            found = true;
            (self.deliver)(owner, answer);
        }
        found
    }

    /// Takes up to `most` events of a worker to the control loops.
    fn drain_events(&mut self, at: usize, most: usize) -> bool {
        for taken in 0..most {
            let Ok((owner, event)) = self.rings[at].events.pop() else { return taken > 0 };
            if let Event::Closed { stream, .. } = event {
                self.mover.closed(at, stream);
                // Only fails when the engine ends, and then the pool closes everything itself.
                let _ = self.pool.send(PoolRequest::Release { stream, at });
            }
            (self.deliver)(owner, FromEngine::Media(event));
        }
        true
    }

    fn transit(&mut self, at: usize, transit: Transit) {
        if matches!(transit, Transit::Underway(..)) {
            // What the stream has reported here comes before what it will report there.
            self.drain_events(at, usize::MAX);
        }
        self.mover.transit(at, transit);
    }
}

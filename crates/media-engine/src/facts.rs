//! The facts thread: takes what the workers have put into their rings to the control loops, and frees what they retire.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use base::LoopId;
use crossbeam_channel::{Receiver, Sender};
use media_core::{Event, Retired};
use rtrb::Consumer;

use crate::inbox::{Deliver, FromEngine};
use crate::io::wake::{Bell, Listener};
use crate::ports::PoolRequest;

/// Taken from one ring before the next one has its turn.
const BATCH: usize = 256;
/// The bell wakes at once; this is only how often an idle thread looks for itself.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);

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
                    self.listener.sleep(&self.bell, LONGEST_SLEEP);
                }
            }
        }
    }

    /// Empties the rings as far as one batch each goes; false if there was nothing.
    fn drain(&mut self) -> bool {
        let mut found = false;
        for rings in &mut self.rings {
            for _ in 0..BATCH {
                let Ok((owner, event)) = rings.events.pop() else { break };
                found = true;
                if let Event::Closed { stream, .. } = event {
                    // Only fails when the engine ends, and then the pool closes everything itself.
                    let _ = self.pool.send(PoolRequest::Release(stream));
                }
                (self.deliver)(owner, FromEngine::Media(event));
            }
            for _ in 0..BATCH {
                let Ok(retired) = rings.retired.pop() else { break };
                found = true;
                drop(retired);
            }
        }
        for (owner, answer) in self.answers.try_iter().take(BATCH) {
            found = true;
            (self.deliver)(owner, answer);
        }
        found
    }
}

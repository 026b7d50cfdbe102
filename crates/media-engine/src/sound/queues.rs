//! The queues between the threads that make sounds ready. None has a bound of its own: each holds no more than there are unanswered
//! requests, and who has hung up.

use base::LoopId;
use crossbeam_channel::{Receiver, Sender, unbounded};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::fetching::FetchJob;
use super::load::Load;
use super::progress::Progress;
use super::speak::Text;

/// For the thread that looks at every request first.
pub(super) enum FrontJob {
    Request(Progress),
    /// Who asked this does not want it any more.
    Forget(LoopId, u128),
    /// Somebody waits who will not wait for ever.
    Watch,
    Stop,
}

/// For the threads that decode files.
pub(super) enum LoadJob {
    Load(Load),
    Stop,
}

/// For the threads that speak.
pub(super) enum TextJob {
    Speak(Text),
    Stop,
}

/// The near ends.
pub(super) struct Queues {
    pub(super) front: Sender<FrontJob>,
    pub(super) files: Sender<LoadJob>,
    pub(super) large_files: Sender<LoadJob>,
    pub(super) fetches: UnboundedSender<FetchJob>,
    pub(super) texts: Sender<TextJob>,
}

/// The far ends.
pub(crate) struct Jobs {
    pub(super) front: Receiver<FrontJob>,
    pub(super) files: Receiver<LoadJob>,
    pub(super) large_files: Receiver<LoadJob>,
    pub(super) fetches: UnboundedReceiver<FetchJob>,
    pub(super) texts: Receiver<TextJob>,
}

/// A set of them.
pub(super) fn queues() -> (Queues, Jobs) {
    let (front, front_jobs) = unbounded();
    let (files, file_jobs) = unbounded();
    let (large_files, large_file_jobs) = unbounded();
    let (fetches, fetch_jobs) = unbounded_channel();
    let (texts, text_jobs) = unbounded();
    let jobs = Jobs {
        front: front_jobs,
        files: file_jobs,
        large_files: large_file_jobs,
        fetches: fetch_jobs,
        texts: text_jobs,
    };
    (Queues { front, files, large_files, fetches, texts }, jobs)
}

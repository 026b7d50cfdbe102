//! Taking back what a repair has done when it fails half-way.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use crate::StoreError;

enum Step {
    /// The file was moved from here to there.
    Moved(PathBuf, PathBuf),
    /// The file was made.
    Made(PathBuf),
}

/// What was done so far.
#[derive(Default)]
pub(crate) struct Undo(Vec<Step>);

impl Undo {
    /// A file was moved, or copied and then replaced.
    pub(crate) fn moved(&mut self, from: PathBuf, to: PathBuf) {
        self.0.push(Step::Moved(from, to));
    }

    /// A file was made, or is about to be.
    pub(crate) fn made(&mut self, path: PathBuf) {
        self.0.push(Step::Made(path));
    }

    /// Takes it all back, the last step first. Returns `error`, with what could not be taken back.
    pub(super) fn all(self, error: StoreError) -> StoreError {
        let mut left = Vec::new();
        for step in self.0.into_iter().rev() {
            let (done, path) = match &step {
                Step::Moved(from, to) => (fs::rename(to, from), to),
                Step::Made(path) => (fs::remove_file(path), path),
            };
            match done {
                Err(why) if why.kind() != ErrorKind::NotFound => left.push(format!("{} ({why})", path.display())),
                _ => {}
            }
        }
        if left.is_empty() {
            return error;
        }
        let doing = format!("undo what the repair had begun with when it failed ({error}); there are still");
        StoreError::Io { doing, kind: ErrorKind::Other, message: left.join(", ") }
    }
}

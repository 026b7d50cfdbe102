//! Log lines that strangers can cause as often as they like.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long one line is followed by no other of its kind.
const REST: Duration = Duration::from_secs(10);

/// Lets one line through in ten seconds, and counts the others.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    last: Option<Instant>,
    others: u64,
}

impl Seldom {
    /// Whether a line may be written now: then how many were not since the last one.
    pub(crate) fn line(&self) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.last.is_some_and(|last| last.elapsed() < REST) {
            state.others += 1;
            return None;
        }
        state.last = Some(Instant::now());
        Some(std::mem::take(&mut state.others))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_line_in_ten_seconds_tells_of_those_that_were_left_out() {
        let seldom = Seldom::default();
        assert_eq!([seldom.line(), seldom.line(), seldom.line()], [Some(0), None, None]);
        tokio::time::advance(REST).await;
        assert_eq!([seldom.line(), seldom.line()], [Some(2), None]);
    }
}

//! What the operator asks by signal: SIGTERM drains, the next one or Ctrl-C hangs up, SIGHUP reloads.

use std::io;

use tokio::signal::unix::{Signal as Stream, SignalKind, signal};

/// What the server is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// First SIGTERM: take no new calls, let the others finish up to `drain_seconds`, then end.
    Drain,
    /// SIGINT, or a second SIGTERM: hang up all calls with BYE, then end.
    HangUp,
    /// A further SIGINT or SIGTERM after [`Request::HangUp`]: end at once, whoever still waits for an answer.
    EndNow,
    /// SIGHUP: read configuration and provisioning again. Not given any more once the server was told to end.
    Reload,
}

/// A signal as it arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Arrived {
    Term,
    Int,
    Hup,
}

/// How far the server was told to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Running,
    Draining,
    HangingUp,
}

impl Stage {
    fn receive(&mut self, arrived: Arrived) -> Option<Request> {
        let (stage, request) = match (*self, arrived) {
            (Stage::Running, Arrived::Hup) => (Stage::Running, Some(Request::Reload)),
            (stage, Arrived::Hup) => (stage, None),
            (Stage::Running, Arrived::Term) => (Stage::Draining, Some(Request::Drain)),
            (Stage::Running, Arrived::Int) | (Stage::Draining, _) => (Stage::HangingUp, Some(Request::HangUp)),
            (Stage::HangingUp, _) => (Stage::HangingUp, Some(Request::EndNow)),
        };
        *self = stage;
        request
    }
}

/// The stream of requests. While it exists the signals do not end the process by themselves.
#[derive(Debug)]
pub struct Signals {
    term: Stream,
    int: Stream,
    hup: Stream,
    stage: Stage,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT and SIGHUP. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn listen() -> io::Result<Signals> {
        Ok(Signals {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
            stage: Stage::default(),
        })
    }

    /// The next request. Nothing is lost when this is cancelled.
    pub async fn next(&mut self) -> Request {
        loop {
            let arrived = tokio::select! {
                _ = self.term.recv() => Arrived::Term,
                _ = self.int.recv() => Arrived::Int,
                _ = self.hup.recv() => Arrived::Hup,
            };
            if let Some(request) = self.stage.receive(arrived) {
                return request;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(arrived: &[Arrived]) -> Vec<Option<Request>> {
        let mut stage = Stage::default();
        arrived.iter().map(|signal| stage.receive(*signal)).collect()
    }

    #[test]
    fn a_first_sigterm_drains_and_a_second_or_sigint_hangs_up() {
        use Arrived::{Int, Term};
        use Request::{Drain, EndNow, HangUp};
        assert_eq!(requests(&[Term, Term, Term]), [Some(Drain), Some(HangUp), Some(EndNow)]);
        assert_eq!(requests(&[Term, Int]), [Some(Drain), Some(HangUp)]);
        assert_eq!(requests(&[Int, Int]), [Some(HangUp), Some(EndNow)]);
        assert_eq!(requests(&[Int, Term]), [Some(HangUp), Some(EndNow)]);
    }

    #[test]
    fn sighup_reloads_as_often_as_it_comes_but_not_while_ending() {
        use Arrived::{Hup, Int, Term};
        use Request::{Drain, HangUp, Reload};
        assert_eq!(requests(&[Hup, Hup, Term, Hup]), [Some(Reload), Some(Reload), Some(Drain), None]);
        assert_eq!(requests(&[Int, Hup]), [Some(HangUp), None]);
    }

    #[tokio::test]
    async fn a_real_signal_arrives() {
        let mut signals = Signals::listen().unwrap();
        // The shell's own: a small system has no program of that name.
        let kill = format!("kill -HUP {}", std::process::id());
        let sent = std::process::Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(sent.success());
        assert_eq!(signals.next().await, Request::Reload);
    }
}

//! What the API wishes of running calls: given to every loop, answered by the one that owns the thing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use api::{ConferenceRecording, Control, Refused};
use call::{Input, OwedRun, Refusal, Reply, Request};
use futures_util::future::BoxFuture;
use model::{Activeflow, Binding, Call, Confbridge, Conference, Conferencecall};
use serde_json::{Map, Value};
use store::Store;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::lanes::LaneSender;

/// Longest wait for the loops, which answer within milliseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The way of the API to the loops.
pub(super) struct Wishes {
    senders: Vec<LaneSender>,
    store: Store,
    next_token: AtomicU64,
    open: Mutex<BTreeMap<u64, Open>>,
}

/// A wish that is not answered yet.
struct Open {
    /// Loops that have not said anything.
    silent: usize,
    answer: oneshot::Sender<Reply>,
}

impl Wishes {
    pub(super) fn new(senders: Vec<LaneSender>, store: Store) -> Wishes {
        Wishes { senders, store, next_token: AtomicU64::new(1), open: Mutex::default() }
    }

    /// A loop has answered.
    pub(super) fn reply(&self, token: u64, reply: Reply) {
        let mut open = self.open();
        let Some(wish) = open.get_mut(&token) else { return };
        wish.silent -= 1;
        let is_last_word = reply != Reply::NotHere || wish.silent == 0;
        if is_last_word && let Some(wish) = open.remove(&token) {
            // Fails when the asker has lost patience.
            let _ = wish.answer.send(reply);
        }
    }

    async fn ask(&self, request: Request) -> Result<Reply, Refused> {
        let token = self.next_token.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        self.open().insert(token, Open { silent: self.senders.len(), answer });
        for sender in &self.senders {
            if !sender.try_wish(Input::Request { token, request: request.clone() }) {
                self.open().remove(&token);
                return Err(Refused::Timeout);
            }
        }
        let reply = tokio::time::timeout(PATIENCE, answered).await;
        self.open().remove(&token);
        match reply {
            Ok(Ok(Reply::NotHere)) => Err(Refused::NotFound),
            Ok(Ok(Reply::AlreadyOver(_))) => Err(Refused::AlreadyHangup),
            Ok(Ok(Reply::Refused(refusal))) => Err(refused(refusal)),
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(Refused::Timeout),
        }
    }

    /// Begins a run that is owed from before this process.
    pub(super) async fn begin(&self, owed: OwedRun) -> Result<Reply, Refused> {
        self.ask(Request::BeginRun(Box::new(owed))).await
    }

    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refused(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Over => Refused::ConferenceOver,
        Refusal::Empty => Refused::NobodyThere,
        Refusal::RecordingActive => Refused::RecordingActive,
        Refusal::NoRecording => Refused::RecordingNotActive,
    }
}

impl Control for Wishes {
    fn hang_up(&self, call_id: Uuid) -> BoxFuture<'_, Result<Call, Refused>> {
        Box::pin(async move {
            match self.ask(Request::HangUp { call_id }).await? {
                Reply::Call(call) => Ok(*call),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn stop_activeflow(&self, activeflow_id: Uuid) -> BoxFuture<'_, Result<Activeflow, Refused>> {
        Box::pin(async move {
            match self.ask(Request::StopActiveflow { activeflow_id }).await? {
                Reply::Activeflow(activeflow) => Ok(*activeflow),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn activeflow_variables(&self, activeflow_id: Uuid) -> BoxFuture<'_, Result<Map<String, Value>, Refused>> {
        Box::pin(async move {
            match self.ask(Request::Variables { activeflow_id }).await? {
                Reply::Variables(variables) => {
                    Ok(variables.into_iter().map(|(key, value)| (key, Value::String(value))).collect())
                }
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn kick_conferencecall(&self, conferencecall_id: Uuid) -> BoxFuture<'_, Result<Conferencecall, Refused>> {
        Box::pin(async move {
            match self.ask(Request::KickConferencecall { conferencecall_id }).await? {
                Reply::Conferencecall(conferencecall) => Ok(*conferencecall),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn close_conference(&self, conference_id: Uuid) -> BoxFuture<'_, Result<Conference, Refused>> {
        Box::pin(async move {
            match self.ask(Request::CloseConference { conference_id }).await? {
                Reply::Conference(conference) => Ok(*conference),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn kick_confbridge_call(&self, confbridge_id: Uuid, call_id: Uuid) -> BoxFuture<'_, Result<Confbridge, Refused>> {
        Box::pin(async move {
            match self.ask(Request::KickConfbridgeCall { confbridge_id, call_id }).await? {
                Reply::Confbridge(bridge) => Ok(*bridge),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn close_confbridge(&self, confbridge_id: Uuid) -> BoxFuture<'_, Result<Confbridge, Refused>> {
        Box::pin(async move {
            match self.ask(Request::CloseConfbridge { confbridge_id }).await? {
                Reply::Confbridge(bridge) => Ok(*bridge),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn start_conference_recording(
        &self,
        conference_id: Uuid,
        ConferenceRecording { duration_s, on_end_flow_id }: ConferenceRecording,
    ) -> BoxFuture<'_, Result<Conference, Refused>> {
        Box::pin(async move {
            let recording = call::ConferenceRecording { duration_s, on_end_flow_id };
            match self.ask(Request::StartConferenceRecording { conference_id, recording }).await? {
                Reply::Conference(conference) => Ok(*conference),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn stop_conference_recording(&self, conference_id: Uuid) -> BoxFuture<'_, Result<Conference, Refused>> {
        Box::pin(async move {
            match self.ask(Request::StopConferenceRecording { conference_id }).await? {
                Reply::Conference(conference) => Ok(*conference),
                _ => Err(Refused::StateInvalid),
            }
        })
    }

    fn live_registrations(&self, customer_id: Uuid) -> BoxFuture<'_, Vec<Binding>> {
        let store = self.store.clone();
        Box::pin(async move {
            let now_us = super::clock::now().wall_us;
            let read = tokio::task::spawn_blocking(move || store.all_bindings()).await;
            let bindings = read.ok().and_then(Result::ok).unwrap_or_default();
            let stands = |binding: &Binding| binding.customer_id == customer_id && binding.expires_us > now_us;
            bindings.into_iter().filter(stands).collect()
        })
    }
}

//! Answers to what actions asked for: services, flows, confbridges and requests (spec/flow.md §5.4, §9, §10).

use std::sync::Arc;

use base::{Now, Random};
use model::Action;
use serde_json::Value;
use uuid::Uuid;

use crate::action::Wait;
use crate::document::parse;
use crate::machine::{Machine, Phase};
use crate::webhook_response;
use crate::{CallView, Effect, EndReason, Event, HttpOutcome, HttpPurpose, TimelineEntry, What, read_actions};

impl Machine {
    /// Takes an answer if the machine waits for just that one; any other is stale.
    pub(crate) fn answered(&mut self, now: Now, event: Event, view: &CallView<'_>) {
        let Phase::Waiting(wait) = &self.phase else { return self.stale() };
        match (wait, event) {
            (Wait::Bridge, Event::BridgeLeft { step }) if step == self.execute_count => self.wake(),
            (Wait::Bridge, Event::BridgeRefused { step, reason }) if step == self.execute_count => {
                self.timeline(What::Failed, reason);
                self.go_on();
            }
            (Wait::Service { id }, Event::ServiceStarted { step, stack_id, actions }) if step == self.execute_count => {
                let id = id.to_string();
                self.set_variable("voipbin.conference.id", id);
                self.fork(now, stack_id, actions, view);
            }
            (Wait::Service { .. }, Event::ServiceRefused { step, reason })
            | (Wait::Fetch, Event::FlowMissing { step, reason })
                if step == self.execute_count =>
            {
                self.end(now, EndReason::Failed(reason), view);
            }
            (Wait::Fetch, Event::FlowFound { step, actions }) if step == self.execute_count => {
                let stack_id = model::random_id(&mut self.ids(now));
                self.fork(now, stack_id, actions, view);
            }
            (Wait::Http(purpose), Event::HttpAnswered { step, outcome }) if step == self.execute_count => {
                // A response takes its time: a new burst begins.
                self.burst = 0;
                match purpose {
                    HttpPurpose::Fetch => self.fetched(now, &outcome, view),
                    HttpPurpose::Webhook => self.webhook_answered(&outcome),
                }
            }
            _ => self.stale(),
        }
    }

    /// Goes on in the same burst: what was answered at once was no wait, so a loop of it stays bounded.
    fn go_on(&mut self) {
        self.phase = Phase::Ready;
    }

    fn fork(&mut self, now: Now, stack_id: Uuid, actions: impl Into<Arc<[Action]>>, view: &CallView<'_>) {
        match self.push_frame(stack_id, actions) {
            Ok(()) => self.go_on(),
            Err(why) => self.end(now, EndReason::Limit(why), view),
        }
    }

    /// spec/flow.md §10.2.
    fn fetched(&mut self, now: Now, outcome: &HttpOutcome, view: &CallView<'_>) {
        let mut random = self.ids(now);
        let stack_id = model::random_id(&mut random);
        match actions_of(outcome, &mut random) {
            Ok(actions) => self.fork(now, stack_id, actions, view),
            Err(why) => self.end(now, EndReason::Failed(why), view),
        }
    }

    /// spec/flow.md §10.1. No failure ends the activeflow.
    fn webhook_answered(&mut self, outcome: &HttpOutcome) {
        self.set_variable(webhook_response::STATUS_CODE, outcome.status.to_string());
        // What an earlier response left makes room first.
        self.set_variable(webhook_response::BODY, String::new());
        if let Some(why) = outcome.failure() {
            self.timeline(What::Failed, why);
        } else if let Err(why) =
            webhook_response::leaves(&outcome.body).and_then(|leaves| self.variables.set_all(&leaves))
        {
            self.variable_refused("the variables of the response", why);
        }
        self.set_variable(webhook_response::BODY, webhook_response::shown(&outcome.body));
        self.go_on();
    }

    /// Says why a webhook that is not waited for came to nothing; the cursor is somewhere else by now.
    pub(crate) fn webhook_failed(&mut self, activeflow_id: Uuid, step: u64, action_id: String, reason: String) {
        if activeflow_id != self.id {
            return self.stale();
        }
        let action_type = "webhook_send".to_owned();
        let entry = TimelineEntry { step, action_id, action_type, what: What::Failed, reason };
        self.outbox.push_back(Effect::Timeline(entry));
    }

    /// Ids for what this step brings in. They differ between steps and activeflows and follow from the state alone.
    fn ids(&self, now: Now) -> Random {
        let mut seed = [0; 32];
        seed[..16].copy_from_slice(self.id.as_bytes());
        seed[16..24].copy_from_slice(&self.execute_count.to_le_bytes());
        seed[24..].copy_from_slice(&now.wall_us.to_le_bytes());
        Random::from_seed(seed)
    }
}

/// The actions in a response, bare or in an object as flows are shown.
fn actions_of(outcome: &HttpOutcome, random: &mut Random) -> Result<Vec<Action>, String> {
    if let Some(why) = outcome.failure() {
        return Err(why);
    }
    let value = parse(&outcome.body).map_err(|error| format!("the answer cannot be read: {error}"))?;
    let actions = match value {
        Value::Object(mut object) => object.shift_remove("actions").unwrap_or(Value::Null),
        other => other,
    };
    if !actions.is_array() {
        return Err("the answer is no array of actions".to_owned());
    }
    read_actions(actions, random).map_err(|problems| {
        let first = problems.first().map(ToString::to_string).unwrap_or_default();
        format!("the answer holds no valid actions: {first}")
    })
}

//! Topics: `<scope>:<scope id>:<resource>[:<resource id>]`, matched by their beginning.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::auth::Identity;

/// Most topics of one connection.
const MAX: usize = 1_000;

/// What one connection has subscribed to, and what it may.
#[derive(Debug)]
pub(crate) struct Topics {
    /// Beginnings of topics that the caller may see, each ending with a colon.
    allowed: Vec<String>,
    chosen: BTreeSet<String>,
}

/// Why a subscription ends the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forbidden {
    /// It is not the caller's.
    NotYours,
    /// There are too many.
    TooMany,
}

impl Topics {
    /// The scopes of a caller: the customer for its admins and managers, and the agent's own.
    pub(crate) fn of(identity: &Identity) -> Topics {
        let mut allowed = vec![format!("agent_id:{}:", identity.id())];
        if identity.manages() {
            allowed.push(format!("customer_id:{}:", identity.customer_id));
        }
        Topics { allowed, chosen: BTreeSet::new() }
    }

    /// Adds a topic.
    pub(super) fn subscribe(&mut self, topic: &str) -> Result<(), Forbidden> {
        let topic = normal(topic);
        let is_within =
            |allowed: &String| topic.starts_with(allowed.as_str()) || Some(topic) == allowed.strip_suffix(':');
        if !self.allowed.iter().any(is_within) {
            return Err(Forbidden::NotYours);
        }
        if self.chosen.len() >= MAX {
            return Err(Forbidden::TooMany);
        }
        self.chosen.insert(topic.to_owned());
        Ok(())
    }

    /// Removes a topic.
    pub(super) fn unsubscribe(&mut self, topic: &str) {
        self.chosen.remove(normal(topic));
    }

    /// Whether an event with these topics is wanted.
    pub(super) fn want(&self, topics: &[String]) -> bool {
        topics.iter().any(|topic| self.chosen.iter().any(|chosen| topic.starts_with(chosen.as_str())))
    }
}

/// Without the wildcard that older pages show.
fn normal(topic: &str) -> &str {
    topic.trim().trim_end_matches(":*").trim_end_matches('*')
}

/// The topics of an event: its customer's, and its owner's if it has one.
pub(super) fn of_event(customer_id: Uuid, owner_id: Option<&str>, event: &str, id: &str) -> Vec<String> {
    let resource = event.split('_').next().unwrap_or_default();
    let mut topics = vec![format!("customer_id:{customer_id}:{resource}:{id}")];
    if let Some(owner) = owner_id {
        topics.push(format!("agent_id:{owner}:{resource}:{id}"));
    }
    topics
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Topics {
        Topics { allowed: vec!["customer_id:1:".into(), "agent_id:2:".into()], chosen: BTreeSet::new() }
    }

    #[test]
    fn topics_match_by_their_beginning() {
        let event = of_event(Uuid::nil(), Some("2"), "call_hangup", "9");
        for (topic, wanted) in [
            ("agent_id:2:call", true),
            ("agent_id:2:call:9", true),
            ("agent_id:2:call:*", true),
            ("agent_id:2", true),
            ("agent_id:2:call:8", false),
            ("agent_id:2:flow", false),
        ] {
            let mut topics = topics();
            topics.subscribe(topic).unwrap();
            assert_eq!(topics.want(&event), wanted, "{topic}");
            topics.unsubscribe(topic);
            assert!(!topics.want(&event));
        }
    }

    #[test]
    fn what_is_not_the_callers_is_forbidden() {
        for topic in
            ["customer_id:12:call", "customer_id:", "customer_id", "", "*", "agent_id:1:call", "call", "customer_id:1x"]
        {
            assert_eq!(topics().subscribe(topic), Err(Forbidden::NotYours), "{topic}");
        }
        let mut topics = topics();
        for n in 0..MAX {
            topics.subscribe(&format!("customer_id:1:call:{n}")).unwrap();
        }
        assert_eq!(topics.subscribe("customer_id:1:call"), Err(Forbidden::TooMany));
    }
}

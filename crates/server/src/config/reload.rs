//! What changed between two configurations, and what of it a running server takes over.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Config;

/// Keys that a reload takes over; of a section, all its keys. Everything else waits for a restart.
const TAKEN_OVER: [&str; 11] = [
    "provision",
    "drain_seconds",
    "sip.open_networks",
    "sip.open_conferences",
    "sip.max_calls",
    "sip.max_new_calls_per_second",
    "sip.retry_after_seconds",
    "flow",
    "calls",
    "webhook.escape_json",
    "log.level",
];

/// The keys whose values differ, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Changed, and taken over by a reload.
    pub taken_over: Vec<String>,
    /// Changed, but valid only after a restart.
    pub after_restart: Vec<String>,
}

impl Config {
    /// What a reload from `self` to `new` means.
    pub fn changes(&self, new: &Config) -> Changes {
        let (old, new) = (self.flat(), new.flat());
        let mut changes = Changes::default();
        let keys = old.keys().chain(new.keys().filter(|key| !old.contains_key(*key)));
        for key in keys.filter(|key| old.get(*key) != new.get(*key)) {
            if is_taken_over(key) {
                changes.taken_over.push(key.clone())
            } else {
                changes.after_restart.push(key.clone())
            }
        }
        changes.taken_over.sort();
        changes.after_restart.sort();
        changes
    }

    /// `self` with the reloadable keys of `new`: what a running server goes by after a reload.
    #[must_use]
    pub fn reloaded_with(&self, new: Config) -> Config {
        let mut next = self.clone();
        next.provision = new.provision;
        next.drain_seconds = new.drain_seconds;
        next.sip.open_networks = new.sip.open_networks;
        next.sip.open_conferences = new.sip.open_conferences;
        next.sip.max_calls = new.sip.max_calls;
        next.sip.max_new_calls_per_second = new.sip.max_new_calls_per_second;
        next.sip.retry_after_seconds = new.sip.retry_after_seconds;
        next.flow = new.flow;
        next.calls = new.calls;
        next.webhook.escape_json = new.webhook.escape_json;
        next.log.level = new.log.level;
        next
    }

    /// Every key with its value; the listeners of a list by their number.
    pub(super) fn flat(&self) -> BTreeMap<String, Value> {
        let mut keys = BTreeMap::new();
        flatten("", &serde_json::to_value(self).expect("a configuration is plain data"), &mut keys);
        keys
    }
}

/// Whether a reload takes over this key.
pub(super) fn is_taken_over(key: &str) -> bool {
    let within = |taken: &&str| key.strip_prefix(*taken).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    TAKEN_OVER.iter().any(within)
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, Value>) {
    let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    match value {
        Value::Object(table) => table.iter().for_each(|(key, value)| flatten(&below(key), value, into)),
        Value::Array(list) if list.iter().any(Value::is_object) => {
            list.iter().enumerate().for_each(|(index, value)| flatten(&below(&index.to_string()), value, into));
        }
        _ => {
            into.insert(path.to_owned(), value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reload_takes_over_what_it_says_and_names_the_rest() {
        let old = Config::default();
        let mut new = Config::default();
        new.drain_seconds += 1;
        new.calls.max_duration_ms += 1;
        new.sip.udp[0].port = 5080;
        new.http.port = 8081;
        let changes = old.changes(&new);
        assert_eq!(changes.taken_over, ["calls.max_duration_ms", "drain_seconds"]);
        assert_eq!(changes.after_restart, ["http.port", "sip.udp.0.port"]);

        let next = old.reloaded_with(new.clone());
        assert_eq!(next.changes(&new).taken_over, Vec::<String>::new());
        assert_eq!(next.sip.udp, old.sip.udp);
    }

    #[test]
    fn reloaded_with_takes_over_every_key_that_the_list_names() {
        let mut new = Config::default();
        new.provision.push("x.json".into());
        new.drain_seconds += 1;
        new.sip.open_networks.clear();
        new.sip.open_conferences = true;
        new.sip.max_calls += 1;
        new.sip.max_new_calls_per_second += 1;
        new.sip.retry_after_seconds += 1;
        new.flow.max_execute_count += 1;
        new.flow.datetime_legacy = true;
        new.calls.max_duration_ms += 1;
        new.calls.ended_status = 404;
        new.webhook.escape_json = false;
        new.log.level = "debug".parse().unwrap();
        let changed = Config::default().changes(&new);
        assert!(changed.after_restart.is_empty(), "{changed:?}");
        let of_lists = TAKEN_OVER.iter().all(|key| changed.taken_over.iter().any(|changed| changed.starts_with(key)));
        assert!(of_lists, "a key of the list is not tried here: {changed:?}");
        assert_eq!(Config::default().reloaded_with(new.clone()), new);
    }
}

//! The numbered snapshot of configuration and of the resources that rarely change. It arrives as an input.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use model::{Conference, ConferenceStatus, Extension, Flow, Number, Resource};
use serde::{Deserialize, Serialize};
use sip_core::BaseTimers;
use uuid::Uuid;

use crate::registrar::{BindingSettings, DigestSettings};

/// What every handler sees beside its own cell.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Counts the snapshots of this process.
    pub number: u64,
    /// Configuration as far as control needs it.
    pub settings: Settings,
    /// Flows by id.
    pub flows: BTreeMap<Uuid, Flow>,
    /// Numbers by the exact user part that is dialled.
    pub numbers: BTreeMap<String, Number>,
    /// Phones' accounts by extension.
    pub extensions: BTreeMap<String, Extension>,
    /// Conferences by id.
    pub conferences: BTreeMap<Uuid, Conference>,
}

impl Snapshot {
    /// Takes over one changed resource; one with a time of deletion leaves.
    pub(crate) fn apply(&mut self, resource: Resource) {
        self.number += 1;
        match resource {
            Resource::Flow(flow) => put(&mut self.flows, flow.id, flow.tm_delete.is_some(), flow),
            Resource::Number(number) => {
                // It may have had another name before.
                self.numbers.retain(|_, known| known.id != number.id);
                put(&mut self.numbers, number.number.clone(), number.tm_delete.is_some(), number);
            }
            Resource::Extension(extension) => {
                self.extensions.retain(|_, known| known.id != extension.id);
                put(&mut self.extensions, extension.extension.clone(), extension.tm_delete.is_some(), extension);
            }
            Resource::Conference(mut conference) => {
                self.keep_ended(Arc::make_mut(&mut conference));
                put(&mut self.conferences, conference.id, conference.tm_delete.is_some(), conference);
            }
            // Of no concern to calls, or, as bridges are, in a table of their own (`control/bridges.rs`).
            Resource::Call(..)
            | Resource::Activeflow(_)
            | Resource::Recording(_)
            | Resource::Conferencecall(_)
            | Resource::Confbridge(_)
            | Resource::Accesskey(_)
            | Resource::Agent(_)
            | Resource::Customer(_)
            | Resource::Dtmf { .. } => {}
        }
    }

    /// A bridge of this loop has ended with its conference, which is known here from now on: the database, which tells all
    /// loops, comes to it later.
    pub(crate) fn conference_ended(&mut self, ended: &Conference) {
        if let Some(known) = self.conferences.get_mut(&ended.id).filter(|known| known.is_same_life(ended)) {
            (known.status, known.tm_end) = (ConferenceStatus::Terminated, ended.tm_end);
        }
    }

    /// What has ended stays so, whatever an older word says that comes late.
    pub(crate) fn keep_ended(&self, conference: &mut Conference) {
        let known = self.conferences.get(&conference.id);
        if let Some(known) = known.filter(|known| known.is_same_life(conference) && known.status > conference.status) {
            (conference.status, conference.tm_end) = (known.status, known.tm_end);
        }
    }

    /// The conference that this bridge belongs to.
    pub(crate) fn conference_of_bridge(&self, confbridge_id: Uuid) -> Option<&Conference> {
        self.conferences.values().find(|conference| conference.confbridge_id == confbridge_id)
    }
}

fn put<K: Ord, V: Clone>(map: &mut BTreeMap<K, V>, key: K, deleted: bool, value: Arc<V>) {
    match deleted {
        true => drop(map.remove(&key)),
        false => drop(map.insert(key, Arc::unwrap_or_clone(value))),
    }
}

/// The part of the configuration that control looks at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Value of the `Server` header.
    pub server_name: String,
    /// By the number of the listener ([`sip_core::Hop::listener`]): the address to put into Contact instead of the
    /// local one that the packet arrived on.
    pub public_sip_addresses: Vec<Option<IpAddr>>,
    /// By the number of the listener: the address to put into SDP instead of the local one.
    pub public_rtp_addresses: Vec<Option<IpAddr>>,
    /// Networks from which unauthenticated calls are taken.
    pub open_networks: Vec<IpNet>,
    /// Most calls that this loop keeps at once.
    pub max_calls: u32,
    /// New calls that this loop takes in one second; more are turned away.
    pub max_new_calls_per_second: u32,
    /// T1, T2 and T4 for the repetition of a 2xx (RFC 3261 §13.3.1.4).
    pub timers: BaseTimers,
    /// Longest call, ms; 0 = no limit (spec/media.md §2).
    pub max_call_duration_ms: u64,
    /// Leased IPv4 port pairs that this loop keeps at hand.
    pub port_stock: u32,
    /// The same for IPv6; 0 where there is no IPv6 listener.
    pub port_stock_ipv6: u32,
    /// Seconds in the Retry-After of a 503.
    pub retry_after_s: u32,
    /// Final response to a call that was never answered and whose flow merely ended (spec/media.md §3).
    pub unanswered_status: u16,
    /// Cursor moves that one activeflow may make (spec/flow.md §5.6).
    pub max_execute_count: u64,
    /// Compare `condition_datetime` unit by unit with reversed operands, as VoIPBIN does.
    pub datetime_legacy: bool,
    /// Escape values that are put into JSON texts of `webhook_send` (spec/actions.md).
    pub webhook_escape_json: bool,
    /// How many control loops there are.
    pub loops: u8,
    /// Whether conferences may be dialled without a password.
    pub open_conferences: bool,
    /// How phones register.
    pub registrar: RegistrarSettings,
}

/// How phones register and prove who they are (spec/media.md §4).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RegistrarSettings {
    /// The one digest realm, whatever host was dialled: `<customer id>.registrar.<base domain>`.
    pub realm: String,
    /// How passwords are asked for.
    pub digest: DigestSettings,
    /// How many places a phone may have, and for how long.
    pub bindings: BindingSettings,
}

impl Default for RegistrarSettings {
    fn default() -> Self {
        RegistrarSettings {
            realm: "00000000-0000-0000-0000-000000000000.registrar.flowswitch.local".into(),
            digest: DigestSettings::default(),
            bindings: BindingSettings::default(),
        }
    }
}

impl Settings {
    /// What the flow runtime needs of them.
    pub(crate) fn flow(&self) -> flow::Settings {
        flow::Settings {
            max_execute_count: self.max_execute_count,
            datetime_legacy: self.datetime_legacy,
            webhook_escape_json: self.webhook_escape_json,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            server_name: "flowswitch".into(),
            public_sip_addresses: Vec::new(),
            public_rtp_addresses: Vec::new(),
            open_networks: Vec::new(),
            max_calls: 4_000,
            max_new_calls_per_second: 1_000,
            timers: BaseTimers::default(),
            max_call_duration_ms: 3_600_000,
            port_stock: 256,
            port_stock_ipv6: 0,
            retry_after_s: 5,
            unanswered_status: 480,
            max_execute_count: 10_000,
            datetime_legacy: false,
            webhook_escape_json: true,
            loops: 1,
            open_conferences: false,
            registrar: RegistrarSettings::default(),
        }
    }
}

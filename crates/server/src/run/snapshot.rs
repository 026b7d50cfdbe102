//! From configuration and provisioning to the snapshot that control sees.

use std::net::IpAddr;

use base::MS;
use call::registrar::{BindingSettings, DigestSettings};
use call::{RegistrarSettings, Settings, Snapshot};
use sip_core::{BaseTimers, EndpointConfig};

use super::listeners;
use crate::config::{Algorithm, Config, RegistrarConfig};

/// The timers of RFC 3261 as configured.
pub(super) fn timers(config: &Config) -> BaseTimers {
    BaseTimers { t1_ms: config.sip.t1_ms, t2_ms: config.sip.t2_ms, t4_ms: config.sip.t4_ms }
}

/// What the transaction layer of each loop is told at its start.
pub(super) fn endpoint(config: &Config) -> EndpointConfig {
    EndpointConfig {
        timers: timers(config),
        max_transactions: config.control.max_transactions,
        retry_after_s: config.sip.retry_after_seconds,
    }
}

/// Each loop's share of the calls that may be up.
pub(super) fn max_calls_of_a_loop(config: &Config) -> u32 {
    config.sip.max_calls.div_ceil(u32::from(config.control.loops).max(1))
}

/// The `number`-th snapshot. Limits for the whole server are shared out evenly among the loops.
/// The resources are filled in by [`super::resources`].
pub(super) fn snapshot(number: u64, config: &Config) -> Snapshot {
    let loops = u32::from(config.control.loops).max(1);
    let sip = &config.sip;
    let stock = config.rtp.ready_pairs.div_ceil(loops);
    Snapshot {
        number,
        settings: Settings {
            server_name: sip.user_agent.clone(),
            public_sip_addresses: listeners::public_addresses(config),
            public_rtp_addresses: listeners::public_addresses(config)
                .into_iter()
                .map(|public| config.rtp.public_address.0.or(public))
                .collect(),
            open_networks: sip.open_networks.clone(),
            max_calls: max_calls_of_a_loop(config),
            port_stock: if listens_on(config, IpAddr::is_ipv4) { stock } else { 0 },
            port_stock_ipv6: if listens_on(config, IpAddr::is_ipv6) { stock } else { 0 },
            retry_after_s: sip.retry_after_seconds,
            unanswered_status: config.calls.ended_status,
            max_new_calls_per_second: sip.max_new_calls_per_second.div_ceil(loops),
            timers: timers(config),
            max_call_duration_ms: config.calls.max_duration_ms,
            max_execute_count: config.flow.max_execute_count,
            datetime_legacy: config.flow.datetime_legacy,
            webhook_escape_json: config.webhook.escape_json,
            loops: config.control.loops,
            open_conferences: sip.open_conferences,
            registrar: registrar(config),
        },
        ..Snapshot::default()
    }
}

fn registrar(config: &Config) -> RegistrarSettings {
    let RegistrarConfig { algorithms, nonce_seconds, .. } = &config.registrar;
    let registrar = &config.registrar;
    RegistrarSettings {
        realm: super::resources::realm(&config.sip.domain),
        digest: DigestSettings {
            algorithms: algorithms
                .iter()
                .map(|algorithm| match algorithm {
                    Algorithm::Md5 => sip_core::digest::Algorithm::Md5,
                    Algorithm::Sha256 => sip_core::digest::Algorithm::Sha256,
                })
                .collect(),
            nonce_lifetime_s: *nonce_seconds,
            ..DigestSettings::default()
        },
        bindings: BindingSettings {
            max_contacts: registrar.max_contacts as usize,
            min_expires_s: registrar.shortest_seconds,
            max_expires_s: registrar.longest_seconds,
            default_expires_s: registrar.usual_seconds,
        },
    }
}

/// Whether a call can come in over this address family.
pub(super) fn listens_on(config: &Config, family: fn(&IpAddr) -> bool) -> bool {
    config.sip.listening().iter().any(|listening| family(&listening.address.ip()))
}

/// How long calls that are hung up get to answer BYE before the process ends, ns.
pub(super) const FAREWELL_NS: u64 = 4_000 * MS;

//! `[api]`: how the REST API answers, and how much it makes.

use serde::{Deserialize, Serialize};

use super::value;

/// The REST API (spec/resources.md §1).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// Whether times are written in the older form.
    pub legacy_timestamps: bool,
    /// Whether requests are limited per address and customer.
    pub rate_limit: bool,
    /// Most flows of a customer.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 10_000_000>")]
    pub max_flows: u64,
    /// Most numbers of a customer.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 10_000_000>")]
    pub max_numbers: u64,
    /// Most extensions of a customer.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 10_000_000>")]
    pub max_extensions: u64,
    /// Most conferences of a customer.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 10_000_000>")]
    pub max_conferences: u64,
    /// Most confbridges of a customer that were made by hand.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 10_000_000>")]
    pub max_confbridges: u64,
    /// Most access keys of a customer.
    #[serde(deserialize_with = "value::whole::<_, _, 1, 10_000_000>")]
    pub max_accesskeys: u64,
}

impl Default for ApiConfig {
    fn default() -> ApiConfig {
        let quotas = api::Quotas::default();
        ApiConfig {
            legacy_timestamps: false,
            rate_limit: false,
            max_flows: quotas.flows,
            max_numbers: quotas.numbers,
            max_extensions: quotas.extensions,
            max_conferences: quotas.conferences,
            max_confbridges: quotas.confbridges,
            max_accesskeys: quotas.accesskeys,
        }
    }
}

impl ApiConfig {
    /// How many of each kind a customer may have.
    pub fn quotas(&self) -> api::Quotas {
        api::Quotas {
            flows: self.max_flows,
            numbers: self.max_numbers,
            extensions: self.max_extensions,
            conferences: self.max_conferences,
            confbridges: self.max_confbridges,
            accesskeys: self.max_accesskeys,
        }
    }
}

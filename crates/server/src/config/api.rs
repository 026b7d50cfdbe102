//! `[api]`: how the REST API answers.

use serde::{Deserialize, Serialize};

/// The REST API (spec/resources.md §1).
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct ApiConfig {
    /// Whether times are written in the older form.
    pub legacy_timestamps: bool,
    /// Whether requests are limited per address and customer.
    pub rate_limit: bool,
}

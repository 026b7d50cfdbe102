//! How many of each kind a customer may have. They all take memory as long as they are there: flows, numbers, extensions and
//! conferences in every loop's snapshot, confbridges in a loop's table and in the store's.

use model::ErrorStatus;
use serde_json::json;

use crate::problem::Problem;
use crate::repository::Kind;

/// The most that POST makes. What files provide counts, too, but is never refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Flows, those that were made of a conference's actions included.
    pub flows: u64,
    /// Numbers.
    pub numbers: u64,
    /// Extensions. Each has a few registrations at most.
    pub extensions: u64,
    /// Conferences that are not deleted.
    pub conferences: u64,
    /// Confbridges that were made by hand and have not ended.
    pub confbridges: u64,
    /// Access keys that are not deleted.
    pub accesskeys: u64,
}

impl Default for Quotas {
    fn default() -> Quotas {
        Quotas {
            flows: 10_000,
            numbers: 100_000,
            extensions: 100_000,
            conferences: 10_000,
            confbridges: 1_000,
            accesskeys: 1_000,
        }
    }
}

impl Quotas {
    /// Whether there is room for one more where there are `have`. Always for what POST does not make.
    pub(crate) fn check(&self, kind: Kind, have: u64) -> Result<(), Problem> {
        let Some(most) = self.of(kind).filter(|most| have >= *most) else { return Ok(()) };
        let collection = kind.collection();
        let message = format!("there are {have} {collection}, and api.max_{collection} is {most}: delete some first");
        let mut problem = Problem::new(ErrorStatus::ResourceExhausted, "QUOTA_EXCEEDED", message);
        problem.details.push(json!({"collection": collection, "limit": most}));
        Err(problem)
    }

    /// None for what POST does not make.
    fn of(&self, kind: Kind) -> Option<u64> {
        match kind {
            Kind::Flow => Some(self.flows),
            Kind::Number => Some(self.numbers),
            Kind::Extension => Some(self.extensions),
            Kind::Conference => Some(self.conferences),
            Kind::Confbridge => Some(self.confbridges),
            Kind::Accesskey => Some(self.accesskeys),
            Kind::Call | Kind::Activeflow | Kind::Recording | Kind::Conferencecall | Kind::Agent | Kind::Customer => {
                None
            }
        }
    }
}

//! What the API reads and writes: resources, call records, timelines. The server hands in the store behind it.

use std::fmt;

use model::{LogEntry, Resource, Timestamp};
use uuid::Uuid;

/// Most items of one answer: a page has as many when nothing valid is asked for.
pub(crate) const PAGE_SIZE_MAX: usize = 100;

/// The collections of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Legs between this server and parties.
    Call,
    /// Runs of flows.
    Activeflow,
    /// Recordings.
    Recording,
    /// Conferences.
    Conference,
    /// Their participants.
    Conferencecall,
    /// Bridges.
    Confbridge,
    /// Flows.
    Flow,
    /// Numbers.
    Number,
    /// Accounts of phones.
    Extension,
    /// Keys of programs.
    Accesskey,
    /// People.
    Agent,
    /// Owners.
    Customer,
}

impl Kind {
    /// The collection's name in paths.
    pub fn collection(self) -> &'static str {
        match self {
            Kind::Call => "calls",
            Kind::Activeflow => "activeflows",
            Kind::Recording => "recordings",
            Kind::Conference => "conferences",
            Kind::Conferencecall => "conferencecalls",
            Kind::Confbridge => "confbridges",
            Kind::Flow => "flows",
            Kind::Number => "numbers",
            Kind::Extension => "extensions",
            Kind::Accesskey => "accesskeys",
            Kind::Agent => "agents",
            Kind::Customer => "customers",
        }
    }

    /// Whether the control loops write it, by their events. Where the API has a say, as when one is deleted or a confbridge is made by
    /// hand, it adds an event.
    pub fn is_record(self) -> bool {
        matches!(self, Kind::Call | Kind::Activeflow | Kind::Recording | Kind::Conferencecall | Kind::Confbridge)
    }

    /// The collection that a resource belongs to; none for what is no resource, such as a key press.
    pub fn of(resource: &Resource) -> Option<Kind> {
        Some(match resource {
            Resource::Call(..) => Kind::Call,
            Resource::Activeflow(_) => Kind::Activeflow,
            Resource::Recording(_) => Kind::Recording,
            Resource::Conference(_) => Kind::Conference,
            Resource::Conferencecall(_) => Kind::Conferencecall,
            Resource::Confbridge(_) => Kind::Confbridge,
            Resource::Flow(_) => Kind::Flow,
            Resource::Number(_) => Kind::Number,
            Resource::Extension(_) => Kind::Extension,
            Resource::Accesskey(_) => Kind::Accesskey,
            Resource::Agent(_) => Kind::Agent,
            Resource::Customer(_) => Kind::Customer,
            _ => return None,
        })
    }
}

/// Where a page begins: behind this item of the page before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct After {
    /// Its time of creation.
    pub tm_create: Timestamp,
    /// Its id, which decides among items of one time; none = behind all of that time.
    pub id: Option<Uuid>,
}

/// What a list shows. Deleted resources are never in it, and no flows that the server made for something, such as a conference
/// (spec/flow.md §2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// The collection.
    pub kind: Kind,
    /// Whose.
    pub customer_id: Uuid,
    /// Where it begins; none = at the newest.
    pub after: Option<After>,
    /// Most items.
    pub limit: usize,
    /// Only those for this reference; of calls, those of this group call.
    pub reference_id: Option<Uuid>,
    /// Only those in this status.
    pub status: Option<String>,
    /// Only those of this flow; of recordings, those that were made while it ran.
    pub flow_id: Option<Uuid>,
}

impl Listing {
    /// The first page of a collection of a customer.
    pub(crate) fn all(kind: Kind, customer_id: Uuid) -> Listing {
        Listing {
            kind,
            customer_id,
            after: None,
            limit: PAGE_SIZE_MAX,
            reference_id: None,
            status: None,
            flow_id: None,
        }
    }
}

/// The kinds of timelines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimelineOf {
    /// Everything of one call.
    Call,
    /// Everything of one activeflow.
    Activeflow,
    /// The events of one conference, its participants and its recordings.
    Conference,
    /// The events of one flow.
    Flow,
}

/// The repository could not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RepositoryError {
    /// Another resource of its kind has what only one may have.
    Taken,
    /// The disk is full, the file is locked.
    Failed(String),
    /// The disk takes nothing at the moment, for the same reasons; nothing was changed.
    Unavailable(String),
    /// The disk did not take it in time. What was to be changed may still be.
    Late,
}

impl fmt::Display for RepositoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RepositoryError::Taken => f.write_str("another one of its kind has this name already"),
            RepositoryError::Late => f.write_str("the disk did not take it in time"),
            RepositoryError::Failed(what) | RepositoryError::Unavailable(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for RepositoryError {}

/// Resources and what happened to them. The methods may wait for a disk; the API calls them on threads that may.
pub trait Repository: Send + Sync + 'static {
    /// One resource, deleted or not.
    ///
    /// # Errors
    /// [`RepositoryError`], as for all methods.
    fn get(&self, kind: Kind, id: Uuid) -> Result<Option<Resource>, RepositoryError>;

    /// A page: newest first by time of creation, equal times by falling id.
    ///
    /// # Errors
    /// [`RepositoryError`]
    fn list(&self, listing: &Listing) -> Result<Vec<Resource>, RepositoryError>;

    /// Stores a resource, new or changed. It is durable when this returns, which it does within seconds. `event` says what
    /// happened to it: records ([`Kind::is_record`]) are kept in the event log itself, and this is the entry.
    ///
    /// # Errors
    /// [`RepositoryError`]
    fn put(&self, resource: &Resource, event: &str) -> Result<(), RepositoryError>;

    /// The resource of this kind whose key is this and which is not deleted: a number by what is dialled, an extension
    /// by its number, a key by its token's hash, an agent by its username. Extensions are the customer's, the others anybody's.
    ///
    /// # Errors
    /// [`RepositoryError`]
    fn find(&self, kind: Kind, customer_id: Uuid, key: &str) -> Result<Option<Resource>, RepositoryError>;

    /// How many of this kind a customer has that are not deleted; of records ([`Kind::is_record`]) that
    /// have not ended, and of confbridges only those that were made by hand.
    ///
    /// # Errors
    /// [`RepositoryError`]
    fn count(&self, kind: Kind, customer_id: Uuid) -> Result<u64, RepositoryError>;

    /// A number that grows with every change of one of this kind, before [`Repository::put`] returns: what was read after it was
    /// asked for holds while it is the same. Must not wait.
    fn changes(&self, kind: Kind) -> u64;

    /// What happened, oldest first, behind the entry `after`, with sequence numbers.
    ///
    /// # Errors
    /// [`RepositoryError`]
    fn timeline(
        &self,
        of: TimelineOf,
        id: Uuid,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, LogEntry)>, RepositoryError>;
}

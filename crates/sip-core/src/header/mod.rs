//! Header names and the typed values of headers (RFC 3261 §20). Values are slices of the message they came from:
//! printing one gives the bytes that were received.

mod content_type;
mod cseq;
mod error;
mod name;
mod name_addr;
mod params;
pub(crate) mod text;
mod via;

pub use content_type::ContentType;
pub use cseq::CSeq;
pub use error::{HeaderError, HeaderProblem};
pub use name::{HeaderField, HeaderName};
pub use name_addr::{Contacts, NameAddr};
pub use params::{Param, Params, ParamsIter};
pub use via::Via;

/// The parts of an address without owning them.
pub(crate) fn address_parts(value: &[u8]) -> Result<name_addr::Parts<'_>, HeaderError> {
    name_addr::Parts::find(value)
}

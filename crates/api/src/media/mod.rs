//! The sound of recordings as it is downloaded: ranges, the mix of both directions, both files in one archive.

mod archive;
mod mix;
mod range;
mod wav;

pub(crate) use archive::Archive;
pub(crate) use mix::Mix;
pub(crate) use range::{Range, RangeError};

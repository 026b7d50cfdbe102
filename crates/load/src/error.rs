//! Why a run could not be made. What goes wrong with calls during a run is in the report instead.

use std::fmt;
use std::io;

/// A run that did not take place.
#[derive(Debug)]
pub enum Error {
    /// The command line asks for something that cannot be or may not be: a sentence for the user.
    Usage(String),
    /// The system refused something: what, and its own words.
    System(String, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(sentence) => f.write_str(sentence),
            Error::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for Error {}

pub(crate) fn usage<T>(sentence: impl Into<String>) -> Result<T, Error> {
    Err(Error::Usage(sentence.into()))
}

/// Turns an I/O error into one that says what was being done.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error>;
}

impl<T> Doing<T> for io::Result<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, Error> {
        self.map_err(|error| Error::System(what(), error))
    }
}

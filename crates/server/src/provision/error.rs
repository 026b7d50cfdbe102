//! Why provisioning was refused: every fault with its file, line, JSON path, what was found, what is allowed.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// The faults of all files, in their order; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvisionError(pub Vec<Fault>);

/// One fault, or one warning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1; 0 when the file as a whole is at fault.
    pub line: usize,
    /// The place within the JSON, such as `flows[0].actions[2].type`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub what: String,
    /// What would be right; empty where what is wrong says it.
    pub expected: String,
    /// Of a warning: what it is about fails or does nothing.
    #[serde(skip)]
    pub is_mistake: bool,
}

/// More faults than this are counted, not shown.
const SHOWN: usize = 20;

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, " line {}", self.line)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.what)?;
        if self.expected.is_empty() { Ok(()) } else { write!(f, "; allowed: {}", self.expected) }
    }
}

impl fmt::Display for ProvisionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().take(SHOWN).enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{fault}")?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for ProvisionError {}

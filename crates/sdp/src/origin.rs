//! Who wrote the description and which version it is: the o= line (RFC 8866 §5.2).

use std::fmt;

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// The origin as written. Numbers of strangers stay text: they may have any length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `-` where there are no users.
    pub user: CompactString,
    /// The same for the whole session.
    pub session_id: CompactString,
    /// Grows with each change of the description.
    pub version: CompactString,
    /// `IN`.
    pub network: CompactString,
    /// `IP4` or `IP6`.
    pub address_type: CompactString,
    /// Address or name of the machine that wrote it.
    pub address: CompactString,
}

impl Origin {
    pub(crate) fn parse(value: &str) -> Option<Origin> {
        // Read from the right: some devices put a display name with spaces where the user stands.
        let mut from_right = value.split_ascii_whitespace().rev();
        let mut word = || from_right.next().map(CompactString::from);
        let (address, address_type, network, version, session_id) = (word()?, word()?, word()?, word()?, word()?);
        let user = match (word()?, from_right.count()) {
            (user, 0) => user,
            (_, more) => value.split_ascii_whitespace().take(more + 1).collect::<Vec<_>>().join(" ").into(),
        };
        Some(Origin { user, session_id, version, network, address_type, address })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { user, session_id, version, network, address_type, address } = self;
        write!(f, "{user} {session_id} {version} {network} {address_type} {address}")
    }
}

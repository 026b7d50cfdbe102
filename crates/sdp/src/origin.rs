//! Who wrote the description and which version it is: the o= line (RFC 8866 §5.2).

use std::fmt;

use serde::{Deserialize, Serialize};

/// The origin as written. Numbers of strangers stay text: they may have any length.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// `-` where there are no users.
    pub user: String,
    /// The same for the whole session.
    pub session_id: String,
    /// Grows with each change of the description.
    pub version: String,
    /// `IN`.
    pub network: String,
    /// `IP4` or `IP6`.
    pub address_type: String,
    /// Address or name of the machine that wrote it.
    pub address: String,
}

impl Origin {
    pub(crate) fn parse(value: &str) -> Option<Origin> {
        // Read from the right: some devices put a display name with spaces where the user stands.
        let words: Vec<&str> = value.split_ascii_whitespace().collect();
        let (tail, user) = match words.len() {
            0..=5 => return None,
            count => (&words[count - 5..], words[..count - 5].join(" ")),
        };
        Some(Origin {
            user,
            session_id: tail[0].into(),
            version: tail[1].into(),
            network: tail[2].into(),
            address_type: tail[3].into(),
            address: tail[4].into(),
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { user, session_id, version, network, address_type, address } = self;
        write!(f, "{user} {session_id} {version} {network} {address_type} {address}")
    }
}

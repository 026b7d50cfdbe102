//! The whole state of a loop as octets, with a format version in front.

use super::Control;

/// Version of the written form. A build reads its own version only.
pub const FORMAT_VERSION: u32 = 11;

const MAGIC: &[u8; 4] = b"fswc";

/// Why written state cannot be taken up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TakeUpError {
    /// These octets are not control state.
    NotControlState,
    /// It was written in another format.
    OtherVersion {
        /// Version of the octets.
        found: u32,
    },
    /// It is damaged.
    Damaged(String),
}

impl std::fmt::Display for TakeUpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TakeUpError::NotControlState => write!(f, "not the state of a control loop"),
            TakeUpError::OtherVersion { found } => {
                write!(f, "control state of format {found}; this build reads format {FORMAT_VERSION}")
            }
            TakeUpError::Damaged(what) => write!(f, "control state is damaged: {what}"),
        }
    }
}

impl std::error::Error for TakeUpError {}

impl Control {
    /// Writes everything down.
    pub fn write_down(&self) -> Vec<u8> {
        let mut octets = MAGIC.to_vec();
        octets.extend_from_slice(&FORMAT_VERSION.to_be_bytes());
        rmp_serde::encode::write_named(&mut octets, self).expect("control state holds only what can be written");
        octets
    }

    /// Goes on from what was written down.
    pub fn take_up(octets: &[u8]) -> Result<Control, TakeUpError> {
        let Some((head, state)) = octets.split_at_checked(8) else { return Err(TakeUpError::NotControlState) };
        if &head[..4] != MAGIC {
            return Err(TakeUpError::NotControlState);
        }
        let found = u32::from_be_bytes([head[4], head[5], head[6], head[7]]);
        if found != FORMAT_VERSION {
            return Err(TakeUpError::OtherVersion { found });
        }
        rmp_serde::from_slice(state).map_err(|error| TakeUpError::Damaged(error.to_string()))
    }
}

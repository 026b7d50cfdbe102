//! What names a dialog: RFC 3261 §12.

use serde::{Deserialize, Serialize};

use crate::Message;

/// Call-ID, our tag and theirs. Their tag is empty where an RFC 2543 peer gave none (§12.1.1).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DialogId {
    /// Call-ID, compared byte for byte (§20.8).
    pub call_id: String,
    /// Our tag.
    pub local_tag: String,
    /// Their tag.
    pub remote_tag: String,
}

impl DialogId {
    /// The dialog that a received request belongs to. None: it has no To tag, so it belongs to none.
    pub fn of_request(request: &Message) -> Option<DialogId> {
        Some(DialogId {
            call_id: request.call_id().to_owned(),
            local_tag: request.to_tag()?.to_owned(),
            remote_tag: request.from_tag().unwrap_or_default().to_owned(),
        })
    }

    /// The dialog that a received response belongs to or creates. None: it has no To tag, as a 100.
    pub fn of_response(response: &Message) -> Option<DialogId> {
        Some(DialogId {
            call_id: response.call_id().to_owned(),
            local_tag: response.from_tag().unwrap_or_default().to_owned(),
            remote_tag: response.to_tag()?.to_owned(),
        })
    }
}

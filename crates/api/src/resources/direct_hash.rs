//! `POST …/direct-hash-regenerate`: the old hash stops working at once.

use model::{Conference, Extension, Flow, Timestamp};
use uuid::Uuid;

use crate::auth::Identity;
use crate::clock::{direct_hash, now};
use crate::problem::Problem;
use crate::service::Api;
use crate::shown::Shown;
use crate::stored::Stored;

/// What can be dialled by a direct hash.
pub(super) trait Dialable: Stored {
    fn set_hash(&mut self, hash: String, at: Timestamp);
}

macro_rules! dialable {
    ($($kind:ident),*) => {
        $(impl Dialable for $kind {
            fn set_hash(&mut self, hash: String, at: Timestamp) {
                (self.direct_hash, self.tm_update) = (hash, Some(at));
            }
        })*
    };
}

dialable!(Conference, Extension, Flow);

/// Draws a new hash for a resource.
pub(super) async fn regenerate<T: Dialable>(
    api: &Api,
    identity: &Identity,
    id: Uuid,
    event: &str,
) -> Result<Shown, Problem> {
    let _turn = api.turn(id).await;
    let mut found: T = api.alive(identity, id).await?;
    found.set_hash(direct_hash(), now());
    let resource = found.into_resource();
    let shown = api.show(&resource);
    api.keep(resource, event).await?;
    Ok(shown)
}

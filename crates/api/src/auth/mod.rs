//! Who asks: access keys, logins, permissions (spec/resources.md §2).

mod accesskey;
mod credential;
mod identity;
mod known_keys;
mod login;
mod password;
mod standing;
mod token;

pub use accesskey::{NewToken, token_hash};
pub(crate) use identity::{Caller, Identity, Manager};
pub(crate) use known_keys::KnownKeys;
pub(crate) use login::{LoginGate, login, schemas};
pub use password::{HashError, hash_password, is_password};
pub(crate) use standing::Standing;

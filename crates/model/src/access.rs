//! Who may use the API (spec/resources.md §2): access keys for programs, agents for people.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Timestamp, optional_timestamp};

/// A program's key. Of its token only a hash is kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accesskey {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// `vb_` and the token's next 8 characters.
    pub token_prefix: String,
    /// SHA-256 of the token, lower-case hex. Never shown.
    pub token_hash: String,
    /// When it stops being valid; none = never.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_expire: Option<Timestamp>,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

impl Accesskey {
    /// The public form: without the hash.
    pub fn to_public(&self) -> serde_json::Value {
        without(self, &["token_hash"])
    }
}

/// A person who logs in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// What the person types.
    pub username: String,
    /// Argon2id in PHC form. Never shown.
    pub password_hash: String,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// Bit mask: 16 customer agent, 32 customer admin, 64 customer manager, 1 project admin.
    pub permission: u32,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
}

impl Agent {
    /// The public form: without the password's hash.
    pub fn to_public(&self) -> serde_json::Value {
        without(self, &["password_hash"])
    }
}

/// The owner of everything: where its events go. Entries of the event log are written by the places of the fields, so that a new one
/// is put behind all others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Its id.
    pub id: Uuid,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// Where its events are sent; empty = nowhere.
    pub webhook_uri: String,
    /// `POST`, `GET`, `PUT`, `DELETE`; empty = `POST`.
    pub webhook_method: String,
    /// Key of the signatures of its webhooks; empty = unsigned. Never shown.
    pub webhook_secret: String,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
    /// Where people write to. Kept and shown.
    #[serde(default)]
    pub email: String,
    /// Where people call. Kept and shown.
    #[serde(default)]
    pub phone_number: String,
    /// Where people go to. Kept and shown.
    #[serde(default)]
    pub address: String,
    /// What it has noted of itself.
    #[serde(default)]
    pub metadata: CustomerMetadata,
}

/// What a customer has noted of itself (spec/resources.md §2). It is kept and shown, and calls take no notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerMetadata {
    /// Whether the sound of its calls is to be looked into.
    pub rtp_debug: bool,
}

impl Customer {
    /// The public form: without the secret.
    pub fn to_public(&self) -> serde_json::Value {
        without(self, &["webhook_secret"])
    }
}

fn without(resource: &impl Serialize, secret: &[&str]) -> serde_json::Value {
    let mut value = serde_json::to_value(resource).expect("a resource holds only what JSON can write");
    let object = value.as_object_mut().expect("a struct is written as an object");
    for key in secret {
        object.shift_remove(*key);
    }
    value
}

//! A phone's account (spec/resources.md §9). Of its password only the digests are kept.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Timestamp, optional_timestamp};

/// A phone that registers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Extension {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// What is dialled to reach it, and the user name that it registers with.
    pub extension: String,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// The digest realm: `<customer id>.registrar.<base domain>`.
    pub domain_name: String,
    /// `direct.` and 12 hex digits: makes it dialable.
    pub direct_hash: String,
    /// Never shown: see [`Extension::to_public`].
    pub ha1: PasswordDigests,
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

/// What an extension may be, in words.
pub const EXTENSION_FORM: &str = "1 to 64 letters, digits and . - _ + * #";
/// Longest extension, bytes.
pub const EXTENSION_MAX: usize = 64;
/// Longest password of an extension, bytes.
pub const PASSWORD_MAX: usize = 255;

/// Whether a phone can register as this and others can dial it: on a telephone's keys, or in letters.
pub fn is_extension(text: &str) -> bool {
    (1..=EXTENSION_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_+*#".contains(&b))
}

/// What a digest challenge needs of a password (RFC 7616 §3.4.2): H(user ":" realm ":" password), lower-case hex.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordDigests {
    /// With MD5.
    pub md5: String,
    /// With SHA-256.
    pub sha256: String,
}

impl std::fmt::Debug for PasswordDigests {
    /// As good as the password within its realm, so never shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordDigests(..)")
    }
}

impl Extension {
    /// The public form: with `username`, without digests.
    pub fn to_public(&self) -> serde_json::Value {
        let mut value = serde_json::to_value(self).expect("an extension holds only what JSON can write");
        let object = value.as_object_mut().expect("a struct is written as an object");
        object.shift_remove("ha1");
        object.insert("username".into(), self.extension.clone().into());
        value
    }
}

/// The body of `POST /extensions` and `PUT /extensions/{id}`, and an entry of `extensions` in a provisioning file.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExtensionBody {
    /// Provisioning only; nil = a new one.
    pub id: Uuid,
    /// See [`Extension::extension`].
    pub extension: String,
    /// The password; a provisioned extension without one gets a generated one at the first start.
    pub password: String,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
}

impl std::fmt::Debug for ExtensionBody {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExtensionBody")
            .field("id", &self.id)
            .field("extension", &self.extension)
            .field("name", &self.name)
            .field("detail", &self.detail)
            .finish_non_exhaustive()
    }
}

/// One place where a registered phone can be reached (RFC 3261 §10). It is stored by the places of its fields, so that a new one is put
/// behind all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The extension.
    pub extension_id: Uuid,
    /// Its owner.
    pub customer_id: Uuid,
    /// The Contact's URI as the phone wrote it.
    pub contact: String,
    /// Where its REGISTER came from, `ip:port`.
    pub received: String,
    /// Number of the listener of ours that it came to.
    pub listener: u8,
    /// The address of ours that it came to, `ip:port`.
    pub local: String,
    /// The REGISTER's Call-ID.
    pub call_id: String,
    /// The REGISTER's CSeq number.
    pub cseq: u32,
    /// The phone's User-Agent; empty if it does not say.
    pub user_agent: String,
    /// When it is over, microseconds since the Unix epoch.
    pub expires_us: u64,
    /// When it was first made, microseconds since the Unix epoch: the oldest is removed when there are too many.
    pub created_us: u64,
    /// The Contact's parameters without `expires`, such as `;q=0.5`: the 200 to a REGISTER shows them again. Bindings that
    /// were stored before there was this have none.
    #[serde(default)]
    pub params: String,
    /// What carried the REGISTER: `udp`, `tcp`, `tls`, `ws` or `wss`. Bindings that were stored before there was this came over UDP.
    #[serde(default = "udp")]
    pub transport: String,
}

impl Binding {
    /// Whether it is that of a web page, which can only be reached over the connection that its REGISTER came over (RFC 7118 §5).
    pub fn is_of_page(&self) -> bool {
        matches!(self.transport.as_str(), "ws" | "wss")
    }
}

fn udp() -> String {
    "udp".to_owned()
}

//! A number that can be dialled and the flows it runs (spec/resources.md §9).

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Timestamp, optional_timestamp};

/// An owned number. On this server any SIP user text may be one. Entries of the event log are written by the places of the fields,
/// so that a new one is put behind all others.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Number {
    /// Its id.
    pub id: Uuid,
    /// Owner.
    pub customer_id: Uuid,
    /// Exactly what is dialled.
    pub number: String,
    /// Bought or virtual.
    #[serde(rename = "type")]
    pub kind: NumberType,
    /// The flow that incoming calls run; nil = calls get 404.
    pub call_flow_id: Uuid,
    /// The flow that incoming messages run; nil = none.
    pub message_flow_id: Uuid,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
    /// Whether it is in use.
    pub status: NumberStatus,
    /// Whether T.38 is offered.
    pub t38_enabled: bool,
    /// Whether emergency calls are possible.
    pub emergency_enabled: bool,
    /// When it was bought.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_purchase: Option<Timestamp>,
    /// When it was last renewed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_renew: Option<Timestamp>,
    /// When it was made.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_create: Option<Timestamp>,
    /// When it last changed.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_update: Option<Timestamp>,
    /// When it was deleted.
    #[serde(default, deserialize_with = "optional_timestamp")]
    pub tm_delete: Option<Timestamp>,
    /// What its owner has noted of it.
    #[serde(default)]
    pub metadata: NumberMetadata,
}

/// What the owner of a number has noted of it. It is kept and shown, and calls take no notice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberMetadata {
    /// Whether the sound of its calls is to be looked into.
    pub rtp_debug: bool,
}

/// The kinds of numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberType {
    /// A number of the public network, or any text that phones can dial.
    #[default]
    Normal,
    /// Prefix `+899`; cannot be the source of calls into the public network.
    Virtual,
}

/// What virtual numbers begin with.
pub const VIRTUAL_PREFIX: &str = "+899";

impl NumberType {
    /// Whether a number of this type may be this one.
    pub fn allows(self, number: &str) -> bool {
        self != NumberType::Virtual || number.starts_with(VIRTUAL_PREFIX)
    }
}

/// What a number may be, in words.
pub const NUMBER_FORM: &str = "what is dialled, 1 to 255 bytes without spaces and any of @ ; < > \"";

/// Longest number, bytes.
pub const NUMBER_MAX: usize = 255;

/// Whether it can stand before the `@` of a SIP address, after unescaping, and be dialled on a telephone's keys or letters.
pub fn is_number(text: &str) -> bool {
    (1..=NUMBER_MAX).contains(&text.len())
        && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "@;<>\"".contains(c))
}

/// Whether a number is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberStatus {
    /// It is.
    #[default]
    Active,
    /// It was given up.
    Deleted,
}

/// The body of `POST /numbers` and an entry of `numbers` in a provisioning file. Unknown keys are ignored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberBody {
    /// Provisioning only; nil = a new one.
    pub id: Uuid,
    /// See [`Number::number`]; an empty one must be refused by whoever reads the body.
    pub number: String,
    /// See [`Number::kind`].
    #[serde(rename = "type")]
    pub kind: NumberType,
    /// See [`Number::call_flow_id`].
    pub call_flow_id: Uuid,
    /// See [`Number::message_flow_id`].
    pub message_flow_id: Uuid,
    /// Free text.
    pub name: String,
    /// Free text.
    pub detail: String,
}

impl NumberBody {
    /// The number that this body makes. `id` is used unless the body names one.
    pub fn into_number(self, id: Uuid, customer_id: Uuid, now: Timestamp) -> Number {
        Number {
            id: if self.id.is_nil() { id } else { self.id },
            customer_id,
            number: self.number,
            kind: self.kind,
            call_flow_id: self.call_flow_id,
            message_flow_id: self.message_flow_id,
            name: self.name,
            detail: self.detail,
            tm_purchase: Some(now),
            tm_create: Some(now),
            ..Number::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_user_text_is_a_number_and_it_survives_both_formats() {
        let body: NumberBody =
            serde_json::from_str(r#"{"number":"echo","id":"00000000-0000-0000-0000-0000000000aa"}"#).unwrap();
        let number = body.into_number(Uuid::from_u128(1), Uuid::nil(), Timestamp::from_us(5));
        assert_eq!(number.id, Uuid::from_u128(0xaa));
        let json = serde_json::to_value(&number).unwrap();
        assert_eq!((json["type"].as_str(), json["status"].as_str()), (Some("normal"), Some("active")));
        assert_eq!(serde_json::from_value::<Number>(json).unwrap(), number);
        let octets = rmp_serde::to_vec(&number).unwrap();
        assert_eq!(rmp_serde::from_slice::<Number>(&octets).unwrap(), number);
    }

    /// The log of an older build has numbers without what came to them later.
    #[test]
    fn a_number_of_an_older_log_is_read() {
        let number = Number { number: "echo".into(), tm_create: Some(Timestamp::from_us(5)), ..Number::default() };
        let mut octets = rmp_serde::to_vec(&number).unwrap();
        assert_eq!(octets[..3], [0xdc, 0, 17], "17 fields, the last one with one field of its own");
        assert_eq!((octets.pop(), octets.pop()), (Some(0xc2), Some(0x91)));
        octets[2] = 16;
        assert_eq!(rmp_serde::from_slice::<Number>(&octets).unwrap(), number);
    }
}

//! Addresses of parties (spec/resources.md §3).

use compact_str::CompactString;
use serde::{Deserialize, Serialize};

/// Who is called or calls.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// What `target` is.
    #[serde(rename = "type", default)]
    pub kind: AddressType,
    /// Number, SIP address, or id, by type.
    #[serde(default)]
    pub target: CompactString,
    /// Display name for `tel` and `sip`.
    #[serde(default)]
    pub target_name: CompactString,
    /// Free text.
    #[serde(default)]
    pub name: CompactString,
    /// Free text.
    #[serde(default)]
    pub detail: CompactString,
}

impl Address {
    /// An address with a target and its display name.
    pub fn new(kind: AddressType, target: impl Into<CompactString>, target_name: impl Into<CompactString>) -> Address {
        Address { kind, target: target.into(), target_name: target_name.into(), ..Address::default() }
    }
}

/// The kinds of addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AddressType {
    /// Not set.
    #[default]
    #[serde(rename = "")]
    None,
    /// E.164 number.
    Tel,
    /// `user@host[:port][;params]` or a full URI.
    Sip,
    /// Extension number or id.
    Extension,
    /// Agent id.
    Agent,
    /// Conference id.
    Conference,
    /// LINE channel id.
    Line,
    /// WhatsApp id.
    Whatsapp,
    /// Mail address.
    Email,
    /// Web chat channel.
    Webchat,
    /// Web session.
    WebSession,
    /// AI resource id.
    Ai,
    /// AI team id.
    AiTeam,
}

impl AddressType {
    /// The name in JSON and in variables.
    pub fn as_str(self) -> &'static str {
        match self {
            AddressType::None => "",
            AddressType::Tel => "tel",
            AddressType::Sip => "sip",
            AddressType::Extension => "extension",
            AddressType::Agent => "agent",
            AddressType::Conference => "conference",
            AddressType::Line => "line",
            AddressType::Whatsapp => "whatsapp",
            AddressType::Email => "email",
            AddressType::Webchat => "webchat",
            AddressType::WebSession => "web_session",
            AddressType::Ai => "ai",
            AddressType::AiTeam => "ai_team",
        }
    }
}

/// The E.164 form of a `tel` target: trimmed, a leading `+` kept, of the rest only ASCII digits. None unless that
/// gives `+` and 7 to 15 digits.
pub fn normalize_tel(text: &str) -> Option<String> {
    let rest = text.trim().strip_prefix('+')?;
    let mut number = String::with_capacity(16);
    number.push('+');
    number.extend(rest.chars().filter(char::is_ascii_digit));
    (8..=16).contains(&number.len()).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn telephone_numbers_are_normalised_or_refused() {
        for (text, expected) in [
            ("+821100000001", Some("+821100000001")),
            (" +1 (202) 555-0123 ", Some("+12025550123")),
            ("12025550123", None),
            ("+123456", None),
            ("+1234567", Some("+1234567")),
            ("+1234567890123456", None),
            ("", None),
            ("+", None),
        ] {
            assert_eq!(normalize_tel(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn only_type_and_target_are_needed_and_names_agree_with_json() {
        let address: Address = serde_json::from_str(r#"{"type":"web_session","target":"x"}"#).unwrap();
        assert_eq!(address, Address::new(AddressType::WebSession, "x", ""));
        let json = serde_json::to_value(&address).unwrap();
        assert_eq!(json["type"], address.kind.as_str());
        assert_eq!(serde_json::to_value(AddressType::AiTeam).unwrap(), AddressType::AiTeam.as_str());
        assert!(serde_json::from_str::<Address>(r#"{"type":"pigeon","target":"x"}"#).is_err());
    }
}

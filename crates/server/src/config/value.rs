//! The kinds of value that several sections share: numbers within bounds, addresses, networks, words for headers.

use std::fmt;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::{Serialize, Serializer};

/// A whole number from `LOW` to `HIGH`.
pub(super) fn whole<'de, D, T, const LOW: u64, const HIGH: u64>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    struct Whole<const LOW: u64, const HIGH: u64>;
    impl<const LOW: u64, const HIGH: u64> Visitor<'_> for Whole<LOW, HIGH> {
        type Value = u64;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number from {LOW} to {HIGH}")
        }
        fn visit_u64<E: de::Error>(self, number: u64) -> Result<u64, E> {
            if (LOW..=HIGH).contains(&number) {
                Ok(number)
            } else {
                Err(E::invalid_value(de::Unexpected::Unsigned(number), &self))
            }
        }
    }
    let number = deserializer.deserialize_u64(Whole::<LOW, HIGH>)?;
    T::try_from(number).map_err(|_| de::Error::custom(format!("a whole number from {LOW} to {HIGH}")))
}

/// Reads text by [`FromStr`] and says `allowed` where that fails.
fn parsed<'de, D, T>(deserializer: D, allowed: &'static str) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr,
{
    struct Parsed<T>(&'static str, PhantomData<T>);
    impl<T: FromStr> Visitor<'_> for Parsed<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
        }
    }
    deserializer.deserialize_str(Parsed(allowed, PhantomData))
}

/// An IPv4 or IPv6 address.
pub(super) fn address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpAddr, D::Error> {
    parsed(deserializer, "an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1")
}

/// An address, or none; in TOML none is written `""`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OptionalAddress(pub Option<IpAddr>);

impl FromStr for OptionalAddress {
    type Err = ();
    fn from_str(text: &str) -> Result<OptionalAddress, ()> {
        if text.is_empty() {
            return Ok(OptionalAddress(None));
        }
        match text.parse::<IpAddr>() {
            Ok(address) if !address.is_unspecified() => Ok(OptionalAddress(Some(address))),
            _ => Err(()),
        }
    }
}

impl<'de> Deserialize<'de> for OptionalAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<OptionalAddress, D::Error> {
        parsed(deserializer, "an IPv4 or IPv6 address that others can send to, or \"\" for none")
    }
}

impl Serialize for OptionalAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => serializer.collect_str(&address),
            None => serializer.serialize_str(""),
        }
    }
}

/// Origins of web pages, as browsers write them: scheme, host, and the port if it is not the scheme's own.
pub(super) fn origins<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Origin(String);
    impl FromStr for Origin {
        type Err = ();
        fn from_str(text: &str) -> Result<Origin, ()> {
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).ok_or(())?;
            let is_written = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:[]".contains(c);
            if !host.is_empty() && host.chars().all(is_written) { Ok(Origin(text.to_owned())) } else { Err(()) }
        }
    }
    impl<'de> Deserialize<'de> for Origin {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Origin, D::Error> {
            parsed(deserializer, "an origin in lower case such as https://phone.example.com, with no slash at its end")
        }
    }
    Ok(Vec::<Origin>::deserialize(deserializer)?.into_iter().map(|origin| origin.0).collect())
}

/// An address to listen on, or none, written `""`, which stands for another listener's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ListenAddress(pub Option<IpAddr>);

impl FromStr for ListenAddress {
    type Err = std::net::AddrParseError;
    fn from_str(text: &str) -> Result<ListenAddress, std::net::AddrParseError> {
        if text.is_empty() { Ok(ListenAddress(None)) } else { text.parse().map(Some).map(ListenAddress) }
    }
}

impl<'de> Deserialize<'de> for ListenAddress {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<ListenAddress, D::Error> {
        parsed(
            deserializer,
            "an IPv4 or IPv6 address such as 192.0.2.1 or 2001:db8::1, or \"\" for that of the first UDP listener",
        )
    }
}

impl Serialize for ListenAddress {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(address) => serializer.collect_str(&address),
            None => serializer.serialize_str(""),
        }
    }
}

/// Networks, each written `10.0.0.0/8`; a bare address is a network of one.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<IpNet>, D::Error> {
    struct Network(IpNet);
    impl FromStr for Network {
        type Err = ();
        fn from_str(text: &str) -> Result<Network, ()> {
            let single = |_| text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(single).map(Network).map_err(|_| ())
        }
    }
    impl<'de> Deserialize<'de> for Network {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Network, D::Error> {
            parsed(deserializer, "a network such as 10.0.0.0/8 or fd00::/8, or a single address")
        }
    }
    Ok(Vec::<Network>::deserialize(deserializer)?.into_iter().map(|network| network.0).collect())
}

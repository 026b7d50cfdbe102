//! A message in written-down state is its bytes, read again.

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Message;

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.as_bytes())
    }
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Message, D::Error> {
        Message::restore(Bytes::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

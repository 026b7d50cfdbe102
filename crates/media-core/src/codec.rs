//! Codecs: linear 16 bit samples to octets and back.

pub mod g711;

use crate::Codec;

impl Codec {
    /// The octet of one sample.
    #[inline]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Codec::Pcmu => g711::encode_ulaw(sample),
            Codec::Pcma => g711::encode_alaw(sample),
        }
    }

    /// The sample of one octet.
    #[inline]
    pub fn decode(self, octet: u8) -> i16 {
        match self {
            Codec::Pcmu => g711::decode_ulaw(octet),
            Codec::Pcma => g711::decode_alaw(octet),
        }
    }

    /// The octet of digital silence: what sample 0 becomes.
    pub fn silence(self) -> u8 {
        self.encode(0)
    }
}

//! Opus packets to samples (RFC 7845 §5).

use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder};

/// Opus in OGG counts in this rate, whatever was recorded.
pub(super) const RATE_HZ: u32 = 48_000;

/// One stream.
pub(super) struct Opus {
    decoder: OpusDecoder,
    channels: u16,
    skip: u64,
    /// What samples are multiplied by.
    gain: f32,
    room: Vec<f32>,
}

impl Opus {
    /// A stream that begins with this packet, which begins `OpusHead`.
    ///
    /// # Errors
    /// In words: the packet is too short, or of a form that is not understood.
    pub(super) fn new(head: &[u8]) -> Result<Opus, String> {
        let head = Head::of(head)?;
        let channels = usize::from(head.channels);
        let decoder =
            OpusDecoder::new(RATE_HZ as i32, channels).map_err(|error| format!("no Opus decoder: {error}"))?;
        // RFC 7845 §5.1: the gain is in dB, with eight binary places.
        let gain = 10f32.powf(f32::from(head.gain) / (20.0 * 256.0));
        let room = vec![0.0; MAX_PACKET_SAMPLES * channels];
        Ok(Opus { decoder, channels: head.channels, skip: u64::from(head.skip), gain, room })
    }

    /// 1 or 2.
    pub(super) fn channels(&self) -> u16 {
        self.channels
    }

    /// Frames at the beginning that are not to be heard.
    pub(super) fn skip(&self) -> u64 {
        self.skip
    }

    /// Samples of one packet, channel by channel; none of one that is damaged, or holds the comments.
    pub(super) fn decode(&mut self, packet: &[u8], samples: &mut Vec<f32>) {
        // To the decoder an empty packet is a lost one.
        if packet.is_empty() || packet.starts_with(b"OpusTags") {
            return;
        }
        if let Ok(frames) = self.decoder.decode(packet, MAX_PACKET_SAMPLES, &mut self.room) {
            let decoded = self.room.iter().take(frames * usize::from(self.channels));
            samples.extend(decoded.map(|sample| sample * self.gain));
        }
    }
}

/// RFC 7845 §5.1.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    channels: u16,
    skip: u16,
    gain: i16,
}

impl Head {
    fn of(packet: &[u8]) -> Result<Head, String> {
        let [_, _, _, _, _, _, _, _, version, channels, a, b, _, _, _, _, c, d, family, ref table @ ..] = *packet
        else {
            return Err("not OGG/Opus that can be read: its head is cut off".into());
        };
        if version & 0xf0 != 0 {
            return Err(format!("OGG/Opus of version {version} is not understood"));
        }
        let channels = match (family, table) {
            (0, _) if channels == 1 || channels == 2 => channels,
            // One stream, of which one or two channels are coupled, as in family 0.
            (_, [1, coupled @ (0 | 1), ..]) if family != 0 => 1 + coupled,
            _ => {
                return Err(format!(
                    "OGG/Opus with {channels} channels (mapping family {family}) is not understood: mono and stereo are"
                ));
            }
        };
        let (skip, gain) = (u16::from_le_bytes([a, b]), i16::from_le_bytes([c, d]));
        Ok(Head { channels: u16::from(channels), skip, gain })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, family: u8, table: &[u8]) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.extend([channels, 0x38, 0x01, 0x80, 0xbb, 0, 0, 0x00, 0xff, family]);
        head.extend(table);
        head
    }

    #[test]
    fn mono_and_stereo_are_understood_and_surround_is_refused_in_words() {
        let of = |channels| Ok(Head { channels, skip: 312, gain: -256 });
        assert_eq!(Head::of(&head(1, 0, &[])), of(1));
        assert_eq!(Head::of(&head(2, 0, &[])), of(2));
        assert_eq!(Head::of(&head(2, 1, &[1, 1, 0, 1])), of(2));
        assert_eq!(Head::of(&head(1, 255, &[1, 0, 0])), of(1));
        for (channels, family, table) in
            [(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5][..]), (3, 0, &[]), (0, 0, &[]), (2, 1, &[]), (4, 2, &[4, 0])]
        {
            let why = Head::of(&head(channels, family, table)).unwrap_err();
            assert!(why.contains("mono and stereo are"), "{why}");
        }
    }

    #[test]
    fn a_head_that_is_cut_off_or_of_another_version_is_refused() {
        let whole = head(1, 0, &[]);
        for length in 8..whole.len() {
            assert!(Head::of(&whole[..length]).unwrap_err().contains("cut off"), "{length}");
        }
        let mut newer = whole;
        newer[8] = 0x10;
        assert!(Head::of(&newer).unwrap_err().contains("version 16"));
    }
}

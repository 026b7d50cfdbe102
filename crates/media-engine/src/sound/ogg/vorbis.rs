//! Vorbis packets to samples, by `symphonia`.

use symphonia::core::codecs::audio::well_known::CODEC_ID_VORBIS;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::VorbisDecoder;

use super::vorbis_setup;

/// First octets of the head with the tables, and of the one with comments (Vorbis I §4.2.1).
const SETUP: &[u8] = b"\x05vorbis";
const COMMENT: &[u8] = b"\x03vorbis";

/// One stream.
pub(super) struct Vorbis {
    head: Vec<u8>,
    rate_hz: u32,
    channels: u16,
    /// Made when the tables have come.
    decoder: Option<Box<VorbisDecoder>>,
}

impl Vorbis {
    /// A stream that begins with this packet (Vorbis I §4.2.2).
    ///
    /// # Errors
    /// In words: the packet is too short.
    pub(super) fn new(head: &[u8]) -> Result<Vorbis, String> {
        let [_, _, _, _, _, _, _, _, _, _, _, channels, a, b, c, d, ..] = *head else {
            return Err("not OGG/Vorbis that can be read: its head is cut off".into());
        };
        let rate_hz = u32::from_le_bytes([a, b, c, d]);
        Ok(Vorbis { head: head.to_vec(), rate_hz, channels: u16::from(channels), decoder: None })
    }

    /// Samples a second, and channels.
    pub(super) fn form(&self) -> (u32, u16) {
        (self.rate_hz, self.channels.max(1))
    }

    /// # Errors
    /// In words: the tables cannot be used.
    pub(super) fn decode(&mut self, packet: &[u8], samples: &mut Vec<f32>) -> Result<(), String> {
        if packet.starts_with(COMMENT) {
            return Ok(());
        }
        let Some(decoder) = &mut self.decoder else {
            if !packet.starts_with(SETUP) {
                return Err("not OGG/Vorbis that can be read: its tables are missing".into());
            }
            self.decoder = Some(Box::new(self.new_decoder(packet)?));
            return Ok(());
        };
        let packet = PacketRef::new(0, Timestamp::ZERO, Duration::ZERO, packet);
        if let Ok(sound) = decoder.decode_ref(&packet) {
            sound.copy_to_vec_interleaved(samples);
        }
        Ok(())
    }

    fn new_decoder(&self, setup: &[u8]) -> Result<VorbisDecoder, String> {
        let damaged = |why: &dyn std::fmt::Display| format!("not OGG/Vorbis that can be read: {why}");
        vorbis_setup::check(setup).map_err(|why| damaged(&why))?;
        let mut parameters = AudioCodecParameters::new();
        parameters
            .for_codec(CODEC_ID_VORBIS)
            .with_sample_rate(self.rate_hz)
            .with_extra_data([&self.head, setup].concat().into_boxed_slice());
        // The first packet only fills the overlap: without this its half would be heard.
        let options = AudioDecoderOptions::default().gapless(true);
        VorbisDecoder::try_new(&parameters, &options).map_err(|error| damaged(&error))
    }
}

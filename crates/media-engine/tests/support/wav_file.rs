//! Makes WAV files, for tests inside the crate and outside of it.

/// A WAV file with one `fmt ` and one `data` chunk: the tag of its encoding, channels, rate, bits a sample, and the sound.
pub(crate) fn wav_file(tag: u16, channels: u16, rate_hz: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut wav = b"RIFF".to_vec();
    wav.extend((36 + data.len() as u32).to_le_bytes());
    wav.extend(b"WAVEfmt ");
    wav.extend(16u32.to_le_bytes());
    wav.extend(tag.to_le_bytes());
    wav.extend(channels.to_le_bytes());
    wav.extend(rate_hz.to_le_bytes());
    wav.extend((rate_hz * u32::from(block)).to_le_bytes());
    wav.extend(block.to_le_bytes());
    wav.extend(bits.to_le_bytes());
    wav.extend(b"data");
    wav.extend((data.len() as u32).to_le_bytes());
    wav.extend(data);
    wav
}

//! A WAV file as it comes out of a pipe, piece by piece: the header says how long it will be before anybody can know, so its
//! length is not believed.

/// A header that is longer than this is none.
const HEADER_MAX: usize = 4_096;
/// Rates outside of this are taken for damage.
const RATES_HZ: std::ops::RangeInclusive<u32> = 8_000..=48_000;

/// Takes octets, gives samples.
#[derive(Debug, Default)]
pub(crate) struct WavStream {
    header: Vec<u8>,
    rate_hz: Option<u32>,
    /// The first octet of a sample whose second one has not come yet.
    odd: Option<u8>,
    samples: Vec<i16>,
}

impl WavStream {
    /// Takes the next octets; gives the samples that are complete with them, and their rate.
    ///
    /// # Errors
    /// What came is not a WAV file of 16-bit mono samples.
    pub(crate) fn push(&mut self, octets: &[u8]) -> Result<(u32, &[i16]), String> {
        self.samples.clear();
        let Some(rate_hz) = self.rate_hz else {
            self.header.extend_from_slice(octets);
            let Some((rate_hz, data_at)) = header(&self.header)? else {
                if self.header.len() > HEADER_MAX {
                    return Err("it gave something that is not a WAV file".into());
                }
                return Ok((0, &[]));
            };
            self.rate_hz = Some(rate_hz);
            let data = self.header.split_off(data_at);
            self.decode(&data);
            return Ok((rate_hz, &self.samples));
        };
        self.decode(octets);
        Ok((rate_hz, &self.samples))
    }

    fn decode(&mut self, octets: &[u8]) {
        let mut octets = octets;
        if let (Some(first), [second, rest @ ..]) = (self.odd, octets) {
            self.samples.push(i16::from_le_bytes([first, *second]));
            self.odd = None;
            octets = rest;
        }
        let (pairs, rest) = octets.as_chunks::<2>();
        self.samples.extend(pairs.iter().map(|pair| i16::from_le_bytes(*pair)));
        if let [first] = rest {
            self.odd = Some(*first);
        }
    }
}

/// The rate and where the samples begin; `None` while the header is incomplete.
fn header(octets: &[u8]) -> Result<Option<(u32, usize)>, String> {
    let not_wav = || Err("it gave something that is not a WAV file".to_owned());
    let begins = |name: &[u8], at: usize| octets.iter().skip(at).zip(name).all(|(octet, of)| octet == of);
    if !begins(b"RIFF", 0) || !begins(b"WAVE", 8) {
        return not_wav();
    }
    let mut at = 12;
    let mut rate_hz = None;
    loop {
        let Some(chunk) = octets.get(at..at + 8) else { return Ok(None) };
        let length = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]) as usize;
        at += 8;
        if &chunk[..4] == b"data" {
            return match rate_hz {
                Some(rate_hz) => Ok(Some((rate_hz, at))),
                None => not_wav(),
            };
        }
        if length > HEADER_MAX {
            return not_wav();
        }
        let Some(body) = octets.get(at..at + length) else { return Ok(None) };
        if &chunk[..4] == b"fmt " {
            rate_hz = Some(format(body)?);
        }
        at += length + length % 2;
    }
}

fn format(body: &[u8]) -> Result<u32, String> {
    let Some(body) = body.first_chunk::<16>() else { return Err("it gave a damaged WAV file".into()) };
    let u16_at = |at: usize| u16::from_le_bytes([body[at], body[at + 1]]);
    let rate_hz = u32::from_le_bytes([body[4], body[5], body[6], body[7]]);
    if (u16_at(0), u16_at(2), u16_at(14)) != (1, 1, 16) || !RATES_HZ.contains(&rate_hz) {
        return Err("it gave a WAV file that is not mono with 16 bit".into());
    }
    Ok(rate_hz)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(samples: &[i16]) -> Vec<u8> {
        let mut wav =
            b"RIFF\x24\xf0\xff\x7fWAVEfmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0LIST\x01\0\0\0x\0"
                .to_vec();
        wav.extend(b"data\x00\xf0\xff\x7f");
        wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        wav
    }

    #[test]
    fn samples_come_out_in_whatever_pieces_the_file_comes_in() {
        let samples: Vec<i16> = (0..100).map(|n| n * 300 - 15_000).collect();
        let wav = file(&samples);
        for length in [1, 2, 3, 7, 50, 1_000] {
            let mut stream = WavStream::default();
            let mut heard = Vec::new();
            for piece in wav.chunks(length) {
                let (rate_hz, samples) = stream.push(piece).unwrap();
                assert!(samples.is_empty() || rate_hz == 22_050);
                heard.extend_from_slice(samples);
            }
            assert_eq!(heard, samples, "{length} octets at a time");
        }
    }

    #[test]
    fn what_is_no_wav_file_is_refused() {
        for wrong in [&b"<html>"[..], b"RIFF____AVI ", b"RIFF____WAVEdata\0\0\0\0", b"RIFF____WAVEfmt \x02\0\0\0ab"] {
            assert!(WavStream::default().push(wrong).is_err(), "{wrong:?}");
        }
        let mut stereo = file(&[0; 4]);
        stereo[22] = 2;
        assert!(WavStream::default().push(&stereo).unwrap_err().contains("mono"));
        let mut endless = b"RIFF____WAVE".to_vec();
        endless.extend(b"LIST\x04\0\0\0abcd".repeat(1_000));
        assert!(WavStream::default().push(&endless).is_err());
    }
}

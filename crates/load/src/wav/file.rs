//! RIFF/WAVE as a recorder writes it: PCM, 16 bit, one channel, 8 kHz. Whatever else it is, is told as a fault.

/// The rate that recorded files have.
pub(super) const RATE: u32 = 8000;

/// The samples of a file; the error says what is wrong with it.
pub(super) fn samples(octets: &[u8]) -> Result<Vec<i16>, String> {
    if octets.get(..4) != Some(b"RIFF") || octets.get(8..12) != Some(b"WAVE") {
        return Err("it does not begin with RIFF and WAVE".to_owned());
    }
    let whole = u32_at(octets, 4)? as usize + 8;
    if whole != octets.len() {
        return Err(format!("its header says {whole} octets, it has {}", octets.len()));
    }
    let (mut at, mut format, mut data) = (12, None, None);
    while at < octets.len() {
        let (name, size) = (&octets[at..(at + 4).min(octets.len())], u32_at(octets, at + 4)? as usize);
        let body = octets.get(at + 8..).and_then(|rest| rest.get(..size));
        let body = body.ok_or_else(|| format!("the chunk at {at} goes beyond its end"))?;
        match name {
            b"fmt " => format = Some(body),
            b"data" => data = Some(body),
            _ => {}
        }
        // Chunks begin at even places.
        at += 8 + size + size % 2;
    }
    let format = format.filter(|format| format.len() >= 16).ok_or("it has no format chunk")?;
    let of = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
    let (kind, channels, bits, rate) = (of(0), of(2), of(14), u32_at(format, 4)?);
    if (kind, channels, bits, rate) != (1, 1, 16, RATE) {
        return Err(format!("format {kind}, {channels} channels, {bits} bit, {rate} Hz instead of 1, 1, 16, {RATE}"));
    }
    let data = data.filter(|data| data.len() % 2 == 0).ok_or("it has no data chunk of whole samples")?;
    Ok(data.as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect())
}

fn u32_at(octets: &[u8], at: usize) -> Result<u32, String> {
    let word = octets.get(at..at + 4).and_then(|word| <[u8; 4]>::try_from(word).ok());
    word.map(u32::from_le_bytes).ok_or_else(|| "it ends within a header".to_owned())
}

#[cfg(test)]
pub(super) fn written(samples: &[i16]) -> Vec<u8> {
    let size = samples.len() as u32 * 2;
    let mut file = b"RIFF".to_vec();
    file.extend((size + 36).to_le_bytes());
    file.extend(b"WAVEfmt ");
    for word in [16, 1 | (1 << 16), RATE, RATE * 2, 2 | (16 << 16)] {
        file.extend(word.to_le_bytes());
    }
    file.extend(b"data");
    file.extend(size.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_no_changed_or_missing_octet_makes_the_reader_panic() {
        let file = written(&[1, -2, 300]);
        assert_eq!(samples(&file).unwrap(), [1, -2, 300]);
        for length in 0..file.len() {
            assert!(samples(&file[..length]).is_err());
        }
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0xff] {
                let mut changed = file.clone();
                changed[at] = value;
                let _ = samples(&changed);
            }
        }
    }

    #[test]
    fn a_file_of_another_format_is_told_in_words() {
        let mut file = written(&[0; 8]);
        file[22] = 2;
        assert!(samples(&file).unwrap_err().contains("2 channels"));
        assert!(samples(b"").is_err());
    }
}

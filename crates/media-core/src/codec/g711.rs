//! ITU-T G.711: µ-law and A-law by table, bit-exact with the reference algorithm of ITU-T G.191 (16 bit samples in, of
//! which µ-law uses the upper 14 and A-law the upper 12; negative values by one's complement).
//!
//! The tables are made at compile time. An encoder's result depends on the bits it uses only, so its table has one entry per
//! value of those bits: 16 Ki for µ-law, 4 Ki for A-law. Both fit the cache, unlike tables of 64 Ki.

/// µ-law ignores the two lowest of the 16 bits.
const ULAW_UNUSED_BITS: u32 = 2;
/// A-law ignores the four lowest of the 16 bits.
const ALAW_UNUSED_BITS: u32 = 4;
/// G.711 §3.2: distance of the µ-law decision values from powers of two, in 14 bit units.
const ULAW_BIAS: u16 = 33;
/// Largest biased magnitude that µ-law can represent, in 14 bit units.
const ULAW_CLIP: u16 = 0x1fff;

static ULAW_ENCODE: [u8; 1 << (16 - ULAW_UNUSED_BITS)] = ulaw_encode_table();
static ALAW_ENCODE: [u8; 1 << (16 - ALAW_UNUSED_BITS)] = alaw_encode_table();
static ULAW_DECODE: [i16; 256] = ulaw_decode_table();
static ALAW_DECODE: [i16; 256] = alaw_decode_table();

/// The µ-law octet of a sample (G.711 table 2, inverted bits as transmitted).
#[inline]
pub fn encode_ulaw(sample: i16) -> u8 {
    ULAW_ENCODE[usize::from(sample as u16 >> ULAW_UNUSED_BITS)]
}

/// The sample of a µ-law octet.
#[inline]
pub fn decode_ulaw(octet: u8) -> i16 {
    ULAW_DECODE[usize::from(octet)]
}

/// The A-law octet of a sample (G.711 table 1, even bits inverted as transmitted).
#[inline]
pub fn encode_alaw(sample: i16) -> u8 {
    ALAW_ENCODE[usize::from(sample as u16 >> ALAW_UNUSED_BITS)]
}

/// The sample of an A-law octet.
#[inline]
pub fn decode_alaw(octet: u8) -> i16 {
    ALAW_DECODE[usize::from(octet)]
}

/// `magnitude`: 14 bit magnitude of the sample, one's complement for negative ones, without bias.
const fn ulaw_octet(magnitude: u16, negative: bool) -> u8 {
    let biased = magnitude + ULAW_BIAS;
    let biased = if biased > ULAW_CLIP { ULAW_CLIP } else { biased };
    // The biased magnitude is 1mmmm followed by `segment + 1` bits that are cut off.
    let segment = 15 - biased.leading_zeros() - 5;
    let mantissa = (biased >> (segment + 1)) as u8 & 0x0f;
    let code = ((segment as u8) << 4) | mantissa;
    // All bits are inverted; the sign bit is 1 for positive values after that.
    if negative { !code & 0x7f } else { !code }
}

/// `magnitude`: 11 bit magnitude of the sample, one's complement for negative ones.
const fn alaw_octet(magnitude: u16, negative: bool) -> u8 {
    let code = if magnitude < 32 {
        // Segments 0 and 1 have the same step: the code is the value.
        magnitude as u8
    } else {
        let segment = 15 - magnitude.leading_zeros() - 3;
        let mantissa = (magnitude >> (segment - 1)) as u8 & 0x0f;
        ((segment as u8) << 4) | mantissa
    };
    let signed = if negative { code } else { code | 0x80 };
    signed ^ 0x55
}

const fn ulaw_encode_table() -> [u8; 1 << (16 - ULAW_UNUSED_BITS)] {
    let mut table = [0; 1 << (16 - ULAW_UNUSED_BITS)];
    let half = table.len() / 2;
    let mut index = 0;
    while index < table.len() {
        // The index is the sample's upper bits as an unsigned number: its upper half are the negative samples.
        let negative = index >= half;
        let magnitude = if negative { table.len() - 1 - index } else { index };
        table[index] = ulaw_octet(magnitude as u16, negative);
        index += 1;
    }
    table
}

const fn alaw_encode_table() -> [u8; 1 << (16 - ALAW_UNUSED_BITS)] {
    let mut table = [0; 1 << (16 - ALAW_UNUSED_BITS)];
    let half = table.len() / 2;
    let mut index = 0;
    while index < table.len() {
        let negative = index >= half;
        let magnitude = if negative { table.len() - 1 - index } else { index };
        table[index] = alaw_octet(magnitude as u16, negative);
        index += 1;
    }
    table
}

const fn ulaw_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < table.len() {
        let code = !(octet as u8);
        let segment = (code >> 4) & 7;
        let mantissa = (code & 0x0f) as i16;
        // The middle of the interval, in 14 bit units, then back to 16 bits.
        let biased = (2 * mantissa + 33) << segment;
        let magnitude = (biased - ULAW_BIAS as i16) << ULAW_UNUSED_BITS;
        table[octet] = if code & 0x80 == 0 { magnitude } else { -magnitude };
        octet += 1;
    }
    table
}

const fn alaw_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < table.len() {
        let code = (octet as u8) ^ 0x55;
        let segment = (code >> 4) & 7;
        let mantissa = (code & 0x0f) as i16;
        // The middle of the interval, in units of half an A-law step of segment 0 (8 of the 16 bit units).
        let doubled = if segment == 0 { 2 * mantissa + 1 } else { (2 * mantissa + 33) << (segment - 1) };
        let magnitude = doubled << (ALAW_UNUSED_BITS - 1);
        table[octet] = if code & 0x80 == 0 { -magnitude } else { magnitude };
        octet += 1;
    }
    table
}

#[cfg(test)]
mod tests;

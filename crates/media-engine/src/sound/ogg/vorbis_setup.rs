//! A look at the tables of a Vorbis stream before they are made (Vorbis I §3.2.1): a few octets may ask for gigabytes.

/// Code words of all code books together. Streams of the usual encoder have some ten thousand.
const WORDS_MAX: u32 = 1 << 18;
/// Numbers in the vectors of all code books together: 16 MiB.
const NUMBERS_MAX: u64 = 1 << 22;

/// Whether the tables of this packet, which begins `\x05vorbis`, have a size that can be.
///
/// # Errors
/// In words: they have not, or the packet is damaged.
pub(super) fn check(setup: &[u8]) -> Result<(), &'static str> {
    let mut bits = Bits { octets: setup.get(7..).unwrap_or_default(), at: 0 };
    let books = bits.take(8)? + 1;
    let (mut words, mut numbers) = (0, 0);
    for _ in 0..books {
        let size = book(&mut bits)?;
        words += size.words;
        numbers += size.numbers;
        if words > WORDS_MAX || numbers > NUMBERS_MAX {
            return Err("its tables are too large");
        }
    }
    Ok(())
}

struct Size {
    words: u32,
    numbers: u64,
}

fn book(bits: &mut Bits<'_>) -> Result<Size, &'static str> {
    if bits.take(24)? != 0x56_4342 {
        return Err("a table in it does not begin with its mark");
    }
    let (dimensions, words) = (bits.take(16)?, bits.take(24)?);
    if words > WORDS_MAX {
        return Err("its tables are too large");
    }
    if bits.take(1)? == 0 {
        let is_sparse = bits.take(1)? == 1;
        for _ in 0..words {
            if !is_sparse || bits.take(1)? == 1 {
                bits.take(5)?;
            }
        }
    } else {
        bits.take(5)?;
        let mut place = 0;
        while place < words {
            place += bits.take(32 - (words - place).leading_zeros())?;
        }
    }
    let lookup = bits.take(4)?;
    if lookup == 0 {
        return Ok(Size { words, numbers: 0 });
    }
    bits.take(32)?;
    bits.take(32)?;
    let width = bits.take(4)? + 1;
    bits.take(1)?;
    let values = match lookup {
        1 => largest_root(words, dimensions),
        2 => u64::from(words) * u64::from(dimensions),
        _ => return Err("a table in it has an unknown form"),
    };
    bits.skip(values * u64::from(width))?;
    Ok(Size { words, numbers: u64::from(words) * u64::from(dimensions) })
}

/// Vorbis I §9.2.3: the largest number whose power of `dimensions` is at most `words`.
fn largest_root(words: u32, dimensions: u32) -> u64 {
    let fits =
        |root: u64| dimensions > 0 && root.checked_pow(dimensions).is_some_and(|power| power <= u64::from(words));
    (1..=u64::from(words)).take_while(|root| fits(*root)).last().unwrap_or(0)
}

/// Bits, the lowest of each octet first.
struct Bits<'a> {
    octets: &'a [u8],
    at: u64,
}

impl Bits<'_> {
    const CUT_OFF: &'static str = "its tables are cut off";

    fn take(&mut self, count: u32) -> Result<u32, &'static str> {
        let mut value = 0;
        for place in 0..count {
            let octet = usize::try_from(self.at / 8).ok().and_then(|at| self.octets.get(at)).ok_or(Self::CUT_OFF)?;
            value |= u32::from(octet >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Ok(value)
    }

    fn skip(&mut self, count: u64) -> Result<(), &'static str> {
        self.at += count;
        if self.at > 8 * self.octets.len() as u64 { Err(Self::CUT_OFF) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes bits as [`Bits`] reads them.
    #[derive(Default)]
    struct Writer(Vec<bool>);

    impl Writer {
        fn put(mut self, value: u32, count: u32) -> Writer {
            self.0.extend((0..count).map(|place| value >> place & 1 == 1));
            self
        }

        /// A code book with all words of one length, vectors of so many numbers, and one value for all of them.
        fn book(self, dimensions: u32, words: u32) -> Writer {
            let length = words.ilog2();
            let mut writer = self.put(0x56_4342, 24).put(dimensions, 16).put(words, 24).put(1, 1).put(length - 1, 5);
            writer = writer.put(words, 32 - words.leading_zeros());
            let values = largest_root(words, dimensions) as u32;
            writer = writer.put(1, 4).put(0, 32).put(0, 32).put(0, 4).put(0, 1);
            (0..values).fold(writer, |writer, _| writer.put(0, 1))
        }

        fn setup(books: u32) -> Writer {
            Writer::default().put(books - 1, 8)
        }

        fn octets(self) -> Vec<u8> {
            let octet = |bits: &[bool]| bits.iter().rev().fold(0, |octet, bit| octet << 1 | u8::from(*bit));
            b"\x05vorbis".iter().copied().chain(self.0.chunks(8).map(octet)).collect()
        }
    }

    #[test]
    fn tables_of_a_usual_size_pass() {
        assert_eq!(check(&Writer::setup(2).book(4, 625).book(2, 256).octets()), Ok(()));
    }

    #[test]
    fn a_few_octets_that_ask_for_gigabytes_are_refused() {
        let setup = (0..64).fold(Writer::setup(64), |writer, _| writer.book(32, 1 << 16)).octets();
        assert!(setup.len() < 2_000, "{}", setup.len());
        assert_eq!(check(&setup), Err("its tables are too large"));
        let setup = (0..64).fold(Writer::setup(64), |writer, _| writer.book(1, 1 << 13)).octets();
        assert_eq!(check(&setup), Err("its tables are too large"));
    }

    #[test]
    fn tables_that_are_cut_off_or_no_tables_are_refused() {
        let setup = Writer::setup(1).book(4, 625).octets();
        for length in 0..setup.len() {
            assert!(check(&setup[..length]).is_err(), "{length}");
        }
        assert!(check(&[b"\x05vorbis".as_slice(), &[0xff; 300]].concat()).is_err());
    }

    #[test]
    fn roots_are_whole_and_not_too_large() {
        for (words, dimensions, root) in
            [(361, 2, 19), (360, 2, 18), (1, 8, 1), (0, 2, 0), (7, 0, 0), (9, 1, 9), (3, 950, 1)]
        {
            assert_eq!(largest_root(words, dimensions), root, "{words} {dimensions}");
        }
    }
}

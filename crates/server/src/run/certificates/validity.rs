//! From when until when a certificate is valid (RFC 5280 §4.1.2.5): the few octets of its DER that say so.

use std::fmt;

use model::Timestamp;

/// DER tags (ITU-T X.690).
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const VERSION: u8 = 0xa0;

/// The time of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    from: Timestamp,
    until: Timestamp,
}

/// What is wrong with it now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Untimely {
    /// It is not valid yet.
    Early(Validity),
    /// It is not valid any more.
    Expired(Validity),
}

impl Validity {
    /// What a certificate says; none where that cannot be read.
    pub(super) fn of(certificate: &[u8]) -> Option<Validity> {
        let (_, mut certificate) = next(&mut &*certificate)?;
        let (_, mut rest) = next(&mut certificate)?;
        if rest.first() == Some(&VERSION) {
            next(&mut rest)?;
        }
        let [_serial_number, _signature, _issuer, validity] = [(); 4].map(|()| next(&mut rest));
        let (_, mut validity) = validity?;
        Some(Validity { from: time(next(&mut validity)?)?, until: time(next(&mut validity)?)? })
    }

    /// Whether it can be used at this moment.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check(self, now: Timestamp) -> Result<(), Untimely> {
        match () {
            () if now < self.from => Err(Untimely::Early(self)),
            () if now > self.until => Err(Untimely::Expired(self)),
            () => Ok(()),
        }
    }
}

impl fmt::Display for Untimely {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |time: Timestamp| {
            let time = time.civil();
            format!("{:04}-{:02}-{:02} {:02}:{:02} UTC", time.year, time.month, time.day, time.hour, time.minute)
        };
        match self {
            Untimely::Early(validity) => write!(f, "is not valid before {}", shown(validity.from))?,
            Untimely::Expired(validity) => write!(f, "has expired at {}", shown(validity.until))?,
        }
        let (Untimely::Early(validity) | Untimely::Expired(validity)) = self;
        write!(f, " (valid from {} until {})", shown(validity.from), shown(validity.until))
    }
}

/// The tag and content of the next value, and `rest` behind it.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let [tag, length, behind @ ..] = *rest else { return None };
    let (length, behind) = match *length {
        short @ ..=0x7f => (usize::from(short), behind),
        long @ 0x81..=0x84 => {
            let (octets, behind) = behind.split_at_checked(usize::from(long - 0x80))?;
            (octets.iter().fold(0, |length, octet| length << 8 | usize::from(*octet)), behind)
        }
        _ => return None,
    };
    let content;
    (content, *rest) = behind.split_at_checked(length)?;
    Some((*tag, content))
}

/// `YYMMDDhhmmssZ` of the years 1950 to 2049, or `YYYYMMDDhhmmssZ`. What was before 1970 has begun long ago.
fn time((tag, text): (u8, &[u8])) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.is_ascii())?;
    let whole = match tag {
        UTC_TIME if text.get(..2)? < "50" => format!("20{text}"),
        UTC_TIME => format!("19{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    if whole.len() != 15 || !whole.ends_with('Z') {
        return None;
    }
    if &whole[..4] < "1970" {
        return Some(Timestamp::from_us(0));
    }
    let (date, of_day) = (&whole[..8], &whole[8..]);
    let (year, month, day) = (&date[..4], &date[4..6], &date[6..]);
    let (hour, minute, second) = (&of_day[..2], &of_day[2..4], &of_day[4..]);
    Timestamp::parse(&format!("{year}-{month}-{day}T{hour}:{minute}:{second}")).ok()
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    fn certificate(from: i32, until: i32) -> Vec<u8> {
        let mut params = CertificateParams::new(["a.example".to_owned()]).unwrap();
        (params.not_before, params.not_after) = (date_time_ymd(from, 2, 3), date_time_ymd(until, 12, 31));
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn a_certificate_says_when_it_is_valid() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        // The one is written with two digits of the year, the other with four.
        let validity = Validity::of(&certificate(2024, 2051)).unwrap();
        assert_eq!(validity, Validity { from: at("2024-02-03T00:00:00Z"), until: at("2051-12-31T00:00:00Z") });
        assert_eq!(validity.check(at("2026-11-27T18:00:00Z")), Ok(()));
        let early = validity.check(at("2024-02-02T00:00:00Z")).unwrap_err().to_string();
        assert!(early.starts_with("is not valid before 2024-02-03 00:00 UTC (valid from "), "{early}");
        let late = validity.check(at("2052-01-01T00:00:00Z")).unwrap_err().to_string();
        let expected =
            "has expired at 2051-12-31 00:00 UTC (valid from 2024-02-03 00:00 UTC until 2051-12-31 00:00 UTC)";
        assert_eq!(late, expected);
        assert_eq!(Validity::of(&certificate(1960, 1999)).unwrap().from, at("1970-01-01T00:00:00Z"));
    }

    #[test]
    fn half_a_certificate_says_nothing_and_ends_nothing() {
        let whole = certificate(2024, 2051);
        for length in 0..60 {
            assert_eq!(Validity::of(&whole[..length]), None);
        }
        for at in 0..200 {
            for octet in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut damaged = whole.clone();
                damaged[at] = octet;
                let _ = Validity::of(&damaged);
            }
        }
    }
}

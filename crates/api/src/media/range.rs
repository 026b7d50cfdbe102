//! The header `Range` (RFC 9110 §14): one range of bytes. Several ranges, or another unit, are answered with the whole.

/// The bytes that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// The first byte.
    pub(crate) first: u64,
    /// How many.
    pub(crate) length: u64,
}

/// There are no such bytes: 416.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RangeError;

impl Range {
    /// Reads the header for a resource of `total` bytes; none when the whole is to be sent.
    pub(crate) fn parse(header: Option<&str>, total: u64) -> Result<Option<Range>, RangeError> {
        let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else { return Ok(None) };
        let Some((first, last)) = spec.trim().split_once('-').filter(|_| !spec.contains(',')) else { return Ok(None) };
        let (first, last) = (first.trim(), last.trim());
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = |text: &str| text.parse::<u64>().unwrap_or(u64::MAX);
        match (is_number(first), is_number(last)) {
            // The last so many bytes.
            (false, true) if first.is_empty() => {
                let length = number(last).min(total);
                if length == 0 { Err(RangeError) } else { Ok(Some(Range { first: total - length, length })) }
            }
            (true, false) if last.is_empty() => Range::between(number(first), u64::MAX, total),
            (true, true) if number(first) <= number(last) => Range::between(number(first), number(last), total),
            _ => Ok(None),
        }
    }

    fn between(first: u64, last: u64, total: u64) -> Result<Option<Range>, RangeError> {
        if first >= total {
            return Err(RangeError);
        }
        Ok(Some(Range { first, length: last.min(total - 1) - first + 1 }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_is_understood_in_its_three_forms() {
        for (header, first, length) in [
            ("bytes=0-9", 0, 10),
            ("bytes=90-", 90, 10),
            ("bytes=-10", 90, 10),
            ("bytes=-1000", 0, 100),
            ("bytes=99-1000", 99, 1),
            (" bytes= 5 - 5 ", 5, 1),
            ("bytes=5-99999999999999999999999", 5, 95),
        ] {
            assert_eq!(Range::parse(Some(header), 100), Ok(Some(Range { first, length })), "{header}");
        }
    }

    #[test]
    fn what_is_not_understood_gives_the_whole_and_what_is_not_there_an_error() {
        for header in ["bytes=0-1,3-4", "lines=1-2", "bytes=5-4", "bytes=a-b", "bytes=-", "bytes=", "x"] {
            assert_eq!(Range::parse(Some(header), 100), Ok(None), "{header}");
        }
        assert_eq!(Range::parse(None, 100), Ok(None));
        for header in ["bytes=100-", "bytes=-0", "bytes=500-600"] {
            assert_eq!(Range::parse(Some(header), 100), Err(RangeError), "{header}");
        }
        assert_eq!(Range::parse(Some("bytes=0-"), 0), Err(RangeError));
    }
}

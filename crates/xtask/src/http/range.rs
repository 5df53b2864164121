//! The header `Range`: which part of a file is wanted (RFC 9110, section 14).

/// The part of a file that a `Range` header asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Range {
    /// All of it: the header is of a form that may be ignored, or asks for several parts.
    Whole,
    /// `bytes` of it, at least 1, from position `first`.
    Part { first: u64, bytes: u64 },
    /// None of it exists.
    Impossible,
}

impl Range {
    /// Reads the header, for a file of `total_bytes`.
    pub(super) fn parse(header: &str, total_bytes: u64) -> Self {
        let Some((first, last)) = header
            .trim()
            .strip_prefix("bytes=")
            .and_then(|range| range.split_once('-'))
        else {
            return Self::Whole;
        };
        let (first, last) = match (number(first), number(last)) {
            // The last so many bytes.
            (Number::None, Number::Some(suffix)) => (
                total_bytes.saturating_sub(suffix),
                if suffix == 0 { None } else { Some(u64::MAX) },
            ),
            (Number::Some(first), Number::None) => (first, Some(u64::MAX)),
            (Number::Some(first), Number::Some(last)) if first <= last => (first, Some(last)),
            _ => return Self::Whole,
        };
        match last {
            Some(last) if first < total_bytes => Self::Part {
                first,
                bytes: last.min(total_bytes - 1) - first + 1,
            },
            _ => Self::Impossible,
        }
    }
}

/// A number of a range, or its absence.
enum Number {
    None,
    Some(u64),
    Wrong,
}

fn number(text: &str) -> Number {
    match text {
        "" => Number::None,
        text if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().map_or(Number::Wrong, Number::Some),
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let part = |first, bytes| Range::Part { first, bytes };
        assert_eq!(Range::parse("bytes=0-0", 10), part(0, 1));
        assert_eq!(Range::parse("bytes=0-99", 10), part(0, 10));
        assert_eq!(Range::parse("bytes=-99", 10), part(0, 10));
        assert_eq!(Range::parse("bytes=-0", 10), Range::Impossible);
        assert_eq!(Range::parse("bytes=0-", 0), Range::Impossible);
        for ignored in [
            "bytes=5-4",
            "bytes=-",
            "bytes=a-b",
            "bytes=+1-2",
            "lines=1-2",
            "bytes=99999999999999999999-",
        ] {
            assert_eq!(Range::parse(ignored, 10), Range::Whole, "{ignored}");
        }
    }
}

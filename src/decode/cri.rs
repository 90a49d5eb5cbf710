//! Lines of a container's standard output as the kubelet's runtime keeps them: `<time> stdout P|F <content>`
//! (CRI logging: `P` a part, `F` the full line or its last part).

/// A line in CRI's format.
#[derive(Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) stream: &'a [u8],
    pub(super) is_partial: bool,
    pub(super) content: &'a [u8],
}

/// Reads the prefix of a line, if it has one.
pub(super) fn parse(line: &[u8]) -> Option<Line<'_>> {
    if !line.first()?.is_ascii_digit() {
        return None;
    }
    let mut words = line.splitn(4, |&b| b == b' ');
    let (time, stream, tags, content) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let is_time = time.len() >= 20 && time.get(10) == Some(&b'T');
    let is_stream = matches!(stream, b"stdout" | b"stderr");
    // Tags are a list with `:`; only the first is defined.
    let is_partial = match tags.split(|&b| b == b':').next()? {
        b"P" => true,
        b"F" => false,
        _ => return None,
    };
    (is_time && is_stream).then_some(Line { stream, is_partial, content })
}

/// Whether `line` is a part of a longer one that goes on in a later line. A block must not end after such a line.
#[must_use]
pub fn is_cri_partial(line: &[u8]) -> bool {
    parse(line).is_some_and(|line| line.is_partial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_and_full_lines_are_told_apart() {
        assert!(is_cri_partial(b"2026-11-24T22:00:00.123456789Z stdout P {\"kind\":"));
        assert!(!is_cri_partial(b"2026-11-24T22:00:00.123456789Z stdout F {\"kind\":"));
        assert_eq!(parse(b"2026-11-24T22:00:00.1+01:00 stderr P:x a b").map(|l| l.content), Some(&b"a b"[..]));
    }

    #[test]
    fn other_lines_are_not_cri() {
        for line in [
            "",
            "{\"kind\":\"Event\"}",
            "2026-11-24T22:00:00Z AUDIT: id=\"x\" y",
            "1 stdout F x",
            "2026-11-24T22:00:00Z stdout X y",
        ] {
            assert!(parse(line.as_bytes()).is_none(), "{line}");
        }
    }
}

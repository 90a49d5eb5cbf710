//! A record's value as lines, each a record of its own.

use memchr::memchr;

/// Appends a value to `lines`, ended by a newline.
///
/// JSON has no line ends inside of strings, so one value that is spread over lines stays the same with blanks in their
/// place. A value of several records, one a line, keeps its lines: then each of them begins an object, which is never
/// so if they are parts of one, for its last line is a closing brace or has a name before it. Lines that are no JSON are
/// kept as well.
pub(in crate::source) fn append(value: &[u8], lines: &mut Vec<u8>) {
    let begin = lines.len();
    lines.extend_from_slice(value.trim_ascii_end());
    if is_spread(&lines[begin..]) {
        lines[begin..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')).for_each(|byte| *byte = b' ');
    }
    if lines.len() > begin {
        lines.push(b'\n');
    }
}

/// Whether this is one JSON value on several lines.
fn is_spread(value: &[u8]) -> bool {
    memchr(b'\n', value).is_some()
        && matches!(value.trim_ascii_start().first(), Some(b'{' | b'['))
        && !value.split(|byte| *byte == b'\n').all(|line| matches!(line.trim_ascii_start().first(), None | Some(b'{')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(value: &str) -> String {
        let mut lines = Vec::new();
        append(value.as_bytes(), &mut lines);
        String::from_utf8(lines).expect("text")
    }

    #[test]
    fn one_value_on_several_lines_is_one_record() {
        for pretty in ["{\n  \"a\": [\n    {\n      \"b\": 1\n    }\n  ]\n}", "[\r\n{\"a\":1},\r\n{\"b\":2}\r\n]\n"] {
            let line = lines(pretty);
            assert_eq!(line.matches('\n').count(), 1, "{line:?}");
            let parsed = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
            assert_eq!(parsed(&line), parsed(pretty));
        }
    }

    #[test]
    fn several_records_one_a_line_stay_several() {
        assert_eq!(lines("{\"a\":1}\n{\"b\":2}"), "{\"a\":1}\n{\"b\":2}\n");
        assert_eq!(lines("2026 stdout F {}\n2026 stdout F {}\n"), "2026 stdout F {}\n2026 stdout F {}\n");
    }

    #[test]
    fn nothing_makes_no_line() {
        assert_eq!((lines(""), lines(" \n"), lines("{}")), (String::new(), String::new(), "{}\n".to_owned()));
    }
}

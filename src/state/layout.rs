//! How the file is laid out, so that it can be read and compared line by line: a mapping has a line for each key, a list
//! of records a line for each record, and a list of anything else one line.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// One mapping or list that is being written.
#[derive(Clone, Copy)]
enum Open {
    /// A line for each key, if there is any.
    Mapping { is_empty: bool },
    /// A mapping that stands in a list, on one line with all that is in it.
    Record,
    /// A list; whether any of its elements has a line of its own.
    List { of_records: bool },
}

/// A formatter with the state of what is being written.
#[derive(Default)]
pub(super) struct Layout {
    open: Vec<Open>,
}

impl Layout {
    /// Whether this is inside of a record.
    fn is_inline(&self) -> bool {
        self.open.iter().any(|open| matches!(open, Open::Record))
    }

    fn new_line<W: Write + ?Sized>(&self, out: &mut W) -> io::Result<()> {
        write!(out, "\n{:width$}", "", width = self.open.len())
    }
}

impl Formatter for Layout {
    fn begin_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        let inline = self.is_inline();
        let open = match self.open.last_mut() {
            Some(Open::List { of_records }) => {
                *of_records = true;
                Open::Record
            }
            _ => Open::Mapping { is_empty: true },
        };
        if !inline && matches!(open, Open::Record) {
            self.new_line(out)?;
        }
        self.open.push(open);
        out.write_all(b"{")
    }

    fn end_object<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        let inline = self.is_inline();
        let mapping = self.open.pop();
        if !inline && matches!(mapping, Some(Open::Mapping { is_empty: false })) {
            self.new_line(out)?;
        }
        out.write_all(b"}")
    }

    fn begin_object_key<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        if let Some(Open::Mapping { is_empty }) = self.open.last_mut() {
            *is_empty = false;
        }
        match (self.is_inline(), first) {
            (true, true) => Ok(()),
            (true, false) => out.write_all(b", "),
            (false, first) => {
                out.write_all(if first { b"" } else { b"," })?;
                self.new_line(out)
            }
        }
    }

    fn begin_object_value<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        out.write_all(b": ")
    }

    fn begin_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.open.push(Open::List { of_records: false });
        out.write_all(b"[")
    }

    fn end_array<W: Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        let inline = self.is_inline();
        let list = self.open.pop();
        if !inline && matches!(list, Some(Open::List { of_records: true })) {
            self.new_line(out)?;
        }
        out.write_all(b"]")
    }

    fn begin_array_value<W: Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        out.write_all(if first { b"" } else { b"," })
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::json;

    use super::*;

    #[test]
    fn records_have_a_line_each_and_hashes_share_one() {
        let value = json!({"a": {"b": [{"c": 1, "d": [{"e": 2}]}, {"c": [3, 4]}]}, "f": ["x", "y"], "g": [], "h": {}});
        let mut out = Vec::new();
        let mut serializer = serde_json::Serializer::with_formatter(&mut out, Layout::default());
        value.serialize(&mut serializer).expect("memory takes all");
        let expected = r#"{
 "a": {
  "b": [
   {"c": 1, "d": [{"e": 2}]},
   {"c": [3,4]}
  ]
 },
 "f": ["x","y"],
 "g": [],
 "h": {}
}"#;
        assert_eq!(String::from_utf8(out).expect("text"), expected);
    }
}

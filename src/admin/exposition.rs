//! The text format of Prometheus, version 0.0.4: families of samples, each with its help and its type.
//!
//! Written here because the client libraries for Rust either lack summaries or count in registries of their own, and what
//! is told is counted elsewhere already.

use std::fmt::{Display, Write as _};

/// What the body is.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Summary,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Summary => "summary",
        }
    }
}

/// A family of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) help: &'static str,
}

/// A page under construction.
#[derive(Default)]
pub(super) struct Exposition(String);

impl Exposition {
    /// The family that the samples below belong to.
    pub(super) fn family(&mut self, Metric { name, kind, help }: Metric) {
        self.put(format_args!("# HELP {name} {help}\n# TYPE {name} {}\n", kind.as_str()));
    }

    /// One sample; `suffix` is for the parts of a summary.
    pub(super) fn sample(&mut self, name: &str, suffix: &str, labels: &[(&str, &str)], value: impl Display) {
        self.put(format_args!("{name}{suffix}"));
        for (n, (label, value)) in labels.iter().enumerate() {
            let before = if n == 0 { '{' } else { ',' };
            self.put(format_args!("{before}{label}=\"{}\"", escaped(value)));
        }
        self.put(format_args!("{} {value}\n", if labels.is_empty() { "" } else { "}" }));
    }

    /// A family of one sample without labels.
    pub(super) fn single(&mut self, metric: Metric, value: impl Display) {
        self.family(metric);
        self.sample(metric.name, "", &[], value);
    }

    /// A family whose samples differ in one label.
    pub(super) fn each<L: AsRef<str>, V: Display>(
        &mut self,
        metric: Metric,
        label: &str,
        samples: impl IntoIterator<Item = (L, V)>,
    ) {
        self.family(metric);
        for (name, value) in samples {
            self.sample(metric.name, "", &[(label, name.as_ref())], value);
        }
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    fn put(&mut self, words: std::fmt::Arguments<'_>) {
        self.0.write_fmt(words).expect("a string takes all");
    }
}

/// A label's value: names of feeds and clusters come with records.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEED: Metric = Metric { name: "x_total", kind: Kind::Counter, help: "What is x." };

    #[test]
    fn labels_cannot_end_early_or_begin_a_line() {
        let mut page = Exposition::default();
        page.each(FEED, "feed", [("a\"} 1\nx_total{feed=\"b\\", 7)]);
        let expected = "# HELP x_total What is x.\n# TYPE x_total counter\n\
                        x_total{feed=\"a\\\"} 1\\nx_total{feed=\\\"b\\\\\"} 7\n";
        assert_eq!(page.into_text(), expected);
    }

    #[test]
    fn several_labels_stand_side_by_side_and_none_need_no_braces() {
        let mut page = Exposition::default();
        page.single(FEED, 1);
        page.sample("x_total", "_sum", &[("a", "1"), ("b", "2")], 0.5);
        assert!(page.into_text().ends_with("counter\nx_total 1\nx_total_sum{a=\"1\",b=\"2\"} 0.5\n"));
    }
}

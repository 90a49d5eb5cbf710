//! Why a detector spoke: numbers inside, the sentence rendered from them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Literal;
use super::literal::literal;
use crate::event::Span;
use crate::text::Text;

/// What the verdict on a token rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Grade {
    /// By address and user agent alone.
    Address,
    /// By the pod and node that the token is bound to.
    Pod,
    /// By the credential's own id (1.30 and later).
    Credential,
}

/// How much of an account's past a statement rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Requests the account had made before.
    pub requests: u64,
    /// From the account's first request to this one.
    pub age: Span,
    /// Distinct values known before, of what is compared.
    pub known: u32,
}

/// How many of those like this account do the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peers {
    /// Peers that do it.
    pub doing: u32,
    /// All peers.
    pub of: u32,
}

/// Why a detector spoke: structured, so that formats and pages can show the numbers; `Display` is the sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// What was compared: `action`, `namespace`, `source`, `token address`…
    #[serde(deserialize_with = "literal")]
    pub parameter: Literal,
    /// What is wrong with it: `new action`, `second address for one token`…
    #[serde(deserialize_with = "literal")]
    pub finding: Literal,
    /// The value that was seen.
    pub observed: Text,
    /// The values it was expected among, best first, a few.
    pub expected: Vec<Text>,
    /// How often in this incident.
    pub count: u64,
    /// How many there were, for a finding that is a number.
    pub measure: Option<u64>,
    /// What it is compared with.
    pub history: Option<History>,
    /// What others like it do.
    pub peers: Option<Peers>,
    /// What the statement rests on, for those about a credential.
    pub grade: Option<Grade>,
}

impl Reason {
    /// A finding about a value of what is compared; nothing more is known of it.
    #[must_use]
    pub const fn new(parameter: &'static str, finding: &'static str, observed: Text) -> Self {
        Self {
            parameter,
            finding,
            observed,
            expected: Vec::new(),
            count: 1,
            measure: None,
            history: None,
            peers: None,
            grade: None,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.finding, Quoted(&self.observed))?;
        if let Some(measure) = self.measure {
            write!(f, ": {}", Thousands(measure))?;
        }
        if self.count > 1 {
            write!(f, " (×{})", self.count)?;
        }
        if let [first, rest @ ..] = &*self.expected {
            write!(f, "; expected {}", Quoted(first))?;
            for text in rest {
                write!(f, ", {}", Quoted(text))?;
            }
        }
        if let Some(History { requests, age, known }) = self.history {
            write!(f, "; {known} known in {age} and {} requests", Thousands(requests))?;
        }
        if let Some(Peers { doing, of }) = self.peers {
            write!(f, "; {doing} of {of} peers do this")?;
        }
        match self.grade {
            Some(Grade::Address) => f.write_str("; by address alone"),
            Some(Grade::Pod) => f.write_str("; by pod and node, without a credential id"),
            Some(Grade::Credential) | None => Ok(()),
        }
    }
}

/// An event's text inside a sentence: quoted, so that it cannot pass for the sentence.
struct Quoted<'a>(&'a Text);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.as_str().replace('"', "'"))
    }
}

/// A count with thousands separators: `48,210`.
pub struct Thousands(pub u64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        let mut out = String::with_capacity(digits.len() + digits.len() / 3);
        for (n, digit) in digits.chars().enumerate() {
            if n > 0 && (digits.len() - n).is_multiple_of(3) {
                out.push(',');
            }
            out.push(digit);
        }
        f.pad(&out)
    }
}

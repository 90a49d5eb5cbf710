//! What an analyst's word on an incident would teach.

use std::borrow::Cow;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What an analyst says of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feedback {
    /// Nothing is wrong with it: what was new is normal from now on.
    Benign,
    /// It was an attack: what was new must never become normal by being seen often.
    Malicious,
}

/// One thing that was new in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lesson {
    /// A value that was new for a principal.
    Value {
        /// The username.
        principal: Box<str>,
        /// The facet, by its word.
        facet: Cow<'static, str>,
        /// The value.
        hash: u64,
        /// The value as it is shown, raw.
        shown: Box<str>,
    },
    /// An address that a credential was not normally used from.
    Address {
        /// The credential's id.
        credential: Box<str>,
        /// The address.
        ip: IpAddr,
    },
    /// A client that a credential was not normally used with.
    Client {
        /// The credential's id.
        credential: Box<str>,
        /// The client's family, as a hash.
        client: u64,
    },
    /// A credential whose issue was unusual.
    Issue {
        /// The credential's id.
        credential: Box<str>,
    },
}

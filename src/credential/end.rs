//! How a credential ends: it expires, or the API server refuses it.

use std::net::IpAddr;

use super::{Credentials, HOLD, Life};
use crate::event::{Body, Event, Outcome, Span, Timestamp};

/// How long after its end a token may still be let in: the API server grants a minute, remembers a success for ten
/// seconds, and the clocks of several are not one.
const LEEWAY: Span = Span::minutes(5);

/// A 401 at an address from which a credential had just been used. It names nobody: which credential it was about is a
/// conclusion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When.
    pub at: Timestamp,
    /// Where from.
    pub ip: IpAddr,
}

impl Life {
    /// When it expired, if `event` was sent with it clearly after that. The API server goes on to take a token that it
    /// made to outlive what was asked for, and says so: that one is only stale.
    #[must_use]
    pub fn ended(&self, event: &Event<'_>) -> Option<Timestamp> {
        self.expires.filter(|&end| event.received.since(end) > LEEWAY && !event.facts.stale_token)
    }

    /// The refusal that ended it: none if it was used after that.
    #[must_use]
    pub fn final_refusal(&self) -> Option<Refusal> {
        self.refused.as_deref().copied().filter(|refusal| refusal.at >= self.last)
    }
}

impl Credentials {
    /// Takes a 401 for the refusal of the credential that came last to its address, if that was used there just before.
    /// Later ones say the same again.
    pub fn refuse(&mut self, event: &Event<'_>) {
        let Some(ip) = event.source_ip.filter(|_| event.outcome == Outcome::Unauthenticated) else { return };
        let Some(&id) = self.callers.get(&ip) else { return };
        let Some(life) = self.lives.find_mut(id, |life| life.key == id) else { return };
        let used = life.uses.iter().find(|used| used.ip == ip);
        if used.is_some_and(|used| event.at.since(used.last) <= HOLD) && life.final_refusal().is_none() {
            life.refused = Some(Box::new(Refusal { at: event.at, ip }));
        }
    }

    /// Notes that a credential came to an address.
    pub(super) fn call(&mut self, ip: IpAddr, id: u64, at: Timestamp) {
        if self.callers.len() >= self.capacity && !self.callers.contains_key(&ip) {
            let lives = &self.lives;
            let is_recent = |id: u64| lives.find(id, |life| life.key == id).is_some_and(|l| at.since(l.last) <= HOLD);
            self.callers.retain(|_, id| is_recent(*id));
            if self.callers.len() >= self.capacity {
                return;
            }
        }
        self.callers.insert(ip, id);
    }
}

/// When the token that `event` issued expires, if its body was logged.
pub(super) fn expiry(event: &Event<'_>) -> Option<Timestamp> {
    match event.facts.body.as_deref()? {
        Body::Token(token) => Some(token.expiry(event.at)),
        _ => None,
    }
}

//! Where a cluster's service accounts come from: the networks of its pods, learned, never configured.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::alert::Bits;
use crate::event::{Event, Principal, Span, Timestamp};

/// How long after a node joined a new network is that node's, for all that can be seen.
const SETTLING: Span = Span::hours(1);

/// Bits that remain of a new network while a node settles in.
const SETTLING_BITS: f32 = 1.0;

/// Networks that are remembered, at most; a cluster of 5,000 nodes has as many pod networks.
const MAX_NETWORKS: usize = 65_536;

/// The network of an address: a node's share of the pods' addresses is a /24 by default (`--node-cidr-mask-size`), and
/// a /64 of IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network(u128);

impl Network {
    /// The network that `ip` lies in.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self(u128::from(v4.to_bits() >> 8)),
            IpAddr::V6(v6) => Self(v6.to_bits() >> 64 | 1 << 127),
        }
    }
}

/// What is known of the cluster's addresses.
#[derive(Debug, Default)]
pub struct Addresses {
    /// Networks, with how many times an account came from there that had not before.
    networks: HashMap<Network, u32, foldhash::fast::FixedState>,
    arrivals: u32,
    once: u32,
    /// When a kubelet was last seen for the first time.
    node_joined: Timestamp,
    /// Kubelets that joined and whose pods' network has not been seen yet.
    awaited: u32,
}

impl Addresses {
    /// How surprising the network of `ip` is for a service account; none if some account came from it before.
    ///
    /// Good and Turing's estimate over arrivals; a node that has just joined brings one network.
    #[must_use]
    pub fn surprise(&self, ip: IpAddr, at: Timestamp) -> Option<Bits> {
        if self.networks.contains_key(&Network::of(ip)) {
            return None;
        }
        if self.awaited > 0 && at.since(self.node_joined) <= SETTLING {
            return Some(Bits(SETTLING_BITS));
        }
        #[expect(clippy::cast_precision_loss, reason = "a probability needs no more than 24 bits")]
        let probability = (self.once as f32 + 0.5) / (self.arrivals as f32 + 1.0);
        Some(Bits(-probability.min(1.0).log2()))
    }

    /// Learns that an account came from an address that is new for it.
    pub fn arrive(&mut self, event: &Event<'_>) {
        let (Some(ip), Principal::ServiceAccount { .. }) = (event.source_ip, event.principal()) else { return };
        let network = Network::of(ip);
        self.arrivals += 1;
        if let Some(count) = self.networks.get_mut(&network) {
            self.once -= u32::from(*count == 1);
            *count += 1;
        } else if self.networks.len() < MAX_NETWORKS {
            self.networks.insert(network, 1);
            self.once += 1;
            self.awaited = self.awaited.saturating_sub(1);
        }
    }

    /// Learns that a kubelet was seen for the first time.
    pub fn join(&mut self, at: Timestamp) {
        self.node_joined = at;
        self.awaited += 1;
    }
}

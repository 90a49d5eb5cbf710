//! Where a cluster's service accounts come from: the networks of its pods, learned, never configured.

use std::collections::HashMap;
use std::fmt;
use std::net::{AddrParseError, IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

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
    const V6: u128 = 1 << 127;

    /// The network that `ip` lies in.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(v4) => Self(u128::from(v4.to_bits() >> 8)),
            IpAddr::V6(v6) => Self(v6.to_bits() >> 64 | Self::V6),
        }
    }
}

impl fmt::Display for Network {
    /// `10.1.2.0/24`, `fd00:0:0:1::/64`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match u32::try_from(self.0) {
            Ok(v4) => write!(f, "{}/24", Ipv4Addr::from_bits(v4 << 8)),
            Err(_) => write!(f, "{}/64", Ipv6Addr::from_bits(self.0 << 64)),
        }
    }
}

impl FromStr for Network {
    type Err = AddrParseError;

    /// Reads an address of the network; the length of its prefix, which is always the same, may stand behind it.
    fn from_str(text: &str) -> Result<Self, AddrParseError> {
        let address = text.strip_suffix("/24").or(text.strip_suffix("/64")).unwrap_or(text);
        address.parse().map(Self::of)
    }
}

/// What is known of the cluster's addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    networks: HashMap<Network, u32, foldhash::fast::FixedState>,
    arrivals: u32,
    once: u32,
    node_joined: Timestamp,
    awaited: u32,
}

/// What is known of addresses, as plain numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Networks in their order, with how many times an account came from there that had not before.
    pub networks: Vec<(Network, u32)>,
    /// All these times, those from networks that are not remembered included.
    pub arrivals: u32,
    /// When a kubelet was last seen for the first time.
    pub node_joined: Timestamp,
    /// Kubelets that joined and whose pods' network has not been seen yet.
    pub awaited: u32,
}

impl Addresses {
    /// What is to be kept.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let mut networks: Vec<(Network, u32)> = self.networks.iter().map(|(&network, &n)| (network, n)).collect();
        networks.sort_unstable();
        Snapshot { networks, arrivals: self.arrivals, node_joined: self.node_joined, awaited: self.awaited }
    }

    /// What `kept` was taken of.
    #[must_use]
    pub fn restore(kept: Snapshot) -> Self {
        let Snapshot { networks, arrivals, node_joined, awaited } = kept;
        let networks: HashMap<Network, u32, _> = networks.into_iter().take(MAX_NETWORKS).collect();
        let once = networks.values().map(|&n| u32::from(n == 1)).sum();
        Self { networks, arrivals, once, node_joined, awaited }
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{START, event};

    fn cluster() -> Addresses {
        let mut addresses = Addresses::default();
        for n in 0..100 {
            addresses.arrive(&event().from(&format!("10.1.{}.{n}", n % 4)));
        }
        addresses
    }

    #[test]
    fn a_network_that_pods_come_from_surprises_nobody() {
        assert_eq!(cluster().surprise("10.1.3.200".parse().unwrap(), START), None);
    }

    #[test]
    fn a_network_that_nobody_came_from_does() {
        assert!(cluster().surprise("203.0.113.9".parse().unwrap(), START).unwrap().0 > 6.0);
    }

    #[test]
    fn a_network_is_read_as_it_is_shown() {
        for (ip, shown) in [("10.1.2.3", "10.1.2.0/24"), ("fd00:0:0:1::5", "fd00:0:0:1::/64"), ("::1", "::/64")] {
            let network = Network::of(ip.parse().unwrap());
            assert_eq!(network.to_string(), shown);
            assert_eq!(shown.parse(), Ok(network));
        }
        assert!("10.1.2".parse::<Network>().is_err());
    }

    #[test]
    fn addresses_that_were_kept_are_the_same() {
        let mut addresses = cluster();
        addresses.join(START);
        addresses.arrive(&event().from("10.9.0.1"));
        assert_eq!(Addresses::restore(addresses.snapshot()), addresses);
    }

    #[test]
    fn a_node_that_joins_brings_one_network() {
        let mut addresses = cluster();
        addresses.join(START);
        assert!(addresses.surprise("10.1.9.1".parse().unwrap(), START).unwrap().0 <= SETTLING_BITS);
        addresses.arrive(&event().from("10.1.9.1"));
        assert!(addresses.surprise("203.0.113.9".parse().unwrap(), START).unwrap().0 > 5.0);
    }
}

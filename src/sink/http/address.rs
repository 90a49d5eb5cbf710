//! Where nothing may be sent.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Services of cloud providers that hand credentials to whoever asks from the machine, outside of the link-local
/// ranges: Alibaba Cloud, Azure, Oracle Cloud; AWS and Google Cloud by IPv6.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// Whether it is link-local, where most metadata services are, or another metadata service. Loopback and private
/// addresses are where receivers live.
pub(super) fn is_forbidden(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_link_local() || METADATA_V4.contains(&ip),
        IpAddr::V6(ip) => {
            ip.is_unicast_link_local() || METADATA_V6.contains(&ip) || translated(ip).is_some_and(is_forbidden)
        }
    }
}

/// The address behind a NAT64 gateway (RFC 6052's well-known prefix).
fn translated(ip: Ipv6Addr) -> Option<IpAddr> {
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = ip.segments() else { return None };
    Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)).into())
}

pub(super) fn forbidden(address: &str) -> String {
    format!("{address} is link-local or a cloud's metadata service, to which nothing is sent; use another address")
}

/// What a name stands for, without what is forbidden; an error if nothing is left.
pub(super) fn allowed(found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, String> {
    let (not, allowed): (Vec<_>, Vec<_>) = found.partition(|address| is_forbidden(address.ip()));
    match (not.first(), allowed.is_empty()) {
        (Some(address), true) => Err(forbidden(&address.ip().to_string())),
        _ => Ok(allowed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_services_are_forbidden_however_they_are_written() {
        let not = ["169.254.169.254", "169.254.0.1", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe"];
        for address in not.into_iter().chain(["fd00:ec2::254", "100.100.100.200", "168.63.129.16"]) {
            assert!(is_forbidden(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn receivers_on_this_machine_in_the_cluster_and_outside_are_not() {
        for address in ["127.0.0.1", "::1", "10.96.0.10", "192.168.1.1", "fd00::1", "203.0.113.7", "64:ff9b::a00:1"] {
            assert!(!is_forbidden(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn of_a_name_only_what_is_allowed_is_left() {
        let at = |address: &str| SocketAddr::new(address.parse().expect("an address"), 80);
        assert_eq!(allowed([at("fe80::1"), at("10.0.0.1")].into_iter()), Ok(vec![at("10.0.0.1")]));
        assert!(allowed([at("169.254.169.254")].into_iter()).is_err());
        assert_eq!(allowed([].into_iter()), Ok(vec![]));
    }
}

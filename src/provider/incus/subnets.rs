//! A free subnet for a network that is drawn without one: always the same for the same lab and network, and none that
//! something has already. Pure.

use super::names;
use crate::plan::LabId;
use ipnet::Ipv4Net;
use std::net::Ipv4Addr;

/// Subnets are taken from 10.192.0.0/10: private (RFC 1918), and away from where people begin to count.
const FIRST: u32 = 0x0ac0_0000;
/// How many networks of 256 addresses that holds.
const COUNT: u32 = 1 << 14;

/// A subnet of 256 addresses that overlaps with none of these; `None` where all are taken.
pub(super) fn free(lab: &LabId, network: &str, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let start = u32::try_from(names::hash(&[lab.as_str(), "subnet", network]) >> 48).unwrap_or_default();
    (0..COUNT)
        .map(|step| Ipv4Addr::from(FIRST + ((start + step) % COUNT) * 256))
        .filter_map(|address| Ipv4Net::new(address, 24).ok())
        .find(|subnet| taken.iter().all(|other| !overlap(subnet, other)))
}

/// Whether two subnets have an address in common.
pub(super) fn overlap(one: &Ipv4Net, other: &Ipv4Net) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

/// The first address of a subnet: the daemon's own on it.
pub(super) fn first_address(subnet: Ipv4Net) -> Ipv4Addr {
    subnet.hosts().next().unwrap_or_else(|| subnet.addr())
}

/// The subnets in the kernel's table of routes (`/proc/net/route`): where this machine already gets to by itself.
pub(super) fn routed(table: &str) -> Vec<Ipv4Net> {
    let lines = table.lines().skip(1);
    lines
        .filter_map(|line| {
            let mut fields = line.split_whitespace().skip(1);
            let number = |text: Option<&str>| u32::from_str_radix(text?, 16).ok().map(u32::swap_bytes);
            let to = number(fields.next())?;
            let mask = number(fields.nth(5))?;
            // The way to everywhere else leads to no subnet.
            if mask == 0 { None } else { Ipv4Net::with_netmask(to.into(), mask.into()).ok() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_same_network_gets_the_same_subnet_until_it_is_taken() {
        let lab = LabId::of_file(Path::new("/a/lab.ron"));
        let first = free(&lab, "internet", &[]).unwrap();
        assert_eq!(free(&lab, "internet", &[]), Some(first));
        assert_ne!(free(&lab, "other", &[]), Some(first));
        let second = free(&lab, "internet", &[Ipv4Net::new(first.network(), 20).unwrap()]).unwrap();
        assert!(!overlap(&first, &second));
        assert_eq!(free(&lab, "internet", &["10.0.0.0/8".parse().unwrap()]), None);
    }

    #[test]
    fn routes_are_read() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
                     eth0\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
                     eth0\t0000A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
        assert_eq!(routed(table), ["192.168.0.0/24".parse::<Ipv4Net>().unwrap()]);
        assert!(routed("").is_empty() && routed("x\ny z").is_empty());
    }

    #[test]
    fn the_first_address_is_the_daemons() {
        assert_eq!(first_address("192.168.50.0/24".parse().unwrap()), Ipv4Addr::new(192, 168, 50, 1));
    }
}

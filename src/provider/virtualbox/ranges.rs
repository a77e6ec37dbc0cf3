//! Which addresses VirtualBox allows on host-only networks: `/etc/vbox/networks.conf`. Pure.
//!
//! Since 6.1.28 VirtualBox takes 192.168.56.0/21 only, unless that file says more; a file that says anything replaces that
//! default, so the line that is missing must name it as well.

use super::{find::System, version::Version};
use ipnet::Ipv4Net;

/// Whether VirtualBox has such a bound: on Linux since 6.1.28, on macOS until 6.1. On Windows, and on macOS since 7.0, host-only networks
/// may have any addresses.
pub fn applies(system: System, version: Version) -> bool {
    match system {
        System::Linux => true,
        System::MacOs => !version.has_host_only_networks(),
        System::Windows => false,
    }
}

/// Where the file is.
pub const FILE: &str = "/etc/vbox/networks.conf";

/// What is allowed where the file says nothing.
fn by_default() -> Ipv4Net {
    Ipv4Net::new_assert(std::net::Ipv4Addr::new(192, 168, 56, 0), 21)
}

/// The ranges that a file allows: lines of a star and ranges. Ranges of IPv6 and other lines are passed over.
pub fn allowed(file: &str) -> Vec<Ipv4Net> {
    let lines = file.lines().filter_map(|line| line.trim().strip_prefix('*'));
    let said: Vec<Ipv4Net> = lines.flat_map(str::split_whitespace).filter_map(|range| range.parse().ok()).collect();
    if said.is_empty() { vec![by_default()] } else { said }
}

/// The lines to add to a file so that these subnets are allowed; `None` where they are.
pub fn missing_line(file: &str, subnets: &[Ipv4Net]) -> Option<String> {
    let allowed = allowed(file);
    let mut wanted: Vec<String> = Vec::new();
    for subnet in subnets.iter().map(Ipv4Net::trunc).filter(|subnet| !allowed.iter().any(|range| range.contains(subnet))) {
        let text = subnet.to_string();
        if !wanted.contains(&text) {
            wanted.push(text);
        }
    }
    if wanted.is_empty() {
        return None;
    }
    let says_nothing = allowed == [by_default()] && !file.lines().any(|line| line.trim().starts_with('*'));
    let default = says_nothing.then(|| by_default().to_string());
    Some(format!("* {}", default.into_iter().chain(wanted).collect::<Vec<_>>().join(" ")))
}

/// The command that adds a line.
pub fn command(line: &str) -> String {
    format!("sudo mkdir -p /etc/vbox && echo '{line}' | sudo tee -a {FILE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<Ipv4Net> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn systems_differ() {
        let version = |text| Version::parse(text).unwrap();
        assert!(applies(System::Linux, version("7.2.22")) && applies(System::MacOs, version("6.1.50")));
        assert!(!applies(System::MacOs, version("7.0.0")) && !applies(System::Windows, version("6.1.50")));
    }

    #[test]
    fn a_file_that_says_nothing_allows_the_default() {
        for file in ["", "# * 10.0.0.0/8\n", "* fe80::/10\n"] {
            assert_eq!(allowed(file), nets(&["192.168.56.0/21"]), "{file:?}");
        }
        assert_eq!(
            allowed(" * 10.0.0.0/8 192.168.0.0/16\n* 172.16.0.0/12 # x\n"),
            nets(&["10.0.0.0/8", "192.168.0.0/16", "172.16.0.0/12"])
        );
        assert_eq!(allowed("* nonsense 10.0.0.0/8"), nets(&["10.0.0.0/8"]));
    }

    #[test]
    fn the_line_keeps_what_was_allowed_by_default() {
        let wanted = nets(&["192.168.50.0/24", "192.168.56.7/24", "192.168.50.1/24"]);
        assert_eq!(missing_line("", &wanted).as_deref(), Some("* 192.168.56.0/21 192.168.50.0/24"));
        assert_eq!(missing_line("* 10.0.0.0/8\n", &wanted).as_deref(), Some("* 192.168.50.0/24 192.168.56.0/24"));
        assert_eq!(missing_line("* 192.168.0.0/16\n", &wanted), None);
        assert_eq!(missing_line("", &nets(&["192.168.63.0/24"])), None);
        assert!(command("* 10.0.0.0/8").contains("tee -a /etc/vbox/networks.conf"));
    }
}

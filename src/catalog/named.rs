//! What the texts of settings stand for: the forms that they take, the things of the lab that they name, and how they follow
//! when such a thing gets another name.
//!
//! Whether what they name exists is asked of the lab: nothing here looks it up.

use super::{
    Behaviour, Catalog, Entry, Setting,
    judge::{QUOTED_CHARS_MAX, texts},
};
use crate::model::{Edit, Lab, Link, ListEdit, NodeName, Path, Service, ServiceName, ServiceRef, Value, Vip, shortened};
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use std::{fmt, net::Ipv4Addr, str::FromStr};

/// What the text of a setting stands for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// Nothing that Sandtable knows of.
    #[default]
    Anything,
    /// A folder of the node that is written, mounted over or handed out, as root.
    Folder,
    /// A folder of the node that is only read.
    Source,
    /// A service of the lab, `NODE/SERVICE`; empty for none.
    Service,
    /// A node of the lab; empty for none.
    Node,
    /// A port and the service that it leads to, `PORT:NODE/SERVICE`.
    ForwardRule,
    /// A host and a port of it, `HOST:PORT`: a node or a VIP of the lab, an address, or a name beyond the lab; empty for none.
    HostPort,
    /// A subnet of a network of the lab.
    Subnet,
    /// Who may come: a subnet, an address, a node of the lab, or `*` for everyone.
    Client,
    /// The path of a URL; empty for none.
    UrlPath,
    /// The name of a domain.
    Domain,
    /// The name of an entry of a directory.
    DirectoryName,
    /// When something is done, as systemd.time(7) writes it.
    Calendar,
}

/// What a setting's text names in the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A node.
    Node(NodeName),
    /// A service.
    Service(ServiceRef),
    /// A node or a VIP by its host name; a name with a dot may be one beyond the lab.
    Host(String),
    /// A network, by its subnet.
    Subnet(Ipv4Net),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => fmt::Display::fmt(node, f),
            Self::Service(at) => fmt::Display::fmt(at, f),
            Self::Host(host) => f.write_str(host),
            Self::Subnet(subnet) => fmt::Display::fmt(subnet, f),
        }
    }
}

impl Named {
    /// What it is called after an edit that gives something another name; `None` where that is not what it names.
    fn renamed(self, edit: &Edit) -> Option<Self> {
        match (self, edit) {
            (Self::Node(node), Edit::RenameNode { from, to }) if node == *from => Some(Self::Node(to.clone())),
            (Self::Host(host), Edit::RenameNode { from, to }) if host == from.as_str() => Some(Self::Host(to.to_string())),
            (Self::Host(host), Edit::RenameVip { from, to }) if host == from.as_str() => Some(Self::Host(to.to_string())),
            (Self::Service(at), Edit::RenameNode { from, to }) if at.node == *from => {
                Some(Self::Service(ServiceRef { node: to.clone(), ..at }))
            }
            (Self::Service(at), Edit::RenameService { node, from, to }) if at.node == *node && at.service == *from => {
                Some(Self::Service(ServiceRef { service: to.clone(), ..at }))
            }
            _ => None,
        }
    }
}

/// A text of a setting that names something of the lab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The setting.
    pub setting: &'a Setting,
    /// The text.
    pub text: &'a str,
    /// What it names.
    pub named: Named,
    /// The place of the text in its list; `None`: it is all of the value.
    item: Option<usize>,
}

impl Reference<'_> {
    /// Where it stands in its service.
    pub fn path(&self) -> Path {
        self.setting.path(self.item)
    }

    /// The text with another name in it.
    pub fn naming(&self, name: &str) -> String {
        self.setting.holds.naming(self.text, name)
    }

    /// Puts it into its service with another name.
    pub fn put(&self, service: &mut Service, name: &str) {
        let to = self.naming(name);
        match (service.settings.get_mut(&self.setting.name), self.item) {
            (Some(Value::Text(text)), None) => *text = to,
            (Some(Value::List(texts)), Some(place)) => {
                if let Some(text) = texts.get_mut(place) {
                    *text = to;
                }
            }
            _ => {}
        }
    }
}

impl Entry {
    /// The texts of a service of this kind that name something of the lab, the catalog's own left out.
    pub fn named<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = Reference<'a>> {
        let holding = self.settings.iter().filter(|setting| setting.holds.names());
        let valued = holding.filter_map(|setting| Some((setting, service.settings.get(&setting.name)?)));
        valued.flat_map(|(setting, value)| {
            let is_list = matches!(value, Value::List(_));
            texts(value).iter().enumerate().filter_map(move |(place, text)| {
                Some(Reference { setting, text, named: setting.holds.named(text)?, item: is_list.then_some(place) })
            })
        })
    }
}

impl Catalog {
    /// The edits that give a thing of a lab another name everywhere. `model` lets typed references follow; this adds the settings,
    /// which only the catalog can tell from other texts, and the names by which VIPs and links know a service, where nothing
    /// else is called so there. `naming` are the services whose settings may name it.
    pub fn renaming<'a>(
        &self,
        lab: &Lab,
        naming: impl Iterator<Item = (&'a NodeName, &'a ServiceName, &'a Service)>,
        edit: Edit,
    ) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (node, name, service) in naming.filter(|(_, _, service)| !service.settings.is_empty()) {
            let Some(entry) = self.of(service) else { continue };
            let mut to = service.clone();
            for reference in entry.named(service) {
                if let Some(named) = reference.named.clone().renamed(&edit) {
                    reference.put(&mut to, &named.to_string());
                }
            }
            if to != *service {
                edits.push(Edit::Service { node: node.clone(), name: name.clone(), at: None, to: Some(Box::new(to)) });
            }
        }
        if let Edit::RenameService { node, from, to } = &edit {
            let has = |other: &NodeName| other != node && lab.nodes.get(other).is_some_and(|node| node.services.contains_key(from));
            for (name, vip) in lab.vips.iter().filter(|(_, vip)| vip.follows.as_ref() == Some(from)) {
                let mut holders = vip.holders.iter().map(|holder| &holder.node);
                if holders.clone().any(|holder| holder == node) && !holders.any(has) {
                    let vip = Vip { follows: Some(to.clone()), ..vip.clone() };
                    edits.push(Edit::Vip { name: name.clone(), at: None, to: Some(vip) });
                }
            }
            for (index, link) in lab.links.iter().enumerate().filter(|(_, link)| link.tunnel.as_ref() == Some(from)) {
                let sites = [&link.between.0, &link.between.1];
                let mut gateways = sites.into_iter().filter_map(|site| lab.sites.get(site)).flat_map(|site| &site.gateways);
                if gateways.clone().any(|gateway| gateway == node) && !gateways.any(has) {
                    let link = Link { tunnel: Some(to.clone()), ..link.clone() };
                    edits.push(Edit::Link { index, change: ListEdit::Replace(link) });
                }
            }
        }
        edits.push(edit);
        edits
    }

    /// The rules of a port forward; none for any other service.
    pub fn forward_rules<'a>(&'a self, service: &'a Service) -> impl Iterator<Item = ForwardRule> + use<'a> {
        let entry = self.of(service).filter(|entry| entry.behaviour == Behaviour::PortForward);
        let holding = entry.into_iter().flat_map(|entry| entry.settings.iter().map(move |setting| (entry, setting)));
        let rules = holding.filter(|(_, setting)| setting.holds == Holds::ForwardRule);
        let values = rules.filter_map(|(entry, setting)| entry.value(service, &setting.name));
        values.flat_map(texts).filter_map(|rule| rule.parse().ok())
    }
}

impl Holds {
    /// Whether its texts name things of the lab.
    pub fn names(self) -> bool {
        matches!(self, Self::Service | Self::Node | Self::ForwardRule | Self::Client | Self::HostPort | Self::Subnet)
    }

    /// What a text names in the lab; `None` for one that names nothing or does not fit.
    fn named(self, text: &str) -> Option<Named> {
        match self {
            Self::Service => text.parse().ok().map(Named::Service),
            Self::ForwardRule => text.parse().ok().map(|rule: ForwardRule| Named::Service(rule.to)),
            Self::Node => text.parse().ok().map(Named::Node),
            Self::Client if is_client(text) => None,
            Self::Client => text.parse().ok().map(Named::Node),
            Self::Subnet => text.parse().ok().map(Named::Subnet),
            Self::HostPort => {
                let (host, _) = host_port(text)?;
                (host.parse::<Ipv4Addr>().is_err() && !host.eq_ignore_ascii_case("localhost")).then(|| Named::Host(host.to_owned()))
            }
            Self::Anything | Self::Folder | Self::Source | Self::UrlPath | Self::Domain | Self::DirectoryName | Self::Calendar => None,
        }
    }

    /// A text that names something by another name.
    fn naming(self, text: &str, name: &str) -> String {
        match (self, text.split_once(':')) {
            (Self::ForwardRule, Some((port, _))) => format!("{port}:{name}"),
            (Self::HostPort, Some((_, port))) => format!("{name}:{port}"),
            _ => name.to_owned(),
        }
    }

    /// What it takes, where a text does not fit; `None` for one that does.
    pub(super) fn refuses(self, text: &str) -> Option<&'static str> {
        let or_empty = |fits: bool| text.is_empty() || fits;
        let (fits, takes) = match self {
            Self::Anything => return None,
            Self::Folder | Self::Source => (is_folder(text), "the path of a folder, such as \"/srv/files\""),
            Self::Service => (or_empty(text.parse::<ServiceRef>().is_ok()), "NODE/SERVICE, such as \"app1/web\""),
            Self::Node => (or_empty(text.parse::<NodeName>().is_ok()), "the name of a node"),
            Self::ForwardRule => (text.parse::<ForwardRule>().is_ok(), "PORT:NODE/SERVICE, such as \"8080:app1/web\""),
            Self::HostPort => (or_empty(host_port(text).is_some()), "HOST:PORT, such as \"app1:80\""),
            Self::Subnet => (text.parse::<Ipv4Net>().is_ok(), "subnets, such as \"10.1.0.0/24\""),
            Self::Client => (self.named(text).is_some() || is_client(text), "subnets, addresses, names of nodes, or \"*\" for everyone"),
            Self::UrlPath => (or_empty(is_url_path(text)), "a path from the root, such as \"/admin\""),
            Self::Domain => (is_domain(text), "the name of a domain, such as \"lab.test\""),
            Self::DirectoryName => (is_directory_name(text), "the name of an entry, such as \"dc=lab,dc=test\""),
            Self::Calendar => (is_calendar(text), "times as systemd.time(7) writes them, such as \"daily\" or \"*-*-* 02:00:00\""),
        };
        (!fits).then_some(takes)
    }
}

fn is_client(text: &str) -> bool {
    text == "*" || text.parse::<Ipv4Net>().is_ok() || text.parse::<Ipv4Addr>().is_ok()
}

/// Whether a text is a path from the root of a node, without steps back.
fn is_folder(text: &str) -> bool {
    text.starts_with('/') && !text.split('/').any(|part| part == "..") && !text.chars().any(char::is_control)
}

/// Whether a text is the path of a URL, in characters that need no quoting there (RFC 3986, section 3.3).
fn is_url_path(text: &str) -> bool {
    text.starts_with('/') && text.bytes().all(|letter| letter.is_ascii_alphanumeric() || b"/-._~!$&'()*+,;=:@%".contains(&letter))
}

/// Whether a text is labels of letters, digits and hyphens with dots between (RFC 1123, section 2.1).
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_letter = |letter: u8| letter.is_ascii_alphanumeric() || letter == b'-';
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.bytes().all(is_letter)
    };
    text.split('.').all(is_label)
}

/// Whether a text is a distinguished name: attributes with their values, with commas between (RFC 4514).
fn is_directory_name(text: &str) -> bool {
    let is_attribute = |part: &str| {
        part.split_once('=')
            .is_some_and(|(name, value)| !value.trim().is_empty() && name.trim().starts_with(|letter: char| letter.is_ascii_alphabetic()))
    };
    text.split(',').all(is_attribute)
}

/// Whether a text may be a calendar event (systemd.time(7)): a word for one, or weekdays, a date, a time and a time zone, of which
/// one says when. systemd says itself what is wrong in one of these.
fn is_calendar(text: &str) -> bool {
    const WORDS: [&str; 9] = ["minutely", "hourly", "daily", "monthly", "weekly", "yearly", "annually", "quarterly", "semiannually"];
    const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let lower = text.to_ascii_lowercase();
    if WORDS.contains(&lower.as_str()) {
        return true;
    }
    let is_day = |word: &str| word.len() >= 3 && DAYS.iter().any(|day| day.starts_with(word) && (word.len() == 3 || word == *day));
    let is_days = |part: &str| part.split([',', '-', '.']).filter(|word| !word.is_empty()).all(is_day);
    let is_when = |part: &str| {
        part.contains(|letter: char| letter.is_ascii_digit() || letter == '*')
            && part.bytes().all(|letter| letter.is_ascii_digit() || b"*-/:.,~".contains(&letter))
    };
    let is_zone = |part: &str| {
        part == "utc" || part.contains('/') && part.bytes().all(|letter| letter.is_ascii_alphabetic() || b"/_-+".contains(&letter))
    };
    let mut parts = lower.split_whitespace().peekable();
    if parts.peek().is_some_and(|part| is_days(part)) {
        parts.next();
        if parts.peek().is_none() {
            return true;
        }
    }
    let rest: Vec<&str> = parts.collect();
    let times = rest.iter().take_while(|part| is_when(part)).count();
    (1..=2).contains(&times) && rest.iter().skip(times).all(|part| is_zone(part)) && rest.len() - times <= 1
}

/// A host and a port of it.
fn host_port(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.split_once(':')?;
    let port = port_number(port)?;
    let is_host =
        |host: &str| host.parse::<Ipv4Addr>().is_ok() || is_domain(host) || host.parse::<NodeName>().is_ok() && !host.contains(' ');
    is_host(host).then_some((host, port))
}

fn port_number(text: &str) -> Option<u16> {
    let digits = Some(text).filter(|port| port.bytes().all(|digit| digit.is_ascii_digit()));
    digits.and_then(|port| port.parse().ok()).filter(|port| *port > 0)
}

/// A rule of a port forwarding: a port of its node, and the service that it leads to. In a file: `"8080:app1/web"`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForwardRule {
    /// The port, 1 to 65535.
    pub port: u16,
    /// Where it leads.
    pub to: ServiceRef,
}

impl FromStr for ForwardRule {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{:?} is not a rule; write PORT:NODE/SERVICE, such as 8080:app1/web", shortened(text, QUOTED_CHARS_MAX));
        let (port, to) = text.split_once(':').ok_or_else(wrong)?;
        let port = port_number(port.trim()).ok_or_else(wrong)?;
        Ok(Self { port, to: to.trim().parse().map_err(|_| wrong())? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_texts_take() {
        let fits = |holds: Holds, text: &str| holds.refuses(text).is_none();
        for (holds, good, bad) in [
            (
                Holds::Calendar,
                &[
                    "daily",
                    "Weekly",
                    "*-*-* 02:00:00",
                    "Mon..Fri 02:00",
                    "Sat,Sun *-*-* 04:30",
                    "02:00 UTC",
                    "*:0/15",
                    "*-*-1 3:00 Europe/Berlin",
                    "Monday",
                ] as &[&str],
                &["every night", "", "02:00 or so", "Mun 02:00", "at 2", "2024-01-01 02:00 03:00"] as &[&str],
            ),
            (Holds::DirectoryName, &["dc=lab,dc=test", "ou=people, o=Lab"], &["lab.test", "", "dc=", "=lab", "dc=lab,"]),
            (Holds::Domain, &["lab.test", "lab", "a-b.c1"], &["", "lab..test", "-a.b", "lab test", "lab/test"]),
            (Holds::UrlPath, &["", "/", "/admin", "/a/b-c.php"], &["admin", "/ad min", "/a;\n", "/\"x", "/a{b}"]),
            (
                Holds::HostPort,
                &["", "app1:80", "127.0.0.1:8080", "localhost:1", "www.example.org:443"],
                &["80", "app1", "app1:0", "app1:x", ":80", "a b:80"],
            ),
        ] {
            let (refused, taken): (Vec<_>, Vec<_>) =
                (good.iter().filter(|text| !fits(holds, text)).collect(), bad.iter().filter(|text| fits(holds, text)).collect());
            assert!(refused.is_empty() && taken.is_empty(), "{holds:?}: refuses {refused:?}, takes {taken:?}");
        }
    }

    #[test]
    fn a_name_is_replaced_where_it_stands() {
        assert_eq!(Holds::ForwardRule.naming("80:a/b", "c/d"), "80:c/d");
        assert_eq!(Holds::HostPort.naming("app1:80", "app2"), "app2:80");
        assert_eq!(Holds::Node.naming("app1", "app2"), "app2");
        assert_eq!(Holds::HostPort.named("app1:80"), Some(Named::Host("app1".into())));
        for nothing in ["10.0.0.1:80", "localhost:80", "app1"] {
            assert_eq!(Holds::HostPort.named(nothing), None, "{nothing}");
        }
    }
}

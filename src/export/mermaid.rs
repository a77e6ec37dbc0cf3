//! A lab as a Mermaid flowchart, which Git forges and wikis draw from the text.

use crate::model::{Endpoint, Lab, Network, NodeName};
use std::fmt::Write as _;

/// A flowchart: sites as frames, networks as bars, nodes with their services, VIPs, and the flows as arrows.
pub fn mermaid(lab: &Lab) -> String {
    let mut out = String::from("flowchart TB\n");
    // Writing to a String does not fail, here and below.
    let mut line = |indent: usize, text: String| {
        let _ = writeln!(out, "{:1$}{text}", "", indent * 4);
    };
    if lab.flows.iter().any(|flow| flow.from == Endpoint::Outside || flow.to == Endpoint::Outside) {
        line(1, "outside([\"outside\"])".to_owned());
    }
    for (index, (name, network)) in lab.networks.iter().enumerate() {
        line(1, format!("net{index}[/\"{}\"/]", label(&network_title(name, network))));
    }
    let node = |indent: usize, index: usize, name: &NodeName, line: &mut dyn FnMut(usize, String)| {
        let Some(node) = lab.nodes.get(name) else { return };
        let services: Vec<&str> = node.services.keys().map(|service| service.as_str()).collect();
        let below = if services.is_empty() { String::new() } else { format!("<br/>{}", label(&services.join(", "))) };
        line(indent, format!("node{index}[\"<b>{}</b><br/>{}{below}\"]", label(name), node.role.title()));
    };
    for (number, (site_name, site)) in lab.sites.iter().enumerate() {
        let title = if site.title.is_empty() { site_name.as_str() } else { &site.title };
        line(1, format!("subgraph site{number}[\"{}\"]", label(title)));
        for (index, name) in lab.nodes.iter().enumerate().filter(|(_, (_, node))| node.site.as_ref() == Some(site_name)).map(at_name) {
            node(2, index, name, &mut line);
        }
        line(1, "end".to_owned());
    }
    for (index, name) in lab.nodes.iter().enumerate().filter(|(_, (_, node))| node.site.is_none()).map(at_name) {
        node(1, index, name, &mut line);
    }
    for (index, (name, vip)) in lab.vips.iter().enumerate() {
        line(1, format!("vip{index}{{{{\"{} {}\"}}}}", label(name), vip.address));
    }
    write_wires(lab, &mut line);
    for flow in &lab.flows {
        let (Some(from), Some(to)) = (end(lab, &flow.from), end(lab, &flow.to)) else { continue };
        let arrow = if flow.optional { "-.->" } else { "-->" };
        let mut words: Vec<String> = Vec::new();
        if let Endpoint::Service(service) = &flow.to {
            words.push(service.service.to_string());
        }
        words.extend(flow.port.map(|port| format!(":{port}")));
        words.extend(flow.encrypted.then(|| "encrypted".to_owned()));
        let words = words.join(" ");
        let about = if words.is_empty() { String::new() } else { format!("|\"{}\"|", label(&words)) };
        line(1, format!("{from} {arrow}{about} {to}"));
    }
    out
}

fn at_name<N>((index, (name, _)): (usize, (&NodeName, N))) -> (usize, &NodeName) {
    (index, name)
}

/// What hangs from what: adapters, VIPs and what joins the sites.
fn write_wires(lab: &Lab, line: &mut dyn FnMut(usize, String)) {
    for (index, node) in lab.nodes.values().enumerate() {
        for adapter in &node.adapters {
            let Some(network) = lab.networks.get_index_of(&adapter.network) else { continue };
            let about = adapter.address.map_or_else(String::new, |address| format!("|\"{address}\"|"));
            line(1, format!("net{network} ---{about} node{index}"));
        }
    }
    for (index, vip) in lab.vips.values().enumerate() {
        for holder in &vip.holders {
            let Some(node) = lab.nodes.get_index_of(&holder.node) else { continue };
            line(1, format!("vip{index} -.-|\"{}\"| node{node}", holder.priority));
        }
    }
    for link in &lab.links {
        let ends = (lab.sites.get_index_of(&link.between.0), lab.sites.get_index_of(&link.between.1));
        let (Some(one), Some(other)) = ends else { continue };
        let about =
            link.tunnel.as_ref().map_or_else(|| label(&link.network), |tunnel| label(&format!("{} through {tunnel}", link.network)));
        line(1, format!("site{one} ===|\"{about}\"| site{other}"));
    }
}

fn end(lab: &Lab, end: &Endpoint) -> Option<String> {
    Some(match end {
        Endpoint::Outside => "outside".to_owned(),
        Endpoint::Node(node) => format!("node{}", lab.nodes.get_index_of(node)?),
        Endpoint::Service(service) => format!("node{}", lab.nodes.get_index_of(&service.node)?),
        Endpoint::Vip(vip) => format!("vip{}", lab.vips.get_index_of(vip)?),
    })
}

/// A network's name, subnet and kind.
pub(super) fn network_title(name: &str, network: &Network) -> String {
    let subnet = network.subnet.map_or_else(String::new, |subnet| format!(" {subnet}"));
    format!("{name}{subnet} ({})", network.kind.title())
}

/// A text as it may stand in a label: Mermaid writes characters of its own as entities.
fn label(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | ';' => {
                let _ = write!(out, "#{};", u32::from(char));
            }
            char if char.is_control() => out.push(' '),
            char => out.push(char),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::read;

    fn lab(rest: &str) -> Lab {
        read(&format!("(sandtable: 1, name: \"x\", {rest})")).unwrap()
    }

    #[test]
    fn everything_is_drawn_once() {
        let text = mermaid(&lab(r#"
            sites: {"s": (title: "Here")},
            networks: {"lab": host_only(subnet: "10.0.0.0/24")},
            nodes: {"a": (role: app, site: "s", adapters: [(network: "lab", address: "10.0.0.10")]),
                    "b": (role: database, adapters: [(network: "lab")], services: {"db": (kind: "mariadb")})},
            flows: [(from: "outside", to: "a"), (from: "a", to: "b/db", encrypted: true, optional: true), (from: "a", to: "vip:v")],
            vips: {"v": (address: "10.0.0.30", network: "lab", id: 1, holders: [(node: "b", priority: 9)])}"#));
        for line in [
            "    net0[/\"lab 10.0.0.0/24 (host-only)\"/]\n",
            "    subgraph site0[\"Here\"]\n        node0[\"<b>a</b><br/>app\"]\n    end\n",
            "    node1[\"<b>b</b><br/>database<br/>db\"]\n",
            "    net0 ---|\"10.0.0.10\"| node0\n    net0 --- node1\n",
            "    vip0 -.-|\"9\"| node1\n",
            "    outside --> node0\n    node0 -.->|\"db encrypted\"| node1\n    node0 --> vip0\n",
        ] {
            assert_eq!(text.matches(line).count(), 1, "{line}\n{text}");
        }
    }

    #[test]
    fn no_name_breaks_out_of_its_label() {
        let text = mermaid(&lab(r#"nodes: {"a\"] --> b;<i>`": (role: app)}"#));
        assert!(text.contains("node0[\"<b>a#34;] --#62; b#59;#60;i#62;#96;</b><br/>app\"]"), "{text}");
    }
}

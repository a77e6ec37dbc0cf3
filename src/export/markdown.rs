//! A lab as a document: what there is, where it is, who talks to whom, and the flowchart.

use super::mermaid::mermaid;
use crate::model::{Bind, Lab};
use std::fmt::Write as _;

/// A Markdown document (the dialect of Git forges: tables and Mermaid).
pub fn markdown(lab: &Lab) -> String {
    let mut out = format!("# {}\n", cell(&lab.name));
    // Writing to a String does not fail, here and below.
    if !lab.about.is_empty() {
        let _ = write!(out, "\n{}\n", text(&lab.about));
    }
    let _ = write!(out, "\n```mermaid\n{}```\n", mermaid(lab));
    table(
        &mut out,
        "Sites",
        ["Site", "Title", "Gateways"],
        lab.sites.iter().map(|(name, site)| {
            [name.to_string(), site.title.clone(), site.gateways.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(", ")]
        }),
    );
    table(
        &mut out,
        "Networks",
        ["Network", "Kind", "Subnet", "Purpose", "Site"],
        lab.networks.iter().map(|(name, network)| {
            let subnet = network.subnet.map_or_else(String::new, |subnet| subnet.to_string());
            let site = network.site.as_ref().map_or_else(String::new, ToString::to_string);
            [name.to_string(), network.kind.title().to_owned(), subnet, network.purpose.title().to_owned(), site]
        }),
    );
    table(
        &mut out,
        "Nodes",
        ["Node", "Role", "Processors", "Memory (MiB)", "Addresses"],
        lab.nodes.iter().map(|(name, node)| {
            let addresses = node.adapters.iter().map(|adapter| match adapter.address {
                Some(address) => format!("{address} ({})", adapter.network),
                None => adapter.network.to_string(),
            });
            let addresses = addresses.collect::<Vec<_>>().join(", ");
            [name.to_string(), node.role.title().to_owned(), node.cpus.to_string(), node.memory.to_string(), addresses]
        }),
    );
    table(
        &mut out,
        "Services",
        ["Service", "Kind", "Listens", "Cluster"],
        lab.services().map(|(node, name, service)| {
            let listens = match &service.bind {
                Bind::Any => "every address".to_owned(),
                Bind::Loopback => "loopback".to_owned(),
                Bind::On(network) => network.to_string(),
                Bind::Address(address) => address.to_string(),
            };
            let listens = service.port.map_or_else(|| listens.clone(), |port| format!("{listens}, port {port}"));
            [
                format!("{node}/{name}"),
                service.kind.to_string(),
                listens,
                service.cluster.as_ref().map_or_else(String::new, ToString::to_string),
            ]
        }),
    );
    table(
        &mut out,
        "Forwarded ports",
        ["Host", "Node", "Port"],
        lab.nodes
            .iter()
            .flat_map(|(name, node)| node.adapters.iter().flat_map(move |adapter| adapter.forwards.iter().map(move |to| (name, to))))
            .map(|(name, forward)| [format!("{}:{}", forward.address, forward.host), name.to_string(), forward.to.to_string()]),
    );
    table(
        &mut out,
        "Flows",
        ["From", "To", "Port", "Must be"],
        lab.flows.iter().map(|flow| {
            let mut must = vec![if flow.optional { "optional" } else { "there" }];
            must.extend(flow.encrypted.then_some("encrypted"));
            [flow.from.to_string(), flow.to.to_string(), flow.port.map_or_else(String::new, |port| port.to_string()), must.join(", ")]
        }),
    );
    table(
        &mut out,
        "Virtual addresses",
        ["VIP", "Address", "Network", "Holders", "Follows"],
        lab.vips.iter().map(|(name, vip)| {
            let holders: Vec<String> = vip.holders.iter().map(|holder| format!("{} ({})", holder.node, holder.priority)).collect();
            let follows = vip.follows.as_ref().map_or_else(String::new, ToString::to_string);
            [name.to_string(), vip.address.to_string(), vip.network.to_string(), holders.join(", "), follows]
        }),
    );
    table(
        &mut out,
        "Meant to be so",
        ["Rule", "On", "Because"],
        lab.accepted.iter().map(|accepted| [accepted.rule.clone(), accepted.on.clone(), accepted.because.clone()]),
    );
    for note in &lab.notes {
        let _ = write!(out, "\n> {}\n", text(&note.text).replace('\n', "\n> "));
    }
    out
}

fn table<const N: usize>(out: &mut String, title: &str, heads: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    let _ = write!(out, "\n## {title}\n\n| {} |\n|{}\n", heads.join(" | "), "---|".repeat(N));
    for row in rows {
        let _ = writeln!(out, "| {} |", row.map(|text| cell(&text)).join(" | "));
    }
}

/// A text as plain Markdown: nothing in it is markup.
fn text(plain: &str) -> String {
    let mut out = String::with_capacity(plain.len());
    for char in plain.chars().filter(|char| *char == '\n' || !super::is_obeyed(*char)) {
        if matches!(char, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~') {
            out.push('\\');
        }
        out.push(char);
    }
    out
}

/// The same on one line, as headings and tables need it.
fn cell(plain: &str) -> String {
    text(&plain.chars().map(|char| if char.is_control() { ' ' } else { char }).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::read;

    #[test]
    fn a_table_for_each_sort_that_is_there() {
        let lab = read(
            r#"(sandtable: 1, name: "My | lab", about: "*All* of it.", networks: {"lab": internal(purpose: backend)},
            nodes: {"a": (role: app, adapters: [(network: "lab", address: "10.0.0.1"), (network: "lab")], services: {"w_1": (kind: "nginx", bind: on("lab"), port: 81)})},
            flows: [(from: "outside", to: "a/w_1", encrypted: true)])"#,
        );
        let text = markdown(&lab.unwrap());
        for part in [
            "# My \\| lab\n\n\\*All\\* of it.\n\n```mermaid\nflowchart TB\n",
            "| lab | internal |  | backend |  |\n",
            "| a | app | 1 | 1024 | 10.0.0.1 (lab), lab |\n",
            "| a/w\\_1 | nginx | lab, port 81 |  |\n",
            "| outside | a/w\\_1 |  | there, encrypted |\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        assert!(!text.contains("## Sites"));
    }

    #[test]
    fn no_control_character_of_a_layout_gets_into_a_document() {
        let mut lab = Lab::new("a\u{1b}[2Jb\u{202e}c");
        lab.about = "one\u{7}\u{9b}\ntwo\u{2066}".into();
        let options = crate::export::PictureOptions::default();
        for document in [markdown(&lab), crate::export::svg(&lab, crate::catalog::Catalog::embedded(), &options)] {
            let obeyed: Vec<char> = document.chars().filter(|char| *char != '\n' && crate::export::is_obeyed(*char)).collect();
            assert_eq!(obeyed, Vec::<char>::new());
        }
        assert!(markdown(&lab).contains("one\ntwo"));
    }
}

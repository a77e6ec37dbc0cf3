//! Writing a layout: the same lab gives the same bytes, and a small change gives a small diff.
//!
//! One line for each adapter, flow, service and position where it fits; what is as it is by default is left out. Our own
//! writer, because what stands on one line and what on several is what makes the file good to review.

use super::pen::{Lay, Pen};
use super::read::VERSION;
use crate::model::{
    ADVERTISE_MS_DEFAULT, Adapter, Allow, Arch, Bind, CPUS_DEFAULT, DISK_GIB_DEFAULT, DhcpRange, Family, Image, Lab, MEMORY_MIB_DEFAULT,
    Network, NetworkKind, Node, Purpose, Role, Service, Value, View, Vip,
};
use std::net::Ipv4Addr;

const HEADER: &str = "#![enable(implicit_some, unwrap_newtypes)]";

/// A lab as the text of a layout file.
pub fn write(lab: &Lab) -> String {
    let mut pen = Pen::new(256 * (lab.nodes.len() + lab.flows.len() + 8));
    pen.heading(HEADER);
    write_lab(&mut pen, lab);
    pen.finish()
}

/// A lab as the text of a layout file that replaces another: the comments at the top of that one are kept. (Comments
/// further down belong to nothing in the lab and are lost.)
pub fn rewrite(lab: &Lab, previous: &str) -> String {
    let mut out = super::scan::leading_comments(previous);
    out.push_str(&write(lab));
    out
}

fn write_lab(pen: &mut Pen, lab: &Lab) {
    pen.bracket("(", ")", Lay::Lines, &|pen| {
        pen.number_field("sandtable", VERSION);
        pen.text_field("name", &lab.name);
        if !lab.about.is_empty() {
            pen.text_field("about", &lab.about);
        }
        if let Some(image) = &lab.image {
            pen.field("image", &|pen| write_image(pen, image));
        }
        if let Some(host) = &lab.host {
            pen.field("host", &|pen| {
                pen.bracket("(", ")", Lay::Fit, &|pen| {
                    pen.number_field("memory", host.memory);
                    pen.number_field("cpus", host.cpus);
                });
            });
        }
        map(pen, "pins", &lab.pins, Lay::Fit, &|pen, version| pen.text(version.as_str()));
        map(pen, "sites", &lab.sites, Lay::Lines, &|pen, site| {
            pen.bracket("(", ")", Lay::Fit, &|pen| {
                if !site.title.is_empty() {
                    pen.text_field("title", &site.title);
                }
                if !site.gateways.is_empty() {
                    pen.field("gateways", &|pen| pen.texts(&site.gateways));
                }
            });
        });
        map(pen, "networks", &lab.networks, Lay::Lines, &write_network);
        map(pen, "nodes", &lab.nodes, Lay::Lines, &write_node);
        write_flows(pen, lab);
        map(pen, "vips", &lab.vips, Lay::Lines, &write_vip);
        list(pen, "links", &lab.links, Lay::Lines, &|pen, link| {
            pen.bracket("(", ")", Lay::Fit, &|pen| {
                pen.field("between", &|pen| {
                    pen.put("(");
                    pen.text(&link.between.0);
                    pen.put(", ");
                    pen.text(&link.between.1);
                    pen.put(")");
                });
                pen.text_field("network", &link.network);
                if let Some(tunnel) = &link.tunnel {
                    pen.text_field("tunnel", tunnel);
                }
            });
        });
        list(pen, "accepted", &lab.accepted, Lay::Lines, &|pen, accepted| {
            pen.bracket("(", ")", Lay::Fit, &|pen| {
                pen.text_field("rule", &accepted.rule);
                pen.text_field("on", &accepted.on);
                pen.text_field("because", &accepted.because);
                if let Some(says) = &accepted.says {
                    pen.text_field("says", says);
                }
            });
        });
        list(pen, "notes", &lab.notes, Lay::Lines, &|pen, note| {
            pen.bracket("(", ")", Lay::Fit, &|pen| {
                pen.field("at", &|pen| pen.pos(note.at));
                pen.text_field("text", &note.text);
                if note.width != 0 {
                    pen.number_field("width", note.width);
                }
            });
        });
        list(pen, "views", &lab.views, Lay::Lines, &write_view);
        write_canvas(pen, lab);
    });
}

fn map<K: AsRef<str>, V>(pen: &mut Pen, name: &str, map: &crate::model::IndexMap<K, V>, lay: Lay, entry: &dyn Fn(&mut Pen, &V)) {
    if !map.is_empty() {
        pen.field(name, &|pen| {
            pen.bracket("{", "}", lay, &|pen| {
                for (key, value) in map {
                    pen.key(key.as_ref(), &|pen| entry(pen, value));
                }
            });
        });
    }
}

fn list<T>(pen: &mut Pen, name: &str, list: &[T], lay: Lay, item: &dyn Fn(&mut Pen, &T)) {
    if !list.is_empty() {
        pen.field(name, &|pen| {
            pen.bracket("[", "]", lay, &|pen| {
                for value in list {
                    pen.item(&|pen| item(pen, value));
                }
            });
        });
    }
}

fn write_image(pen: &mut Pen, image: &Image) {
    pen.bracket("(", ")", Lay::Fit, &|pen| {
        pen.text_field("name", &image.name);
        if let Some(snapshot) = &image.snapshot {
            pen.text_field("snapshot", snapshot);
        }
        if image.family != Family::default() {
            pen.field("family", &|pen| pen.put(family_word(image.family)));
        }
        if image.arch != Arch::default() {
            pen.field("arch", &|pen| pen.put(arch_word(image.arch)));
        }
        pen.flag("full_clone", image.full_clone);
    });
}

fn write_network(pen: &mut Pen, network: &Network) {
    let kind = match network.kind {
        NetworkKind::Nat => "nat(",
        NetworkKind::NatNetwork => "nat_network(",
        NetworkKind::HostOnly => "host_only(",
        NetworkKind::Internal => "internal(",
        NetworkKind::Bridged => "bridged(",
    };
    pen.bracket(kind, ")", Lay::Fit, &|pen| {
        if let Some(subnet) = network.subnet {
            pen.text_field("subnet", &subnet.to_string());
        }
        if let Some(DhcpRange { from, to }) = network.dhcp {
            pen.field("dhcp", &|pen| {
                pen.bracket("(", ")", Lay::Fit, &|pen| {
                    pen.address_field("from", from);
                    pen.address_field("to", to);
                });
            });
        }
        if network.purpose != Purpose::default() {
            pen.field("purpose", &|pen| pen.put(purpose_word(network.purpose)));
        }
        if let Some(site) = &network.site {
            pen.text_field("site", site);
        }
        if let Some(interface) = network.interface.as_ref().filter(|_| network.kind == NetworkKind::Bridged) {
            pen.text_field("interface", interface);
        }
    });
}

fn write_node(pen: &mut Pen, node: &Node) {
    let lay = if node.adapters.is_empty() && node.services.is_empty() { Lay::Fit } else { Lay::Lines };
    pen.bracket("(", ")", lay, &|pen| {
        pen.field("role", &|pen| pen.put(role_word(node.role)));
        if let Some(site) = &node.site {
            pen.text_field("site", site);
        }
        if let Some(image) = &node.image {
            pen.field("image", &|pen| write_image(pen, image));
        }
        if node.cpus != CPUS_DEFAULT {
            pen.number_field("cpus", node.cpus);
        }
        if node.memory != MEMORY_MIB_DEFAULT {
            pen.number_field("memory", node.memory);
        }
        if node.disk != DISK_GIB_DEFAULT {
            pen.number_field("disk", node.disk);
        }
        if !node.after.is_empty() {
            pen.field("after", &|pen| pen.texts(&node.after));
        }
        list(pen, "adapters", &node.adapters, Lay::Fit, &write_adapter);
        map(pen, "services", &node.services, if node.services.len() > 1 { Lay::Lines } else { Lay::Fit }, &write_service);
    });
}

fn write_adapter(pen: &mut Pen, adapter: &Adapter) {
    pen.bracket("(", ")", Lay::Fit, &|pen| {
        pen.text_field("network", &adapter.network);
        if let Some(address) = adapter.address {
            pen.address_field("address", address);
        }
        if let Some(mac) = adapter.mac {
            pen.text_field("mac", &mac.to_string());
        }
        list(pen, "forwards", &adapter.forwards, Lay::Fit, &|pen, forward| {
            pen.bracket("(", ")", Lay::Fit, &|pen| {
                pen.number_field("host", forward.host);
                pen.number_field("to", forward.to);
                if forward.address != Ipv4Addr::LOCALHOST {
                    pen.address_field("address", forward.address);
                }
            });
        });
    });
}

fn write_service(pen: &mut Pen, service: &Service) {
    pen.bracket("(", ")", Lay::Fit, &|pen| {
        pen.text_field("kind", &service.kind);
        match &service.bind {
            Bind::Any => {}
            Bind::Loopback => pen.field("bind", &|pen| pen.put("loopback")),
            Bind::On(network) => pen.field("bind", &|pen| word_of_text(pen, "on(", network)),
            Bind::Address(address) => pen.field("bind", &|pen| word_of_text(pen, "address(", &address.to_string())),
        }
        if let Some(port) = service.port {
            pen.number_field("port", port);
        }
        table(pen, "ports", &service.ports, &|pen, port| pen.show(port));
        match &service.allow {
            Allow::Drawn => {}
            Allow::Everyone => pen.field("allow", &|pen| pen.put("everyone")),
            Allow::Only(peers) => {
                let peers: Vec<String> = peers.iter().map(ToString::to_string).collect();
                pen.field("allow", &|pen| {
                    pen.put("only(");
                    pen.texts(&peers);
                    pen.put(")");
                });
            }
        }
        if let Some(cluster) = &service.cluster {
            pen.text_field("cluster", cluster);
        }
        if let Some(primary) = &service.replica_of {
            pen.text_field("replica_of", &primary.to_string());
        }
        table(pen, "settings", &service.settings, &|pen, value| match value {
            Value::Bool(on) => pen.show(on),
            Value::Number(number) => pen.show(number),
            Value::Text(text) => pen.text(text),
            Value::List(texts) => pen.texts(texts),
        });
        table(pen, "secrets", &service.secrets, &|pen, secret| pen.text(secret));
    });
}

fn word_of_text(pen: &mut Pen, open: &str, text: &str) {
    pen.put(open);
    pen.text(text);
    pen.put(")");
}

fn table<V>(pen: &mut Pen, name: &str, table: &std::collections::BTreeMap<String, V>, entry: &dyn Fn(&mut Pen, &V)) {
    if !table.is_empty() {
        pen.field(name, &|pen| {
            pen.bracket("{", "}", Lay::Fit, &|pen| {
                for (key, value) in table {
                    pen.key(key, &|pen| entry(pen, value));
                }
            });
        });
    }
}

fn write_flows(pen: &mut Pen, lab: &Lab) {
    list(pen, "flows", &lab.flows, Lay::Lines, &|pen, flow| {
        pen.bracket("(", ")", Lay::Fit, &|pen| {
            pen.text_field("from", &flow.from.to_string());
            pen.text_field("to", &flow.to.to_string());
            if let Some(port) = flow.port {
                pen.number_field("port", port);
            }
            pen.flag("encrypted", flow.encrypted);
            pen.flag("optional", flow.optional);
        });
    });
}

fn write_vip(pen: &mut Pen, vip: &Vip) {
    pen.bracket("(", ")", Lay::Lines, &|pen| {
        pen.address_field("address", vip.address);
        pen.text_field("network", &vip.network);
        pen.number_field("id", vip.id);
        list(pen, "holders", &vip.holders, Lay::Fit, &|pen, holder| {
            pen.bracket("(", ")", Lay::Fit, &|pen| {
                pen.text_field("node", &holder.node);
                pen.number_field("priority", holder.priority);
            });
        });
        if let Some(follows) = &vip.follows {
            pen.text_field("follows", follows);
        }
        if vip.advertise_ms != ADVERTISE_MS_DEFAULT {
            pen.number_field("advertise_ms", vip.advertise_ms);
        }
        pen.flag("preempt", vip.preempt);
    });
}

fn write_view(pen: &mut Pen, view: &View) {
    pen.bracket("(", ")", Lay::Fit, &|pen| {
        pen.text_field("name", &view.name);
        if let Some((from, to)) = view.area {
            pen.field("area", &|pen| {
                pen.put("(");
                pen.pos(from);
                pen.put(", ");
                pen.pos(to);
                pen.put(")");
            });
        }
        if !view.highlight.is_empty() {
            pen.field("highlight", &|pen| pen.texts(&view.highlight));
        }
        if !view.note.is_empty() {
            pen.text_field("note", &view.note);
        }
    });
}

fn write_canvas(pen: &mut Pen, lab: &Lab) {
    let canvas = &lab.canvas;
    if canvas.networks.is_empty() && canvas.nodes.is_empty() && canvas.outside.is_none() {
        return;
    }
    pen.field("canvas", &|pen| {
        pen.bracket("(", ")", Lay::Lines, &|pen| {
            map(pen, "networks", &canvas.networks, Lay::Lines, &|pen, pos| pen.pos(*pos));
            map(pen, "nodes", &canvas.nodes, Lay::Lines, &|pen, pos| pen.pos(*pos));
            if let Some(pos) = canvas.outside {
                pen.field("outside", &|pen| pen.pos(pos));
            }
        });
    });
}

// The words of the file, as the model's serde names them; a test reads every one back.

fn role_word(role: Role) -> &'static str {
    match role {
        Role::App => "app",
        Role::Database => "database",
        Role::Balancer => "balancer",
        Role::Monitor => "monitor",
        Role::Bastion => "bastion",
        Role::Gateway => "gateway",
        Role::Arbitrator => "arbitrator",
        Role::Directory => "directory",
        Role::Storage => "storage",
        Role::Cache => "cache",
        Role::Worker => "worker",
    }
}

fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::General => "general",
        Purpose::Frontend => "frontend",
        Purpose::Backend => "backend",
        Purpose::Management => "management",
        Purpose::Storage => "storage",
        Purpose::Wan => "wan",
    }
}

fn family_word(family: Family) -> &'static str {
    match family {
        Family::Debian => "debian",
        Family::Ubuntu => "ubuntu",
        Family::Rocky => "rocky",
        Family::Fedora => "fedora",
        Family::Other => "other",
    }
}

fn arch_word(arch: Arch) -> &'static str {
    match arch {
        Arch::X86_64 => "x86_64",
        Arch::Aarch64 => "aarch64",
    }
}

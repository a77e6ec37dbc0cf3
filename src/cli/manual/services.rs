//! The page of the kinds of service, from the catalog.

use super::{GENERATED, cell};
use crate::catalog::{Audience, Catalog, Entry, Group, Port, Promoting, Protocol, Recipes, Secrecy, Setting, SettingType};
use crate::model::Kind;

pub(super) fn page() -> String {
    let catalog = Catalog::embedded();
    let mut text = format!(
        "# Kinds of service\n\n{GENERATED}\n\n\
         A service of a layout names its kind: `\"db\": (kind: \"mariadb\", bind: on(\"lab\"))`. Settings stand in `settings`, secrets in \
         `secrets`; see [layout-format.md](layout-format.md). A kind is set up on the families of distributions \
         that its recipe covers; \"not tried\" means that no suite has run the recipe there. Ubuntu uses Debian's recipe and Fedora that of \
         Rocky Linux; neither was tried.\n"
    );
    for group in Group::ALL {
        text.push_str(&format!("\n{}:\n\n| kind | product | purpose |\n|---|---|---|\n", group.title()));
        for (kind, entry) in catalog.iter().filter(|(_, entry)| entry.group == group) {
            text.push_str(&format!("| [{kind}](#{kind}) | {} | {} |\n", cell(&entry.title), cell(&entry.about)));
        }
    }
    for (kind, entry) in catalog.iter() {
        text.push_str(&kind_section(kind, entry));
    }
    text
}

fn kind_section(kind: &Kind, entry: &Entry) -> String {
    let mut text = format!("\n## {kind}\n\n**{}.** {}\n\n", entry.title, entry.about);
    text.push_str(&format!("- Other names: {}.\n", entry.aliases.join(", ")));
    text.push_str(&format!("- Role of its node: {}. Memory: at least {} MiB.\n", entry.role.title(), entry.memory_mib));
    if entry.keeps_data {
        text.push_str("- Holds data: a lost disk is lost data.\n");
    }
    text.push_str(&format!("- Real nodes: {}.\n", families(kind)));
    match &entry.promotes {
        Promoting::ByScript => text.push_str("- A replica becomes the primary with `sandtable promote`.\n"),
        Promoting::Not(why) => text.push_str(&format!("- A replica cannot be promoted. {}.\n", cell(why))),
        Promoting::NoReplicas => {}
    }
    for need in &entry.needs {
        text.push_str(&format!("- Needs {}. Otherwise {}.\n", need.what, need.otherwise));
    }
    if !entry.ports.is_empty() {
        text.push_str("\n| port | number | for | traffic |\n|---|---|---|---|\n");
        for port in &entry.ports {
            text.push_str(&port_row(port));
        }
    }
    if !entry.settings.is_empty() {
        text.push_str("\n| setting | value | default | effect |\n|---|---|---|---|\n");
        for setting in &entry.settings {
            text.push_str(&setting_row(setting));
        }
    }
    text
}

/// The families of distributions that a kind has a recipe for.
fn families(kind: &Kind) -> String {
    let Some(folder) = Recipes::embedded().get(kind) else { return "no recipe; the simulator runs it".to_owned() };
    let of = |(family, recipe): (&crate::model::Family, &crate::catalog::FamilyRecipe)| {
        let name = match family {
            crate::model::Family::Debian => "Debian",
            crate::model::Family::Ubuntu => "Ubuntu",
            crate::model::Family::Rocky => "Rocky Linux",
            crate::model::Family::Fedora => "Fedora",
            crate::model::Family::Other => "any other system",
        };
        let tried = if recipe.tried { "" } else { " (not tried)" };
        format!("{name}{tried}")
    };
    folder.recipe.families.iter().map(of).collect::<Vec<_>>().join("; ")
}

fn port_row(port: &Port) -> String {
    let protocol = match port.protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
    };
    let audience = match port.audience {
        Audience::Clients => "clients",
        Audience::Cluster => "members of its cluster",
        Audience::Admin => "administrators",
    };
    let traffic = match port.secrecy {
        Secrecy::Clear => "clear text",
        Secrecy::Optional => "encrypted if `tls` is true",
        Secrecy::Encrypted => "encrypted",
    };
    let opened = port.opened_by.as_ref().map_or_else(String::new, |setting| format!("; on loopback only unless `{setting}` is true"));
    format!("| `{}` | {} {protocol} | {audience}{opened} | {traffic} |\n", port.name, port.port)
}

fn setting_row(setting: &Setting) -> String {
    let takes = match &setting.takes {
        SettingType::Bool => "true or false".to_owned(),
        SettingType::Number { min, max } => format!("{min} to {max}"),
        SettingType::Text => "text".to_owned(),
        SettingType::Choice(choices) => choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(", "),
        SettingType::List => "list of texts".to_owned(),
        SettingType::Secret => "secret, generated".to_owned(),
    };
    let default = setting.default.as_ref().map(ToString::to_string).filter(|text| !text.is_empty());
    let default = default.map_or_else(String::new, |text| format!("`{text}`"));
    format!("| `{}` | {} | {} | {} |\n", setting.name, cell(&takes), cell(&default), cell(&setting.about))
}

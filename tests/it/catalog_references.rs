//! Every setting of the catalog that names something of the lab: a name that is not there is found at its place with the nearest one,
//! the text follows its target's name, and a target that is removed leaves a finding. The table is the catalog itself.

use sandtable::catalog::{Catalog, Holds, Setting, SettingType};
use sandtable::layout::{positions, read, write};
use sandtable::model::{Allow, Edit, Kind, Lab, NodeName, Peer, Service, ServiceName, Subject, Value, cascade};
use sandtable::rules::{Checker, Context, Finding};

/// The rule that reports names which lead nowhere.
const RULE: &str = "setting-names-nothing";

/// A way to name a thing of [`lab`]: right, with a slip of the pen, and after all that has a name has got another.
struct Form {
    right: &'static str,
    wrong: &'static str,
    renamed: &'static str,
}

/// How the texts of a setting name things; `None` where they name nothing.
fn forms(holds: Holds) -> Vec<Form> {
    let form = |right, wrong, renamed| Form { right, wrong, renamed };
    match holds {
        Holds::Service => vec![form("target/web", "target/wbe", "goal/site"), form("target/web", "targt/web", "goal/site")],
        Holds::ForwardRule => vec![form("8080:target/web", "8080:target/wbe", "8080:goal/site")],
        Holds::Node => vec![form("target", "targett", "goal")],
        Holds::Client => vec![form("target", "targett", "goal")],
        Holds::HostPort => vec![form("target:80", "tarset:80", "goal:80"), form("floating:80", "flaoting:80", "swimming:80")],
        Holds::Subnet => vec![form("10.77.5.0/24", "10.77.4.0/24", "10.77.5.0/24")],
        Holds::Anything | Holds::Folder | Holds::Source | Holds::UrlPath | Holds::Domain | Holds::DirectoryName | Holds::Calendar => {
            Vec::new()
        }
    }
}

fn named<T: std::str::FromStr<Err: std::fmt::Debug>>(name: &str) -> T {
    name.parse().unwrap()
}

/// A lab with a node, a service on it, a network and a VIP to name, and a service beside them.
fn lab(user: Service) -> Lab {
    let text = r#"#![enable(implicit_some, unwrap_newtypes)]
(
    sandtable: 1,
    name: "Names",
    networks: {"lan": internal(subnet: "10.77.5.0/24")},
    nodes: {
        "target": (role: app, adapters: [(network: "lan", address: "10.77.5.10")], services: {"web": (kind: "nginx")}),
        "user": (role: app, adapters: [(network: "lan", address: "10.77.5.11")]),
    },
    vips: {"floating": (address: "10.77.5.30", network: "lan", id: 7, holders: [(node: "target", priority: 100)])},
)"#;
    let mut lab = read(text).unwrap();
    lab.nodes.get_mut("user").unwrap().services.insert(named("s"), user);
    lab
}

fn findings(lab: &Lab) -> Vec<Finding> {
    let checker = Checker::new(lab, Catalog::embedded(), &Context::default());
    checker.findings().iter().filter(|finding| finding.rule == RULE).map(|finding| (**finding).clone()).collect()
}

/// The lab after renaming all that has a name.
fn renamed(mut lab: Lab) -> Lab {
    for edit in [
        Edit::RenameService { node: named("target"), from: named("web"), to: named("site") },
        Edit::RenameNode { from: named("target"), to: named("goal") },
        Edit::RenameVip { from: named("floating"), to: named("swimming") },
        Edit::RenameNetwork { from: named("lan"), to: named("wire") },
    ] {
        let edits = Catalog::embedded().renaming(&lab, lab.services(), edit);
        lab.apply(&edits).unwrap();
    }
    lab
}

/// The lab without all that a name may lead to.
fn emptied(mut lab: Lab) -> Lab {
    let target: NodeName = named("target");
    let edits = cascade::remove_vip(&lab, &named("floating"));
    lab.apply(&edits).unwrap();
    let edits = cascade::remove_node(&lab, &target);
    lab.apply(&edits).unwrap();
    let edits = cascade::remove_network(&lab, &named("lan"));
    lab.apply(&edits).unwrap();
    lab
}

fn service(kind: &Kind, setting: &Setting, text: &str) -> Service {
    let value = match setting.takes {
        SettingType::List => Value::List(vec![text.to_owned()]),
        _ => Value::Text(text.to_owned()),
    };
    let mut service = Service::new(kind.clone());
    service.settings.insert(setting.name.clone(), value);
    service
}

/// Where in the file of a lab some of its text stands.
fn place(text: &str, part: &str) -> (u32, u32) {
    let at = text.find(part).unwrap();
    let line = text[..at].matches('\n').count() + 1;
    let column = at - text[..at].rfind('\n').map_or(0, |end| end + 1) + 1;
    (u32::try_from(line).unwrap(), u32::try_from(column).unwrap())
}

#[track_caller]
fn check(what: &str, form: &Form, with: &dyn Fn(&str) -> Service, place_of: &str) {
    let right = lab(with(form.right));
    assert_eq!(findings(&right), [], "{what}: {}", form.right);

    let wrong = lab(with(form.wrong));
    let found = findings(&wrong);
    let [finding] = found.as_slice() else { panic!("{what}: {}: {found:?}", form.wrong) };
    let meant = form.right.split_once(':').map_or(form.right, |(one, other)| if other == "80" { one } else { other });
    let meant = if form.right.starts_with("network:") { form.right } else { meant };
    assert!(finding.message.ends_with(&format!("; did you mean {meant}?")), "{what}: {}", finding.message);
    let text = write(&wrong);
    let subject = Subject::Service(named("user/s"));
    assert_eq!(finding.subject, subject, "{what}");
    let at = positions(&text).place(&finding.path(sandtable::model::Places::default().path(&wrong, &subject)));
    assert_eq!((at.line, at.column), place(&text, place_of), "{what}: {text}");

    let after = renamed(right.clone());
    let written = write(&after);
    assert!(written.contains(&format!("\"{}\"", form.renamed)), "{what} does not follow its target:\n{written}");
    assert_eq!(findings(&after), [], "{what}");

    let gone = emptied(right);
    assert_eq!(findings(&gone).len(), 1, "{what}: a target that is gone leaves nothing to see");
}

#[test]
fn every_setting_that_names_something_is_a_reference() {
    let mut count = 0;
    for (kind, entry) in Catalog::embedded().iter() {
        for setting in &entry.settings {
            for form in forms(setting.holds) {
                count += 1;
                let is_list = setting.takes == SettingType::List;
                let place_of = if is_list { format!("\"{}\"", form.wrong) } else { format!("\"{}\": \"{}\"", setting.name, form.wrong) };
                check(&format!("{kind}.{}", setting.name), &form, &|text| service(kind, setting, text), &place_of);
            }
        }
    }
    assert!(count >= 10, "only {count}: the catalog has lost its references");
}

#[test]
fn allow_lists_are_references_too() {
    let node = Form { right: "target", wrong: "targett", renamed: "goal" };
    let network = Form { right: "network:lan", wrong: "network:lam", renamed: "network:wire" };
    for (kind, entry) in Catalog::embedded().iter() {
        for form in [&node, &network] {
            let with = |text: &str| {
                let allow = Allow::Only(vec![named::<Peer>(text)]);
                Service { allow, ..Service::new(kind.clone()) }
            };
            check(&format!("{} of {kind}", entry.title), form, &with, &format!("\"{}\"", form.wrong));
        }
    }
}

#[test]
fn names_of_services_at_vips_and_links_follow() {
    let mut lab = lab(Service::new(named("sshd")));
    lab.vips.get_mut("floating").unwrap().follows = Some(named::<ServiceName>("web"));
    let after = renamed(lab.clone());
    assert_eq!(after.vips["swimming"].follows, Some(named("site")));
    let edits = cascade::remove_service(&lab, &named("target/web"));
    lab.apply(&edits).unwrap();
    let found = sandtable::rules::check(&lab, Catalog::embedded(), &Context::default());
    assert!(found.iter().any(|finding| finding.rule == "vip-holder-without-service"), "{found:?}");
}

//! Nodes of one role come from different images.
//!
//! ## Why
//! Nodes that should behave alike are easiest to understand when they start alike. Other versions and other defaults on one
//! of them show as faults that only one has.
//!
//! Nodes of different roles may well differ, and so may a lab that names no image yet.
//!
//! ## Example
//! `app1` and `app2` come from `rocky-9`, `app3` from `debian-12`.
//!
//! ## Do this instead
//! Name the image once, for the lab, and leave it out in the nodes.

use super::{Facts, Report, alike, offer};
use crate::model::{Image, Node, NodeName, Role, Subject};

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    if facts.lab.nodes.values().all(|node| node.image.is_none()) {
        return;
    }
    for role in Role::ALL {
        let of_role = facts.lab.nodes.iter().filter(|(_, node)| node.role == role);
        let drawn = of_role.filter_map(|(name, node)| Some((name, node, facts.lab.image_of(node)?)));
        let nodes: Vec<(&NodeName, &Node, &Image)> = drawn.collect();
        let members: Vec<(usize, (&str, Option<&str>))> =
            nodes.iter().enumerate().map(|(place, (_, _, image))| (place, (image.name.as_str(), image.snapshot.as_deref()))).collect();
        let Some((common, others)) = alike::minority(&members) else { continue };
        let others: Vec<&(&NodeName, &Node, &Image)> = others.iter().filter_map(|(place, _)| nodes.get(*place)).collect();
        let Some((first, ..)) = others.first() else { continue };
        let verb = if others.len() == 1 { "comes" } else { "come" };
        let names = offer::row(others.iter().map(|(name, ..)| name));
        let source = called(others.first().map_or(common, |(_, _, image)| (image.name.as_str(), image.snapshot.as_deref())));
        let what = if others.len() == 1 { source } else { "other images".to_owned() };
        let mut found = report.add(
            Subject::Node((*first).clone()),
            format!("{names} {verb} from {what}, other {} nodes from {}", role.title(), called(common)),
        );
        for (name, ..) in others.iter().skip(1) {
            found = found.involving(Subject::Node((*name).clone()));
        }
        let Some((_, pattern, _)) = nodes.iter().find(|(_, _, image)| (image.name.as_str(), image.snapshot.as_deref()) == common) else { continue };
        let edits = others.iter().flat_map(|(name, node, _)| offer::node(name, node, |node| node.image.clone_from(&pattern.image)));
        found.fix(format!("Use {} for {names}", called(common)), edits.collect());
    }
}

fn called((name, snapshot): (&str, Option<&str>)) -> String {
    snapshot.map_or_else(|| name.to_owned(), |snapshot| format!("{name} at {snapshot}"))
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    #[test]
    fn one_of_three_from_elsewhere() {
        let images = |lab_image: &str, third: &str| {
            lab(&format!(r#"(name: "x"{lab_image}, nodes: {{"app1": (role: app), "app2": (role: app), "app3": (role: app{third}), "db1": (role: database, image: (name: "rocky-8"))}})"#))
        };
        let rocky = r#", image: (name: "rocky-9", snapshot: "03")"#;
        let mixed = images(rocky, r#", image: (name: "debian-12")"#);
        check("mixed-images", &mixed, &["app3 comes from debian-12, other app nodes from rocky-9 at 03"]);
        assert_eq!(fixes("mixed-images", &mixed), ["Use rocky-9 at 03 for app3"]);
        check("mixed-images", &images(rocky, ""), &[]);
        check("mixed-images", &images("", r#", image: (name: "debian-12")"#), &[]);
    }
}

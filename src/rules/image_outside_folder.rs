//! The image is a file outside of the layout's folder.
//!
//! ## Why
//! An image that is a file becomes the disk of a node, whole. A layout from a stranger that names a file of this machine
//! would put that file's content into its node, and a node can send it anywhere.
//!
//! A deployment asks before it reads such a file. Where the layout is your own, accept the finding.
//!
//! ## Example
//! `image: (name: "../../backups/laptop.raw")`, or an absolute path, or a symbolic link out of the folder.
//!
//! ## Do this instead
//! Put the image into the layout's folder and name it from there: `images/debian-13.qcow2`.

use super::{Facts, Report, offer};
use crate::model::{NodeName, Subject};
use indexmap::IndexMap;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let mut files: IndexMap<&str, Vec<&NodeName>> = IndexMap::new();
    for (name, node) in &facts.lab.nodes {
        if let Some(file) = facts.lab.image_of(node).and_then(|image| image.file()) {
            files.entry(file).or_default().push(name);
        }
    }
    for (file, nodes) in files {
        let known = facts.context.links.get(file);
        let Some(how) = known.map(|to| format!("is a link to {}", to.display())).or_else(|| leaves(file).map(str::to_owned)) else { continue };
        let Some((first, others)) = nodes.split_first() else { continue };
        let names = offer::row(nodes.iter());
        let message = format!("{names} would get the content of the image {file}, which {how}, outside of the layout's folder");
        let mut found = report.add(Subject::Node((*first).clone()), message);
        for other in others {
            found = found.involving(Subject::Node((*other).clone()));
        }
    }
}

/// How a path leaves the folder that it is seen from, by its text alone and whatever the system.
fn leaves(path: &str) -> Option<&'static str> {
    let has_drive = path.as_bytes().get(1) == Some(&b':') && path.starts_with(|letter: char| letter.is_ascii_alphabetic());
    if path.starts_with(['/', '\\']) || has_drive {
        Some("is an absolute path")
    } else if path.split(['/', '\\']).any(|part| part == "..") {
        Some("leads upwards")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, lab};

    fn of(image: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", image: (name: {image:?}), nodes: {{"a": (role: app), "b": (role: app), "c": (role: app, image: (name: "rocky-9"))}})"#
        ))
    }

    #[test]
    fn an_image_that_leaves_the_folder() {
        let code = "image-outside-folder";
        let said = |file: &str, how: &str| {
            format!("a and b would get the content of the image {file}, which {how}, outside of the layout's folder")
        };
        for file in ["/dev/sda.img", "C:\\disk.vdi", "\\\\server\\disk.vdi"] {
            check(code, &of(file), &[&said(file, "is an absolute path")]);
        }
        for file in ["../disk.raw", "images/../../disk.raw", "..\\disk.raw"] {
            check(code, &of(file), &[&said(file, "leads upwards")]);
        }
        check(code, &of("images/debian..13.qcow2"), &[]);
        check(code, &of("../rocky-9"), &[]);
    }

    #[test]
    fn a_link_out_of_the_folder() {
        let links = [("images/a.vdi".to_owned(), "/data/a.vdi".into())].into();
        let context = crate::rules::Context { links, ..Default::default() };
        let found = crate::rules::check(&of("images/a.vdi"), crate::catalog::Catalog::embedded(), &context);
        let found: Vec<&str> =
            found.iter().filter(|finding| finding.rule == "image-outside-folder").map(|finding| finding.message.as_str()).collect();
        assert_eq!(
            found,
            ["a and b would get the content of the image images/a.vdi, which is a link to /data/a.vdi, outside of the layout's folder"]
        );
    }
}

//! Versions of packages: which ones nodes keep to.

use super::{Desk, buttons, cancel, text, title, widget};
use crate::{
    app::Command,
    look::Icon,
    model::{Edit, PackageName, VersionPattern},
};
use egui::Ui;

/// What a line looks like.
const EXAMPLE: &str = "mariadb-server 1:10.11.*";
/// What an empty line says.
const ANOTHER: &str = "A package and its version, such as nginx 1.22.*";

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>) {
    title(ui, "Versions of packages");
    text(
        ui,
        "Each node that has the package installs this version and keeps it; * stands for any text. Where a version changes, programs start anew, members of a cluster one after the other.",
    );
    let pins: Vec<_> = desk.state.lab().pins.iter().map(|(name, version)| (name.clone(), version.clone())).collect();
    for (index, (name, version)) in pins.iter().enumerate() {
        ui.push_id(name.as_str(), |ui| {
            ui.horizontal(|ui| {
                let width = ui.available_width() - 36.0;
                if let Some((other, version)) = line(ui, &format!("{name} {version}"), width) {
                    desk.send(Command::edit("Version of a package", replaced(name, index, other, version)));
                }
                if ui.add(widget::IconButton::new(Icon::Cross, "Let it have any version").small()).clicked() {
                    desk.send(Command::edit("Version of a package", vec![remove(name)]));
                }
            });
        });
    }
    // A field of its own for each count, so that it is empty again once its text has become a pin.
    ui.push_id(("new", pins.len()), |ui| {
        let width = ui.available_width();
        if let Some((name, version)) = line(ui, "", width) {
            desk.send(Command::edit("Version of a package", vec![put(name, None, version)]));
        }
    });
    buttons(ui, |ui| cancel(ui, desk, "Close"));
}

fn line(ui: &mut Ui, value: &str, width: f32) -> Option<(PackageName, VersionPattern)> {
    let check = |text: &str| if text.trim().is_empty() { Ok(()) } else { read(text).map(drop) };
    let field = widget::TextField::new("Package and version", value).mono().placeholder(ANOTHER).width(width).check(&check).show(ui);
    read(&field.committed()?).ok()
}

/// Reads a package and its version.
fn read(text: &str) -> Result<(PackageName, VersionPattern), String> {
    let (name, version) = text.trim().split_once(' ').ok_or_else(|| format!("Write the package and its version, such as {EXAMPLE}"))?;
    Ok((name.parse()?, version.trim().parse()?))
}

fn put(name: PackageName, at: Option<usize>, version: VersionPattern) -> Edit {
    Edit::Pin { name, at, to: Some(version) }
}

fn remove(name: &PackageName) -> Edit {
    Edit::Pin { name: name.clone(), at: None, to: None }
}

/// Another version, or another package in the same place.
fn replaced(name: &PackageName, index: usize, other: PackageName, version: VersionPattern) -> Vec<Edit> {
    if other == *name { vec![put(other, None, version)] } else { vec![remove(name), put(other, Some(index), version)] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_package_and_a_version() {
        let (name, version) = read(" mariadb-server  1:10.11.* ").unwrap();
        assert_eq!((name.as_str(), version.as_str()), ("mariadb-server", "1:10.11.*"));
        for wrong in ["nginx", "nginx 1.22 1.23", "-y 1", "nginx $(reboot)"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}

//! The lab itself: name, description, image, the machine it is meant for, the pages of its presentation.

use super::{Desk, fields};
use crate::{
    app::{Command, Dialog, DialogCommand},
    look::Icon,
    model::{Edit, Family, Host, Image, Lab, ListEdit},
    ui::widget,
};
use egui::Ui;

const FAMILIES: [(Family, &str); 5] = [
    (Family::Debian, "Debian"),
    (Family::Ubuntu, "Ubuntu"),
    (Family::Rocky, "Rocky Linux"),
    (Family::Fedora, "Fedora"),
    (Family::Other, "Other"),
];

/// The longest description that can be typed.
const ABOUT_CHARACTERS_MAX: usize = 4000;

pub(super) fn lab(ui: &mut Ui, desk: &mut Desk<'_>) {
    let lab = desk.state.lab();
    if let Some(name) = fields::text(ui, "Name", &lab.name, "What people call it", None) {
        desk.send(Command::edit("Name of the lab", vec![Edit::LabName(name)]));
    }
    if let Some(about) = fields::paragraph(ui, "About", &lab.about, ABOUT_CHARACTERS_MAX) {
        desk.send(Command::edit("Description of the lab", vec![Edit::About(about)]));
    }
    ui.separator();
    widget::section_header(ui, "Image", None);
    if let Some(image) = image(ui, lab.image.as_ref()) {
        desk.send(Command::edit("Image of the lab", vec![Edit::Image(image)]));
    }
    ui.separator();
    host(ui, desk, lab);
    pages(ui, desk, lab);
}

/// Fields for an image; the new one, if something was changed. An empty name is no image.
pub(super) fn image(ui: &mut Ui, image: Option<&Image>) -> Option<Option<Image>> {
    let empty = Image { name: String::new(), snapshot: None, family: Family::default(), arch: Default::default(), full_clone: false };
    let now = image.cloned().unwrap_or(empty);
    let mut next = now.clone();
    if let Some(name) = fields::text(ui, "Image", &now.name, "the provider's own", None) {
        next.name = name;
    }
    if image.is_some() {
        let snapshot = now.snapshot.clone().unwrap_or_default();
        if let Some(snapshot) = fields::text(ui, "Snapshot", &snapshot, "as it is", None) {
            next.snapshot = Some(snapshot).filter(|text| !text.is_empty());
        }
        if let Some(family) = fields::one_of(ui, "System", &now.family, &FAMILIES, None) {
            next.family = family;
        }
    }
    (next != now).then(|| Some(next).filter(|image| !image.name.is_empty()))
}

fn host(ui: &mut Ui, desk: &mut Desk<'_>, lab: &Lab) {
    let add = lab.host.is_none().then_some(("Add", "State the host that the lab is meant for"));
    let added = widget::section_header(ui, "Meant for", add).is_some_and(|response| response.clicked());
    if added {
        desk.send(Command::edit("Machine of the lab", vec![Edit::Host(Some(Host { memory: 16_384, cpus: 8 }))]));
    }
    let Some(host) = lab.host else { return };
    let memory = fields::number(ui, ("Memory", "MiB"), i64::from(host.memory), 256..=4_194_304, 1024, None);
    let cpus = fields::number(ui, ("Processors", ""), i64::from(host.cpus), 1..=1024, 1, None);
    if memory.is_some() || cpus.is_some() {
        let host = Host {
            memory: memory.and_then(|it| u32::try_from(it).ok()).unwrap_or(host.memory),
            cpus: cpus.and_then(|it| u16::try_from(it).ok()).unwrap_or(host.cpus),
        };
        desk.send(Command::edit("Machine of the lab", vec![Edit::Host(Some(host))]));
    }
}

fn pages(ui: &mut Ui, desk: &mut Desk<'_>, lab: &Lab) {
    ui.separator();
    if widget::section_header(ui, "Presentation", Some(("Add page", "Add what the canvas shows as a page")))
        .is_some_and(|response| response.clicked())
    {
        desk.send(Command::Dialog(DialogCommand::AddView));
    }
    for (index, view) in lab.views.iter().enumerate() {
        ui.horizontal(|ui| {
            let shown = widget::Pill::new(&view.name).icon(Icon::Present).removable("Remove the page").show(ui);
            if shown.removed {
                desk.send(Command::edit("Remove the page", vec![Edit::View { index, change: ListEdit::Remove }]));
            } else if shown.response.on_hover_text("Change the page").clicked() {
                desk.send(Command::Dialog(DialogCommand::Ask(Dialog::View(Some(index)))));
            }
        });
    }
}

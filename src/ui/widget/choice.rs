//! A choice of one among several, folded away until it is asked for.

use super::tooltip;
use crate::{
    look::{Icon, size},
    ui::{icon, theme::palette},
};
use egui::{ComboBox, Rect, Response, Ui, Vec2};

/// Shows the choice with its name (for its identity here and for accessibility tools; it is not shown); changes `current`
/// when another is picked, and the response is changed then. It takes the width there is.
pub fn choice<T: Clone + PartialEq>(ui: &mut Ui, name: &str, current: &mut T, choices: &[(T, &str)]) -> Response {
    let words = choices.iter().find(|(value, _)| value == current).map_or("", |(_, words)| *words);
    let mut picked = None;
    let mut response = ComboBox::from_id_salt(name)
        .selected_text(words)
        .width(ui.available_width())
        .truncate()
        .icon(|ui, rect, _, _| {
            let chevron = Rect::from_center_size(rect.center(), Vec2::splat(size::ICON));
            icon::paint(ui.painter(), Icon::ChevronDown, chevron, palette(ui).muted);
        })
        .show_ui(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            for (value, words) in choices {
                if ui.selectable_label(value == current, *words).clicked() && value != current {
                    picked = Some(value.clone());
                }
            }
        })
        .response;
    ui.ctx().accesskit_node_builder(response.id, |node| {
        node.set_label(name);
        node.set_value(words);
    });
    response = tooltip(response, &format!("{name}: {words}"), None);
    if let Some(value) = picked {
        *current = value;
        response.mark_changed();
    }
    response
}

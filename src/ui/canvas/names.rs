//! Renaming in place: a field where the name stands.

use super::{Canvas, CanvasEvent, CanvasInput, colors};
use crate::{
    app::ops,
    look::{FontFace, font_size, size},
    model::Subject,
    picture::{Point, Rect, point},
    ui::theme,
};
use egui::{Key, Ui, UiBuilder};

/// A name being changed.
#[derive(Debug, Clone, PartialEq)]
pub struct Renaming {
    subject: Subject,
    text: String,
    wrong: Option<String>,
    begun: bool,
}

impl Renaming {
    /// Of a thing that has a name; else `None`.
    pub fn of(subject: &Subject) -> Option<Self> {
        let text = ops::name_of(subject)?.to_owned();
        Some(Self { subject: subject.clone(), text, wrong: None, begun: false })
    }
}

impl Canvas {
    /// Where a thing's name stands.
    fn name_rect(&self, subject: &Subject, input_lab: &crate::model::Lab) -> Option<Rect> {
        Some(match subject {
            Subject::Node(name) => {
                let card = self.scene.node(self.scene.node_number(name)?)?.card;
                Rect::at(card.min + point(12.0 + size::CARD_TILE + 6.0, 8.0), 140.0, 22.0)
            }
            Subject::Network(name) => {
                let item = self.scene.networks.iter().find(|item| item.name == *name)?;
                Rect::at(item.bar.min - point(-8.0, 28.0), 160.0, 22.0)
            }
            Subject::Site(name) => Rect::at(self.scene.sites.iter().find(|item| item.name == *name)?.frame.min + point(30.0, 8.0), 180.0, 24.0),
            other => {
                let area = self.scene.rect_of(input_lab, other)?;
                Rect::at(point(area.min.x + 8.0, area.max.y - 34.0), 160.0, 24.0)
            }
        })
    }

    /// Whether a point is on the name of a thing.
    pub(super) fn on_name(&self, at: Point, subject: &Subject) -> bool {
        matches!(subject, Subject::Node(_) | Subject::Network(_) | Subject::Site(_))
            && self.name_rect(subject, &crate::model::Lab::default()).is_some_and(|rect| rect.contains(at))
    }

    /// Shows the field while a name is changed.
    pub(super) fn rename_field(&mut self, ui: &mut Ui, input: &CanvasInput<'_>, events: &mut Vec<CanvasEvent>) {
        let Some(mut renaming) = self.renaming.take() else { return };
        let Some(rect) = self.name_rect(&renaming.subject, input.lab) else { return };
        let Some(viewport) = self.viewport else { return };
        let on_screen = self.camera.screen_rect(viewport.min, rect);
        let field = egui::Rect::from_min_size(on_screen.min, on_screen.size().max(egui::vec2(140.0, 24.0)));
        let id = ui.id().with("rename");
        let edit = egui::TextEdit::singleline(&mut renaming.text)
            .id(id)
            .font(theme::font(FontFace::SemiBold, font_size::NAME))
            .char_limit(crate::model::NAME_BYTES_MAX);
        let response = ui.scope_builder(UiBuilder::new().max_rect(field), |ui| ui.put(field, edit)).inner;
        if !renaming.begun {
            renaming.begun = true;
            response.request_focus();
            let mut state = egui::TextEdit::load_state(ui.ctx(), id).unwrap_or_default();
            let all = egui::text::CCursorRange::two(egui::text::CCursor::new(0), egui::text::CCursor::new(renaming.text.chars().count()));
            state.cursor.set_char_range(Some(all));
            egui::TextEdit::store_state(ui.ctx(), id, state);
        }
        if response.changed() {
            renaming.wrong = None;
        }
        if let Some(wrong) = &renaming.wrong {
            super::drop::say(ui, &ui.painter_at(viewport), field.left_bottom() + egui::vec2(0.0, 6.0), wrong, colors(ui).bad);
        }
        let (enter, escape) = ui.input(|input| (input.key_pressed(Key::Enter), input.key_pressed(Key::Escape)));
        if !response.lost_focus() {
            self.renaming = Some(renaming);
            return;
        }
        let same = ops::name_of(&renaming.subject) == Some(renaming.text.trim());
        if escape || same {
            return;
        }
        match ops::rename(input.lab, &renaming.subject, &renaming.text) {
            Ok(step) => self.tell(Ok(step), input, events),
            // Enter keeps the field open with the reason; going elsewhere gives up.
            Err(refusal) if enter => {
                let wrong = Some(refusal.to_string());
                self.renaming = Some(Renaming { wrong, begun: false, ..renaming });
            }
            Err(refusal) => events.push(CanvasEvent::Refused(refusal.to_string())),
        }
    }
}

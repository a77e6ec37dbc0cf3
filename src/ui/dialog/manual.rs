//! The manual of the rules, from their own doc comments.

use super::{Desk, buttons, cancel, theme, title, widget};
use crate::{
    app::{Command, Dialog, DialogCommand},
    look::{FontFace, font_size, radius, size},
    rules::{RULES, Rule},
    ui::panel,
};
use egui::{Frame, RichText, ScrollArea, Ui, vec2};

const LIST_WIDTH: f32 = 250.0;
const ROW_HEIGHT: f32 = 26.0;

pub(super) fn show(ui: &mut Ui, desk: &mut Desk<'_>, code: Option<&str>) {
    title(ui, "Manual of the rules");
    let height = (ui.ctx().content_rect().height() * 0.65).max(240.0);
    let chosen = code.and_then(crate::rules::rule).or_else(|| RULES.first());
    ui.horizontal_top(|ui| {
        ui.allocate_ui(vec2(LIST_WIDTH, height), |ui| {
            ui.vertical(|ui| {
                ui.add(widget::SearchField::new(&mut desk.memory.manual_query, "Search the rules…").width(LIST_WIDTH));
                list(ui, desk, chosen, height - size::CONTROL_HEIGHT - size::GAP);
            });
        });
        ui.add_space(size::GAP);
        let width = ui.available_width();
        ui.allocate_ui(vec2(width, height), |ui| {
            ScrollArea::vertical().id_salt("page").max_height(height).auto_shrink(false).show(ui, |ui| {
                ui.set_max_width(width - size::PANEL_MARGIN);
                ui.vertical(|ui| {
                    if let Some(rule) = chosen {
                        page(ui, rule);
                    }
                });
            });
        });
    });
    buttons(ui, |ui| cancel(ui, desk, "Close"));
}

fn list(ui: &mut Ui, desk: &mut Desk<'_>, chosen: Option<&Rule>, height: f32) {
    let query = desk.memory.manual_query.trim().to_lowercase();
    let fits = |rule: &&Rule| query.is_empty() || rule.code.contains(&query) || rule.manual().to_lowercase().contains(&query);
    ScrollArea::vertical().id_salt("rules").max_height(height).auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let mut chapter = None;
        for rule in RULES.iter().filter(fits) {
            if chapter != Some(rule.chapter) {
                chapter = Some(rule.chapter);
                ui.add_space(size::GAP);
                widget::section_header(ui, rule.chapter.title(), None);
            }
            let is_chosen = chosen.is_some_and(|chosen| chosen.code == rule.code);
            let (rect, response) = panel::row(ui, ROW_HEIGHT, is_chosen, rule.code);
            let color = if is_chosen { theme::palette(ui).text } else { theme::palette(ui).muted };
            panel::words(ui, rect, (rect.left() + 8.0, rect.right() - 4.0), rule.code, FontFace::Mono, color);
            if response.clicked() {
                desk.send(Command::Dialog(DialogCommand::Ask(Dialog::Manual(Some(rule.code.to_owned())))));
            }
        }
    });
}

/// A page: the little Markdown that the rules' comments use.
fn page(ui: &mut Ui, rule: &Rule) {
    let palette = theme::palette(ui);
    let (icon, color) = (panel::severity_icon(rule.severity), palette.tone(panel::severity_tone(rule.severity)));
    ui.horizontal(|ui| {
        panel::paint_icon(ui, icon, color);
        ui.label(RichText::new(rule.code).font(theme::font(FontFace::Mono, font_size::TITLE)));
    });
    for block in blocks(&rule.manual()) {
        match block {
            Block::Heading(line) => heading(ui, line),
            Block::Code(lines) => code(ui, &lines.join("\n")),
            Block::Words(lines) => drop(ui.label(inline(ui, &lines))),
        }
    }
}

/// A part of a page.
#[derive(Debug, PartialEq)]
enum Block<'a> {
    Heading(&'a str),
    Code(Vec<&'a str>),
    Words(Vec<&'a str>),
}

/// The parts of a page, in order. Code stands between two fences, wherever they are.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().map(str::trim_end);
    // The paragraph that the next line of words belongs to is the last block, until something else begins.
    let mut open = false;
    while let Some(line) = lines.next() {
        let words = line.trim_start();
        if words.starts_with("```") {
            blocks.push(Block::Code(lines.by_ref().take_while(|line| !line.trim_start().starts_with("```")).collect()));
            open = false;
        } else if words.starts_with("## ") {
            blocks.push(Block::Heading(words));
            open = false;
        } else if words.is_empty() {
            open = false;
        } else {
            match blocks.last_mut() {
                Some(Block::Words(paragraph)) if open => paragraph.push(words),
                _ => blocks.push(Block::Words(vec![words])),
            }
            open = true;
        }
    }
    blocks
}

/// A block of code, on a ground of its own.
fn code(ui: &mut Ui, text: &str) {
    let palette = theme::palette(ui);
    let frame = Frame::new().fill(palette.raised).corner_radius(widget::corners(radius::CONTROL)).inner_margin(size::GAP);
    frame.show(ui, |ui| {
        ui.set_min_width(ui.available_width());
        ui.label(RichText::new(text).font(theme::font(FontFace::Mono, font_size::SMALL)));
    });
}

fn heading(ui: &mut Ui, line: &str) {
    ui.add_space(size::GRID);
    ui.label(RichText::new(line.trim_start_matches('#').trim()).font(theme::font(FontFace::SemiBold, font_size::NAME)));
}

/// A paragraph with its `code` in the mono face.
fn inline(ui: &Ui, lines: &[&str]) -> egui::text::LayoutJob {
    let palette = theme::palette(ui);
    let mut job = egui::text::LayoutJob::default();
    let text = lines.join(" ");
    for (nth, part) in text.split('`').enumerate() {
        let face =
            if nth % 2 == 1 { theme::font(FontFace::Mono, font_size::SMALL) } else { theme::font(FontFace::Regular, font_size::BODY) };
        job.append(part, 0.0, egui::TextFormat::simple(face, palette.text));
    }
    job.wrap.max_width = ui.available_width();
    job
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_code_wherever_it_stands() {
        let page = "Two\nlines.\n\n## Example\n```ron\nnodes: {\n\n}\n```\nAfter.";
        let expected = [
            Block::Words(vec!["Two", "lines."]),
            Block::Heading("## Example"),
            Block::Code(vec!["nodes: {", "", "}"]),
            Block::Words(vec!["After."]),
        ];
        assert_eq!(blocks(page), expected);
    }

    #[test]
    fn no_page_shows_a_fence() {
        for rule in RULES {
            for block in blocks(&rule.manual()) {
                assert!(!matches!(&block, Block::Words(lines) if lines.iter().any(|line| line.contains("```"))), "{}", rule.code);
            }
        }
    }
}

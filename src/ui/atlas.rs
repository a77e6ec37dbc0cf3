//! The identity of egui's glyph atlas. Meshes that hold places in the atlas are valid for one identity only.
//!
//! egui replaces the atlas when the theme, the fonts or their options change and when it is nearly full; and it doubles the
//! height as glyphs are added, which moves every place in it. Panels that are laid out before a view may refill a new atlas,
//! so neither its size nor its fill tells a new one from the old. The galley cache does: it is replaced together with the
//! atlas, and it returns the same galley for the same text for as long as it lives.

use crate::{look::FontFace, look::font_size, ui::theme};
use egui::{Color32, Context, Galley, Plugin, Ui};
use std::sync::Arc;

/// Which atlas, and how large it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Atlas {
    generation: u64,
    size: [usize; 2],
}

/// Follows the atlas of a context, and draws a frame again whose meshes the atlas has outgrown.
#[derive(Debug, Default)]
pub struct AtlasWatch {
    sentinel: Option<Arc<Galley>>,
    generation: u64,
    /// What the meshes of this pass were made for.
    used: Option<Atlas>,
    /// Whether the last pass overflowed the atlas: asking for one more pass did not help then.
    overflowed: bool,
}

impl AtlasWatch {
    fn look(&mut self, ctx: &Context) -> Atlas {
        let font = theme::font(FontFace::Regular, font_size::BODY);
        let (galley, size) =
            ctx.fonts_mut(|fonts| (fonts.layout_no_wrap("Sandtable".to_owned(), font, Color32::PLACEHOLDER), fonts.font_image_size()));
        // The known galley is held here, so no other can have its address.
        if !self.sentinel.as_ref().is_some_and(|known| Arc::ptr_eq(known, &galley)) {
            self.sentinel = Some(galley);
            self.generation += 1;
        }
        Atlas { generation: self.generation, size }
    }
}

impl Plugin for AtlasWatch {
    fn debug_name(&self) -> &'static str {
        "glyph atlas"
    }

    fn on_end_pass(&mut self, ui: &mut Ui) {
        let Some(used) = self.used.take() else { return };
        let now = self.look(ui.ctx());
        // A full atlas overwrites glyphs of the same frame; egui replaces it before the next pass.
        let overflows = ui.ctx().fonts(|fonts| fonts.font_atlas_fill_ratio()) >= 1.0;
        let overflows_again = std::mem::replace(&mut self.overflowed, overflows) && overflows;
        if used != now || (overflows && !overflows_again) {
            ui.ctx().request_discard("the glyph atlas has changed since the canvas was drawn");
            if !ui.ctx().will_discard() {
                ui.ctx().request_repaint();
            }
        }
    }
}

/// The atlas at this moment. Laying out text may change it.
pub fn current(ctx: &Context) -> Atlas {
    ctx.plugin_or_default::<AtlasWatch>().lock().look(ctx)
}

/// Notes that this pass shows meshes made for an atlas. Where the atlas is another one at the end of the pass, the pass is
/// run again.
pub fn uses(ctx: &Context, atlas: Atlas) {
    ctx.plugin_or_default::<AtlasWatch>().lock().used = Some(atlas);
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{FontId, RawInput};

    /// Runs a frame and returns the atlas before and after laying out glyphs of some sizes.
    fn frame(ctx: &Context, sizes: std::ops::Range<u16>) -> (Atlas, Atlas) {
        let mut seen = None;
        let output = ctx.run_ui(RawInput::default(), |ui| {
            // What panels lay out before the canvas looks.
            for size in sizes.clone() {
                ui.fonts_mut(|fonts| fonts.layout_no_wrap("Sandtable".to_owned(), FontId::proportional(f32::from(size)), Color32::WHITE));
            }
            let before = current(ui.ctx());
            seen = Some((before, current(ui.ctx())));
        });
        output.drop_without_applying_deltas();
        seen.unwrap()
    }

    #[test]
    fn a_new_atlas_is_noticed_although_panels_refilled_it() {
        let ctx = Context::default();
        theme::install(&ctx);
        let _fonts_come_with_the_second_frame = frame(&ctx, 10..40);
        let (dark, same) = frame(&ctx, 10..40);
        assert_eq!(dark, same);
        assert_eq!(frame(&ctx, 10..40).1, dark, "nothing changed");
        let fill = || ctx.fonts(|fonts| (fonts.font_image_size(), fonts.font_atlas_fill_ratio()));
        let before = fill();
        for preference in [crate::look::Preference::Light, crate::look::Preference::Dark] {
            theme::set_preference(&ctx, preference);
            let (replaced, _) = frame(&ctx, 10..40);
            assert_ne!(replaced, dark);
            assert_eq!(fill(), before, "size and fill are as they were");
        }
    }

    #[test]
    fn a_pass_that_outgrows_its_atlas_is_run_again() {
        let ctx = Context::default();
        theme::install(&ctx);
        frame(&ctx, 10..12);
        let mut passes = 0;
        let output = ctx.run_ui(RawInput::default(), |ui| {
            passes += 1;
            uses(ui.ctx(), current(ui.ctx()));
            // A dialog after the canvas, with glyphs that were never seen.
            for size in 60_u16..90 {
                ui.fonts_mut(|fonts| fonts.layout_no_wrap("Sandtable".to_owned(), FontId::proportional(f32::from(size)), Color32::WHITE));
            }
        });
        output.drop_without_applying_deltas();
        assert_eq!(passes, 2);
    }
}

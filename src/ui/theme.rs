//! Puts the tokens of `look` into egui: fonts, text styles, and the whole style for dark and light.
//!
//! The only place that turns a token into egui's types. It keeps no preference: the caller says what the user wants.

use super::{atlas::AtlasWatch, one_press::OnePress};
use crate::look::{Appearance, Color, FontFace, Motion, Palette, Preference, Scale, Tone, duration_secs, font_size, size, stroke};
use egui::{
    Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Id, Margin, Shadow, Stroke, Style, TextStyle,
    ThemePreference, Visuals,
    epaint::text::FontTweak,
    style::{HandleShape, ScrollAnimation, ScrollStyle, Selection, TextCursorStyle, WidgetVisuals, Widgets},
    vec2,
};
use std::sync::{Arc, LazyLock};

impl From<Color> for Color32 {
    fn from(color: Color) -> Self {
        Self::from_rgba_unmultiplied(color.r, color.g, color.b, color.a)
    }
}

/// What widgets look up: the colours in egui's type, and whether things may move.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Theme {
    appearance: Appearance,
    palette: Palette<Color32>,
}

impl Theme {
    /// The theme that a context shows now.
    pub fn of(ctx: &Context) -> &'static Self {
        static DARK: LazyLock<Theme> = LazyLock::new(|| Theme::new(Appearance::Dark));
        static LIGHT: LazyLock<Theme> = LazyLock::new(|| Theme::new(Appearance::Light));
        match ctx.theme() {
            egui::Theme::Dark => &DARK,
            egui::Theme::Light => &LIGHT,
        }
    }

    fn new(appearance: Appearance) -> Self {
        Self { appearance, palette: appearance.palette().map(Color32::from) }
    }

    /// Dark or light.
    pub fn appearance(&self) -> Appearance {
        self.appearance
    }

    /// The colours.
    pub fn palette(&self) -> &Palette<Color32> {
        &self.palette
    }

    /// A border of the usual width.
    pub fn border(&self) -> Stroke {
        Stroke::new(stroke::BORDER, self.palette.line)
    }

    /// The line around what is chosen or has the keyboard.
    pub fn selection(&self) -> Stroke {
        Stroke::new(stroke::SELECTION, self.palette.accent)
    }

    /// The soft shadow of cards.
    pub fn card_shadow(&self) -> Shadow {
        Shadow { offset: [0, 2], blur: 8, spread: 0, color: self.palette.shadow }
    }

    /// The shadow of what floats: bars, menus, dialogs.
    pub fn float_shadow(&self) -> Shadow {
        Shadow { offset: [0, 8], blur: 24, spread: 0, color: self.palette.shadow }
    }

    /// The colour of a tone, for words, icons and borders.
    pub fn tone(&self, tone: Tone) -> Color32 {
        self.palette.tone(tone)
    }
}

/// The colours of the theme that a `Ui` shows now.
pub fn palette(ui: &egui::Ui) -> &'static Palette<Color32> {
    Theme::of(ui.ctx()).palette()
}

/// A face at a size in points.
pub fn font(face: FontFace, size: f32) -> FontId {
    FontId::new(size, family(face))
}

/// The family that a face is installed under.
pub fn family(face: FontFace) -> FontFamily {
    static MEDIUM: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("medium".into()));
    static SEMI_BOLD: LazyLock<FontFamily> = LazyLock::new(|| FontFamily::Name("semibold".into()));
    match face {
        FontFace::Regular => FontFamily::Proportional,
        FontFace::Medium => MEDIUM.clone(),
        FontFace::SemiBold => SEMI_BOLD.clone(),
        FontFace::Mono => FontFamily::Monospace,
    }
}

/// Installs fonts, both styles, and what watches over frames. Once, before the first frame.
pub fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    ctx.add_plugin(AtlasWatch::default());
    ctx.add_plugin(OnePress::default());
    ctx.options_mut(|options| {
        options.fallback_theme = egui::Theme::Dark;
        // The scale is a preference; the keys for it zoom the canvas.
        options.zoom_with_keyboard = false;
    });
    for (theme, appearance) in [(egui::Theme::Dark, Appearance::Dark), (egui::Theme::Light, Appearance::Light)] {
        ctx.set_style_of(theme, style(&Theme::new(appearance)));
    }
}

/// Follows what the user wants.
pub fn set_preference(ctx: &Context, preference: Preference) {
    ctx.set_theme(match preference {
        Preference::System => ThemePreference::System,
        Preference::Dark => ThemePreference::Dark,
        Preference::Light => ThemePreference::Light,
    });
}

/// The least size of the window in which everything can be used, in points: no scale leaves less.
pub const WINDOW_MIN: [f32; 2] = [800.0, 560.0];

/// Sets how large the interface is: as wanted, as far as the window has room for it. It holds from the next frame on.
pub fn set_scale(ctx: &Context, scale: Scale) {
    let factor = scale_that_fits(scale, ctx.content_rect().size() * ctx.zoom_factor());
    if (factor - ctx.zoom_factor()).abs() > 0.005 {
        ctx.set_zoom_factor(factor);
    }
}

/// The scale that is shown, in percent.
pub fn shown_percent(ctx: &Context) -> u16 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is between 0.75 and 2")]
    let percent = (ctx.zoom_factor() * 100.0).round() as u16;
    percent
}

/// The factor of a scale in a window of so many points of the desktop: in steps, so that a window that is resized does not shimmer.
fn scale_that_fits(scale: Scale, window: egui::Vec2) -> f32 {
    const STEPS: f32 = 20.0;
    let room = (window.x / WINDOW_MIN[0]).min(window.y / WINDOW_MIN[1]);
    let steps = (room * STEPS + 0.01).floor() / STEPS;
    (f32::from(scale.percent()) / 100.0).min(steps.max(1.0))
}

/// Lets things move, or shows every change at once.
pub fn set_motion(ctx: &Context, motion: Motion) {
    ctx.data_mut(|data| data.insert_temp(motion_id(), motion == Motion::Reduced));
    ctx.all_styles_mut(|style| {
        style.animation_time = match motion {
            Motion::Full => duration_secs::QUICK,
            Motion::Reduced => 0.0,
        };
        style.visuals.text_cursor.blink = motion == Motion::Full;
        style.scroll_animation = match motion {
            Motion::Full => scroll_animation(),
            Motion::Reduced => ScrollAnimation::none(),
        };
    });
}

/// Whether things may move.
pub fn motion(ctx: &Context) -> Motion {
    if ctx.data(|data| data.get_temp(motion_id())).unwrap_or(false) { Motion::Reduced } else { Motion::Full }
}

/// A duration of `look`, or none where motion is reduced.
pub fn duration(ctx: &Context, secs: f32) -> f32 {
    match motion(ctx) {
        Motion::Full => secs,
        Motion::Reduced => 0.0,
    }
}

fn motion_id() -> Id {
    Id::new("sandtable reduced motion")
}

fn scroll_animation() -> ScrollAnimation {
    ScrollAnimation::duration(duration_secs::USUAL)
}

fn fonts() -> FontDefinitions {
    // egui's own fonts stay behind ours, for symbols and scripts that ours lack.
    let mut fonts = FontDefinitions::default();
    let fallback = fonts.families.get(&FontFamily::Proportional).cloned().unwrap_or_default();
    for face in FontFace::ALL {
        let name = format!("{} {}", face.family(), face.weight());
        let data = FontData::from_static(face.bytes()).tweak(FontTweak::default());
        fonts.font_data.insert(name.clone(), Arc::new(data));
        let chain = fonts.families.entry(family(face)).or_insert_with(|| fallback.clone());
        chain.insert(0, name);
    }
    fonts
}

/// The whole style of a theme.
pub fn style(theme: &Theme) -> Style {
    let mut style = Style {
        text_styles: [
            (TextStyle::Small, font(FontFace::Regular, font_size::SMALL)),
            (TextStyle::Body, font(FontFace::Regular, font_size::BODY)),
            (TextStyle::Button, font(FontFace::Regular, font_size::BODY)),
            (TextStyle::Heading, font(FontFace::SemiBold, font_size::TITLE)),
            (TextStyle::Monospace, font(FontFace::Mono, font_size::BODY - 0.5)),
            (TextStyle::Name("name".into()), font(FontFace::SemiBold, font_size::NAME)),
        ]
        .into(),
        animation_time: duration_secs::QUICK,
        visuals: visuals(theme),
        scroll_animation: scroll_animation(),
        compact_menu_style: false,
        ..Style::default()
    };
    let grid = size::GRID;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(2.0 * grid, 2.0 * grid);
    spacing.window_margin = Margin::same(16);
    spacing.menu_margin = Margin::same(4);
    spacing.button_padding = vec2(2.5 * grid, grid);
    spacing.indent = 4.0 * grid;
    spacing.interact_size = vec2(size::CONTROL_HEIGHT, size::CONTROL_HEIGHT);
    spacing.slider_width = 120.0;
    spacing.slider_rail_height = grid;
    spacing.combo_width = 120.0;
    spacing.text_edit_width = 180.0;
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 8.0;
    spacing.icon_spacing = 2.0 * grid;
    spacing.tooltip_width = 320.0;
    spacing.menu_width = 280.0;
    spacing.menu_spacing = grid;
    spacing.combo_height = 280.0;
    spacing.scroll = ScrollStyle {
        bar_width: 8.0,
        floating_width: 4.0,
        handle_min_length: 24.0,
        bar_inner_margin: 2.0,
        bar_outer_margin: 2.0,
        foreground_color: false,
        ..ScrollStyle::floating()
    };
    style.interaction.tooltip_delay = 0.4;
    style.interaction.selectable_labels = false;
    style
}

fn visuals(theme: &Theme) -> Visuals {
    let palette = &theme.palette;
    let base = match theme.appearance {
        Appearance::Dark => Visuals::dark(),
        Appearance::Light => Visuals::light(),
    };
    let rounded = CornerRadius::same(RADIUS_CONTROL);
    let state = |fill: Color32, border: Stroke, words: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: border,
        corner_radius: rounded,
        fg_stroke: Stroke::new(stroke::FLOW, words),
        expansion: 0.0,
    };
    let strong = Stroke::new(stroke::BORDER, palette.line_strong);
    Visuals {
        weak_text_color: Some(palette.muted),
        widgets: Widgets {
            noninteractive: state(palette.panel, theme.border(), palette.text),
            inactive: state(palette.raised, theme.border(), palette.text),
            hovered: state(palette.raised_hover, strong, palette.text),
            active: state(palette.raised_hover, theme.selection(), palette.text),
            open: state(palette.raised_hover, strong, palette.text),
        },
        selection: Selection { bg_fill: palette.accent_wash, stroke: theme.selection() },
        hyperlink_color: palette.accent,
        faint_bg_color: palette.raised,
        extreme_bg_color: palette.raised,
        text_edit_bg_color: Some(palette.raised),
        code_bg_color: palette.raised,
        warn_fg_color: palette.warn,
        error_fg_color: palette.bad,
        window_corner_radius: CornerRadius::same(RADIUS_CARD),
        window_shadow: theme.float_shadow(),
        window_fill: palette.panel,
        window_stroke: theme.border(),
        window_highlight_topmost: false,
        menu_corner_radius: CornerRadius::same(RADIUS_CARD),
        panel_fill: palette.panel,
        popup_shadow: theme.float_shadow(),
        text_cursor: TextCursorStyle { stroke: Stroke::new(stroke::FLOW, palette.accent), ..TextCursorStyle::default() },
        slider_trailing_fill: true,
        handle_shape: HandleShape::Rect { aspect_ratio: 0.5 },
        indent_has_left_vline: false,
        ..base
    }
}

/// egui's corners are whole points.
const RADIUS_CONTROL: u8 = 6;
const RADIUS_CARD: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::radius;

    #[test]
    fn corners_are_those_of_the_tokens() {
        assert_eq!((f32::from(RADIUS_CONTROL), f32::from(RADIUS_CARD)), (radius::CONTROL, radius::CARD));
    }

    #[test]
    fn the_scale_leaves_room_for_everything() {
        let fits = |percent: u16, window: egui::Vec2| scale_that_fits(percent.try_into().unwrap(), window);
        assert_eq!(fits(75, vec2(1440.0, 900.0)), 0.75);
        assert_eq!(fits(150, vec2(1440.0, 900.0)), 1.5);
        assert_eq!(fits(200, vec2(1440.0, 900.0)), 1.6);
        assert_eq!(fits(200, vec2(1600.0, 1120.0)), 2.0);
        assert_eq!(fits(200, vec2(1024.0, 640.0)), 1.1);
        assert_eq!(fits(125, vec2(640.0, 480.0)), 1.0, "a window that is too small anyway keeps its usual size");
    }

    #[test]
    fn motion_can_be_reduced_and_let_go_again() {
        let ctx = Context::default();
        install(&ctx);
        assert_eq!(duration(&ctx, 0.2), 0.2);
        set_motion(&ctx, Motion::Reduced);
        assert_eq!((motion(&ctx), duration(&ctx, 0.2)), (Motion::Reduced, 0.0));
        assert_eq!(ctx.style_of(egui::Theme::Light).animation_time, 0.0);
        set_motion(&ctx, Motion::Full);
        assert_eq!(motion(&ctx), Motion::Full);
    }

    #[test]
    fn a_preference_decides_the_theme() {
        let ctx = Context::default();
        install(&ctx);
        for (preference, appearance) in [(Preference::Light, Appearance::Light), (Preference::Dark, Appearance::Dark)] {
            set_preference(&ctx, preference);
            assert_eq!(Theme::of(&ctx).appearance(), appearance);
        }
    }
}

//! The design's numbers: colours for dark and light, sizes, type, durations. Nothing else in the program writes a colour
//! or a size of its own.

use super::Color;
use serde::{Deserialize, Serialize};

/// Which of the two sets of colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Appearance {
    /// Light on dark.
    #[default]
    Dark,
    /// Dark on light.
    Light,
}

impl Appearance {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Dark, Self::Light];

    /// Its colours.
    pub fn palette(self) -> &'static Palette {
        match self {
            Self::Dark => &DARK,
            Self::Light => &LIGHT,
        }
    }
}

/// Which appearance the user wants.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preference {
    /// What the desktop says; dark where it says nothing.
    #[default]
    System,
    /// Always dark.
    Dark,
    /// Always light.
    Light,
}

impl Preference {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::System, Self::Dark, Self::Light];

    /// What it shows.
    pub fn about(self) -> &'static str {
        match self {
            Self::System => "The theme of the desktop",
            Self::Dark => "Light words on a dark ground",
            Self::Light => "Dark words on a light ground",
        }
    }

    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Dark => "Dark",
            Self::Light => "Light",
        }
    }
}

/// Whether things may move.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Motion {
    /// Changes are shown by short movements.
    #[default]
    Full,
    /// Changes are shown at once.
    Reduced,
}

impl Motion {
    /// Both, in the order of the preferences.
    pub const ALL: [Self; 2] = [Self::Full, Self::Reduced];

    /// The word that people read.
    pub fn title(self) -> &'static str {
        match self {
            Self::Full => "Full",
            Self::Reduced => "Reduced",
        }
    }

    /// What it shows.
    pub fn about(self) -> &'static str {
        match self {
            Self::Full => "Changes are shown by short movements",
            Self::Reduced => "Changes are shown at once",
        }
    }
}

/// How large the interface is, in percent of its usual size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u16", into = "u16")]
pub struct Scale(u16);

impl Scale {
    /// Those that are offered.
    pub const ALL: [Self; 8] = [Self(75), Self(90), Self(100), Self(110), Self(125), Self(150), Self(175), Self(200)];

    /// In percent.
    pub fn percent(self) -> u16 {
        self.0
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self(100)
    }
}

impl TryFrom<u16> for Scale {
    type Error = String;

    fn try_from(percent: u16) -> Result<Self, String> {
        if (75..=200).contains(&percent) { Ok(Self(percent)) } else { Err(format!("{percent} is no scale from 75 to 200")) }
    }
}

impl From<Scale> for u16 {
    fn from(scale: Scale) -> Self {
        scale.0
    }
}

/// What a coloured thing says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tone {
    /// Nothing in particular.
    #[default]
    Neutral,
    /// Chosen, or the thing to do next.
    Accent,
    /// As it should be.
    Good,
    /// Look at it.
    Warn,
    /// Broken, or about to break something.
    Bad,
    /// A suggestion: nothing is wrong.
    Advice,
    /// About a virtual address.
    Vip,
}

/// How many hues the rails of networks have before they repeat.
pub const RAIL_HUES: usize = 6;

macro_rules! palette {
    ($($(#[$about:meta])* $role:ident),* $(,)?) => {
        /// The colours by what they are for. `C` is [`Color`] here, and the window's own type in the window.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct Palette<C = Color> {
            $($(#[$about])* pub $role: C,)*
            /// Rails of networks, handed out in order ([`Palette::rail`]).
            pub rails: [C; RAIL_HUES],
        }

        impl<C: Copy> Palette<C> {
            /// The same palette in another type of colour.
            pub fn map<D>(&self, into: impl Fn(C) -> D) -> Palette<D> {
                Palette { $($role: into(self.$role),)* rails: self.rails.map(&into) }
            }
        }
    };
}

palette! {
    /// Behind the drawing.
    canvas,
    /// The dots of the drawing's grid.
    dot,
    /// Panels, dialogs and menus.
    panel,
    /// Fields, tiles and chips on a panel; also a card's icon tile.
    raised,
    /// A raised thing under the pointer.
    raised_hover,
    /// The chosen part of a segmented control, and the knob of a switch.
    segment,
    /// A node's card.
    card,
    /// Borders and separators.
    line,
    /// Borders of things under the pointer.
    line_strong,
    /// Words.
    text,
    /// Words that matter less.
    muted,
    /// What may be missed: hints, section titles' ornaments. Below the contrast that words need.
    faint,
    /// Chosen things, focus, the next thing to do.
    accent,
    /// Accent under the pointer.
    accent_hover,
    /// Words on accent.
    on_accent,
    /// Behind a chosen row: a wash of accent.
    accent_wash,
    /// As it should be.
    good,
    /// Look at it.
    warn,
    /// Broken.
    bad,
    /// Behind a broken thing: a wash of bad.
    bad_wash,
    /// A suggestion. Not the accent: what is selected and what could be better are different things.
    advice,
    /// Words on good, warn, bad and advice.
    on_signal,
    /// The virtual address.
    vip,
    /// Words on vip.
    on_vip,
    /// The shadow of cards and floating bars.
    shadow,
    /// The rail of a NAT network.
    rail_nat,
    /// The rail of a bridged network: the colour of warning.
    rail_bridged,
}

impl<C: Copy> Palette<C> {
    /// The colour of the nth rail that is neither NAT nor bridged; hues repeat after [`RAIL_HUES`].
    pub fn rail(&self, nth: usize) -> C {
        self.rails.get(nth % RAIL_HUES).copied().unwrap_or(self.rail_nat)
    }

    /// The colour of a tone, for words, icons and borders.
    pub fn tone(&self, tone: Tone) -> C {
        match tone {
            Tone::Neutral => self.muted,
            Tone::Accent => self.accent,
            Tone::Good => self.good,
            Tone::Warn => self.warn,
            Tone::Bad => self.bad,
            Tone::Advice => self.advice,
            Tone::Vip => self.vip,
        }
    }

    /// The colour of words on a ground of a tone.
    pub fn on_tone(&self, tone: Tone) -> C {
        match tone {
            Tone::Neutral => self.panel,
            Tone::Accent => self.on_accent,
            Tone::Good | Tone::Warn | Tone::Bad | Tone::Advice => self.on_signal,
            Tone::Vip => self.on_vip,
        }
    }
}

/// Light on dark.
pub const DARK: Palette = Palette {
    canvas: Color::hex(0x0F1217),
    dot: Color::hex(0x1C222B),
    panel: Color::hex(0x161B22),
    raised: Color::hex(0x1D242D),
    raised_hover: Color::hex(0x27303B),
    segment: Color::hex(0x2B3542),
    card: Color::hex(0x1B222B),
    line: Color::hex(0x29323D),
    line_strong: Color::hex(0x3D4957),
    text: Color::hex(0xE7ECF2),
    muted: Color::hex(0x98A4B3),
    faint: Color::hex(0x5E6A79),
    accent: Color::hex(0x5AA9F7),
    accent_hover: Color::hex(0x7BBBF9),
    on_accent: Color::hex(0x08121E),
    accent_wash: Color { a: 36, ..Color::hex(0x5AA9F7) },
    good: Color::hex(0x43B883),
    warn: Color::hex(0xE3A23C),
    bad: Color::hex(0xEA5B57),
    bad_wash: Color { a: 36, ..Color::hex(0xEA5B57) },
    advice: Color::hex(0xCF95F0),
    on_signal: Color::hex(0x120807),
    vip: Color::hex(0xF2C14E),
    on_vip: Color::hex(0x2A1E00),
    shadow: Color { a: 90, ..Color::hex(0) },
    rail_nat: Color::hex(0x7E8DA3),
    rail_bridged: Color::hex(0xE3A23C),
    rails: [
        Color::hex(0x4FB6C9),
        Color::hex(0x9B84E8),
        Color::hex(0xDE7FB3),
        Color::hex(0xA9B665),
        Color::hex(0x7A9BF0),
        Color::hex(0xC9A27E),
    ],
};

/// Dark on light. Accent, good, warn, bad and the NAT rail are a shade darker than the drawings (1F6FD0, 1F8F5F, B0730B,
/// CE3B37, 66758A): those fall short of 4.5 : 1 as words on canvas or raised.
pub const LIGHT: Palette = Palette {
    canvas: Color::hex(0xF7F8FA),
    dot: Color::hex(0xE3E7EC),
    panel: Color::hex(0xFFFFFF),
    raised: Color::hex(0xF1F3F6),
    raised_hover: Color::hex(0xE6EAF0),
    segment: Color::hex(0xFFFFFF),
    card: Color::hex(0xFFFFFF),
    line: Color::hex(0xDDE2E9),
    line_strong: Color::hex(0xB9C2CE),
    text: Color::hex(0x1A2230),
    muted: Color::hex(0x5B6778),
    faint: Color::hex(0x94A0B0),
    accent: Color::hex(0x1E6DCC),
    accent_hover: Color::hex(0x185CAE),
    on_accent: Color::hex(0xFFFFFF),
    accent_wash: Color { a: 28, ..Color::hex(0x1E6DCC) },
    good: Color::hex(0x1B7D53),
    warn: Color::hex(0x976309),
    bad: Color::hex(0xCB3632),
    bad_wash: Color { a: 24, ..Color::hex(0xCB3632) },
    advice: Color::hex(0x9333B8),
    on_signal: Color::hex(0xFFFFFF),
    vip: Color::hex(0xC98A00),
    on_vip: Color::hex(0x2A1E00),
    shadow: Color { a: 26, ..Color::hex(0x1A2230) },
    rail_nat: Color::hex(0x627084),
    rail_bridged: Color::hex(0x976309),
    rails: [
        Color::hex(0x197A8B),
        Color::hex(0x6F56C9),
        Color::hex(0xB54588),
        Color::hex(0x677519),
        Color::hex(0x3D63C8),
        Color::hex(0x8A6340),
    ],
};

/// Sizes in points, all on the grid of four.
pub mod size {
    /// The grid everything stands on.
    pub const GRID: f32 = 4.0;
    /// Between things that belong together.
    pub const GAP: f32 = 8.0;
    /// From a panel's edge to what is in it.
    pub const PANEL_MARGIN: f32 = 16.0;
    /// The bar at the top of the window.
    pub const TOP_BAR_HEIGHT: f32 = 48.0;
    /// The palette at the left.
    pub const PALETTE_WIDTH: f32 = 216.0;
    /// The inspector at the right.
    pub const INSPECTOR_WIDTH: f32 = 288.0;
    /// Buttons, fields, and tiles with one line of words.
    pub const CONTROL_HEIGHT: f32 = 28.0;
    /// A tile of the palette.
    pub const TILE_WIDTH: f32 = 94.0;
    /// The name of a field, left of it.
    pub const LABEL_WIDTH: f32 = 90.0;
    /// An icon in a control.
    pub const ICON: f32 = 14.0;
    /// An icon in a node's tile.
    pub const ICON_LARGE: f32 = 16.0;
    /// A node's card.
    pub const CARD_WIDTH: f32 = 196.0;
    /// A node's card.
    pub const CARD_HEIGHT: f32 = 88.0;
    /// The tile with a card's icon.
    pub const CARD_TILE: f32 = 28.0;
    /// A service chip in a card.
    pub const CHIP_HEIGHT: f32 = 22.0;
    /// A virtual address on its rail.
    pub const TOKEN_HEIGHT: f32 = 26.0;
    /// A network's rail.
    pub const RAIL_HEIGHT: f32 = 6.0;
    /// The distance between the dots of the canvas.
    pub const DOT_PITCH: f32 = 24.0;
    /// A count on a card or a tab.
    pub const BADGE_HEIGHT: f32 = 18.0;
    /// A health mark's diameter.
    pub const MARK: f32 = 12.0;
}

/// Corner radii, in points.
pub mod radius {
    /// Buttons, fields, tiles.
    pub const CONTROL: f32 = 6.0;
    /// Cards, floating bars, dialogs, menus.
    pub const CARD: f32 = 10.0;
}

/// Widths of lines, in points.
pub mod stroke {
    /// Borders and separators.
    pub const BORDER: f32 = 1.0;
    /// What is chosen or has the keyboard.
    pub const SELECTION: f32 = 2.0;
    /// A drop from a rail to a card.
    pub const DROP: f32 = 2.0;
    /// A flow.
    pub const FLOW: f32 = 1.4;
}

/// The type scale, in points.
pub mod font_size {
    /// Section titles, roles, addresses beside drops.
    pub const SMALL: f32 = 11.0;
    /// Controls and lists.
    pub const BODY: f32 = 12.5;
    /// Names on cards.
    pub const NAME: f32 = 13.0;
    /// Titles of panels and dialogs.
    pub const TITLE: f32 = 15.0;
}

/// How long a change takes to be shown, in seconds; none of them when [`Motion::Reduced`].
pub mod duration_secs {
    /// Hover, press, a switch.
    pub const QUICK: f32 = 0.12;
    /// A panel folding, a selection moving.
    pub const USUAL: f32 = 0.18;
    /// The virtual address moving, the view flying to a node.
    pub const LONG: f32 = 0.24;
    /// A request going one flow.
    pub const LEG: f32 = 0.32;
    /// From resting on a thing to its hover card.
    pub const HOVER: f32 = 0.25;
}

/// The one curve of all movements: fast, then settling. From 0 to 1 for a time from 0 to 1.
pub fn ease_out(time: f32) -> f32 {
    let left = 1.0 - time.clamp(0.0, 1.0);
    1.0 - left * left * left
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The contrast that WCAG 2.2 (1.4.3, level AA) asks of words.
    const WORDS: f32 = 4.5;

    fn too_faint(appearance: Appearance) -> Vec<String> {
        let palette = appearance.palette();
        let grounds = [("canvas", palette.canvas), ("panel", palette.panel), ("raised", palette.raised), ("card", palette.card)];
        let words = [
            ("text", palette.text),
            ("muted", palette.muted),
            ("accent", palette.accent),
            ("good", palette.good),
            ("warn", palette.warn),
            ("bad", palette.bad),
            ("advice", palette.advice),
        ];
        let mut pairs: Vec<(String, f32)> = Vec::new();
        for (word, color) in words {
            for (ground, behind) in grounds {
                pairs.push((format!("{word} on {ground}"), color.contrast(behind)));
            }
        }
        // A rail's colour is also that of its name, which stands on the canvas.
        for (nth, color) in palette.rails.iter().chain([&palette.rail_nat, &palette.rail_bridged]).enumerate() {
            pairs.push((format!("rail {nth} on canvas"), color.contrast(palette.canvas)));
        }
        for tone in [Tone::Neutral, Tone::Accent, Tone::Good, Tone::Warn, Tone::Bad, Tone::Advice, Tone::Vip] {
            pairs.push((format!("words on {tone:?}"), palette.on_tone(tone).contrast(palette.tone(tone))));
        }
        pairs.push(("words on accent under the pointer".into(), palette.on_accent.contrast(palette.accent_hover)));
        for (word, color) in [("text", palette.text), ("muted", palette.muted)] {
            pairs.push((format!("{word} on raised under the pointer"), color.contrast(palette.raised_hover)));
        }
        for (name, wash) in [("accent wash", palette.accent_wash), ("bad wash", palette.bad_wash)] {
            pairs.push((format!("text on {name}"), palette.text.contrast(wash.over(palette.panel))));
        }
        pairs.into_iter().filter(|(_, ratio)| *ratio < WORDS).map(|(pair, ratio)| format!("{pair}: {ratio:.2}")).collect()
    }

    #[test]
    fn words_can_be_read_in_both_appearances() {
        for appearance in Appearance::ALL {
            assert_eq!(too_faint(appearance), Vec::<String>::new(), "{appearance:?}");
        }
    }

    #[test]
    fn the_test_of_contrast_can_fail() {
        assert!(LIGHT.faint.contrast(LIGHT.panel) < WORDS);
        assert!(Color::hex(0x1F6FD0).contrast(LIGHT.raised) < WORDS, "the drawing's accent");
    }

    #[test]
    fn what_is_selected_and_what_findings_say_have_colours_of_their_own() {
        let distance = |one: Color, other: Color| {
            let parts = [(one.r, other.r), (one.g, other.g), (one.b, other.b)];
            parts.iter().map(|(one, other)| (f32::from(*one) - f32::from(*other)).powi(2)).sum::<f32>().sqrt()
        };
        for palette in [&DARK, &LIGHT] {
            let colors = [Tone::Accent, Tone::Good, Tone::Warn, Tone::Bad, Tone::Advice].map(|tone| (tone, palette.tone(tone)));
            for (place, (one, color)) in colors.iter().enumerate() {
                for (other, other_color) in colors.iter().skip(place + 1) {
                    assert!(distance(*color, *other_color) > 70.0, "{one:?} and {other:?}");
                }
            }
        }
    }

    #[test]
    fn rails_repeat_and_differ() {
        for palette in [&DARK, &LIGHT] {
            assert_eq!(palette.rail(0), palette.rail(RAIL_HUES));
            let mut hues = palette.rails.to_vec();
            hues.sort_unstable();
            hues.dedup();
            assert_eq!(hues.len(), RAIL_HUES);
            assert!(!hues.contains(&palette.rail_bridged), "bridged is the only rail in the colour of warning");
            assert_eq!(palette.rail_bridged, palette.warn);
        }
    }

    #[test]
    fn movement_starts_fast_and_ends_at_one() {
        assert_eq!((ease_out(-1.0), ease_out(0.0), ease_out(1.0), ease_out(9.0)), (0.0, 0.0, 1.0, 1.0));
        assert!(ease_out(0.25) > 0.5);
    }
}

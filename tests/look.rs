//! Photographs of every reusable piece and every icon, in both themes; and how the pieces behave under keys and clicks.
//!
//! `UPDATE_SNAPSHOTS=true cargo test --test look` takes the photographs anew; look at them before keeping them.
#![cfg(feature = "desktop")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use egui::{Align, Color32, CornerRadius, Frame, Key, Layout, Margin, Rect, RichText, Sense, Ui, Vec2, vec2};
use egui_kittest::{
    Harness,
    kittest::{NodeT, Queryable},
};
use sandtable::{
    look::{Appearance, FontFace, Icon, Motion, Preference, Tone, font_size, size},
    model::Health,
    ui::{
        icon,
        theme::{self, Theme, palette},
        widget::{
            Badge, Button, HealthMark, IconButton, KeyHint, NumberField, PaletteItem, Pill, SearchField, Tab, TextField, Toggle, Typed,
            choice, empty_state, field_row, floating_bar_frame, section_header, segmented, tab_bar, value_row,
        },
    },
};

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Design,
    Run,
    Present,
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Findings,
    Plan,
    Events,
    Log,
}

struct Gallery {
    mode: Mode,
    place: Place,
    search: String,
    found: String,
    dhcp: bool,
    sealed: bool,
    image: u8,
    slider: f32,
    checked: bool,
}

impl Gallery {
    fn new() -> Self {
        Self {
            mode: Mode::Design,
            place: Place::Findings,
            search: String::new(),
            found: "galera".into(),
            dhcp: true,
            sealed: false,
            image: 1,
            slider: 0.4,
            checked: true,
        }
    }

    fn show(&mut self, ui: &mut Ui) {
        let canvas = palette(ui).canvas;
        Frame::new().fill(canvas).inner_margin(Margin::same(0)).show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            ui.spacing_mut().item_spacing = Vec2::ZERO;
            self.top_bar(ui);
            ui.horizontal_top(|ui| {
                self.left(ui);
                ui.vertical(|ui| {
                    ui.set_width(620.0);
                    self.middle(ui);
                });
                self.right(ui);
            });
        });
    }

    fn top_bar(&mut self, ui: &mut Ui) {
        panel(ui, vec2(ui.available_width(), size::TOP_BAR_HEIGHT), |ui| {
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = size::GAP;
                ui.label(RichText::new("Sandtable").font(theme::font(FontFace::SemiBold, font_size::TITLE)));
                ui.add_space(8.0);
                ui.label(RichText::new("mini-cloud.ron").color(palette(ui).muted));
                ui.add_space(120.0);
                segmented(ui, "Mode", &mut self.mode, &[(Mode::Design, "Design"), (Mode::Run, "Run"), (Mode::Present, "Present")]);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    ui.add(KeyHint("Ctrl K"));
                    ui.add(IconButton::new(Icon::Search, "Commands").shortcut("Ctrl K"));
                    ui.add(Button::danger("Heal all").icon(Icon::Heal));
                    ui.add(Button::primary("Plan…").icon(Icon::Play));
                });
            });
        });
    }

    fn left(&mut self, ui: &mut Ui) {
        panel(ui, vec2(size::PALETTE_WIDTH, 872.0), |ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 6.0);
            ui.add(SearchField::new(&mut self.search, "Add…"));
            ui.add(SearchField::new(&mut self.found, "Add…"));
            section_header(ui, "Nodes", None);
            tiles(ui, &[(Icon::Balancer, "Balancer"), (Icon::App, "App"), (Icon::Database, "Database"), (Icon::Monitor, "Monitor")]);
            tiles(ui, &[(Icon::Bastion, "Bastion"), (Icon::Gateway, "Gateway"), (Icon::Arbitrator, "Arbitrator"), (Icon::Directory, "Directory")]);
            section_header(ui, "Networks", None);
            tiles(ui, &[(Icon::Nat, "NAT"), (Icon::HostOnly, "Host-only"), (Icon::Internal, "Internal"), (Icon::Bridged, "Bridged")]);
            section_header(ui, "Services", None);
            tiles(ui, &[(Icon::Web, "nginx"), (Icon::Galera, "galera"), (Icon::EncryptedFolder, "encrypted-folder"), (Icon::Vip, "VIP")]);
            ui.add_space(16.0);
            empty_state(ui, Icon::Note, "Nothing here", "Drag a node from the palette, or start from a template.", |ui| {
                ui.add(Button::primary("New"));
                ui.add(Button::new("Open…").icon(Icon::Folder));
            });
        });
    }

    fn middle(&mut self, ui: &mut Ui) {
        Frame::new().inner_margin(Margin::same(16)).show(ui, |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 12.0);
            ui.horizontal(|ui| {
                ui.add(Button::primary("Primary"));
                ui.add(Button::new("Secondary"));
                ui.add(Button::danger("Danger").icon(Icon::Trash));
                ui.add(Button::quiet("Quiet"));
                ui.add_enabled(false, Button::primary("Primary"));
                ui.add_enabled(false, Button::new("Secondary"));
            });
            ui.horizontal(|ui| {
                for icon in [Icon::Undo, Icon::Redo, Icon::Fit, Icon::Export] {
                    ui.add(IconButton::new(icon, icon.name()));
                }
                ui.add(IconButton::new(Icon::Grid, "Grid").on(true));
                ui.add(IconButton::new(Icon::Trash, "Delete").tone(Tone::Bad));
                for (count, tone) in [(2, Tone::Bad), (14, Tone::Warn), (3, Tone::Neutral), (120, Tone::Accent), (1, Tone::Good), (1, Tone::Vip)] {
                    ui.add(Badge::new(count, tone, "findings"));
                }
                for health in [Health::Healthy, Health::Degraded, Health::Down, Health::Unknown] {
                    ui.add(HealthMark(health));
                }
            });
            ui.horizontal(|ui| {
                ui.add(Toggle::new(&mut self.dhcp, "DHCP"));
                ui.add(Toggle::new(&mut self.sealed, "Encrypted"));
                ui.checkbox(&mut self.checked, "egui's checkbox");
                ui.add(egui::Slider::new(&mut self.slider, 0.0..=1.0));
                let _ = ui.button("egui's button");
            });
            let tabs = [
                Tab { value: Place::Findings, label: "Findings", count: Some((4, Tone::Bad)) },
                Tab { value: Place::Plan, label: "Plan", count: None },
                Tab { value: Place::Events, label: "Events", count: Some((12, Tone::Neutral)) },
                Tab { value: Place::Log, label: "Log", count: Some((0, Tone::Neutral)) },
            ];
            tab_bar(ui, "Below", &mut self.place, &tabs);
            ui.horizontal(|ui| {
                floating_bar_frame(ui.ctx()).show(ui, |ui| {
                    ui.spacing_mut().item_spacing.x = 4.0;
                    ui.add(IconButton::new(Icon::Minus, "Zoom out"));
                    ui.label("100 %");
                    ui.add(IconButton::new(Icon::Plus, "Zoom in"));
                });
                floating_bar_frame(ui.ctx()).show(ui, |ui| {
                    ui.add_space(8.0);
                    ui.add(HealthMark(Health::Down));
                    ui.label(RichText::new("1 fault: galera stopped on db1").font(theme::font(FontFace::SemiBold, font_size::BODY)));
                    ui.add(Button::quiet("Heal"));
                });
            });
            ui.add_space(4.0);
            ui.spacing_mut().item_spacing = vec2(0.0, 0.0);
            ui.horizontal_wrapped(|ui| {
                for icon in Icon::ALL {
                    specimen(ui, *icon);
                }
            });
        });
    }

    fn right(&mut self, ui: &mut Ui) {
        panel(ui, vec2(size::INSPECTOR_WIDTH, 872.0), |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
            ui.label(RichText::new("db1").font(theme::font(FontFace::SemiBold, font_size::TITLE)));
            field_row(ui, "Name", None, |ui| TextField::new("Name", "db1").show(ui));
            field_row(ui, "Memory", None, |ui| NumberField::new("Memory", 1024, 128..=65536).step(128).unit("MiB").show(ui));
            field_row(ui, "Image", None, |ui| choice(ui, "Image", &mut self.image, &[(0, "debian-13"), (1, "03-hardened-base")]));
            ui.separator();
            section_header(ui, "Adapters", Some("Add"));
            field_row(ui, "backend", None, |ui| TextField::new("backend", "192.168.60.21").mono().show(ui));
            field_row(ui, "management", None, |ui| TextField::new("management", "").mono().placeholder("by DHCP").show(ui));
            ui.separator();
            section_header(ui, "Services", Some("Add"));
            field_row(ui, "galera", None, |ui| {
                let problem = "Any address: whoever reaches db1 reaches it.";
                TextField::new("galera", "0.0.0.0 : 3306").mono().problem(Some(problem)).show(ui)
            });
            ui.separator();
            section_header(ui, "May connect", None);
            ui.horizontal_wrapped(|ui| {
                Pill::new("app1").removable("Not app1").show(ui);
                Pill::new("app2").removable("Not app2").show(ui);
                Pill::new("db2").icon(Icon::Database).show(ui);
                Pill::new("galera").icon(Icon::Galera).tone(Tone::Bad).show(ui);
            });
            ui.separator();
            let (good, bad, text) = (palette(ui).good, palette(ui).bad, palette(ui).text);
            ui.spacing_mut().item_spacing.y = 0.0;
            value_row(ui, "Power", "running", text);
            value_row(ui, "galera", "stopped 6 s ago", bad);
            value_row(ui, "Component", "Primary on db2", good);
        });
    }
}

fn panel(ui: &mut Ui, outer: Vec2, contents: impl FnOnce(&mut Ui)) {
    let theme = Theme::of(ui.ctx());
    let (rect, _) = ui.allocate_exact_size(outer, Sense::hover());
    ui.painter().rect(rect, CornerRadius::ZERO, theme.palette().panel, theme.border(), egui::StrokeKind::Inside);
    let margin = if outer.y > 100.0 { vec2(12.0, 12.0) } else { vec2(16.0, 8.0) };
    let mut inside = ui.new_child(egui::UiBuilder::new().max_rect(rect.shrink2(margin)).layout(Layout::top_down(Align::Min)));
    contents(&mut inside);
}

fn tiles(ui: &mut Ui, items: &[(Icon, &str)]) {
    for pair in items.chunks(2) {
        ui.horizontal(|ui| {
            for (icon, label) in pair {
                ui.add(PaletteItem::new(*icon, label));
            }
        });
    }
}

fn specimen(ui: &mut Ui, which: Icon) {
    let (rect, _) = ui.allocate_exact_size(vec2(58.0, 50.0), Sense::hover());
    let color: Color32 = palette(ui).text;
    let small = Rect::from_center_size(rect.center_top() + vec2(-12.0, 16.0), Vec2::splat(size::ICON));
    let large = Rect::from_center_size(rect.center_top() + vec2(12.0, 16.0), Vec2::splat(24.0));
    icon::paint(ui.painter(), which, small, palette(ui).muted);
    icon::paint(ui.painter(), which, large, color);
    let font = theme::font(FontFace::Regular, 8.0);
    ui.painter().text(rect.center_top() + vec2(0.0, 36.0), egui::Align2::CENTER_CENTER, which.name(), font, palette(ui).muted);
}

fn photograph(appearance: Appearance, pixels_per_point: f32, name: &str) {
    let mut gallery = Gallery::new();
    let mut installed = false;
    let mut harness = Harness::builder().with_size(vec2(1124.0, 920.0)).with_pixels_per_point(pixels_per_point).wgpu().build_ui(move |ui| {
        if !installed {
            install(ui.ctx(), appearance);
            installed = true;
            ui.ctx().request_discard("fonts");
            return;
        }
        gallery.show(ui);
    });
    harness.run();
    harness.snapshot(name);
}

fn install(ctx: &egui::Context, appearance: Appearance) {
    theme::install(ctx);
    theme::set_motion(ctx, Motion::Reduced);
    theme::set_preference(ctx, match appearance {
        Appearance::Dark => Preference::Dark,
        Appearance::Light => Preference::Light,
    });
}

#[test]
fn gallery_in_dark() {
    photograph(Appearance::Dark, 1.0, "look_dark");
}

#[test]
fn gallery_in_light() {
    photograph(Appearance::Light, 1.0, "look_light");
}

//! Photographs of every reusable piece and every icon, in both themes; and how the pieces behave under keys and clicks.
//!
//! `UPDATE_SNAPSHOTS=true cargo test --test ui look` renews the images; look at them before keeping them.

use egui::{Align, Align2, Color32, CornerRadius, Frame, Key, Layout, Margin, Rect, RichText, Sense, Ui, Vec2, vec2};
use egui_kittest::{Harness, kittest::Queryable};
use sandtable::{
    look::{Appearance, FontFace, Icon, Motion, Preference, Tone, font_size, size},
    model::Health,
    ui::{
        icon,
        theme::{self, Theme, palette},
        widget::{
            Badge, Button, FLOATING_BAR_HEIGHT, HealthMark, IconButton, KeyHint, NumberField, PaletteItem, Pill, SearchField, Segment, Tab,
            TextField, Toggle, Typed, choice, empty_state, field_row, floating_bar, floating_bar_frame, section_header, segmented, tab_bar,
            value_row,
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
                let (rect, _) = ui.allocate_exact_size(vec2(636.0, 792.0), Sense::hover());
                self.middle(&mut ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(Layout::top_down(Align::Min))));
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
                segmented(
                    ui,
                    "Mode",
                    &mut self.mode,
                    &[
                        Segment::new(Mode::Design, "Design", "Draw"),
                        Segment::new(Mode::Run, "Run", "Watch"),
                        Segment::new(Mode::Present, "Present", "Show"),
                    ],
                );
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
        panel(ui, vec2(size::PALETTE_WIDTH, 792.0), |ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 6.0);
            ui.add(SearchField::new(&mut self.search, "Add…"));
            ui.add(SearchField::new(&mut self.found, "Add…"));
            section_header(ui, "Nodes", None);
            tiles(ui, &[(Icon::Balancer, "Balancer"), (Icon::App, "App"), (Icon::Database, "Database"), (Icon::Monitor, "Monitor")]);
            tiles(
                ui,
                &[(Icon::Bastion, "Bastion"), (Icon::Gateway, "Gateway"), (Icon::Arbitrator, "Arbitrator"), (Icon::Directory, "Directory")],
            );
            section_header(ui, "Networks", None);
            tiles(ui, &[(Icon::Nat, "NAT"), (Icon::HostOnly, "Host-only"), (Icon::Internal, "Internal"), (Icon::Bridged, "Bridged")]);
            section_header(ui, "Services", None);
            tiles(ui, &[(Icon::Web, "nginx"), (Icon::Galera, "galera"), (Icon::Vault, "encrypted-folder"), (Icon::Vip, "VIP")]);
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
                for (count, tone) in
                    [(2, Tone::Bad), (14, Tone::Warn), (3, Tone::Neutral), (120, Tone::Accent), (1, Tone::Good), (1, Tone::Vip)]
                {
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
                Tab { value: Place::Findings, label: "Findings", about: "Findings", count: Some((4, Tone::Bad)) },
                Tab { value: Place::Plan, label: "Plan", about: "Plan", count: None },
                Tab { value: Place::Events, label: "Events", about: "Events", count: Some((12, Tone::Neutral)) },
                Tab { value: Place::Log, label: "Log", about: "Log", count: Some((0, Tone::Neutral)) },
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
        panel(ui, vec2(size::INSPECTOR_WIDTH, 792.0), |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 8.0);
            ui.label(RichText::new("db1").font(theme::font(FontFace::SemiBold, font_size::TITLE)));
            field_row(ui, "Name", None, |ui| TextField::new("Name", "db1").show(ui));
            field_row(ui, "Memory", None, |ui| NumberField::new("Memory", 1024, 128..=65536).step(128).unit("MiB").show(ui));
            field_row(ui, "Image", None, |ui| choice(ui, "Image", &mut self.image, &[(0, "debian-13"), (1, "03-hardened-base")]));
            ui.separator();
            section_header(ui, "Adapters", Some(("Add", "Add one")));
            field_row(ui, "backend", None, |ui| TextField::new("backend", "192.168.60.21").mono().show(ui));
            field_row(ui, "management", None, |ui| TextField::new("management", "").mono().placeholder("by DHCP").show(ui));
            ui.separator();
            section_header(ui, "Services", Some(("Add", "Add one")));
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
    let mut harness =
        Harness::builder().with_size(vec2(1140.0, 840.0)).with_pixels_per_point(pixels_per_point).wgpu().build_ui(move |ui| {
            if !installed {
                install(ui.ctx(), appearance);
                installed = true;
                ui.ctx().request_discard("fonts");
                return;
            }
            // The whole window: the harness leaves a margin.
            let window = egui::UiBuilder::new().max_rect(ui.ctx().content_rect());
            ui.scope_builder(window, |ui| gallery.show(ui));
        });
    harness.run();
    harness.snapshot(name);
}

fn install(ctx: &egui::Context, appearance: Appearance) {
    theme::install(ctx);
    theme::set_motion(ctx, Motion::Reduced);
    theme::set_preference(
        ctx,
        match appearance {
            Appearance::Dark => Preference::Dark,
            Appearance::Light => Preference::Light,
        },
    );
}

#[test]
fn gallery_in_dark() {
    photograph(Appearance::Dark, 1.0, "look_dark");
}

#[test]
fn gallery_in_light() {
    photograph(Appearance::Light, 1.0, "look_light");
}

/// A window with one piece in it, which writes down what it says.
fn window<'a, T: Default + 'a>(mut show: impl FnMut(&mut Ui, &mut T) + 'a) -> Harness<'a, T> {
    let mut installed = false;
    let harness = Harness::builder().with_size(vec2(320.0, 240.0)).build_ui_state(
        move |ui, state: &mut T| {
            if !installed {
                install(ui.ctx(), Appearance::Dark);
                installed = true;
                ui.ctx().request_discard("fonts");
                return;
            }
            show(ui, state);
        },
        T::default(),
    );
    let mut harness = harness;
    harness.run();
    harness
}

/// A name being edited: what the field said, in order. Names are lower case, as in a lab.
fn name_field<'a>() -> Harness<'a, Vec<Typed>> {
    window(|ui, said: &mut Vec<Typed>| {
        let check = |name: &str| match name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()) {
            true => Ok(()),
            false => Err("Lower case letters and digits only.".to_owned()),
        };
        let typed = TextField::new("Name", "db1").check(&check).show(ui).typed;
        if typed != Typed::Nothing {
            said.push(typed);
        }
        ui.add(Button::new("Elsewhere"));
    })
}

fn type_into(harness: &mut Harness<'_, Vec<Typed>>, text: &str) {
    let field = harness.get_by_label("Name");
    field.focus();
    harness.run();
    harness.get_by_label("Name").type_text(text);
    harness.run();
}

#[test]
fn enter_commits_what_was_typed() {
    let mut harness = name_field();
    type_into(&mut harness, "db7");
    harness.key_press(Key::Enter);
    harness.run();
    assert_eq!(harness.state().last(), Some(&Typed::Committed("db7".into())));
}

#[test]
fn escape_restores_the_old_value() {
    let mut harness = name_field();
    type_into(&mut harness, "db7");
    harness.key_press(Key::Escape);
    harness.run();
    assert_eq!(harness.state().last(), Some(&Typed::Cancelled));
    assert_eq!(harness.get_by_label("Name").value().as_deref(), Some("db1"));
}

#[test]
fn a_click_elsewhere_commits() {
    let mut harness = name_field();
    type_into(&mut harness, "db7");
    harness.get_by_label("Elsewhere").click();
    harness.run();
    let committed = harness.state().iter().filter(|typed| **typed == Typed::Committed("db7".into())).count();
    assert_eq!(committed, 1, "{:?}", harness.state());
}

#[test]
fn wrong_text_is_explained_and_neither_committed_nor_lost() {
    let mut harness = name_field();
    type_into(&mut harness, "Db 7");
    harness.key_press(Key::Enter);
    harness.run();
    assert!(harness.query_by_label("Lower case letters and digits only.").is_some());
    assert_eq!(harness.get_by_label("Name").value().as_deref(), Some("Db 7"));
    assert!(!harness.state().iter().any(|typed| matches!(typed, Typed::Committed(_))), "{:?}", harness.state());
}

#[test]
fn text_that_did_not_change_is_not_committed() {
    let mut harness = name_field();
    type_into(&mut harness, "db1");
    harness.key_press(Key::Enter);
    harness.run();
    assert!(!harness.state().iter().any(|typed| matches!(typed, Typed::Committed(_))), "{:?}", harness.state());
}

#[test]
fn arrow_keys_step_a_number() {
    let mut harness = window(|ui, value: &mut i64| {
        if let Some(new) = NumberField::new("Memory", *value, 0..=1000).step(256).show(ui) {
            *value = new;
        }
    });
    harness.get_by_label("Memory").focus();
    harness.run();
    for expected in [256, 512, 768, 1000, 1000] {
        harness.key_press(Key::ArrowUp);
        harness.run();
        assert_eq!(*harness.state(), expected);
    }
}

#[test]
fn pieces_work_by_keyboard_alone() {
    let mut harness = window(|ui, pressed: &mut Vec<&str>| {
        let mut mode = Mode::Design;
        let mut on = false;
        let mut place = Place::Findings;
        if ui.add(Button::primary("Plan")).clicked() {
            pressed.push("button");
        }
        if ui.add(IconButton::new(Icon::Undo, "Undo")).clicked() {
            pressed.push("icon button");
        }
        if segmented(ui, "Mode", &mut mode, &[Segment::new(Mode::Run, "Run", "Watch")]).changed() {
            pressed.push("segmented");
        }
        if ui.add(PaletteItem::new(Icon::App, "App")).clicked() {
            pressed.push("palette item");
        }
        if ui.add(Toggle::new(&mut on, "DHCP")).changed() {
            pressed.push("toggle");
        }
        if tab_bar(ui, "Tabs", &mut place, &[Tab { value: Place::Plan, label: "Plan", about: "Plan", count: None }]).changed() {
            pressed.push("tab");
        }
        if Pill::new("app1").removable("Not app1").show(ui).removed {
            pressed.push("pill");
        }
    });
    for _ in 0..8 {
        harness.key_press(Key::Tab);
        harness.run();
        harness.key_press(Key::Space);
        harness.run();
    }
    assert_eq!(*harness.state(), ["button", "icon button", "segmented", "palette item", "toggle", "tab", "pill"]);
}

#[test]
fn the_keyboard_shows_where_it_is() {
    let mut harness = window(|ui, (): &mut ()| {
        ui.horizontal(|ui| {
            ui.add_space(8.0);
            ui.add(Button::primary("Plan…"));
            ui.add(Button::new("Here"));
            ui.add(Button::new("Later"));
        });
        TextField::new("Name", "").placeholder("name").width(200.0).show(ui);
        let mut picked = 1;
        choice(ui, "Image", &mut picked, &[(0, "debian-13"), (1, "03-hardened-base"), (2, "ubuntu-24.04")]);
    });
    let accent = Appearance::Dark.palette().accent.into();
    assert!(!has_ring(&harness, accent));
    harness.key_press(Key::Tab);
    harness.key_press(Key::Tab);
    harness.run();
    assert!(harness.get_by_label("Here").is_focused());
    assert!(has_ring(&harness, accent));
}

/// Whether a line of two points' width in the colour of focus is painted around something.
fn has_ring<T>(harness: &Harness<'_, T>, accent: Color32) -> bool {
    harness.output().shapes.iter().any(|clipped| {
        matches!(&clipped.shape, egui::Shape::Rect(rect) if rect.stroke == egui::Stroke::new(2.0, accent) && rect.fill == Color32::TRANSPARENT)
    })
}

#[test]
fn menus_and_fields_in_use() {
    let mut harness = window(|ui, (): &mut ()| {
        ui.painter().rect_filled(ui.ctx().content_rect(), 0.0, palette(ui).panel);
        TextField::new("Name", "db 1").check(&|_| Err("Letters, digits and dashes only.".into())).width(200.0).show(ui);
        let mut picked = 1;
        choice(ui, "Image", &mut picked, &[(0, "debian-13"), (1, "03-hardened-base"), (2, "ubuntu-24.04")]);
    });
    harness.get_by_label("Image").click();
    harness.run();
    harness.snapshot("look_menu");
}

#[test]
fn tooltips_and_floating_bars() {
    let mut harness = window(|ui, (): &mut ()| {
        let all = ui.ctx().content_rect();
        ui.painter().rect_filled(all, 0.0, palette(ui).canvas);
        ui.add(IconButton::new(Icon::Undo, "Undo: move db1").shortcut("Ctrl Z"));
        let zoom = |ui: &mut Ui| {
            ui.add(IconButton::new(Icon::Minus, "Zoom out"));
            ui.label("100 %");
            ui.add(IconButton::new(Icon::Plus, "Zoom in"));
        };
        let bar = floating_bar(ui.ctx(), egui::Id::new("zoom"), all, Align2::LEFT_BOTTOM, vec2(16.0, 16.0), zoom);
        if !ui.ctx().will_discard() {
            assert_eq!(bar.response.rect.height(), FLOATING_BAR_HEIGHT);
        }
    });
    harness.get_by_label("Undo: move db1").hover();
    harness.run_steps(8);
    assert!(harness.query_by_label("Ctrl Z").is_some());
    harness.snapshot("look_floating");
}

#[test]
fn measured_widths_are_those_of_the_window() {
    let texts = [
        "db1",
        "192.168.60.30",
        "app-node-01",
        "galera stopped on db1",
        "balancer · 512 MB",
        "Any address: whoever reaches db1 reaches it.",
    ];
    let harness = window(move |ui, widths: &mut Vec<(FontFace, &str, f32)>| {
        widths.clear();
        for face in FontFace::ALL {
            for text in texts {
                let galley = ui.fonts_mut(|fonts| fonts.layout_no_wrap(text.into(), theme::font(face, 13.0), Color32::WHITE));
                widths.push((face, text, galley.size().x));
            }
        }
    });
    assert_eq!(harness.state().len(), texts.len() * FontFace::ALL.len());
    for (face, text, painted) in harness.state() {
        let measured = sandtable::look::width(text, *face, 13.0);
        assert!((painted - measured).abs() <= 0.02 * measured + 1.0, "{face:?} {text:?}: painted {painted}, measured {measured}");
    }
}

#[test]
fn the_exporter_takes_our_fonts() {
    use resvg::{tiny_skia, usvg};
    let mut options = usvg::Options::default();
    for face in FontFace::ALL {
        options.fontdb_mut().load_font_data(face.bytes().to_vec());
    }
    for face in FontFace::ALL {
        let (family, weight) = (face.family(), face.weight());
        let svg = format!(
            "<svg xmlns='http://www.w3.org/2000/svg' width='300' height='40'>\
             <text x='0' y='30' font-family='{family}' font-weight='{weight}' font-size='20'>app-node-01</text></svg>"
        );
        let tree = usvg::Tree::from_str(&svg, &options).unwrap();
        let measured = sandtable::look::width("app-node-01", face, 20.0);
        let painted = tree.root().bounding_box().width();
        assert!((painted - measured).abs() < 0.03 * measured + 2.0, "{face:?}: painted {painted}, measured {measured}");
        let mut pixels = tiny_skia::Pixmap::new(300, 40).unwrap();
        resvg::render(&tree, tiny_skia::Transform::identity(), &mut pixels.as_mut());
        assert!(pixels.pixels().iter().filter(|pixel| pixel.alpha() > 0).count() > 300, "{face:?}");
    }
}

//! What the lab can be exported as, and how: the choices of the export dialog and of `sandtable export`.

use super::ops;
use crate::catalog::Catalog;
use crate::export::{Background, PictureOptions, markdown, mermaid, png, png_size, svg, svg_size};
use crate::look::Appearance;
use crate::model::{Endpoint, Lab, NodeName, Subject};
use crate::picture::Scene;
use anyhow::{Context as _, bail};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a lab can be made into.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExportFormat {
    /// The drawing, to be scaled and edited.
    #[default]
    Svg,
    /// The drawing in pixels.
    Png,
    /// A Mermaid flowchart, as README files show it.
    Mermaid,
    /// A document: what there is, who talks to whom, and the flowchart.
    Markdown,
}

impl ExportFormat {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::Svg, Self::Png, Self::Mermaid, Self::Markdown];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Svg => "SVG",
            Self::Png => "PNG",
            Self::Mermaid => "Mermaid",
            Self::Markdown => "Markdown",
        }
    }

    /// What it is good for.
    pub fn about(self) -> &'static str {
        match self {
            Self::Svg => "The drawing as shapes: sharp at every size, can be edited.",
            Self::Png => "The drawing in pixels: for chats, slides and documents.",
            Self::Mermaid => "A flowchart as text, which GitHub and GitLab draw.",
            Self::Markdown => "A document with tables of nodes, networks and flows, and the flowchart.",
        }
    }

    /// What its file's name ends with; the first is proposed.
    pub fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Svg => &["svg"],
            Self::Png => &["png"],
            Self::Mermaid => &["mmd", "mermaid"],
            Self::Markdown => &["md", "markdown"],
        }
    }

    /// Whether it is a picture, which has a theme.
    pub fn is_picture(self) -> bool {
        matches!(self, Self::Svg | Self::Png)
    }

    /// The path with this format's extension: kept where it has one, added where it has none or another.
    pub fn named(self, path: PathBuf) -> PathBuf {
        with_extension(path, self.extensions())
    }
}

/// A path whose name ends with one of these extensions: the first is added where it has none of them.
pub fn with_extension(path: PathBuf, extensions: &[&str]) -> PathBuf {
    let has = |path: &Path| path.extension().is_some_and(|ending| extensions.iter().any(|it| ending.eq_ignore_ascii_case(it)));
    match extensions.first() {
        Some(first) if !has(&path) => {
            let mut name = path.into_os_string();
            name.push(".");
            name.push(first);
            name.into()
        }
        _ => path,
    }
}

/// The colours of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportTheme {
    /// Those that the window has at the moment.
    Shown(Appearance),
    /// These.
    Fixed(Appearance),
}

impl ExportTheme {
    /// Dark or light.
    pub fn appearance(self) -> Appearance {
        match self {
            Self::Shown(appearance) | Self::Fixed(appearance) => appearance,
        }
    }
}

/// How much of a lab is exported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ExportPart {
    /// All of it.
    #[default]
    Everything,
    /// These nodes, their networks, the flows among them and from or to outside, and the VIPs that they hold.
    Nodes(BTreeSet<NodeName>),
}

/// How to export.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportOptions {
    /// As what.
    pub format: ExportFormat,
    /// The colours of a picture.
    pub theme: ExportTheme,
    /// What a picture is drawn on.
    pub background: Background,
    /// Pixels for each unit of the drawing, in a PNG.
    pub scale: f32,
    /// How much of the lab.
    pub part: ExportPart,
}

impl Default for ExportOptions {
    fn default() -> Self {
        Self {
            format: ExportFormat::Svg,
            theme: ExportTheme::Fixed(Appearance::Light),
            background: Background::Theme,
            scale: 2.0,
            part: ExportPart::Everything,
        }
    }
}

impl ExportOptions {
    fn picture(&self) -> PictureOptions<'_> {
        PictureOptions { appearance: self.theme.appearance(), background: self.background, scale: self.scale, ..PictureOptions::default() }
    }
}

/// The content of the exported file.
///
/// # Errors
/// Where the picture would be too large, its scale is out of range, or a node that is asked for is missing.
pub fn export(lab: &Lab, options: &ExportOptions) -> anyhow::Result<Vec<u8>> {
    let (part, picture) = (part_of(lab, &options.part)?, options.picture());
    let lab = part.as_ref().unwrap_or(lab);
    Ok(match options.format {
        ExportFormat::Svg => svg(lab, Catalog::embedded(), &picture).into_bytes(),
        ExportFormat::Png => png(lab, Catalog::embedded(), &picture)?,
        ExportFormat::Mermaid => mermaid(lab).into_bytes(),
        ExportFormat::Markdown => markdown(lab).into_bytes(),
    })
}

/// The size of the exported picture in pixels, across and down; `None` where no picture is exported.
///
/// # Errors
/// As [`export`].
pub fn picture_size(lab: &Lab, options: &ExportOptions) -> anyhow::Result<Option<(u64, u64)>> {
    let (part, picture) = (part_of(lab, &options.part)?, options.picture());
    let lab = part.as_ref().unwrap_or(lab);
    Ok(match options.format {
        ExportFormat::Svg => Some(svg_size(lab, Catalog::embedded(), &picture)),
        ExportFormat::Png => {
            let (width, height) = png_size(lab, Catalog::embedded(), &picture)?;
            Some((width.into(), height.into()))
        }
        ExportFormat::Mermaid | ExportFormat::Markdown => None,
    })
}

/// The nodes that a selection stands for: those of its services, adapters, flows, VIPs, networks, clusters and sites as well.
pub fn nodes_of<'a>(lab: &Lab, selection: impl IntoIterator<Item = &'a Subject>) -> BTreeSet<NodeName> {
    let mut nodes = BTreeSet::new();
    for subject in selection {
        match subject {
            Subject::Node(node) | Subject::Adapter(node, ..) => {
                nodes.insert(node.clone());
            }
            Subject::Service(at) => {
                nodes.insert(at.node.clone());
            }
            Subject::Flow(id) => nodes.extend([&id.from, &id.to].into_iter().flat_map(|end| nodes_of_end(lab, end))),
            Subject::Vip(vip) => nodes.extend(nodes_of_end(lab, &Endpoint::Vip(vip.clone()))),
            Subject::Network(name) => {
                let on_it = lab.nodes.iter().filter(|(_, node)| node.adapter_on(name).is_some());
                nodes.extend(on_it.map(|(node, _)| node.clone()));
            }
            Subject::Site(name) => {
                let in_it = lab.nodes.iter().filter(|(_, node)| node.site.as_ref() == Some(name));
                nodes.extend(in_it.map(|(node, _)| node.clone()));
            }
            Subject::Cluster(name) => {
                nodes.extend(Catalog::clusters(lab).get(name).into_iter().flatten().map(|member| member.node.clone()));
            }
            Subject::Lab | Subject::Link(..) | Subject::Acceptance(_) | Subject::Note(_) | Subject::Outside => {}
        }
    }
    nodes.retain(|node| lab.nodes.contains_key(node));
    nodes
}

fn nodes_of_end(lab: &Lab, end: &Endpoint) -> Vec<NodeName> {
    match end {
        Endpoint::Vip(vip) => lab.vips.get(vip).into_iter().flat_map(|vip| &vip.holders).map(|holder| holder.node.clone()).collect(),
        Endpoint::Outside => Vec::new(),
        end => end.node().cloned().into_iter().collect(),
    }
}

/// A part of a lab, where it is in the whole; `None`: all of it.
fn part_of(lab: &Lab, part: &ExportPart) -> anyhow::Result<Option<Lab>> {
    let ExportPart::Nodes(nodes) = part else { return Ok(None) };
    if nodes.is_empty() {
        bail!("no node is chosen to export; choose at least one");
    }
    if let Some(missing) = nodes.iter().find(|node| !lab.nodes.contains_key(*node)) {
        let known: Vec<&str> = lab.nodes.keys().map(|node| node.as_str()).collect();
        bail!("the lab has no node {missing} to export; its nodes are {}", known.join(", "));
    }
    let mut whole = lab.clone();
    // What has no place of its own keeps the one that it has in the whole drawing.
    whole.apply(&Scene::new(lab, Catalog::embedded()).pins(lab)).context("the drawing has no places")?;
    let chosen = |node: &NodeName| nodes.contains(node);
    let others = whole.nodes.keys().filter(|node| !chosen(node)).cloned().map(Subject::Node);
    let is_used = |name| whole.nodes.iter().any(|(node, it)| chosen(node) && it.adapter_on(name).is_some());
    let networks = whole.networks.keys().filter(|name| !is_used(*name)).cloned().map(Subject::Network);
    let vips = whole.vips.iter().filter(|(_, vip)| !vip.holders.iter().any(|holder| chosen(&holder.node)));
    let has_node = |name| whole.nodes.iter().any(|(node, it)| chosen(node) && it.site.as_ref() == Some(name));
    let sites = whole.sites.keys().filter(|name| !has_node(*name)).cloned().map(Subject::Site);
    let notes = (0..whole.notes.len()).map(Subject::Note);
    let dropped: Vec<Subject> =
        others.chain(networks).chain(vips.map(|(name, _)| Subject::Vip(name.clone()))).chain(sites).chain(notes).collect();
    if !dropped.is_empty() {
        let step = ops::remove(&whole, &dropped).context("the selection cannot be exported alone")?;
        whole.apply(&step.edits).context("the selection cannot be exported alone")?;
    }
    Ok(Some(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::fixture;

    fn only(nodes: &[&str]) -> ExportPart {
        ExportPart::Nodes(nodes.iter().map(|node| node.parse().unwrap()).collect())
    }

    fn text(lab: &Lab, format: ExportFormat, part: ExportPart) -> String {
        String::from_utf8(export(lab, &ExportOptions { format, part, ..ExportOptions::default() }).unwrap()).unwrap()
    }

    #[test]
    fn only_the_chosen_nodes_are_exported() {
        let lab = fixture::mini_cloud();
        let whole = text(&lab, ExportFormat::Svg, ExportPart::Everything);
        let part = text(&lab, ExportFormat::Svg, only(&["app1", "lb"]));
        for name in ["lb", "app1", "frontend", "haproxy"] {
            assert!(part.contains(&format!(">{name}</text>")), "{name} is missing");
        }
        for name in ["app2", "db1", "db2"] {
            let word = format!(">{name}</text>");
            assert!(whole.contains(&word) && !part.contains(&word), "{name}");
        }
        assert!(text(&lab, ExportFormat::Mermaid, only(&["db1"])).contains("vip"), "a holder's VIP stays");
        assert!(!text(&lab, ExportFormat::Mermaid, only(&["lb"])).contains("vip"));
        assert!(!text(&lab, ExportFormat::Markdown, only(&["lb"])).contains("app1"));
    }

    #[test]
    fn a_part_has_the_places_of_the_whole() {
        let lab = fixture::mini_cloud_unplaced();
        let scene = Scene::new(&lab, Catalog::embedded());
        let part = part_of(&lab, &only(&["db2"])).unwrap().unwrap();
        let place = |scene: &Scene| scene.node_number("db2").and_then(|number| scene.node(number)).map(|item| item.card.min.pos());
        assert_eq!(place(&Scene::new(&part, Catalog::embedded())), place(&scene));
    }

    #[test]
    fn a_missing_node_is_named() {
        let export = |part| super::export(&fixture::mini_cloud(), &ExportOptions { part, ..ExportOptions::default() });
        let missing = export(only(&["lb", "lbb"])).unwrap_err().to_string();
        assert!(missing.contains("no node lbb") && missing.contains("app1"), "{missing}");
        assert!(export(only(&[])).is_err());
    }

    #[test]
    fn the_size_is_that_of_the_picture() {
        let lab = fixture::mini_cloud();
        for (scale, part) in [(1.0, ExportPart::Everything), (2.0, only(&["db1"]))] {
            let options = ExportOptions { format: ExportFormat::Png, scale, part, ..ExportOptions::default() };
            let image = image::load_from_memory(&export(&lab, &options).unwrap()).unwrap();
            assert_eq!(picture_size(&lab, &options).unwrap(), Some((image.width().into(), image.height().into())));
        }
        let text = ExportOptions { format: ExportFormat::Mermaid, ..ExportOptions::default() };
        assert_eq!(picture_size(&lab, &text).unwrap(), None);
    }

    #[test]
    fn a_selection_stands_for_nodes() {
        let lab = fixture::mini_cloud();
        let of = |text: &str| {
            let subject = match text.split_once(' ') {
                Some(("service", at)) => Subject::Service(at.parse().unwrap()),
                Some(("network", name)) => Subject::Network(name.parse().unwrap()),
                Some(("vip", name)) => Subject::Vip(name.parse().unwrap()),
                _ => Subject::Outside,
            };
            nodes_of(&lab, [&subject]).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("service lb/haproxy"), "lb");
        assert_eq!(of("network frontend"), "app1 app2 lb");
        assert_eq!(of("vip vip"), "db1 db2");
        assert_eq!(of("outside"), "");
    }

    #[test]
    fn extensions_are_kept_or_added_and_never_replaced() {
        let named = |format: ExportFormat, name: &str| format.named(name.into()).display().to_string();
        assert_eq!(named(ExportFormat::Svg, "a"), "a.svg");
        assert_eq!(named(ExportFormat::Svg, "a.SVG"), "a.SVG");
        assert_eq!(named(ExportFormat::Svg, "a.ron"), "a.ron.svg");
        assert_eq!(named(ExportFormat::Png, "v1.2"), "v1.2.png");
        assert_eq!(named(ExportFormat::Markdown, "a.markdown"), "a.markdown");
    }
}

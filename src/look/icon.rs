//! The icons: one 16-unit grid, one stroke, round ends, our own drawings in `assets/icons`.
//!
//! One source for the window and the exporters. It paints nothing.

use super::{outline::Drawing, svg};
use crate::model::{FaultVerb, NetworkKind, Role};
use std::sync::LazyLock;

/// The side of the square that every icon is drawn in.
pub const ICON_SIDE: f32 = 16.0;
/// The width of an icon's lines, in the unit of [`ICON_SIDE`].
pub const ICON_STROKE: f32 = 1.4;

macro_rules! icons {
    ($($(#[$about:meta])* $icon:ident = $name:literal),* $(,)?) => {
        /// An icon. Its name is that of its file in `assets/icons`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Icon {
            $($(#[$about])* $icon,)*
        }

        impl Icon {
            /// All icons.
            pub const ALL: &[Self] = &[$(Self::$icon,)*];

            /// Its name: that of its file, and the word that the catalog writes.
            pub fn name(self) -> &'static str {
                match self { $(Self::$icon => $name,)* }
            }

            /// The text of its file.
            pub fn source(self) -> &'static str {
                match self { $(Self::$icon => include_str!(concat!("../../assets/icons/", $name, ".svg")),)* }
            }
        }
    };
}

icons! {
/// Spreads requests.
Balancer = "balancer",
/// An application.
App = "app",
/// Keeps data.
Database = "database",
/// Watches.
Monitor = "monitor",
/// The one way in: a key.
Bastion = "bastion",
/// Routes: a shield.
Gateway = "gateway",
/// Votes: a ballot box.
Arbitrator = "arbitrator",
/// Accounts: a person.
Directory = "directory",
/// Files for others: drives.
Storage = "storage",
/// Copies in memory: layers.
Cache = "cache",
/// Computes: a processor.
Worker = "worker",
/// The internet: a globe.
Nat = "nat",
/// A shared way to the internet.
NatNetwork = "nat-network",
/// The host and its nodes.
HostOnly = "host-only",
/// Nodes among themselves.
Internal = "internal",
/// On the host's own network: a bridge.
Bridged = "bridged",
/// A web server.
Web = "web",
/// A web server: a feather.
Apache = "apache",
/// Databases as one.
Galera = "galera",
/// Values in memory: a cube.
Redis = "redis",
/// Values in memory: a module.
Memcached = "memcached",
/// Answers fast: a gauge.
Varnish = "varnish",
/// Two copies kept alike.
Sync = "sync",
/// Copies put away.
Backup = "backup",
/// A directory of names.
Tree = "tree",
/// Logs in by the directory.
Login = "login",
/// Mounts when asked: a plug.
Automount = "automount",
/// A folder with a keyhole.
Vault = "vault",
/// In through a wall.
Forward = "forward",
/// Names to addresses: a signpost.
Dns = "dns",
/// An encrypted tunnel.
Tunnel = "tunnel",
/// A shell.
Ssh = "ssh",
/// A proxy.
Socks = "socks",
/// A mesh of Erlang nodes.
Beam = "beam",
/// Figures over time.
Metrics = "metrics",
/// A node's temperature.
Exporter = "exporter",
/// Time.
Clock = "clock",
/// A to-do list.
Todo = "todo",
/// Any other service.
Service = "service",
/// A virtual address: a bolt.
Vip = "vip",
/// Wrong.
Error = "error",
/// Look at it.
Warning = "warning",
/// It could be better: a light.
Advice = "advice",
/// To know.
Info = "info",
/// Find.
Search = "search",
/// Add.
Plus = "plus",
/// Less.
Minus = "minus",
/// Up.
ChevronUp = "chevron-up",
/// Down.
ChevronDown = "chevron-down",
/// Left.
ChevronLeft = "chevron-left",
/// Right.
ChevronRight = "chevron-right",
/// Yes.
Check = "check",
/// Away with it.
Cross = "cross",
/// Undo.
Undo = "undo",
/// Redo.
Redo = "redo",
/// Start.
Play = "play",
/// Pause.
Pause = "pause",
/// Stop.
Stop = "stop",
/// Kill: the sign to stop, crossed.
Kill = "kill",
/// Again.
Restart = "restart",
/// Power.
PowerOff = "power-off",
/// A link cut.
LinkDown = "link-down",
/// A link that works one way.
OneWay = "one-way",
/// Cut.
Cut = "cut",
/// Draw around: a lasso.
Lasso = "lasso",
/// Packets lost.
Loss = "loss",
/// Packets late: an hourglass.
Delay = "delay",
/// Packets dropped at the door: a crossed shield.
Block = "block",
/// A certificate that is out of date.
Expire = "expire",
/// A disk, full.
FillDisk = "fill-disk",
/// Memory, used up.
FillMemory = "fill-memory",
/// A busy processor.
HogCpu = "hog-cpu",
/// A clock that is off: an alarm clock.
Skew = "skew",
/// A signpost without a name.
NoDns = "no-dns",
/// Heal.
Heal = "heal",
/// Show.
Eye = "eye",
/// Delete.
Trash = "trash",
/// Rename.
Pencil = "pencil",
/// Copy.
Copy = "copy",
/// Open.
Folder = "folder",
/// Save.
Save = "save",
/// Export.
Export = "export",
/// Fit to the window.
Fit = "fit",
/// Grid.
Grid = "grid",
/// Dark.
Moon = "moon",
/// Light.
Sun = "sun",
/// Service graph.
Graph = "graph",
/// Note.
Note = "note",
/// Present.
Present = "present",
/// A site: a building.
Site = "site",
/// Locked.
Lock = "lock",
/// A shared secret.
Cookie = "cookie",
/// Running but silent.
Hang = "hang",
/// More.
Dots = "dots",
/// Settings: sliders.
Settings = "settings",
/// Notifications.
Bell = "bell",
/// Outside.
Cloud = "cloud",
/// A drill: a target.
Drill = "drill",
/// Keys.
Keyboard = "keyboard",}

impl Icon {
    /// The icon of a name, if there is one.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|icon| icon.name() == name)
    }

    /// The icon of a role.
    pub fn of_role(role: Role) -> Self {
        match role {
            Role::App => Self::App,
            Role::Database => Self::Database,
            Role::Balancer => Self::Balancer,
            Role::Monitor => Self::Monitor,
            Role::Bastion => Self::Bastion,
            Role::Gateway => Self::Gateway,
            Role::Arbitrator => Self::Arbitrator,
            Role::Directory => Self::Directory,
            Role::Storage => Self::Storage,
            Role::Cache => Self::Cache,
            Role::Worker => Self::Worker,
        }
    }

    /// The icon of a kind of network.
    pub fn of_network(kind: NetworkKind) -> Self {
        match kind {
            NetworkKind::Nat => Self::Nat,
            NetworkKind::NatNetwork => Self::NatNetwork,
            NetworkKind::HostOnly => Self::HostOnly,
            NetworkKind::Internal => Self::Internal,
            NetworkKind::Bridged => Self::Bridged,
        }
    }

    /// The icon of a fault's verb, by its word.
    pub fn of_fault(verb: &FaultVerb) -> Self {
        Self::named(verb.word).unwrap_or(Self::Kill)
    }

    /// The icon that a kind of service names in the catalog; a service of the user's own may name none of ours.
    pub fn of_service(name: &str) -> Self {
        Self::named(name).unwrap_or(Self::Service)
    }

    /// Its outlines, read once.
    pub fn drawing(self) -> &'static Drawing {
        // The files are our own and a test reads every one; a broken one would be drawn as nothing.
        static DRAWINGS: LazyLock<Vec<Drawing>> =
            LazyLock::new(|| Icon::ALL.iter().map(|icon| svg::read(icon.source()).unwrap_or_default()).collect());
        static NOTHING: Drawing = Drawing { outlines: Vec::new() };
        DRAWINGS.get(self as usize).unwrap_or(&NOTHING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::{Paint, Point};

    #[test]
    fn every_icon_is_read_and_stays_in_its_square() {
        for icon in Icon::ALL {
            let drawing = svg::read(icon.source()).unwrap_or_else(|error| panic!("{}: {error}", icon.name()));
            assert!(!drawing.outlines.is_empty(), "{}", icon.name());
            assert_eq!(icon.drawing(), &drawing, "{}", icon.name());
            for outline in &drawing.outlines {
                let margin = if outline.paint == Paint::Stroked { ICON_STROKE / 2.0 } else { 0.0 };
                for point in outline.flatten(0.02) {
                    let inside = point.iter().all(|at| (margin..=ICON_SIDE - margin).contains(at));
                    assert!(inside, "{} leaves its square at {point:?}", icon.name());
                }
            }
        }
    }

    fn is_convex(points: &[Point]) -> bool {
        let turns = (0..points.len()).map(|at| {
            let [a, b, c] = [at, at + 1, at + 2].map(|at| points[at % points.len()]);
            (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
        });
        let turns: Vec<f32> = turns.collect();
        turns.iter().all(|turn| *turn >= -1e-4) || turns.iter().all(|turn| *turn <= 1e-4)
    }

    #[test]
    fn filled_areas_are_convex_as_the_painter_needs() {
        assert!(!is_convex(&[[0.0, 0.0], [4.0, 0.0], [1.0, 1.0], [0.0, 4.0]]));
        for icon in Icon::ALL {
            for outline in icon.drawing().outlines.iter().filter(|outline| outline.paint == Paint::Filled) {
                assert!(is_convex(&outline.flatten(0.02)), "{}", icon.name());
            }
        }
    }

    #[test]
    fn names_find_their_icons() {
        for icon in Icon::ALL {
            assert_eq!(Icon::named(icon.name()), Some(*icon));
        }
        assert_eq!(Icon::named("nothing"), None);
    }

    #[test]
    fn roles_and_networks_can_be_told_apart() {
        let mut icons: Vec<Icon> =
            Role::ALL.into_iter().map(Icon::of_role).chain(NetworkKind::ALL.into_iter().map(Icon::of_network)).collect();
        icons.sort_unstable();
        icons.dedup();
        assert_eq!(icons.len(), Role::ALL.len() + NetworkKind::ALL.len());
    }

    #[test]
    fn every_service_of_the_catalog_has_its_icon() {
        let missing = crate::catalog::Catalog::embedded().iter().filter(|(_, entry)| Icon::named(&entry.icon).is_none());
        let missing: Vec<String> = missing.map(|(kind, entry)| format!("{kind}: {}", entry.icon)).collect();
        assert_eq!(missing, Vec::<String>::new());
        assert_eq!(Icon::of_service("my-own"), Icon::Service);
    }

    #[test]
    fn every_fault_has_its_icon() {
        let verbs = crate::model::Fault::VERBS;
        let mut icons: Vec<Icon> = verbs.iter().filter_map(|verb| Icon::named(verb.word)).collect();
        assert_eq!(icons.len(), verbs.len(), "{icons:?}");
        icons.sort_unstable();
        icons.dedup();
        assert_eq!(icons.len(), verbs.len());
    }

    #[test]
    fn no_file_lies_about_unused() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/icons");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(Icon::named(name.trim_end_matches(".svg")).is_some(), "{name} is in no table");
        }
    }
}

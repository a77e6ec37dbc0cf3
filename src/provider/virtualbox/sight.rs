//! What is there: this lab's machines and networks as VirtualBox has them. Changes nothing.

use super::{
    Place, SetUp, VirtualBox, Waits, all,
    contact::CONFIGURED,
    error::{CallError, Kind},
    growth::Size,
    media, names,
    networks::{Record, records},
    parse::{self, Info, Nic, Plug},
    shape::{Way, WayKind, Wire},
};
use crate::{
    host::ssh::HostKey,
    model::{AdapterSpec, Forward, Mac, MachineSpec, NetworkName, NodeName, Power},
    plan::LabId,
    provider::machines::{Below, Machine},
};
use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// When a file was written, and how long it is.
type Stamp = (SystemTime, u64);

fn stamp(file: &Path) -> Option<Stamp> {
    let about = std::fs::metadata(file).ok()?;
    Some((about.modified().ok()?, about.len()))
}

/// A machine's extra data as last read, and its settings file as it was before.
#[derive(Clone)]
pub(super) struct Noted {
    file: PathBuf,
    stamp: Option<Stamp>,
    extra: BTreeMap<String, String>,
}

/// One machine with what is noted on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    pub(super) info: Info,
    pub(super) extra: BTreeMap<String, String>,
    /// How large its disk is.
    pub(super) size: Size,
}

/// What is noted on a machine once it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Made {
    /// Which node it is.
    pub(super) node: NodeName,
    /// How it was asked for.
    pub(super) spec: MachineSpec,
    /// The way in.
    pub(super) way: Way,
}

/// How a machine was made, whatever lab it is of; `None` where that was not finished.
pub(super) fn made_in(extra: &BTreeMap<String, String>) -> Option<Made> {
    serde_json::from_str(&joined(extra, names::MADE_KEY)?).ok()
}

impl Seen {
    /// How it was made; `None` where that was not finished, or it is no machine of the lab's.
    pub(super) fn whole(&self, lab: &LabId) -> Option<Made> {
        let is_ours = self.extra.get(names::LAB_KEY).is_some_and(|mark| mark == lab.as_str());
        made_in(&self.extra).filter(|_| is_ours)
    }

    /// The specification that it was made by.
    pub(super) fn made(&self, lab: &LabId) -> Option<MachineSpec> {
        self.whole(lab).map(|made| made.spec)
    }

    /// The forward that leads in.
    pub(super) fn way(&self, lab: &LabId) -> Option<Way> {
        self.whole(lab).map(|made| made.way)
    }

    /// The host keys that it may show; empty before the first contact.
    pub(super) fn host_keys(&self) -> Vec<HostKey> {
        self.extra.get(names::HOST_KEYS_KEY).into_iter().flat_map(|keys| keys.split(',')).filter_map(HostKey::parse).collect()
    }

    /// Whether it was made of an image that is a file, with a seed of ours.
    pub(super) fn is_seeded(&self, lab: &LabId) -> bool {
        self.made(lab).and_then(|made| made.image).is_some_and(|image| image.file().is_some())
    }

    /// Whether it has its names and addresses.
    pub(super) fn set_up(&self) -> SetUp {
        if self.extra.contains_key(&format!("{}{CONFIGURED}", names::NOTE_PREFIX)) { SetUp::Yes } else { SetUp::No }
    }

    pub(super) fn notes(&self) -> BTreeMap<String, String> {
        let keys = self.extra.keys().filter_map(|key| key.strip_prefix(names::NOTE_PREFIX)).filter(|key| !key.contains(PART));
        keys.filter_map(|key| Some((key.to_owned(), joined(&self.extra, &format!("{}{key}", names::NOTE_PREFIX))?))).collect()
    }

    pub(super) fn power(&self) -> Power {
        power(&self.info.state)
    }

    /// Whether VirtualBox knows the machine and cannot read its settings.
    pub(super) fn is_inaccessible(&self) -> bool {
        self.info.state == INACCESSIBLE
    }

    /// Whether it is being started, or was turned on less than `limit` ago.
    fn is_booting(&self, now_secs: u64, limit: Duration) -> bool {
        let age = self.info.state_since_secs.and_then(|since| now_secs.checked_sub(since));
        match self.info.state.as_str() {
            "starting" | "restoring" => true,
            "running" => age.is_some_and(|age| age < limit.as_secs()),
            // The process of a machine starts before the machine does; one that has just ended holds it for a moment more.
            "poweroff" | "saved" | "aborted" => self.info.session == "headless" && age.is_some_and(|age| age >= ENDS_WITHIN.as_secs()),
            _ => false,
        }
    }

    /// How it is: as it was made, and what VirtualBox says of it now.
    pub(super) fn spec(&self, lab: &LabId, wires: &BTreeMap<NetworkName, Wire>) -> Option<MachineSpec> {
        let Made { spec: made, way, .. } = self.whole(lab)?;
        let adapters = self.adapters(&made, way, wires);
        let disk_gib = self.size.gib(made.disk_gib);
        Some(MachineSpec { cpus: self.info.cpus, memory_mib: self.info.memory_mib, disk_gib, adapters, ..made })
    }

    fn adapters(&self, made: &MachineSpec, way: Way, wires: &BTreeMap<NetworkName, Wire>) -> Vec<AdapterSpec> {
        let is_added = way.kind != WayKind::Drawn && usize::try_from(way.slot).is_ok_and(|slot| slot > made.adapters.len());
        let has_only_the_way = |nic: &Nic| nic.rules.iter().all(|rule| rule.name == names::WAY_RULE);
        // Forwards on it that are not ours are shown: whoever made them has let others in.
        let is_ours = |slot: u32, nic: &Nic| {
            let is_uplink = way.kind == WayKind::Uplink && has_only_the_way(nic);
            is_added && way.slot == slot && (is_uplink || matches!(nic.plug, Plug::Other(_)))
        };
        let drawn = self.info.nics.iter().filter(|(slot, nic)| !is_ours(**slot, nic));
        let last = drawn.map(|(slot, _)| *slot).max().unwrap_or_default();
        let slots = (1..=last).zip(made.adapters.iter().map(Some).chain(std::iter::repeat(None)));
        slots.filter_map(|(slot, made)| adapter(self.info.nics.get(&slot), made, wires)).collect()
    }
}

fn adapter(nic: Option<&Nic>, made: Option<&AdapterSpec>, wires: &BTreeMap<NetworkName, Wire>) -> Option<AdapterSpec> {
    let Some(nic) = nic else {
        return Some(AdapterSpec { network: foreign("no network")?, mac: Mac([0; 6]), address: None, forwards: Vec::new() });
    };
    let holds = |network: &NetworkName| wires.get(network).is_some_and(|wire| wire.holds(&nic.plug));
    let same = made.filter(|made| holds(&made.network));
    let network = match same {
        Some(made) => made.network.clone(),
        None => wires.keys().find(|network| holds(network)).cloned().or_else(|| foreign(&title(&nic.plug)))?,
    };
    let there = nic.rules.iter().filter(|rule| rule.name != names::WAY_RULE);
    let mut forwards: Vec<Forward> = there.map(|rule| Forward { host: rule.host.port(), to: rule.to, address: *rule.host.ip() }).collect();
    if let Some(made) = same {
        let sorted = |forwards: &[Forward]| {
            let mut sorted = forwards.to_vec();
            sorted.sort();
            sorted
        };
        // VirtualBox lists rules by name, and a NAT network has them itself.
        if sorted(&forwards) == sorted(&made.forwards) || nic.plug != Plug::Nat {
            forwards.clone_from(&made.forwards);
        }
    }
    Some(AdapterSpec { network, mac: nic.mac, address: same.and_then(|made| made.address), forwards })
}

/// A name for something that the lab does not have; it is shown beside what is drawn.
fn foreign(text: &str) -> Option<NetworkName> {
    let plain: String =
        text.chars().map(|letter| if "/:,@#".contains(letter) || letter.is_control() { '_' } else { letter }).take(50).collect();
    plain.trim().parse().ok()
}

fn title(plug: &Plug) -> String {
    match plug {
        Plug::Nat => "NAT (not drawn)".into(),
        Plug::NatNetwork(name) => format!("NAT network {name}"),
        Plug::HostOnlyInterface(name) | Plug::HostOnlyNetwork(name) => format!("host-only {name}"),
        Plug::Internal(name) => format!("internal {name}"),
        Plug::Bridged(name) => format!("bridged {name}"),
        Plug::Other(name) => format!("{name} (not drawn)"),
    }
}

/// Whether a machine is on, by VirtualBox's word for its state.
pub(super) fn power(state: &str) -> Power {
    match state {
        "paused" => Power::Paused,
        "poweroff" | "powered off" | "saved" | "aborted" | "aborted-saved" | "gurumeditation" | "stuck" | "inaccessible" => Power::Stopped,
        _ => Power::Running,
    }
}

/// The state of a machine whose settings VirtualBox cannot read.
const INACCESSIBLE: &str = "inaccessible";
/// How long a process may hold a machine that has ended.
const ENDS_WITHIN: Duration = Duration::from_secs(15);

fn inaccessible(uuid: &str) -> Seen {
    Seen {
        info: Info { uuid: uuid.to_owned(), state: INACCESSIBLE.into(), ..Info::default() },
        extra: BTreeMap::new(),
        size: Size::Unknown,
    }
}

fn now_secs() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Between a key and the number of its part.
const PART: char = '~';
/// How long a value may be, in bytes: Windows takes command lines of 32 KiB.
pub(super) const VALUE_BYTES_MAX: usize = 12_000;

/// A value of extra data, put together from its parts.
fn joined(extra: &BTreeMap<String, String>, key: &str) -> Option<String> {
    let first = extra.get(key)?;
    let Some((count, text)) = first.strip_prefix(PART).and_then(|rest| rest.split_once(PART)) else { return Some(first.clone()) };
    let mut whole = text.to_owned();
    for part in 1..count.parse::<u32>().ok()? {
        whole.push_str(extra.get(&format!("{key}{PART}{part}"))?);
    }
    Some(whole)
}

/// What must be set so that a key has a value, in this order; the key itself comes last, so a value is there whole or not at all.
/// `None` takes a key away.
pub(super) fn parted(extra: &BTreeMap<String, String>, key: &str, value: Option<&str>) -> Vec<(String, Option<String>)> {
    let mut sets = Vec::new();
    let value = value.map(names::ascii);
    let parts: Vec<&str> = value.as_deref().map(pieces).unwrap_or_default();
    for (number, part) in parts.iter().enumerate().skip(1) {
        sets.push((format!("{key}{PART}{number}"), Some((*part).to_owned())));
    }
    let first = match parts.as_slice() {
        [] => None,
        [only] => Some((*only).to_owned()),
        [first, ..] => Some(format!("{PART}{}{PART}{first}", parts.len())),
    };
    sets.push((key.to_owned(), first));
    let begin = format!("{key}{PART}");
    let of_key = extra.keys().filter(|there| {
        there.strip_prefix(&begin).is_some_and(|number| number.parse::<usize>().is_ok_and(|number| number >= parts.len().max(1)))
    });
    sets.extend(of_key.map(|there| (there.clone(), None)));
    sets.retain(|(key, value)| extra.get(key) != value.as_ref());
    sets
}

/// A text of ASCII in pieces that are not too long.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while rest.len() > VALUE_BYTES_MAX {
        let (piece, after) = rest.split_at_checked(VALUE_BYTES_MAX).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = after;
    }
    pieces.push(rest);
    pieces
}

impl VirtualBox {
    /// A machine, by its identity; `None` where there is none.
    pub(super) async fn see(&self, uuid: &str) -> Result<Option<Seen>, CallError> {
        let info = ["showvminfo", uuid, "--machinereadable"];
        let (info, extra) = tokio::join!(self.manage.ask(&info), self.extra_of(uuid));
        match info {
            Ok(text) => {
                let (info, (extra, stamp)) = match (parse::info(&text), extra) {
                    // Without it a whole machine would seem half made.
                    (Some(info), Ok(extra)) => (info, extra),
                    (Some(_), Err(error)) if error.kind == Kind::NotFound => return Ok(None),
                    (_, Err(error)) if error.kind == Kind::Inaccessible => return Ok(Some(inaccessible(uuid))),
                    (Some(_), Err(error)) => return Err(error),
                    // Before 7.0 VirtualBox shows the UUID of such a machine, and no state.
                    (None, _) => return Ok(Some(inaccessible(uuid))),
                };
                let noted = Noted { file: info.settings_file.clone().into(), stamp, extra: extra.clone() };
                self.kept().noted.insert(uuid.to_owned(), noted);
                Ok(Some(Seen { info, extra, size: Size::Unknown }))
            }
            Err(error) if error.kind == Kind::NotFound => Ok(None),
            Err(error) if error.kind == Kind::Inaccessible => Ok(Some(inaccessible(uuid))),
            Err(error) => Err(error),
        }
    }

    /// A machine's extra data, and what its settings file was like before it was asked for. It stands in that file, so while the file
    /// is as it was, it need not be asked for again: whoever watches looks every other second.
    async fn extra_of(&self, uuid: &str) -> Result<(BTreeMap<String, String>, Option<Stamp>), CallError> {
        let is_here = matches!(self.manage.place(), Place::Here(_));
        let known = self.kept().noted.get(uuid).cloned().filter(|_| is_here);
        let stamp = known.as_ref().and_then(|known| stamp(&known.file));
        match known {
            Some(known) if stamp.is_some() && known.stamp == stamp => Ok((known.extra, stamp)),
            _ => Ok((parse::extra_data(&self.manage.ask(&["getextradata", uuid, "enumerate"]).await?), stamp)),
        }
    }

    /// VirtualBox's own extra data, as it is now.
    pub(super) async fn global_extra(&self) -> Result<BTreeMap<String, String>, CallError> {
        let extra = parse::extra_data(&self.manage.ask(&["getextradata", "global", "enumerate"]).await?);
        self.kept().global = Some(extra.clone());
        Ok(extra)
    }

    /// This lab's networks as noted.
    pub(super) async fn records(&self) -> Result<BTreeMap<NetworkName, Record>, CallError> {
        Ok(records(&self.lab, &self.global_extra().await?))
    }

    /// What this lab's networks are in VirtualBox, as last looked at or made: who changes a lab has it to himself.
    pub(super) async fn wires(&self) -> Result<BTreeMap<NetworkName, Wire>, CallError> {
        let known = self.kept().global.as_ref().map(|extra| records(&self.lab, extra));
        let records = match known {
            Some(records) => records,
            None => self.records().await?,
        };
        Ok(records.into_iter().map(|(name, record)| (name, record.wire)).collect())
    }

    /// This lab's machines: node, and what is seen of it.
    pub(super) async fn see_all(&self, vms: &str) -> Result<BTreeMap<NodeName, Seen>, CallError> {
        let prefix = names::uuid_prefix(&self.lab);
        let ours: Vec<(String, String)> = parse::machines(vms).into_iter().filter(|(_, uuid)| uuid.starts_with(&prefix)).collect();
        let looks = ours.iter().map(|(_, uuid)| Box::pin(self.see(uuid)) as Waits<'_, Result<Option<Seen>, CallError>>).collect();
        let mut machines = BTreeMap::new();
        let mut strays = BTreeMap::new();
        let mut files: Option<BTreeMap<String, String>> = None;
        for ((name, uuid), seen) in ours.iter().zip(all(looks).await) {
            // One that went in between is not there.
            let Some(mut seen) = seen? else { continue };
            let mut name = name.clone();
            if seen.is_inaccessible() {
                // Only the long list says where its settings should be; the file has the machine's name.
                let known = match &mut files {
                    Some(known) => known,
                    none => none.insert(parse::inaccessible(&self.manage.ask(&["list", "-l", "vms"]).await?)),
                };
                seen.info.settings_file = known.get(uuid).cloned().unwrap_or_default();
                let file = seen.info.settings_file.rsplit(['/', '\\']).next().unwrap_or_default();
                file.strip_suffix(".vbox").unwrap_or(file).clone_into(&mut name);
            }
            let node = seen.whole(&self.lab).map(|made| made.node).or_else(|| names::node_of(&self.lab, &name)?.parse().ok());
            // One that has lost both mark and name keeps a name of its own, so that it can be seen.
            let unnamed = || format!("machine-{}", uuid.rsplit('-').next().unwrap_or(uuid)).parse().ok();
            if let Some(node) = node.or_else(unnamed) {
                if names::uuid(&self.lab, &node) != *uuid {
                    strays.insert(node.clone(), uuid.clone());
                }
                machines.insert(node, seen);
            }
        }
        self.kept().strays = strays;
        Ok(machines)
    }

    fn machine_of(&self, seen: &Seen, wires: &BTreeMap<NetworkName, Wire>) -> Machine {
        let slots = seen.made(&self.lab).map_or(0, |made| made.adapters.len());
        Machine {
            power: seen.power(),
            trouble: self.trouble(seen),
            is_booting: seen.is_booting(now_secs(), self.options.boot_limit),
            spec: seen.spec(&self.lab, wires),
            links_up: (1..).take(slots).map(|slot| seen.info.nics.get(&slot).is_some_and(|nic| nic.is_connected)).collect(),
            snapshots: seen.info.snapshots.clone(),
            notes: seen.notes(),
            ..Machine::default()
        }
    }

    /// What keeps a machine from being used.
    fn trouble(&self, seen: &Seen) -> Option<String> {
        if !seen.is_inaccessible() {
            return None;
        }
        let file = &seen.info.settings_file;
        let is_here = matches!(self.manage.place(), Place::Here(_));
        Some(if file.is_empty() {
            "VirtualBox cannot read its settings".to_owned()
        } else if is_here && !Path::new(file).exists() {
            format!("its settings file {file} is missing")
        } else {
            format!("VirtualBox cannot read its settings file {file}")
        })
    }

    /// One machine, without looking at the others.
    pub(super) async fn look_at(&self, node: &NodeName) -> Result<Option<Machine>, CallError> {
        let uuid = self.uuid(node);
        let (seen, wires) = tokio::try_join!(self.see(&uuid), self.wires())?;
        Ok(seen.map(|seen| self.machine_of(&seen, &wires)))
    }

    pub(super) async fn look_at_all(&self) -> Result<Below, CallError> {
        // The version is known from then on: what is to be done about a failure depends on it.
        let version = async { Ok(self.manage.about().await.ok()) };
        let lists = async { tokio::try_join!(self.manage.ask(&["list", "vms"]), self.manage.ask(&["list", "hdds"])) };
        let ((vms, disks), records, folders, _known) = tokio::try_join!(lists, self.records(), self.folders(), version)?;
        let (mut machines, networks) = tokio::try_join!(self.see_all(&vms), self.real_networks(&records))?;
        let media = parse::media(&disks);
        machines.values_mut().for_each(|seen| seen.size = Size::of(&seen.info, &media));
        let wires: BTreeMap<NetworkName, Wire> = records.iter().map(|(name, record)| (name.clone(), record.wire.clone())).collect();
        let way = |seen: &Seen| Some((seen.way(&self.lab)?.kind, seen.set_up()));
        {
            let mut kept = self.kept();
            kept.ways = Some(machines.iter().filter_map(|(node, seen)| Some((node.clone(), way(seen)?))).collect());
            kept.listed = Some((vms.clone(), disks));
            let now = std::time::Instant::now();
            kept.looked = machines.iter().map(|(node, seen)| (node.clone(), (now, seen.clone()))).collect();
        }
        let mut below = Below { networks, ..Below::default() };
        below.machines.extend(machines.iter().map(|(node, seen)| (node.clone(), self.machine_of(seen, &wires))));
        // A delete that failed half-way has left disks or files: they are shown as a machine that is not whole, so that they go as
        // one.
        let left = media::orphans(&self.lab, &media).into_iter().chain(folders.nodes(&self.lab, &parse::machines(&vms)));
        for node in left.collect::<BTreeSet<_>>() {
            if let Entry::Vacant(vacant) = below.machines.entry(node.clone()) {
                let trouble = self.is_unregistered(&node).await?.then(|| "its machine is no longer registered in VirtualBox".to_owned());
                vacant.insert(Machine { power: Power::Stopped, trouble, ..Machine::default() });
            }
        }
        Ok(below)
    }

    pub(super) async fn write_notes(&self, node: &NodeName, notes: &BTreeMap<String, Option<String>>) -> Result<(), CallError> {
        let uuid = self.uuid(node);
        let _lock = self.manage.machine(&uuid).await;
        let extra = parse::extra_data(&self.manage.ask(&["getextradata", &uuid, "enumerate"]).await?);
        for (key, value) in notes {
            self.set_extra(&uuid, &extra, &format!("{}{key}", names::NOTE_PREFIX), value.as_deref()).await?;
        }
        // A node that is set up has addresses; all other notes change no way.
        if let Some(noted) = notes.get(CONFIGURED) {
            self.forget_ways();
            if let Some((_, set_up)) = self.kept().ways.as_mut().and_then(|ways| ways.get_mut(node)) {
                *set_up = if noted.is_some() { SetUp::Yes } else { SetUp::No };
            }
        }
        Ok(())
    }

    /// Sets a value of a machine's extra data, or VirtualBox's own (`global`).
    pub(super) async fn set_extra(
        &self,
        uuid: &str,
        extra: &BTreeMap<String, String>,
        key: &str,
        value: Option<&str>,
    ) -> Result<(), CallError> {
        for (key, value) in parted(extra, key, value) {
            let mut args = vec!["setextradata", uuid, &key];
            args.extend(value.as_deref());
            let is_so = || async {
                let there = parse::extra_data(&self.manage.ask(&["getextradata", uuid, "enumerate"]).await?);
                Ok(there.get(&key) == value.as_ref())
            };
            self.manage.change(&args, super::command::Patience::Short, is_so).await?;
            if uuid == "global"
                && let Some(known) = &mut self.kept().global
            {
                match value {
                    Some(value) => drop(known.insert(key, value)),
                    None => drop(known.remove(&key)),
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "sight_tests.rs"]
mod tests;

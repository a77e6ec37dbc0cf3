//! What is inside a fake machine, and what scripts do to it.
//!
//! It follows `assets/node/prelude.sh` and `break.sh` in what they leave behind, not in how they do it.

use super::script::{Call, calls};
use crate::provision::service::SERVICES_FOLDER;
use std::collections::{BTreeMap, BTreeSet};

/// Where a node keeps its faults.
pub(crate) const FAULTS_FOLDER: &str = "/var/lib/sandtable/faults";
const FIREWALL_FOLDER: &str = "/etc/sandtable/firewall/";
const FIREWALL_FILE: &str = "/etc/sandtable/firewall.nft";
const NETWORK_FOLDER: &str = "/etc/systemd/network/";
const VIP_FILES: &str = "/etc/keepalived/sandtable/";
const KEEPALIVED: &str = "keepalived.service";
/// Faults that survive a restart of their node, because they change files.
const ON_DISK: [&str; 3] = ["cookie", "expire", "fill_disk"];

/// What survives a restart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Disk {
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) packages: BTreeSet<String>,
    pub(crate) enabled: BTreeSet<String>,
    /// Active faults by their number: the verb and its arguments.
    pub(crate) faults: BTreeMap<u64, String>,
}

/// What does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) active: BTreeSet<String>,
    pub(crate) frozen: BTreeSet<String>,
    pub(crate) addresses: BTreeSet<String>,
    pub(crate) sockets: BTreeSet<String>,
    pub(crate) kernel: BTreeMap<String, String>,
    /// The rules that the firewall was loaded with.
    pub(crate) firewall: String,
    /// Active faults by their number: the verb and its arguments.
    pub(crate) faults: BTreeMap<u64, String>,
    /// When each fault's own timer heals it, in milliseconds since 1970.
    pub(crate) timers: BTreeMap<u64, u64>,
    /// The way to packages is up.
    pub(crate) uplink: bool,
}

/// The inside of one machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Guest {
    pub(crate) disk: Disk,
    pub(crate) memory: Memory,
    /// How far its clock is ahead, in milliseconds.
    pub(crate) clock_ahead_ms: i64,
    /// It has its host's clock.
    pub(crate) is_container: bool,
    /// How far the data of services goes, by slug.
    pub(crate) positions: BTreeMap<String, i64>,
    /// Services whose health script fails, by slug.
    pub(crate) unhealthy: BTreeSet<String>,
    /// The packages that it gets without an uplink; `None`: all.
    pub(crate) source: Option<BTreeSet<String>>,
    /// The card that leads to packages is plugged in.
    pub(crate) has_card: bool,
    /// Its programs print all that they read.
    pub(crate) is_talkative: bool,
    /// The call that fails, with all that was read last for a reason.
    pub(crate) refuses: Option<&'static str>,
}

/// What a script came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) lines: Vec<String>,
    pub(super) code: i32,
}

/// What one script keeps while it runs.
#[derive(Default)]
struct Work {
    home: String,
    changed: bool,
    kept: Option<BTreeSet<String>>,
    /// A change was pending before a promotion.
    owes: bool,
    /// A file has changed that takes effect by a reload.
    reload: bool,
    scripts: BTreeSet<String>,
    said: Vec<String>,
    last: String,
}

impl Guest {
    /// Starts: what is enabled runs, and addresses are those of its files.
    pub(super) fn boot(&mut self) {
        self.memory = Memory { active: self.disk.enabled.clone(), ..Memory::default() };
        self.memory.firewall = self.disk.files.get(FIREWALL_FILE).cloned().unwrap_or_default();
        self.memory.addresses = self.drawn_addresses();
    }

    /// Loses what is in its memory.
    pub(super) fn halt(&mut self) {
        self.memory = Memory::default();
    }

    /// The services that are set up, by slug.
    pub(crate) fn services(&self) -> Vec<String> {
        let names = self.disk.files.keys().filter_map(|path| path.strip_prefix(SERVICES_FOLDER)?.strip_prefix('/')?.strip_suffix("/name"));
        names.map(str::to_owned).collect()
    }

    /// What a service's health script ends with.
    pub(crate) fn health(&self, slug: &str) -> i32 {
        let units = self.units(&format!("{SERVICES_FOLDER}/{slug}"));
        let runs = units.iter().all(|unit| self.memory.active.contains(unit) && !self.memory.frozen.contains(unit));
        i32::from(!runs || self.unhealthy.contains(slug))
    }

    /// Heals the faults whose own timer is over.
    pub(super) fn pass(&mut self, now_ms: u64) {
        let due: Vec<u64> = self.memory.timers.iter().filter(|(_, at_ms)| **at_ms <= now_ms).map(|(id, _)| *id).collect();
        due.into_iter().for_each(|id| self.undo(id));
    }

    /// Runs a script, at most so many of its calls. `None` where it is no script with a body.
    pub(super) fn run(&mut self, text: &str, now_ms: u64, calls_max: usize) -> Option<Ran> {
        let mut work = Work { home: format!("{SERVICES_FOLDER}/none"), ..Work::default() };
        for call in calls(text)?.iter().take(calls_max) {
            if self.is_talkative && !call.text.is_empty() {
                work.said.extend(call.text.lines().map(str::to_owned));
                work.last = call.text.lines().collect::<Vec<_>>().join(" ");
            }
            let refused = if self.refuses == Some(call.name.as_str()) { Err(format!("it does not take {}", work.last)) } else { Ok(()) };
            if let Err(why) = refused.and_then(|()| self.call(call, &mut work, now_ms)) {
                work.said.push(format!("::fail {why}"));
                work.said.push(format!("::ended 1 {}", call.name));
                return Some(Ran { lines: work.said, code: 1 });
            }
        }
        work.said.push(format!("::done {}", if work.changed { "changed" } else { "same" }));
        Some(Ran { lines: work.said, code: 0 })
    }

    fn call(&mut self, call: &Call, work: &mut Work, now_ms: u64) -> Result<(), String> {
        let arguments: Vec<&str> = call.arguments.iter().map(String::as_str).collect();
        match (call.name.as_str(), arguments.as_slice()) {
            ("home", [home]) => (*home).clone_into(&mut work.home),
            ("put", [path, _, _, what]) => self.put(path, &call.text, what, work),
            ("gone", [path, what]) => self.gone(path, what, work),
            ("rm", ["-rf", path]) => self.disk.files.retain(|file, _| !file.starts_with(&format!("{path}/"))),
            ("rm_home", []) => self.disk.files.retain(|file, _| !file.starts_with(&format!("{}/", work.home))),
            ("keep", [name]) => drop(work.scripts.insert((*name).to_owned())),
            ("observed_by", [name]) => self.put(&format!("{}/{name}", work.home), &format!("script {name}"), "nothing", work),
            ("run", [name]) => work.said.push(format!("::say {name}")),
            ("kernel", [key, value]) => drop(self.memory.kernel.insert((*key).to_owned(), (*value).to_owned())),
            ("packages", wanted) => self.packages(wanted, work)?,
            ("folder" | "masked" | "pinned" | "say" | "package_source" | "keep_text" | "vip_awaited" | "only", _) => {}
            ("named", [name]) => self.put("/etc/hostname", name, "nothing", work),
            ("hosts", [_]) => self.put("/etc/hosts", &call.text, "nothing", work),
            ("network_file", [path, _]) => {
                self.put(path, &call.text, "nothing", work);
                self.memory.addresses.extend(self.drawn_addresses());
            }
            ("addressed", [_, address]) if !self.memory.addresses.contains(*address) => return Err(format!("no address {address}")),
            ("addressed", [_, _]) | ("service_ready", [_]) => {}
            ("firewall", []) => self.firewall(work),
            ("uplink_up", [_, _, _]) if !self.has_card => return Err("the adapter that leads to packages does not show up".into()),
            ("uplink_up", [_, _, _]) => self.memory.uplink = true,
            ("uplink_down", []) => self.memory.uplink = false,
            ("uplink_gone", [_, _, _]) => {
                self.memory.uplink = false;
                if self.has_card {
                    return Err("the adapter that led to packages is still plugged into this node".into());
                }
            }
            ("service_listens", [_, protocol, port, addresses @ ..]) => {
                self.memory.sockets.extend(addresses.iter().map(|address| format!("{protocol} {address}:{port}")));
            }
            ("value_of", [_]) => {
                let slug = work.home.rsplit('/').next().unwrap_or_default();
                work.said.push(format!("::value {}", self.positions.get(slug).copied().unwrap_or(-1)));
            }
            ("fault", [id, secs, kind, about @ ..]) => self.fault(id, secs, kind, about, work, now_ms)?,
            ("undo_now", [id]) => {
                let id = id.parse().unwrap();
                work.changed |= self.disk.faults.contains_key(&id) || self.memory.faults.contains_key(&id);
                self.undo(id);
            }
            ("start_all", []) => {
                for slug in self.services() {
                    let units = self.units(&format!("{SERVICES_FOLDER}/{slug}"));
                    self.memory.active.extend(units);
                }
            }
            (name, _) => return self.service(name, &arguments, work),
        }
        Ok(())
    }

    /// The calls about the service or VIP whose home was set.
    fn service(&mut self, name: &str, arguments: &[&str], work: &mut Work) -> Result<(), String> {
        let home = work.home.clone();
        match (name, arguments) {
            ("service_begin", []) => work.kept = Some(BTreeSet::new()),
            ("service_owes", []) => work.owes = self.disk.files.contains_key(&format!("{home}/pending")),
            ("service_promoted", []) if work.owes => {}
            ("service_promoted", []) if work.reload => drop(self.disk.files.insert(format!("{home}/pending"), "reload".into())),
            ("service_promoted", []) => drop(self.disk.files.remove(&format!("{home}/pending"))),
            ("service_kept", []) => {
                let kept = work.kept.take().unwrap_or_default();
                for path in self.lines(&format!("{home}/files")) {
                    if !kept.contains(&path) {
                        self.gone(&path, "restart", work);
                    }
                }
                self.disk.files.insert(format!("{home}/files"), kept.into_iter().map(|path| path + "\n").collect());
            }
            ("service_start", [how, _]) => self.start(how, work),
            ("service_after", [_]) => {
                let done = format!("{home}/after-done");
                if work.scripts.contains("after") && !self.disk.files.contains_key(&done) {
                    work.changed = true;
                    self.disk.files.insert(done, String::new());
                }
            }
            ("service_started", []) => drop(self.disk.files.insert(format!("{home}/started"), String::new())),
            ("units_stop", []) => self.stop_units(work),
            ("service_remove", []) => {
                self.stop_units(work);
                for unit in self.units(&home) {
                    self.disk.enabled.remove(&unit);
                }
                for path in self.lines(&format!("{home}/files")) {
                    self.gone(&path, "nothing", work);
                }
                let before = self.disk.files.len();
                self.disk.files.retain(|file, _| !file.starts_with(&format!("{home}/")));
                work.changed |= self.disk.files.len() != before;
            }
            ("keepalived_on", []) => {
                work.changed |= self.memory.active.insert(KEEPALIVED.into());
                self.disk.enabled.insert(KEEPALIVED.into());
                self.disk.files.remove(&format!("{home}/pending"));
            }
            ("keepalived_off", []) => {
                let is_used = self.disk.files.keys().any(|path| path.starts_with(VIP_FILES) && path.ends_with(".conf"));
                if !is_used && self.memory.active.remove(KEEPALIVED) {
                    self.disk.enabled.remove(KEEPALIVED);
                    work.changed = true;
                }
            }
            other => panic!("the fake node does not know the call {other:?}"),
        }
        Ok(())
    }

    fn start(&mut self, how: &str, work: &mut Work) {
        let pending = self.disk.files.remove(&format!("{}/pending", work.home)).unwrap_or_default();
        let units = self.units(&work.home);
        let runs = !units.is_empty() && units.iter().all(|unit| self.memory.active.contains(unit));
        if !runs {
            work.said.push(format!("::say starting {how}"));
            work.changed |= !units.is_empty();
        } else if pending == "restart" {
            work.said.push("::say restarting".into());
            work.changed = true;
        } else if pending == "reload" {
            work.said.push("::say reloading".into());
            work.changed = true;
        }
        self.memory.frozen.retain(|unit| !units.contains(unit));
        self.memory.active.extend(units.iter().cloned());
        self.disk.enabled.extend(units);
    }

    fn stop_units(&mut self, work: &mut Work) {
        for unit in self.units(&work.home) {
            work.changed |= self.memory.active.remove(&unit);
        }
    }

    /// Breaks, and sets the timer that heals.
    fn fault(&mut self, id: &str, secs: &str, kind: &str, about: &[&str], work: &mut Work, now_ms: u64) -> Result<(), String> {
        let (id, secs): (u64, u64) = (id.parse().unwrap(), secs.parse().unwrap());
        let units = about.first().map(|home| self.units(home)).unwrap_or_default();
        let needs_unit = matches!(kind, "stop" | "kill" | "hang" | "restart" | "cookie" | "expire");
        if needs_unit && units.is_empty() {
            return Err("nothing of it runs as a service, so there is nothing to stop".into());
        }
        work.changed = true;
        match kind {
            "stop" | "kill" => self.memory.active.retain(|unit| !units.contains(unit)),
            "hang" => self.memory.frozen.extend(units),
            "skew" => self.clock_ahead_ms += about[0].parse::<i64>().unwrap() * 1000,
            _ => {}
        }
        if kind != "restart" {
            let what = format!("{kind} {}", about.join(" "));
            let faults = if ON_DISK.contains(&kind) { &mut self.disk.faults } else { &mut self.memory.faults };
            faults.insert(id, what);
            self.disk.files.insert(format!("{FAULTS_FOLDER}/{id}/undo"), String::new());
            self.memory.timers.insert(id, now_ms + secs * 1000);
        }
        Ok(())
    }

    /// Undoes a fault, whatever became of it. What another fault holds down as well stays down.
    fn undo(&mut self, id: u64) {
        self.memory.timers.remove(&id);
        self.disk.files.retain(|path, _| !path.starts_with(&format!("{FAULTS_FOLDER}/{id}/")));
        let Some(what) = self.disk.faults.remove(&id).or_else(|| self.memory.faults.remove(&id)) else { return };
        let is_held = self.memory.faults.values().any(|other| *other == what);
        let (kind, about) = what.split_once(' ').unwrap_or((what.as_str(), ""));
        match kind {
            "stop" | "kill" if !is_held => self.memory.active.extend(self.units(about)),
            "hang" if !is_held => {
                let units = self.units(about);
                self.memory.frozen.retain(|unit| !units.contains(unit));
            }
            "skew" => self.clock_ahead_ms -= about.parse::<i64>().unwrap() * 1000,
            _ => {}
        }
    }

    fn packages(&mut self, wanted: &[&str], work: &mut Work) -> Result<(), String> {
        let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let missing: BTreeSet<String> = wanted.difference(&self.disk.packages).cloned().collect();
        let has_source = |name: &String| self.memory.uplink || self.source.as_ref().is_none_or(|source| source.contains(name));
        let (found, out_of_reach): (Vec<String>, Vec<String>) = missing.into_iter().partition(has_source);
        if !out_of_reach.is_empty() {
            work.said.push(format!("::missing {}", out_of_reach.join(" ")));
            return Err(format!("no package source within this node's reach has {}", out_of_reach.join(" ")));
        }
        work.changed |= !found.is_empty();
        self.disk.packages.extend(found);
        Ok(())
    }

    fn firewall(&mut self, work: &mut Work) {
        let rules: String =
            self.disk.files.iter().filter(|(path, _)| path.starts_with(FIREWALL_FOLDER)).map(|(_, text)| text.as_str()).collect();
        if self.memory.firewall != rules {
            work.changed = true;
            self.memory.firewall.clone_from(&rules);
        }
        self.put(FIREWALL_FILE, &rules, "nothing", work);
    }

    fn put(&mut self, path: &str, text: &str, what: &str, work: &mut Work) {
        if let Some(kept) = &mut work.kept {
            kept.insert(path.to_owned());
        }
        if self.disk.files.get(path).is_none_or(|there| there != text) {
            self.disk.files.insert(path.to_owned(), text.to_owned());
            self.asks_for(what, work);
        }
    }

    fn gone(&mut self, path: &str, what: &str, work: &mut Work) {
        if self.disk.files.remove(path).is_some() {
            self.asks_for(what, work);
        }
    }

    /// What a change asks for is kept on the node until it is done.
    fn asks_for(&mut self, what: &str, work: &mut Work) {
        work.changed = true;
        let pending = format!("{}/pending", work.home);
        work.reload |= what == "reload";
        match what {
            "restart" => drop(self.disk.files.insert(pending, "restart".into())),
            "reload" => drop(self.disk.files.entry(pending).or_insert_with(|| "reload".into())),
            "after" => {}
            _ => return,
        }
        self.disk.files.remove(&format!("{}/after-done", work.home));
    }

    pub(crate) fn units(&self, home: &str) -> Vec<String> {
        self.lines(&format!("{home}/units")).into_iter().map(|unit| if unit.contains('.') { unit } else { unit + ".service" }).collect()
    }

    fn lines(&self, path: &str) -> Vec<String> {
        self.disk.files.get(path).map(|text| text.lines().map(str::to_owned).collect()).unwrap_or_default()
    }

    fn drawn_addresses(&self) -> BTreeSet<String> {
        let files = self.disk.files.iter().filter(|(path, _)| path.starts_with(NETWORK_FOLDER)).flat_map(|(_, text)| text.lines());
        files.filter_map(|line| line.strip_prefix("Address=")).map(str::to_owned).collect()
    }
}

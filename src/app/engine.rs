//! The engine behind the window: plans, deployments, faults and looks, by the providers of this machine.
//!
//! It does what the commands of the command line do, on the same state folder, so window and command line see the same
//! lab. It blocks, so only the worker that owns it may call it.

mod follow;

use self::follow::{follow, saying, settle};
use super::{
    LoadSample, Outage, Prediction, ProviderChoice,
    job::{Cancel, Engine, Job, Report, Sight, StepLog, Task},
    run::SAMPLE_MS,
};
use crate::catalog::{Catalog, Recipes};
use crate::deploy::{
    Deployed, Journal,
    labs::{self, Located},
};
use crate::host::state::{LabFolder, Locked, StateFolder, Wait};
use crate::host::terminal;
use crate::model::{Author, ClusterState, Fault, Health, Lab, NodeName, Observed, Power, Subject};
use crate::plan::{LabId, Plan, desired, doubt, next_snapshot_name, plan, promotion, refusals, restore, take_snapshots};
use crate::provider::{
    Done, Lasts, Provider, ProviderError, Terms, Which,
    doctor::{self, State},
    incus,
    on::{Lot, On},
    real::LOGS_FOLDER,
    sim::WallClock,
    virtualbox,
};
use anyhow::Context as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// Events of a run that may wait for the window.
const EVENTS_MAX: usize = 256;
/// How often a run asks whether it is to stop.
const ASK_EVERY: Duration = Duration::from_millis(50);
/// The least time between two looks at a lab while a plan runs.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long a provider may take to say whether it can be used.
const ASK_PROVIDER_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a deployed lab may take to become healthy, in milliseconds of the provider's clock.
const SETTLE_MS_MAX: u64 = 60_000;

/// The engine on the user's own state folder, with the clock on the wall.
pub fn all() -> Box<dyn Engine> {
    let clock: WallClock = Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    });
    Box::new(Local::new(StateFolder::of_user().map_err(|error| error.to_string()), clock))
}

/// The providers of this machine.
pub struct Local {
    /// The state folder, or why there is none.
    state: Result<StateFolder, String>,
    clock: WallClock,
    /// Providers that only look, kept because they keep what they have read, and watch nodes meanwhile.
    looking: BTreeMap<PathBuf, (On, Arc<dyn Provider>)>,
    /// The last second of the load that was told, by lab.
    told: BTreeMap<PathBuf, u64>,
    /// The labs that requests are sent to while they are looked at.
    used: BTreeSet<PathBuf>,
}

/// A lab's place among what is deployed.
struct Place {
    id: LabId,
    file: PathBuf,
    folder: LabFolder,
    deployed: Option<Deployed>,
}

impl Local {
    /// An engine on a state folder and a clock.
    pub fn new(state: Result<StateFolder, String>, clock: WallClock) -> Self {
        Self { state, clock, looking: BTreeMap::new(), told: BTreeMap::new(), used: BTreeSet::new() }
    }

    fn state(&self) -> anyhow::Result<&StateFolder> {
        self.state.as_ref().map_err(|why| anyhow::anyhow!("{why}"))
    }

    fn place(&self, file: &Path) -> anyhow::Result<Place> {
        let file = file.canonicalize().with_context(|| format!("{}: save the lab first", file.display()))?;
        let Located { id, folder, deployed } = labs::locate(self.state()?, &file)?;
        Ok(Place { id, file, folder, deployed })
    }

    fn lot(&self, place: &Place, lab: &Lab) -> Lot {
        Lot {
            id: place.id.clone(),
            name: lab.name.clone(),
            file: place.file.clone(),
            folder: place.folder.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    fn looking(&mut self, place: &Place, on: &On, lab: &Lab) -> anyhow::Result<Arc<dyn Provider>> {
        if let Some((_, provider)) = self.looking.get(&place.file).filter(|(known, _)| known == on) {
            return Ok(Arc::clone(provider));
        }
        let provider = on.looking(self.lot(place, lab)).map_err(failed)?;
        self.used.remove(&place.file);
        self.looking.insert(place.file.clone(), (on.clone(), Arc::clone(&provider)));
        Ok(provider)
    }

    /// The provider that a job is for. One lab has one state: deploying it elsewhere would orphan what runs.
    fn on(place: &Place, chosen: &str, task: &Task) -> anyhow::Result<On> {
        let chosen: On = chosen.parse().map_err(|why: String| anyhow::anyhow!(why))?;
        let Some(known) = place.deployed.as_ref().map(|deployed| deployed.on.clone()) else { return Ok(chosen) };
        if known != chosen && matches!(task, Task::Plan | Task::Deploy(_)) {
            anyhow::bail!("The lab is deployed on {known}, not on {chosen}: destroy it there first");
        }
        Ok(known)
    }

    fn planned(&mut self, place: &Place, on: &On, lab: &Lab) -> anyhow::Result<Plan> {
        let observed = wait(self.looking(place, on, lab)?.observe())?.map_err(failed)?;
        let unfinished = Journal::doubted(&place.folder)?;
        let catalog = Catalog::embedded();
        let mut wanted = desired(lab, catalog, &place.id);
        wanted.unplannable.extend(refusals(&wanted, &observed));
        if let Some(first) = wanted.unplannable.first() {
            let more = match wanted.unplannable.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            anyhow::bail!("The drawing is not ready to be deployed: {}: {}{more}", first.subject, first.why);
        }
        Ok(plan(lab, catalog, &wanted, &doubt(observed, &unfinished)))
    }

    fn deploy(
        &mut self,
        place: &Place,
        on: &On,
        lab: &Lab,
        plan: &Plan,
        cancel: &Cancel,
        report: &mut dyn FnMut(Report),
    ) -> anyhow::Result<()> {
        let locked = Arc::new(place.folder.lock(Wait::No)?);
        let provider = on.acting(self.lot(place, lab), &locked).map_err(failed)?;
        let observed = wait(provider.observe())?.map_err(failed)?;
        if let Some(fault) = observed.faults.first() {
            anyhow::bail!("The lab is broken on purpose ({}): heal it first", fault.fault);
        }
        let mut journal = open_journal(&locked, report)?;
        self.record(place, on, lab, &locked)?;
        follow(plan, &observed, &provider, &mut journal, cancel, report)?;
        wait(provider.watch(&lab.flows))?.map_err(failed)?;
        settle(lab, &provider, report)
    }

    /// Records that the lab is deployed, before anything is made.
    fn record(&self, place: &Place, on: &On, lab: &Lab, locked: &Locked) -> anyhow::Result<()> {
        let (file, name, on, since_ms) = (place.file.clone(), lab.name.clone(), on.clone(), Some((self.clock)()));
        let attached = LabId::of_file(&place.file) != place.id;
        Ok(labs::record(locked, place.deployed.as_ref(), Deployed { file, name, on, since_ms, attached }, lab)?)
    }

    /// Says which lab this may be, where it is not deployed from its file.
    fn tell_moved(&self, place: &Place, lab: &Lab, report: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
        if place.deployed.is_none() {
            let moved = labs::moved(self.state()?, &place.file, Some(lab))?;
            labs::moved_hint(&place.file, &moved).map(Report::Log).map(report);
        }
        Ok(())
    }

    /// Does steps that nothing drawn asks for.
    fn by_steps(
        &mut self,
        place: &Place,
        on: &On,
        lab: &Lab,
        cancel: &Cancel,
        report: &mut dyn FnMut(Report),
        plan: impl FnOnce(&Observed) -> Plan,
    ) -> anyhow::Result<()> {
        let locked = Arc::new(place.folder.lock(Wait::No)?);
        let provider = on.acting(self.lot(place, lab), &locked).map_err(failed)?;
        let observed = wait(provider.observe())?.map_err(failed)?;
        let plan = plan(&observed);
        let mut journal = open_journal(&locked, report)?;
        follow(&plan, &observed, &provider, &mut journal, cancel, report)
    }

    fn destroy(&mut self, place: &Place, on: &On, lab: &Lab, cancel: &Cancel, report: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
        if !place.folder.exists() && *on == On::Sim {
            return Ok(());
        }
        let locked = Arc::new(place.folder.lock(Wait::No)?);
        let provider = on.acting(self.lot(place, lab), &locked).map_err(failed)?;
        // Where no state is kept, the hypervisor may still have machines with the lab's ownership tag.
        let observed = wait(provider.observe())?.map_err(failed)?;
        let mut journal = open_journal(&locked, report)?;
        if place.deployed.is_none() && !observed.is_empty() {
            self.record(place, on, lab, &locked)?;
        }
        let plan = crate::plan::destroy(&observed);
        report(Report::Planned(plan.clone()));
        follow(&plan, &observed, &provider, &mut journal, cancel, report)?;
        let left = wait(provider.observe())?.map_err(failed)?;
        anyhow::ensure!(left.is_empty(), "Part of the lab is left; destroy it again");
        drop((provider, journal));
        self.looking.remove(&place.file);
        self.told.remove(&place.file);
        self.used.remove(&place.file);
        for path in labs::forget(locked)? {
            report(Report::Log(format!("{} is not Sandtable's and was left where it is", path.display())));
        }
        Ok(())
    }
}

/// Opens the journal, and says so where it had to be set aside.
fn open_journal(locked: &Locked, report: &mut dyn FnMut(Report)) -> anyhow::Result<Journal> {
    let journal = Journal::open(locked)?;
    if let Some(kept) = journal.damaged() {
        report(Report::Log(format!("The journal of deployments was damaged and is set aside as {}", kept.display())));
    }
    if journal.is_lost() {
        report(Report::Log("The journal of deployments is missing: what an interrupted run began is not known".to_owned()));
    }
    Ok(journal)
}

/// What the steps on a node said, the oldest first.
fn read_logs(folder: &LabFolder, node: &NodeName) -> anyhow::Result<Vec<StepLog>> {
    let now = SystemTime::now();
    let files = folder.read_below(&[LOGS_FOLDER, &crate::provision::slug(node)])?;
    let logs = files.into_iter().map(|(name, written, bytes)| StepLog {
        step: name.trim_end_matches(".log").to_owned(),
        age_secs: now.duration_since(written).unwrap_or_default().as_secs(),
        text: String::from_utf8_lossy(&bytes).into_owned(),
    });
    Ok(logs.collect())
}

/// Makes an image that has what a lab needs.
fn make_image(on: &On, place: &Place, lab: &Lab, report: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
    let On::Incus(remote) = on else { anyhow::bail!("Images are made for Incus: choose it beside the plan's button") };
    let cache = incus::image::cache_of_user().context("this user has no home folder; set HOME")?;
    let contents = incus::image::Contents::of_lab(lab, &place.id, Recipes::embedded());
    let done = saying(report, async |says| incus::image::make(remote.as_deref(), &contents, &cache, says).await)?;
    let word = if done == Done::Changed { "made" } else { "there already, with the same contents" };
    report(Report::Log(format!("{}: {word}", contents.alias)));
    Ok(())
}

/// What keeps Incus from being used here; `None`: nothing.
fn incus_hindrance() -> Option<String> {
    let checks = wait(async {
        let settings = incus::Settings::of_environment();
        let asked = incus::doctor(None, &settings);
        tokio::time::timeout(ASK_PROVIDER_TIMEOUT, asked).await
    });
    match checks {
        Ok(Ok(checks)) if doctor::is_ready(&checks) => None,
        Ok(Ok(checks)) => {
            let bad = checks.into_iter().find(|check| check.state == State::Bad)?;
            Some(format!("{}. {}", bad.found, bad.next))
        }
        Ok(Err(_)) => Some("The Incus daemon does not answer. See what it says: incus info".to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// What keeps VirtualBox from being used here; `None`: nothing. Whether an image is there to clone depends on the drawing.
fn virtualbox_hindrance() -> Option<String> {
    virtualbox::find::find().err().map(|missing| format!("VirtualBox is not found: {}. {}", missing.why, missing.next))
}

impl Engine for Local {
    fn providers(&mut self) -> Vec<ProviderChoice> {
        let homeless = self.state.as_ref().err().cloned();
        let choice = |on: On, hindrance: Option<String>| ProviderChoice {
            name: on.to_string(),
            title: on.title(),
            makes_images: matches!(on, On::Incus(_)),
            hindrance: homeless.clone().or(hindrance),
        };
        vec![choice(On::Sim, None), choice(On::VirtualBox(None), virtualbox_hindrance()), choice(On::Incus(None), incus_hindrance())]
    }

    fn work(&mut self, job: &Job, cancel: &Cancel, report: &mut dyn FnMut(Report)) -> anyhow::Result<()> {
        if job.task == Task::Import {
            let manage = virtualbox::open_manage(None).map_err(failed)?;
            let imported = wait(virtualbox::VirtualBox::import(&manage, &[]))?.map_err(failed)?;
            report(Report::Imported(Box::new(imported.lab), imported.unknown));
            return Ok(());
        }
        let file = job.file.as_deref().context("Save the lab first: what is deployed belongs to its file")?;
        let place = self.place(file)?;
        let on = Self::on(&place, &job.provider, &job.task)?;
        match &job.task {
            Task::Plan => {
                self.tell_moved(&place, &job.lab, report)?;
                report(Report::Planned(self.planned(&place, &on, &job.lab)?));
            }
            Task::Deploy(plan) => self.deploy(&place, &on, &job.lab, plan, cancel, report)?,
            Task::Destroy => self.destroy(&place, &on, &job.lab, cancel, report)?,
            Task::Inject(fault, lasts_secs) => {
                let by = Author::Window { process: std::process::id() };
                let terms = Terms { lasts: lasts_secs.map_or(Lasts::AsUsual, Lasts::Secs), by };
                wait(self.looking(&place, &on, &job.lab)?.inject(fault, terms))?.map_err(failed)?;
            }
            Task::Heal(id) => {
                wait(self.looking(&place, &on, &job.lab)?.heal(Which::One(*id)))?.map_err(failed)?;
            }
            Task::HealAll => {
                wait(self.looking(&place, &on, &job.lab)?.heal(Which::All))?.map_err(failed)?;
            }
            Task::Recover(cluster) => {
                let locked = Arc::new(place.folder.lock(Wait::No)?);
                let provider = on.acting(self.lot(&place, &job.lab), &locked).map_err(failed)?;
                saying(report, async |says| provider.recover(cluster, says).await)?;
            }
            Task::Promote(at, old) => {
                let locked = Arc::new(place.folder.lock(Wait::No)?);
                let provider = on.acting(self.lot(&place, &job.lab), &locked).map_err(failed)?;
                let observed = wait(provider.observe())?.map_err(failed)?;
                match promotion(&job.lab, Catalog::embedded(), &place.id, &observed, at, *old) {
                    Ok(Some(planned)) => drop(saying(report, async |says| provider.promote(&planned, says).await)?),
                    Ok(None) => report(Report::Log(format!("{at} was promoted already"))),
                    Err(refused) => anyhow::bail!("{}", refused.why),
                }
            }
            Task::TakeSnapshot(node) => self.by_steps(&place, &on, &job.lab, cancel, report, |observed| {
                let there = observed.nodes.get(node).map(|node| node.snapshots.as_slice()).unwrap_or_default();
                take_snapshots(&[(node.clone(), next_snapshot_name(node, there))], observed)
            })?,
            Task::Restore(node, snapshot) => {
                let wanted = desired(&job.lab, Catalog::embedded(), &place.id);
                self.by_steps(&place, &on, &job.lab, cancel, report, |observed| restore(node, snapshot, &wanted, observed))?;
            }
            Task::Shell(node) => {
                let words = wait(self.looking(&place, &on, &job.lab)?.shell(node, &[]))?.map_err(failed)?;
                terminal::open(&words)?;
            }
            Task::Console(node) => {
                let words = wait(self.looking(&place, &on, &job.lab)?.console(node))?.map_err(failed)?;
                terminal::open(&words)?;
            }
            Task::MakeImage => make_image(&on, &place, &job.lab, report)?,
            // It belongs to no file, and was done above.
            Task::Import => {}
            Task::ReadLogs(node) => report(Report::Logs(node.clone(), read_logs(&place.folder, node)?)),
            Task::Predict(fault, lasts_secs) => {
                let lasts_ms = lasts_secs.map(|secs| u64::from(secs) * 1000);
                if let Some(found) = wait(self.looking(&place, &on, &job.lab)?.predict(fault, lasts_ms))?.map_err(failed)? {
                    report(Report::Predicted(prediction(fault, &found)));
                }
            }
        }
        Ok(())
    }

    fn look(&mut self, chosen: &str, file: &Path, lab: &Lab) -> anyhow::Result<Option<Sight>> {
        let place = self.place(file)?;
        if !place.folder.exists() {
            return Ok(None);
        }
        let on = match &place.deployed {
            Some(deployed) => deployed.on.clone(),
            None => chosen.parse().map_err(|why: String| anyhow::anyhow!(why))?,
        };
        let provider = self.looking(&place, &on, lab)?;
        let observed = wait(provider.observe())?.map_err(failed)?;
        // A simulated lab has its users already; a real one gets some while it is looked at.
        let is_up = observed.nodes.values().any(|node| node.power == Power::Running);
        if on != On::Sim && is_up && self.used.insert(place.file.clone()) {
            wait(provider.set_load(crate::sim::REQUESTS_PER_SEC))?.map_err(failed)?;
        }
        let traffic = wait(provider.traffic())?.map_err(failed)?;
        let told = self.told.get(&place.file).copied();
        let load: Vec<LoadSample> = traffic
            .seconds
            .iter()
            .filter(|second| told.is_none_or(|told| second.at_ms + SAMPLE_MS > told) && second.at_ms + SAMPLE_MS <= observed.at_ms)
            .map(LoadSample::of)
            .collect();
        if let Some(last) = load.last() {
            self.told.insert(place.file, last.at_ms);
        }
        Ok(Some(Sight { observed, load, entries: traffic.entries, failover: traffic.failover }))
    }

    fn look_away(&mut self) {
        // Without a provider nobody asks the nodes and nobody sends requests.
        self.looking.clear();
        self.told.clear();
        self.used.clear();
    }
}

fn prediction(fault: &Fault, found: &crate::sim::Prediction) -> Prediction {
    let mut lost: Vec<(Subject, String)> = Vec::new();
    for service in &found.services {
        let why = if service.reason.is_empty() { String::new() } else { format!(": {}", service.reason) };
        let then = if service.at_end == Health::Healthy { ", then healthy again" } else { "" };
        lost.push((Subject::Service(service.service.clone()), format!("{}{why}{then}", service.worst.title())));
    }
    for (cluster, forecast) in &found.clusters {
        let what = match forecast.worst {
            ClusterState::Whole => continue,
            ClusterState::Partial => "misses members and works on",
            ClusterState::Stopped => "stops: no part of it has a majority",
            ClusterState::Split => "splits into parts that do not see each other",
        };
        let then = if forecast.at_end == ClusterState::Whole { ", then whole again" } else { "" };
        lost.push((Subject::Cluster(cluster.clone()), format!("{what}{then}")));
    }
    for (one, other) in &found.apart {
        lost.push((Subject::Service(one.clone()), format!("does not see {other}")));
    }
    for flow in &found.flows {
        let then = if flow.at_end == Health::Healthy { ", then healthy again" } else { "" };
        lost.push((Subject::Flow(flow.id.clone()), format!("{}{then}", flow.worst.title())));
    }
    // Of several entries one may be out while others go on.
    for entry in found.entries.iter().filter(|entry| entry.failed > 0 && found.entries.len() > 1) {
        let then = if entry.recovers_after_ms.is_some() { ", then answered again" } else { "" };
        let gap = format!("{}.{} s", entry.longest_gap_ms / 1000, entry.longest_gap_ms % 1000 / 100);
        let text = format!("{} of {} requests fail, {gap} without a good answer{then}", entry.failed, entry.requests);
        lost.push((Subject::Flow(entry.id.clone()), text));
    }
    let names = |nodes: &[crate::model::NodeName]| match nodes {
        [] => "nobody".to_owned(),
        nodes => nodes.iter().map(|node| node.as_str()).collect::<Vec<_>>().join(" and "),
    };
    let moved = found
        .vips
        .iter()
        .filter(|vip| vip.before != vip.after)
        .map(|vip| (Subject::Vip(vip.vip.clone()), format!("moves from {} to {}", names(&vip.before), names(&vip.after))));
    Prediction {
        fault: fault.clone(),
        lost,
        moved: moved.collect(),
        holders: found.vips.iter().filter(|vip| vip.before != vip.after).map(|vip| (vip.vip.clone(), vip.after.clone())).collect(),
        outage: match found.recovers_after_ms {
            _ if found.requests == 0 => Outage::NoRequests,
            Some(_) if found.requests_failed == 0 => Outage::None,
            Some(ms) => Outage::Until(ms),
            None if found.answered_at_end => Outage::Partial,
            None => Outage::Total,
        },
    }
}

/// Runs what waits for a provider.
fn wait<T>(future: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    Ok(runtime.block_on(future))
}

fn failed(error: ProviderError) -> anyhow::Error {
    let next = error.next.clone();
    anyhow::anyhow!("{error}. {next}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deploy::DEPLOYED_FILE;

    #[test]
    fn a_damaged_record_is_never_taken_for_nothing_and_a_moved_file_is_told() {
        let root = tempfile::tempdir().unwrap();
        let state = StateFolder::at(root.path().join("state"));
        let mut engine = Local::new(Ok(state.clone()), Arc::new(|| 5));
        let file = root.path().canonicalize().unwrap().join("a.ron");
        std::fs::write(&file, "x").unwrap();
        let lab = Lab::new("A");
        assert!(engine.look("sim", &file, &lab).unwrap().is_none());
        let place = engine.place(&file).unwrap();
        let locked = place.folder.lock(Wait::No).unwrap();
        Journal::open(&locked).unwrap();
        engine.record(&place, &On::Sim, &lab, &locked).unwrap();
        assert!(engine.look("sim", &file, &lab).unwrap().is_some());

        let moved = root.path().canonicalize().unwrap().join("b.ron");
        std::fs::rename(&file, &moved).unwrap();
        let mut told = Vec::new();
        let place = engine.place(&moved).unwrap();
        engine.tell_moved(&place, &lab, &mut |report| told.push(report)).unwrap();
        assert!(matches!(told.as_slice(), [Report::Log(text)] if text.contains("labs --attach")));
        std::fs::rename(&moved, &file).unwrap();

        locked.write(DEPLOYED_FILE, b"{").unwrap();
        drop(locked);
        let job = Job { provider: "sim".into(), file: Some(file.clone()), lab: lab.clone(), task: Task::Destroy };
        let error = engine.work(&job, &Cancel::default(), &mut |_| {}).unwrap_err().to_string();
        assert!(error.contains(DEPLOYED_FILE), "{error}");
        assert!(engine.look("sim", &file, &lab).is_err());
    }
}

//! The shipped layouts on fake machines, through the runner, with calls that fail: whatever fails, deploying again gives what a
//! deployment without failures gives, and machines of others are left alone.
//!
//! Calls are sampled, other ones in each run; `SANDTABLE_SWARM_SEED=N` fixes the sample, `SANDTABLE_SEEDS=all` fails each call.

use super::{tests::Memory, *};
use crate::{
    catalog::Catalog,
    host::state::{StateFolder, Wait},
    layout::templates,
    model::{Lab, Observed, Power},
    plan::{LabId, Plan, desired, destroy, doubt, plan},
    provider::{
        Provider,
        real::{
            RealProvider,
            fakes::{
                FakeMachines, Trouble,
                bench::{BEGIN_MS, Blind, OWNER, core_of},
                host::{FakeMachine, Host},
            },
        },
    },
    testing::Seeded,
};
use std::sync::{Arc, Mutex};

const SECRETS_FILE: &str = "secrets.json";
/// How many calls are sampled for each layout and sort of failure.
const SAMPLES: usize = 3;
/// Deployments after which all must be done.
const TRIES_MAX: usize = 3;
/// The ownership tags of others on the same host.
const OTHERS: [&str; 2] = ["another lab", ""];

/// A lab of a shipped layout on a host where others have machines and networks of the same names.
struct Bench {
    lab: Lab,
    id: LabId,
    host: Arc<Mutex<Host>>,
    machines: FakeMachines,
    root: tempfile::TempDir,
    journal: Memory,
}

impl Bench {
    fn new(lab: &Lab, secrets: Option<&[u8]>) -> Self {
        let id = LabId::of_file(std::path::Path::new("/labs/shipped.ron"));
        let mut host = Host::default();
        for (name, spec) in desired(lab, Catalog::embedded(), &id).machines {
            for owner in OTHERS {
                let machine = FakeMachine { spec: Some(spec.clone()), power: Power::Running, ..FakeMachine::default() };
                host.machines.insert((owner.into(), name.clone()), machine);
            }
        }
        for (name, spec) in desired(lab, Catalog::embedded(), &id).networks {
            OTHERS.into_iter().for_each(|owner| drop(host.networks.insert((owner.into(), name.clone()), Some(spec.clone()))));
        }
        let host = Arc::new(Mutex::new(host));
        let machines = FakeMachines::new(OWNER, Arc::clone(&host), Arc::new(|| BEGIN_MS));
        let bench = Self { lab: lab.clone(), id, host, machines, root: tempfile::tempdir().unwrap(), journal: Memory::default() };
        if let Some(secrets) = secrets {
            bench.folder().lock(Wait::No).unwrap().write(SECRETS_FILE, secrets).unwrap();
        }
        bench
    }

    fn folder(&self) -> crate::host::state::LabFolder {
        StateFolder::at(self.root.path()).lab("lab-1")
    }

    /// What is there of an owner's.
    fn of(&self, owner: &str) -> Host {
        let mut host = self.host.lock().unwrap().clone();
        host.machines.retain(|(of, _), _| of == owner);
        host.networks.retain(|(of, _), _| of == owner);
        host
    }

    /// Observes, plans and runs as the program does.
    fn run(&self, make: impl FnOnce(&Observed) -> Plan) -> Ending {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let locked = Arc::new(self.folder().lock(Wait::No).unwrap());
        let mut journal = self.journal.journal();
        let core = core_of(&self.machines, &locked, self.id.clone());
        let provider: Arc<dyn Provider> = Arc::new(RealProvider::new(core, |_| Arc::new(Blind)).unwrap());
        let (_canceller, cancel) = canceller();
        let (sender, mut receiver) = tokio::sync::mpsc::channel(64);
        let options = Options { parallel: Some(1), pause: Arc::new(|_| Box::pin(std::future::ready(()))), ..Options::default() };
        runtime.block_on(async {
            let reader = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
            let ending = match provider.observe().await {
                Ok(before) => {
                    let plan = make(&doubt(before.clone(), &journal.unfinished()));
                    run(&plan, &before, &provider, &mut journal, &options, &cancel, &sender).await.unwrap()
                }
                Err(_) => Ending::Stopped,
            };
            drop(sender);
            reader.await.unwrap();
            ending
        })
    }

    fn deploy(&self) -> Ending {
        let catalog = Catalog::embedded();
        self.run(|seen| plan(&self.lab, catalog, &desired(&self.lab, catalog, &self.id), seen))
    }

    /// Until it is done, the first time with this trouble.
    fn repeat(&self, act: impl Fn(&Self) -> Ending) -> Result<(), Ending> {
        let mut last = Ending::Stopped;
        for _ in 0..TRIES_MAX {
            last = act(self);
            if last == Ending::Done {
                return Ok(());
            }
            self.machines.no_trouble();
        }
        Err(last)
    }
}

/// The numbers of calls to fail, of so many: sampled, or all.
fn sampled(seeded: &mut Seeded, count: usize) -> Vec<usize> {
    if std::env::var("SANDTABLE_SEEDS").is_ok_and(|word| word == "all") {
        return (0..count).collect();
    }
    (0..SAMPLES).map(|_| seeded.below(count)).collect()
}

fn seed() -> u64 {
    let fixed = std::env::var("SANDTABLE_SWARM_SEED").ok().and_then(|text| text.parse().ok());
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let is_fixed = std::env::var("SANDTABLE_SEEDS").is_ok_and(|word| word == "fixed");
    fixed.unwrap_or(if is_fixed { 0 } else { u64::try_from(now.as_millis()).unwrap() })
}

#[test]
fn whatever_call_fails_deploying_again_gives_the_whole_lab_and_leaves_others_alone() {
    let seed = seed();
    let mut seeded = Seeded::new(seed);
    for template in templates() {
        let good = Bench::new(&template.lab, None);
        let foreign: Vec<Host> = OTHERS.iter().map(|owner| good.of(owner)).collect();
        assert_eq!(good.deploy(), Ending::Done, "{}", template.name);
        let (whole, calls) = (good.of(OWNER), good.machines.calls().all.len());
        assert_eq!(whole.machines.len(), template.lab.nodes.len());
        let secrets = good.folder().read(SECRETS_FILE).unwrap().unwrap();
        for trouble in Trouble::FAILURES {
            for at in sampled(&mut seeded, calls) {
                let what = format!("{}, {trouble:?} of call {at} of {calls}, seed {seed}", template.name);
                let bench = Bench::new(&template.lab, Some(&secrets));
                bench.machines.trouble(move |number, _| (number == at).then_some(trouble));
                if let Err(ending) = bench.repeat(Bench::deploy) {
                    panic!("{what}: {ending:?}");
                }
                assert!(bench.of(OWNER) == whole, "{what}: the lab is another than without it");
                let others: Vec<Host> = OTHERS.iter().map(|owner| bench.of(owner)).collect();
                assert!(others == foreign, "{what}: a foreign machine or network was touched");
            }
        }
    }
}

#[test]
fn whatever_call_fails_destroying_again_leaves_nothing_of_ours_and_all_of_others() {
    let seed = seed();
    let mut seeded = Seeded::new(seed);
    for template in templates() {
        let good = Bench::new(&template.lab, None);
        let foreign: Vec<Host> = OTHERS.iter().map(|owner| good.of(owner)).collect();
        assert_eq!(good.deploy(), Ending::Done, "{}", template.name);
        let deployed = good.host.lock().unwrap().clone();
        for trouble in Trouble::FAILURES {
            *good.host.lock().unwrap() = deployed.clone();
            let calls = seeded.below(2 * template.lab.nodes.len() + template.lab.networks.len());
            let begin = good.machines.calls().all.len();
            good.machines.trouble(move |number, _| (number == begin + calls).then_some(trouble));
            if let Err(ending) = good.repeat(|bench| bench.run(destroy)) {
                panic!("{}, {trouble:?} of call {calls}, seed {seed}: {ending:?}", template.name);
            }
            good.machines.no_trouble();
            assert_eq!(good.of(OWNER), Host::default(), "{}, {trouble:?} of call {calls}, seed {seed}", template.name);
            let others: Vec<Host> = OTHERS.iter().map(|owner| good.of(owner)).collect();
            assert!(others == foreign, "{}: a foreign machine or network was touched", template.name);
        }
    }
}

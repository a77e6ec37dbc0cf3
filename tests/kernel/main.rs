//! `reach` against the Linux kernel: a lab is built of network namespaces with what the product renders for its nodes (addresses,
//! routes, `/etc/hosts`, nftables rules, units of gateways and port forwards), sockets are opened where the catalog says that
//! services listen, and every pair of a node and a service port is tried. The outcome, the service that answers and the source
//! address that it sees have to be what `reach` says.
//!
//! `./dev test kernel` tries the shipped layouts, random labs that are the same each time, and as many fresh ones (none where
//! `SANDTABLE_SEEDS=fixed`, as in `.ci/run`: what a change must pass does not depend on chance); `./dev test kernel-labs` tries 200 fresh
//! ones. A failure prints its seed: `SANDTABLE_KERNEL_SEED=N` tries that lab alone, `SANDTABLE_KERNEL_LABS=N` so many fresh ones. Needs
//! root, `ip` and `nft`.
//!
//! Not compared: what `reach` says of packets without a port (ICMP), of services on the host itself, of images without a known family
//! (they have no firewall), and of tunnels whose outer packets do not pass; see `built` for what a tunnel is here.

#![cfg(target_os = "linux")]

mod built;
mod calls;
mod questions;
mod rendered;
mod spaces;

// In `it` it serves the comparison with the simulator.
#[path = "../it/random_labs.rs"]
mod random_labs;

use built::{Built, Caller, build};
use calls::{Answer, Call, attempt};
use questions::{Question, questions};
use sandtable::{
    catalog::Catalog,
    model::{Lab, NodeName},
    plan::{Desired, LabId, desired},
    reach::{Design, MachineNo, Outcome},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
    process::Command,
    time::Duration,
};

/// The labs that are tried where nothing else is said.
const LABS: Range<u64> = 0..16;
/// Labs in which `reach` once said what the kernel did not do: answers that pass a gateway which has not seen the call, packets that go
/// round, and answers that come by a tunnel to which no route leads back.
const LABS_FOUND: [u64; 4] = [1_796_010_092_305_697, 1_796_010_092_305_795, 1_796_007_137_906_691, 1_796_028_641_329_855];
/// How long an attempt may take. What answers does so within a millisecond; a neighbour that is missing is reported after three
/// seconds, which `reach` counts as no answer.
const PATIENCE: Duration = Duration::from_millis(400);
/// What disagrees is tried once more, by itself: a busy machine answers late.
const PATIENCE_AGAIN: Duration = Duration::from_millis(1500);

/// What was tried, and what came out of it.
#[derive(Default)]
struct Tally {
    labs: usize,
    pairs: usize,
    answered: usize,
    disagreements: Vec<String>,
}

impl Tally {
    fn print(&self) {
        let Self { labs, pairs, answered, disagreements } = self;
        println!("\nsandtable-figures: kernel {labs} labs, {pairs} pairs, {} disagreements ({answered} answered)", disagreements.len());
    }

    /// Neither is everything reached nor nothing, and the kernel agrees everywhere.
    fn check(&self) {
        self.print();
        assert!(self.answered * 20 > self.pairs && self.answered * 20 < self.pairs * 19, "{} of {} answered", self.answered, self.pairs);
        assert!(self.disagreements.is_empty(), "{}", self.disagreements.join("\n"));
    }
}

/// Builds a lab, changes what `spoil` changes, and compares.
fn compare(name: &str, lab: &Lab, tally: &mut Tally, spoil: impl FnOnce(&Built)) {
    let catalog = Catalog::embedded();
    let wanted = desired(lab, catalog, &LabId::of_file(Path::new("/labs/kernel.ron")));
    let design = Design::of(wanted.specs(), catalog);
    let built = build(lab, &wanted, &design);
    spoil(&built);
    let asked = questions(&wanted, &design);
    let answers = ask(&built, &asked, PATIENCE);
    let doubtful: Vec<Question> =
        asked.iter().zip(&answers).filter(|(asked, answer)| !asked.agrees(answer)).map(|(asked, _)| asked.clone()).collect();
    let again = ask(&built, &doubtful, PATIENCE_AGAIN);
    let told: BTreeSet<_> = asked
        .iter()
        .zip(&answers)
        .chain(doubtful.iter().zip(&again))
        .filter(|(_, answer)| answer.outcome == Ok(Outcome::Unreachable))
        .filter_map(|(asked, _)| asked.without_route())
        .collect();
    let is_told = |asked: &Question, answer: &Answer| {
        answer.outcome == Ok(Outcome::TimedOut) && asked.without_route().is_some_and(|router| told.contains(&router))
    };
    let differ = doubtful.iter().zip(&again).filter(|(asked, answer)| !asked.agrees(answer) && !is_told(asked, answer));
    let differ =
        differ.map(|(asked, answer)| asked.describe(answer)).chain(built.failed.iter().cloned()).chain(names(&built, &wanted, &design));
    tally.disagreements.extend(differ.map(|text| format!("{name}: {text}")));
    tally.labs += 1;
    tally.pairs += asked.len();
    tally.answered += answers.iter().filter(|answer| answer.by.is_some()).count();
}

/// Makes all attempts, those of all callers at once.
fn ask(built: &Built, asked: &[Question], patience: Duration) -> Vec<Answer> {
    let mut by_caller: BTreeMap<&Caller, Vec<usize>> = BTreeMap::new();
    for (place, question) in asked.iter().enumerate() {
        by_caller.entry(&question.from).or_default().push(place);
    }
    let mut answers: BTreeMap<usize, Answer> = BTreeMap::new();
    std::thread::scope(|scope| {
        let running: Vec<_> = by_caller
            .iter()
            .map(|(caller, places)| {
                let calls: Vec<Call> = places.iter().map(|place| asked[*place].call).collect();
                scope.spawn(move || attempt(built.space(caller), &calls, patience))
            })
            .collect();
        for (places, thread) in by_caller.values().zip(running) {
            answers.extend(places.iter().copied().zip(thread.join().unwrap()));
        }
    });
    answers.into_values().collect()
}

/// Names that `/etc/hosts` of a node resolves to another address than `reach` has.
fn names(built: &Built, wanted: &Desired, design: &Design<'_>) -> Vec<String> {
    let mut differ = Vec::new();
    let known: Vec<&str> = wanted.machines.keys().map(NodeName::as_str).chain(wanted.vips.keys().map(|(vip, _)| vip.as_str())).collect();
    for (place, node) in wanted.machines.keys().enumerate() {
        for name in known.iter().filter(|name| **name != node.as_str()) {
            let (said, found) = (design.map.resolve(MachineNo::at(place), name), built.nodes[node].resolve(name));
            if said != found {
                differ.push(format!("{node}: reach resolves {name} to {said:?}, /etc/hosts to {found:?}"));
            }
        }
    }
    differ
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

/// Seeds that no run had before.
fn fresh(labs: u64) -> Range<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let first = u64::try_from(now.as_micros()).unwrap();
    println!("{labs} fresh seeds from {first} on");
    first..first + labs
}

fn has_fixed_seeds() -> bool {
    std::env::var("SANDTABLE_SEEDS").is_ok_and(|text| text == "fixed")
}

fn layout(name: &str) -> Lab {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts").join(name);
    sandtable::layout::read(&std::fs::read_to_string(path).unwrap()).unwrap_or_else(|problems| panic!("{name}: {problems:?}"))
}

#[test]
fn the_kernel_agrees_with_the_shipped_layouts() {
    spaces::remove_stale();
    let mut tally = Tally::default();
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        compare(&name, &layout(&name), &mut tally, |_| {});
    }
    assert!(tally.labs >= 5, "{} layouts", tally.labs);
    tally.check();
}

#[test]
fn the_kernel_agrees_with_random_labs() {
    spaces::remove_stale();
    let seeds: Vec<u64> = match (number("SANDTABLE_KERNEL_SEED"), number("SANDTABLE_KERNEL_LABS")) {
        (Some(seed), _) => vec![seed],
        (None, Some(labs)) => fresh(labs).collect(),
        (None, None) => LABS.chain(LABS_FOUND).chain(fresh(if has_fixed_seeds() { 0 } else { LABS.end })).collect(),
    };
    let mut tally = Tally::default();
    for seed in seeds {
        let lab = if seed % 4 == 0 { random_labs::random_lab(seed) } else { random_labs::wide_lab(seed) };
        let before = tally.disagreements.len();
        compare(&format!("seed {seed}"), &lab, &mut tally, |_| {});
        if before == 0 && !tally.disagreements.is_empty() {
            println!("seed {seed}:\n{}", sandtable::layout::write(&lab));
        }
    }
    if tally.labs > 1 {
        tally.check();
    }
    assert!(tally.disagreements.is_empty(), "{}", tally.disagreements.join("\n"));
}

/// A rule that the product did not render is found: the comparison can fail, in each direction.
#[test]
fn a_planted_rule_is_found() {
    for (rule, says) in [
        ("add rule inet sandtable input tcp dport 3306 accept", "reach says TimedOut"),
        ("insert rule inet sandtable input tcp dport 3306 drop", "reach says Answered"),
        ("insert rule inet sandtable input tcp dport 3306 reject with tcp reset", "Ok(Refused)"),
    ] {
        let mut tally = Tally::default();
        compare("planted", &layout("three-node-lab.ron"), &mut tally, |built| {
            let node = Caller::Node("db-node-01".parse().unwrap());
            spaces::inside(built.space(&node), || spaces::run(Command::new("nft").args(["-f", "-"]), rule));
        });
        assert!(tally.disagreements.iter().any(|text| text.contains(says)), "{rule}: {:?}", tally.disagreements);
    }
}

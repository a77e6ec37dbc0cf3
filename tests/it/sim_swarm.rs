//! Random labs under random faults. First anything may break, and the invariants hold at every step; then everything is
//! healed, and all is well within a bounded time.
//!
//! `SANDTABLE_SWARM_SEED=N` runs one seed; `SANDTABLE_SWARM_COUNT=N` runs that many from 0. Otherwise fixed seeds run, and some that no
//! run before has had (none where `SANDTABLE_SEEDS=fixed`, as in `.ci/run`). A failure prints its seed.

use super::sim_support::*;
use sandtable::{
    model::*,
    sim::{Inspector, Rng, SimError, World},
};

/// Fixed seeds of a usual run, and fresh ones.
const SEEDS: u64 = 240;
const FRESH: u64 = 60;
/// Fresh seeds that once failed.
const FOUND: &[u64] = &[];
/// Steps of the first phase, and their length.
const STEPS: u64 = 240;
const STEP_MS: u64 = 250;
/// Within this, all is well after everything was healed: boots, a recovery that is tried twice, and a state transfer.
const WELL_WITHIN_MS: u64 = 120_000;

fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> &'a T {
    &from[usize::try_from(rng.below(from.len() as u64)).unwrap()]
}

/// A mini-cloud of random size: 1 to 3 applications, 2 to 4 databases, 0 to 2 arbitrators.
fn random_cloud(rng: &mut Rng) -> Lab {
    let (apps, databases) = (1 + rng.below(3), 2 + rng.below(3));
    let arbitrators = rng.below(3).min(apps);
    cloud(&CloudSize {
        apps,
        databases,
        arbitrators,
        advertise_ms: [200, 500, 1000][usize::try_from(rng.below(3)).unwrap()],
        preempt: rng.percent(50),
    })
}

fn random_lab(rng: &mut Rng) -> Lab {
    match rng.below(10) {
        0..=5 => random_cloud(rng),
        6 | 7 => two_meshes(),
        8 => small_office(),
        _ => behind_a_forward(),
    }
}

/// Reasons for which a fault cannot fall on something now, with the faults that they may be said of.
const REFUSED: [(&[&str], &str); 5] = [
    (&["kill", "hang"], "it does not run"),
    (&["power-off", "pause", "fill-memory", "hog-cpu"], "it is off"),
    (&["kill", "hang"], "it has no process of its own"),
    (&["block"], "it opens no port"),
    (&["expire"], "it has no certificate"),
];

/// Whether a fault was refused for a reason for which it may be.
fn is_refused_rightly(fault: &Fault, error: &SimError) -> bool {
    let (word, why) = (fault.word(), error.to_string());
    matches!(error, SimError::Refused { .. }) && REFUSED.iter().any(|(words, reason)| words.contains(&word) && why.contains(reason))
}

fn some_nodes(rng: &mut Rng, lab: &Lab) -> (Vec<NodeName>, Vec<NodeName>) {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for node in lab.nodes.keys() {
        match rng.below(3) {
            0 => one.push(node.clone()),
            1 => other.push(node.clone()),
            _ => {}
        }
    }
    (one, other)
}

fn random_fault(rng: &mut Rng, lab: &Lab) -> Option<Fault> {
    let services: Vec<ServiceRef> =
        lab.services().map(|(node, service, _)| ServiceRef { node: node.clone(), service: service.clone() }).collect();
    let beams: Vec<&ServiceRef> = services.iter().filter(|at| lab.service(at).unwrap().kind.starts_with("beam")).collect();
    let nodes: Vec<NodeName> = lab.nodes.keys().cloned().collect();
    let node = pick(rng, &nodes).clone();
    let adapters = &lab.nodes[&node].adapters;
    let wire = (!adapters.is_empty()).then(|| pick(rng, adapters).network.clone());
    let at = pick(rng, &services).clone();
    // By the table of faults, so that a new one is injected here as well.
    let verb = pick(rng, &Fault::VERBS).word;
    Some(match verb {
        "stop" => Fault::Stop(at),
        "kill" => Fault::Kill(at),
        "hang" => Fault::Hang(at),
        "restart" => Fault::Restart(at),
        "block" => Fault::Block(at),
        "expire" => Fault::Expire(at),
        "cookie" => Fault::Cookie((*beams.get(usize::try_from(rng.below(beams.len() as u64)).unwrap())?).clone()),
        "power-off" => Fault::PowerOff(node),
        "pause" => Fault::Pause(node),
        "fill-disk" => Fault::FillDisk(node),
        "fill-memory" => Fault::FillMemory(node),
        "hog-cpu" => Fault::HogCpu(node),
        "skew" => Fault::Skew(node, *pick(rng, &[90, -90, 5 * 24 * 3600, -5 * 24 * 3600])),
        "no-dns" => Fault::NoDns(node),
        "link-down" => Fault::LinkDown(node, wire?),
        "one-way" => Fault::OneWay(node.clone(), pick(rng, &nodes.into_iter().filter(|other| *other != node).collect::<Vec<_>>()).clone()),
        "cut" => {
            let (one, other) = some_nodes(rng, lab);
            (!one.is_empty() && !other.is_empty()).then_some(Fault::Cut(one, other))?
        }
        "loss" => Fault::Loss(node, wire?, u8::try_from(1 + rng.below(100)).unwrap()),
        "delay" => Fault::Delay(node, wire?, u32::try_from(1 + rng.below(3000)).unwrap()),
        unknown => panic!("{unknown} is a fault that is not injected here"),
    })
}

fn look(seed: u64, story: &[String], inspector: &mut Inspector, world: &mut World) {
    let found = inspector.look(world);
    assert!(found.is_empty(), "seed {seed}: {found:#?}\nafter {story:#?}");
}

fn run(seed: u64) {
    let mut rng = Rng::new(seed);
    let lab = random_lab(&mut rng);
    let mut world = deployed(&lab, seed);
    let mut inspector = Inspector::default();
    look(seed, &[], &mut inspector, &mut world);
    world.set_load(10);
    let mut story = Vec::new();
    for _ in 0..STEPS {
        if rng.percent(8)
            && let Some(fault) = random_fault(&mut rng, &lab)
        {
            match world.inject(&fault) {
                Ok(_) => story.push(format!("{} ms: {fault}", world.now_ms())),
                Err(error) => assert!(is_refused_rightly(&fault, &error), "seed {seed}: {fault}: {error}"),
            }
        }
        let active = world.active_faults();
        if rng.percent(5) && !active.is_empty() {
            let healed = pick(&mut rng, &active);
            story.push(format!("{} ms: heal {}", world.now_ms(), healed.fault));
            world.heal(healed.id).unwrap_or_else(|error| panic!("seed {seed}: heal {}: {error}", healed.fault));
        }
        world.run_for(STEP_MS);
        look(seed, &story, &mut inspector, &mut world);
    }
    story.push(format!("{} ms: heal all", world.now_ms()));
    world.heal_all();
    let healed_ms = world.now_ms();
    loop {
        world.run_for(1000);
        look(seed, &story, &mut inspector, &mut world);
        let complaints = complaints(&world);
        if complaints.is_empty() {
            break;
        }
        let waited_ms = world.now_ms() - healed_ms;
        assert!(waited_ms < WELL_WITHIN_MS, "seed {seed}: not well {waited_ms} ms after all was healed: {complaints:#?}\nafter {story:#?}");
    }
    // And well it stays: when those that came in before have given up, every request is answered.
    world.run_for(5000);
    world.set_load(10);
    world.run_for(6000);
    look(seed, &story, &mut inspector, &mut world);
    assert_eq!(world.load_totals().failed, 0, "seed {seed}: {:?}\nafter {story:#?}", world.load_totals());
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}

#[test]
fn whatever_breaks_the_invariants_hold_and_all_heals() {
    match number("SANDTABLE_SWARM_SEED") {
        Some(seed) => run(seed),
        None => match number("SANDTABLE_SWARM_COUNT") {
            Some(count) => (0..count).for_each(run),
            None => {
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
                let fresh = u64::try_from(now.as_micros()).unwrap();
                let is_fixed = std::env::var("SANDTABLE_SEEDS").is_ok_and(|text| text == "fixed");
                let count = if is_fixed { 0 } else { FRESH };
                println!("{count} fresh seeds from {fresh} on");
                (0..SEEDS).chain(FOUND.iter().copied()).chain(fresh..fresh + count).for_each(run);
            }
        },
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |seed| {
        let mut rng = Rng::new(seed);
        let lab = random_lab(&mut rng);
        let mut world = deployed(&lab, seed);
        world.set_load(10);
        if let Some(fault) = random_fault(&mut rng, &lab) {
            let injected = world.inject(&fault);
            assert!(injected.as_ref().err().is_none_or(|error| is_refused_rightly(&fault, error)), "seed {seed}: {injected:?}");
        }
        world.run_for(5_000);
        serde_json::to_string(&world).unwrap()
    };
    for seed in 0..10 {
        assert_eq!(bytes(seed), bytes(seed), "seed {seed}");
    }
    assert_ne!(bytes(0), bytes(1));
}

#[test]
fn a_world_lives_on_when_it_was_saved_and_read() {
    for seed in 0..6 {
        let mut world = deployed(&mini_cloud(), seed);
        world.set_load(20);
        world.inject(&fault("pause db1")).unwrap();
        world.run_for(3_210);
        let saved = serde_json::to_string(&world).unwrap();
        let mut read: World = serde_json::from_str(&saved).unwrap();
        for world in [&mut world, &mut read] {
            world.heal_all();
            world.run_for(20_000);
        }
        assert_eq!(serde_json::to_string(&world).unwrap(), serde_json::to_string(&read).unwrap(), "seed {seed}");
    }
}

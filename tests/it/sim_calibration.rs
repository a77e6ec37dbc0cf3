//! The mini-cloud's failovers against the figures measured on real nodes.

use super::sim_support::*;
use sandtable::{
    catalog::Catalog,
    model::Health,
    plan::{LabId, desired, plan},
    sim::World,
};

/// Runs of each fault.
const RUNS: u64 = 16;

/// Failed requests that a single failover may have more or less: those of a tenth of a second.
const FEW: u64 = 2;

/// What became of the requests of a failover.
#[derive(Clone, Copy)]
struct Figures {
    /// The longest time without a good answer; of the shipped layout the time to the slowest answer, which was measured there.
    ms: u64,
    /// Requests that failed.
    failed: u64,
}

/// A fault that was measured.
struct Case {
    what: &'static str,
    /// Measured on real nodes; `None`: only failed requests were counted.
    ms: Option<u64>,
    failed: u64,
    run: fn(u64) -> Figures,
}

/// Set up by hand, 20 requests a second (`testbeds/incus`, "Real failovers"), then the shipped layout, deployed by Sandtable. That a
/// node takes its own link down is not among our faults; measured for it: 4.15 s and 5 failed.
const CASES: [Case; 9] = [
    Case { what: "stop db1/galera", ms: Some(2360), failed: 33, run: |seed| broken("stop db1/galera", seed) },
    Case { what: "kill db1/galera", ms: Some(3480), failed: 22, run: |seed| broken("kill db1/galera", seed) },
    Case { what: "link-down db1 backend", ms: Some(5700), failed: 34, run: |seed| broken("link-down db1 backend", seed) },
    Case { what: "power-off db1", ms: Some(3200), failed: 3, run: |seed| broken("power-off db1", seed) },
    Case { what: "pause db1", ms: Some(3380), failed: 20, run: |seed| broken("pause db1", seed) },
    Case { what: "pause db1, resumed", ms: Some(5830), failed: 70, run: resumed },
    Case { what: "layout: stop db1/galera", ms: None, failed: 23, run: |seed| in_layout("stop db1/galera", "db2", seed) },
    Case { what: "layout: power-off db2", ms: Some(3700), failed: 1, run: |seed| in_layout("power-off db2", "db1", seed) },
    Case { what: "layout: link-down db1 backend", ms: Some(4000), failed: 14, run: |seed| in_layout("link-down db1 backend", "db2", seed) },
];

fn under_load(seed: u64, offset_ms: u64) -> World {
    let mut world = deployed(&mini_cloud(), seed);
    assert_eq!(complaints(&world), Vec::<String>::new());
    world.set_load(20);
    world.run_for(2_000 + offset_ms);
    assert_eq!(world.load_totals().failed, 0, "{:?}", world.load_totals());
    world
}

fn gap(world: &World) -> Figures {
    let totals = world.load_totals();
    Figures { ms: totals.longest_gap_ms, failed: totals.failed }
}

/// A fault of the holder of the VIP.
fn broken(text: &str, seed: u64) -> Figures {
    let mut world = under_load(seed, seed * 1000 / RUNS);
    world.inject(&fault(text)).unwrap();
    world.run_for(15_000);
    assert_eq!(world.observe().vips["database"].holders, ["db2"], "{text} seed {seed}: {:#?}", world.clone().drain_events());
    gap(&world)
}

/// The holder goes on after it was frozen for a while.
fn resumed(seed: u64) -> Figures {
    let mut world = under_load(seed, 0);
    let pause = world.inject(&fault("pause db1")).unwrap();
    world.run_for(20_000 + seed * 1000 / RUNS);
    world.set_load(20);
    world.heal(pause).unwrap();
    world.run_for(500);
    let both = world.observe().vips["database"].holders.len();
    assert!((1..=2).contains(&both));
    world.run_for(20_000);
    assert_eq!(complaints(&world), Vec::<String>::new(), "seed {seed}");
    gap(&world)
}

/// A fault of the holder in the shipped layout, as its plan deploys it; then another one holds the VIP.
fn in_layout(text: &str, to: &str, seed: u64) -> Figures {
    let lab = sandtable::layout::template("mini-cloud").unwrap().lab;
    let mut world = World::new(seed);
    let wanted = desired(&lab, Catalog::embedded(), &LabId::of_file(std::path::Path::new("/labs/test.ron")));
    for step in &plan(&lab, Catalog::embedded(), &wanted, &world.observe()).steps {
        world.perform(&step.action, 120_000).unwrap_or_else(|error| panic!("{}: {error}", step.id));
    }
    world.watch(&lab.flows);
    world.run_for(10_000);
    if to == "db1" {
        // It went to db2 before.
        let stop = world.inject(&fault("stop db1/galera")).unwrap();
        world.run_for(10_000);
        world.heal(stop).unwrap();
        world.run_for(30_000);
    }
    assert_eq!(complaints(&world), Vec::<String>::new(), "{text} seed {seed}");
    world.set_load(20);
    world.run_for(2_000 + seed * 1000 / RUNS);
    world.inject(&fault(text)).unwrap();
    world.run_for(20_000);
    assert_eq!(world.observe().vips["database"].holders, [to], "{text} seed {seed}");
    let totals = world.load_totals();
    let slowest = world.load_seconds().iter().map(|second| second.latency_ms_max).fold(0.0, f32::max);
    // A request that fails has waited as long as any waits.
    let waited = if totals.causes.contains_key(&sandtable::sim::Cause::Timeout) { 4000.0 } else { slowest };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few thousand milliseconds")]
    let ms = slowest.max(waited) as u64;
    Figures { ms, failed: totals.failed }
}

/// The middle of several runs with different seeds and moments within the second: one failover alone may be lucky.
fn median(run: fn(u64) -> Figures) -> Figures {
    let runs: Vec<Figures> = (0..RUNS).map(run).collect();
    let middle = |value: fn(&Figures) -> u64| {
        let mut values: Vec<u64> = runs.iter().map(value).collect();
        values.sort_unstable();
        values[values.len() / 2]
    };
    Figures { ms: middle(|run| run.ms), failed: middle(|run| run.failed) }
}

/// The time within a quarter of what was measured, the failed requests within a factor of two; of a few requests in a tenth of a second
/// the factor means nothing.
#[test]
fn each_measured_failover_is_simulated() {
    let all: Vec<Figures> = std::thread::scope(|scope| {
        let runs: Vec<_> = CASES.iter().map(|case| scope.spawn(|| median(case.run))).collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    let mut outside = Vec::new();
    println!("\nsandtable-figures: calibration, measured / simulated / ratio: {:27} {:>18}  {:>12}", "time in ms", "", "failed");
    for (case, simulated) in CASES.iter().zip(all) {
        let time = case.ms.map_or_else(
            || format!("{:>6} / {:>6} / {:>4}", "-", simulated.ms, "-"),
            |ms| format!("{ms:>6} / {:>6} / {:>4.2}", simulated.ms, simulated.ms as f64 / ms as f64),
        );
        let (failed, ratio) = (simulated.failed, simulated.failed as f64 / case.failed as f64);
        let line = format!("{:30} {time}   {:>4} / {failed:>4} / {ratio:>4.2}", case.what, case.failed);
        println!("sandtable-figures: calibration {line}");
        let time_fits = case.ms.is_none_or(|ms| (ms * 3 / 4..=ms * 5 / 4).contains(&simulated.ms));
        let failed_fit = (case.failed.div_ceil(2)..=case.failed * 2).contains(&failed) || failed.abs_diff(case.failed) <= FEW;
        if !time_fits || !failed_fit {
            outside.push(line);
        }
    }
    assert!(outside.is_empty(), "outside of a quarter of the time or of twice the failed requests:\n{}", outside.join("\n"));
}

#[test]
fn a_resumed_holder_and_the_new_one_both_hold_for_a_moment() {
    let mut world = under_load(3, 0);
    let pause = world.inject(&fault("pause db1")).unwrap();
    world.run_for(10_000);
    assert_eq!(world.observe().vips["database"].holders, ["db2"]);
    world.heal(pause).unwrap();
    world.run_for(10);
    assert_eq!(world.observe().vips["database"].holders, ["db2", "db1"]);
    world.run_for(20_000);
    assert_eq!(world.observe().vips["database"].holders.len(), 1);
}

#[test]
fn a_stopped_database_rejoins_in_about_five_and_a_half_seconds() {
    let mut world = under_load(5, 0);
    let stop = world.inject(&fault("stop db1/galera")).unwrap();
    world.run_for(20_000);
    world.heal(stop).unwrap();
    let from_ms = world.now_ms();
    while world.observe().clusters["minicloud"].state != sandtable::model::ClusterState::Whole {
        world.run_for(100);
        assert!(world.now_ms() - from_ms < 20_000, "{:#?}", world.clone().drain_events());
    }
    let took_ms = world.now_ms() - from_ms;
    assert!((4_000..=8_000).contains(&took_ms), "{took_ms} ms");
    // No-preempt: the VIP stays where it is.
    world.run_for(10_000);
    assert_eq!(world.observe().vips["database"].holders, ["db2"]);
}

#[test]
fn an_isolated_database_is_non_primary_and_the_others_go_on() {
    let mut world = under_load(7, 0);
    world.inject(&fault("link-down db1 backend")).unwrap();
    world.run_for(10_000);
    let seen = world.observe();
    let cluster = &seen.clusters["minicloud"];
    assert_eq!(cluster.parts[0].len(), 3, "{cluster:?}");
    let lone = &seen.nodes["db1"].services["galera"];
    assert_eq!((lone.health, lone.reason.as_str()), (Health::Down, "non-primary: no quorum"));
    assert_eq!(seen.nodes["db2"].services["galera"].health, Health::Healthy);
}

#[test]
fn a_two_two_split_loses_quorum_and_heals_by_itself() {
    let mut world = under_load(9, 0);
    let cut = world.inject(&fault("cut db1,app1 db2,app2")).unwrap();
    world.run_for(10_000);
    let cluster = &world.observe().clusters["minicloud"];
    assert_eq!(cluster.state, sandtable::model::ClusterState::Stopped, "{cluster:?}");
    world.heal(cut).unwrap();
    world.run_for(30_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn a_full_stop_needs_a_recovery() {
    let mut world = under_load(11, 0);
    let faults = ["stop db1/galera", "stop db2/galera"].map(|text| world.inject(&fault(text)).unwrap());
    world.run_for(5_000);
    for id in faults {
        world.heal(id).unwrap();
    }
    world.run_for(60_000);
    assert_eq!(world.observe().clusters["minicloud"].state, sandtable::model::ClusterState::Stopped);
    world.recover_cluster(&name("minicloud")).unwrap();
    let from_ms = world.now_ms();
    while world.observe().clusters["minicloud"].state == sandtable::model::ClusterState::Stopped {
        world.run_for(100);
    }
    assert!((1_500..=14_000).contains(&(world.now_ms() - from_ms)), "{}", world.now_ms() - from_ms);
    world.run_for(30_000);
    assert_eq!(complaints(&world), Vec::<String>::new());
}

#[test]
fn the_ruler_measures_a_failover() {
    let mut world = under_load(13, 0);
    world.inject(&fault("stop db1/galera")).unwrap();
    let at_ms = world.now_ms();
    world.run_for(12_000);
    let ruler = world.failover().unwrap();
    assert_eq!((ruler.from.as_deref(), &*ruler.to, ruler.fault_at_ms), (Some("db1"), "db2", at_ms));
    let detected = ruler.detected_at_ms - at_ms;
    let elected = ruler.elected_at_ms - at_ms;
    let good = ruler.first_good_at_ms.unwrap() - at_ms;
    assert!((500..=2_000).contains(&detected), "{ruler:?}");
    assert!(detected < elected && elected <= 3_000, "{ruler:?}");
    assert!(elected <= good && good <= 4_000, "{ruler:?}");
    assert_eq!(ruler.failed_requests, world.load_totals().failed, "{ruler:?}");
}

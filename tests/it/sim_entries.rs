//! Requests from outside by the flow that they come in by: each flow from outside has some, and one that is out is out whatever
//! becomes of the others.

use super::{sim_support::fault, sim_truth::Run};
use sandtable::{
    activity::sentences,
    layout::{template, templates},
    model::Health,
    sim::{Cause, EntryLoad, World, blast_radius},
};

fn entry(world: &World, id: &str) -> EntryLoad {
    let all = world.load_entries();
    all.iter().find(|entry| entry.id.to_string() == id).cloned().unwrap_or_else(|| panic!("no entry {id}: {all:#?}"))
}

#[test]
fn each_flow_from_outside_has_requests() {
    let mut run = Run::of("doors");
    // What failed while the lab came up is of no interest here.
    run.world.set_load(20);
    run.world.run_for(20_000);
    let entries = run.world.load_entries();
    let sent: Vec<(String, bool)> = entries.iter().map(|entry| (entry.id.to_string(), entry.totals.sent > 100)).collect();
    let expected = [
        ("outside -> gate:8094", true),
        ("outside -> page2/ssh", false),
        ("outside -> vip:sky", true),
        ("outside -> wide1/web:8404", false),
        ("outside -> kv/redis", false),
        ("outside -> dir/dns", false),
    ];
    assert_eq!(sent, expected.map(|(id, is_often)| (id.to_owned(), is_often)), "users' requests come often, connections now and then");
    for entry in &entries {
        assert!(entry.totals.sent >= 3 && entry.totals.failed == 0 && entry.totals.longest_gap_ms < 250, "{entry:#?}");
        assert!(entry.totals.latency_ms().is_some_and(|ms| ms > 0.0), "{entry:#?}");
    }
    let totals = run.world.load_totals();
    assert_eq!(totals.sent, entries.iter().map(|entry| entry.totals.sent).sum::<u64>());
    assert_eq!(totals.ok, entries.iter().map(|entry| entry.totals.ok).sum::<u64>());
    assert_eq!(run.health(), Health::Healthy);
}

#[test]
fn an_entry_that_is_out_is_an_outage_although_others_go_on() {
    for (broken, id) in [
        ("stop page1/web", "outside -> gate:8094"),
        ("stop gate/lead", "outside -> page2/ssh"),
        ("stop kv/redis", "outside -> kv/redis"),
        ("hang dir/dns", "outside -> dir/dns"),
        ("power-off wide1", "outside -> wide1/web:8404"),
    ] {
        let mut run = Run::of("doors");
        run.world.set_load(20);
        run.world.run_for(10_000);
        let forecast = blast_radius(&run.world, &fault(broken), None).unwrap();
        let told = sentences(&forecast);
        let predicted = forecast.entries.iter().find(|one| one.id.to_string() == id).unwrap();
        assert!(predicted.longest_gap_ms > 10_000 && predicted.recovers_after_ms.is_none() && !predicted.answered_at_end, "{predicted:#?}");
        assert!(told.iter().any(|text| text.starts_with(&format!("By {id}: "))), "{told:#?}");
        run.inject(broken);
        run.world.run_for(20_000);
        let out = entry(&run.world, id);
        // A server of ssh is tried each fifth second.
        assert!(out.totals.longest_gap_ms >= 14_000 && out.open_gap_ms >= 14_000 && out.totals.failed >= 3, "{broken}: {out:#?}");
        let worst = run.world.load_entries().iter().map(|entry| entry.totals.longest_gap_ms).max();
        assert_eq!(Some(run.world.load_totals().longest_gap_ms), worst, "{broken}: the lab's gap is that of the worst entry");
        let others = run
            .world
            .load_entries()
            .into_iter()
            .filter(|entry| entry.id != out.id && !forecast.entries.iter().any(|one| one.id == entry.id && one.failed > 0));
        assert!(
            others.clone().count() >= 3 && others.clone().all(|entry| entry.open_gap_ms < 250),
            "{broken}: {:#?}",
            others.collect::<Vec<_>>()
        );
        assert_ne!(run.health(), Health::Healthy, "{broken}");
        run.world.heal_all();
        run.until(60, |run| run.health() == Health::Healthy && run.world.load_entries().iter().all(|entry| entry.open_gap_ms < 4000));
    }
}

#[test]
fn a_vip_before_a_balancer_has_a_first_good_answer_and_outages_by_entry() {
    let mut run = Run::of("doors");
    run.inject("power-off wide1");
    run.world.run_for(15_000);
    let ruler = run.world.failover().unwrap();
    assert!(ruler.first_good_at_ms.is_some_and(|at_ms| at_ms >= ruler.elected_at_ms), "{ruler:#?}");
    let outage = |id: &str| ruler.entries.iter().find(|one| one.id.to_string() == id).unwrap();
    assert!(outage("outside -> vip:sky").longest_gap_ms > 500, "{ruler:#?}");
    assert!(outage("outside -> gate:8094").requests > 10 && outage("outside -> gate:8094").longest_gap_ms < 250, "{ruler:#?}");
    // A later fault that moves nothing leaves it as it was.
    let before = run.world.failover();
    run.inject("stop kv/redis");
    run.world.run_for(5000);
    assert_eq!(run.world.failover(), before);
}

#[test]
fn counts_of_a_flow_go_on_while_others_come_and_go() {
    let mut run = Run::of("doors");
    let before = entry(&run.world, "outside -> vip:sky").totals.sent;
    let mut flows = run.lab.flows.clone();
    flows.remove(0);
    run.world.watch(&flows);
    run.world.run_for(5000);
    assert!(run.world.load_entries().iter().all(|entry| entry.id.to_string() != "outside -> gate:8094"));
    assert!(entry(&run.world, "outside -> vip:sky").totals.sent > before + 50);
    assert!(run.world.is_sound());
    run.world.set_load(20);
    assert_eq!(entry(&run.world, "outside -> vip:sky").totals.ok, 0, "totals begin again");
}

#[test]
fn every_shipped_layout_has_load_and_answers_it() {
    for template in templates() {
        let mut run = Run::deployed(template.lab);
        run.until(60, |run| run.health() == Health::Healthy);
        run.world.set_load(20);
        run.world.run_for(20_000);
        let entries = run.world.load_entries();
        assert!(!entries.is_empty(), "{}", template.name);
        for entry in entries {
            assert!(entry.totals.ok > 0 && entry.totals.failed == 0, "{}: {entry:#?}", template.name);
        }
    }
}

/// What does the application return without its database, and how quickly?
#[test]
fn the_exercise_of_the_three_node_lab_has_an_answer() {
    for (broken, cause) in [("stop db-node-01/db", Cause::Refused), ("link-down db-node-01 lab", Cause::Timeout)] {
        let mut run = Run::deployed(template("three-node-lab").unwrap().lab);
        run.until(60, |run| run.health() == Health::Healthy);
        run.world.set_load(20);
        run.inject(broken);
        run.world.run_for(10_000);
        let totals = run.world.load_totals();
        assert!(totals.causes.get(&cause).is_some_and(|count| *count > 100), "{broken}: {totals:#?}");
        assert_ne!(run.health(), Health::Healthy, "{broken}");
        run.world.heal_all();
        run.until(60, |run| run.health() == Health::Healthy);
    }
}

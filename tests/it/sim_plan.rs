//! The plan's own specifications and steps, done in the simulator: after one plan nothing is left to do.

use super::sim_support::*;
use sandtable::{
    catalog::Catalog,
    model::Lab,
    plan::{LabId, desired, destroy, plan},
    sim::World,
};

fn apply(lab: &Lab, world: &mut World) -> usize {
    let catalog = Catalog::embedded();
    let wanted = desired(lab, catalog, &LabId::of_file(std::path::Path::new("/labs/test.ron")));
    assert_eq!(wanted.unplannable, vec![], "{}", lab.name);
    let todo = plan(lab, catalog, &wanted, &world.observe());
    for step in &todo.steps {
        world.perform(&step.action, 120_000).unwrap_or_else(|error| panic!("{}: {}: {error}", lab.name, step.id));
    }
    world.watch(&lab.flows);
    world.run_for(10_000);
    todo.steps.len()
}

#[test]
fn a_planned_lab_is_well_and_a_second_plan_is_empty() {
    for lab in [mini_cloud(), two_meshes(), small_office()] {
        let mut world = World::new(1);
        assert!(apply(&lab, &mut world) > 10);
        assert_eq!(complaints(&world), Vec::<String>::new(), "{}", lab.name);
        assert_eq!(apply(&lab, &mut world), 0, "{}", lab.name);
    }
}

#[test]
fn a_change_changes_only_what_differs_and_destroy_leaves_nothing() {
    let mut lab = mini_cloud();
    let mut world = World::new(1);
    apply(&lab, &mut world);
    lab.nodes.get_mut("app1").unwrap().memory = 2048;
    let steps = apply(&lab, &mut world);
    assert!((1..=8).contains(&steps), "{steps} steps");
    assert_eq!(apply(&lab, &mut world), 0);
    assert_eq!(complaints(&world), Vec::<String>::new());
    for step in destroy(&world.observe()).steps {
        world.perform(&step.action, 60_000).unwrap_or_else(|error| panic!("{}: {error}", step.id));
    }
    assert!(world.observe().is_empty());
}

#[test]
fn a_forecast_of_the_shipped_cloud_is_of_the_size_of_what_then_happens() {
    let lab = sandtable::layout::template("mini-cloud").unwrap().lab;
    let mut world = World::new(1);
    apply(&lab, &mut world);
    world.run_for(10_000);
    let fault = "stop db1/galera".parse().unwrap();
    // With requests already coming in, as in the window.
    world.set_load(20);
    let forecast = sandtable::sim::blast_radius(&world, &fault, None).unwrap();
    world.run_for(5_000);
    world.inject(&fault).unwrap();
    world.run_for(20_000);
    let ruler = world.failover().unwrap();
    let seen = ruler.first_good_at_ms.unwrap() - ruler.fault_at_ms;
    let predicted = forecast.recovers_after_ms.unwrap();
    assert!(seen >= 500, "good again after {seen} ms already");
    let (gap_predicted, gap_seen) = (forecast.longest_gap_ms, world.load_totals().longest_gap_ms);
    assert!(gap_predicted.abs_diff(gap_seen) <= 1500 && gap_predicted >= 500, "predicted a gap of {gap_predicted} ms, seen {gap_seen} ms");
    assert!(predicted.abs_diff(seen) <= 1500, "predicted {predicted} ms, seen {seen} ms: {forecast:?}");
}

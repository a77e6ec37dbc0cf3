//! The plan's own specifications and steps, done in the simulator: after one plan nothing is left to do.

#[expect(dead_code, reason = "other tests use the rest")]
mod sim_support;

use sandtable::{
    catalog::Catalog,
    model::Lab,
    plan::{LabId, desired, destroy, plan},
    sim::World,
};
use sim_support::*;

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

//! One simulated hour of the mini-cloud under 20 requests a second (aim: 100 ms), and what a forecast costs.

#[path = "../tests/it/sim_support.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod sim_support;

use criterion::{BatchSize, Criterion};
use sandtable::sim::blast_radius;
use sim_support::{complaints, deployed, fault, mini_cloud};
use std::time::Duration;

const HOUR_MS: u64 = 3_600_000;

/// Measures it.
pub fn sim(c: &mut Criterion) {
    let mut world = deployed(&mini_cloud(), 1);
    assert_eq!(complaints(&world), Vec::<String>::new());
    world.set_load(20);
    let mut group = c.benchmark_group("mini-cloud");
    group.sample_size(10).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.bench_function("a simulated hour under 20 requests a second", |b| {
        b.iter_batched(|| world.clone(), |mut world| world.run_for(HOUR_MS), BatchSize::LargeInput);
    });
    let stop = fault("stop db1/galera");
    group.bench_function("a forecast", |b| b.iter(|| blast_radius(&world, &stop, None).map(|seen| seen.requests_failed)));
    group.bench_function("observe", |b| b.iter(|| world.observe()));
    group.finish();
}

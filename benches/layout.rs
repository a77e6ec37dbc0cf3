//! Reading and writing a layout of 10,000 nodes (aim: 50 ms each).

use criterion::Criterion;
use sandtable::layout::{positions, read, write};
use sandtable::testing::large_lab;
use std::{hint::black_box, time::Duration};

/// Measures it.
pub fn layout(c: &mut Criterion) {
    let lab = large_lab(10_000);
    let text = write(&lab);
    let mut group = c.benchmark_group("layout of 10,000 nodes");
    group.sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(2));
    group.bench_function("read", |b| b.iter(|| read(black_box(&text)).map(|lab| lab.nodes.len())));
    group.bench_function("write", |b| b.iter(|| write(black_box(&lab)).len()));
    group.bench_function("positions", |b| b.iter(|| positions(black_box(&text))));
    group.finish();
}

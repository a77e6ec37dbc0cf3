//! The benchmarks: `./dev bench`. Measures with criterion, then prints every figure beside its aim.
//!
//! A word after `--bench` keeps only the benchmarks whose name holds it. It never judges: being over an aim is no failure.

mod canvas;
mod layout;
mod report;
mod rules;
mod sim;

use criterion::Criterion;
use std::time::SystemTime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let began = SystemTime::now();
    let folder = report::folder();
    let mut criterion = Criterion::default().output_directory(&folder).configure_from_args();
    layout::layout(&mut criterion);
    rules::rules(&mut criterion);
    sim::sim(&mut criterion);
    canvas::canvas(&mut criterion);
    report::print(&folder, began);
}

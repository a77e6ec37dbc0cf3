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
    let words: Vec<String> = std::env::args().collect();
    // For `.ci/bench-growth`, which measures the program on it.
    if let [_, flag, nodes] = words.as_slice()
        && flag == "--write-lab"
    {
        let lab = sandtable::testing::large_lab(nodes.parse().expect("a number of nodes"));
        return print!("{}", sandtable::layout::write(&lab));
    }
    let began = SystemTime::now();
    let folder = report::folder();
    let mut criterion = Criterion::default().output_directory(&folder).configure_from_args();
    layout::layout(&mut criterion);
    rules::rules(&mut criterion);
    sim::sim(&mut criterion);
    canvas::canvas(&mut criterion);
    report::print(&folder, began);
}

//! Every figure of a run beside its aim, read from what criterion has kept.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

/// What a benchmark should take at most, in milliseconds.
const AIMS: &[(&str, f64)] = &[
    ("layout of 10,000 nodes/read", 50.0),
    ("layout of 10,000 nodes/write", 50.0),
    ("check of 10,000 nodes/whole", 20.0),
    ("check of 10,000 nodes/after an adapter's address", 1.0),
    ("check of 10,000 nodes/after a service's bind address", 1.0),
    ("check of 10,000 nodes/after a flow more", 1.0),
    ("check of 10,000 nodes/after a network's purpose", 20.0),
    ("mini-cloud/a simulated hour under 20 requests a second", 100.0),
    ("canvas/1,000 in full detail, still", 2.0),
    ("canvas/1,000 in full detail, panning", 2.0),
    ("canvas/fit, still/1000", 1.0),
    ("canvas/fit, still/10000", 3.0),
    ("canvas/fit, panning/10000", 3.0),
    ("canvas/fit, zooming/10000", 3.0),
    ("canvas/fit, still/100000", 1.0),
    ("canvas/fit, panning/100000", 8.0),
    ("canvas/fit, zooming/100000", 8.0),
    ("canvas/at 1:1, still/1000", 1.0),
    ("canvas/at 1:1, panning/1000", 1.0),
    ("canvas/at 1:1, still/10000", 1.0),
    ("canvas/at 1:1, panning/10000", 1.0),
    ("canvas/at 1:1, still/100000", 1.0),
    ("canvas/at 1:1, panning/100000", 1.0),
    ("canvas/dragging 500 of 10,000", 2.0),
];

/// Frames of ours beside frames of egui_graphs' `GraphView` of the same lab.
const RIVALS: &[(&str, &str)] = &[
    ("canvas/fit, still/1000", "GraphView of egui_graphs/fit/1000"),
    ("canvas/fit, still/10000", "GraphView of egui_graphs/fit/10000"),
    ("canvas/fit, still/100000", "GraphView of egui_graphs/fit/100000"),
    ("canvas/fit, panning/1000", "GraphView of egui_graphs/fit/1000"),
    ("canvas/fit, panning/10000", "GraphView of egui_graphs/fit/10000"),
    ("canvas/fit, panning/100000", "GraphView of egui_graphs/fit/100000"),
];

/// Where criterion keeps its figures: beside the folder of this program.
pub fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.parent().and_then(Path::parent).unwrap_or(Path::new("target")).join("criterion")
}

/// Prints what was measured since `began`.
pub fn print(folder: &Path, began: SystemTime) {
    let mut medians_ms = BTreeMap::new();
    collect(folder, began, &mut medians_ms);
    println!("\n{:<56} {:>10} {:>10} {:>8}", "median of a turn", "figure ms", "aim ms", "of aim");
    for (name, aim) in AIMS {
        if let Some(median) = medians_ms.get(*name) {
            println!("{name:<56} {median:>10.3} {aim:>10.1} {:>7.2}x", median / aim);
        }
    }
    for (name, median) in medians_ms.iter().filter(|(name, _)| AIMS.iter().all(|(aimed, _)| aimed != name)) {
        println!("{name:<56} {median:>10.3} {:>10} {:>8}", "-", "-");
    }
    println!("\n{:<56} {:>10} {:>10} {:>8}", "beside GraphView of egui_graphs", "ours ms", "its ms", "faster");
    for (ours, its) in RIVALS {
        if let (Some(ours_ms), Some(its_ms)) = (medians_ms.get(*ours), medians_ms.get(*its)) {
            println!("{ours:<56} {ours_ms:>10.3} {its_ms:>10.3} {:>7.1}x", its_ms / ours_ms);
        }
    }
}

/// The medians below a folder, in milliseconds, by the names of their benchmarks.
fn collect(folder: &Path, began: SystemTime, medians_ms: &mut BTreeMap<String, f64>) {
    let fresh = |path: &Path| fs::metadata(path).and_then(|about| about.modified()).is_ok_and(|at| at >= began);
    for entry in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let estimates = entry.join("estimates.json");
        if entry.ends_with("new") && fresh(&estimates) {
            let about = json(&entry.join("benchmark.json"));
            let name = about.as_ref().and_then(|about| about["full_id"].as_str());
            let nanoseconds = json(&estimates).and_then(|estimates| estimates["median"]["point_estimate"].as_f64());
            if let (Some(name), Some(nanoseconds)) = (name, nanoseconds) {
                medians_ms.insert(name.to_owned(), nanoseconds / 1e6);
            }
        } else {
            collect(&entry, began, medians_ms);
        }
    }
}

fn json(path: &Path) -> Option<Value> {
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

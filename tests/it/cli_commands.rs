//! The smaller commands of the command line, run as people run them.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

pub fn sandtable(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sandtable")).args(args).env("NO_COLOR", "1").output().unwrap()
}

pub fn good(args: &[&str]) -> String {
    let output = sandtable(args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn wrong(args: &[&str]) -> String {
    let output = sandtable(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).unwrap()
}

fn shipped(name: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts").join(name).display().to_string()
}

#[test]
fn usage_is_explained() {
    assert!(good(&["--help"]).contains("Exit codes: 0 good"));
    assert!(good(&["--version"]).starts_with("sandtable "));
    assert!(wrong(&["chekc"]).contains("chekc is neither a command nor a file; did you mean `sandtable check`?"));
    assert!(wrong(&["nowhere.ron"]).contains("`sandtable --help` lists the commands"));
    assert!(wrong(&["check"]).contains("LAYOUT"));
    assert!(wrong(&["check", "--format", "xml", "x.ron"]).contains("json"));
}

#[test]
fn rules_are_listed_and_explained() {
    let all = good(&["rules"]);
    assert!(all.contains("Exposure") && all.contains("duplicate-address"), "{all}");
    let page = good(&["rules", "duplicate-address"]);
    assert!(page.starts_with("duplicate-address (error, Addressing)") && page.contains("## Why"), "{page}");
    assert!(wrong(&["rules", "duplicate-adress"]).contains("did you mean duplicate-address?"));
    let json: serde_json::Value = serde_json::from_str(&good(&["rules", "--format", "json"])).unwrap();
    assert!(json["rules"].as_array().unwrap().iter().any(|rule| rule["rule"] == "duplicate-address"));
}

#[test]
fn a_layout_is_made_from_a_template() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.ron");
    let path = path.to_str().unwrap();
    assert!(good(&["new"]).contains("mini-cloud"));
    assert_eq!(good(&["new", "--from", "mini-cloud", "My \"cloud\"", "-o", path]), format!("{path}\n"));
    assert!(fs::read_to_string(path).unwrap().contains(r#"name: "My \"cloud\"","#));
    good(&["check", path]);
    assert!(wrong(&["new", "--from", "shop", "Shop", "-o", path]).contains("exists"));
    good(&["new", "--from", "shop", "Shop", "-o", path, "--force"]);
    assert!(fs::read_to_string(format!("{path}~")).unwrap().contains("cloud"));
    assert!(wrong(&["new", "--from", "mini-clod", "x", "-o", path]).contains("did you mean mini-cloud?"));
}

#[test]
fn the_topology_is_parseable() {
    let file = shipped("multi-site-beam.ron");
    let lines = good(&["topology", &file]);
    assert!(lines.contains("site=us-east nodes=[edge-us-1,edge-us-2,gateway-us] gateways=[gateway-us]\n"), "{lines}");
    assert!(lines.contains("link=wan from=us-east to=eu-west encrypted=true\n"), "{lines}");
    let links = lines.lines().filter(|line| line.starts_with("link=")).count();
    assert_eq!(lines.lines().last().unwrap(), format!("links={links} secure=true"));
    let json: serde_json::Value = serde_json::from_str(&good(&["topology", &file, "--format", "json"])).unwrap();
    assert_eq!((json["secure"].as_bool(), json["links"].as_array().map(Vec::len)), (Some(true), Some(links)));
    assert!(good(&["topology", &shipped("mini-cloud.ron")]).ends_with("secure=false\n"));
}

#[test]
fn who_reaches_whom_is_explained() {
    let file = shipped("mini-cloud.ron");
    let lines = good(&["explain", &file, "app1/todo", "vip:database"]);
    assert!(lines.contains(":3306: answered by db1/galera") && lines.contains("db1 takes it"), "{lines}");
    assert!(lines.contains("from the layout alone"), "it says what it was evaluated with: {lines}");
    let output = sandtable(&["explain", &file, "app1", "db1:9999", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1), "{json}");
    assert_eq!(
        (&json["outcome"], &json["reaches"], &json["why"]["code"]),
        (&"timed_out".into(), &false.into(), &"filtered".into()),
        "{json}"
    );
    assert_eq!((&json["state"], &json["unknown"]), (&"layout".into(), &serde_json::json!([])));
    assert!(wrong(&["explain", &file, "app11", "db1"]).contains("did you mean app1?"));
    assert!(wrong(&["explain", &file, "app1", "db1:0"]).contains("is no port"));
    assert!(wrong(&["explain", &file, "app1", "db1/nothing"]).contains("the lab has no"));
    assert!(wrong(&["explain", &file, "app1"]).contains("TO[:PORT]"));
}

#[test]
fn documents_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.md");
    let file = shipped("mini-cloud.ron");
    assert!(good(&["export", &file, "--to", "mermaid"]).starts_with("flowchart TB\n"));
    assert_eq!(good(&["export", &file, "--to", "markdown", "-o", path.to_str().unwrap()]), "");
    assert!(fs::read_to_string(&path).unwrap().contains("# Mini cloud"));
    let existing = wrong(&["export", &file, "--to", "markdown", "-o", path.to_str().unwrap()]);
    assert!(existing.contains("lab.md exists") && existing.contains("--force"), "{existing}");
    good(&["export", &file, "--to", "mermaid", "-o", path.to_str().unwrap(), "--force"]);
    assert!(wrong(&["export", &file, "--to", "poem"]).contains("mermaid"));
    assert!(wrong(&["export", folder.path().to_str().unwrap(), "--to", "mermaid"]).contains("is a folder"));
}

#[test]
fn a_layout_and_an_export_never_take_each_others_place() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (layout, notes) = (at("lab.ron"), at("notes.txt"));
    fs::copy(shipped("mini-cloud.ron"), &layout).unwrap();
    fs::write(&notes, "Chapter 1").unwrap();
    let before = fs::read(&layout).unwrap();
    for output in [layout.as_str(), &at("new.ron")] {
        for force in [&[][..], &["--force"]] {
            let error = wrong(&[&["export", &layout, "--to", "svg", "-o", output], force].concat());
            assert!(error.contains("is a layout's file"), "{error}");
        }
    }
    assert_eq!((fs::read(&layout).unwrap(), fs::exists(at("new.ron")).unwrap()), (before, false));
    assert!(wrong(&["new", "Shop", "--from", "shop", "-o", &notes, "--force"]).contains("does not hold a layout"));
    assert_eq!(fs::read_to_string(&notes).unwrap(), "Chapter 1");
}

#[test]
fn pictures_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.png");
    let path = path.to_str().unwrap();
    let file = shipped("three-node-lab.ron");
    let (light, dark) = (good(&["export", &file, "--to", "svg"]), good(&["export", &file, "--to", "svg", "--theme", "dark"]));
    assert!(light.contains("<svg") && light.contains("db-node-01") && light != dark);
    good(&["export", &file, "--to", "png", "--scale", "0.5", "-o", path]);
    assert!(fs::read(path).unwrap().starts_with(b"\x89PNG"));
    assert!(wrong(&["export", &file, "--to", "png"]).contains("-o FILE"));
    assert!(wrong(&["export", &file, "--to", "png", "--scale", "0", "-o", path, "--force"]).contains("scale"));
    for scale in ["1000", "4.5", "nan"] {
        assert!(wrong(&["export", &file, "--to", "png", "--scale", scale, "-o", path, "--force"]).contains("use 1 to 4"), "{scale}");
    }
    assert!(wrong(&["export", &file, "--to", "svg", "--scale", "2"]).contains("--scale is for a PNG"));
    assert!(wrong(&["export", &file, "--to", "mermaid", "--background", "transparent"]).contains("Mermaid is a text"));
}

#[test]
fn parts_and_grounds_are_exported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.png");
    let path = path.to_str().unwrap();
    let file = shipped("mini-cloud.ron");
    let part = good(&["export", &file, "--to", "svg", "--only", "db1,lb"]);
    assert!(part.contains(">db1<") && part.contains(">lb<") && !part.contains(">db2<"));
    let missing = wrong(&["export", &file, "--to", "svg", "--only", "db1,db9"]);
    assert!(missing.contains("no node db9") && missing.contains("db2"), "{missing}");
    let output = sandtable(&["export", &file, "--to", "png", "--scale", "1", "--background", "transparent", "-o", path]);
    let image = image::open(path).unwrap().into_rgba8();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("{} x {} pixels", image.width(), image.height())), "{said}");
    assert_eq!(image.get_pixel(2, 2).0[3], 0);
}

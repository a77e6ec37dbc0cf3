//! Every file of `layouts_broken/format` is refused, each with what its first line expects: `LINE:COLUMN message`.

use sandtable::layout::{NODES_MAX, Problem, positions, read, read_bytes, write};
use sandtable::model::{Lab, Path};
use std::fmt::Write as _;

fn problems(text: &str) -> Vec<Problem> {
    match read(text) {
        Ok(lab) => panic!("read as {lab:?}"),
        Err(problems) => problems,
    }
}

#[test]
fn each_broken_file_is_refused_where_it_is_broken() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/layouts_broken/format");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 25);
    let mut wrong = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let expected = text.lines().next().and_then(|line| line.strip_prefix("// expect: ")).unwrap();
        let first = problems(&text).remove(0).to_string();
        let (place, message) = expected.split_once(' ').unwrap();
        if !(first.starts_with(&format!("{place}: ")) && first.contains(message)) {
            writeln!(wrong, "{}\n  expected {expected}\n  found    {first}", file.display()).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn all_problems_are_told_in_the_files_order() {
    let text = include_str!("../layouts_broken/format/many-problems.ron");
    let found: Vec<(u32, String)> = problems(text).into_iter().map(|problem| (problem.place.line, problem.path.to_string())).collect();
    let expected = [
        (8, "nodes[\"a\"].role"),
        (9, "nodes[\"b\"].memroy"),
        (10, "nodes[\"c\"].adapters[0].address"),
        (10, "nodes[\"c\"].adapters[1].network"),
        (12, "flows[0]"),
        (12, "flows[1].port"),
    ];
    assert_eq!(found, expected.map(|(line, path)| (line, path.to_owned())));
}

#[test]
fn all_dangling_references_are_told() {
    let text = r#"(sandtable: 1, name: "x",
        nodes: {"a": (role: app, site: "nowhere", after: ["b"], adapters: [(network: "n")], services: {"s": (kind: "nginx", bind: on("m"))})},
        flows: [(from: "a", to: "a/t"), (from: "vip:v", to: outside)])"#
        .replace("to: outside", "to: \"outside\"");
    let found: Vec<String> = problems(&text).into_iter().map(|problem| problem.message).collect();
    let expected = ["site \"nowhere\"", "node \"b\"", "network \"n\"", "network \"m\"", "service \"a/t\"", "vip \"v\""];
    assert_eq!(found, expected.map(|what| format!("there is no {what} in this lab")));
}

#[test]
fn what_ron_allows_is_read() {
    let lab = read(
        "\u{feff}// a comment\n#![enable(implicit_some)]\n#![enable(unwrap_newtypes,)]\n/* one /* in */ another */\nLab(r#name: r##\"a \"# b\"##,\n\
         sandtable: 1, about: \"\\u{1F980}\\x41\\n\", host: Some((memory: 4_096, cpus: 0x10,)), image: None,)",
    );
    let lab = lab.unwrap();
    assert_eq!((lab.name.as_str(), lab.about.as_str()), ("a \"# b", "🦀A\n"));
    let host = lab.host.unwrap();
    assert_eq!((host.memory, host.cpus, lab.image), (4096, 16, None));
}

#[test]
fn bytes_that_are_not_text_are_refused_where_they_are() {
    let problems = read_bytes(b"(sandtable: 1,\n  name: \"\xff\")").unwrap_err();
    assert_eq!((problems[0].place.line, problems[0].place.column), (2, 10));
    assert!(problems[0].message.contains("UTF-8"));
}

#[test]
fn too_many_nodes_are_refused_before_any_is_built() {
    let mut text = String::from("(sandtable: 1, name: \"x\", nodes: {");
    for index in 0..=NODES_MAX {
        write!(text, "\"n{index}\": (role: app),").unwrap();
    }
    text.push_str("})");
    assert_eq!(problems(&text)[0].message, format!("more than {NODES_MAX} nodes are too many for one lab"));
}

#[test]
fn positions_find_names_values_and_what_is_left_out() {
    let text = "(\n  sandtable: 1,\n  name: \"x\",\n  nodes: {\n    \"ä\": (role: app, cpus: 2),\n    \"b\": (role: app),\n  },\n)";
    let positions = positions(text);
    let place = |path: Path| positions.place(&path).to_string();
    assert_eq!(place(Path::root()), "1:1");
    assert_eq!(place(Path::root().field("nodes").key("b")), "6:5");
    assert_eq!(place(Path::root().field("nodes").key("ä").field("cpus")), "5:22");
    assert_eq!(place(Path::root().field("nodes").key("b").field("cpus")), "6:5");
    assert_eq!(place(Path::root().field("flows").index(3)), "1:1");
}

#[test]
fn the_file_is_small_and_reads_well() {
    let text = include_str!("../../layouts/three-node-lab.ron");
    let lab = read(text).unwrap();
    assert_eq!(write(&lab), text, "write(read(x)) is x for the shipped layouts, so that they show what saving gives");
    assert_eq!(write(&Lab::new("Empty")), "#![enable(implicit_some, unwrap_newtypes)]\n(\n    sandtable: 1,\n    name: \"Empty\",\n)\n");
}

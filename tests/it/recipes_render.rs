//! Every recipe of the catalog, rendered: for each service of the shipped layouts and of `tests/recipes/`, on each family of
//! distributions. Nothing of a template is left in what comes out, and a shell reads it.
//!
//! With `SANDTABLE_RENDER_TO` set to a folder, the scripts are written there, for `.ci/recipes` to run them on real nodes.

use sandtable::{
    catalog::{Catalog, Recipes, SecretForm},
    layout,
    model::{Family, Lab, ServiceRef, Value},
    plan::{Desired, LabId, desired},
    provision::{
        Place, Script,
        configure::{Around, configure},
        needs::{Certificate, Needs, Secret, Values, needs},
        scene::{LabWords, Setup},
        service::{As, install, promote, reconfigure, remove, start, stop, value},
    },
};
use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const FAMILIES: [Family; 4] = [Family::Debian, Family::Ubuntu, Family::Rocky, Family::Fedora];

fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = ["layouts", "tests/recipes"].map(|folder| fs::read_dir(root.join(folder)).unwrap());
    let mut files: Vec<PathBuf> = all.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "ron"));
    files.sort();
    files
}

fn read(file: &Path) -> (Lab, Desired) {
    let lab = layout::read(&fs::read_to_string(file).unwrap()).unwrap_or_else(|problems| panic!("{}: {problems:?}", file.display()));
    let found = desired(&lab, Catalog::embedded(), &LabId::of_file(file));
    assert_eq!(found.unplannable, [], "{}", file.display());
    (lab, found)
}

/// Values that look like the real ones: the same key, the same value.
fn values(needs: &Needs, keys: &Path) -> Values {
    let secret = |(key, form): (&str, SecretForm)| {
        let word: String =
            key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)).to_string();
        let secret = match form {
            SecretForm::Password => Secret { value: format!("pw{word}"), public: None },
            SecretForm::Short => Secret { value: word.chars().take(8).collect(), public: None },
            SecretForm::WireguardKey => Secret { value: format!("{word}="), public: Some(format!("{word}=")) },
            SecretForm::SshKey => {
                // A real pair where `.ci/recipes` made one, for ssh would not take another.
                let read = |end: &str| fs::read_to_string(keys.join(format!("ssh{end}"))).ok().map(|text| text.trim().to_owned());
                let value = read("").unwrap_or_else(|| format!("-----BEGIN-----\n{word}\n-----END-----"));
                Secret { value, public: Some(read(".pub").unwrap_or_else(|| format!("ssh-ed25519 {word} sandtable"))) }
            }
        };
        (key.to_owned(), secret)
    };
    let pem = |name: &str| fs::read_to_string(keys.join(name)).unwrap_or_else(|_| format!("-----BEGIN {name}-----\n"));
    let certificate = || Certificate { certificate: pem("certificate.pem"), key: pem("key.pem"), authority: pem("authority.pem") };
    Values { secrets: needs.keys().into_iter().map(secret).collect(), certificate: needs.certificate.as_ref().map(|_| certificate()) }
}

/// All scripts of one service on one family; `None` where its kind has no recipe or its recipe does not know the family.
fn scripts(lab: &Lab, found: &Desired, at: &ServiceRef, family: Family, keys: &Path) -> Option<Vec<(&'static str, Script)>> {
    let (catalog, recipes) = (Catalog::embedded(), Recipes::embedded());
    let spec = &found.services[at];
    let folder = recipes.get(spec.kind.as_str())?;
    folder.recipe.on(family)?;
    let place = Place { node: &at.node, machine: &found.machines[&at.node], family };
    let needs = needs(place, &at.service, spec, catalog, recipes).unwrap_or_else(|error| panic!("{at} on {family:?}: {error}"));
    let values = values(&needs, keys);
    let lab = LabWords { name: &lab.name, id: "lab1" };
    let setup = Setup { lab, place, service: &at.service, spec, catalog, folder, needs: &needs, values: &values };
    let made = [
        ("install", install(&setup)),
        ("first", start(&setup, As::First)),
        ("next", start(&setup, As::Next)),
        ("reconfigure", reconfigure(&setup)),
        ("remove", remove(&at.service, Some(&setup))),
        ("stop", Ok(stop(&at.service))),
    ];
    let made = made.map(|(what, script)| (what, script.unwrap_or_else(|error| panic!("{at} on {family:?}, {what}: {error}"))));
    let position = value(&setup, "position", folder.recipe.scripts.position.as_deref()).unwrap_or_else(|error| panic!("{at}: {error}"));
    let promoted = folder.recipe.scripts.promote.as_deref().map(|template| promote(&setup, template));
    let promoted = promoted.map(|made| made.unwrap_or_else(|error| panic!("{at}: {error}")));
    let more = position.map(|script| ("position", script)).into_iter().chain(promoted.map(|script| ("promote", script)));
    Some(made.into_iter().chain(more).collect())
}

/// The files that a script carries, as they will stand on the node.
fn carried(script: &str) -> Vec<String> {
    use base64::Engine as _;
    let mut files = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        if line.contains("_END_") {
            let text: String = lines.by_ref().take_while(|line| *line != "_END_").collect();
            let bytes = base64::engine::general_purpose::STANDARD.decode(text).unwrap();
            files.push(String::from_utf8(bytes).unwrap());
        }
    }
    files
}

#[test]
fn every_service_of_every_layout_is_rendered_whole() {
    let to = std::env::var_os("SANDTABLE_RENDER_TO").map(PathBuf::from);
    let keys = to.as_ref().map_or_else(PathBuf::new, |folder| folder.join("keys"));
    let mut seen = BTreeSet::new();
    let mut shell = String::new();
    for file in files() {
        let (lab, found) = read(&file);
        let stem = file.file_stem().unwrap().to_string_lossy().into_owned();
        for (at, spec) in &found.services {
            for family in FAMILIES {
                let Some(made) = scripts(&lab, &found, at, family, &keys) else { continue };
                seen.insert((spec.kind.clone(), format!("{family:?}")));
                for (what, script) in made {
                    let name = format!("{stem}: {at} on {family:?}, {what}");
                    let as_it_stands = &Recipes::embedded().get(spec.kind.as_str()).unwrap().templates;
                    for text in carried(&script.text).iter().filter(|text| !as_it_stands.values().any(|template| template == *text)) {
                        for rest in ["{{", "{%", "{#", "%}"] {
                            assert!(!text.contains(rest), "{name} leaves {rest}:\n{text}");
                        }
                    }
                    // One shell reads all of them: a function each, so that nothing runs.
                    shell.push_str(&format!("if false; then\n: {}\n{}\nfi\n", sandtable::provision::quote::sh(&name), script.text));
                    if let (Some(to), Family::Debian) = (&to, family) {
                        let folder = to.join(&stem).join(at.node.as_str()).join(at.service.as_str());
                        fs::create_dir_all(&folder).unwrap();
                        fs::write(folder.join(what), &script.text).unwrap();
                        fs::write(folder.join("kind"), spec.kind.as_str()).unwrap();
                    }
                }
            }
        }
        if let Some(to) = &to {
            for (node, machine) in &found.machines {
                let script = configure(Place { node, machine, family: Family::Debian }, Around::default());
                fs::create_dir_all(to.join(&stem).join(node.as_str())).unwrap();
                fs::write(to.join(&stem).join(node.as_str()).join("configure"), script.text).unwrap();
            }
            let machines: String = found
                .machines
                .iter()
                .flat_map(|(node, machine)| machine.adapters.iter().map(move |adapter| (node, adapter)))
                .map(|(node, adapter)| {
                    format!(
                        "{node} {} {} {}\n",
                        adapter.network,
                        adapter.mac,
                        adapter.address.map_or("-".to_owned(), |net| net.to_string())
                    )
                })
                .collect();
            fs::create_dir_all(to.join(&stem)).unwrap();
            fs::write(to.join(&stem).join("adapters"), machines).unwrap();
        }
    }
    for kind in Recipes::embedded().iter().map(|(kind, _)| kind) {
        for family in FAMILIES {
            assert!(
                seen.contains(&(kind.clone(), format!("{family:?}"))),
                "no layout has {kind} on {family:?}: draw one in tests/recipes/"
            );
        }
    }
    let mut child = Command::new("sh").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(shell.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The scripts that a recipe carries are for a shell of their own: each is read by one.
#[test]
fn a_guarded_path_is_answered_for_its_clients_alone() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("layouts/shop.ron");
    let (lab, _) = read(&file);
    let located = |from: &[&str]| -> Vec<String> {
        let mut lab = lab.clone();
        let web = lab.nodes.get_mut("lb1").unwrap().services.get_mut("web").unwrap();
        web.settings.insert("admin_from".into(), Value::List(from.iter().map(|client| (*client).to_owned()).collect()));
        let found = desired(&lab, Catalog::embedded(), &LabId::of_file(&file));
        let made = scripts(&lab, &found, &"lb1/web".parse().unwrap(), Family::Debian, Path::new("")).unwrap();
        let conf = carried(&made[0].1.text).into_iter().find(|text| text.contains("worker_processes")).unwrap();
        let places = conf.match_indices("location ").map(|(at, _)| conf[at..].split('}').next().unwrap());
        let admin = places.filter(|place| place.contains("/admin"));
        admin.map(|place| place.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    for (from, allowed) in [
        (&["192.168.56.0/24", "db2"] as &[&str], "allow 192.168.56.0/24; allow 192.168.58.32; allow 192.168.56.32; "),
        (&["*"], "allow all; "),
        (&[], "allow 192.168.56.0/24; "),
    ] {
        let to = format!("{{ {allowed}deny all; proxy_pass http://192.168.57.20:80;");
        assert_eq!(located(from), [format!("location = /admin {to}"), format!("location ^~ /admin/ {to}")]);
    }
}

#[test]
fn every_script_of_a_recipe_is_read_by_a_shell() {
    for file in files() {
        let (lab, found) = read(&file);
        for at in found.services.keys() {
            let Some(made) = scripts(&lab, &found, at, Family::Debian, Path::new("")) else { continue };
            let texts = made
                .iter()
                .filter(|(what, _)| matches!(*what, "install" | "first" | "remove" | "position" | "promote"))
                .flat_map(|(_, script)| carried(&script.text));
            let shell: String = texts.filter(|text| is_shell(text)).map(|text| format!("if false; then :\n{text}\nfi\n")).collect();
            let mut child = Command::new("sh").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            child.stdin.take().unwrap().write_all(shell.as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{at}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// Whether a carried file is a script for `sh`: it says so, or the word of a program that only scripts have.
fn is_shell(text: &str) -> bool {
    text.starts_with("#!/bin/sh")
        || ["systemctl ", "curl -s", "timeout 2 ", "put_text "].iter().any(|word| text.lines().any(|line| line.starts_with(word)))
}

#[test]
fn a_file_sync_says_what_it_took_back() {
    let folder = env!("CARGO_MANIFEST_DIR").to_owned() + "/assets/catalog/file-sync";
    let code = r#"
import sync
peer = sync.Peer.__new__(sync.Peer)
peer.name, peer.taken_back, peer.taken_last = "app2/sync", 0, ""
peer.took_back(b".d..t...... ./\n")
assert peer.taken_back == 0
peer.took_back(b"*deleting   rogue one.html\n<f.st...... index.html\n")
assert (peer.taken_back, peer.taken_last) == (2, "index.html")
"#;
    let output = Command::new("python3").args(["-B", "-c", code]).env("PYTHONPATH", folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("took back 2 changes"));
}

/// A promotion changes the running server first: what was put for the new role asks for no restart, which would cost a cache its data.
#[test]
fn a_promotion_runs_the_script_before_the_files_and_restarts_nothing() {
    let (mut kinds, folder) = (BTreeSet::new(), Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes"));
    for file in files().into_iter().filter(|file| file.starts_with(&folder)) {
        let (lab, found) = read(&file);
        for at in found.services.keys() {
            let Some(made) = scripts(&lab, &found, at, Family::Debian, Path::new("")) else { continue };
            let Some((_, script)) = made.into_iter().find(|(what, _)| *what == "promote") else { continue };
            let body = script.text.rsplit("\nmain() {\n").next().unwrap();
            let calls = ["service_owes", "run 'promote'", "service_begin", "service_promoted", "service_start 'next'"];
            let places: Vec<Option<usize>> = calls.iter().map(|call| body.find(call)).collect();
            assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{at}: {places:?}");
            kinds.insert(found.services[at].kind.to_string());
        }
    }
    assert!(kinds.len() >= 3, "{kinds:?}");
}

//! What holds for every lab and every text: a lab survives its file, the same lab gives the same bytes, and nothing that
//! anybody can put into a file makes the reader panic.

use proptest::prelude::*;
use sandtable::layout::{positions, read, read_bytes, rewrite, write};
use sandtable::model::{Lab, Pos, dangling};
use sandtable::testing::{Seeded, any_lab, large_lab};

fn labs() -> impl Strategy<Value = Lab> {
    (any::<u64>(), 0_usize..10).prop_map(|(seed, size)| any_lab(seed, size))
}

fn show(problems: &[sandtable::layout::Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Equality of maps does not see their order, so that is compared by itself.
fn assert_same(one: &Lab, other: &Lab) {
    assert_eq!(one, other);
    assert!(one.nodes.keys().eq(other.nodes.keys()) && one.networks.keys().eq(other.networks.keys()));
    assert!(one.sites.keys().eq(other.sites.keys()) && one.vips.keys().eq(other.vips.keys()));
    assert!(one.nodes.values().zip(other.nodes.values()).all(|(a, b)| a.services.keys().eq(b.services.keys())));
    assert!(one.canvas.nodes.keys().eq(other.canvas.nodes.keys()) && one.canvas.networks.keys().eq(other.canvas.networks.keys()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_lab_survives_its_file(lab in labs()) {
        prop_assert!(dangling(&lab).is_empty());
        let text = write(&lab);
        let again = read(&text).unwrap_or_else(|problems| panic!("{}\n{text}", show(&problems)));
        assert_same(&lab, &again);
        prop_assert_eq!(write(&again), text);
    }

    /// The file is RON, not merely something like it: the `ron` crate reads the same lab from it.
    #[test]
    fn the_ron_crate_reads_the_same(lab in labs()) {
        let text = write(&lab);
        let without_version = text.replacen("    sandtable: 1,\n", "", 1);
        let read: Lab = ron::from_str(&without_version).unwrap_or_else(|error| panic!("{error}\n{text}"));
        assert_same(&lab, &read);
    }

    #[test]
    fn the_reader_never_panics_on_any_text(text in "(?s).{0,200}") {
        let _ = read(&text);
        let _ = positions(&text);
    }

    #[test]
    fn nor_on_text_of_its_own_alphabet(tokens in proptest::collection::vec(prop_oneof![
        Just("("), Just(")"), Just("["), Just("]"), Just("{"), Just("}"), Just(","), Just(":"), Just("\""), Just("\\"), Just("r#\""), Just("//"),
        Just("/*"), Just("*/"), Just("\n"), Just("#![enable(implicit_some)]"), Just("sandtable: 1"), Just("name: \"x\""), Just("nodes"),
        Just("\"db1\""), Just("role: app"), Just("Some"), Just("None"), Just("-1"), Just("0x1F"), Just("any"), Just("on(\"lab\")"), Just("'a'"),
    ], 0..60)) {
        let text = tokens.concat();
        let _ = read(&text);
        let _ = positions(&text);
    }

    #[test]
    fn nor_on_a_good_file_cut_or_changed(lab in labs(), seed in any::<u64>()) {
        let text = write(&lab);
        let mut r = Seeded::new(seed);
        let mut bytes = text.clone().into_bytes();
        for _ in 0..=r.below(3) {
            let at = r.below(bytes.len());
            match r.below(4) {
                0 => bytes.truncate(at),
                1 => { bytes.remove(at); }
                2 => bytes.insert(at, b"()[]{},:\"\\/#r0-\n\xff"[r.below(17)]),
                _ => { let other = r.below(bytes.len()); bytes.swap(at, other); }
            }
            if bytes.is_empty() { break; }
        }
        match read_bytes(&bytes) {
            // What it takes for a lab is one: it survives its file as well.
            Ok(lab) => { let text = write(&lab); prop_assert_eq!(write(&read(&text).unwrap()), text); }
            Err(problems) => {
                prop_assert!(!problems.is_empty());
                let text = String::from_utf8_lossy(&bytes);
                for problem in problems {
                    let lines: Vec<&str> = text.split('\n').collect();
                    let line = lines.get(problem.place.line as usize - 1);
                    prop_assert!(line.is_some_and(|line| problem.place.column as usize <= line.chars().count() + 1), "{} in\n{}", problem, text);
                }
            }
        }
    }

    #[test]
    fn moving_a_node_changes_one_line(lab in labs(), by in 1_i32..1000) {
        prop_assume!(!lab.canvas.nodes.is_empty());
        let mut moved = lab.clone();
        let pos = moved.canvas.nodes.values_mut().next().unwrap();
        *pos = Pos(pos.0 + by, pos.1 - by);
        let (before, after) = (write(&lab), write(&moved));
        prop_assert_eq!(before.lines().count(), after.lines().count());
        prop_assert_eq!(before.lines().zip(after.lines()).filter(|(one, other)| one != other).count(), 1);
    }

    #[test]
    fn comments_at_the_top_stay(lab in labs(), comment in "[ -~]{0,40}") {
        let before = format!("// {comment}\n/* and\n   this */\n{}", write(&lab));
        let after = rewrite(&lab, &before);
        prop_assert_eq!(&after, &before);
        prop_assert!(read(&after).is_ok());
    }
}

#[test]
fn a_large_lab_survives_its_file() {
    let lab = large_lab(2_000);
    assert_eq!((lab.nodes.len(), lab.sites.len()), (2_000, 8));
    assert!(lab.flows.len() > 1_000);
    assert_same(&read(&write(&lab)).unwrap(), &lab);
}

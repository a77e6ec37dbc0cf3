//! A folder of broken layouts, one a rule: each gives exactly its finding, and each fix that is offered clears it.

use sandtable::catalog::Catalog;
use sandtable::layout::{read, write};
use sandtable::model::Lab;
use sandtable::rules::{Checker, Context, Finding, RULES, Severity, Vetter};
use std::{collections::BTreeMap, path::Path};

/// The layouts of the folder by the code that each is named after.
pub(super) fn broken() -> BTreeMap<String, Lab> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/broken");
    let files = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| {
            let text = std::fs::read_to_string(&file).unwrap();
            let lab = read(&text).unwrap_or_else(|problems| panic!("{}: {problems:?}", file.display()));
            (file.file_stem().unwrap().to_str().unwrap().to_owned(), lab)
        })
        .collect()
}

fn lines(findings: &[std::sync::Arc<Finding>]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {}: {}", finding.severity.title(), finding.rule, finding.message)).collect()
}

#[test]
fn every_rule_has_a_broken_layout() {
    let broken = broken();
    let missing: Vec<&str> = RULES.iter().map(|rule| rule.code).filter(|code| !broken.contains_key(*code)).collect();
    assert_eq!(missing, [] as [&str; 0], "rules without a layout in tests/broken");
    let unknown: Vec<&String> = broken.keys().filter(|code| sandtable::rules::rule(code).is_none()).collect();
    assert_eq!(unknown, [] as [&String; 0], "layouts in tests/broken that are named after no rule");
}

#[test]
fn each_gives_exactly_its_finding() {
    let mut wrong = Vec::new();
    for (code, lab) in broken() {
        let findings = sandtable::rules::check(&lab, Catalog::embedded(), &Context::default());
        let counting = findings.iter().filter(|finding| finding.accepted.is_none()).map(|finding| finding.rule);
        if counting.collect::<Vec<_>>() != [code.as_str()] {
            wrong.push(format!("{code}:\n    {}", lines(&findings).join("\n    ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn each_fix_that_is_offered_clears_it() {
    let (catalog, context) = (Catalog::embedded(), Context::default());
    let mut wrong = Vec::new();
    for (code, lab) in broken() {
        let checker = Checker::new(&lab, catalog, &context);
        for finding in checker.findings().iter().filter(|finding| finding.accepted.is_none()) {
            let offered = Vetter::new(&checker, &lab).vetted(catalog, finding);
            if offered.is_empty() && !finding.fixes.is_empty() {
                wrong.push(format!("{code}: none of its fixes passes"));
            }
            for fix in offered {
                let mut mended = lab.clone();
                mended.apply(&fix.edits).unwrap();
                let left = sandtable::rules::check(&mended, catalog, &context);
                let is_left =
                    left.iter().any(|other| other.accepted.is_none() && (other.rule == finding.rule || other.severity == Severity::Error));
                if is_left {
                    wrong.push(format!("{code}: {}:\n    {}", fix.title, lines(&left).join("\n    ")));
                }
                assert!(read(&write(&mended)).is_ok(), "{code}: {}: the mended lab cannot be kept in a file", fix.title);
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

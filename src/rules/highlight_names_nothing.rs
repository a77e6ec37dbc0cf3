//! A saved view highlights something that the lab does not have.
//!
//! ## Why
//! A view dims all that it does not highlight. A name that leads nowhere highlights nothing: on the slide, the very thing that
//! it is about is dimmed with the rest, which is noticed in front of the audience.
//!
//! ## Example
//! ```ron
//! views: [(name: "The databases", highlight: ["db1", "cluster:galrea"])]
//! ```
//! where the cluster is `galera`.
//!
//! ## Do this instead
//! Correct the name, as findings write it, or take it off the list.

use super::{Facts, Report, offer};
use crate::model::{Edit, ListEdit, Path, Subject, SubjectNames, View, nearest, shortened};

/// For how many names the nearest is looked up: each costs a walk over all names of the lab.
const GUESSES_MAX: usize = 20;

pub(super) fn check(facts: &Facts<'_>, report: &mut Report) {
    let all = || facts.lab.views.iter().flat_map(|view| &view.highlight);
    if all().next().is_none() {
        return;
    }
    let names = SubjectNames::of(facts.lab, all().map(String::as_str));
    let mut guesses = 0..GUESSES_MAX;
    for (index, view) in facts.lab.views.iter().enumerate() {
        let lost: Vec<(usize, &String)> = view.highlight.iter().enumerate().filter(|(_, text)| names.get(text).is_none()).collect();
        let Some((first, text)) = lost.first() else { continue };
        let near = guesses.next().filter(|_| lost.len() == 1).and_then(|_| nearest(text, &mut sorted(&names).into_iter()));
        let hint = near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        let title = shortened(&view.name, offer::TITLE_CHARS_MAX);
        let texts = offer::row(lost.iter().map(|(_, text)| shortened(text, offer::TITLE_CHARS_MAX)));
        let mut found = report
            .add(Subject::Lab, format!("the view \"{title}\" highlights {texts}, which this lab does not have{hint}"))
            .within(Path::root().field("views").index(index).field("highlight").index(*first));
        let with = |highlight: Vec<String>| vec![Edit::View { index, change: ListEdit::Replace(View { highlight, ..view.clone() }) }];
        if let Some(near) = near.filter(|near| !view.highlight.contains(near)) {
            let put = view.highlight.iter().map(|there| if there == *text { &near } else { there });
            found = found.fix(format!("Highlight {}", shortened(&near, offer::TITLE_CHARS_MAX)), with(put.cloned().collect()));
        }
        let known = view.highlight.iter().filter(|text| names.get(text).is_some());
        found.fix(format!("Take {texts} off the highlights"), with(known.cloned().collect()));
    }
}

/// The texts that mean something, so that the nearest of several is always the same.
fn sorted(names: &SubjectNames) -> Vec<&str> {
    let mut texts: Vec<&str> = names.texts().collect();
    texts.sort_unstable();
    texts
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{check, fixes, lab};

    const CODE: &str = "highlight-names-nothing";

    fn slide(highlight: &str) -> crate::model::Lab {
        lab(&format!(
            r#"(name: "x", sites: {{"hall": ()}}, networks: {{"lan": internal(subnet: "10.1.0.0/24")}}, nodes: {{
                "app": (role: app, adapters: [(network: "lan", address: "10.1.0.10")], services: {{"web": (kind: "nginx")}}),
                "db1": (role: database, adapters: [(network: "lan", address: "10.1.0.11")], services: {{"db": (kind: "galera", cluster: "grove")}}),
            }}, flows: [(from: "app/web", to: "db1/db", port: 3306)], views: [(name: "All"), (name: "Data", highlight: [{highlight}])])"#
        ))
    }

    #[test]
    fn a_misspelt_name() {
        let slip = slide(r#""app", "cluster:groev""#);
        check(CODE, &slip, &["the view \"Data\" highlights cluster:groev, which this lab does not have; did you mean cluster:grove?"]);
        assert_eq!(fixes(CODE, &slip), ["Highlight cluster:grove", "Take cluster:groev off the highlights"]);
        let two = slide(r#""ap", "db9", "app""#);
        check(CODE, &two, &["the view \"Data\" highlights ap and db9, which this lab does not have"]);
        assert_eq!(fixes(CODE, &two), ["Take ap and db9 off the highlights"]);
        let stranger = slide(r#""something-else-entirely""#);
        check(CODE, &stranger, &["the view \"Data\" highlights something-else-entirely, which this lab does not have"]);
        assert_eq!(fixes(CODE, &stranger), ["Take something-else-entirely off the highlights"]);
    }

    #[test]
    fn names_of_all_sorts() {
        let all = r#""app", "db1/db", "lan", "network:lan", "site:hall", "hall", "cluster:grove", "grove", "app@lan#0", "outside""#;
        check(CODE, &slide(all), &[]);
        check(CODE, &slide(r#""app/web -> db1/db:3306", "app/web -> db1/db""#), &[]);
        check(CODE, &slide(""), &[]);
    }

    #[test]
    fn a_view_that_is_edited_is_looked_at_again() {
        use crate::{
            catalog::Catalog,
            model::{Edit, ListEdit},
            rules::{Checker, Context},
        };
        let mut lab = slide(r#""app""#);
        let mut checker = Checker::new(&lab, Catalog::embedded(), &Context::default());
        let mut view = lab.views[1].clone();
        view.highlight = vec!["ap".into()];
        let applied = lab.apply(&[Edit::View { index: 1, change: ListEdit::Replace(view) }]).unwrap();
        checker.update(&lab, Catalog::embedded(), &applied.touched);
        assert!(checker.findings().iter().any(|finding| finding.rule == CODE));
    }
}

//! `sandtable rules`: the manual of the rules, from the rules' own files.

use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::model::nearest;
use crate::rules::{RULES, Rule, Severity, rule};
use serde::Serialize;

/// What `rules` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The rule whose page to show; without it all rules are listed
    code: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Page {
    rule: &'static str,
    severity: Severity,
    chapter: &'static str,
    summary: String,
    manual: String,
}

impl Page {
    fn of(rule: &Rule) -> Self {
        Self {
            rule: rule.code,
            severity: rule.severity,
            chapter: rule.chapter.title(),
            summary: rule.summary(),
            manual: rule.manual(),
        }
    }
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let pages: Vec<Page> = match &args.code {
        None => RULES.iter().map(Page::of).collect(),
        Some(code) => vec![Page::of(rule(code).ok_or_else(|| unknown(code))?)],
    };
    match (args.format, args.code) {
        (Format::Json, None) => terminal.json(&serde_json::json!({ "rules": pages }))?,
        (Format::Json, Some(_)) => terminal.json(&pages.first())?,
        (Format::Text, None) => list(&pages, terminal),
        (Format::Text, Some(_)) => {
            for page in pages {
                terminal.line(format_args!("{} ({}, {})\n", page.rule, page.severity.title(), page.chapter));
                terminal.line(page.manual.trim());
            }
        }
    }
    Ok(Outcome::Good)
}

fn unknown(code: &str) -> Failure {
    let codes = || RULES.iter().map(|rule| rule.code);
    let hint = match (nearest(code, &mut codes()), codes().min_by_key(|known| strsim::damerau_levenshtein(known, code))) {
        (Some(near), _) => format!("did you mean {near}?"),
        (None, Some(near)) => format!("the nearest is {near}; `sandtable rules` lists them all"),
        (None, None) => "`sandtable rules` lists them all".to_owned(),
    };
    Failure::input(format!("there is no rule {code:?}; {hint}"))
}

fn list(pages: &[Page], terminal: &mut Terminal) {
    let mut rows = Vec::new();
    let mut chapter = "";
    for page in pages {
        if page.chapter != chapter {
            chapter = page.chapter;
            rows.push(vec![(Style::Strong, chapter.to_owned())]);
        }
        let style = match page.severity {
            Severity::Error => Style::Bad,
            Severity::Warning => Style::Warn,
            Severity::Advice => Style::Faint,
        };
        rows.push(vec![
            (Style::Plain, format!("  {}", page.rule)),
            (style, page.severity.title().to_owned()),
            (Style::Plain, page.summary.clone()),
        ]);
    }
    terminal.table(&rows);
}

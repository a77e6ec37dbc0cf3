//! `sandtable new`: a layout from a template.

use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::app::{Permit, save::save_layout};
use crate::layout::{Template, templates};
use crate::model::nearest;
use std::path::PathBuf;

/// What `new` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What the new lab is called
    #[arg(requires = "from")]
    name: Option<String>,
    /// The template; without it the templates are listed
    #[arg(long, value_name = "TEMPLATE", requires = "name")]
    from: Option<String>,
    /// The file to make; by default the name, in small letters, with .ron
    #[arg(short, long, value_name = "FILE", requires = "from")]
    output: Option<PathBuf>,
    /// Replace the file if it exists (the old one is kept as FILE~)
    #[arg(long, alias = "replace", requires = "from")]
    force: bool,
    /// How to write the list
    #[arg(long, value_enum, default_value_t, conflicts_with = "from")]
    format: Format,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let templates = templates();
    let (Some(from), Some(name)) = (&args.from, args.name) else {
        list(&templates, args.format, terminal)?;
        return Ok(Outcome::Good);
    };
    let Some(template) = templates.iter().find(|template| template.name == *from) else {
        let near = nearest(from, &mut templates.iter().map(|template| template.name));
        let hint = near.map_or_else(|| "`sandtable new` lists them".to_owned(), |near| format!("did you mean {near}?"));
        return Err(Failure::input(format!("there is no template {from:?}; {hint}")));
    };
    let path = args.output.unwrap_or_else(|| PathBuf::from(format!("{}.ron", file_stem(&name))));
    let mut lab = template.lab.clone();
    lab.name = name;
    let permit = if args.force { Permit::Confirmed } else { Permit::New };
    save_layout(&path, &lab, permit)?;
    terminal.line(format_args!("{}", path.display()));
    Ok(Outcome::Good)
}

fn list(templates: &[Template], format: Format, terminal: &mut Terminal) -> Result<()> {
    if format == Format::Json {
        let rows: Vec<_> = templates
            .iter()
            .map(|template| serde_json::json!({ "template": template.name, "name": template.lab.name, "about": template.lab.about }))
            .collect();
        return Ok(terminal.json(&serde_json::json!({ "templates": rows }))?);
    }
    let rows: Vec<Vec<(Style, String)>> = templates
        .iter()
        .map(|template| {
            let first = template.lab.about.split_inclusive(". ").next().unwrap_or("").trim();
            vec![(Style::Strong, template.name.to_owned()), (Style::Plain, first.to_owned())]
        })
        .collect();
    terminal.table(&rows);
    Ok(())
}

/// A name as part of a file's name: small letters, digits and dashes.
fn file_stem(name: &str) -> String {
    let dashed: String = name.to_lowercase().chars().map(|char| if char.is_alphanumeric() { char } else { '-' }).collect();
    let parts: Vec<&str> = dashed.split('-').filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { "lab".to_owned() } else { parts.join("-") }
}

#[cfg(test)]
mod tests {
    #[test]
    fn file_names_are_plain() {
        for (name, stem) in [("Three-node lab", "three-node-lab"), ("../..", "lab"), ("Büro /etc", "büro-etc"), ("", "lab")] {
            assert_eq!(super::file_stem(name), stem);
        }
    }
}

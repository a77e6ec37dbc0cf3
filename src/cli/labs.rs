//! `sandtable labs`: which labs are deployed, whatever has become of their layout files; and the ways back to one whose file has moved
//! or whose record is lost.

use super::args::Written;
use super::input::read_layout;
use super::open::{settings, wall_clock};
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::host::state::StateFolder;
use crate::session::{
    Deployed, ProviderId, Rebuilt, Session,
    labs::{self, Known},
    recorded_faults,
};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What `labs` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Make this layout file the one of a lab whose own file was moved or is gone
    #[arg(long, value_name = "LAYOUT", requires = "lab", conflicts_with = "rebuild")]
    attach: Option<PathBuf>,
    /// Write the lost or damaged record of a layout's lab again, from the machines that carry its ownership tag
    #[arg(long, value_name = "LAYOUT", requires = "on")]
    rebuild: Option<PathBuf>,
    /// Which lab, by its identity or the beginning of one
    #[arg(long, value_name = "ID")]
    lab: Option<String>,
    /// Where to look for the machines
    #[arg(long, value_name = "PROVIDER", requires = "rebuild")]
    on: Option<ProviderId>,
    #[command(flatten)]
    written: Written,
}

#[derive(Serialize)]
struct Report {
    labs: Vec<LabLine>,
}

#[derive(Serialize)]
struct LabLine {
    id: String,
    name: Option<String>,
    provider: Option<String>,
    /// Characters that are not UTF-8 are replaced.
    file: Option<String>,
    file_exists: Option<bool>,
    /// When it was first deployed, in milliseconds since 1970, and how long ago that is.
    since_ms: Option<u64>,
    age_secs: Option<u64>,
    faults: Vec<String>,
    problem: Option<String>,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let state = StateFolder::of_user()?;
    if let Some(layout) = &args.rebuild {
        rebuild(&args, &state, layout)?;
    } else if let Some(layout) = &args.attach {
        let file = read_and_find(layout)?;
        let known = labs::named(&state, args.lab.as_deref().unwrap_or_default())?;
        let id = known.id.clone();
        labs::attach(&state, known, &file)?;
        super::note(&format!("{} is the layout of {id} now", layout.display()));
    }
    let wanted = args.lab.as_deref().map(|name| labs::named(&state, name)).transpose()?;
    let known = match wanted {
        Some(known) => vec![known],
        None => labs::all(&state)?,
    };
    let lines: Vec<LabLine> = known.into_iter().map(line).collect::<Result<_>>()?;
    let is_sound = lines.iter().all(|line| line.problem.is_none());
    match args.written.format {
        Format::Json => terminal.json(&Report { labs: lines })?,
        Format::Text => show(&lines, terminal),
    }
    Ok(if is_sound { Outcome::Good } else { Outcome::Unwell })
}

/// The canonical path of a layout that can be read: what is attached is to be looked at first.
fn read_and_find(layout: &Path) -> Result<PathBuf> {
    read_layout(layout)?;
    Ok(layout.canonicalize()?)
}

/// Asks a provider for the machines of a layout's lab, and writes the lab's record.
fn rebuild(args: &Args, state: &StateFolder, layout: &Path) -> Result<()> {
    let Some(on) = &args.on else { return Err(Failure::input("say where the machines are: --on virtualbox, --on incus or --on sim")) };
    let lab = read_layout(layout)?.lab;
    let (clock, settings) = (wall_clock()?, settings());
    let Rebuilt { id, nodes, networks, set_aside } = Session::rebuild(state, layout, lab, args.lab.as_deref(), on.clone(), clock, settings)?;
    if let Some(file) = set_aside {
        super::note(&format!("the old record was set aside as {}", file.display()));
    }
    super::note(&format!("{nodes} nodes and {networks} networks of {id} are on {on}; the record is rebuilt"));
    Ok(())
}

fn line(known: Known) -> Result<LabLine> {
    let file_exists = known.file_exists();
    let id = known.id.to_string();
    let deployed: Deployed = match &known.deployed {
        Ok(deployed) => deployed.clone(),
        Err(error) => {
            let problem = Some(error.to_string());
            let (name, provider, file, since_ms, age_secs) = (None, None, None, None, None);
            return Ok(LabLine { id, name, provider, file, file_exists, since_ms, age_secs, faults: Vec::new(), problem });
        }
    };
    let clock = wall_clock()?;
    let age_secs = deployed.since_ms.map(|since| clock().saturating_sub(since) / 1000);
    let (faults, problem) = match recorded_faults(&known, &deployed, &clock) {
        Ok(faults) => (faults.iter().map(|fault| format!("{}: {}", fault.id, fault.fault)).collect(), None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    Ok(LabLine {
        id,
        name: Some(deployed.name),
        provider: Some(deployed.on.to_string()),
        file: Some(deployed.file.display().to_string()),
        file_exists,
        since_ms: deployed.since_ms,
        age_secs,
        faults,
        problem,
    })
}

fn show(lines: &[LabLine], terminal: &mut Terminal) {
    if lines.is_empty() {
        terminal.line("No lab is deployed as far as this computer's state says.");
        return;
    }
    let plain = |text: String| (Style::Plain, text);
    let rows: Vec<Vec<(Style, String)>> = lines
        .iter()
        .map(|line| {
            let file = line.file.clone().unwrap_or_default();
            let state = match (&line.problem, line.file_exists) {
                (Some(_), _) => (Style::Bad, "state is damaged".to_owned()),
                (None, Some(false)) => (Style::Warn, "layout is gone".to_owned()),
                (None, _) if !line.faults.is_empty() => (Style::Warn, format!("{} active fault{}", line.faults.len(), if line.faults.len() == 1 { "" } else { "s" })),
                (None, _) => (Style::Good, "deployed".to_owned()),
            };
            vec![
                (Style::Strong, line.id.clone()),
                plain(line.name.clone().unwrap_or_default()),
                plain(line.provider.clone().unwrap_or_default()),
                state,
                (Style::Faint, line.age_secs.map_or_else(|| "since unknown".to_owned(), |secs| format!("for {}", age(secs)))),
                plain(file),
            ]
        })
        .collect();
    terminal.table(&rows);
    for line in lines {
        for fault in &line.faults {
            terminal.line(format_args!("{} {}: fault {fault}; heal it: sandtable heal --lab {1} --all", terminal.paint(Style::Bad, "broken"), line.id));
        }
        if let Some(problem) = &line.problem {
            terminal.line(format_args!("{} {}: {problem}", terminal.paint(Style::Bad, "damaged"), line.id));
        }
        if line.file_exists == Some(false) {
            terminal.line(format_args!("{}: if its layout was moved: sandtable labs --attach LAYOUT --lab {0}", line.id));
        }
    }
}

/// A time in the largest unit of which there are two.
fn age(secs: u64) -> String {
    match secs {
        0..120 => format!("{secs} s"),
        120..7200 => format!("{} min", secs / 60),
        7200..172_800 => format!("{} h", secs / 3600),
        _ => format!("{} days", secs / 86_400),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn ages_are_in_a_unit_that_fits() {
        for (secs, text) in [(5, "5 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 days")] {
            assert_eq!(super::age(secs), text);
        }
    }
}

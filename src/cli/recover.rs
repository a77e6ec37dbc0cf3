//! `sandtable recover`: brings back a cluster that has stopped as a whole.

use super::place::{On, Place, provider_failed, wait};
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::catalog::Catalog;
use crate::model::{ClusterName, ClusterState};
use crate::provider::Done;
use serde::Serialize;
use std::path::PathBuf;
use tokio::sync::mpsc;

/// How long the cluster may take to be whole again, in milliseconds of the provider's clock.
const WHOLE_MS_MAX: u64 = 60_000;
/// Lines that may wait for the terminal.
const SAID_MAX: usize = 64;

/// What `recover` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layout whose lab it is
    layout: PathBuf,
    /// The cluster, by its name in the layout
    cluster: String,
    /// Where it is deployed
    #[arg(long, value_name = "PROVIDER")]
    on: Option<On>,
    /// How to write the result; progress goes to stderr with json
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    lab: String,
    provider: String,
    cluster: String,
    changed: bool,
    state: Option<ClusterState>,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let place = Place::open_deployed(&args.layout, args.on.clone())?;
    let clusters = Catalog::clusters(&place.lab);
    let known = clusters.keys().find(|name| name.as_str() == args.cluster).cloned();
    let cluster: ClusterName = known.ok_or_else(|| {
        let names: Vec<&str> = clusters.keys().map(|name| name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Failure::input(format!("the lab has no cluster {:?}; it has: {names}", args.cluster))
    })?;
    let (_locked, provider) = place.provider_locked()?;
    let mut stderr = Terminal::stderr();
    let out = if args.format == Format::Json { &mut stderr } else { &mut *terminal };
    let (sender, mut said) = mpsc::channel::<String>(SAID_MAX);
    let done = wait(async {
        let recover = async {
            let says = move |text: &str| {
                // What it is at may be lost; recovering must not wait for the terminal.
                let _lost = sender.try_send(text.to_owned());
            };
            provider.recover(&cluster, &says).await
        };
        let read = async {
            while let Some(text) = said.recv().await {
                out.line(&text);
                out.flush();
            }
        };
        tokio::join!(recover, read).0
    })?;
    let done = done.map_err(provider_failed)?;
    let is_whole = |seen: &crate::model::Observed| {
        seen.clusters.get(&cluster).is_none_or(|cluster| cluster.state == ClusterState::Whole)
    };
    let now = wait(provider.settle(&is_whole, WHOLE_MS_MAX))?.map_err(provider_failed)?;
    let state = now.clusters.get(&cluster).map(|cluster| cluster.state);
    let report = Report {
        lab: place.lab.name.clone(),
        provider: place.on.to_string(),
        cluster: cluster.to_string(),
        changed: done == Done::Changed,
        state,
    };
    let works = matches!(state, None | Some(ClusterState::Whole | ClusterState::Partial));
    match args.format {
        Format::Json => terminal.json(&report)?,
        Format::Text => {
            let word = match (done, works) {
                (Done::AlreadySo, _) => terminal.paint(Style::Faint, "works already"),
                (Done::Changed, true) => terminal.paint(Style::Good, "works again"),
                (Done::Changed, false) => terminal.paint(Style::Bad, "does not work yet"),
            };
            terminal.line(format_args!("{cluster} {word}"));
        }
    }
    Ok(if works { Outcome::Good } else { Outcome::Unwell })
}

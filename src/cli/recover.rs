//! `sandtable recover`: brings back a cluster that has stopped as a whole.

use super::follow::until_interrupted;
use super::open::open_deployed;
use super::{Failure, Format, Outcome, Result, Style, Terminal};
use crate::catalog::{Catalog, Recipes};
use crate::model::{ClusterName, ClusterState, Observed};
use crate::session::{Done, ProviderId, Recovered};
use serde::Serialize;
use std::path::PathBuf;

/// What `recover` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layout whose lab it is
    layout: PathBuf,
    /// The cluster, by its name in the layout
    cluster: String,
    /// Where it is deployed
    #[arg(long, value_name = "PROVIDER")]
    on: Option<ProviderId>,
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

/// What to do about clusters that have stopped as a whole, where recovery knows how.
pub(super) fn hints(seen: &Observed, layout: &str) -> Vec<String> {
    let stopped = seen.clusters.iter().filter(|(_, cluster)| cluster.state == ClusterState::Stopped).map(|(name, _)| name);
    let can_recover = |name: &&ClusterName| {
        let specs = seen.nodes.values().flat_map(|node| node.services.values()).filter_map(|service| service.spec.as_ref());
        let mut members = specs.filter(|spec| spec.cluster.as_ref().is_some_and(|(cluster, _)| cluster == *name));
        members.any(|spec| Recipes::embedded().get(&spec.kind).is_some_and(|folder| folder.recipe.scripts.position.is_some()))
    };
    let hint = |name: &ClusterName| format!("{name} has stopped as a whole; bring it back with: sandtable recover {layout} {name}");
    stopped.filter(can_recover).map(hint).collect()
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let session = open_deployed(&args.layout, args.on.clone())?;
    let clusters = Catalog::clusters(&session.lab);
    let known = clusters.keys().find(|name| name.as_str() == args.cluster).cloned();
    let cluster: ClusterName = known.ok_or_else(|| {
        let names: Vec<&str> = clusters.keys().map(|name| name.as_str()).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        Failure::input(format!("the lab has no cluster {:?}; it has: {names}", args.cluster))
    })?;
    let mut stderr = Terminal::stderr();
    let out = if args.format == Format::Json { &mut stderr } else { &mut *terminal };
    let Recovered { done, state } = until_interrupted(out, |monitor| session.recover(&cluster, monitor))?;
    let report = Report {
        lab: session.lab.name.clone(),
        provider: session.provider.to_string(),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClusterState, ObservedCluster};

    #[test]
    fn a_cluster_that_has_stopped_is_named_with_the_way_out() {
        let mut seen = crate::probe::fixture::set_up(&crate::plan::fixture::mini_cloud());
        for (name, state) in [("galera", ClusterState::Stopped), ("uploads", ClusterState::Stopped)] {
            seen.clusters.insert(name.parse().unwrap(), ObservedCluster { state, ..ObservedCluster::default() });
        }
        let hints = hints(&seen, "my.ron");
        assert_eq!(hints, ["galera has stopped as a whole; bring it back with: sandtable recover my.ron galera"]);
        seen.clusters.values_mut().for_each(|cluster| cluster.state = ClusterState::Partial);
        assert!(super::hints(&seen, "my.ron").is_empty());
    }
}

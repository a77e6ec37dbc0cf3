//! `sandtable image`: makes an image with what a lab needs, so that its nodes need no way to the internet.

use super::place::{On, Place, provider_failed, wait};
use super::{Failure, Outcome, Result, Style, Terminal};
use crate::catalog::Recipes;
use crate::provider::{
    Done,
    incus::image::{Contents, cache_of_user, make},
};
use std::path::PathBuf;

/// What `image` takes.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The layout whose nodes it is for
    layout: PathBuf,
    /// Where it is to be
    #[arg(long, value_name = "PROVIDER")]
    on: Option<On>,
    /// Put in the packages of all recipes, for labs of any kind
    #[arg(long)]
    packages_of_all: bool,
}

pub(super) fn run(args: Args, terminal: &mut Terminal) -> Result {
    let place = Place::open_or(&args.layout, args.on, On::Incus(None))?;
    let On::Incus(remote) = &place.on else {
        return Err(Failure::input(format!("images are made for Incus: sandtable image {} --on incus", args.layout.display())));
    };
    let recipes = Recipes::embedded();
    let contents = if args.packages_of_all { Contents::of_all(recipes) } else { Contents::of_lab(&place.lab, &place.id, recipes) };
    let cache = cache_of_user().ok_or_else(|| Failure::input("this user has no home folder; set HOME"))?;
    terminal.line(format_args!("{}: the base and {}", contents.alias, listed(&contents)));
    terminal.show();
    let says = |text: &str| {
        let mut errors = Terminal::stderr();
        errors.line(text);
        errors.show();
    };
    let done = wait(make(remote.as_deref(), &contents, &cache, &says))?.map_err(provider_failed)?;
    let word = match done {
        Done::Changed => "made",
        Done::AlreadySo => "there already, with the same contents",
    };
    let word = terminal.paint(Style::Good, word);
    terminal.line(format_args!("{}: {word}", contents.alias));
    Ok(Outcome::Good)
}

fn listed(contents: &Contents) -> String {
    match contents.packages.len() {
        0 => "no further packages".to_owned(),
        count => format!("{count} packages: {}", contents.packages.iter().map(String::as_str).collect::<Vec<_>>().join(" ")),
    }
}

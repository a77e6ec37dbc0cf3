//! The same jobs without a window: one command a file.
//!
//! Exit codes are decided here and nowhere else. Results go to stdout, everything else to stderr. Knows no egui.

mod allow;
mod args;
mod input;
mod place;
mod progress;
mod terminal;
mod window;

use crate::model::nearest;
use clap::{CommandFactory, Parser};
use std::{path::PathBuf, process::ExitCode};
use terminal::{Style, Terminal};

/// How a command went that did what it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// All is well.
    Good,
    /// It found something: an error in a layout, something unhealthy.
    Unwell,
    /// A command that ran on a node ended so.
    Ended(u8),
}

/// Why a command could not do what it was asked to.
#[derive(Debug)]
enum Failure {
    /// Wrong usage, or input that cannot be read.
    Input(anyhow::Error),
    /// The provider failed.
    Provider(anyhow::Error),
}

impl Failure {
    /// Wrong usage, in a sentence that says what to do.
    fn input(message: impl std::fmt::Display) -> Self {
        Self::Input(anyhow::anyhow!("{message}"))
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Input(error.into())
    }
}

type Result<T = Outcome> = std::result::Result<T, Failure>;

/// How results are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object, for programs.
    Json,
}

/// Declares the commands: a file each, with `Args` and `run`. The doc comment is the command's line in the help.
macro_rules! commands {
    ($($(#[$doc:meta])+ $module:ident $name:ident;)+) => {
        $(mod $module;)+

        #[derive(Debug, clap::Subcommand)]
        enum Command {
            $($(#[$doc])+ $name($module::Args),)+
        }

        impl Command {
            fn run(self, terminal: &mut Terminal) -> Result {
                match self {
                    $(Self::$name(args) => $module::run(args, terminal),)+
                }
            }
        }
    };
}

commands! {
    /// Say what is wrong with layouts
    check Check;
    /// Say what a deployment would do, and why
    plan Plan;
    /// Make what is drawn
    deploy Deploy;
    /// Say what runs and how well
    status Status;
    /// Try every flow of the contract, both ways
    probe Probe;
    /// Break something
    inject Inject;
    /// Mend what was broken
    heal Heal;
    /// Send requests from outside, and say what becomes of them
    load Load;
    /// Mend what was broken when its time is up
    #[command(hide = true)]
    guard Guard;
    /// Bring back a cluster that has stopped as a whole
    recover Recover;
    /// Keep nodes as they are
    snapshot Snapshot;
    /// Take a node back to a snapshot
    restore Restore;
    /// Open a shell on a node, or run one command there
    shell Shell;
    /// Show a node's screen
    console Console;
    /// Leave nothing of a deployed lab
    destroy Destroy;
    /// Say whether this machine is ready for each provider, and what to do if not
    doctor Doctor;
    /// Make an image with what a lab needs
    image Image;
    /// Show sites, nodes and links of a layout, one a line
    topology Topology;
    /// Make a layout from one of ours, or list those
    new New;
    /// Make a layout from machines that exist
    import Import;
    /// Write a layout as a picture or a document
    export Export;
    /// The manual of the rules
    rules Rules;
}

/// Draw a distributed-system lab, be told what is wrong with it, deploy it, watch it and break it.
#[derive(Debug, Parser)]
#[command(
    name = "sandtable",
    version,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command, the designer opens.\n\n\
                  Exit codes: 0 good, 1 findings or unhealthy, 2 wrong usage or unreadable input, 3 the provider failed.\n\
                  NO_COLOR turns colours off; SANDTABLE_LOG=debug shows what is done."
)]
struct Cli {
    /// The layout to open
    layout: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version go to stdout and are no mistake.
            let _closed_pipe = usage.print();
            return ExitCode::from(if usage.use_stderr() { 2 } else { 0 });
        }
    };
    start_log();
    let mut terminal = Terminal::stdout();
    let result = match cli.command {
        Some(command) => command.run(&mut terminal),
        None => named_file(cli.layout).and_then(window::open),
    };
    terminal.flush();
    let (code, error) = match result {
        Ok(Outcome::Good) => (0, None),
        Ok(Outcome::Unwell) => (1, None),
        Ok(Outcome::Ended(code)) => (code, None),
        Err(Failure::Input(error)) => (2, Some(error)),
        Err(Failure::Provider(error)) => (3, Some(error)),
    };
    if let Some(error) = error {
        let mut errors = Terminal::stderr();
        let label = errors.paint(Style::Bad, "error:");
        errors.line(format_args!("{label} {error:#}"));
        errors.flush();
    }
    ExitCode::from(code)
}

/// The layout that the window is to open. What is no file is most likely a command in other letters: no window opens for it.
fn named_file(layout: Option<PathBuf>) -> Result<Option<PathBuf>> {
    let Some(path) = layout.as_ref().filter(|path| !path.exists()) else { return Ok(layout) };
    let word = path.display().to_string();
    let cli = Cli::command();
    let near = nearest(&word, &mut cli.get_subcommands().map(clap::Command::get_name));
    Err(Failure::input(match near {
        Some(near) => format!("{word} is neither a command nor a file; did you mean `sandtable {near}`?"),
        None => format!("{word} is neither a command nor a file; `sandtable --help` lists the commands, `sandtable new` makes a layout"),
    }))
}

/// Sends the log to stderr: warnings, or what `SANDTABLE_LOG` asks for.
fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("SANDTABLE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(terminal::colours(&std::io::stderr()));
    // A second log, as a test harness may have one, is no reason to stop.
    let _already_set = log.try_init();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let help = Cli::command().render_long_help().to_string();
        assert!(help.contains("Exit codes"), "{help}");
    }
}

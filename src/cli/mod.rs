//! The same jobs without a window: one command a file.
//!
//! Exit codes are decided here and nowhere else. Results go to stdout, everything else to stderr; with `--format json` an error is a
//! result too. Knows no egui.

mod allow;
mod args;
mod clean;
mod failover;
mod findings;
mod follow;
mod input;
mod interrupt;
mod open;
mod progress;
mod terminal;
mod usage;
mod window;

use crate::session::SessionError;
use clap::{CommandFactory, FromArgMatches, Parser};
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
    /// A layout whose open errors block its deployment.
    Blocked(anyhow::Error, Box<findings::Findings>),
    /// The provider failed.
    Provider(anyhow::Error),
    /// What is kept of deployed labs cannot be read or written.
    State(anyhow::Error),
    /// What was found cannot be written.
    Output(anyhow::Error),
    /// The program that reads the output has ended; nothing is reported.
    Closed,
}

/// The exit code of a program that a closed pipe ends, as a shell shows it: 128 and the number of SIGPIPE.
const CLOSED_CODE: u8 = 141;

impl Failure {
    /// Wrong usage, in a sentence that says what to do.
    fn input(message: impl std::fmt::Display) -> Self {
        Self::Input(anyhow::anyhow!("{message}"))
    }

    /// Output that cannot be written.
    fn output(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Output(anyhow::anyhow!("cannot write the output: {error}")),
        }
    }

    /// The program's exit code, the word for it in JSON, and what to say.
    fn parts(&self) -> (u8, &'static str, String) {
        let (code, kind, error) = match self {
            Self::Input(error) | Self::Blocked(error, _) => (2, "input", error),
            Self::Provider(error) => (3, "provider", error),
            Self::State(error) => (3, "state", error),
            Self::Output(error) => (3, "output", error),
            Self::Closed => return (CLOSED_CODE, "closed", String::new()),
        };
        (code, kind, crate::app::in_words(error))
    }

    /// The findings that it is about.
    fn findings(&self) -> Option<&findings::Findings> {
        if let Self::Blocked(_, findings) = self { Some(findings) } else { None }
    }
}

impl From<crate::session::DeployedError> for Failure {
    fn from(error: crate::session::DeployedError) -> Self {
        use crate::session::DeployedError;
        match error {
            DeployedError::State(_) | DeployedError::Damaged { .. } | DeployedError::Lost { .. } => Self::State(anyhow::anyhow!("{error}")),
            DeployedError::Unknown { .. } | DeployedError::Attach(_) => Self::Input(anyhow::anyhow!("{error}")),
        }
    }
}

impl From<crate::host::state::StateError> for Failure {
    fn from(error: crate::host::state::StateError) -> Self {
        Self::State(error.into())
    }
}

impl From<crate::session::JournalError> for Failure {
    fn from(error: crate::session::JournalError) -> Self {
        Self::State(error.into())
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Deployed(error) => error.into(),
            SessionError::State(error) => error.into(),
            SessionError::Journal(error) => error.into(),
            SessionError::Io(error) => error.into(),
            SessionError::Provider(_) => Self::Provider(anyhow::anyhow!("{error}")),
            SessionError::DeployedElsewhere { ref id, .. } => {
                Self::input(format!("{error} (sandtable destroy --lab {id}); to use it where it is, leave out --on"))
            }
            other => Self::input(other),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Input(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Input(error.into())
    }
}

impl From<crate::host::file::FileError> for Failure {
    fn from(error: crate::host::file::FileError) -> Self {
        Self::Input(error.into())
    }
}

impl From<crate::app::SaveError> for Failure {
    fn from(error: crate::app::SaveError) -> Self {
        use crate::{app::SaveError, host::file::FileError};
        match error {
            SaveError::Exists { .. } => Self::input(format!("{error}; choose another file with -o, or add --force")),
            SaveError::File(FileError::System { .. }) => Self::Output(anyhow::anyhow!(
                "{error}; make sure that the folder exists and can be written to and that the disk has room, or choose another file"
            )),
            SaveError::File(FileError::ReadOnly(_)) => Self::Output(anyhow::anyhow!("{error}")),
            SaveError::File(_) | SaveError::Changed(_) | SaveError::NotLayout { .. } | SaveError::Layout(_) | SaveError::Value(_) => {
                Self::input(error)
            }
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(error.into())
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
    /// Check layouts for problems
    check Check;
    /// Show what a deployment would do, and why
    plan Plan;
    /// Deploy a layout
    deploy Deploy;
    /// Show the status of a lab
    status Status;
    /// Test every flow of the contract in both directions
    probe Probe;
    /// Inject a fault
    inject Inject;
    /// Heal faults
    heal Heal;
    /// Send requests from outside and report the results
    load Load;
    /// Heal faults when their time is up
    #[command(hide = true)]
    guard Guard;
    /// Recover a cluster that has stopped as a whole
    recover Recover;
    /// Make a replica the primary
    promote Promote;
    /// Take snapshots of nodes
    snapshot Snapshot;
    /// Restore a node from a snapshot
    restore Restore;
    /// Open a shell on a node, or run one command there
    shell Shell;
    /// Show a node's screen
    console Console;
    /// Show what was logged of a node's set-up, also while a deployment runs
    logs Logs;
    /// Remove a deployed lab
    destroy Destroy;
    /// List deployed labs; attach one to a layout file that has moved; rebuild a lost record
    labs Labs;
    /// Forget the state of a deployed lab and leave its machines running
    forget Forget;
    /// Check whether this machine is ready for each provider
    doctor Doctor;
    /// Make an image with what a lab needs
    image Image;
    /// Show sites, nodes and links of a layout, one a line
    topology Topology;
    /// Say whether one end reaches another, over which hops, and why not
    explain Explain;
    /// Make a layout from one of ours, or list those
    new New;
    /// Make a layout from machines that exist
    import Import;
    /// Write a layout as a picture or a document
    export Export;
    /// The manual of the rules
    rules Rules;
    /// Print a completion script for a shell
    completions Completions;
    /// Write the man pages into a folder
    #[command(hide = true)]
    man Man;
    /// Print a generated page of the manual
    #[command(hide = true)]
    manual Manual;
}

/// What `--version` prints behind the name: the version, the commit where it is known, and the features. From `build.rs`.
const VERSION: &str = env!("SANDTABLE_VERSION");

/// Draw a distributed-system lab, be told what is wrong with it, deploy it, watch it and break it.
#[derive(Debug, Parser)]
#[command(
    name = "sandtable",
    version = VERSION,
    args_conflicts_with_subcommands = true,
    after_help = "Without a command, the designer opens.\n\n\
                  Exit codes: 0 good, 1 findings or unhealthy, 2 wrong usage or unreadable input, 3 the provider, the lab's state \
                  or the output failed.\n\
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
    let words: Vec<std::ffi::OsString> = usage::minus(std::env::args_os());
    let mut terminal = Terminal::stdout();
    let (result, format) = match parse(&words) {
        Ok((cli, format)) => {
            start_log();
            let result = match cli.command {
                Some(command) => command.run(&mut terminal),
                None => usage::named_file(cli.layout).and_then(window::open),
            };
            (result, format)
        }
        Err(usage) if !usage.use_stderr() => {
            // Help and version go to stdout and are no mistake.
            (usage.print().map(|()| Outcome::Good).map_err(Failure::output), Format::Text)
        }
        Err(usage) => (Err(Failure::input(usage::in_words(&usage, &words))), usage::format_of(&words)),
    };
    let result = match (result, terminal.flush()) {
        (Ok(_), Err(unwritten)) => Err(unwritten),
        (result, _) => result,
    };
    match result {
        Ok(Outcome::Good) => ExitCode::SUCCESS,
        Ok(Outcome::Unwell) => ExitCode::from(1),
        Ok(Outcome::Ended(code)) => ExitCode::from(code),
        Err(failure) => fail(&failure, format, &mut terminal),
    }
}

/// Reads the command line, and how the result is to be written.
fn parse(words: &[std::ffi::OsString]) -> std::result::Result<(Cli, Format), clap::Error> {
    let mut command = Cli::command();
    let matches = command.try_get_matches_from_mut(words)?;
    let format = matches.subcommand().and_then(|(_, sub)| sub.try_get_one::<Format>("format").ok().flatten().copied());
    Ok((Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?, format.unwrap_or_default()))
}

/// The object of a command that failed.
#[derive(serde::Serialize)]
struct ErrorReport<'a> {
    error: ErrorLine<'a>,
}

#[derive(serde::Serialize)]
struct ErrorLine<'a> {
    kind: &'static str,
    code: u8,
    message: String,
    #[serde(flatten)]
    findings: Option<&'a findings::Findings>,
}

/// Says why a command failed, on stderr and, where a program reads the result, on stdout.
fn fail(failure: &Failure, format: Format, terminal: &mut Terminal) -> ExitCode {
    let (code, kind, message) = failure.parts();
    if matches!(failure, Failure::Closed) {
        return ExitCode::from(code);
    }
    let mut errors = Terminal::stderr();
    let label = errors.paint(Style::Bad, "error:");
    errors.line(format_args!("{label} {message}"));
    errors.show();
    if format == Format::Json && !terminal.has_json() {
        // A full disk has no room for this either; stderr has the error.
        let _unwritable = terminal.json(&ErrorReport { error: ErrorLine { kind, code, message, findings: failure.findings() } });
        terminal.show();
    }
    ExitCode::from(code)
}

/// Says something beside the result, on stderr.
fn note(text: &str) {
    let mut errors = Terminal::stderr();
    let label = errors.paint(Style::Warn, "note:");
    errors.line(format_args!("{label} {text}"));
    errors.show();
}

/// Sends the log to stderr: warnings, or what `SANDTABLE_LOG` asks for.
fn start_log() {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_from_env("SANDTABLE_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| clean::CleanErrors).with_ansi(false);
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

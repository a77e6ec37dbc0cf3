//! The page of the command line: each command with the text of its help.

use super::super::Cli;
use super::{GENERATED, cell};
use clap::CommandFactory;

/// Columns of the help texts.
const COLUMNS: usize = 100;

pub(super) fn page() -> String {
    let mut cli = Cli::command().term_width(COLUMNS);
    cli.build();
    let commands: Vec<clap::Command> =
        cli.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help").cloned().collect();
    let mut text = format!("# Command line\n\n{GENERATED}\n\n| command | purpose |\n|---|---|\n");
    for command in &commands {
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!("| [{0}](#sandtable-{0}) | {1} |\n", command.get_name(), cell(&about)));
    }
    text.push_str("\n## sandtable\n\n");
    // The list of commands is above, with links.
    text.push_str(&block(cli.clone().help_template("{about}\n\n{usage-heading} {usage}\n\nOptions:\n{options}{after-help}")));
    for command in commands {
        text.push_str(&format!("\n## sandtable {}\n\n", command.get_name()));
        text.push_str(&block(command.term_width(COLUMNS)));
    }
    text
}

/// A command's help as a block of code.
fn block(mut command: clap::Command) -> String {
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n", lines.join("\n"))
}

//! The program itself, each call a process of its own, on a layout in a folder of the test's.

use serde_json::Value;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A layout, where its lab runs, and what the program is told by the environment.
pub struct Program {
    pub layout: PathBuf,
    pub on: String,
    pub environment: Vec<(&'static str, OsString)>,
}

impl Program {
    /// A layout in a folder; the lab's state is kept there too.
    pub fn new(folder: &Path, name: &str, text: &str, on: &str) -> Self {
        let layout = folder.join(format!("{name}.ron"));
        std::fs::write(&layout, text).unwrap();
        Self { layout, on: on.to_owned(), environment: vec![("SANDTABLE_STATE", folder.join("state").into())] }
    }

    /// A command with the layout; arguments after it.
    pub fn command(&self, command: &str, args: &[&str]) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_sandtable"));
        program.arg(command).arg(&self.layout).args(["--on", &self.on]).args(args).env("NO_COLOR", "1");
        program.envs(self.environment.iter().map(|(name, value)| (*name, value)));
        program
    }

    /// Calls it.
    pub fn call(&self, command: &str, args: &[&str]) -> Output {
        let mut program = self.command(command, args);
        let output = program.output().unwrap();
        self.write_down(command, args, &output);
        output
    }

    /// Where the environment names a file for it, all that was said is written down there.
    fn write_down(&self, command: &str, args: &[&str], output: &Output) {
        use std::io::Write;
        let Some(file) = std::env::var_os("SANDTABLE_TRANSCRIPT") else { return };
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        writeln!(file, "$ sandtable {command} {} {}\n{out}{err}", self.layout.display(), args.join(" ")).unwrap();
    }

    /// What a command says; it must end with this code.
    pub fn text(&self, code: i32, command: &str, args: &[&str]) -> String {
        let output = self.call(command, args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(output.status.code(), Some(code), "{command} {args:?}\n{out}\n{err}");
        format!("{out}{err}")
    }

    /// Its object.
    pub fn json(&self, code: i32, command: &str, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--format", "json"]).collect();
        let output = self.call(command, &args);
        let (out, err) = (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(output.status.code(), Some(code), "{command} {args:?}\n{out}\n{err}");
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{command}: {error}: {out}"))
    }
}

//! What the window knows and does, without a window: the open lab, undo, selection, findings, jobs, what runs.
//!
//! Views read a [`State`] and send it [`Command`]s; [`State::apply`] is the one place where they happen, and what needs the
//! outside comes back as [`Effect`]s for the workers. This layer draws nothing and knows no egui; only the worker waits
//! for files and providers, on threads of its own.

mod apply;
mod apply_file;
mod apply_run;
#[cfg(feature = "desktop")]
pub mod chooser;
pub mod command;
mod document;
mod dropped;
pub mod engine;
pub mod export;
pub mod files;
mod grouped;
mod history;
pub mod job;
pub mod machine;
pub mod many;
mod notices;
pub mod ops;
mod outbox;
mod preferences;
mod present;
mod reached;
mod receive;
mod review;
mod run;
pub mod save;
mod state;
mod table;
mod words;
pub mod worker;

pub use command::{
    AnswerCommand, Command, Dialog, DialogCommand, EditCommand, Effect, FaultCommand, FileCommand, FileUse, ModeCommand, PreferenceCommand,
    RunCommand, SelectCommand, Tab, ViewCommand, ViewMove, WindowCommand,
};
pub use document::{After, DiskChange, Document, FilePreview, Listing, Recovery, Stamp, Template};
pub use dropped::Dropped;
pub use export::{ExportFormat, ExportOptions, ExportPart, ExportTheme};
pub use grouped::{FindingEntry, FindingGroup, GroupKey};
pub use history::{History, Merge};
pub use notices::{Notice, NoticeAction, Notices};
pub use preferences::{Preferences, Remote, WindowPlace};
pub use present::Presentation;
pub use reached::{Answer, Basis, Group, Reached};
pub use receive::Event;
pub use review::{Accepted, Filter, Review};
pub use run::{Considered, LastFault, LoadSample, Previewed, Progress, ProviderChoice, Run, SAMPLE_MS, SIM, StepState};
pub use save::{Permit, SaveError};
pub use state::{AUTOSAVE_DELAY_MS, Graph, InspectorPage, Mode, ProviderTest, State, exists};
pub use table::{COMMANDS, Entry, Family, Held, Shortcut, search};
pub use words::in_words;

//! From what is drawn and what is there to what is to be done. Pure: it makes plans and runs none.

mod action;

pub use action::{Action, Change, Plan, Step, StepId};

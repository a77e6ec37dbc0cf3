//! Real providers on fake machines ([`super::fakes`]), one file a module.

mod act;
mod clock;
mod inject;
mod outside;
mod promote;
mod provider;
mod recover;
mod secrets;
mod snapshots;
mod uplink;
mod watch;

//! A deterministic world: machines, links, services, elections and clusters in virtual time.
//!
//! Pure: it takes actions and faults and gives back what is observed. It has no clock, no thread, no randomness but its
//! seed, reads and writes no file, and never waits. The same seed and the same calls give the same bytes.
//!
//! | file | what is simulated there |
//! |---|---|
//! | `world` | the loop over what is due, and skipping quiet time |
//! | `machine`, `service` | power, boot, start, stop, crash and restart |
//! | `strain` | what a node runs short of, or has wrong: processors, memory, clock, lookups of names |
//! | `timing` | the numbers of recipes and settings |
//! | `snapshot` | what a machine's snapshot keeps, and going back to it |
//! | `network` | who reaches whom: links, subnets, routers, forwards, bound addresses, allow lists |
//! | `vrrp` | the election of a VIP's holder |
//! | `cluster`, `galera`, `recovery` | membership, quorum, state transfer; a first start, and one after a full stop |
//! | `late` | packets that wait on a link, and what that does to members |
//! | `promotion` | a replica that becomes the primary |
//! | `balancer` | checks of servers, and the choice of one |
//! | `beam` | the meshes and what joins them |
//! | `app` | what an application does with its store, its databases and the rest |
//! | `load`, `request`, `tally` | requests from outside, their way through the lab, and what became of them |
//! | `judge`, `observe` | probes, their hysteresis, and what is seen |
//! | `mirror` | a world made after a lab that runs elsewhere |
//! | `fault`, `blast`, `spells` | what is broken, what heals it, what it would take with it, and what comes and goes |
//! | `facts` | what is taken from protocols and measurements, with sources |
//! | `soundness` | whether a world that was read can be run |
//! | `invariants` | what may never be, whatever is broken |

mod action;
mod app;
mod balancer;
mod beam;
mod blast;
mod cluster;
mod event;
mod facts;
mod fault;
mod galera;
mod invariants;
mod judge;
mod late;
mod load;
mod machine;
mod mirror;
mod network;
mod observe;
mod promotion;
mod recovery;
mod request;
mod rng;
mod ruler;
mod service;
mod snapshot;
mod soundness;
mod spells;
mod strain;
mod table;
mod tally;
mod time;
mod timing;
mod vrrp;
mod ways;
mod world;

pub use action::{ActionOutcome, Progress, ScriptedFailure};
pub use blast::blast_radius;
pub use event::{Cause, Event, EventKind};
pub use facts::{FACTS, Fact};
pub use invariants::{Inspector, Violation};
pub use load::REQUESTS_PER_SEC;
pub use rng::Rng;
pub use tally::{EntryLoad, LoadSecond, LoadTotals, Tally};
pub use world::{SimError, World};

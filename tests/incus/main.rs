//! Real nodes on a real Incus daemon. `.ci/incus-test` starts each module in a private machine of its own.

mod faults;
mod layouts;
mod machines;
mod packages;

//! Labs on real machines: what is alike for every hypervisor. Steps below the guests go to [`Machines`](super::machines),
//! steps inside become scripts of [`crate::provision`] that go through the transport.

pub mod core;
pub mod live;

//! A real VirtualBox: in a chroot without kernel modules (`machines`), or in an emulated machine in which guests boot (`boot`, `debian`).
//! Needs root; `./dev test virtualbox virtualbox-boot` starts them.
#![cfg(target_os = "linux")]

mod boot;
mod debian;
mod machines;
mod support;

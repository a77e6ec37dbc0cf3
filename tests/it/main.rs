//! The tests that need neither a display nor a hypervisor, in one program: each test program costs a link of the whole crate.

mod catalog_references;
mod cli_check;
mod cli_commands;
mod cli_output;
mod cli_state;
mod docs;
mod e2e_sim;
mod flow_identity;
mod growth;
mod layers;
mod layout_format;
mod layout_properties;
mod layout_templates;
mod product;
#[cfg(unix)]
mod provision_quoting;
mod random_labs;
mod reach;
mod recipes_render;
mod rules_broken;
mod rules_noise;
mod rules_properties;
mod rules_reach;
mod rules_repair;
mod sim_behaviour;
mod sim_calibration;
mod sim_entries;
mod sim_faults;
mod sim_plan;
mod sim_support;
mod sim_swarm;
mod sim_truth;
#[cfg(unix)]
mod ssh;

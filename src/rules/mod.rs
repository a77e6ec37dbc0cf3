//! The reviewer: one rule a file, each a pure look at the lab.
//!
//! A rule never fails on a half-drawn lab and never changes one: it reports, and offers edits. The table below is the
//! only list of rules: the manual, the command line's help, the window's page and the tests are made from it.

mod acceptance;
mod checker;
mod exposure;
mod facts;
mod finding;
mod index;
mod readdress;
mod rule;
#[cfg(test)]
mod testing;
mod vetter;

pub use checker::{Changed, Checker, check};
pub use facts::{Context, Facts, HOST_ONLY_RANGE};
pub use finding::{Finding, Fix, Severity};
pub use rule::{Chapter, Check, Reads, Report, Reported, Rule};
pub use vetter::Vetter;

/// Declares the rules: their modules, and the one table of them.
macro_rules! rules {
    ($($chapter:ident { $($module:ident $code:literal $severity:ident $check:expr;)* })*) => {
        $($(mod $module;)*)*

        /// Every rule, by chapter.
        pub const RULES: &[Rule] = &[$($(Rule {
            code: $code,
            severity: Severity::$severity,
            chapter: Chapter::$chapter,
            source: include_str!(concat!(stringify!($module), ".rs")),
            check: $check,
        },)*)*];
    };
}

rules! {
    Exposure {
        data_service_on_any_address "data-service-on-any-address" Error Check::Node(data_service_on_any_address::check);
        data_service_on_bridged_network "data-service-on-bridged-network" Error Check::Node(data_service_on_bridged_network::check);
        data_node_on_internet "data-node-on-internet" Warning Check::Node(data_node_on_internet::check);
        data_port_forwarded "data-port-forwarded" Error Check::Node(data_port_forwarded::check);
        data_service_open_to_all "data-service-open-to-all" Error Check::Node(data_service_open_to_all::check);
        data_service_allows_unknown "data-service-allows-unknown" Warning Check::Node(data_service_allows_unknown::check);
        ssh_outside_management "ssh-outside-management" Warning Check::Node(ssh_outside_management::check);
        admin_page_exposed "admin-page-exposed" Warning Check::Node(admin_page_exposed::check);
        secret_in_layout "secret-in-layout" Error Check::Node(secret_in_layout::check);
        clear_text_across_sites "clear-text-across-sites" Error Check::Flow(clear_text_across_sites::check);
        distribution_without_tls "distribution-without-tls" Warning Check::Cluster(distribution_without_tls::check);
        nfs_exported_to_all "nfs-exported-to-all" Error Check::Node(nfs_exported_to_all::check);
        service_on_nat_address "service-on-nat-address" Warning Check::Node(service_on_nat_address::check);
    }
    Roles {
        app_and_database_together "app-and-database-together" Warning Check::Node(app_and_database_together::check);
        workload_on_monitor "workload-on-monitor" Warning Check::Node(workload_on_monitor::check);
        arbitrator_with_data "arbitrator-with-data" Warning Check::Node(arbitrator_with_data::check);
        several_authoritative "several-authoritative" Error Check::Lab(Reads::NODES, several_authoritative::check);
    }
    Addressing {
        duplicate_address "duplicate-address" Error Check::Node(duplicate_address::check);
        address_outside_subnet "address-outside-subnet" Error Check::Node(address_outside_subnet::check);
        overlapping_subnets "overlapping-subnets" Error Check::Lab(Reads::NETWORKS, overlapping_subnets::check);
        reserved_address "reserved-address" Error Check::Node(reserved_address::check);
        address_in_dhcp_range "address-in-dhcp-range" Warning Check::Node(address_in_dhcp_range::check);
        duplicate_hardware_address "duplicate-hardware-address" Error Check::Node(duplicate_hardware_address::check);
        invalid_hardware_address "invalid-hardware-address" Error Check::Node(invalid_hardware_address::check);
        invalid_node_name "invalid-node-name" Error Check::Node(invalid_node_name::check);
        host_only_outside_allowed_range "host-only-outside-allowed-range" Warning Check::Network(host_only_outside_allowed_range::check);
        too_many_adapters "too-many-adapters" Error Check::Node(too_many_adapters::check);
        vip_address_taken "vip-address-taken" Error Check::Vip(vip_address_taken::check);
        vip_outside_subnet "vip-outside-subnet" Error Check::Vip(vip_outside_subnet::check);
    }
    Reachability {
    }
    Availability {
    }
    Consistency {
        unused_acceptance "unused-acceptance" Warning Check::Lab(Reads::NODES, unused_acceptance::check);
    }
}

/// A rule by its code.
pub fn rule(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_file_and_manual_agree() {
        for rule in RULES {
            let module = rule.code.replace('-', "_");
            let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("src/rules/{module}.rs"));
            assert_eq!(std::fs::read_to_string(&file).unwrap_or_default(), rule.source, "{}", rule.code);
            let manual = rule.manual();
            assert!(rule.summary().ends_with('.'), "{}: {}", rule.code, rule.summary());
            for heading in ["## Why", "## Example", "## Do this instead"] {
                assert!(manual.contains(heading), "{}: no {heading}", rule.code);
            }
        }
        let mut codes: Vec<_> = RULES.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), RULES.len());
    }
}

//! The reviewer: one rule a file, each a pure look at the lab.
//!
//! A rule never fails on a half-drawn lab and never changes one: it reports, and offers edits. The table below is the
//! only list of rules: the manual, the command line's help, the window's page and the tests are made from it.

mod acceptance;
mod agreement;
mod alike;
mod checker;
mod contract;
mod exposure;
mod facts;
mod finding;
mod index;
mod offer;
mod order;
mod reached;
mod readdress;
mod repair;
mod rule;
#[cfg(test)]
mod testing;
mod vetter;
mod ways;
mod wire;

pub use checker::{Changed, Checker, check};
pub use facts::{Context, Facts, HOST_ONLY_RANGE, host_only_ranges};
pub use finding::{Finding, Fix, Severity};
pub use repair::{Repaired, repair};
pub use rule::{Chapter, Check, Reads, Report, Reported, Rule};
pub use vetter::Vetter;
pub use ways::PortRule;

/// How every rule about settings that must be equal works: the catalog names the rule that reports each of them.
const AGREEMENT: Check = Check::Between(agreement::in_cluster, agreement::along_flow);

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
        admin_path_exposed "admin-path-exposed" Warning Check::Node(admin_path_exposed::check);
        secret_in_layout "secret-in-layout" Error Check::Node(secret_in_layout::check);
        clear_text_across_sites "clear-text-across-sites" Error Check::Flow(clear_text_across_sites::check);
        distribution_without_tls "distribution-without-tls" Warning Check::Cluster(distribution_without_tls::check);
        nfs_exported_to_all "nfs-exported-to-all" Error Check::Node(nfs_exported_to_all::check);
        image_outside_folder "image-outside-folder" Warning Check::Lab(Reads::NODES, image_outside_folder::check);
        system_folder "system-folder" Error Check::Node(system_folder::check);
        data_on_management_network "data-on-management-network" Advice Check::Node(data_on_management_network::check);
        service_on_nat_address "service-on-nat-address" Warning Check::Node(service_on_nat_address::check);
    }
    Roles {
        app_and_database_together "app-and-database-together" Warning Check::Node(app_and_database_together::check);
        workload_on_monitor "workload-on-monitor" Warning Check::Node(workload_on_monitor::check);
        arbitrator_with_data "arbitrator-with-data" Warning Check::Node(arbitrator_with_data::check);
        missing_dependency "missing-dependency" Warning Check::Node(missing_dependency::check);
        admin_path_not_served "admin-path-not-served" Warning Check::Lab(Reads::NODES, admin_path_not_served::check);
        mount_not_exported "mount-not-exported" Warning Check::Flow(mount_not_exported::check);
        writes_to_replica "writes-to-replica" Error Check::Node(writes_to_replica::check);
        admin_path_without_authority "admin-path-without-authority" Warning Check::Lab(Reads::NODES, admin_path_without_authority::check);
        requests_in_circle "requests-in-circle" Error Check::Node(requests_in_circle::check);
        nobody_has_authority "nobody-has-authority" Warning Check::Node(nobody_has_authority::check);
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
        names_differ_by_case "names-differ-by-case" Error Check::Lab(Reads::NODES, names_differ_by_case::check);
        dhcp_range_outside_subnet "dhcp-range-outside-subnet" Error Check::Network(dhcp_range_outside_subnet::check);
        two_adapters_on_network "two-adapters-on-network" Warning Check::Node(two_adapters_on_network::check);
        public_subnet "public-subnet" Advice Check::Network(public_subnet::check);
        subnet_of_nat "subnet-of-nat" Warning Check::Network(subnet_of_nat::check);
    }
    Reachability {
        no_path_for_flow "no-path-for-flow" Error Check::Flow(no_path_for_flow::check);
        bind_address_not_on_node "bind-address-not-on-node" Error Check::Node(bind_address_not_on_node::check);
        bound_without_address "bound-without-address" Error Check::Node(bound_without_address::check);
        flow_misses_bind_address "flow-misses-bind-address" Error Check::Flow(flow_misses_bind_address::check);
        port_taken_twice "port-taken-twice" Error Check::Node(port_taken_twice::check);
        forward_port_led_twice "forward-port-led-twice" Error Check::Node(forward_port_led_twice::check);
        forward_never_made "forward-never-made" Error Check::Node(forward_never_made::check);
        forward_to_closed_port "forward-to-closed-port" Warning Check::Node(forward_to_closed_port::check);
        named_without_flow "named-without-flow" Warning Check::Lab(Reads::NAMED, named_without_flow::check);
        flow_not_allowed "flow-not-allowed" Error Check::Flow(flow_not_allowed::check);
        node_without_management_path "node-without-management-path" Warning Check::Node(node_without_management_path::check);
        host_reaches_no_network "host-reaches-no-network" Warning Check::Lab(Reads::ALL, host_reaches_no_network::check);
        node_off_its_site "node-off-its-site" Warning Check::Node(node_off_its_site::check);
        gateway_off_its_site "gateway-off-its-site" Error Check::Lab(Reads::NODES, gateway_off_its_site::check);
        tunnel_without_ends "tunnel-without-ends" Error Check::Lab(Reads::NODES, tunnel_without_ends::check);
        tunnel_shares_key "tunnel-shares-key" Error Check::Cluster(tunnel_shares_key::check);
        isolated_node "isolated-node" Advice Check::Node(isolated_node::check);
        host_port_taken_twice "host-port-taken-twice" Error Check::Lab(Reads::NODES, host_port_taken_twice::check);
        privileged_host_port "privileged-host-port" Warning Check::Node(privileged_host_port::check);
        no_entrance "no-entrance" Advice Check::Lab(Reads::ALL, no_entrance::check);
        no_route_between_sites "no-route-between-sites" Error Check::Flow(no_route_between_sites::check);
    }
    Availability {
        even_voters "even-voters" Warning Check::Cluster(even_voters::check);
        majority_in_one_site "majority-in-one-site" Advice Check::Cluster(majority_in_one_site::check);
        member_without_cluster "member-without-cluster" Warning Check::Lab(Reads::NODES, member_without_cluster::check);
        mixed_cluster "mixed-cluster" Error Check::Cluster(mixed_cluster::check);
        arbitrators_outvote_data "arbitrators-outvote-data" Advice Check::Cluster(arbitrators_outvote_data::check);
        kind_without_replication "kind-without-replication" Error Check::Node(kind_without_replication::check);
        copy_without_sync "copy-without-sync" Warning Check::Node(copy_without_sync::check);
        vip_follows_nothing "vip-follows-nothing" Warning Check::Vip(vip_follows_nothing::check);
        vip_holder_without_service "vip-holder-without-service" Error Check::Vip(vip_holder_without_service::check);
        vip_holder_twice "vip-holder-twice" Error Check::Vip(vip_holder_twice::check);
        vip_holder_without_address "vip-holder-without-address" Error Check::Vip(vip_holder_without_address::check);
        vip_over_clusters "vip-over-clusters" Error Check::Vip(vip_over_clusters::check);
        vip_over_replica "vip-over-replica" Warning Check::Vip(vip_over_replica::check);
        vip_bypassed "vip-bypassed" Advice Check::Node(vip_bypassed::check);
        vip_single_holder "vip-single-holder" Warning Check::Vip(vip_single_holder::check);
        vip_equal_priorities "vip-equal-priorities" Warning Check::Vip(vip_equal_priorities::check);
        vip_id_collision "vip-id-collision" Error Check::Lab(Reads::VIPS, vip_id_collision::check);
        vip_holder_off_network "vip-holder-off-network" Error Check::Vip(vip_holder_off_network::check);
        balancer_single_backend "balancer-single-backend" Warning Check::Node(balancer_single_backend::check);
        single_point_of_failure "single-point-of-failure" Advice Check::Node(single_point_of_failure::check);
        start_order_cycle "start-order-cycle" Error Check::Lab(Reads::NODES, start_order_cycle::check);
        arbitrator_cannot_see_voters "arbitrator-cannot-see-voters" Error Check::Cluster(arbitrator_cannot_see_voters::check);
        site_without_gateway "site-without-gateway" Error Check::Lab(Reads::NODES, site_without_gateway::check);
        cross_site_link_bypasses_gateway "cross-site-link-bypasses-gateway" Warning Check::Network(cross_site_link_bypasses_gateway::check);
        replica_without_primary "replica-without-primary" Error Check::Node(replica_without_primary::check);
        sessions_not_shared "sessions-not-shared" Warning Check::Node(sessions_not_shared::check);
        sync_without_partner "sync-without-partner" Warning Check::Node(sync_without_partner::check);
    }
    Consistency {
        unknown_kind "unknown-kind" Error Check::Node(unknown_kind::check);
        unknown_setting "unknown-setting" Error Check::Node(unknown_setting::check);
        unknown_port "unknown-port" Error Check::Node(unknown_port::check);
        unknown_secret "unknown-secret" Error Check::Node(unknown_secret::check);
        invalid_setting_value "invalid-setting-value" Error Check::Node(invalid_setting_value::check);
        setting_names_nothing "setting-names-nothing" Error Check::Lab(Reads::NAMES, setting_names_nothing::check);
        cookie_mismatch "cookie-mismatch" Error AGREEMENT;
        mixed_node_names "mixed-node-names" Error AGREEMENT;
        settings_disagree "settings-disagree" Error AGREEMENT;
        highlight_names_nothing "highlight-names-nothing" Warning Check::Lab(Reads::VIEWS, highlight_names_nothing::check);
        duplicate_flow "duplicate-flow" Warning Check::Flow(duplicate_flow::check);
        mixed_images "mixed-images" Advice Check::Lab(Reads::NODES, mixed_images::check);
        memory_over_host "memory-over-host" Warning Check::Lab(Reads::NODES, memory_over_host::check);
        cpus_over_host "cpus-over-host" Warning Check::Lab(Reads::NODES, cpus_over_host::check);
        memory_below_need "memory-below-need" Warning Check::Node(memory_below_need::check);
        vault_covers_nothing "vault-covers-nothing" Advice Check::Node(vault_covers_nothing::check);
        backup_beside_its_data "backup-beside-its-data" Warning Check::Node(backup_beside_its_data::check);
        no_backup_for_data "no-backup-for-data" Advice Check::Node(no_backup_for_data::check);
        acceptance_without_words "acceptance-without-words" Advice Check::Lab(Reads::NODES, acceptance_without_words::check);
        unused_acceptance "unused-acceptance" Advice Check::Lab(Reads::NODES, unused_acceptance::check);
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
    fn a_page_reads_well_in_a_terminal() {
        let page = rule("host-only-outside-allowed-range").unwrap().text(72);
        assert!(page.starts_with("host-only-outside-allowed-range (warning, addressing)\n\n  A host-only network lies where"), "{page}");
        assert!(page.contains("\n\nWhy:\n  Since 6.1.28"), "{page}");
        assert!(page.contains("\n\n    * 192.168.50.0/24\n"), "{page}");
        for rule in RULES {
            let text = rule.text(72);
            let prose = text.lines().filter(|line| !line.starts_with("    "));
            assert!(prose.clone().all(|line| line.chars().count() <= 72), "{text}");
            assert!(!text.contains("##") && !text.contains("```") && !text.contains("\n\n\n"), "{text}");
            let markdown = rule.page();
            assert!(markdown.starts_with(&format!("# {}\n\n*", rule.code)), "{markdown}");
            assert_eq!(markdown.matches("```").count() % 2, 0, "{markdown}");
        }
    }

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

use super::*;
use crate::model::{Bind, Edit, Value};
use crate::plan::fixture::{id, mini_cloud};

fn specs(lab: &Lab) -> Desired {
    desired(lab, Catalog::embedded(), &id())
}

fn at(text: &str) -> ServiceRef {
    text.parse().unwrap()
}

fn allowed(desired: &Desired, service: &str) -> Option<Vec<String>> {
    desired.services[&at(service)].allow.as_ref().map(|open| open.iter().map(ToString::to_string).collect())
}

#[test]
fn the_mini_cloud_is_specified_whole() {
    let lab = mini_cloud();
    let found = specs(&lab);
    assert_eq!(found.unplannable, []);
    assert_eq!((found.networks.len(), found.machines.len(), found.services.len(), found.vips.len()), (4, 5, 9, 2));
    let db1 = &found.machines["db1"];
    assert_eq!((db1.memory_mib, db1.adapters[0].address.unwrap().to_string()), (1024, "192.168.60.21/24".to_owned()));
    assert!(db1.adapters.iter().all(|adapter| adapter.mac.usable()));
    let hosts: Vec<String> = db1.hosts.iter().map(|(address, name)| format!("{address} {name}")).collect();
    assert!(hosts.contains(&"192.168.60.11 app1".to_owned()) && hosts.contains(&"192.168.60.30 database".to_owned()), "{hosts:?}");
    assert!(!hosts.iter().any(|host| host.starts_with("192.168.50.")), "db1 is not on the frontend: {hosts:?}");
    assert!(hosts.contains(&"192.168.70.10 lb".to_owned()), "they share the management network: {hosts:?}");
    assert_eq!(specs(&lab), found, "the same lab gives the same specifications");
}

#[test]
fn who_is_let_in_follows_from_the_flows() {
    let mut lab = mini_cloud();
    let found = specs(&lab);
    assert_eq!(allowed(&found, "lb/haproxy"), None, "a flow from outside opens it to everyone");
    assert_eq!(allowed(&found, "app1/todo").unwrap(), ["192.168.50.10/32"], "the balancer alone, on the network where it listens");
    let db1 = allowed(&found, "db1/galera").unwrap();
    assert!(db1.contains(&"192.168.60.11/32".to_owned()), "an application by way of the VIP, and an arbitrator: {db1:?}");
    assert!(db1.contains(&"192.168.60.22/32".to_owned()), "the other member: {db1:?}");
    assert!(!db1.iter().any(|open| open.starts_with("192.168.70.10/")), "not the balancer: {db1:?}");
    let only = crate::model::Allow::Only(vec!["network:management".parse().unwrap(), "lb".parse().unwrap()]);
    lab.nodes[&"app1".parse::<NodeName>().unwrap()].services[&"todo".parse::<crate::model::ServiceName>().unwrap()].allow = only;
    assert_eq!(allowed(&specs(&lab), "app1/todo").unwrap(), ["192.168.50.10/32", "192.168.70.0/24", "192.168.70.10/32"]);
}

#[test]
fn who_comes_by_a_router_comes_from_its_own_addresses() {
    let lab = crate::layout::read(include_str!("../../../layouts/linux-cluster.ron")).unwrap();
    let found = specs(&lab);
    let ldap = allowed(&found, "dir1/ldap").unwrap();
    assert!(ldap.contains(&"10.2.0.21/32".to_owned()), "node3 shares only the management network with dir1: {ldap:?}");
    assert!(ldap.contains(&"10.1.0.21/32".to_owned()), "node1 is on the network where ldap listens: {ldap:?}");
    assert!(!ldap.contains(&"192.168.56.21/32".to_owned()), "ldap does not listen on the management network: {ldap:?}");
}

#[test]
fn a_flow_to_a_port_forward_opens_what_it_leads_to() {
    let porch = |port: u16| {
        let text = format!(
            r#"#![enable(implicit_some, unwrap_newtypes)]
            (sandtable: 1, name: "Porch", networks: {{"yard": internal(subnet: "10.33.2.0/24"), "road": host_only(subnet: "192.168.60.0/24")}}, nodes: {{
                "porch": (role: gateway, adapters: [(network: "road", address: "192.168.60.21"), (network: "yard", address: "10.33.2.2")],
                    services: {{"lead": (kind: "port-forward", settings: {{"rules": ["8093:hall/web"]}})}}),
                "hall": (role: app, adapters: [(network: "yard", address: "10.33.2.21")], services: {{"web": (kind: "nginx")}}),
            }}, flows: [(from: "outside", to: "porch/lead", port: {port})])"#
        );
        allowed(&specs(&crate::layout::read(&text).unwrap()), "hall/web").unwrap()
    };
    assert_eq!(porch(8093), ["10.33.2.2/32"], "the forward hides its callers");
    assert_eq!(porch(8094), [] as [&str; 0], "nothing leads there by that port");
}

#[test]
fn a_router_routes_between_all_of_its_networks_but_management() {
    let mut lab = crate::layout::read(include_str!("../../../layouts/linux-cluster.ron")).unwrap();
    let list = |subnets: &[&str]| Value::List(subnets.iter().map(|subnet| (*subnet).to_owned()).collect());
    assert_eq!(specs(&lab).services[&at("gw1/router")].settings["networks"], list(&["10.1.0.0/24", "172.16.0.0/24"]));
    let router: crate::model::ServiceName = "router".parse().unwrap();
    let drawn = list(&["10.1.0.0/24"]);
    lab.nodes[&"gw1".parse::<NodeName>().unwrap()].services[&router].settings.insert("networks".into(), drawn.clone());
    assert_eq!(specs(&lab).services[&at("gw1/router")].settings["networks"], drawn, "what is drawn counts");
}

#[test]
fn a_static_address_on_a_nat_network_brings_its_way_out() {
    let routes = |adapters: &str| -> Vec<String> {
        let lab = crate::layout::read(&format!(
            r#"#![enable(implicit_some, unwrap_newtypes)]
            (sandtable: 1, name: "x", networks: {{
                "shared": nat_network(subnet: "10.33.8.0/24"), "internet": nat(), "lan": internal(subnet: "10.1.0.0/24"),
            }}, nodes: {{"a": (role: worker, adapters: [{adapters}, (network: "lan", address: "10.1.0.21")])}})"#
        ));
        let found = specs(&lab.unwrap());
        found.machines.values().flat_map(|machine| &machine.routes).map(|route| format!("{} {}", route.to, route.through)).collect()
    };
    let shared = r#"(network: "shared", address: "10.33.8.21")"#;
    assert_eq!(routes(shared), ["0.0.0.0/0 10.33.8.1"]);
    let by_dhcp = r#"(network: "internet")"#;
    assert_eq!(routes(by_dhcp), [] as [&str; 0]);
    assert_eq!(routes(&format!("{shared}, {by_dhcp}")), [] as [&str; 0], "the address from DHCP brings the route");
}

#[test]
fn upstreams_and_members_follow_from_the_flows_and_clusters() {
    let found = specs(&mini_cloud());
    let dialled = |service: &str| -> Vec<String> {
        found.services[&at(service)].upstreams.iter().map(|upstream| format!("{} {}", upstream.to, upstream.at)).collect()
    };
    assert_eq!(dialled("lb/haproxy"), ["app1/todo 192.168.50.11:8080", "app2/todo 192.168.50.12:8080"]);
    assert_eq!(dialled("app1/todo"), ["vip:database 192.168.60.30:3306"]);
    let (cluster, members) = found.services[&at("db1/galera")].cluster.clone().unwrap();
    assert_eq!((cluster.as_str(), members), ("galera", vec![at("app1/garbd"), at("app2/garbd"), at("db2/galera")]));
    assert_eq!(found.services[&at("lb/haproxy")].settings["check_ms"], Value::Number(500), "the catalog's where nothing is said");
    let priorities: Vec<u8> = found.vips.values().map(|spec| spec.priority).collect();
    assert_eq!(priorities, [101, 100]);
}

#[test]
fn peers_and_upstreams_say_what_configurations_must_know() {
    let mut lab = mini_cloud();
    let name = |text: &str| text.parse::<NodeName>().unwrap();
    let galera: crate::model::ServiceName = "galera".parse().unwrap();
    let todo: crate::model::ServiceName = "todo".parse().unwrap();
    lab.nodes[&name("db1")].services[&galera].settings.insert("suspect_ms".into(), Value::Number(3000));
    for node in ["db1", "db2"] {
        lab.nodes[&name(node)].services[&galera].settings.insert("tls".into(), Value::Bool(true));
    }
    lab.nodes[&name("app2")].services[&todo].settings.insert("health_path".into(), Value::Text("/alive".into()));
    let found = specs(&lab);
    let garbd = &found.services[&at("app1/garbd")];
    let known: Vec<_> = garbd.peers.iter().map(|peer| (peer.at.to_string(), peer.settings.get("suspect_ms").cloned())).collect();
    let number = |value| Some(Value::Number(value));
    let wanted = [("app2/garbd", None), ("db1/galera", number(3000)), ("db2/galera", number(2000))];
    assert_eq!(known, wanted.map(|(at, value)| (at.to_owned(), value)), "its own where it is set, the catalog's elsewhere");
    let database = &found.services[&at("app1/todo")].upstreams[0];
    assert_eq!((database.kind.as_ref().map(AsRef::as_ref), database.is_encrypted), (Some("galera"), true), "what the VIP follows");
    assert_eq!(database.health_path, None);
    let paths: Vec<_> = found.services[&at("lb/haproxy")].upstreams.iter().map(|one| (one.is_encrypted, one.health_path.clone())).collect();
    assert_eq!(paths, [(false, Some("/healthz".to_owned())), (false, Some("/alive".to_owned()))]);
}

#[test]
fn who_is_answered_at_a_guarded_path_is_given_as_addresses() {
    let mut lab = crate::layout::template("shop").unwrap().lab;
    let set = |lab: &mut Lab, path: &str, from: &[&str]| {
        let list = from.iter().map(|client| (*client).to_owned()).collect();
        let lb1 = lab.nodes.get_mut(&"lb1".parse::<NodeName>().unwrap()).unwrap();
        let web = lb1.services.get_mut("web").unwrap();
        web.settings.insert("admin_path".into(), Value::Text(path.into()));
        web.settings.insert("admin_from".into(), Value::List(list));
    };
    let clients = |lab: &Lab| match &specs(lab).services[&at("lb1/web")].settings["admin_from"] {
        Value::List(clients) => clients.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(clients(&lab), ["192.168.56.0/24"], "as the layout says");
    set(&mut lab, "/admin", &[]);
    assert_eq!(clients(&lab), ["192.168.56.0/24"], "the management network of its node");
    set(&mut lab, "/admin", &["*", "10.0.0.9", "db2"]);
    assert_eq!(clients(&lab), ["*", "10.0.0.9", "192.168.58.32", "192.168.56.32"]);
    set(&mut lab, "", &[]);
    assert_eq!(clients(&lab), [""; 0], "nothing is guarded");
    set(&mut lab, "/admin", &[]);
    lab.networks.get_mut("management").unwrap().purpose = crate::model::Purpose::General;
    assert_eq!(clients(&lab), [""; 0], "nobody");
}

#[test]
fn what_a_vip_follows_listens_on_it_for_clients_alone() {
    let mut lab = mini_cloud();
    let galera: crate::model::ServiceName = "galera".parse().unwrap();
    lab.nodes[&"db1".parse::<NodeName>().unwrap()].services[&galera].bind = Bind::On("backend".parse().unwrap());
    lab.nodes[&"db2".parse::<NodeName>().unwrap()].services[&galera].bind = Bind::On("management".parse().unwrap());
    let found = specs(&lab);
    let listen =
        |service: &str, port: &str| -> Vec<String> { found.services[&at(service)].listen[port].iter().map(ToString::to_string).collect() };
    assert_eq!(listen("db1/galera", "sql"), ["192.168.60.21:3306", "192.168.60.30:3306"]);
    assert_eq!(listen("db1/galera", "replication"), ["192.168.60.21:4567"]);
    assert_eq!(listen("db2/galera", "sql"), ["192.168.70.22:3306"], "the VIP is on another network");
}

/// Half-drawn labs: one thing is wrong, it is said once and about that thing, and all else is specified.
#[test]
fn what_cannot_be_specified_is_said() {
    let check = |spoil: &dyn Fn(&mut Lab), subject: &str, says: &str| {
        let mut lab = mini_cloud();
        spoil(&mut lab);
        let found = specs(&lab);
        let said: Vec<(String, &str)> = found.unplannable.iter().map(|one| (one.subject.to_string(), one.why.as_str())).collect();
        assert!(said.iter().any(|(about, why)| about == subject && why.contains(says)), "{subject} {says:?}: {said:?}");
        assert!(found.machines.contains_key("lb"), "the rest is specified");
        assert!(crate::plan::plan(&lab, Catalog::embedded(), &found, &crate::model::Observed::default()).steps.len() > 5);
    };
    let name = |text: &str| text.parse::<NodeName>().unwrap();
    let todo: crate::model::ServiceName = "todo".parse().unwrap();
    check(&|lab| lab.nodes[&name("db1")].adapters[0].address = None, "vip:database", "no address on backend");
    check(&|lab| lab.networks[&"backend".parse::<NetworkName>().unwrap()].subnet = None, "db1@backend#0", "no subnet");
    check(
        &|lab| {
            lab.nodes[&name("app1")].services[&todo].settings.insert("folder".into(), crate::model::Value::Bool(true));
        },
        "app1/todo",
        "has true for folder, which takes a text",
    );
    check(&|lab| lab.nodes[&name("app1")].services[&todo].kind = "nonesuch".parse().unwrap(), "app1/todo", "kind nonesuch");
    check(&|lab| lab.nodes[&name("app1")].services[&todo].bind = Bind::On("internet".parse().unwrap()), "app1/todo", "not on");
    check(&|lab| lab.nodes[&name("app1")].services[&todo].bind = Bind::Loopback, "lb/haproxy -> app1/todo", "127.0.0.1 only");
    check(
        &|lab| {
            lab.apply(&[Edit::RenameNode { from: name("app1"), to: name("app 1") }]).unwrap();
        },
        "app 1",
        "host name",
    );
}

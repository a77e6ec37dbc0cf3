//! What stands out while the rest is dimmed: the named things, and what joins two of them.

use super::{
    overlay::{Reach, States},
    scene::{LinkItem, Scene},
};
use crate::model::{Endpoint, Lab, NodeName, Subject};
use rustc_hash::FxHashSet as HashSet;

impl States {
    /// Dims everything but the named things and what joins two of them. A named node's drops and flows to other things are dimmed: lit,
    /// they would say that those matter too.
    pub(super) fn highlight(&mut self, scene: &Scene, lab: &Lab, highlight: &[Subject]) {
        self.everything(|state| state.dimmed = true);
        for subject in highlight {
            self.each(scene, lab, subject, Reach::Whole, |state| state.dimmed = false);
        }
        let named: HashSet<&Subject> = highlight.iter().collect();
        for (card, (name, node)) in self.nodes.iter_mut().zip(&lab.nodes).filter(|(card, _)| !card.node.dimmed) {
            for (slot, adapter) in node.adapters.iter().enumerate() {
                let rail = scene.network_number(&adapter.network).and_then(|rail| self.networks.get(rail as usize));
                let is_lit =
                    rail.is_some_and(|rail| !rail.dimmed) || named.contains(&Subject::Adapter(name.clone(), slot, adapter.network.clone()));
                if !is_lit {
                    card.adapters.entry(slot).or_default().dimmed = true;
                }
            }
        }
        let flows = self.flows.iter_mut().zip(&lab.flows);
        for (state, _) in flows.filter(|(_, flow)| [&flow.from, &flow.to].into_iter().all(|end| is_end_named(lab, &named, end))) {
            state.dimmed = false;
        }
    }
}

/// Whether an end of a flow is among named things, by itself or as part of something larger.
fn is_end_named(lab: &Lab, named: &HashSet<&Subject>, end: &Endpoint) -> bool {
    match end {
        Endpoint::Outside => named.contains(&Subject::Outside),
        Endpoint::Vip(vip) => named.contains(&Subject::Vip(vip.clone())),
        Endpoint::Node(node) => is_node_named(lab, named, node),
        Endpoint::Service(at) => {
            let cluster = lab.service(at).and_then(|service| service.cluster.clone());
            named.contains(&Subject::Service(at.clone()))
                || cluster.is_some_and(|cluster| named.contains(&Subject::Cluster(cluster)))
                || is_node_named(lab, named, &at.node)
        }
    }
}

/// Whether a link within a cluster is lit: nothing stands out, or its cluster does, or both of its nodes do.
pub(super) fn is_link_lit(scene: &Scene, lab: &Lab, highlight: &[Subject], link: &LinkItem) -> bool {
    let named: HashSet<&Subject> = highlight.iter().collect();
    let is_cluster = |subject: &&Subject| matches!(subject, Subject::Cluster(cluster) if cluster.as_str() == link.cluster.as_str());
    let node = |number: u32| scene.node(number).is_some_and(|item| is_node_named(lab, &named, &item.name));
    highlight.is_empty() || highlight.iter().any(|subject| is_cluster(&subject)) || (node(link.nodes.0) && node(link.nodes.1))
}

fn is_node_named(lab: &Lab, named: &HashSet<&Subject>, node: &NodeName) -> bool {
    let site = lab.nodes.get(node).and_then(|node| node.site.clone());
    named.contains(&Subject::Node(node.clone())) || site.is_some_and(|site| named.contains(&Subject::Site(site)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        catalog::Catalog,
        picture::{Overlay, fixture},
    };

    /// The drops and flows of a lab that stay lit while these things stand out.
    fn lit(lab: &Lab, highlight: &[Subject]) -> Vec<String> {
        let mut scene = Scene::new(lab, Catalog::embedded());
        scene.set_overlay(lab, &Overlay { highlight, ..Overlay::default() });
        let mut all = Vec::new();
        for (number, (name, node)) in (0_u32..).zip(&lab.nodes) {
            let is_lit = |slot| !scene.states.node(number).dimmed && !scene.states.adapter(number, slot).dimmed;
            let slots = node.adapters.iter().enumerate().filter(|(slot, _)| is_lit(*slot));
            all.extend(slots.map(|(_, adapter)| format!("{name}@{}", adapter.network)));
        }
        let flows = scene.states.flows.iter().zip(&lab.flows).filter(|(state, _)| !state.dimmed);
        all.extend(flows.map(|(_, flow)| Subject::flow(flow).to_string()));
        all
    }

    fn node(name: &str) -> Subject {
        Subject::Node(name.parse().unwrap())
    }

    #[test]
    fn only_what_joins_two_highlighted_things_stays_lit() {
        let lab = fixture::mini_cloud();
        let network = |name: &str| Subject::Network(name.parse().unwrap());
        let service = |name: &str| Subject::Service(name.parse().unwrap());
        let vip = Subject::Vip("vip".parse().unwrap());
        let check = |highlight: &[Subject], expected: &[&str]| assert_eq!(lit(&lab, highlight), expected, "{highlight:?}");
        // A node alone lights none of its drops and flows.
        check(&[node("app1")], &[]);
        check(&[network("backend")], &[]);
        check(&[node("app1"), network("backend")], &["app1@backend"]);
        check(&[Subject::Adapter("app1".parse().unwrap(), 0, "frontend".parse().unwrap())], &["app1@frontend"]);
        check(&[node("lb"), node("app1")], &["lb/haproxy -> app1/todo"]);
        check(&[service("lb/haproxy"), node("app1"), vip], &["lb/haproxy -> app1/todo", "app1/todo -> vip:vip"]);
        // Another service of the node is not the flow's end.
        check(&[service("app1/sync"), node("lb")], &[]);
        check(&[Subject::Outside, node("lb"), network("internet")], &["lb@internet", "outside -> lb/haproxy"]);
        let named = Subject::flow(lab.flows.first().unwrap());
        check(&[named], &["outside -> lb/haproxy"]);
    }

    #[test]
    fn a_link_of_another_cluster_is_dimmed_although_its_nodes_are_lit() {
        let lab = fixture::mini_cloud();
        let lit = |highlight: &[Subject]| {
            let mut scene = Scene::new(&lab, Catalog::embedded());
            scene.set_overlay(&lab, &Overlay { highlight, ..Overlay::default() });
            let links = scene.links.iter().zip(&scene.states.links).filter(|(_, state)| !state.dimmed);
            links.map(|(link, _)| link.cluster.to_string()).collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        };
        let cluster = |name: &str| Subject::Cluster(name.parse().unwrap());
        assert_eq!(lit(&[]), ["db", "files"]);
        // The arbitrators of the database cluster are on the nodes that share files.
        assert_eq!(lit(&[cluster("db")]), ["db"]);
        assert_eq!(lit(&[node("db1"), node("db2")]), ["db"]);
        assert!(lit(&[node("db1")]).is_empty());
    }

    #[test]
    fn a_highlighted_site_is_lit_with_all_that_is_in_it() {
        let lab = fixture::two_sites();
        let lit = lit(&lab, &[Subject::Site("us".parse().unwrap())]);
        assert_eq!(lit, ["us-node1@us-lan", "us-node2@us-lan", "us-gw3@us-lan", "us-node1/beam -> us-gw3/beam"]);
    }

    #[test]
    fn a_dimmed_token_hides_the_lines_below_it() {
        use crate::{
            look::DARK,
            picture::{Detail, Layer, Shape, Shapes, draw::Artist},
        };
        let lab = fixture::mini_cloud();
        let mut scene = Scene::new(&lab, Catalog::embedded());
        let highlight = [node("lb")];
        scene.set_overlay(&lab, &Overlay { highlight: &highlight, ..Overlay::default() });
        for detail in [Detail::Full, Detail::Tile] {
            let artist = Artist { lab: &lab, catalog: Catalog::embedded(), scene: &scene, palette: &DARK, detail };
            let mut out = Shapes::default();
            artist.vip(0, &mut out);
            let fills = out.of(Layer::Tokens).filter_map(|shape| if let Shape::Rect { fill, .. } = shape { Some(*fill) } else { None });
            let fills: Vec<crate::look::Color> = fills.collect();
            assert!(!fills.is_empty() && fills.iter().all(|fill| fill.a == 255 && *fill != DARK.vip), "{fills:?}");
        }
    }
}

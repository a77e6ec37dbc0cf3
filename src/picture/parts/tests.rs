use super::*;
use crate::{
    catalog::Catalog,
    look::Appearance,
    model::{
        ActiveFault, Health, Lab, Observed, ObservedCluster, ObservedFlow, ObservedNode, ObservedService, ObservedVip, Power, Subject,
    },
    picture::{Mode, Overlay, Progress, fixture},
    plan::{Action, Change, Plan, Step, StepId},
    rules::{Finding, Severity},
};
use proptest::prelude::*;
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The fixture with a replica, so that all kinds of things are drawn.
fn lab() -> Lab {
    let mut lab = fixture::mini_cloud();
    lab.notes.push(crate::model::Note { at: crate::model::Pos(600, 40), text: "A note".into(), width: 0 });
    lab
}

/// What an overlay is made of, owned.
#[derive(Debug, Clone)]
struct World {
    mode: Mode,
    findings: Vec<Arc<Finding>>,
    observed: Option<Observed>,
    plan: Option<Plan>,
    progress: BTreeMap<crate::model::NodeName, Progress>,
    highlight: Vec<Subject>,
    at_risk: Vec<Subject>,
    would_move: Vec<(crate::model::VipName, Vec<crate::model::NodeName>)>,
}

impl World {
    fn overlay(&self) -> Overlay<'_> {
        Overlay {
            mode: self.mode,
            findings: &self.findings,
            observed: self.observed.as_ref(),
            plan: self.plan.as_ref(),
            progress: Some(&self.progress),
            highlight: &self.highlight,
            at_risk: &self.at_risk,
            would_move: &self.would_move,
        }
    }
}

/// Everything of the lab that an overlay may speak of.
fn subjects() -> Vec<Subject> {
    let lab = lab();
    let nodes = lab.nodes.keys().cloned().map(Subject::Node);
    let services = lab
        .services()
        .map(|(node, service, _)| Subject::Service(crate::model::ServiceRef { node: node.clone(), service: service.clone() }));
    let adapters = lab.nodes.iter().flat_map(|(name, node)| {
        node.adapters.iter().enumerate().map(|(slot, adapter)| Subject::Adapter(name.clone(), slot, adapter.network.clone()))
    });
    let rest = lab.networks.keys().cloned().map(Subject::Network).chain(lab.vips.keys().cloned().map(Subject::Vip));
    let clusters = [Subject::Cluster("db".parse().unwrap())];
    nodes.chain(services).chain(adapters).chain(rest).chain(lab.flows.iter().map(Subject::flow)).chain(clusters).collect()
}

fn some_subjects() -> impl Strategy<Value = Vec<Subject>> {
    let none = Just(Vec::new());
    prop_oneof![2 => none, 1 => proptest::sample::subsequence(subjects(), 0..6)]
}

fn health() -> impl Strategy<Value = Health> {
    proptest::sample::select(vec![Health::Healthy, Health::Degraded, Health::Down, Health::Unknown])
}

fn some_names() -> impl Strategy<Value = Vec<crate::model::NodeName>> {
    proptest::sample::subsequence(lab().nodes.keys().cloned().collect::<Vec<_>>(), 0..3)
}

fn observed() -> impl Strategy<Value = Observed> {
    let lab = lab();
    let powers = proptest::sample::select(vec![Power::Running, Power::Running, Power::Stopped, Power::Missing]);
    let nodes = proptest::collection::vec((powers, health(), health(), any::<bool>(), any::<bool>()), lab.nodes.len());
    let faults = proptest::sample::subsequence(vec!["cut db1 lb,app1,app2,db2", "one-way app1 db2", "stop db1/galera"], 0..3);
    let flows = proptest::collection::vec(health(), lab.flows.len());
    (nodes, flows, some_names(), faults, any::<bool>(), any::<bool>(), 0_u64..40_000).prop_map(
        move |(nodes, flows, holders, faults, broken, vip_known, since_ms)| {
            let mut observed = Observed { at_ms: 60_000, ..Observed::default() };
            for ((name, drawn), (power, health, of_services, link, present)) in lab.nodes.iter().zip(nodes) {
                if !present {
                    continue;
                }
                let service = ObservedService { health: of_services, ..ObservedService::default() };
                let services = drawn.services.keys().map(|name| (name.clone(), service.clone())).collect();
                let links_up = drawn.adapters.iter().map(|_| link).collect();
                observed.nodes.insert(name.clone(), ObservedNode { power, health, services, links_up, ..ObservedNode::default() });
            }
            for (flow, health) in lab.flows.iter().zip(flows) {
                observed.flows.push(ObservedFlow {
                    id: flow.into(),
                    health,
                    forward: true,
                    backward: true,
                    latency_ms: None,
                    reason: String::new(),
                });
            }
            if vip_known {
                observed.vips.insert("vip".parse().unwrap(), ObservedVip { holders, since_ms, ..ObservedVip::default() });
            }
            if broken {
                let state = crate::model::ClusterState::Partial;
                observed.clusters.insert("db".parse().unwrap(), ObservedCluster { state, ..ObservedCluster::default() });
            }
            let active = |(id, fault): (u64, &str)| ActiveFault {
                id,
                fault: fault.parse().unwrap(),
                since_ms: 1,
                until_ms: None,
                by: crate::model::Author::default(),
            };
            observed.faults = (1..).zip(faults).map(active).collect();
            observed
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    let mode = proptest::sample::select(vec![Mode::Design, Mode::Run, Mode::Run, Mode::Present]);
    let severity = proptest::sample::select(vec![Severity::Error, Severity::Warning, Severity::Advice]);
    let change = proptest::sample::select(vec![Change::Create, Change::Update, Change::Delete]);
    let plan = proptest::option::of((some_subjects(), change));
    let observed = proptest::option::of(observed());
    let progress = (some_names(), 0_usize..4, any::<bool>());
    (mode, (some_subjects(), severity), observed, plan, progress, some_subjects(), some_subjects(), some_names()).prop_map(
        |(mode, (found, severity), observed, plan, (on, done, failed), highlight, at_risk, would)| World {
            mode,
            findings: found
                .into_iter()
                .map(|subject| {
                    let (message, involved, fixes) = (String::new(), Vec::new(), Vec::new());
                    let within = crate::model::Path::root();
                    Arc::new(Finding { rule: "test", severity, message, subject, within, involved, fixes, accepted: None })
                })
                .collect(),
            observed,
            plan: plan.map(|(subjects, change)| Plan {
                steps: subjects
                    .into_iter()
                    .map(|subject| Step {
                        id: StepId(format!("step {subject}")),
                        action: Action::PowerOn { node: "db1".parse().unwrap() },
                        change,
                        subject,
                        reason: String::new(),
                        after: Vec::new(),
                    })
                    .collect(),
                ..Plan::default()
            }),
            progress: on.into_iter().map(|node| (node, Progress { done, of: 4, failed })).collect(),
            highlight,
            at_risk,
            would_move: if would.is_empty() { Vec::new() } else { vec![("vip".parse().unwrap(), would)] },
        },
    )
}

/// The canvas's cache: the shapes of each part, with the stamp that they were drawn at.
#[derive(Default)]
struct Cache(HashMap<(Part, Detail), (u64, Shapes)>);

const DETAILS: [Detail; 4] = [Detail::Whole, Detail::Full, Detail::Name, Detail::Tile];

impl Cache {
    /// Draws again what has another stamp, and compares all of it with what is drawn now.
    fn check(&mut self, lab: &Lab, scene: &Scene) {
        let rails = (0..scene.rail_areas().len()).map(Part::Rails);
        let cells = (0..scene.grid.cells.len()).map(Part::Cell);
        for part in [Part::Ground, Part::Tokens].into_iter().chain(rails).chain(cells) {
            for detail in DETAILS {
                let artist = Artist { lab, catalog: Catalog::embedded(), scene, palette: Appearance::Dark.palette(), detail };
                let (stamp, now) = (scene.stamp(part), artist.part(part, &[]));
                let kept = self.0.entry((part, detail)).or_insert_with(|| (stamp, now.clone()));
                if kept.0 != stamp {
                    *kept = (stamp, now.clone());
                }
                assert_eq!(kept.1, now, "{part:?} at {detail:?} looks different and has the stamp that it had");
            }
        }
    }
}

fn everything(lab: &Lab, scene: &Scene) -> Shapes {
    Artist { lab, catalog: Catalog::embedded(), scene, palette: Appearance::Light.palette(), detail: Detail::Full }.everything()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_overlays_the_drawing_is_the_one_made_from_scratch(worlds in proptest::collection::vec(world(), 1..6)) {
        let lab = lab();
        let mut scene = Scene::new(&lab, Catalog::embedded());
        let mut cache = Cache::default();
        for world in &worlds {
            scene.set_overlay(&lab, &world.overlay());
            cache.check(&lab, &scene);
            let revision = scene.revision;
            scene.set_overlay(&lab, &world.overlay());
            // A ghost may take its place in the second look; nothing else may move.
            prop_assert!(scene.revision == revision, "the same overlay again changes nothing");
            let mut scratch = Scene::new(&lab, Catalog::embedded());
            scratch.set_overlay(&lab, &world.overlay());
            if scene.vips.iter().all(|vip| vip.ghost.is_none()) {
                prop_assert_eq!(everything(&lab, &scene), everything(&lab, &scratch));
            }
        }
    }
}

#[test]
fn a_vip_that_moves_repaints_both_cards() {
    let lab = lab();
    let held = |node: &str| {
        let holders = vec![node.parse().unwrap()];
        Observed {
            at_ms: 90_000,
            vips: [("vip".parse().unwrap(), ObservedVip { holders, since_ms: 1, ..ObservedVip::default() })].into(),
            ..Observed::default()
        }
    };
    let mut scene = Scene::new(&lab, Catalog::embedded());
    let mut cache = Cache::default();
    for holder in ["db1", "db2", "db1"] {
        let observed = held(holder);
        scene.set_overlay(&lab, &Overlay { mode: Mode::Run, observed: Some(&observed), ..Overlay::default() });
        cache.check(&lab, &scene);
        assert!(scene.states.holds(scene.node_number(holder).unwrap(), 0));
    }
}

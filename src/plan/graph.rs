//! From what each stage wants, and what must come before what, to a plan.
//!
//! A stage puts points: "the network is as drawn", "the service is ready". A point has an action where something is to be
//! done for it, and none where it is so already; order holds through both. Demands for an order can contradict each
//! other in a half-drawn lab: then the weaker one yields, and the plan is still a plan.

use super::{Action, Change, Plan, Step, StepId};
use crate::model::{NetworkName, NodeName, ServiceRef, Subject, VipName};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, BinaryHeap},
};

/// A state of affairs that steps lead to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Point {
    /// The network is as drawn.
    Wired(NetworkName),
    /// The machine is off, if it must be for what is to be done with it.
    Down(NodeName),
    /// The old machine is gone.
    Cleared(NodeName),
    /// The machine is as drawn.
    Made(NodeName),
    /// The machine is on.
    On(NodeName),
    /// Its name, addresses and hosts are as drawn.
    Configured(NodeName),
    /// The service is installed.
    Installed(ServiceRef),
    /// The service is as drawn, and runs.
    Ready(ServiceRef),
    /// All services of the node are ready.
    Up(NodeName),
    /// The node takes part in the VIP's election as drawn.
    Takes(VipName, NodeName),
    /// The node takes no part in it.
    Leaves(VipName, NodeName),
    /// The service is gone.
    Removed(ServiceRef),
    /// The machine is gone for good.
    Deleted(NodeName),
    /// The network is gone.
    Unwired(NetworkName),
}

/// Why one point comes before another, the strongest reason first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Demand {
    /// It cannot be otherwise: a machine is made before it is turned on.
    Nature,
    /// Clusters, replicas and VIPs work only so.
    Cluster,
    /// The drawing says so (`after`).
    Drawn,
    /// Along a flow: what is talked to is there first.
    Flow,
}

/// What is to be done for a point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Doing {
    pub(super) action: Action,
    pub(super) change: Change,
    pub(super) subject: Subject,
    pub(super) reason: String,
}

/// A plan in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    points: BTreeMap<Point, usize>,
    doings: Vec<Option<Doing>>,
    edges: Vec<(Point, Point, Demand)>,
}

impl Draft {
    /// Adds a point with what is to be done for it. Earlier points come first where nothing else decides.
    pub(super) fn put(&mut self, point: Point, doing: Option<Doing>) {
        let index = self.doings.len();
        if self.points.insert(point, index).is_none() {
            self.doings.push(doing);
        } else {
            debug_assert!(false, "a point is put once");
        }
    }

    /// Says that one point comes before another. Means nothing where either is never put.
    pub(super) fn order(&mut self, before: Point, after: Point, demand: Demand) {
        self.edges.push((before, after, demand));
    }

    /// The plan: every step after all that it waits for.
    pub(super) fn finish(self) -> Plan {
        let count = self.doings.len();
        let known = |(before, after, demand): &(Point, Point, Demand)| {
            let (before, after) = (*self.points.get(before)?, *self.points.get(after)?);
            (before != after).then_some(Edge { before, after, demand: *demand })
        };
        let edges = acyclic(count, self.edges.iter().filter_map(known).collect());
        let sorted = sorted(count, &edges);
        let mut before: Vec<Vec<usize>> = vec![Vec::new(); count];
        for edge in &edges {
            if let Some(list) = before.get_mut(edge.after) {
                list.push(edge.before);
            }
        }
        // What each point stands for in others' waiting: itself where it does something, else what it waits for.
        let mut stands_for: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); count];
        let mut waits: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        let mut ids: BTreeMap<usize, StepId> = BTreeMap::new();
        let mut plan = Plan::default();
        let mut doings = self.doings;
        for point in sorted {
            let all = before.get(point).into_iter().flatten().filter_map(|one| stands_for.get(*one));
            let mut waiting: BTreeSet<usize> = all.flatten().copied().collect();
            let implied: BTreeSet<usize> = waiting.iter().filter_map(|one| waits.get(one)).flatten().copied().collect();
            waiting.retain(|one| !implied.contains(one));
            let Some(doing) = doings.get_mut(point).and_then(Option::take) else {
                if let Some(own) = stands_for.get_mut(point) {
                    *own = waiting;
                }
                continue;
            };
            let id = step_id(&doing.action);
            let after = waiting.iter().filter_map(|one| ids.get(one).cloned()).collect();
            plan.steps.push(Step {
                id: id.clone(),
                action: doing.action,
                change: doing.change,
                subject: doing.subject,
                reason: doing.reason,
                after,
            });
            ids.insert(point, id);
            waits.insert(point, waiting);
            if let Some(own) = stands_for.get_mut(point) {
                own.insert(point);
            }
        }
        plan
    }
}

/// The name of the step that does an action: unique in a plan, where a verb falls on a thing at most once.
pub fn step_id(action: &Action) -> StepId {
    let verb = action.verb();
    StepId(match action {
        Action::CreateNetwork { network, .. } | Action::ChangeNetwork { network, .. } | Action::DeleteNetwork { network } => {
            format!("{verb}:{network}")
        }
        Action::CreateMachine { node, .. }
        | Action::ChangeMachine { node, .. }
        | Action::DeleteMachine { node }
        | Action::PowerOn { node }
        | Action::PowerOff { node }
        | Action::Configure { node, .. } => format!("{verb}:{node}"),
        Action::TakeSnapshot { node, snapshot }
        | Action::RestoreSnapshot { node, snapshot }
        | Action::DeleteSnapshot { node, snapshot } => format!("{verb}:{node}@{snapshot}"),
        Action::InstallService { node, service, .. }
        | Action::StartService { node, service, .. }
        | Action::ReconfigureService { node, service, .. }
        | Action::RemoveService { node, service } => format!("{verb}:{node}/{service}"),
        Action::SetVip { node, vip, .. } | Action::RemoveVip { node, vip } => format!("{verb}:{vip}@{node}"),
    })
}

#[derive(Debug, Clone, Copy)]
struct Edge {
    before: usize,
    after: usize,
    demand: Demand,
}

/// The edges without those that close a circle: in each circle the weakest demand yields, and of that first what goes
/// against the order in which points were put. Every round drops an edge, so it ends.
fn acyclic(count: usize, mut edges: Vec<Edge>) -> Vec<Edge> {
    loop {
        let part = strong_parts(count, &edges);
        let inside = |edge: &Edge| part.get(edge.before) == part.get(edge.after);
        // By part: the weakest demand within it, and whether any of that goes backward.
        let mut weakest: BTreeMap<usize, (Demand, bool)> = BTreeMap::new();
        for edge in edges.iter().filter(|edge| inside(edge)) {
            let backward = edge.before > edge.after;
            let Some(&key) = part.get(edge.before) else { continue };
            let entry = weakest.entry(key).or_insert((edge.demand, backward));
            *entry = match edge.demand.cmp(&entry.0) {
                std::cmp::Ordering::Greater => (edge.demand, backward),
                std::cmp::Ordering::Equal => (entry.0, entry.1 || backward),
                std::cmp::Ordering::Less => *entry,
            };
        }
        if weakest.is_empty() {
            return edges;
        }
        edges.retain(|edge| {
            let entry = if inside(edge) { part.get(edge.before).and_then(|key| weakest.get(key)) } else { None };
            entry.is_none_or(|(demand, any_backward)| edge.demand != *demand || (*any_backward && edge.before < edge.after))
        });
    }
}

fn successors(count: usize, edges: &[Edge]) -> Vec<Vec<usize>> {
    let mut next = vec![Vec::new(); count];
    for edge in edges {
        if let Some(list) = next.get_mut(edge.before) {
            list.push(edge.after);
        }
    }
    next
}

/// For each point the number of its strongly connected part (Tarjan's algorithm, with a stack of its own: a lab may
/// have more points than a thread has stack).
fn strong_parts(count: usize, edges: &[Edge]) -> Vec<usize> {
    #[derive(Clone, Copy, Default)]
    struct Seen {
        order: usize,
        low: usize,
        on_stack: bool,
    }
    let next = successors(count, edges);
    let mut seen: Vec<Option<Seen>> = vec![None; count];
    let mut part = vec![0; count];
    let (mut stack, mut parts, mut order) = (Vec::new(), 0, 0);
    for root in 0..count {
        if seen.get(root).is_none_or(Option::is_some) {
            continue;
        }
        let mut calls: Vec<(usize, usize)> = vec![(root, 0)];
        while let Some((point, at)) = calls.pop() {
            if at == 0 {
                if let Some(slot) = seen.get_mut(point) {
                    *slot = Some(Seen { order, low: order, on_stack: true });
                }
                order += 1;
                stack.push(point);
            }
            let child = next.get(point).and_then(|list| list.get(at)).copied();
            if let Some(child) = child {
                calls.push((point, at + 1));
                match seen.get(child).copied().flatten() {
                    None => calls.push((child, 0)),
                    Some(other) if other.on_stack => lower(&mut seen, point, other.order, |seen| &mut seen.low),
                    Some(_) => {}
                }
                continue;
            }
            let Some(own) = seen.get(point).copied().flatten() else { continue };
            if let Some((parent, _)) = calls.last() {
                lower(&mut seen, *parent, own.low, |seen| &mut seen.low);
            }
            if own.low == own.order {
                while let Some(member) = stack.pop() {
                    if let Some(Some(slot)) = seen.get_mut(member) {
                        slot.on_stack = false;
                    }
                    if let Some(slot) = part.get_mut(member) {
                        *slot = parts;
                    }
                    if member == point {
                        break;
                    }
                }
                parts += 1;
            }
        }
    }
    return part;

    fn lower(seen: &mut [Option<Seen>], at: usize, to: usize, low: impl Fn(&mut Seen) -> &mut usize) {
        if let Some(Some(slot)) = seen.get_mut(at) {
            let low = low(slot);
            *low = to.min(*low);
        }
    }
}

/// The points, each after its predecessors; of those that may come next, the one that was put first.
fn sorted(count: usize, edges: &[Edge]) -> Vec<usize> {
    let next = successors(count, edges);
    let mut open = vec![0_usize; count];
    for edge in edges {
        if let Some(number) = open.get_mut(edge.after) {
            *number += 1;
        }
    }
    let mut ready: BinaryHeap<Reverse<usize>> =
        open.iter().enumerate().filter(|(_, number)| **number == 0).map(|(point, _)| Reverse(point)).collect();
    let mut sorted = Vec::with_capacity(count);
    while let Some(Reverse(point)) = ready.pop() {
        sorted.push(point);
        for &after in next.get(point).into_iter().flatten() {
            if let Some(number) = open.get_mut(after) {
                *number -= 1;
                if *number == 0 {
                    ready.push(Reverse(after));
                }
            }
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str) -> NodeName {
        name.parse().unwrap()
    }

    fn on(name: &str) -> (Point, Option<Doing>) {
        let doing = Doing {
            action: Action::PowerOn { node: node(name) },
            change: Change::Update,
            subject: Subject::Node(node(name)),
            reason: String::new(),
        };
        (Point::On(node(name)), Some(doing))
    }

    fn check(points: &[(Point, Option<Doing>)], edges: &[(&str, &str, Demand)], expected: &[(&str, &[&str])]) {
        let mut draft = Draft::default();
        for (point, doing) in points {
            draft.put(point.clone(), doing.clone());
        }
        for (before, after, demand) in edges {
            draft.order(Point::On(node(before)), Point::On(node(after)), *demand);
        }
        let plan = draft.finish();
        let found: Vec<(String, Vec<String>)> =
            plan.steps.iter().map(|step| (step.id.to_string(), step.after.iter().map(ToString::to_string).collect())).collect();
        let expected: Vec<(String, Vec<String>)> = expected
            .iter()
            .map(|(id, after)| (format!("power-on:{id}"), after.iter().map(|id| format!("power-on:{id}")).collect()))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn order_holds_through_points_where_nothing_is_done() {
        let idle = (Point::On(node("b")), None);
        let edges = [("a", "b", Demand::Nature), ("b", "c", Demand::Nature), ("a", "c", Demand::Flow)];
        check(&[on("c"), idle, on("a")], &edges, &[("a", &[]), ("c", &["a"])]);
    }

    #[test]
    fn what_is_implied_is_not_repeated() {
        let edges = [("a", "b", Demand::Nature), ("b", "c", Demand::Nature), ("a", "c", Demand::Flow)];
        check(&[on("a"), on("b"), on("c")], &edges, &[("a", &[]), ("b", &["a"]), ("c", &["b"])]);
    }

    #[test]
    fn in_a_circle_the_weakest_demand_yields() {
        let edges = [("b", "a", Demand::Cluster), ("a", "b", Demand::Flow)];
        check(&[on("a"), on("b")], &edges, &[("b", &[]), ("a", &["b"])]);
        let edges = [("b", "a", Demand::Flow), ("a", "b", Demand::Flow)];
        check(&[on("a"), on("b")], &edges, &[("a", &[]), ("b", &["a"])]);
        let edges = [("a", "b", Demand::Flow), ("b", "c", Demand::Drawn), ("c", "a", Demand::Cluster)];
        check(&[on("a"), on("b"), on("c")], &edges, &[("b", &[]), ("c", &["b"]), ("a", &["c"])]);
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let count = 200_000;
        let edges: Vec<Edge> = (1..count).map(|after| Edge { before: after - 1, after, demand: Demand::Nature }).collect();
        let edges = acyclic(count, edges);
        assert_eq!(sorted(count, &edges), (0..count).collect::<Vec<_>>());
    }
}

//! The service graph as numbers: connected parts and layers. Pure, and the same for the same input.

use std::collections::BTreeSet;

/// Flows between numbered cards.
#[derive(Debug, Clone, Default)]
pub struct Flows {
    /// How many cards there are.
    pub count: usize,
    out: Vec<Vec<usize>>,
    into: Vec<Vec<usize>>,
}

/// The connected parts of a graph.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts {
    /// Parts of several cards, the largest first.
    pub joined: Vec<Vec<usize>>,
    /// Cards that no flow joins to another.
    pub alone: Vec<usize>,
}

impl Flows {
    /// Flows between so many cards. A flow from a card to itself joins nothing.
    pub fn new(count: usize, flows: impl IntoIterator<Item = (usize, usize)>) -> Self {
        let mut all = Self { count, out: vec![Vec::new(); count], into: vec![Vec::new(); count] };
        for (from, to) in flows {
            if from == to || from >= count || to >= count {
                continue;
            }
            if let (Some(out), Some(into)) = (all.out.get_mut(from), all.into.get_mut(to)) {
                out.push(to);
                into.push(from);
            }
        }
        all
    }

    fn out(&self, card: usize) -> &[usize] {
        self.out.get(card).map_or(&[], Vec::as_slice)
    }

    fn into(&self, card: usize) -> &[usize] {
        self.into.get(card).map_or(&[], Vec::as_slice)
    }

    /// The connected parts, whichever way flows lead.
    pub fn parts(&self) -> Parts {
        self.parts_among(&(0..self.count).collect())
    }

    fn parts_among(&self, cards: &BTreeSet<usize>) -> Parts {
        let mut parts = Parts::default();
        let mut known = BTreeSet::new();
        for first in cards {
            if !known.insert(*first) {
                continue;
            }
            let (mut part, mut next) = (vec![*first], 0);
            while let Some(card) = part.get(next).copied() {
                next += 1;
                let near = self.out(card).iter().chain(self.into(card));
                part.extend(near.filter(|other| cards.contains(other) && known.insert(**other)));
            }
            part.sort_unstable();
            if part.len() > 1 { parts.joined.push(part) } else { parts.alone.extend(part) }
        }
        parts.joined.sort_by_key(|part| std::cmp::Reverse(part.len()));
        parts
    }

    /// The card that holds a part together, as the outside or a balancer does, and what remains without it; `None`: without any
    /// card, the part remains in one piece but for single cards.
    pub fn hub(&self, part: &[usize]) -> Option<(usize, Parts)> {
        let degree = |card: usize| self.out(card).len() + self.into(card).len();
        // The first of those with the most flows.
        let hub = part.iter().copied().max_by_key(|card| (degree(*card), std::cmp::Reverse(*card)))?;
        let rest = self.parts_among(&part.iter().copied().filter(|card| *card != hub).collect());
        (rest.joined.len() > 1).then_some((hub, rest))
    }

    /// The flows among some cards.
    fn among(&self, part: &[usize]) -> Self {
        let cards: BTreeSet<usize> = part.iter().copied().collect();
        let flows = part.iter().flat_map(|card| self.out(*card).iter().map(|to| (*card, *to)));
        Self::new(self.count, flows.filter(|(_, to)| cards.contains(to)).collect::<Vec<_>>())
    }

    /// A part's cards in layers: each flow leads to a later layer, but for the flows that close a cycle. Each layer is in the order
    /// that crosses few flows.
    pub fn layers(&self, part: &[usize]) -> Vec<Vec<usize>> {
        let inside = self.among(part);
        let forward = Forward::new(&inside, part);
        let mut depth = vec![0_usize; self.count];
        let get = |depth: &[usize], card: usize| depth.get(card).copied().unwrap_or_default();
        for card in &forward.order {
            let deeper = get(&depth, *card) + 1;
            for to in forward.out(*card) {
                if let Some(depth) = depth.get_mut(*to) {
                    *depth = deeper.max(*depth);
                }
            }
        }
        // A sender that nothing leads to stands just above what it leads to.
        let heads = part.iter().filter(|card| !forward.has_senders.contains(card));
        for card in heads {
            let nearest = forward.out(*card).iter().map(|to| get(&depth, *to)).min();
            if let (Some(nearest), Some(depth)) = (nearest, depth.get_mut(*card)) {
                *depth = nearest.saturating_sub(1);
            }
        }
        let last = part.iter().map(|card| get(&depth, *card)).max().unwrap_or_default();
        let mut layers = vec![Vec::new(); last + 1];
        for card in part {
            if let Some(layer) = layers.get_mut(get(&depth, *card)) {
                layer.push(*card);
            }
        }
        layers.retain(|layer| !layer.is_empty());
        inside.uncross(&mut layers);
        layers
    }

    /// Sorts each layer by where its cards' neighbours stand, down and up again a few times.
    fn uncross(&self, layers: &mut [Vec<usize>]) {
        const SWEEPS: usize = 4;
        let mut place = vec![0.0_f32; self.count];
        for layer in layers.iter() {
            record_places(layer, &mut place);
        }
        for _ in 0..SWEEPS {
            for layer in layers.iter_mut() {
                sort_by_neighbours(layer, &mut place, |card| self.into(card));
            }
            for layer in layers.iter_mut().rev() {
                sort_by_neighbours(layer, &mut place, |card| self.out(card));
            }
        }
    }
}

/// Sorts a layer by the mean place of the neighbours of its cards; one without neighbours there keeps its place.
fn sort_by_neighbours<'a>(layer: &mut [usize], place: &mut [f32], neighbours: impl Fn(usize) -> &'a [usize]) {
    let mut keyed: Vec<(f32, usize)> = layer
        .iter()
        .map(|card| {
            let near = neighbours(*card);
            let sum: f32 = near.iter().filter_map(|other| place.get(*other)).sum();
            let own = place.get(*card).copied().unwrap_or_default();
            #[expect(clippy::cast_precision_loss, reason = "a count of flows")]
            let mean = if near.is_empty() { own } else { sum / near.len() as f32 };
            (mean, *card)
        })
        .collect();
    keyed.sort_by(|one, other| one.0.total_cmp(&other.0));
    for (slot, (_, card)) in layer.iter_mut().zip(keyed) {
        *slot = card;
    }
    record_places(layer, place);
}

/// Records how far along its layer each card stands, from 0 to 1.
fn record_places(layer: &[usize], place: &mut [f32]) {
    for (nth, card) in layer.iter().enumerate() {
        if let Some(place) = place.get_mut(*card) {
            #[expect(clippy::cast_precision_loss, reason = "a count of cards")]
            let along = (nth as f32 + 0.5) / layer.len() as f32;
            *place = along;
        }
    }
}

/// The flows of a part without those that close a cycle, and its cards in an order in which each flow leads forward.
struct Forward {
    out: Vec<Vec<usize>>,
    order: Vec<usize>,
    has_senders: BTreeSet<usize>,
}

impl Forward {
    fn new(flows: &Flows, part: &[usize]) -> Self {
        let mut forward = Self { out: vec![Vec::new(); flows.count], order: Vec::new(), has_senders: BTreeSet::new() };
        let (mut known, mut open) = (BTreeSet::new(), BTreeSet::new());
        // Where nothing leads to, the search begins; a cycle that nothing leads into begins at its first card.
        let heads = part.iter().filter(|card| flows.into(**card).is_empty());
        for head in heads.chain(part) {
            if known.insert(*head) {
                open.insert(*head);
                forward.search(flows, *head, &mut known, &mut open);
            }
        }
        forward.order.reverse();
        forward
    }

    /// A search in depth without recursion: a chain of services may be long. `open` holds what is being searched.
    fn search(&mut self, flows: &Flows, head: usize, known: &mut BTreeSet<usize>, open: &mut BTreeSet<usize>) {
        let mut stack = vec![(head, 0)];
        while let Some((card, next)) = stack.last_mut() {
            let card = *card;
            let Some(to) = flows.out(card).get(*next).copied() else {
                open.remove(&card);
                self.order.push(card);
                stack.pop();
                continue;
            };
            *next += 1;
            if open.contains(&to) {
                continue;
            }
            if let Some(out) = self.out.get_mut(card) {
                out.push(to);
            }
            self.has_senders.insert(to);
            if known.insert(to) {
                open.insert(to);
                stack.push((to, 0));
            }
        }
    }

    fn out(&self, card: usize) -> &[usize] {
        self.out.get(card).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers_of(count: usize, flows: &[(usize, usize)]) -> Vec<Vec<usize>> {
        let flows = Flows::new(count, flows.iter().copied());
        flows.layers(&flows.parts().joined[0])
    }

    #[test]
    fn flows_lead_from_layer_to_layer() {
        assert_eq!(layers_of(4, &[(0, 1), (1, 2), (0, 2), (2, 3)]), [[0], [1], [2], [3]]);
        // A sender stands just above what it leads to.
        assert_eq!(layers_of(4, &[(0, 1), (1, 2), (3, 2)]), [vec![0], vec![1, 3], vec![2]]);
    }

    #[test]
    fn cycles_are_broken_where_they_close() {
        assert_eq!(layers_of(3, &[(0, 1), (1, 2), (2, 0)]), [[0], [1], [2]]);
        // The search begins at what nothing leads to, not at the cycle's first card.
        assert_eq!(layers_of(3, &[(0, 1), (1, 0), (2, 1)]), [[2], [1], [0]]);
        let both_ways = layers_of(2, &[(0, 1), (1, 0)]);
        assert_eq!(both_ways, [[0], [1]]);
    }

    #[test]
    fn layers_are_sorted_so_that_flows_cross_little() {
        assert_eq!(layers_of(6, &[(0, 1), (0, 2), (1, 4), (2, 3), (3, 5), (4, 5)]), [vec![0], vec![1, 2], vec![4, 3], vec![5]]);
    }

    #[test]
    fn a_hub_holds_parts_together() {
        // The outside, two balancers with an application each, and one alone.
        let flows = Flows::new(6, [(0, 1), (0, 2), (1, 3), (2, 4), (0, 5)]);
        let (hub, rest) = flows.hub(&[0, 1, 2, 3, 4, 5]).unwrap();
        assert_eq!((hub, rest.joined, rest.alone), (0, vec![vec![1, 3], vec![2, 4]], vec![5]));
        assert_eq!(flows.layers(&[1, 3]), [[1], [3]]);
        assert_eq!(flows.layers(&[3, 4, 5]), [[3, 4, 5]], "cards that no flow joins are one layer");
        assert_eq!(Flows::new(3, [(0, 1), (1, 2)]).hub(&[0, 1, 2]), None);
    }

    #[test]
    fn parts_are_connected_and_the_largest_is_first() {
        let parts = Flows::new(7, [(1, 2), (5, 3), (3, 4), (6, 6)]).parts();
        assert_eq!(parts.joined, [vec![3, 4, 5], vec![1, 2]]);
        assert_eq!(parts.alone, [0, 6]);
        assert_eq!(Flows::new(0, []).parts(), Parts::default());
    }
}

//! What is on one network, sorted: a part of the index.

use crate::model::{Mac, NetworkName, NodeName, VipName};
use std::net::Ipv4Addr;

/// An adapter: its node and slot.
pub(super) type Plug = (NodeName, usize);

/// What is on a network. Each list is sorted, so that it is searched quickly and made with one allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Wire {
    /// Adapters.
    pub(super) adapters: Vec<Plug>,
    /// Adapters by address.
    pub(super) addresses: Vec<(Ipv4Addr, Plug)>,
    /// Adapters by hardware address.
    pub(super) macs: Vec<(Mac, Plug)>,
    /// VIPs by address.
    pub(super) vips: Vec<(Ipv4Addr, VipName)>,
}

impl Wire {
    pub(super) fn is_empty(&self) -> bool {
        self.adapters.is_empty() && self.vips.is_empty()
    }

    pub(super) fn sort(&mut self) {
        self.adapters.sort_unstable();
        self.addresses.sort_unstable();
        self.macs.sort_unstable();
        self.vips.sort_unstable();
    }

    /// Puts an adapter in; the lists are not sorted any more.
    pub(super) fn push(&mut self, plug: &Plug, at: &OnWire) {
        self.adapters.push(plug.clone());
        self.addresses.extend(at.address.map(|address| (address, plug.clone())));
        self.macs.extend(at.mac.map(|mac| (mac, plug.clone())));
    }

    /// Puts an adapter in its place in each list.
    pub(super) fn insert(&mut self, plug: &Plug, at: &OnWire) {
        insert_sorted(&mut self.adapters, plug.clone());
        if let Some(address) = at.address {
            insert_sorted(&mut self.addresses, (address, plug.clone()));
        }
        if let Some(mac) = at.mac {
            insert_sorted(&mut self.macs, (mac, plug.clone()));
        }
    }

    /// Takes an adapter out.
    pub(super) fn remove(&mut self, plug: &Plug, at: &OnWire) {
        remove_sorted(&mut self.adapters, plug);
        if let Some(address) = at.address {
            remove_sorted(&mut self.addresses, &(address, plug.clone()));
        }
        if let Some(mac) = at.mac {
            remove_sorted(&mut self.macs, &(mac, plug.clone()));
        }
    }
}

/// What a sorted list has for a key.
pub(super) fn at_key<'a, K: Ord, T>(list: &'a [(K, T)], key: &K) -> &'a [(K, T)] {
    let from = list.partition_point(|(there, _)| there < key);
    let (_, rest) = list.split_at(from);
    rest.split_at(rest.partition_point(|(there, _)| there == key)).0
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OnWire {
    pub(super) network: NetworkName,
    pub(super) address: Option<Ipv4Addr>,
    pub(super) mac: Option<Mac>,
}

pub(super) fn insert_sorted<T: Ord>(items: &mut Vec<T>, item: T) {
    if let Err(at) = items.binary_search(&item) {
        items.insert(at, item);
    }
}

pub(super) fn remove_sorted<T: Ord>(items: &mut Vec<T>, item: &T) {
    if let Ok(at) = items.binary_search(item) {
        items.remove(at);
    }
}

//! Rows that are found by small typed numbers instead of names.
//!
//! A row is never removed, so an [`Id`] that a table gave out is good for as long as the world lives. Nothing outside
//! `sim` sees one.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::{
    marker::PhantomData,
    ops::{Index, IndexMut},
    sync::OnceLock,
};

/// The number of a row in a table.
pub(super) trait Id: Copy {
    fn new(place: u32) -> Self;
    /// The number of rows before it.
    fn place(self) -> usize;
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub(super) struct $name(u32);
        impl Id for $name {
            fn new(place: u32) -> Self {
                Self(place)
            }
            fn place(self) -> usize {
                self.0 as usize
            }
        }
    )+};
}

ids! {
    /// A machine.
    MachineId,
    /// A network.
    NetworkId,
    /// A service on a machine.
    ServiceId,
    /// A machine's part in the election of a VIP.
    VipId,
    /// A cluster.
    ClusterId,
    /// A request under way.
    RequestId,
}

/// Rows with a name that no other row of their table has, and that they keep.
pub(super) trait Named {
    fn name(&self) -> &str;
}

/// Rows of one sort.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Table<I, T> {
    rows: Vec<T>,
    /// Places by name, built at the first look-up: a large lab looks up names for every step of a deployment.
    #[serde(skip)]
    by_name: OnceLock<FxHashMap<String, u32>>,
    #[serde(skip)]
    of: PhantomData<I>,
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Self {
        Self { rows: Vec::new(), by_name: OnceLock::new(), of: PhantomData }
    }
}

impl<I, T: PartialEq> PartialEq for Table<I, T> {
    fn eq(&self, other: &Self) -> bool {
        self.rows == other.rows
    }
}

impl<I: Id, T: Named> Table<I, T> {
    /// Adds a row whose name no row has.
    pub(super) fn push_named(&mut self, row: T) -> I {
        if let Some(by_name) = self.by_name.get_mut() {
            by_name.insert(row.name().to_owned(), u32::try_from(self.rows.len()).unwrap_or(u32::MAX));
        }
        self.push(row)
    }

    /// The row with this name.
    pub(super) fn named(&self, name: &str) -> Option<I> {
        let places = || self.rows.iter().map(|row| row.name().to_owned()).zip(0..).collect();
        self.by_name.get_or_init(places).get(name).copied().map(I::new)
    }
}

impl<I: Id, T> Table<I, T> {
    pub(super) fn push(&mut self, row: T) -> I {
        // A lab has thousands of things, not thousands of millions; the reader of layouts bounds their number.
        let place = u32::try_from(self.rows.len()).unwrap_or(u32::MAX);
        self.rows.push(row);
        I::new(place)
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = I> + use<I, T> {
        (0..self.rows.len()).map(|place| I::new(u32::try_from(place).unwrap_or(u32::MAX)))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.ids().zip(&self.rows)
    }

    pub(super) fn rows_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.rows.iter_mut()
    }

    pub(super) fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<I> {
        self.iter().find(|(_, row)| wanted(row)).map(|(id, _)| id)
    }
}

impl<I: Id, T> Index<I> for Table<I, T> {
    type Output = T;
    #[expect(clippy::indexing_slicing, reason = "only push makes ids, and no row is ever removed")]
    fn index(&self, id: I) -> &T {
        &self.rows[id.place()]
    }
}

impl<I: Id, T> IndexMut<I> for Table<I, T> {
    #[expect(clippy::indexing_slicing, reason = "only push makes ids, and no row is ever removed")]
    fn index_mut(&mut self, id: I) -> &mut T {
        &mut self.rows[id.place()]
    }
}

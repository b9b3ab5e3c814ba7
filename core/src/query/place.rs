//! Pages whose records are neighbours in an index, so that no other record need be read.

use super::Query;
use crate::record::{Record, RecordId};
use crate::time::Timestamp;
use crate::value::Value;

/// An order of records that an index has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// By id.
    Id,
    /// By the time of the last write, then by id.
    Time {
        /// Whether the latest is first.
        descends: bool,
    },
}

/// Where a page begins in an index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At this id.
    Id(String),
    /// At this time.
    At(Timestamp),
}

impl Start {
    /// Reports whether a reading of the index from here meets the entry of a record.
    pub(crate) fn reaches(&self, at: Timestamp, id: &RecordId, descends: bool) -> bool {
        let order = match self {
            Start::Id(start) => id.as_str().cmp(start),
            Start::At(start) => at.cmp(start),
        };
        order.is_eq() || order.is_lt() == descends
    }
}

/// What an index must be read for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) order: Order,
    /// Whether the page is before its start.
    pub(crate) backward: bool,
    /// `None` for the first page.
    pub(crate) start: Option<Start>,
}

impl Place {
    /// Reports whether the index is read from its greatest value to its smallest.
    pub(crate) fn descends(&self) -> bool {
        self.backward != (self.order == Order::Time { descends: true })
    }

    /// Reports whether records without a time come after the last entry.
    pub(crate) fn ends_without_time(&self) -> bool {
        self.order != Order::Id && !self.backward
    }

    /// Returns the place of the records on the other side of the start.
    pub(crate) fn reversed(self) -> Place {
        Place { backward: !self.backward, ..self }
    }
}

impl Query {
    /// Returns the order in which the records of the page are neighbours. Returns `None` if the page depends on other
    /// records too: on matches, on their number, or on the size of the whole list.
    pub(crate) fn order(&self) -> Option<Order> {
        let is_part = self.limit() < usize::MAX || self.bound.is_some();
        let is_of_all = self.words.is_empty() && self.conditions.is_empty() && !self.is_of_deleted() && !self.counts;
        if !is_part || !is_of_all || !self.names().has_plain_key() {
            return None;
        }
        match &*self.sort {
            [] => Some(Order::Id),
            [sort] if sort.name == self.names().updated_at => Some(Order::Time { descends: sort.descending }),
            _ => None,
        }
    }

    /// Returns what an index must be read for. Returns `None` if the page [has no order](Query::order), or if it begins
    /// among records without a time, which no index has.
    pub(crate) fn place(&self) -> Option<Place> {
        let order = self.order()?;
        let Some(bound) = self.bound() else { return Some(Place { order, backward: false, start: None }) };
        let start = match order {
            Order::Id => Start::Id(bound.rank.id().to_owned()),
            Order::Time { .. } => Start::At(Timestamp(bound.rank.first_number()?)),
        };
        Some(Place { order, backward: bound.backward, start: Some(start) })
    }

    /// Returns the time by which a list orders a record.
    pub(crate) fn time(&self, record: &Record) -> Option<Timestamp> {
        match &*record.member(&self.names().updated_at, self.names())? {
            Value::Number(at) => at.as_u64().map(Timestamp),
            _ => None,
        }
    }
}

//! Presence: who has which record open. It is never stored. A record's readers are told at most once a second.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::PRESENCE;
use super::frame::{State, Who};
use super::socket::Socket;
use crate::time::Timestamp;

/// The records whose readers are to be told of each other, or were told lately, by id. A host that keeps its sockets as
/// text keeps this too.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Rooms(BTreeMap<String, Room>);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Room {
    /// When its readers were told of each other, in milliseconds.
    told: u64,
    changed: bool,
    /// Whether a reader has left since then.
    left: bool,
}

impl Rooms {
    /// Notes that a socket has opened a record, or what it does there.
    pub(super) fn enter(&mut self, id: &str) {
        self.0.entry(id.to_owned()).or_default().changed = true;
    }

    /// Notes that a socket has left a record.
    pub(super) fn leave(&mut self, id: &str) {
        let room = self.0.entry(id.to_owned()).or_default();
        (room.changed, room.left) = (true, true);
    }

    /// Returns the records whose readers are to be told now. `readers` counts those of a record.
    pub(super) fn due(&mut self, now: Timestamp, readers: impl Fn(&str) -> usize) -> Vec<String> {
        let mut due = Vec::new();
        self.0.retain(|id, room| {
            if now < room.next() {
                return true;
            }
            // A person who is alone from the beginning is told nothing.
            let is_told = room.changed && (room.left || readers(id) > 1);
            if is_told {
                due.push(id.clone());
                *room = Room { told: now.0, changed: false, left: false };
            }
            is_told
        });
        due
    }

    /// Reports whether the readers of a record are to be told of each other, now or later.
    pub(super) fn has_changed(&self, id: &str) -> bool {
        self.0.get(id).is_some_and(|room| room.changed)
    }

    /// Returns when the next readers are to be told. Returns `None` if nothing has changed.
    pub(super) fn next(&self) -> Option<Timestamp> {
        self.0.values().filter(|room| room.changed).map(Room::next).min()
    }
}

impl Room {
    fn next(&self) -> Timestamp {
        Timestamp(self.told).after(PRESENCE)
    }
}

/// Returns the other people who have a socket's record open, editors first. People without a name are left out. Two
/// sockets of one person count once.
pub(super) fn others<'a>(socket: u64, members: &[(u64, &'a Socket)]) -> Vec<Who<'a>> {
    let person = |socket: &'a Socket| socket.person.as_ref().map(|(name, id)| (name.as_str(), id.as_str()));
    let own = members.iter().find(|(member, _)| *member == socket).and_then(|(_, socket)| person(socket));
    let is_self = |other: (&str, &str)| own.is_some_and(|own| own.1 == other.1 && !own.1.is_empty());
    let mut people: BTreeMap<(&str, &str), (State, &str)> = BTreeMap::new();
    for (member, other) in members {
        let (Some(names), Some(place)) = (person(other), &other.place) else { continue };
        if *member == socket || is_self(names) {
            continue;
        }
        let there = (place.state, place.field.as_str());
        let known = people.entry(names).or_insert(there);
        *known = there.min(*known);
    }
    let mut who: Vec<Who<'a>> =
        people.into_iter().map(|((name, id), (state, field))| (name, id, state, field)).collect();
    who.sort_by_key(|(_, _, state, _)| *state);
    who
}

//! Presence: who has which record open. It is never stored. A record's readers are told at most once a second.

use std::collections::{BTreeMap, BTreeSet};

use super::PRESENCE;
use super::frame::{State, Who};
use super::socket::Socket;
use crate::time::Timestamp;

/// The records that are open, by id.
#[derive(Debug, Default)]
pub(super) struct Rooms(BTreeMap<String, Room>);

#[derive(Debug, Default)]
struct Room {
    members: BTreeSet<u64>,
    /// When the members were told of each other.
    told: Timestamp,
    changed: bool,
}

impl Rooms {
    /// Notes that a socket has opened a record, or what it does there.
    pub(super) fn enter(&mut self, id: &str, socket: u64) {
        let room = self.0.entry(id.to_owned()).or_default();
        room.members.insert(socket);
        // A person who is alone from the beginning is told nothing.
        room.changed |= room.members.len() > 1;
    }

    /// Notes that a socket has left a record.
    pub(super) fn leave(&mut self, id: &str, socket: u64) {
        let Some(room) = self.0.get_mut(id) else { return };
        if room.members.remove(&socket) {
            room.changed = true;
        }
        if room.members.is_empty() {
            self.0.remove(id);
        }
    }

    /// Returns the records whose members are to be told now, and the members.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(String, Vec<u64>)> {
        let mut due = Vec::new();
        for (id, room) in &mut self.0 {
            if room.changed && now >= room.told.after(PRESENCE) {
                (room.told, room.changed) = (now, false);
                due.push((id.clone(), room.members.iter().copied().collect()));
            }
        }
        due
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

//! The channel of one resource: its log, its sockets, and who has what open.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::frame::{self, Received};
use super::log::{Appended, Change, History, Log};
use super::presence::{Rooms, others};
use super::resume;
use super::socket::Socket;
use super::{Close, FRAME};
use crate::record::Person;
use crate::service::changes::Cursor;
use crate::time::Timestamp;

/// The channel of one resource.
#[derive(Debug)]
pub struct Channel<H = Log> {
    resource: String,
    epoch: String,
    /// The partitions of the index of changes, which a cursor counts.
    shards: u16,
    log: H,
    /// Every change that was made before this time is in the log.
    confirmed: Timestamp,
    sockets: BTreeMap<u64, Socket>,
    rooms: Rooms,
}

/// What a new socket brings.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// The id of its key.
    pub key_id: &'a str,
    /// The person in front of it.
    pub person: Option<&'a Person>,
    /// Where it goes on. Without it, it is told what comes.
    pub since: Option<&'a str>,
}

/// What the host has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send a text to a socket.
    Send(u64, Arc<str>),
    /// Close a socket. The channel has forgotten it.
    Close(u64, Close),
}

impl Channel {
    /// Returns the channel of a resource. It begins now, and its epoch is new, of characters of base64url.
    #[must_use]
    pub fn new(resource: &str, epoch: &str, shards: u16, now: Timestamp) -> Channel {
        Channel::over(Log::new(now), resource, epoch, shards, now)
    }

    /// Tells of a change. A version that is not newer than what was told of its record is ignored.
    pub fn append(&mut self, change: Change, now: Timestamp) -> Vec<Output> {
        match self.log.append(change, now) {
            Appended::Told => self.tell(now),
            Appended::Known => Vec::new(),
            // No frame can hold it. So all clients connect again, and read it from `_changes`.
            Appended::Unwritable => self.close_all(Close::Restart),
        }
    }

    /// Does what is due: to be called each second while there are sockets.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Output> {
        self.log.trim(now);
        self.look_after(now)
    }
}

impl<H: History> Channel<H> {
    /// Returns the channel of a resource over a log. Every change that was made before `confirmed` is in the log.
    #[must_use]
    pub fn over(log: H, resource: &str, epoch: &str, shards: u16, confirmed: Timestamp) -> Channel<H> {
        let (resource, epoch) = (resource.to_owned(), epoch.to_owned());
        Channel { resource, epoch, shards, log, confirmed, sockets: BTreeMap::new(), rooms: Rooms::default() }
    }

    /// Puts back what is known of the presence on records.
    #[must_use]
    pub fn with_rooms(self, rooms: Rooms) -> Channel<H> {
        Channel { rooms, ..self }
    }

    /// Returns what is known of the presence on records, for a host that is to be suspended.
    #[must_use]
    pub fn rooms(&self) -> &Rooms {
        &self.rooms
    }

    /// Returns the log.
    #[must_use]
    pub fn log(&self) -> &H {
        &self.log
    }

    /// Opens a socket under a number that no other has.
    pub fn open(&mut self, number: u64, opening: Opening<'_>, now: Timestamp) -> Vec<Output> {
        let Opening { key_id, person, since } = opening;
        let confirmed = Cursor::at_end(self.confirmed, self.shards).to_token(&self.resource);
        let last = self.log.last();
        let start = since.map_or(Ok(last), |since| resume::start(since, &self.resource, &self.epoch, &self.log));
        let (seq, resync) = start.map_or_else(|why| (last, Some(why)), |seq| (seq, None));
        // While events are still to come, only the reader's own cursor goes with the events that it has stored.
        let own = since.filter(|_| seq < last).map(|since| since.rsplit_once('~').map_or(since, |(cursor, _)| cursor));
        let hello = frame::hello(&self.epoch, seq, own.unwrap_or(&confirmed), resync);
        self.sockets.insert(number, Socket::new(key_id, person, seq, now));
        let mut outputs = vec![Output::Send(number, hello.into())];
        self.go_on(number, now, &mut outputs);
        outputs
    }

    /// Returns a socket, for a host that is to be suspended.
    #[must_use]
    pub fn socket(&self, number: u64) -> Option<&Socket> {
        self.sockets.get(&number)
    }

    /// Puts a socket back that was kept as text.
    pub fn restore(&mut self, number: u64, socket: Socket) {
        self.sockets.insert(number, socket);
    }

    /// Returns the numbers of the sockets of a key.
    pub fn sockets_of<'a>(&'a self, key_id: &'a str) -> impl Iterator<Item = u64> + 'a {
        self.sockets.iter().filter(move |(_, socket)| socket.key_id == key_id).map(|(number, _)| *number)
    }

    /// Returns the number of sockets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sockets.len()
    }

    /// Reports whether there are no sockets.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Notes that a socket is closed.
    pub fn closed(&mut self, number: u64) {
        let socket = self.sockets.remove(&number);
        if let Some(place) = socket.and_then(|socket| socket.place) {
            self.rooms.leave(&place.id);
        }
    }

    /// Closes sockets.
    pub fn close(&mut self, numbers: &[u64], close: Close) -> Vec<Output> {
        let mut outputs = Vec::new();
        for number in numbers {
            self.end(*number, close, &mut outputs);
        }
        outputs
    }

    /// Closes all sockets.
    pub fn close_all(&mut self, close: Close) -> Vec<Output> {
        let numbers: Vec<u64> = self.sockets.keys().copied().collect();
        self.close(&numbers, close)
    }

    /// Tells each socket the events that follow.
    pub fn tell(&mut self, now: Timestamp) -> Vec<Output> {
        let mut outputs = Vec::new();
        let numbers: Vec<u64> = self.sockets.keys().copied().collect();
        for number in numbers {
            self.go_on(number, now, &mut outputs);
        }
        outputs
    }

    /// Notes that every change that was made before a time is in the log.
    pub fn confirm(&mut self, until: Timestamp) {
        self.confirmed = self.confirmed.max(until);
    }

    /// Takes a text that a client has sent.
    pub fn receive(&mut self, number: u64, text: &str, now: Timestamp) -> Vec<Output> {
        let mut outputs = self.take_text(number, text, now);
        self.tell_presence(now, &mut outputs);
        outputs
    }

    /// Takes a text that a client has sent, and tells no other socket of its presence yet. No other socket needs to be
    /// there.
    pub fn take_text(&mut self, number: u64, text: &str, now: Timestamp) -> Vec<Output> {
        let mut outputs = Vec::new();
        if text == "ping" {
            if self.sockets.contains_key(&number) {
                outputs.push(Output::Send(number, "pong".into()));
            }
        } else if let Err(close) = self.take(number, text, now) {
            outputs.push(Output::Send(number, frame::fault(close.reason(), close.detail()).into()));
            self.end(number, close, &mut outputs);
        } else {
            self.go_on(number, now, &mut outputs);
        }
        outputs
    }

    /// Closes the sockets that are too slow, and tells sockets of each other's presence.
    pub fn look_after(&mut self, now: Timestamp) -> Vec<Output> {
        let mut outputs = self.close_slow(now);
        self.tell_presence(now, &mut outputs);
        outputs
    }

    /// Closes the sockets that are too slow. No other socket needs to be there.
    pub fn close_slow(&mut self, now: Timestamp) -> Vec<Output> {
        let is_slow = |socket: &Socket| socket.slow_at().is_some_and(|at| now >= at);
        let slow: Vec<u64> =
            self.sockets.iter().filter(|(_, socket)| is_slow(socket)).map(|(number, _)| *number).collect();
        self.close(&slow, Close::Slow)
    }

    /// Returns the numbers of the sockets that have a record open whose readers have changed.
    pub fn readers(&self) -> impl Iterator<Item = u64> {
        let of_changed = |socket: &Socket| socket.place.as_ref().is_some_and(|place| self.rooms.has_changed(&place.id));
        self.sockets.iter().filter(move |(_, socket)| of_changed(socket)).map(|(number, _)| *number)
    }

    /// Returns when sockets are to be told of each other's presence.
    #[must_use]
    pub fn presence_at(&self) -> Option<Timestamp> {
        self.rooms.next()
    }

    /// Returns when a socket is to be closed unless it acknowledges something.
    #[must_use]
    pub fn slow_at(&self) -> Option<Timestamp> {
        self.sockets.values().filter_map(Socket::slow_at).min()
    }

    /// Reports whether a client that has read up to a cursor may lack something.
    #[must_use]
    pub fn has_news_since(&self, cursor: &Cursor) -> bool {
        cursor.known_until().is_none_or(|until| !self.log.is_quiet_since(until))
    }

    fn take(&mut self, number: u64, text: &str, now: Timestamp) -> Result<(), Close> {
        let Some(socket) = self.sockets.get_mut(&number) else { return Ok(()) };
        if text.len() > FRAME {
            return Err(Close::FrameTooLarge);
        }
        let Received { ack, presence } = frame::read(text).ok_or(Close::BadFrame)?;
        let acknowledged = ack.map_or(Ok(0), |seq| socket.acknowledge(seq))?;
        socket.count(acknowledged, now)?;
        if let Some(place) = presence
            && place != socket.place
        {
            let left = std::mem::replace(&mut socket.place, place);
            let entered = socket.place.as_ref().map(|place| place.id.clone());
            if let Some(left) = left.map(|place| place.id).filter(|left| Some(left) != entered.as_ref()) {
                self.rooms.leave(&left);
            }
            if let Some(entered) = entered {
                self.rooms.enter(&entered);
            }
        }
        Ok(())
    }

    /// Tells a socket the events that follow, and where it is.
    fn go_on(&mut self, number: u64, now: Timestamp, outputs: &mut Vec<Output>) {
        let Some(socket) = self.sockets.get_mut(&number) else { return };
        match socket.due(&self.log, now) {
            Ok(due) => {
                let told = !due.is_empty();
                outputs.extend(due.into_iter().map(|frame| Output::Send(number, frame)));
                if told && let Some(seq) = socket.mark(&self.log, now) {
                    let cursor = Cursor::at_end(self.confirmed, self.shards).to_token(&self.resource);
                    outputs.push(Output::Send(number, frame::mark(&cursor, seq).into()));
                }
            }
            Err(close) => self.end(number, close, outputs),
        }
    }

    fn tell_presence(&mut self, now: Timestamp, outputs: &mut Vec<Output>) {
        if self.rooms.next().is_none_or(|at| now < at) {
            return;
        }
        let mut readers: BTreeMap<&str, Vec<(u64, &Socket)>> = BTreeMap::new();
        for (number, socket) in &self.sockets {
            if let Some(place) = &socket.place {
                readers.entry(&place.id).or_default().push((*number, socket));
            }
        }
        for id in self.rooms.due(now, |id| readers.get(id).map_or(0, Vec::len)) {
            let members = readers.get(&*id).map_or(&[][..], |members| members);
            // A socket that acknowledges nothing is told nothing.
            for (number, _) in members.iter().filter(|(_, socket)| !socket.is_waiting()) {
                let frame = frame::presence(&id, &others(*number, members));
                outputs.push(Output::Send(*number, frame.into()));
            }
        }
    }

    fn end(&mut self, number: u64, close: Close, outputs: &mut Vec<Output>) {
        if self.sockets.contains_key(&number) {
            self.closed(number);
            outputs.push(Output::Close(number, close));
        }
    }
}

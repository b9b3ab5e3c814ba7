//! The live channel of a stored copy. The host may be suspended between any two events, and keeps of each socket a text
//! that it does not read. So each event rebuilds the [channel](crate::live::Channel) of the sockets that it concerns,
//! over the log in SQL.
//!
//! > A socket's text says how far the socket was told. So what an event could not send any more, the next one sends.

use std::time::Duration;

use serde::Serialize;

use super::super::Clock;
use super::super::sql::Nearby;
use super::Table;
use super::gate::{self, Closing};
use super::log::StoredLog;
use super::schema::Meta;
use crate::auth::KeyHash;
use crate::feed::key::KeyChange;
use crate::live::{Channel, Close, Opening, Output, Reader, Rooms, Socket};
use crate::service::changes::Cursor;
use crate::store::{Capacity, Keys as _, Source, StoreError};
use crate::time::Timestamp;

/// The number of sockets that a Durable Object can have.
/// <https://developers.cloudflare.com/durable-objects/platform/limits/>
const SOCKETS: usize = 32_768;
/// How often the host refreshes the copy, and looks up the keys of its sockets, while sockets are open. A feed that is
/// silent looks like one that has failed, so the host does this with a feed too.
const LOOK: Duration = Duration::from_secs(10);

/// What the host does with its sockets, in this order. The first number of each entry is the place of the socket among
/// those that the host handed in.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// The texts to send.
    pub send: Vec<(u64, String)>,
    /// The sockets to close: the code and the reason.
    pub close: Vec<(u64, u16, &'static str)>,
    /// What to keep of sockets.
    pub keep: Vec<(u64, String)>,
    /// What to keep of the presence on records. It may be lost with the memory of the host.
    pub rooms: String,
    /// When to call [`Table::look_after_sockets`] with the [readers](Table::readers), in milliseconds since 1970.
    pub presence: Option<u64>,
}

/// The sockets that an event concerns: what the host has kept of them.
#[derive(Clone, Copy, Debug)]
pub struct Sockets<'a> {
    /// The text of each socket.
    pub kept: &'a [String],
    /// The text of the presence on records. It may be empty.
    pub rooms: &'a str,
}

impl Outcome {
    /// Returns the outcome for a socket that is closed before it was told anything.
    #[must_use]
    pub fn refused(close: Close) -> Outcome {
        Outcome { close: vec![(0, close.code(), close.reason())], ..Outcome::default() }
    }
}

/// Returns when the host's alarm is to run. `live`: sockets are open.
///
/// # Errors
/// If the database refuses.
pub fn alarm(sql: &impl Nearby, live: bool, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
    let wish = Meta::read(sql)?.and_then(|meta| meta.wish.map(Timestamp));
    let look = live.then(|| now.after(LOOK));
    Ok(wish.into_iter().chain(look).min())
}

/// Returns the position of the log, if there is a copy. It differs after a commit with changes.
///
/// # Errors
/// If the database refuses.
pub fn position(sql: &impl Nearby) -> Result<Option<String>, StoreError> {
    Ok(Meta::read(sql)?.map(|meta| format!("{}.{}", meta.epoch, meta.seq)))
}

impl<Q: Nearby, S: Source, C: Clock> Table<Q, S, C> {
    /// Notes the key of a client that asks for a ticket or a socket.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn meet_key(&self, key_id: &str, hash: &KeyHash) -> Result<(), StoreError> {
        gate::meet(&self.sql, key_id, hash)
    }

    /// Opens a socket, which is the first of the outcome. `open` is the number of sockets before. The host accepts it,
    /// and carries out the outcome, before anything else happens.
    ///
    /// # Errors
    /// If the database refuses. Then a ticket is not used.
    pub fn open_socket(&self, reader: &Reader, since: Option<&str>, open: usize) -> Result<Outcome, StoreError> {
        if open >= SOCKETS {
            return Ok(Outcome::refused(Close::Full));
        }
        self.sql.transaction(|| {
            if let Err(close) = gate::admit(&self.sql, reader)? {
                return Ok(Outcome::refused(close));
            }
            let opening = Opening { key_id: &reader.key_id, person: reader.person.as_ref(), since };
            self.with(Sockets { kept: &[], rooms: "" }, |channel, now| channel.open(0, opening, now))
        })
    }

    /// Takes a text from the one socket that is handed in.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn receive(&self, socket: Sockets<'_>, text: &str) -> Result<Outcome, StoreError> {
        self.with(socket, |channel, now| channel.take_text(0, text, now))
    }

    /// Notes that the one socket that is handed in is closed.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn socket_closed(&self, socket: Sockets<'_>) -> Result<Outcome, StoreError> {
        self.with(socket, |channel, _| {
            channel.closed(0);
            Vec::new()
        })
    }

    /// Tells some sockets what was committed. Sockets do not depend on each other here, so a host with many calls this for
    /// a part of them at a time.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn tell(&self, some: Sockets<'_>) -> Result<Outcome, StoreError> {
        self.with(some, |channel, now| channel.tell(now))
    }

    /// Closes those of some sockets that are too slow.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn close_slow_sockets(&self, some: Sockets<'_>) -> Result<Outcome, StoreError> {
        self.with(some, |channel, now| channel.close_slow(now))
    }

    /// Returns the places, among some sockets, of the readers of records whose readers have changed.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn readers(&self, some: Sockets<'_>) -> Result<Vec<u32>, StoreError> {
        let (channel, _) = self.restored(&Meta::of(&self.sql)?, some)?;
        Ok(channel.readers().map(|number| number as u32).collect())
    }

    /// Closes the sockets that are too slow, and tells sockets of each other's presence. A reader of a record is told
    /// of all other readers, so the host must pass all its [readers](Table::readers).
    ///
    /// # Errors
    /// If the database refuses.
    pub fn look_after_sockets(&self, readers: Sockets<'_>) -> Result<Outcome, StoreError> {
        self.with(readers, |channel, now| channel.look_after(now))
    }

    /// Reports whether a client that has read up to a cursor may lack something.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn has_news_since(&self, cursor: &Cursor) -> Result<bool, StoreError> {
        let meta = Meta::of(&self.sql)?;
        let channel = self.channel(&meta)?;
        let has_news = channel.has_news_since(cursor);
        channel.log().check()?;
        Ok(has_news)
    }

    /// Applies what the feed tells of keys. Returns the sockets to close.
    ///
    /// # Errors
    /// If the database refuses.
    pub fn hear_of_keys(&self, changes: &[KeyChange]) -> Result<Vec<Closing>, StoreError> {
        self.sql.transaction(|| {
            let mut meta = Meta::of(&self.sql)?;
            meta.keys += 1;
            meta.write(&self.sql)?;
            let mut closings = Vec::new();
            for change in changes {
                closings.extend(gate::hear(&self.sql, change, self.clock.now())?);
            }
            Ok(closings)
        })
    }

    /// Looks up the keys of open sockets. Returns the sockets to close. While DynamoDB does not answer, sockets stay.
    ///
    /// # Errors
    /// If the database refuses.
    pub async fn look_up_keys(&self, ids: &[String], cost: &mut Capacity) -> Result<Vec<Closing>, StoreError> {
        gate::sweep(&self.sql, self.clock.now())?;
        let mut closings = Vec::new();
        for id in ids {
            let Some(hash) = gate::hash_of(&self.sql, id)? else { continue };
            if let Ok(record) = self.store.key(&hash, cost).await {
                let record = record.filter(|record| record.is_of(&hash));
                let now = self.clock.now();
                closings.extend(gate::compare(&self.sql, id, record.as_ref(), self.resource(), now)?);
            }
        }
        Ok(closings)
    }

    fn channel(&self, meta: &Meta) -> Result<Channel<StoredLog<'_, Q>>, StoreError> {
        let log = StoredLog::of(&self.sql, meta)?;
        let confirmed = Timestamp(meta.confirmed.unwrap_or_default());
        Ok(Channel::over(log, &meta.resource, &meta.epoch, self.store.shards(), confirmed))
    }

    /// Returns the channel of some sockets, and the places of those that are of an earlier copy.
    fn restored(&self, meta: &Meta, sockets: Sockets<'_>) -> Result<(Channel<StoredLog<'_, Q>>, Vec<u64>), StoreError> {
        let mut channel = self.channel(meta)?.with_rooms(serde_json::from_str(sockets.rooms).unwrap_or_default());
        let mut earlier = Vec::new();
        for (number, kept) in (0..).zip(sockets.kept) {
            match serde_json::from_str::<(String, Socket)>(kept) {
                Ok((epoch, socket)) if epoch == meta.epoch => channel.restore(number, socket),
                // The copy began anew, with another log.
                _ => earlier.push(number),
            }
        }
        Ok((channel, earlier))
    }

    /// Runs an event over the channel of some sockets.
    fn with(
        &self,
        sockets: Sockets<'_>,
        event: impl FnOnce(&mut Channel<StoredLog<'_, Q>>, Timestamp) -> Vec<Output>,
    ) -> Result<Outcome, StoreError> {
        let (meta, now) = (Meta::of(&self.sql)?, self.clock.now());
        let (mut channel, earlier) = self.restored(&meta, sockets)?;
        let restart = |number| (number, Close::Restart.code(), Close::Restart.reason());
        let mut outcome = Outcome { close: earlier.into_iter().map(restart).collect(), ..Outcome::default() };
        for output in event(&mut channel, now) {
            match output {
                Output::Send(number, text) => outcome.send.push((number, text.as_ref().to_owned())),
                Output::Close(number, close) => outcome.close.push((number, close.code(), close.reason())),
            }
        }
        channel.log().check()?;
        for number in 0..sockets.kept.len().max(1) as u64 {
            let Some(socket) = channel.socket(number) else { continue };
            let text = serde_json::to_string(&(&meta.epoch, socket)).expect("strings and numbers serialise");
            if sockets.kept.get(number as usize) != Some(&text) {
                outcome.keep.push((number, text));
            }
        }
        outcome.rooms = serde_json::to_string::<Rooms>(channel.rooms()).expect("strings and numbers serialise");
        outcome.presence = channel.presence_at().map(|at| at.0);
        Ok(outcome)
    }
}

//! API keys. They are created, lose rights and get them back, and are revoked. The feed tells of it late, twice, in another
//! order, or never, and a read of a key may lag. Their clients open sockets with tickets, some of which were used before.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::Timestamp;
use ripple_core::auth::{KeyHash, KeyRecord, Scope, Scopes};
use ripple_core::feed::key::{KeyChange, Rights};
use ripple_core::live::{Reader, TICKET_LIFE, Ticket};
use ripple_core::replica::sql::{Nearby as _, Row, Value};
use ripple_core::replica::stored::Closing;

use super::world::{Fault, World};

/// How long the owner of the keys does nothing at most, and how long a client.
const OWNER: Duration = Duration::from_secs(20);
const CLIENT: Duration = Duration::from_secs(6);
/// How long a message of the feed is under way at most.
const UNDER_WAY: Duration = Duration::from_secs(8);
/// How long an edge knows a key without looking it up.
const REMEMBERED: u64 = 5_000;

/// The table of keys with its past.
#[derive(Default)]
pub(super) struct Keys {
    past: RefCell<Vec<Vec<(Timestamp, KeyRecord)>>>,
    /// The keys that the object has known as dead.
    dead: RefCell<BTreeSet<String>>,
    /// The nonces of the tickets that have opened a socket.
    used: RefCell<BTreeSet<String>>,
}

fn hash(number: usize) -> KeyHash {
    KeyHash::from_hex(&format!("{number:064x}")).expect("64 digits")
}

fn may_read(record: &KeyRecord) -> bool {
    record.revoked.is_none() && record.scopes.allow(Scope::Read, "prj")
}

impl Keys {
    /// Returns the record of a key as it was.
    fn as_of(&self, number: usize, time: Timestamp) -> Option<KeyRecord> {
        let past = self.past.borrow();
        past[number].iter().rev().find(|(since, _)| *since <= time).map(|(_, record)| record.clone())
    }

    /// Returns the record of the key with a hash as it was.
    pub(super) fn found(&self, wanted: &KeyHash, time: Timestamp) -> Option<KeyRecord> {
        let number = (0..self.past.borrow().len()).find(|number| hash(*number) == *wanted)?;
        self.as_of(number, time)
    }

    fn note(&self, number: usize, now: Timestamp, record: KeyRecord) {
        let mut past = self.past.borrow_mut();
        if number == past.len() {
            past.push(Vec::new());
        }
        past[number].push((now, record));
    }

    fn is_revoked(&self, id: &str) -> bool {
        let past = self.past.borrow();
        let last = past.iter().filter_map(|key| key.last()).find(|(_, record)| record.key_id == id);
        last.is_none_or(|(_, record)| record.revoked.is_some())
    }
}

impl World {
    /// Creates, changes and revokes keys. The feed may tell of each change.
    pub(super) async fn owner(self: Rc<Self>) {
        while !self.is_over() {
            let count = self.keys.past.borrow().len();
            let number = self.scheduler.below(count + 1).min(count);
            let now = self.now();
            let before = if number < count { self.keys.as_of(number, now) } else { None };
            let record = match before {
                None => KeyRecord {
                    key_hash: hash(number).to_hex(),
                    key_id: format!("key {number}"),
                    name: "Ann".to_owned(),
                    scopes: vec![Scope::Read].into(),
                    created: now.0,
                    expires: None,
                    revoked: None,
                    lineage: None,
                    author: None,
                    last_used: None,
                },
                Some(record) if record.revoked.is_some() => {
                    self.wait(OWNER).await;
                    continue;
                }
                Some(record) if self.scheduler.below(2) == 0 => KeyRecord { revoked: Some(now.0), ..record },
                Some(record) if may_read(&record) => KeyRecord { scopes: Scopes::default(), ..record },
                Some(record) => KeyRecord { scopes: vec![Scope::Read].into(), ..record },
            };
            let rights = match () {
                () if record.revoked.is_some() => Rights::Revoked,
                () if number < count && !may_read(&record) => Rights::Reduced,
                () => Rights::Kept,
            };
            self.tell(format_args!("{} is {rights:?}", record.key_id));
            let change = KeyChange { key_hash: record.key_hash.clone(), key_id: Some(record.key_id.clone()), rights };
            self.keys.note(number, now, record);
            for _ in 0..self.scheduler.below(3) {
                self.tell_of_key(change.clone());
            }
            self.wait(OWNER).await;
        }
    }

    fn tell_of_key(self: &Rc<Self>, change: KeyChange) {
        let world = Rc::clone(self);
        self.scheduler.under_way(async move {
            world.wait(UNDER_WAY).await;
            let heard = world.request(async {
                let table = world.open().ok()?;
                let closings = table.hear_of_keys(std::slice::from_ref(&change)).ok()?;
                // Nothing is awaited before the sockets are closed.
                world.close(&closings);
                world.check_keys();
                Some(())
            });
            heard.await;
        });
    }

    /// Gets tickets from an edge, and opens sockets with them.
    pub(super) async fn client(self: Rc<Self>) {
        let mut tickets: Vec<Ticket> = Vec::new();
        while !self.is_over() {
            self.wait(CLIENT).await;
            let count = self.keys.past.borrow().len();
            if count == 0 {
                continue;
            }
            if let Some(ticket) = self.ticket(self.scheduler.below(count)).await {
                tickets.push(ticket);
            }
            if tickets.is_empty() {
                continue;
            }
            let ticket = tickets[self.scheduler.below(tickets.len())].clone();
            if self.now().0 >= ticket.expires * 1000 {
                continue;
            }
            let reader = Reader { key_id: ticket.key_id.clone(), person: None, ticket: Some(ticket.clone()) };
            let Some(line) = self.connect_as(&reader, None).await else { continue };
            if !self.keys.used.borrow_mut().insert(ticket.nonce.clone()) {
                self.breaks("I8", format!("a ticket of {} opens two sockets", ticket.key_id));
            }
            if self.scheduler.below(3) == 0 {
                line.is_open.set(false);
            }
        }
    }

    /// Returns a ticket of an edge that may remember the key.
    async fn ticket(self: &Rc<Self>, number: usize) -> Option<Ticket> {
        let remembered = self.scheduler.below(2) as u64 * REMEMBERED;
        let record = self.keys.as_of(number, Timestamp(self.now().0 - remembered)).filter(may_read)?;
        let issued = self.request(async {
            let table = self.open().ok()?;
            table.meet_key(&record.key_id, &hash(number)).ok()?;
            let mut nonce = [0; 16];
            nonce[..8].copy_from_slice(&self.scheduler.number().to_be_bytes());
            Some(Ticket::issue("prj", &record.key_id, None, self.now(), nonce))
        });
        issued.await.flatten()
    }

    /// Looks up the keys of open sockets, as the alarm does.
    pub(super) async fn look_up_keys(self: &Rc<Self>) {
        let keys: BTreeSet<String> = self.open_sockets().iter().map(|line| line.key.clone()).collect();
        let ids: Vec<String> = keys.into_iter().collect();
        let Ok(table) = self.open() else { return };
        if let Ok(closings) = table.look_up_keys(&ids, &mut Default::default()).await {
            self.close(&closings);
        }
        self.check_keys();
    }

    /// Closes the sockets of keys that have lost rights.
    fn close(&self, closings: &[Closing]) {
        let sockets = self.open_sockets();
        let concerned = || closings.iter().flat_map(|(key, ..)| sockets.iter().filter(move |line| line.key == *key));
        if self.fault != Some(Fault::KeepsSockets) {
            concerned().for_each(|line| line.is_open.set(false));
        }
        if let Some(line) = concerned().find(|line| line.is_open.get()) {
            self.breaks("I8", format!("a socket of {} stays open", line.key));
        }
    }

    /// I8: a key that the object has known as dead stays so, and no other one is.
    pub(super) fn check_keys(&self) {
        let mut dead = BTreeSet::new();
        let each = &mut |row: Row| {
            if let Some(Value::Text(id)) = row.0.first() {
                dead.insert(id.clone());
            }
            ControlFlow::Continue(())
        };
        if self.sqlite.query("SELECT id FROM key WHERE revoked != 0", &[], each).is_err() {
            return;
        }
        if let Some(id) = self.keys.dead.borrow().difference(&dead).next() {
            self.breaks("I8", format!("{id} lives again"));
        }
        if let Some(id) = dead.iter().find(|id| !self.keys.is_revoked(id)) {
            self.breaks("I8", format!("{id} counts as revoked, and is not"));
        }
        *self.keys.dead.borrow_mut() = dead;
    }

    /// I8: no socket is accepted for a key that the object has known as dead.
    pub(super) fn check_accepted(&self, key: &str) {
        if self.keys.dead.borrow().contains(key) {
            self.breaks("I8", format!("a socket of {key} is accepted"));
        }
    }

    /// I8: after quiet, no socket is open whose key may not read.
    pub(super) fn check_open_keys(&self) {
        let now = self.now();
        for line in self.open_sockets() {
            let past = self.keys.past.borrow();
            let Some(number) = past.iter().position(|key| key.iter().any(|(_, record)| record.key_id == line.key))
            else {
                continue;
            };
            if !past[number].last().is_some_and(|(_, record)| may_read(record)) {
                self.breaks("I8", format!("a socket of {} is open at {now:?}", line.key));
            }
        }
    }
}

/// A ticket that was issued in a storm expires before all is quiet.
const _: () = assert!(TICKET_LIFE.as_secs() < 150);

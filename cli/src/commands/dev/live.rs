//! The live channel of `ripple dev`: sockets that hear of changes, and requests that wait for them.
//!
//! ```text
//!  feed ──change──▶ Live ──text──▶ socket ──▶ browser
//!                    ▲ └──news──▶ a held request of _changes
//!                    └─text─────── socket
//! ```
//!
//! The feed alone tells of changes, also of this process's own saves. So each socket hears of them in the order of the
//! table. A save wakes the feed, and waits for nothing.

mod socket;
mod wait;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ripple_core::Timestamp;
use ripple_core::feed::StreamRecord;
use ripple_core::feed::key::{KeyChange, Rights};
use ripple_core::feed::signature::Secrets;
use ripple_core::live::{Channel, Close, Gate, Observer, Opening, Output, Reader};
use ripple_core::record::schema::Resource;
use ripple_core::service::changes::Cursor;
use ripple_host::{now, random};
use tokio::sync::{Notify, Semaphore, mpsc, watch};

pub(super) use socket::upgrade;
pub(super) use wait::{Held, hold};

/// The number of sockets at once. Each takes a file descriptor.
const SOCKETS: u32 = 1000;
/// The number of held requests at once.
const WAITERS: usize = 200;
/// The number of texts that wait for a socket. It is more than the credit of the protocol, so only a socket that does
/// not take what is not an event exceeds it.
const QUEUE: usize = 256;
/// How often slow sockets and presence are looked at.
const TICK: Duration = Duration::from_secs(1);

/// The live channel of this process.
pub(super) struct Live {
    /// What tickets are signed with. They are valid in this process only.
    secrets: Secrets,
    /// New in each process, since the log is in its memory.
    epoch: String,
    state: Mutex<State>,
    news: watch::Sender<()>,
    saved: Notify,
    places: Arc<Semaphore>,
    waiters: Semaphore,
}

#[derive(Default)]
struct State {
    channels: BTreeMap<String, Channel>,
    observers: BTreeMap<String, Observer>,
    gate: Gate,
    /// Where the texts for each socket go.
    queues: HashMap<u64, mpsc::Sender<Told>>,
    last: u64,
}

/// What a socket's task is told.
enum Told {
    Text(Arc<str>),
    Close(Close),
}

/// A socket of a channel.
struct Place {
    resource: String,
    number: u64,
    told: mpsc::Receiver<Told>,
}

impl Live {
    /// Returns a channel without sockets, whose log begins now.
    pub(super) fn new() -> Live {
        let secrets = Secrets::parse(&Secrets::generate(&random())).expect("it was generated");
        let epoch: String = random::<4>().iter().map(|byte| format!("{byte:02x}")).collect();
        Live {
            secrets,
            epoch,
            state: Mutex::default(),
            news: watch::Sender::new(()),
            saved: Notify::new(),
            places: Arc::new(Semaphore::new(SOCKETS as usize)),
            waiters: Semaphore::new(WAITERS),
        }
    }

    /// Returns what tickets are signed with.
    pub(super) fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// Wakes the feed, since something was saved.
    pub(super) fn saved(&self) {
        self.saved.notify_one();
    }

    /// Returns when something was saved.
    pub(super) async fn wait_for_save(&self) {
        self.saved.notified().await;
    }

    /// Tells of a change of a table. `shards` is the number of partitions of its index.
    pub(super) fn tell(&self, resource: &Resource, shards: u16, change: StreamRecord) {
        let state = &mut *self.lock();
        let observer = state.observers.entry(resource.name.clone()).or_default();
        // A record that cannot be read is skipped by the feed as well, with a line of the log.
        let Ok(Some(change)) = observer.observe(change, &resource.names) else { return };
        let outputs = state.channel(&self.epoch, &resource.name, shards).append(change, now());
        state.carry_out(&resource.name, outputs);
        self.news.send_replace(());
    }

    /// Notes that every change that was made before a time was told.
    pub(super) fn confirm(&self, until: Timestamp) {
        self.lock().channels.values_mut().for_each(|channel| channel.confirm(until));
    }

    /// Closes the sockets of a key that lost rights. A client whose key may still read comes back.
    pub(super) fn key_changed(&self, change: &KeyChange) {
        let Some(key_id) = &change.key_id else { return };
        let state = &mut *self.lock();
        let close = match change.rights {
            Rights::Kept => return,
            Rights::Reduced => {
                state.gate.reduce(key_id, now());
                Close::Restart
            }
            Rights::Revoked => {
                state.gate.revoke(key_id, now());
                Close::Key
            }
        };
        state.in_each(|channel| {
            let numbers: Vec<u64> = channel.sockets_of(key_id).collect();
            channel.close(&numbers, close)
        });
    }

    /// Has a channel for each of these resources, which come with their numbers of partitions, and closes the others. The
    /// log of a new one begins now: only a log shows that there is no news.
    pub(super) fn serve(&self, resources: &[(&str, u16)]) {
        let state = &mut *self.lock();
        for (name, shards) in resources {
            state.channel(&self.epoch, name, *shards);
        }
        let is_served = |name: &str| resources.iter().any(|(served, _)| *served == name);
        let removed: Vec<String> = state.channels.keys().filter(|name| !is_served(name)).cloned().collect();
        for name in removed {
            let outputs = state.channels.get_mut(&name).map(|channel| channel.close_all(Close::Resource));
            state.carry_out(&name, outputs.unwrap_or_default());
            state.channels.remove(&name);
            state.observers.remove(&name);
        }
    }

    /// Looks after the sockets until it is told to stop. Then it closes them.
    pub(super) async fn tend(self: Arc<Self>, mut stopped: watch::Receiver<bool>) {
        // The wait also ends if the sender is dropped.
        while tokio::time::timeout(TICK, stopped.wait_for(|stop| *stop)).await.is_err() {
            let state = &mut *self.lock();
            state.gate.forget(now());
            state.in_each(|channel| channel.tick(now()));
        }
        self.lock().in_each(|channel| channel.close_all(Close::Going));
        // Each socket holds a place until its client has heard of the end.
        let _ = self.places.acquire_many(SOCKETS).await;
    }

    /// Reports whether a client that has read up to a cursor may lack something.
    fn has_news_since(&self, resource: &str, cursor: &Cursor) -> bool {
        self.lock().channels.get(resource).is_none_or(|channel| channel.has_news_since(cursor))
    }

    /// Opens a socket.
    fn open(&self, resource: &str, shards: u16, reader: &Reader, since: Option<&str>) -> Result<Place, Close> {
        let state = &mut *self.lock();
        match &reader.ticket {
            Some(ticket) => state.gate.admit(ticket, now())?,
            None => state.gate.check_key(&reader.key_id)?,
        }
        state.last += 1;
        let number = state.last;
        let (send, told) = mpsc::channel(QUEUE);
        state.queues.insert(number, send);
        let opening = Opening { key_id: &reader.key_id, person: reader.person.as_ref(), since };
        let outputs = state.channel(&self.epoch, resource, shards).open(number, opening, now());
        state.carry_out(resource, outputs);
        Ok(Place { resource: resource.to_owned(), number, told })
    }

    /// Takes a text that a client has sent.
    fn receive(&self, place: &Place, text: &str) {
        let state = &mut *self.lock();
        let Some(channel) = state.channels.get_mut(&place.resource) else { return };
        let outputs = channel.receive(place.number, text, now());
        state.carry_out(&place.resource, outputs);
    }

    /// Notes that a socket is closed.
    fn closed(&self, place: &Place) {
        let state = &mut *self.lock();
        state.queues.remove(&place.number);
        if let Some(channel) = state.channels.get_mut(&place.resource) {
            channel.closed(place.number);
        }
    }

    /// Locks the state. A panic elsewhere leaves it consistent enough for its sockets to be closed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn channel(&mut self, epoch: &str, resource: &str, shards: u16) -> &mut Channel {
        // Its log begins before anything of it is told.
        self.channels.entry(resource.to_owned()).or_insert_with(|| Channel::new(resource, epoch, shards, now()))
    }

    fn in_each(&mut self, mut act: impl FnMut(&mut Channel) -> Vec<Output>) {
        let outputs: Vec<(String, Vec<Output>)> =
            self.channels.iter_mut().map(|(name, channel)| (name.clone(), act(channel))).collect();
        for (name, outputs) in outputs {
            self.carry_out(&name, outputs);
        }
    }

    /// Hands texts to the sockets' tasks. A socket that takes none is closed.
    fn carry_out(&mut self, resource: &str, outputs: Vec<Output>) {
        for output in outputs {
            let (number, told) = match output {
                Output::Send(number, text) => (number, Told::Text(text)),
                Output::Close(number, close) => (number, Told::Close(close)),
            };
            let ends = matches!(told, Told::Close(_));
            let taken = self.queues.get(&number).is_none_or(|queue| queue.try_send(told).is_ok());
            if ends || !taken {
                // Its task sees the end of the queue.
                self.queues.remove(&number);
            }
            if !taken && let Some(channel) = self.channels.get_mut(resource) {
                channel.closed(number);
            }
        }
    }
}

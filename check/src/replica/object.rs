//! The object: its alarm, its requests, its sockets and its one refresh at a time, as `replica/worker.js` has them. A
//! crash ends what is under way, and forgets what is only in memory. The alarm, the database and the sockets' texts stay.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use ripple_core::query::Query;
use ripple_core::replica::refresh::{Freshness, STALE};
use ripple_core::replica::sql::Nearby as _;
use ripple_core::replica::stored::need::{Ages, Need};
use ripple_core::replica::stored::{self, Table};
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Consistency, Keys as _, Source as _, StoreError};
use ripple_core::{Record, RecordId, Timestamp};

use super::judge::{Row, rows};
use super::link::{Link, Time};
use super::sockets::Line;
use super::sql::Sql;
use super::table::Face;
use super::world::{Fault, World};
use crate::sim::scheduler::at_once;

/// How long a refresh may take.
const REFRESH: Duration = Duration::from_secs(10);
/// How long no refresh begins after one has failed.
const PAUSE: Duration = Duration::from_secs(5);
/// The first and the longest pause after an alarm that failed.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How often the runtime runs an alarm that throws.
const RUNS: u32 = 7;
/// How often what waits looks again.
const POLL: Duration = Duration::from_millis(50);
/// The ages of the copy, as the host has them unless they are configured.
const AGES: Ages = Ages { fresh: Duration::from_secs(5), stale: Duration::from_secs(60 * 60) };

pub(super) type Copy = Table<Sql, Link, Time>;

/// A refresh under way.
#[derive(Default)]
struct Flight {
    done: Cell<Option<bool>>,
}

#[derive(Default)]
pub(super) struct Object {
    /// Each crash ends a generation.
    generation: Cell<u64>,
    is_awake: Cell<bool>,
    alarm: Cell<Option<Timestamp>>,
    /// How often the runtime has run the alarm that is set.
    runs: Cell<u32>,
    failures: Cell<u32>,
    failed: Cell<Timestamp>,
    flight: RefCell<Option<Rc<Flight>>>,
    pub(super) position: RefCell<Option<String>>,
    pub(super) rooms: RefCell<String>,
    pub(super) sockets: RefCell<Vec<Rc<Line>>>,
}

/// A copy that is new enough for a read.
pub(super) struct Current {
    confirmed: Timestamp,
    freshness: Freshness,
}

impl World {
    /// Opens the copy. Each event does so.
    pub(super) fn open(self: &Rc<Self>) -> Result<Copy, StoreError> {
        self.open_for(false)
    }

    fn open_for(self: &Rc<Self>, tends: bool) -> Result<Copy, StoreError> {
        let link = Link { world: Rc::clone(self), tends };
        Table::open(Sql(Rc::clone(self)), link, Time(Rc::clone(self)))
    }

    /// Ends what is under way in the object. Its sockets may be closed, and the next version may have another schema.
    pub(super) fn crash(&self) {
        let object = &self.object;
        object.generation.set(object.generation.get() + 1);
        object.is_awake.set(false);
        object.failures.set(0);
        object.failed.set(Timestamp(0));
        object.flight.take();
        object.position.take();
        object.rooms.take();
        let closes = self.chance(2);
        if closes {
            object.sockets.borrow_mut().drain(..).for_each(|line| line.is_open.set(false));
        }
        let is_new = self.chance(8) && self.sqlite.first("SELECT 1 FROM log", &[]).is_ok();
        if is_new {
            self.sqlite.forget_meta();
        }
        self.tell(format_args!("the object crashes; sockets closed: {closes}, another schema: {is_new}"));
    }

    /// Runs an event of the object. Returns `None` if the object crashes.
    pub(super) async fn guarded<T>(&self, event: impl Future<Output = T>) -> Option<T> {
        let generation = self.object.generation.get();
        let mut event = pin!(event);
        poll_fn(|context| {
            let is_gone = || self.object.generation.get() != generation;
            if is_gone() {
                return Poll::Ready(None);
            }
            match event.as_mut().poll(context) {
                Poll::Ready(done) => Poll::Ready(Some(done)),
                Poll::Pending if is_gone() => Poll::Ready(None),
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }

    /// Begins an event. An object that was not in memory is constructed.
    pub(super) fn enter(&self) {
        if !self.object.is_awake.replace(true) {
            self.arm();
        }
    }

    /// Sets the alarm if the copy wishes an earlier one than is set.
    fn arm(&self) {
        let object = &self.object;
        let live = object.sockets.borrow().iter().any(|line| line.is_open.get());
        let Ok(Some(wish)) = stored::alarm(&self.sqlite, live, self.now()) else { return };
        let at = wish.max(self.now().after(self.pause()));
        if object.alarm.get().is_none_or(|set| at < set) {
            object.alarm.set(Some(at));
        }
    }

    fn pause(&self) -> Duration {
        match self.object.failures.get() {
            0 => Duration::ZERO,
            failures => FIRST_PAUSE.saturating_mul(1 << (failures - 1).min(10)).min(LONGEST_PAUSE),
        }
    }

    /// Runs the alarms. The runtime repeats one that throws or is cut off, and gives it up in the end.
    pub(super) async fn alarms(self: Rc<Self>) {
        while !self.is_over() {
            let object = &self.object;
            let Some(at) = object.alarm.get().filter(|at| *at <= self.now()) else {
                let next = object.alarm.get().map_or(1_000, |at| at.0 - self.now().0 + 1);
                self.scheduler.pass(Duration::from_millis(next.min(1_000))).await;
                continue;
            };
            object.alarm.set(None);
            object.runs.set(object.runs.get() + 1);
            self.enter();
            self.tell(format_args!("the alarm of {} runs", at.0 % 1_000_000));
            if self.guarded(self.run_alarm()).await == Some(true) {
                object.runs.set(0);
            } else if object.runs.get() < RUNS {
                let again = self.now().after(Duration::from_secs(1 << object.runs.get()));
                object.alarm.set(Some(object.alarm.get().map_or(again, |set| set.min(again))));
            } else {
                self.tell("the alarm is given up");
                object.runs.set(0);
            }
        }
    }

    /// Reports whether the copy wishes to be read on, which no alarm does.
    pub(super) fn object_wishes(&self) -> bool {
        stored::alarm(&self.sqlite, false, self.now()).is_ok_and(|wish| wish.is_some())
    }

    /// Returns `false` if it throws.
    async fn run_alarm(self: &Rc<Self>) -> bool {
        if stored::resource(&self.sqlite).is_ok_and(|resource| resource.is_none()) {
            self.open_sockets().iter().for_each(|line| line.is_open.set(false));
            return true;
        }
        let read = async { self.open_for(true)?.tend(&mut Capacity::default()).await };
        match read.await {
            Ok(()) => self.object.failures.set(0),
            Err(error) => {
                self.tell(format_args!("the table cannot be read: {error:?}"));
                self.object.failures.set(self.object.failures.get() + 1);
                if self.fault == Some(Fault::AlarmThrows) {
                    return false;
                }
            }
        }
        if !self.open_sockets().is_empty() {
            let _ = self.everyone(|table, all| table.look_after_sockets(all));
            let _ = self.refresh().await;
            self.look_up_keys().await;
        }
        self.tell_sockets().await;
        self.arm();
        true
    }

    /// Refreshes the copy, or waits for the refresh that is under way.
    async fn refresh(self: &Rc<Self>) -> Result<(), ()> {
        let underway = self.object.flight.borrow().clone();
        let flight = underway.unwrap_or_else(|| self.begin_refresh());
        let last = self.now().after(REFRESH);
        loop {
            match flight.done.get() {
                Some(true) => return Ok(()),
                Some(false) => return Err(()),
                None if self.now() >= last => {
                    // The call goes on, and nothing waits for it.
                    self.end_flight(&flight, false);
                    return Err(());
                }
                None => self.scheduler.pass(POLL).await,
            }
        }
    }

    fn begin_refresh(self: &Rc<Self>) -> Rc<Flight> {
        let flight = Rc::new(Flight::default());
        *self.object.flight.borrow_mut() = Some(Rc::clone(&flight));
        let (world, of) = (Rc::clone(self), Rc::clone(&flight));
        self.scheduler.under_way(async move {
            let refresh = async {
                let done = match world.open() {
                    Ok(table) => table.refresh(&mut Capacity::default()).await.is_ok(),
                    Err(_) => false,
                };
                world.end_flight(&of, done);
                world.tell_sockets().await;
            };
            if world.guarded(refresh).await.is_none() {
                of.done.set(Some(false));
            }
        });
        flight
    }

    fn end_flight(&self, flight: &Rc<Flight>, done: bool) {
        if flight.done.get().is_some() {
            return;
        }
        flight.done.set(Some(done));
        if !done {
            self.object.failed.set(self.now());
        }
        let mut current = self.object.flight.borrow_mut();
        if current.as_ref().is_some_and(|current| Rc::ptr_eq(current, flight)) {
            *current = None;
        }
    }

    /// Runs a request, and then tells the sockets what it committed. Returns `None` if the object crashes.
    pub(super) async fn request<T>(self: &Rc<Self>, request: impl Future<Output = T>) -> Option<T> {
        self.enter();
        let event = async {
            let answer = request.await;
            self.tell_sockets().await;
            self.arm();
            answer
        };
        self.guarded(event).await
    }

    /// Makes the copy as new as a read needs it. Returns `None` if the copy cannot answer.
    async fn current(self: &Rc<Self>, table: &Copy, newer: bool) -> Option<Current> {
        let asked = self.now();
        let mut failed = asked < self.object.failed.get().after(PAUSE);
        loop {
            let standing = table.standing().ok()?;
            let answer = |freshness| {
                let current = standing.confirmed.map(|confirmed| Current { confirmed, freshness })?;
                self.check_age(&current, newer, asked);
                Some(current)
            };
            match AGES.need(standing.confirmed, self.now(), asked, newer, failed) {
                Need::Serve(freshness) => return answer(freshness),
                Need::ServeAndRefresh => {
                    if self.object.flight.borrow().is_none() {
                        self.begin_refresh();
                    }
                    return answer(Freshness::Stale);
                }
                Need::Refresh => failed = self.refresh().await.is_err(),
                Need::Nothing => return None,
            }
        }
    }

    /// Answers a reader with the whole list. Returns `None` if the object has no answer: the isolate asks the origin.
    pub(super) async fn answer(self: &Rc<Self>, session: &Session, newer: bool) -> Option<Current> {
        let asked = self.now();
        let answer = self.request(async {
            let table = self.open().ok()?;
            let current = self.current(&table, newer).await?;
            table.read_what_was_written(session, &mut Capacity::default()).await.ok()?;
            self.check_answer(&table, session, asked);
            Some(current)
        });
        answer.await.flatten()
    }

    /// Runs a reading of changes on the copy, or returns `None`.
    pub(super) async fn on_copy<T>(self: &Rc<Self>, read: impl AsyncFnOnce(&Copy) -> Option<T>) -> Option<T> {
        let answer = self.request(async {
            let table = self.open().ok()?;
            self.current(&table, true).await?;
            read(&table).await
        });
        answer.await.flatten()
    }

    /// Checks that a copy is as new as the read requires.
    fn check_age(&self, current: &Current, newer: bool, asked: Timestamp) {
        let age = self.now().0.saturating_sub(current.confirmed.0);
        let bound = match current.freshness {
            Freshness::StaleIfError => AGES.stale,
            _ if current.confirmed >= asked => return,
            Freshness::Fresh if newer => Duration::ZERO,
            Freshness::Fresh => AGES.fresh,
            _ => STALE,
        };
        if u128::from(age) > bound.as_millis() {
            self.breaks("I10", format!("a copy of {age} ms counts as {:?}", current.freshness));
        }
    }

    /// Checks the answer in the event in which it is made.
    fn check_answer(&self, table: &Copy, session: &Session, asked: Timestamp) {
        let cost = &mut Capacity::default();
        let now = self.now();
        if session.outruns(table.known(now)) {
            return;
        }
        let query = Query::parse(&[], table.resource()).expect("a query");
        let Ok(page) = at_once(table.list(&query, session, now, cost)) else { return };
        if cost.read > 0.0 {
            self.breaks("cost", format!("a list of the copy costs {} read units", cost.read));
        }
        let listed: Vec<serde_json::Value> = serde_json::from_slice(&page.body).expect("JSON");
        let rows = rows(self);
        let live = |row: &Row| row.face.as_ref().is_some_and(|face| *face != Face::tombstone(row.version));
        if listed.len() != rows.values().filter(|row| live(row)).count() {
            self.breaks("complete", format!("{} of the rows {rows:?} are listed", listed.len()));
        }
        for (id, version) in session.writes() {
            let get = table.get(id, Consistency::Eventual, cost);
            let Ok(found) = at_once(get) else { return };
            // Another program may have overwritten it.
            if session.outdates(id, found.as_ref()) && !session.outdates(id, self.table.get(id).as_ref()) {
                let since = Timestamp(asked.0.saturating_sub(self.greatest_lag()));
                let face = found.as_ref().map(Face::of);
                if !self.table.had(id, face.as_ref(), since) {
                    self.breaks("own writes", format!("version {version} of {id} is not in the answer: {found:?}"));
                }
            }
        }
    }

    /// Applies a message of the feed. Returns whether it was taken.
    pub(super) async fn hear(self: &Rc<Self>, states: Vec<Record>, missing: Vec<RecordId>) -> bool {
        let heard = self.request(async {
            let Ok(table) = self.open() else { return false };
            let told = states.iter().filter_map(|state| Some((state.id.clone(), state.number()?)));
            *self.told.borrow_mut() = told.collect();
            table.hear(states, missing, &mut Capacity::default()).await.is_ok()
        });
        heard.await == Some(true)
    }
}

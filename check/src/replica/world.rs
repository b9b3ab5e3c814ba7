//! A storm: its participants, its weather, and its end.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use ripple_core::query::Query;
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Keys as _, Source as _};
use ripple_core::{RecordId, Timestamp};
use ripple_test_kit::sqlite::Sqlite;

use super::feed::Feed;
use super::judge::{Broken, Judge, rows};
use super::keys::Keys;
use super::object::Object;
use super::page::OpenPage;
use super::table::{Face, Table};
use crate::sim::choices::Choices;
use crate::sim::scheduler::{Order, Scheduler, Task, at_once};

/// The number of ids.
const IDS: usize = 7;
/// How long a storm lasts.
const STORM: Duration = Duration::from_secs(45);
/// After how long the copy is whole when all is quiet: longer than the longest pause of an alarm.
const QUIET: Duration = Duration::from_secs(150);
/// After how long the whole table is read again, whatever the feed has told.
const LONG: Duration = Duration::from_secs(25 * 60 * 60);

/// The pauses between full reads: without the feed, and with it.
const PAUSE: Duration = Duration::from_secs(10 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The number of lengths that a pause may have.
const PARTS: usize = 1 << 10;

/// A fault of the replica or of its host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A message of the feed moves `confirmed`.
    FeedConfirms,
    /// A state counts as seen when its read ends.
    SeenAtTheEnd,
    /// A full read removes what it has not met without a strong read.
    NoStrongRead,
    /// The position of a full read is not in the transaction of its page.
    PositionAlone,
    /// A page of a full read counts as current.
    LagIgnored,
    /// An alarm that fails throws.
    AlarmThrows,
    /// A message of the feed with the version that the copy has replaces what the copy has.
    EqualReplaces,
    /// A socket is accepted before the object waits for what it is to be told.
    AcceptsEarly,
    /// A key that was revoked counts again when its client asks for a ticket.
    KeyLivesAgain,
    /// A copy that begins anew forgets the keys.
    KeysForgotten,
    /// A ticket that opens a socket is not noted.
    TicketStays,
    /// The host does not close the sockets of a key.
    KeepsSockets,
}

pub(super) struct World {
    pub(super) scheduler: Scheduler,
    pub(super) fault: Option<Fault>,
    pub(super) table: Table,
    pub(super) sqlite: Sqlite,
    pub(super) object: Object,
    pub(super) feed: Feed,
    pub(super) judge: Judge,
    pub(super) keys: Keys,
    /// How old the table and its index are at most where a read lags.
    pub(super) lag: Cell<Duration>,
    pub(super) index_lag: Cell<Duration>,
    /// The greatest of them so far: what was read earlier is still in the copy.
    greatest_lag: Cell<Duration>,
    /// The versions of the message of the feed that is being applied.
    pub(super) told: RefCell<BTreeMap<RecordId, u64>>,
    /// When the participants end.
    pub(super) end: Cell<Timestamp>,
    stormy: Cell<bool>,
    away: Cell<Timestamp>,
    broken: RefCell<Option<Broken>>,
    lines: RefCell<Vec<String>>,
}

/// The result of a storm.
pub(super) struct Storm {
    pub(super) broken: Option<Broken>,
    pub(super) choices: Choices,
    lines: Vec<String>,
}

impl fmt::Display for Storm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        self.broken.iter().try_for_each(|broken| write!(f, "{broken}"))
    }
}

impl World {
    pub(super) fn now(&self) -> Timestamp {
        self.scheduler.now()
    }

    /// Reports whether something of one chance in `of` happens. Nothing does when all is quiet.
    pub(super) fn chance(&self, of: usize) -> bool {
        self.stormy.get() && self.scheduler.below(of) + 1 == of
    }

    /// Waits for some of a time. In the simplest storm it is the whole time, so that little happens.
    pub(super) async fn wait(&self, longest: Duration) {
        let parts = self.scheduler.below(PARTS);
        self.scheduler.pass(longest.mul_f64((PARTS - parts) as f64 / PARTS as f64)).await;
    }

    /// Reports whether DynamoDB does not answer.
    pub(super) fn is_away(&self) -> bool {
        self.now() < self.away.get()
    }

    /// Returns how old a read of this storm has been at most, in milliseconds.
    pub(super) fn greatest_lag(&self) -> u64 {
        u64::try_from(self.greatest_lag.get().as_millis()).unwrap_or_default() + 1
    }

    pub(super) fn tell(&self, line: impl fmt::Display) {
        self.lines.borrow_mut().push(format!("{:>9}  {line}", self.now().0 - 1_700_000_000_000));
    }

    pub(super) fn breaks(&self, law: &'static str, how: String) {
        self.broken.borrow_mut().get_or_insert(Broken { law, how });
    }

    /// Reports whether the participants end.
    pub(super) fn is_over(&self) -> bool {
        self.broken.borrow().is_some() || self.now() >= self.end.get()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken.borrow().is_some()
    }

    fn last(&self, time: Duration) {
        self.end.set(self.now().after(time));
    }

    /// Returns the next of a few ids.
    pub(super) fn id(&self) -> RecordId {
        RecordId::stored(format!("p{}", 1 + self.scheduler.below(IDS)))
    }
}

impl Storm {
    pub(super) fn run(choices: Choices, fault: Option<Fault>) -> Storm {
        let scheduler = Scheduler::new(choices, Order::Timed);
        let world = Rc::new(World {
            scheduler,
            fault,
            table: Table::new(),
            sqlite: Sqlite::new(),
            object: Object::default(),
            feed: Feed::default(),
            judge: Judge::default(),
            keys: Keys::default(),
            lag: Cell::default(),
            index_lag: Cell::default(),
            greatest_lag: Cell::default(),
            told: RefCell::default(),
            end: Cell::default(),
            stormy: Cell::new(true),
            away: Cell::default(),
            broken: RefCell::default(),
            lines: RefCell::default(),
        });
        let mut pages: Vec<Rc<OpenPage>> =
            (1..=2).map(|number| Rc::new(OpenPage::new(Rc::clone(&world), number))).collect();
        world.blow(&pages);
        if world.chance(2) && !world.is_broken() {
            // The next full read becomes due while the second storm blows.
            world.scheduler.advance([PAUSE, DAY][world.scheduler.below(2)] - STORM - Duration::from_secs(15));
            world.blow(&pages);
        }
        world.settle(&pages);
        if !world.is_broken() {
            world.compare(&pages);
        }
        pages.clear();
        let (broken, lines) = (world.broken.take(), world.lines.take());
        Storm { broken, choices: world.scheduler.choices(), lines }
    }
}

impl World {
    /// Runs a storm.
    fn blow(self: &Rc<Self>, pages: &[Rc<OpenPage>]) {
        let below = |end: usize| self.scheduler.below(end);
        let pick = |of: &[u64]| Duration::from_millis(of[below(of.len())]);
        self.lag.set(pick(&[0, 4_000, 20_000]));
        self.index_lag.set(self.lag.get().max(pick(&[0, 1_000, 10_000])));
        self.greatest_lag.set(self.greatest_lag.get().max(self.index_lag.get()));
        self.feed.weather(self);
        self.last(STORM);
        let mut tasks: Vec<Task> = Vec::new();
        for number in 0..2 {
            tasks.push(Box::pin(Rc::clone(self).saver(number)));
        }
        // A full read misses an item that is new, and that only ripple writes.
        if below(2) == 0 {
            tasks.push(Box::pin(Rc::clone(self).other_program()));
        }
        tasks.push(Box::pin(Rc::clone(self).reader()));
        tasks.push(Box::pin(Rc::clone(self).deliver()));
        tasks.push(Box::pin(Rc::clone(self).owner()));
        tasks.push(Box::pin(Rc::clone(self).client()));
        tasks.push(Box::pin(Rc::clone(self).bad_luck()));
        tasks.push(Box::pin(Rc::clone(self).alarms()));
        tasks.extend(pages.iter().map(|page| Box::pin(Rc::clone(page).stay()) as Task));
        let _ = self.scheduler.run(tasks);
    }

    /// Lets the object crash, and DynamoDB be away.
    async fn bad_luck(self: Rc<Self>) {
        while !self.is_over() {
            self.wait(Duration::from_secs(30)).await;
            match self.scheduler.below(4) {
                0 | 1 => {}
                2 => self.crash(),
                _ => {
                    let time = Duration::from_secs(1 + self.scheduler.below(60) as u64);
                    let time = if self.chance(3) { QUIET } else { time };
                    self.tell(format_args!("DynamoDB is away for {time:?}"));
                    self.away.set(self.now().after(time));
                }
            }
        }
    }

    /// Lets all that is under way end, without a request: the alarm alone ends a full read.
    fn settle(self: &Rc<Self>, pages: &[Rc<OpenPage>]) {
        self.stormy.set(false);
        if self.is_away() && !self.is_broken() {
            self.last(Duration::from_millis(self.away.get().0 - self.now().0));
            let _ = self.scheduler.run(vec![Box::pin(Rc::clone(self).alarms())]);
        }
        self.tell("all is quiet");
        self.feed.is_sound.set(true);
        self.last(QUIET);
        let deliver: Task = Box::pin(Rc::clone(self).deliver());
        let alarms: Task = Box::pin(Rc::clone(self).alarms());
        let _ = self.scheduler.run(vec![alarms, deliver]);
        if self.is_broken() {
            return;
        }
        if self.object_wishes() {
            self.breaks("liveness", "a full read does not go on".to_owned());
        }
        self.check_open_keys();
        // A page comes back, and each reads all that it was sent.
        self.last(QUIET);
        let mut tasks: Vec<Task> = vec![Box::pin(Rc::clone(self).alarms())];
        tasks.extend(pages.iter().map(|page| Box::pin(Rc::clone(page).catch_up()) as Task));
        let _ = self.scheduler.run(tasks);
    }

    /// Compares the copy and the pages with the table.
    fn compare(self: &Rc<Self>, pages: &[Rc<OpenPage>]) {
        let rows_now = rows(self);
        for (id, face, _) in self.table.now() {
            let Face::Sealed(number, _) = &face else { continue };
            if rows_now.get(&id).and_then(|row| row.face.as_ref()) != Some(&face) {
                self.breaks("I9", format!("{id} is not {face:?}: {:?}", rows_now.get(&id)));
            }
            for page in pages {
                if page.heard(&id) < *number {
                    self.breaks("liveness", format!("{} has not heard of version {number} of {id}", page.name()));
                }
            }
        }
        if self.is_broken() {
            return;
        }
        // A full read finds what no feed has told.
        self.scheduler.advance(LONG);
        self.last(QUIET);
        let read = Rc::clone(self);
        let begin: Task = Box::pin(async move {
            let _ = read.answer(&Session::new("prj"), true).await;
        });
        let _ = self.scheduler.run(vec![begin, Box::pin(Rc::clone(self).alarms())]);
        let table = self.open().expect("opened");
        let query = Query::parse(&[], table.resource()).expect("a query");
        let (session, cost) = (Session::new("prj"), &mut Capacity::default());
        let expected = at_once(self.table.memory.list(&query, &session, self.now(), cost)).expect("a page");
        let found = at_once(table.list(&query, &session, self.now(), cost)).expect("a page");
        if (&found.body, &found.etag) != (&expected.body, &expected.etag) {
            let text = |body: &[u8]| String::from_utf8_lossy(body).into_owned();
            self.breaks("I9", format!("{} and not {}", text(&found.body), text(&expected.body)));
        }
    }
}

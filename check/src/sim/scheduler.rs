//! The order of a run: tasks, time and choices.
//!
//! There are no threads. Each participant is a future that stops before each operation on the table. A polled
//! participant runs one operation and stops before the next. So the choices alone determine a run.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ripple_core::{RecordId, Timestamp};

use super::choices::Choices;

/// An active participant.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The time at which a run begins.
const BEGINNING: Duration = Duration::from_secs(1_700_000_000);

/// The parts that an operation reads and writes, as bits: the item, the history, and each idempotency record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Operation {
    reads: u64,
    writes: u64,
}

const ITEM: u64 = 1;
const HISTORY: u64 = 1 << 1;

/// Two keys may share a bit. Then some redundant orders are tried too.
fn claim(key: &str) -> u64 {
    let hash = key.bytes().fold(0, |hash: u64, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
    1 << (2 + hash % 62)
}

impl Operation {
    /// Reads only what never changes, and writes only what no other participant reads.
    pub(crate) const STILL: Operation = Operation { reads: 0, writes: 0 };
    pub(crate) const READ_ITEM: Operation = Operation { reads: ITEM, writes: 0 };
    pub(crate) const READ_HISTORY: Operation = Operation { reads: HISTORY, writes: 0 };
    pub(crate) const WRITE_HISTORY: Operation = Operation { reads: HISTORY, writes: HISTORY };
    pub(crate) const WRITE_ITEM: Operation = Operation { reads: ITEM, writes: ITEM };

    pub(crate) fn read_claim(key: &str) -> Operation {
        Operation { reads: claim(key), writes: 0 }
    }

    pub(crate) fn leave_claim(key: &str) -> Operation {
        Operation { reads: 0, writes: claim(key) }
    }

    /// A transaction of the item, a row of its history, and an idempotency record.
    pub(crate) fn commit(key: Option<&str>) -> Operation {
        Operation { reads: ITEM | HISTORY, writes: ITEM | HISTORY | key.map_or(0, claim) }
    }

    /// Returns the operation of a refused transaction, which only reads.
    fn refused(self) -> Operation {
        Operation { reads: self.reads | self.writes, writes: 0 }
    }

    /// Reports whether two operations commute.
    fn commutes_with(self, other: Operation) -> bool {
        self.writes & (other.reads | other.writes) == 0 && other.writes & self.reads == 0
    }
}

/// The steps so far: the task and the operation of each.
#[derive(Default)]
struct Steps(Vec<(usize, Operation)>);

impl Steps {
    /// Reports whether the next step could equally run before a step of a later task.
    fn could_be_earlier(&self, task: usize, operation: Operation) -> bool {
        let passed = |(other, step): &&(usize, Operation)| *other != task && operation.commutes_with(*step);
        self.0.iter().rev().take_while(passed).any(|(other, _)| task < *other)
    }
}

/// A stopped task.
struct Waiting {
    /// The number of the task, in the order in which tasks began.
    number: usize,
    task: Task,
    before: Operation,
    /// The time at which the task may continue, if time counts.
    wake: Duration,
}

/// The set of orders to choose from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Every order.
    Any,
    /// One order of each set of orders that differ only in commuting steps. It is the order in which each step of an
    /// earlier task is as early as possible (the lexicographic normal form of a Mazurkiewicz trace). A step that
    /// commutes with all others runs at once.
    Reduced,
    /// The task whose operation ends first continues, in a virtual time in which operations and waits have durations.
    Timed,
}

pub(crate) struct Scheduler {
    choices: RefCell<Choices>,
    order: Order,
    now: Cell<Duration>,
    /// The time at which the task that stops now may continue.
    wake: Cell<Duration>,
    /// The operation before which the task has stopped.
    before: Cell<Operation>,
    /// The operation of the running task.
    at_work: Cell<Operation>,
    count: Cell<u64>,
    crashed: Cell<bool>,
    late: RefCell<Vec<Task>>,
}

impl Scheduler {
    pub(crate) fn new(choices: Choices, order: Order) -> Scheduler {
        Scheduler {
            choices: RefCell::new(choices),
            order,
            now: Cell::new(BEGINNING),
            wake: Cell::default(),
            before: Cell::new(Operation::STILL),
            at_work: Cell::new(Operation::STILL),
            count: Cell::default(),
            crashed: Cell::default(),
            late: RefCell::default(),
        }
    }

    /// Chooses a number below `of`. The first is the simplest.
    pub(crate) fn below(&self, of: usize) -> usize {
        self.choices.borrow_mut().below(of)
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(u64::try_from(self.now.get().as_millis()).unwrap_or(u64::MAX))
    }

    /// Lets time pass while no task is active.
    pub(crate) fn advance(&self, duration: Duration) {
        self.now.set(self.now.get() + duration);
    }

    /// Returns a number that was never returned before.
    pub(crate) fn number(&self) -> u64 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }

    /// Returns bytes that were never returned before, in this run or in a run of another record.
    pub(crate) fn bytes(&self, id: &RecordId) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (number, of_id) = bytes.split_at_mut(8);
        number.copy_from_slice(&self.number().to_be_bytes());
        of_id.iter_mut().zip(id.as_str().bytes()).for_each(|(byte, of_id)| *byte = of_id);
        bytes
    }

    /// Stops before an operation, so that other tasks may run first.
    pub(crate) async fn turn(&self, before: Operation) {
        self.stop(before, Duration::ZERO).await;
    }

    /// Stops for a duration, if time counts.
    pub(crate) async fn pass(&self, duration: Duration) {
        if self.order == Order::Timed {
            self.stop(Operation::STILL, duration).await;
        }
    }

    /// Stops for a random part of `longest`, if time counts.
    pub(crate) async fn pass_some_of(&self, longest: Duration) {
        if self.order == Order::Timed {
            let part = self.below(1 << 16) as f64 / f64::from(1 << 16);
            self.stop(Operation::STILL, longest.mul_f64(part)).await;
        }
    }

    async fn stop(&self, before: Operation, duration: Duration) {
        self.before.set(before);
        self.wake.set(self.now.get() + duration);
        let mut stopped = false;
        poll_fn(|context| {
            if std::mem::replace(&mut stopped, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Crashes the process that handles a request. The request gets no response.
    pub(crate) async fn crash(&self) -> ! {
        self.crashed.set(true);
        std::future::pending().await
    }

    /// Returns the result of the request. Returns `None` if its process crashes.
    pub(crate) async fn unless_crashed<T>(&self, request: impl Future<Output = T>) -> Option<T> {
        let mut request = pin!(request);
        poll_fn(|context| match request.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.crashed.take() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Adds a task that no other task waits for.
    pub(crate) fn under_way(&self, task: impl Future<Output = ()> + 'static) {
        self.late.borrow_mut().push(Box::pin(task));
    }

    /// Notes that the running task has only read, because its write was refused.
    pub(crate) fn was_refused(&self) {
        self.at_work.set(self.at_work.get().refused());
    }

    /// Runs all tasks to their ends, one operation after another. Returns `false` if other choices give the same order.
    #[must_use]
    pub(crate) fn run(&self, tasks: Vec<Task>) -> bool {
        let mut waiting = VecDeque::new();
        let mut begun = 0;
        self.begin(tasks, &mut begun, &mut waiting);
        let mut steps = Steps::default();
        while !waiting.is_empty() {
            let next = match self.order {
                Order::Any => self.below(waiting.len()),
                Order::Reduced => {
                    let in_order = |one: &Waiting| !steps.could_be_earlier(one.number, one.before);
                    let still = waiting.iter().position(|one| one.before == Operation::STILL);
                    let places: Vec<usize> = match still {
                        Some(still) => vec![still],
                        None => (0..waiting.len()).filter(|place| in_order(&waiting[*place])).collect(),
                    };
                    if places.is_empty() {
                        return false;
                    }
                    places[self.below(places.len())]
                }
                Order::Timed => {
                    let earliest = waiting.iter().enumerate().min_by_key(|(_, one)| one.wake);
                    earliest.map_or(0, |(place, _)| place)
                }
            };
            let Some(one) = waiting.remove(next) else { break };
            self.now.set(self.now.get().max(one.wake) + Duration::from_micros(1));
            self.at_work.set(one.before);
            let number = one.number;
            // In front: by the first choice, the running task continues.
            if let Some(one) = self.step(one.number, one.task) {
                waiting.push_front(one);
            }
            let done = self.at_work.get();
            if self.order == Order::Reduced && steps.could_be_earlier(number, done) {
                return false;
            }
            if done != Operation::STILL {
                steps.0.push((number, done));
            }
            self.begin(self.late.take(), &mut begun, &mut waiting);
        }
        true
    }

    /// Starts tasks. Each runs to its first operation at once.
    fn begin(&self, tasks: Vec<Task>, begun: &mut usize, waiting: &mut VecDeque<Waiting>) {
        for task in tasks {
            waiting.extend(self.step(*begun, task));
            *begun += 1;
        }
    }

    fn step(&self, number: usize, mut task: Task) -> Option<Waiting> {
        let pending = task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending();
        pending.then(|| Waiting { number, task, before: self.before.get(), wake: self.wake.get() })
    }

    /// Runs all tasks concurrently. The table decides how their operations interleave.
    pub(crate) async fn run_freely(&self, mut tasks: Vec<Task>) {
        poll_fn(|context| {
            tasks.append(&mut self.late.borrow_mut());
            tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
            if tasks.is_empty() && self.late.borrow().is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Returns the choices so far.
    pub(crate) fn choices(&self) -> Choices {
        self.choices.borrow().clone()
    }
}

/// Runs a future on a table that completes each operation at once.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        // The future may stop where other tasks could continue. There are none.
        if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return done;
        }
    }
}

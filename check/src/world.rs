//! What the writers of a run share: its choices, its time, what has happened so far, and who may go on.
//!
//! There are no threads. Each writer is a future that stops before each operation on the table; whoever is polled
//! next does one operation and comes to the next. So a run is decided by its choices alone.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt::Display;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ripple_core::{Record, RecordId, Timestamp};

use crate::choice::Choices;
use crate::heard::Heard;
use crate::writer::Sent;

/// Somebody at work.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// When it all begins.
const BEGINNING: Duration = Duration::from_secs(1_700_000_000);

/// How a run is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Conditions {
    /// Faults that may befall it.
    pub(crate) faults: usize,
    /// How many times likelier than each fault it is that an operation goes well, less one.
    pub(crate) luck: usize,
    /// What decides who goes on.
    pub(crate) order: Order,
}

/// What somebody has stopped before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A read of what never changes, or no operation at all.
    Still,
    Read,
    Write,
}

impl Operation {
    /// Whether two of them can be done in either order.
    fn commutes_with(self, other: Operation) -> bool {
        self == Operation::Still || other == Operation::Still || (self, other) == (Operation::Read, Operation::Read)
    }
}

/// Somebody who has stopped.
struct Waiting {
    /// By when they began.
    number: usize,
    task: Task,
    before: Operation,
    /// When they may go on, where time counts.
    wake: Duration,
}

/// Who goes on next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Anybody: every order is possible.
    Any,
    /// Anybody, but of two steps that are the same in either order the earlier writer's comes first.
    Reduced,
    /// Whose operation is through first, in a virtual time in which operations and waits take theirs.
    Timed,
}

pub(crate) struct World {
    choices: RefCell<Choices>,
    conditions: Conditions,
    faults: Cell<usize>,
    now: Cell<Duration>,
    /// When whoever stops now may go on.
    wake: Cell<Duration>,
    /// What they have stopped before.
    before: Cell<Operation>,
    count: Cell<u64>,
    crashed: Cell<bool>,
    late: RefCell<Vec<Task>>,
    schedule: RefCell<Vec<String>>,
    /// The record's states as they were in the table, where it can be looked at between any two operations.
    pub(crate) states: RefCell<Vec<Option<Record>>>,
    /// Every save that was asked for.
    pub(crate) sent: RefCell<Vec<Sent>>,
    /// Every answer to a reader: what it was, and what it showed.
    pub(crate) seen: RefCell<Vec<(String, Heard)>>,
}

impl World {
    pub(crate) fn new(choices: Choices, conditions: Conditions) -> World {
        World {
            choices: RefCell::new(choices),
            conditions,
            faults: Cell::new(0),
            now: Cell::new(BEGINNING),
            wake: Cell::default(),
            before: Cell::new(Operation::Still),
            count: Cell::default(),
            crashed: Cell::default(),
            late: RefCell::default(),
            schedule: RefCell::default(),
            states: RefCell::default(),
            sent: RefCell::default(),
            seen: RefCell::default(),
        }
    }

    /// One of `of`, the first being the plainest.
    pub(crate) fn below(&self, of: usize) -> usize {
        self.choices.borrow_mut().below(of)
    }

    /// What becomes of an operation: mostly the first of these, and at most so many times another.
    pub(crate) fn fate<F: Copy>(&self, fates: &[F]) -> F {
        if self.faults.get() == 0 {
            return fates[0];
        }
        let luck = self.conditions.luck;
        let chosen = self.below(fates.len() + luck).saturating_sub(luck);
        if chosen > 0 {
            self.faults.set(self.faults.get() - 1);
        }
        fates[chosen]
    }

    /// Until this there are none.
    pub(crate) fn let_faults_befall(&self) {
        self.faults.set(self.conditions.faults);
    }

    /// Whether there have been faults.
    pub(crate) fn is_faulty(&self) -> bool {
        self.faults.get() < self.conditions.faults
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(u64::try_from(self.now.get().as_millis()).unwrap_or(u64::MAX))
    }

    /// A number never given before.
    pub(crate) fn number(&self) -> u64 {
        self.count.set(self.count.get() + 1);
        self.count.get()
    }

    /// Bytes never given before, in this run or in that of another record.
    pub(crate) fn bytes(&self, id: &RecordId) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (number, of_id) = bytes.split_at_mut(8);
        number.copy_from_slice(&self.number().to_be_bytes());
        of_id.iter_mut().zip(id.as_str().bytes()).for_each(|(byte, of_id)| *byte = of_id);
        bytes
    }

    /// One line of the schedule.
    pub(crate) fn tell(&self, line: impl Display) {
        self.schedule.borrow_mut().push(line.to_string());
    }

    /// Lets others go on before an operation, if they are chosen.
    pub(crate) async fn turn(&self, before: Operation) {
        self.stop(before, Duration::ZERO).await;
    }

    /// The same where time counts, and so long.
    pub(crate) async fn pass(&self, duration: Duration) {
        if self.conditions.order == Order::Timed {
            self.stop(Operation::Still, duration).await;
        }
    }

    /// The same, for some time up to `longest`.
    pub(crate) async fn pass_some_of(&self, longest: Duration) {
        if self.conditions.order == Order::Timed {
            let part = self.below(1 << 16) as f64 / f64::from(1 << 16);
            self.stop(Operation::Still, longest.mul_f64(part)).await;
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

    /// Ends the process that answers a request: the request is never answered.
    pub(crate) async fn crash(&self) -> ! {
        self.crashed.set(true);
        std::future::pending().await
    }

    /// What comes of it, unless the process that is at it crashes.
    pub(crate) async fn unless_crashed<T>(&self, request: impl Future<Output = T>) -> Option<T> {
        let mut request = pin!(request);
        poll_fn(|context| match request.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending if self.crashed.take() => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await
    }

    /// Something that is under way with nobody waiting for it.
    pub(crate) fn under_way(&self, task: impl Future<Output = ()> + 'static) {
        self.late.borrow_mut().push(Box::pin(task));
    }

    /// Lets all of them go on to their ends, one operation after another. `false`: this order is the same as one that
    /// others of their choices come to.
    #[must_use]
    pub(crate) fn run(&self, tasks: Vec<Task>) -> bool {
        let mut waiting = VecDeque::new();
        let mut begun = 0;
        self.begin(tasks, &mut begun, &mut waiting);
        // The last step: whose, and what it was.
        let mut last: Option<(usize, Operation)> = None;
        while !waiting.is_empty() {
            let in_order = |one: &Waiting| {
                !last.is_some_and(|(number, step)| one.number < number && one.before.commutes_with(step))
            };
            let next = match self.conditions.order {
                Order::Any => self.below(waiting.len()),
                Order::Reduced => {
                    let places: Vec<usize> = (0..waiting.len()).filter(|place| in_order(&waiting[*place])).collect();
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
            last = Some((one.number, one.before));
            self.now.set(self.now.get().max(one.wake) + Duration::from_micros(1));
            // In front: the first choice is that whoever is at work goes on.
            if let Some(one) = self.step(one.number, one.task) {
                waiting.push_front(one);
            }
            self.begin(self.late.take(), &mut begun, &mut waiting);
        }
        true
    }

    /// What begins comes to its first operation at once.
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

    /// Lets all of them go on whenever they can: what is concurrent then is the table's own doing.
    pub(crate) async fn run_freely(&self, mut tasks: Vec<Task>) {
        poll_fn(|context| {
            tasks.append(&mut self.late.borrow_mut());
            tasks.retain_mut(|task| task.as_mut().poll(context).is_pending());
            if tasks.is_empty() && self.late.borrow().is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Does something on a table whose operations are done at once.
    pub(crate) fn at_once<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        loop {
            // It may stop where others could go on; there are none.
            if let Poll::Ready(done) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                return done;
            }
        }
    }

    /// What was chosen, and what happened.
    pub(crate) fn end(world: Rc<World>) -> (Choices, Vec<String>) {
        (world.choices.borrow().clone(), world.schedule.take())
    }
}

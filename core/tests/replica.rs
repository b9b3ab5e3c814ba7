//! A seeded simulation of replicas. Hosts are in two data centres, each with its clock and its cache. The index lags,
//! answers are late or lost, and both ripple and other programs write. Time is virtual, and a seed determines each
//! schedule.
//!
//! `RIPPLE_SEED=… cargo test -p ripple-core --test replica` repeats one schedule. `RIPPLE_SCHEDULES=…` sets their
//! number.
#![expect(clippy::disallowed_methods, reason = "a test has an environment and threads; what it tests has none")]

mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use ripple_core::limits;
use ripple_core::query::Query;
use ripple_core::record::schema::Resource;
use ripple_core::replica::refresh::{FRESH, Freshness, STALE};
use ripple_core::replica::{Clock as _, Preparation, Prepared, Replica};
use ripple_core::session::Session;
use ripple_core::store::{Capacity, Consistency, Source as _};
use ripple_core::{Record, RecordId, Timestamp};
use world::{DataCentre, HostClock, Link, World};

/// The knowledge of a reader.
#[derive(Default)]
struct Client {
    session: Session,
    /// The versions that it wrote, and when another program last wrote the record.
    wrote: BTreeMap<RecordId, u64>,
}

type Host = Replica<Link, HostClock, DataCentre>;
type Task = Pin<Box<dyn Future<Output = ()>>>;

struct Schedule {
    world: Rc<World>,
    hosts: Vec<Rc<Host>>,
    clients: Vec<Rc<RefCell<Client>>>,
    tasks: Vec<Task>,
}

impl Schedule {
    fn new(seed: u64) -> Schedule {
        let world = Rc::new(World::new(seed));
        let host = |colo: DataCentre| {
            let clock = HostClock::new(&world, colo.skew);
            Rc::new(Replica::new(Link::new(&world, colo.skew), clock, FRESH).with_shared_cache(colo))
        };
        let (here, there) = (DataCentre::new(&world), DataCentre::new(&world));
        let hosts = [here.clone(), here, there].map(host).into();
        Schedule { world, hosts, clients: (0..2).map(|_| Rc::default()).collect(), tasks: Vec::new() }
    }

    fn run(mut self) {
        let events = 10 + self.world.below(40);
        for _ in 0..events {
            self.world.advance(match self.world.below(10) {
                0 => 60_000 + self.world.below(600_000),
                1..4 => self.world.below(8_000),
                _ => self.world.below(500),
            });
            match self.world.below(10) {
                0..4 => self.write(),
                4 => self.world.write_behind_its_back(),
                _ => self.read(),
            }
            self.poll();
        }
        self.settle();
    }

    fn write(&self) {
        let client = &self.clients[self.world.below(2) as usize];
        let (id, version) = self.world.write();
        let mut client = client.borrow_mut();
        client.session.wrote(&id, version, Timestamp(self.world.now()));
        client.wrote.insert(id, version);
    }

    fn read(&mut self) {
        let world = Rc::clone(&self.world);
        let host = Rc::clone(&self.hosts[world.below(3) as usize]);
        let client = Rc::clone(&self.clients[world.below(2) as usize]);
        let newer = world.below(8) == 0;
        self.tasks.push(Box::pin(async move {
            let (session, wrote) = {
                let client = client.borrow();
                (client.session.clone(), client.wrote.clone())
            };
            let asked = host.clock().now();
            let mut cost = Capacity::default();
            let Preparation { result, behind } = host.prepare(&session, newer, &mut cost).await;
            if let Ok(prepared) = result {
                let prepared = prepared.expect("the table is small");
                check_age(&prepared, newer, host.clock().now().0 - asked.0);
                for (id, version) in &wrote {
                    let found = host.get(id, Consistency::Eventual, &mut cost).await.expect("memory answers");
                    let seen = found.as_ref().and_then(Record::number).unwrap_or(0);
                    assert!(
                        seen >= *version || world.was_rewritten(id),
                        "{id} is at version {seen}, its writer wrote {version}"
                    );
                }
                world.check_bound(&prepared, |id| host_version(&host, id));
            }
            if let Some(refresh) = behind {
                let _ = host.refresh(refresh, &mut cost).await;
            }
        }));
    }

    /// Polls every task.
    fn poll(&mut self) {
        let mut context = Context::from_waker(Waker::noop());
        self.tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
    }

    /// Lets everything settle: no more writes and no failures. Then each snapshot equals the table.
    fn settle(&mut self) {
        self.world.heal();
        for _ in 0..4 {
            for _ in 0..200 {
                self.world.advance(200);
                self.poll();
            }
            self.world.advance(700_000);
            self.poll();
        }
        for host in self.hosts.clone() {
            let answered = Rc::new(RefCell::new(None));
            let task = {
                let (host, answered) = (Rc::clone(&host), Rc::clone(&answered));
                async move {
                    let mut cost = Capacity::default();
                    let session = Session::default();
                    host.prepare(&session, true, &mut cost).await.result.expect("nothing fails");
                    let query = Query::parse(&[], &Resource::built_in()).expect("a query");
                    *answered.borrow_mut() =
                        Some(host.list(&query, &session, host.clock().now(), &mut cost).await.expect("memory"));
                }
            };
            self.tasks.push(Box::pin(task));
            for _ in 0..500 {
                self.poll();
                self.world.advance(50);
            }
            let page = answered.borrow_mut().take().expect("in quiet a read is answered");
            assert_eq!(String::from_utf8_lossy(&page.body), self.world.list(), "after quiet, snapshot is table");
        }
    }
}

fn host_version(host: &Host, id: &RecordId) -> u64 {
    let mut cost = Capacity::default();
    let mut future = Box::pin(host.get(id, Consistency::Eventual, &mut cost));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        std::task::Poll::Ready(Ok(project)) => project.as_ref().and_then(Record::number).unwrap_or(0),
        _ => panic!("memory answers at once"),
    }
}

fn check_age(prepared: &Prepared, newer: bool, waited: u64) {
    let age = u64::try_from(prepared.age.as_millis()).expect("small");
    match prepared.freshness {
        Freshness::Fresh => assert!(u128::from(age) <= FRESH.as_millis() + u128::from(waited), "{age} is not fresh"),
        Freshness::Stale => {
            assert!(!newer, "whoever wants it newer does not get it stale");
            assert!(u128::from(age) <= STALE.as_millis() + u128::from(waited), "{age} is past serving stale");
        }
        Freshness::StaleIfError => {
            assert!(u128::from(age) <= limits::STALE.as_millis() + u128::from(waited), "{age} is past serving at all");
        }
    }
}

#[test]
fn after_quiet_the_snapshot_is_the_table_and_before_it_keeps_its_bounds() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = number("RIPPLE_SEED") {
        return Schedule::new(seed).run();
    }
    let schedules = number("RIPPLE_SCHEDULES").unwrap_or(100_000);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                for seed in (thread..schedules).step_by(threads as usize) {
                    if std::panic::catch_unwind(|| Schedule::new(seed).run()).is_err() {
                        eprintln!("replay it: RIPPLE_SEED={seed} cargo test -p ripple-core --test replica");
                        panic!("the schedule of seed {seed} failed");
                    }
                }
            });
        }
    });
}

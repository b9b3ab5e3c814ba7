//! The simulation of a replica: one table, its writers and its feed, a replica whose host crashes, readers with sessions,
//! and sockets that come and go.
//!
//! ```text
//!  savers, another program ──▶ table ── stream ──▶ feed ──┐ late, twice, or lost
//!                                │                        ▼
//!                                └── reads that lag ──▶ object ──▶ copy in SQL ──▶ judge, after each transaction
//!                                                         ▲
//!                             readers, sockets, its alarm ┘
//! ```
//!
//! * `table` is the table with its whole past, so that a read may show an earlier state.
//! * `link` is the object's way to the table: it lags, fails, and the object may crash on it.
//! * `object` has the events of a Durable Object, as `replica/worker.js` has them.
//! * `sockets` are its sockets, and `keys` are the API keys whose clients open some of them.
//! * `sql` is its database. A statement may fail there.
//! * `people` are savers, another program and readers; `feed` is the feed; `page` is a page with a socket.
//! * `judge` formulates the invariants.
//!
//! These are tests, and no part of the library: the copy needs a database, and `ripple check` has none. The core's replica
//! has no switches for faults. A fault is put in between the replica and its database, its table or its host.
//!
//! `RIPPLE_STORMS=…` sets the number of storms, and `RIPPLE_SEED=…` the first seed.

mod feed;
mod judge;
mod keys;
mod link;
mod object;
mod page;
mod people;
mod sockets;
mod sql;
mod table;
mod world;

use std::sync::Mutex;

use crate::sim::choices::{Choices, shrink};
use world::{Fault, Storm};

/// The number of storms in a run of all tests. Each takes 50 ms of one CPU.
const STORMS: u64 = 5_000;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Returns the first seed whose storm breaks an invariant, and the shortest schedule that still does.
fn counterexample(seeds: std::ops::Range<u64>, fault: Option<Fault>) -> Option<(u64, Storm)> {
    let broken = |seed: &u64| Storm::run(Choices::seeded(*seed), fault).broken.is_some();
    let seed = seeds.into_iter().find(broken)?;
    let storm = Storm::run(Choices::seeded(seed), fault);
    let law = storm.broken.as_ref().map(|broken| broken.law);
    let again = |choices: &[usize]| Storm::run(Choices::given(choices.to_vec()), fault);
    let fails = |choices: &[usize]| {
        let storm = again(choices);
        (storm.broken.as_ref().map(|broken| broken.law) == law).then(|| storm.choices.taken())
    };
    let shrunk = again(&shrink(storm.choices.taken(), fails));
    Some((seed, if shrunk.broken.is_some() { shrunk } else { storm }))
}

#[test]
fn the_invariants_hold_in_every_storm_and_every_socket_hears_of_every_change() {
    let first = number("RIPPLE_SEED").unwrap_or(0);
    let end = first + number("RIPPLE_STORMS").unwrap_or(STORMS);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let next = Mutex::new(first..end);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.lock().expect("no panic").next();
                    let Some(seed) = seed else { break };
                    if let Some((seed, storm)) = counterexample(seed..seed + 1, None) {
                        // The others end.
                        *next.lock().expect("no panic") = end..end;
                        panic!("seed {seed}:\n{storm}");
                    }
                }
            });
        }
    });
}

/// Finds a fault in storms, and asserts that it breaks one of these laws.
#[track_caller]
fn is_found(fault: Fault, laws: &[&str]) {
    let found = (0..2_000).find_map(|seed| {
        let storm = Storm::run(Choices::seeded(seed), Some(fault));
        storm.broken.map(|broken| (seed, broken))
    });
    let (seed, broken) = found.unwrap_or_else(|| panic!("{fault:?} is not found by 2,000 storms"));
    println!("{fault:?}, seed {seed}: {broken}");
    assert!(laws.contains(&broken.law), "seed {seed}: {broken}");
}

#[test]
fn a_feed_that_makes_the_copy_younger() {
    is_found(Fault::FeedConfirms, &["I2"]);
}

#[test]
fn a_state_that_counts_as_seen_when_its_read_ends() {
    is_found(Fault::SeenAtTheEnd, &["order", "I9"]);
}

#[test]
fn a_full_read_that_deletes_without_a_strong_read() {
    is_found(Fault::NoStrongRead, &["I5"]);
}

#[test]
fn a_position_that_moves_without_its_page() {
    is_found(Fault::PositionAlone, &["I4"]);
}

#[test]
fn a_page_that_lags_and_replaces_what_is_newer() {
    is_found(Fault::LagIgnored, &["I9"]);
}

#[test]
fn an_alarm_that_throws() {
    is_found(Fault::AlarmThrows, &["liveness"]);
}

#[test]
fn an_equal_version_that_replaces() {
    // It is told again too.
    is_found(Fault::EqualReplaces, &["order", "I6"]);
}

#[test]
fn a_revoked_key_that_lives_again_when_its_client_comes_back() {
    is_found(Fault::KeyLivesAgain, &["I8"]);
}

#[test]
fn a_copy_that_begins_anew_and_forgets_revoked_keys() {
    is_found(Fault::KeysForgotten, &["I8"]);
}

#[test]
fn a_ticket_that_is_not_used_up() {
    is_found(Fault::TicketStays, &["I8"]);
}

#[test]
fn sockets_that_stay_when_their_key_is_revoked() {
    is_found(Fault::KeepsSockets, &["I8"]);
}

#[test]
fn a_socket_that_is_accepted_before_it_is_told_what_it_lacks() {
    is_found(Fault::AcceptsEarly, &["I6"]);
}

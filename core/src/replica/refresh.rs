//! The policy that decides when a snapshot is good enough to answer from, and what to do otherwise.
//!
//! ```text
//!   age:  0 ─────── fresh (5 s) ─────────── 60 s ──────────────────────────── an hour
//!         serve     serve, and refresh      refresh, then serve;              nothing to serve
//!                   in the background       if that fails: serve
//! ```
//!
//! The age is counted from the beginning of the last refresh that succeeded. Everything that was in the table and its
//! index by then is in the snapshot. One refresh runs at a time. The policy is a state machine: it receives the time
//! and returns an action. It does no I/O, so it can be simulated.

use std::time::Duration;

use crate::limits::{self, OVERLAP};
use crate::time::Timestamp;

/// How long a snapshot is served without a refresh, unless configured otherwise.
pub const FRESH: Duration = Duration::from_secs(5);
/// How long a snapshot is served while a refresh runs in the background.
pub const STALE: Duration = Duration::from_secs(60);
/// How often the whole table is read at most, for records of other writers that the index never showed.
const FULL_READ: Duration = Duration::from_secs(10 * 60);
/// How much longer the pause between full reads is for each MB. So the full reads of a table of any size cost at most
/// $1.80 a month.
const FOR_EACH_MB: Duration = Duration::from_secs(150);
/// How often the whole table is read while the feed adopts what other programs write. The index shows adopted records.
const CHECK: Duration = limits::DAY;
/// The time after which a refresh that did not end counts as lost, since the request that ran it has ended.
pub const REFRESH_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after a failed refresh. It doubles with each further failure.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause after failed refreshes.
const GREATEST_PAUSE: Duration = Duration::from_secs(16);

/// Returns the pause between full reads of a table of this many bytes. `fed`: the feed adopts what other programs write.
#[must_use]
pub fn full_read_pause(bytes: u64, fed: bool) -> Duration {
    if fed {
        return CHECK;
    }
    let megabytes = u32::try_from(bytes / (1024 * 1024)).unwrap_or(u32::MAX);
    FULL_READ.max(FOR_EACH_MB.saturating_mul(megabytes))
}

/// The state of the policy: the last refreshes, and the one in progress.
#[derive(Clone, Debug)]
pub struct RefreshPolicy {
    fresh: Duration,
    /// How long the snapshot is served while no refresh succeeds.
    stale: Duration,
    /// When the last refresh that succeeded began.
    confirmed: Option<Timestamp>,
    /// When the last full read that succeeded began.
    full: Option<Timestamp>,
    /// The pause between full reads.
    full_read_pause: Duration,
    underway: Option<Refresh>,
    /// When the last refresh failed, and the number of failures since the last success.
    failed: Option<(Timestamp, u32)>,
}

/// A refresh to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// When it began.
    pub began: Timestamp,
    /// What it reads.
    pub read: Read,
}

/// The extent of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The whole table.
    All,
    /// The changes since this time.
    Since(Timestamp),
}

/// The action for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer from the snapshot.
    Serve(Freshness),
    /// Answer from the snapshot, and run this refresh in the background.
    ServeAndRefresh(Refresh),
    /// Run this refresh, then ask again.
    Refresh(Refresh),
    /// Another request runs a refresh: ask again in a moment.
    Wait,
    /// There is no snapshot to answer from, and DynamoDB does not answer.
    Fail,
}

/// The freshness of a snapshot that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Within its fresh time.
    Fresh,
    /// Past its fresh time, while a refresh is in progress or pauses.
    Stale,
    /// Past its fresh time, since refreshes fail.
    StaleIfError,
}

impl RefreshPolicy {
    /// Returns a policy without a snapshot. `fresh` is how long a snapshot is served without a refresh.
    #[must_use]
    pub fn new(fresh: Duration) -> RefreshPolicy {
        RefreshPolicy {
            fresh,
            stale: limits::STALE,
            confirmed: None,
            full: None,
            full_read_pause: FULL_READ,
            underway: None,
            failed: None,
        }
    }

    /// Returns how long a snapshot is served without a refresh.
    #[must_use]
    pub fn fresh(&self) -> Duration {
        self.fresh
    }

    /// Sets how long the snapshot is served while no refresh succeeds.
    pub fn set_stale(&mut self, stale: Duration) {
        self.stale = stale;
    }

    /// Returns the pause between full reads.
    #[must_use]
    pub fn full_read_pause(&self) -> Duration {
        self.full_read_pause
    }

    /// Sets the pause between full reads.
    pub fn set_full_read_pause(&mut self, pause: Duration) {
        self.full_read_pause = pause;
    }

    /// Returns the age of the snapshot. Returns `None` if no refresh has succeeded.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.confirmed.map(|confirmed| Duration::from_millis(now.0.saturating_sub(confirmed.0)))
    }

    /// Returns the action for a request that arrived at `asked`. With `newer` the request accepts only a refresh that
    /// began after it arrived.
    pub fn next_action(&mut self, now: Timestamp, asked: Timestamp, newer: bool) -> Action {
        self.underway = self.underway.filter(|refresh| now < refresh.began.after(REFRESH_TIMEOUT));
        let age = self.age(now);
        let confirmed_since = self.confirmed.is_some_and(|confirmed| confirmed >= asked);
        match age {
            Some(age) if confirmed_since || age <= self.fresh && !newer => Action::Serve(Freshness::Fresh),
            Some(age) if age <= STALE && !newer => {
                if self.underway.is_none() && !self.pauses(now) {
                    Action::ServeAndRefresh(self.begin(now))
                } else {
                    Action::Serve(Freshness::Stale)
                }
            }
            _ if self.underway.is_some() => Action::Wait,
            // A refresh failed for this request, or so recently that it is not tried again.
            _ if self.failed.is_some_and(|(at, _)| at >= asked) || self.pauses(now) => match age {
                Some(age) if age <= self.stale => Action::Serve(Freshness::StaleIfError),
                _ => Action::Fail,
            },
            _ => Action::Refresh(self.begin(now)),
        }
    }

    /// Begins a refresh at once, since a change is known. Returns `None` if one is underway, or there is no snapshot.
    pub fn hasten(&mut self, now: Timestamp) -> Option<Refresh> {
        let underway = self.underway.is_some_and(|refresh| now < refresh.began.after(REFRESH_TIMEOUT));
        (!underway && self.confirmed.is_some()).then(|| self.begin(now))
    }

    /// Records that a refresh succeeded.
    pub fn succeeded(&mut self, refresh: Refresh) {
        self.end(refresh);
        self.confirmed = self.confirmed.max(Some(refresh.began));
        if refresh.read == Read::All {
            self.full = self.full.max(Some(refresh.began));
        }
        self.failed = None;
    }

    /// Reports whether another host's full read that began at `began` can replace one by this host. It must be newer
    /// than this host's last full read, and younger than the pause between full reads.
    #[must_use]
    pub fn would_take(&self, began: Timestamp, now: Timestamp) -> bool {
        (began..began.after(self.full_read_pause)).contains(&now) && self.full.is_none_or(|full| full < began)
    }

    /// Records that another host's full read, which began at `began`, replaced a refresh. Later changes are still to be
    /// read.
    pub fn took(&mut self, refresh: Refresh, began: Timestamp) {
        self.end(refresh);
        self.confirmed = self.confirmed.max(Some(began));
        self.full = self.full.max(Some(began));
    }

    /// Records that a refresh failed at `now`.
    pub fn failed(&mut self, refresh: Refresh, now: Timestamp) {
        self.end(refresh);
        let times = self.failed.map_or(0, |(_, times)| times);
        self.failed = Some((now, times.saturating_add(1)));
    }

    fn end(&mut self, refresh: Refresh) {
        if self.underway == Some(refresh) {
            self.underway = None;
        }
    }

    fn begin(&mut self, now: Timestamp) -> Refresh {
        let since = self.confirmed.filter(|_| self.full.is_some_and(|full| now < full.after(self.full_read_pause)));
        let read = since.map_or(Read::All, |confirmed| Read::Since(confirmed.before(OVERLAP)));
        let refresh = Refresh { began: now, read };
        self.underway = Some(refresh);
        refresh
    }

    fn pauses(&self, now: Timestamp) -> bool {
        self.failed.is_some_and(|(at, times)| {
            let doubled = FIRST_PAUSE.saturating_mul(1 << times.saturating_sub(1).min(8));
            now < at.after(doubled.min(GREATEST_PAUSE))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: u64) -> Timestamp {
        Timestamp(1_000_000 + seconds * 1000)
    }

    fn ask(policy: &mut RefreshPolicy, now: Timestamp) -> Action {
        policy.next_action(now, now, false)
    }

    /// Returns a policy whose snapshot was filled at second 0.
    fn filled() -> RefreshPolicy {
        let mut policy = RefreshPolicy::new(FRESH);
        let Action::Refresh(refresh) = ask(&mut policy, at(0)) else { panic!("nothing is known") };
        assert_eq!(refresh, Refresh { began: at(0), read: Read::All });
        policy.succeeded(refresh);
        policy
    }

    #[test]
    fn a_known_change_begins_one_refresh() {
        assert_eq!(RefreshPolicy::new(FRESH).hasten(at(0)), None);
        let mut policy = filled();
        let refresh = Refresh { began: at(2), read: Read::Since(at(0).before(OVERLAP)) };
        assert_eq!(policy.hasten(at(2)), Some(refresh));
        assert_eq!(policy.hasten(at(3)), None);
        policy.succeeded(refresh);
        assert_eq!(policy.age(at(3)), Some(Duration::from_secs(1)));
    }

    #[test]
    fn fresh_then_stale_then_waited_for() {
        let mut policy = filled();
        assert_eq!(ask(&mut policy, at(5)), Action::Serve(Freshness::Fresh));
        let behind = Refresh { began: at(6), read: Read::Since(at(0).before(OVERLAP)) };
        assert_eq!(ask(&mut policy, at(6)), Action::ServeAndRefresh(behind));
        assert_eq!(ask(&mut policy, at(7)), Action::Serve(Freshness::Stale));
        policy.succeeded(behind);
        assert_eq!(ask(&mut policy, at(8)), Action::Serve(Freshness::Fresh));
        assert!(matches!(ask(&mut policy, at(67)), Action::Refresh(_)));
        assert_eq!(ask(&mut policy, at(68)), Action::Wait);
    }

    #[test]
    fn the_whole_table_is_read_every_ten_minutes() {
        let mut policy = filled();
        let Action::Refresh(Refresh { read, .. }) = ask(&mut policy, at(600)) else { panic!("it is old") };
        assert_eq!(read, Read::All);
    }

    #[test]
    fn full_reads_of_a_large_or_fed_table_are_further_apart() {
        let megabytes = |count: u64| count * 1024 * 1024;
        assert_eq!(full_read_pause(megabytes(4), false), Duration::from_secs(600));
        assert_eq!(full_read_pause(megabytes(64), false), Duration::from_secs(64 * 150));
        assert_eq!(full_read_pause(megabytes(64), true), limits::DAY);

        let mut policy = filled();
        policy.set_full_read_pause(full_read_pause(0, true));
        let Action::Refresh(refresh) = ask(&mut policy, at(86_399)) else { panic!("it is old") };
        assert_eq!(refresh.read, Read::Since(at(0).before(OVERLAP)));
        policy.succeeded(refresh);
        let Action::Refresh(refresh) = ask(&mut policy, at(86_500)) else { panic!("it is old") };
        assert_eq!(refresh.read, Read::All);
    }

    #[test]
    fn no_cache_wants_what_is_known_since_it_came() {
        let mut policy = filled();
        let asked = at(1);
        let Action::Refresh(refresh) = policy.next_action(at(1), asked, true) else { panic!("nothing is known since") };
        assert_eq!(policy.next_action(at(2), at(2), true), Action::Wait);
        policy.succeeded(refresh);
        assert_eq!(policy.next_action(at(3), asked, true), Action::Serve(Freshness::Fresh));
        assert!(matches!(policy.next_action(at(3), at(2), true), Action::Refresh(_)));
    }

    #[test]
    fn while_refreshes_fail_the_last_snapshot_is_served_for_an_hour() {
        let mut policy = filled();
        let asked = at(100);
        let Action::Refresh(refresh) = policy.next_action(asked, asked, false) else { panic!("it is old") };
        policy.failed(refresh, at(101));
        assert_eq!(policy.next_action(at(101), asked, false), Action::Serve(Freshness::StaleIfError));
        assert_eq!(ask(&mut policy, at(101)), Action::Serve(Freshness::StaleIfError), "no storm of retries");
        let Action::Refresh(refresh) = ask(&mut policy, at(103)) else { panic!("the pause is over") };
        policy.failed(refresh, at(104));
        assert_eq!(ask(&mut policy, at(105)), Action::Serve(Freshness::StaleIfError));
        let late = at(24 * 60 * 60 + 1);
        let Action::Refresh(refresh) = ask(&mut policy, late) else { panic!("the pause is over") };
        policy.failed(refresh, late);
        assert_eq!(ask(&mut policy, late), Action::Fail);
    }

    #[test]
    fn a_full_read_of_another_host_serves_as_ones_own() {
        let mut policy = RefreshPolicy::new(FRESH);
        let Action::Refresh(refresh) = ask(&mut policy, at(100)) else { panic!("nothing is known") };
        assert!(policy.would_take(at(0), at(100)) && !policy.would_take(at(0), at(600)), "too old by then");
        assert!(!policy.would_take(at(101), at(100)), "of the future");
        policy.took(refresh, at(0));
        assert!(!policy.would_take(at(0), at(101)), "it is known");
        let Action::Refresh(refresh) = ask(&mut policy, at(100)) else { panic!("what came since is yet to be read") };
        assert_eq!(refresh.read, Read::Since(at(0).before(OVERLAP)));
        policy.succeeded(refresh);
        assert_eq!(ask(&mut policy, at(101)), Action::Serve(Freshness::Fresh));
        let Action::Refresh(refresh) = ask(&mut policy, at(600)) else { panic!("it is old") };
        assert_eq!(refresh.read, Read::All, "ten minutes from when that read began");
        // A full read that is still fresh is served at once.
        policy.took(refresh, at(597));
        assert_eq!(ask(&mut policy, at(601)), Action::Serve(Freshness::Fresh));
    }

    #[test]
    fn how_long_it_is_served_while_refreshes_fail_is_a_setting() {
        for (stale, last) in [(None, limits::STALE.as_secs()), (Some(120), 120)] {
            let mut policy = filled();
            if let Some(stale) = stale {
                policy.set_stale(Duration::from_secs(stale));
            }
            for (second, step) in [(last, Action::Serve(Freshness::StaleIfError)), (last + 60, Action::Fail)] {
                let Action::Refresh(refresh) = ask(&mut policy, at(second)) else { panic!("it is old") };
                policy.failed(refresh, at(second));
                assert_eq!(ask(&mut policy, at(second)), step, "{second}");
            }
        }
    }

    #[test]
    fn a_refresh_whose_runner_is_gone_is_taken_over() {
        let mut policy = RefreshPolicy::new(FRESH);
        assert!(matches!(ask(&mut policy, at(0)), Action::Refresh(_)));
        assert_eq!(ask(&mut policy, at(29)), Action::Wait);
        assert!(matches!(ask(&mut policy, at(30)), Action::Refresh(_)));
    }
}

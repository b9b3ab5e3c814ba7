//! When a snapshot is good enough to answer from, and what to do when it is not.
//!
//! ```text
//!   age:  0 ─────── fresh (5 s) ─────────── 60 s ──────────────────────────── an hour
//!         serve     serve, and refresh      refresh, then serve;              nothing to serve
//!                   behind it               where that fails: serve
//! ```
//!
//! Age is counted from the beginning of the last refresh that succeeded: whatever was in the table by then, and in
//! its index, is in the snapshot. One refresh runs at a time. A state machine: it is told the time and answers what to
//! do; it does nothing itself, so that it can be simulated.

use std::time::Duration;

use crate::limits::{self, OVERLAP};
use crate::time::Timestamp;

/// How long a snapshot is served with nothing done, unless configured otherwise.
pub const FRESH: Duration = Duration::from_secs(5);
/// How long it is served while a refresh runs behind it.
pub const STALE: Duration = Duration::from_secs(60);
/// How often the whole table is read, for what the index never showed: records written by others.
pub const FULL_READ: Duration = Duration::from_secs(10 * 60);
/// When a refresh that did not end counts as lost: whoever ran it is gone.
pub const REFRESH_TIMEOUT: Duration = Duration::from_secs(30);
/// After a refresh failed, none is tried for a second; after each further one, twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// But for no longer than this.
const GREATEST_PAUSE: Duration = Duration::from_secs(16);

/// The state: what was refreshed when, and what is under way.
#[derive(Clone, Debug)]
pub struct RefreshPolicy {
    fresh: Duration,
    /// How long it is served while no refresh succeeds.
    stale: Duration,
    /// When the last refresh that succeeded began.
    confirmed: Option<Timestamp>,
    /// When the last full read that succeeded began.
    full: Option<Timestamp>,
    underway: Option<Refresh>,
    /// When the last refresh failed, and how many have since one succeeded.
    failed: Option<(Timestamp, u32)>,
}

/// A refresh to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refresh {
    /// When it began.
    pub began: Timestamp,
    /// What to read.
    pub read: Read,
}

/// What a refresh reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// The whole table.
    All,
    /// What was written since.
    Since(Timestamp),
}

/// What to do for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer from the snapshot.
    Serve(Freshness),
    /// Answer from the snapshot, and do this behind it.
    ServeAndRefresh(Refresh),
    /// Do this, then ask again.
    Refresh(Refresh),
    /// Somebody else is at it: ask again in a moment.
    Wait,
    /// There is nothing to answer from, and DynamoDB does not answer.
    Fail,
}

/// How fresh what is served is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Within its time.
    Fresh,
    /// Past it, while a refresh is under way.
    Stale,
    /// Past it, since refreshes fail.
    StaleIfError,
}

impl RefreshPolicy {
    /// With nothing known. `fresh` is how long a snapshot is served with nothing done.
    #[must_use]
    pub fn new(fresh: Duration) -> RefreshPolicy {
        RefreshPolicy { fresh, stale: limits::STALE, confirmed: None, full: None, underway: None, failed: None }
    }

    /// How long a snapshot is served with nothing done.
    #[must_use]
    pub fn fresh(&self) -> Duration {
        self.fresh
    }

    /// Sets how long the snapshot is served while no refresh succeeds.
    pub fn set_stale(&mut self, stale: Duration) {
        self.stale = stale;
    }

    /// How old the snapshot is.
    #[must_use]
    pub fn age(&self, now: Timestamp) -> Option<Duration> {
        self.confirmed.map(|confirmed| Duration::from_millis(now.0.saturating_sub(confirmed.0)))
    }

    /// What to do for a request that came at `asked`; `newer`: it wants nothing known before it came.
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
            // It was tried for this request, or so shortly before that it is not tried again.
            _ if self.failed.is_some_and(|(at, _)| at >= asked) || self.pauses(now) => match age {
                Some(age) if age <= self.stale => Action::Serve(Freshness::StaleIfError),
                _ => Action::Fail,
            },
            _ => Action::Refresh(self.begin(now)),
        }
    }

    /// A refresh succeeded.
    pub fn succeeded(&mut self, refresh: Refresh) {
        self.end(refresh);
        self.confirmed = self.confirmed.max(Some(refresh.began));
        if refresh.read == Read::All {
            self.full = self.full.max(Some(refresh.began));
        }
        self.failed = None;
    }

    /// Whether a full read of another host's, that began at `began`, serves in place of one of this host's: it tells
    /// more than the last did, and not less than one may that is due only after [`FULL_READ`].
    #[must_use]
    pub fn would_take(&self, began: Timestamp, now: Timestamp) -> bool {
        (began..began.after(FULL_READ)).contains(&now) && self.full.is_none_or(|full| full < began)
    }

    /// In place of a refresh, a full read was taken over that began at `began`. What was written since is yet to be read.
    pub fn took(&mut self, refresh: Refresh, began: Timestamp) {
        self.end(refresh);
        self.confirmed = self.confirmed.max(Some(began));
        self.full = self.full.max(Some(began));
    }

    /// A refresh failed at `now`.
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
        let since = self.confirmed.filter(|_| self.full.is_some_and(|full| now < full.after(FULL_READ)));
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

    /// Filled at second 0.
    fn filled() -> RefreshPolicy {
        let mut policy = RefreshPolicy::new(FRESH);
        let Action::Refresh(refresh) = ask(&mut policy, at(0)) else { panic!("nothing is known") };
        assert_eq!(refresh, Refresh { began: at(0), read: Read::All });
        policy.succeeded(refresh);
        policy
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
    fn while_refreshes_fail_the_last_snapshot_is_served_for_a_day() {
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
        // One that is as fresh as may be is served at once.
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

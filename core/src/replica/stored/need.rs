//! What a host does before it answers from a copy, by the copy's age. The ages are those of a
//! [snapshot](super::super::refresh), but a host in which all requests share one refresh has no need to wait in turns.

use std::time::Duration;

use super::super::refresh::{Freshness, STALE};
use crate::time::Timestamp;

/// The ages of a copy.
#[derive(Clone, Copy, Debug)]
pub struct Ages {
    /// How long the copy is served without a refresh.
    pub fresh: Duration,
    /// How long it is served while no refresh succeeds.
    pub stale: Duration,
}

/// What to do for a read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Answer.
    Serve(Freshness),
    /// Answer, and refresh beside it.
    ServeAndRefresh,
    /// Refresh, and ask again.
    Refresh,
    /// The copy cannot answer.
    Nothing,
}

impl Ages {
    /// Returns what to do for a read that arrived at `asked`. `newer`: the client accepts only what was read since then.
    /// `failed`: a refresh has failed for this read, or a moment ago.
    #[must_use]
    pub fn need(
        &self,
        confirmed: Option<Timestamp>,
        now: Timestamp,
        asked: Timestamp,
        newer: bool,
        failed: bool,
    ) -> Need {
        let Some(confirmed) = confirmed else { return Need::Nothing };
        let age = Duration::from_millis(now.0.saturating_sub(confirmed.0));
        if confirmed >= asked || age <= self.fresh && !newer {
            Need::Serve(Freshness::Fresh)
        } else if failed {
            if age <= self.stale { Need::Serve(Freshness::StaleIfError) } else { Need::Nothing }
        } else if age <= STALE && !newer {
            Need::ServeAndRefresh
        } else {
            Need::Refresh
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_then_stale_then_waited_for_then_nothing() {
        let ages = Ages { fresh: Duration::from_secs(5), stale: Duration::from_secs(3600) };
        let at = |seconds: u64| Timestamp(1_000_000 + seconds * 1000);
        let ask = |age: u64, newer, failed| ages.need(Some(at(0)), at(age), at(age), newer, failed);
        assert_eq!(ask(5, false, false), Need::Serve(Freshness::Fresh));
        assert_eq!(ask(6, false, false), Need::ServeAndRefresh);
        assert_eq!(ask(60, false, false), Need::ServeAndRefresh);
        assert_eq!(ask(61, false, false), Need::Refresh);
        assert_eq!(ask(1, true, false), Need::Refresh);
        assert_eq!(ask(6, false, true), Need::Serve(Freshness::StaleIfError));
        assert_eq!(ask(3600, true, true), Need::Serve(Freshness::StaleIfError));
        assert_eq!(ask(3601, false, true), Need::Nothing);
        assert_eq!(ages.need(None, at(0), at(0), false, false), Need::Nothing);
        // It was refreshed for this read.
        assert_eq!(ages.need(Some(at(0)), at(90), at(0), true, true), Need::Serve(Freshness::Fresh));
    }
}

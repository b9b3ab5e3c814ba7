//! How often a key may ask: a token bucket a key, in the isolate's memory, so that the hot path awaits nothing.
//!
//! An isolate sees only its own share of a key's requests. What counts them together, Cloudflare's rate-limit binding,
//! is asked in the background; what it refuses, the bucket refuses for a while.

use std::cell::RefCell;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::time::Duration;

use ripple_core::Timestamp;

/// Keys counted at once: memory stays bounded whoever asks.
const KEYS: usize = 4096;
/// Seconds' worth of requests that may come at once.
const BURST: f64 = 2.0;
/// How long a refusal of the binding holds: the shortest period that it counts.
pub(crate) const REFUSED: Duration = Duration::from_secs(10);

/// Buckets of the keys that asked lately.
#[derive(Debug)]
pub(crate) struct Limiter {
    rate: Option<f64>,
    buckets: RefCell<HashMap<String, Bucket>>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
    refused_until: Timestamp,
}

impl Limiter {
    /// So many requests a second and key, or any number.
    pub(crate) fn new(rate: Option<NonZeroU32>) -> Limiter {
        Limiter { rate: rate.map(|rate| f64::from(rate.get())), buckets: RefCell::default() }
    }

    /// Counts a request. `Err`: one too many, and when to ask again.
    pub(crate) fn take(&self, key_id: &str, now: Timestamp) -> Result<(), Duration> {
        let Some(rate) = self.rate else { return Ok(()) };
        let mut buckets = self.buckets.borrow_mut();
        if !buckets.contains_key(key_id) {
            make_room(&mut buckets);
            buckets.insert(key_id.to_owned(), Bucket::full(rate, now));
        }
        let bucket = buckets.get_mut(key_id).expect("it was there or has been put there");
        bucket.fill(rate, now);
        if now < bucket.refused_until {
            return Err(Duration::from_millis(bucket.refused_until.0 - now.0));
        }
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / rate));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Has a key refused until then.
    pub(crate) fn refuse(&self, key_id: &str, until: Timestamp) {
        if let Some(bucket) = self.buckets.borrow_mut().get_mut(key_id) {
            bucket.refused_until = until;
        }
    }
}

impl Bucket {
    fn full(rate: f64, now: Timestamp) -> Bucket {
        Bucket { tokens: rate * BURST, filled: now, refused_until: Timestamp(0) }
    }

    fn fill(&mut self, rate: f64, now: Timestamp) {
        let passed = now.0.saturating_sub(self.filled.0) as f64 / 1000.0;
        self.tokens = (self.tokens + passed * rate).min(rate * BURST);
        self.filled = now;
    }
}

/// Forgets whoever asked last the longest ago, whose bucket is likely full again: forgetting a full one changes nothing.
fn make_room(buckets: &mut HashMap<String, Bucket>) {
    if buckets.len() < KEYS {
        return;
    }
    let idle = buckets.iter().min_by_key(|(_, bucket)| bucket.filled).map(|(key_id, _)| key_id.clone());
    if let Some(idle) = idle {
        buckets.remove(&idle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(rate: u32) -> Limiter {
        Limiter::new(NonZeroU32::new(rate))
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limiter = limiter(10);
        for _ in 0..20 {
            limiter.take("a", Timestamp(0)).unwrap();
        }
        assert_eq!(limiter.take("a", Timestamp(0)), Err(Duration::from_millis(100)));
        limiter.take("b", Timestamp(0)).unwrap();
        limiter.take("a", Timestamp(100)).unwrap();
        assert!(limiter.take("a", Timestamp(100)).is_err());
    }

    #[test]
    fn what_the_binding_refuses_is_refused_for_a_while() {
        let limiter = limiter(10);
        limiter.take("a", Timestamp(0)).unwrap();
        limiter.refuse("a", Timestamp(10_000));
        assert_eq!(limiter.take("a", Timestamp(4_000)), Err(Duration::from_secs(6)));
        limiter.take("a", Timestamp(10_000)).unwrap();
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing_away() {
        let limiter = limiter(1);
        limiter.take("a", Timestamp(5_000)).unwrap();
        limiter.take("a", Timestamp(1_000)).unwrap();
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_key_is_kept() {
        let limiter = limiter(1);
        for other in 1..=2 * KEYS {
            let now = Timestamp(other as u64);
            let _ = limiter.take("busy", now);
            limiter.take(&other.to_string(), now).unwrap();
        }
        assert_eq!(limiter.buckets.borrow().len(), KEYS);
        assert!(limiter.buckets.borrow().contains_key("busy"));
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let limiter = Limiter::new(None);
        for _ in 0..1000 {
            limiter.take("a", Timestamp(0)).unwrap();
        }
        assert!(limiter.buckets.borrow().is_empty());
    }
}

//! Rate limits for keys, and for addresses without a known key. Each has a token bucket in the host's memory, so that
//! the hot path awaits nothing.
//!
//! A host sees only its own share of a key's requests. A shared counter (at the edge, Cloudflare's rate-limit binding)
//! can be asked in the background. If it refuses a key, the key's bucket refuses for a while. On AWS, API Gateway
//! counts.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::time::Timestamp;

/// The number of keys counted at once. It bounds memory.
const KEYS: usize = 4096;
/// The burst, in seconds' worth of requests.
const BURST: u32 = 2;

/// The buckets of the keys or addresses with recent requests.
#[derive(Debug)]
pub struct Limiter {
    whose: &'static str,
    rate: Option<NonZeroU32>,
    buckets: Mutex<HashMap<String, Bucket>>,
}

/// The refusal of a key or a client address that sends more requests than it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this {whose} asks too often; try again later")]
pub struct TooOften {
    /// `key` or `address`.
    pub whose: &'static str,
    /// How long the client must wait.
    pub wait: Duration,
    /// The number of requests allowed in a window, if this host counts them itself.
    pub burst: Option<u32>,
    /// The window, in seconds.
    pub window: u32,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    filled: Timestamp,
    refused_until: Timestamp,
}

/// The client's address. A host that knows it puts it into the extensions of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientAddress(String);

impl ClientAddress {
    /// Returns the address to count. An IPv6 address (in the form of RFC 5952) counts as its network of 64 bits, which
    /// one client has.
    #[must_use]
    pub fn of(text: &str) -> ClientAddress {
        let end = text.match_indices(':').nth(3).map_or(text.len(), |(at, _)| at);
        let network = &text[..end];
        ClientAddress(network.split_once("::").map_or(network, |(network, _)| network).to_owned())
    }
}

impl Limiter {
    /// Returns a limiter of requests a second for each key. `None` sets no limit.
    #[must_use]
    pub fn new(rate: Option<NonZeroU32>) -> Limiter {
        Limiter { whose: "key", rate, buckets: Mutex::default() }
    }

    /// Returns a limiter of requests a second for each address. `None` sets no limit.
    #[must_use]
    pub fn of_addresses(rate: Option<NonZeroU32>) -> Limiter {
        Limiter { whose: "address", ..Limiter::new(rate) }
    }

    /// Counts a request of an address, if the host knows the address.
    pub(crate) fn take_from(&self, address: Option<&ClientAddress>, now: Timestamp) -> Result<(), TooOften> {
        address.map_or(Ok(()), |address| self.take(&address.0, now))
    }

    /// Counts a request.
    ///
    /// # Errors
    /// If the limit is exceeded, with the time to wait.
    pub fn take(&self, key_id: &str, now: Timestamp) -> Result<(), TooOften> {
        let burst = self.rate.map(|rate| rate.get().saturating_mul(BURST));
        let too_many = |wait| Err(TooOften { whose: self.whose, wait, burst, window: BURST });
        let mut buckets = self.lock();
        if let Some(bucket) = buckets.get(key_id).filter(|bucket| now < bucket.refused_until) {
            return too_many(Duration::from_millis(bucket.refused_until.0 - now.0));
        }
        let Some(rate) = self.rate.map(|rate| f64::from(rate.get())) else { return Ok(()) };
        let bucket = bucket_of(&mut buckets, key_id, rate, now);
        bucket.fill(rate, now);
        if bucket.tokens < 1.0 {
            return too_many(Duration::from_secs_f64((1.0 - bucket.tokens) / rate));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }

    /// Refuses a key from `now` until `until`, whatever the rate of this host.
    pub fn refuse(&self, key_id: &str, now: Timestamp, until: Timestamp) {
        let rate = self.rate.map_or(0.0, |rate| f64::from(rate.get()));
        bucket_of(&mut self.lock(), key_id, rate, now).refused_until = until;
    }

    /// Locks the map. A panic elsewhere leaves it consistent, since each change is one insert or one removal.
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    fn full(rate: f64, now: Timestamp) -> Bucket {
        Bucket { tokens: rate * f64::from(BURST), filled: now, refused_until: Timestamp(0) }
    }

    fn fill(&mut self, rate: f64, now: Timestamp) {
        let passed = now.0.saturating_sub(self.filled.0) as f64 / 1000.0;
        self.tokens = (self.tokens + passed * rate).min(rate * f64::from(BURST));
        self.filled = now;
    }
}

fn bucket_of<'a>(buckets: &'a mut HashMap<String, Bucket>, key_id: &str, rate: f64, now: Timestamp) -> &'a mut Bucket {
    if !buckets.contains_key(key_id) {
        make_room(buckets);
    }
    buckets.entry(key_id.to_owned()).or_insert_with(|| Bucket::full(rate, now))
}

/// Removes the bucket whose last request is oldest. It is likely full again, and removing a full bucket changes
/// nothing.
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

    fn wait(outcome: Result<(), TooOften>) -> Option<Duration> {
        outcome.err().map(|refused| refused.wait)
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds() {
        let limiter = limiter(10);
        for _ in 0..20 {
            limiter.take("a", Timestamp(0)).expect("room");
        }
        assert_eq!(wait(limiter.take("a", Timestamp(0))), Some(Duration::from_millis(100)));
        limiter.take("b", Timestamp(0)).expect("room");
        limiter.take("a", Timestamp(100)).expect("room");
        assert!(limiter.take("a", Timestamp(100)).is_err());
    }

    #[test]
    fn what_others_refuse_is_refused_for_a_while() {
        let limiter = limiter(10);
        limiter.take("a", Timestamp(0)).expect("room");
        limiter.refuse("a", Timestamp(0), Timestamp(10_000));
        assert_eq!(wait(limiter.take("a", Timestamp(4_000))), Some(Duration::from_secs(6)));
        limiter.take("a", Timestamp(10_000)).expect("room");
    }

    #[test]
    fn what_others_refuse_is_refused_without_a_rate_too() {
        let limiter = Limiter::new(None);
        limiter.take("a", Timestamp(0)).expect("room");
        limiter.refuse("a", Timestamp(0), Timestamp(10_000));
        assert_eq!(wait(limiter.take("a", Timestamp(4_000))), Some(Duration::from_secs(6)));
        limiter.take("b", Timestamp(4_000)).expect("another key");
        limiter.take("a", Timestamp(10_000)).expect("room");
    }

    #[test]
    fn an_address_of_ipv6_is_its_network() {
        let of = ClientAddress::of;
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2:0:0:9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    #[test]
    fn a_clock_that_goes_back_takes_nothing_away() {
        let limiter = limiter(1);
        limiter.take("a", Timestamp(5_000)).expect("room");
        limiter.take("a", Timestamp(1_000)).expect("room");
    }

    #[test]
    fn memory_is_bounded_and_the_busiest_key_is_kept() {
        let limiter = limiter(1);
        for other in 1..=2 * KEYS {
            let now = Timestamp(other as u64);
            let _ = limiter.take("busy", now);
            limiter.take(&other.to_string(), now).expect("room");
        }
        assert_eq!(limiter.lock().len(), KEYS);
        assert!(limiter.lock().contains_key("busy"));
    }

    #[test]
    fn without_a_rate_nothing_is_counted() {
        let limiter = Limiter::new(None);
        for _ in 0..1000 {
            limiter.take("a", Timestamp(0)).expect("room");
        }
        assert!(limiter.lock().is_empty());
    }
}

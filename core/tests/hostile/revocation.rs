//! Tests that every host refuses a key at most ten seconds after its revocation, on a clock that the test sets.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use proptest::prelude::*;
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::replica::{Clock, Replica};
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext, Timestamp, limits};
use tokio::runtime::Builder;

#[derive(Clone, Default)]
struct Turned(Rc<Cell<u64>>);

impl Clock for Turned {
    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000 + self.0.get())
    }

    async fn pause(&self, duration: Duration) {
        self.0.set(self.0.get() + duration.as_millis() as u64);
    }
}

/// Two hosts on one table: an origin, and an edge with a snapshot.
struct Hosts {
    clock: Turned,
    store: Memory,
    origin: Api<Memory>,
    edge: Api<Replica<Memory, Turned>>,
    key: ApiKey,
}

#[derive(Clone, Copy, Debug)]
enum Host {
    Origin,
    Edge,
}

impl Hosts {
    fn new() -> Hosts {
        let (store, clock) = (Memory::new(), Turned::default());
        let replica = Replica::new(store.clone(), clock.clone(), Duration::from_secs(5));
        let key = ApiKey::generate(&[1; 64]).expect("64 bytes are enough for 30 characters");
        let hosts = Hosts { origin: Api::new(store.clone()), edge: Api::new(replica), store, clock, key };
        hosts.store.put_key(hosts.record(None));
        hosts
    }

    fn record(&self, revoked: Option<u64>) -> KeyRecord {
        KeyRecord {
            key_hash: self.key.hash().to_hex(),
            key_id: "key_1".to_owned(),
            name: "somebody".to_owned(),
            scopes: vec![Scope::Read].into(),
            created: 0,
            expires: None,
            revoked,
            last_used: None,
            lineage: None,
            author: None,
        }
    }

    /// Reads the list with the key, and reports whether the host accepts it.
    async fn takes_it(&self, host: Host) -> bool {
        let request = Request::get("/prj").header("x-api-key", self.key.reveal()).body(Bytes::new()).expect("valid");
        let moment = RequestContext { now: self.clock.now(), random: [7; 32], caller: None };
        let response = match host {
            Host::Origin => self.origin.answer(request, moment).await,
            Host::Edge => match self.edge.authorize(&request, moment).await {
                Ok(authorized) => {
                    let answer = self.edge.read(&request, authorized).await;
                    // The next request would wait for a refresh that was begun and not run.
                    if let Some(refresh) = answer.behind {
                        self.edge.refresh(refresh).await.expect("memory answers");
                    }
                    answer.response
                }
                Err(refused) => refused,
            },
        };
        let at_once = self.edge.whole_list("prj", self.key.reveal(), self.clock.now()).is_some();
        match response.status() {
            StatusCode::OK => true,
            StatusCode::FORBIDDEN => {
                assert!(!(at_once && matches!(host, Host::Edge)), "the hot path still takes it");
                false
            }
            other => panic!("{other}"),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(500), ..ProptestConfig::default() })]

    /// This holds however often and wherever the key was used before and is used after.
    #[test]
    fn a_revoked_key_is_refused_within_ten_seconds_everywhere(
        before in prop::collection::vec((0u64..12_000, prop::sample::select(&[Host::Origin, Host::Edge][..])), 0..8),
        after in prop::collection::vec((0u64..4_000, prop::sample::select(&[Host::Origin, Host::Edge][..])), 1..30),
    ) {
        Builder::new_current_thread().build().expect("a runtime without I/O needs nothing").block_on(async {
            let hosts = Hosts::new();
            for (pause, host) in before {
                hosts.clock.pause(Duration::from_millis(pause)).await;
                assert!(hosts.takes_it(host).await);
            }
            let revoked = hosts.clock.now();
            hosts.store.put_key(hosts.record(Some(revoked.0)));
            let mut refused = [false; 2];
            for (pause, host) in after {
                hosts.clock.pause(Duration::from_millis(pause)).await;
                let taken = hosts.takes_it(host).await;
                let late = hosts.clock.now() >= revoked.after(limits::KEY_FRESH);
                assert!(!(taken && late), "{host:?} takes it {} ms after", hosts.clock.now().0 - revoked.0);
                assert!(!(taken && refused[host as usize]), "{host:?} takes it again");
                refused[host as usize] |= !taken;
            }
        });
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_key_used_all_the_time_goes_on_for_ten_seconds_and_no_longer() {
    for host in [Host::Origin, Host::Edge] {
        let hosts = Hosts::new();
        assert!(hosts.takes_it(host).await);
        hosts.store.put_key(hosts.record(Some(hosts.clock.now().0)));
        let mut last = 0;
        for second in 1..=60 {
            hosts.clock.pause(Duration::from_secs(1)).await;
            if hosts.takes_it(host).await {
                last = second;
            }
        }
        assert_eq!(last, 9, "{host:?}: remembered for ten seconds, then looked up again");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_expired_key_is_refused_at_once() {
    for host in [Host::Origin, Host::Edge] {
        let hosts = Hosts::new();
        hosts.store.put_key(KeyRecord { expires: Some(hosts.clock.now().0 + 5_000), ..hosts.record(None) });
        assert!(hosts.takes_it(host).await);
        hosts.clock.pause(Duration::from_millis(4_999)).await;
        assert!(hosts.takes_it(host).await);
        hosts.clock.pause(Duration::from_millis(1)).await;
        assert!(!hosts.takes_it(host).await, "{host:?}");
    }
}

//! Tests that every host refuses a key at most five seconds after its revocation, on a clock that the test sets.

use std::time::Duration;

use http::StatusCode;
use proptest::prelude::*;
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::replica::Clock as _;
use ripple_core::{RequestContext, limits};
use ripple_test_kit::{Hosts, api_key, get, key_record, with};
use tokio::runtime::Builder;

/// Two hosts on one table, and a key.
struct Setting {
    hosts: Hosts,
    key: ApiKey,
}

#[derive(Clone, Copy, Debug)]
enum Host {
    Origin,
    Edge,
}

impl Setting {
    fn new() -> Setting {
        let setting = Setting { hosts: Hosts::new(), key: api_key(1) };
        setting.hosts.store.put_key(setting.record(None));
        setting
    }

    fn record(&self, revoked: Option<u64>) -> KeyRecord {
        KeyRecord { revoked, ..key_record(&self.key, "reader", &[Scope::Read]) }
    }

    /// Reads the list with the key, and reports whether the host accepts it.
    async fn takes_it(&self, host: Host) -> bool {
        let request = with(get("/prj"), &[("x-api-key", self.key.reveal())]);
        let moment = RequestContext { caller: None, ..self.hosts.moment() };
        let answer = match host {
            Host::Origin => self.hosts.send_in(request, moment).await,
            Host::Edge => self.hosts.read_in(request, moment).await,
        };
        let at_once = self.hosts.edge.whole_list("prj", self.key.reveal(), self.hosts.clock.now()).is_some();
        match answer.status() {
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
    fn a_revoked_key_is_refused_within_five_seconds_everywhere(
        before in prop::collection::vec((0u64..12_000, prop::sample::select(&[Host::Origin, Host::Edge][..])), 0..8),
        after in prop::collection::vec((0u64..4_000, prop::sample::select(&[Host::Origin, Host::Edge][..])), 1..30),
    ) {
        Builder::new_current_thread().build().expect("a runtime without I/O needs nothing").block_on(async {
            let setting = Setting::new();
            for (pause, host) in before {
                setting.hosts.clock.pass(Duration::from_millis(pause));
                assert!(setting.takes_it(host).await);
            }
            let revoked = setting.hosts.clock.now();
            setting.hosts.store.put_key(setting.record(Some(revoked.0)));
            let mut refused = [false; 2];
            for (pause, host) in after {
                setting.hosts.clock.pass(Duration::from_millis(pause));
                let taken = setting.takes_it(host).await;
                let late = setting.hosts.clock.now() >= revoked.after(limits::KEY_FRESH);
                assert!(!(taken && late), "{host:?} takes it {} ms after", setting.hosts.clock.now().0 - revoked.0);
                assert!(!(taken && refused[host as usize]), "{host:?} takes it again");
                refused[host as usize] |= !taken;
            }
        });
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_key_used_all_the_time_goes_on_for_five_seconds_and_no_longer() {
    for host in [Host::Origin, Host::Edge] {
        let setting = Setting::new();
        assert!(setting.takes_it(host).await);
        setting.hosts.store.put_key(setting.record(Some(setting.hosts.clock.now().0)));
        let mut last = 0;
        for second in 1..=60 {
            setting.hosts.clock.pass(Duration::from_secs(1));
            if setting.takes_it(host).await {
                last = second;
            }
        }
        assert_eq!(last, 4, "{host:?}: remembered for five seconds, then looked up again");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn an_expired_key_is_refused_at_once() {
    for host in [Host::Origin, Host::Edge] {
        let setting = Setting::new();
        setting
            .hosts
            .store
            .put_key(KeyRecord { expires: Some(setting.hosts.clock.now().0 + 5_000), ..setting.record(None) });
        assert!(setting.takes_it(host).await);
        setting.hosts.clock.pause(Duration::from_millis(4_999)).await;
        assert!(setting.takes_it(host).await);
        setting.hosts.clock.pause(Duration::from_millis(1)).await;
        assert!(!setting.takes_it(host).await, "{host:?}");
    }
}

//! Tests of keys that may write on behalf of one person only.

use http::StatusCode;
use ripple_core::RequestContext;
use ripple_core::auth::{KeyRecord, Scope};
use ripple_test_kit::{Answer, Hosts, api_key, key_record, post, project, with};
use serde_json::json;

async fn create(key_author: Option<&str>, author: Option<&str>) -> Answer {
    let (hosts, key) = (Hosts::new(), api_key(1));
    let record = key_record(&key, "Bo's browser", &[Scope::Read, Scope::Write]);
    hosts.store.put_key(KeyRecord { author: key_author.map(str::to_owned), ..record });
    let headers: Vec<_> =
        [("x-api-key", key.reveal())].into_iter().chain(author.map(|author| ("ripple-author", author))).collect();
    let request = with(post("/prj", &project("a", json!({}))), &headers);
    hosts.send_in(request, RequestContext { caller: None, ..hosts.moment() }).await
}

#[tokio::test(flavor = "current_thread")]
async fn a_key_of_one_author_takes_no_other() {
    for other in [r#""Ann";id="u3""#, r#""Bo""#] {
        let refused = create(Some("u7"), Some(other)).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{other}");
        assert!(refused.body().starts_with(br#"{"type":"urn:problem-type:ripple:author_not_allowed""#), "{refused:?}");
    }
    for own in [Some(r#""Bo";id="u7""#), Some(r#"%"Bo M%c3%bcller";id="u7""#), None] {
        assert_eq!(create(Some("u7"), own).await.status(), StatusCode::CREATED, "{own:?}");
    }
    assert_eq!(create(None, Some(r#""Ann";id="u3""#)).await.status(), StatusCode::CREATED, "a key of no one author");
}

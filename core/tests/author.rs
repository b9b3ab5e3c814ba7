//! Tests of keys that may write on behalf of one person only, and of what it costs to name a person whose value was
//! replaced.

use http::{Method, StatusCode};
use ripple_core::auth::{KeyRecord, Scope};
use ripple_core::{RequestContext, limits};
use ripple_test_kit::{Answer, Hosts, api_key, key_record, post, project, with};
use serde_json::{Value, json};

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

#[tokio::test(flavor = "current_thread")]
async fn only_a_save_that_replaces_an_unseen_value_reads_who_wrote_it() {
    let hosts = Hosts::new();
    hosts.write(Method::POST, "/prj", &project("a", json!({})).to_string(), &[]).await.expect(201);
    let save = async |edit: Value, author: &str| {
        hosts.write(Method::PATCH, "/prj/a", &edit.to_string(), &[("ripple-author", author)]).await.expect(200)
    };
    let (ann, bo) = (r#""Ann";id="u3""#, r#""Bo";id="u7""#);
    let first = save(json!({"version": 1, "goal": "B"}), ann).await;
    let seen = save(json!({"version": 2, "goal": "C"}), bo).await;
    let blind = save(json!({"goal": "D"}), ann).await;
    let merged = save(json!({"version": 1, "issue": "E"}), bo).await;
    let won = save(json!({"version": 1, "goal": "F"}), bo).await;
    let units = [&first, &seen, &blind, &merged, &won].map(|answer| {
        let (read, _) = answer.header("ripple-capacity").split_once(", ").expect("two numbers");
        read.to_owned()
    });
    // The record; with it the base; with them the rows since then.
    assert_eq!(units, ["read=1", "read=1", "read=1", "read=2", "read=3"]);
    let told = [&first, &seen, &blind, &merged].map(|answer| answer.receipt().contains("author"));
    assert_eq!((told, blind.receipt().contains("won")), ([false; 4], true));
    assert!(won.receipt().contains(r#"won=("/goal";replaced=5;author="u3")"#), "{}", won.receipt());

    // A writer further back than the rows that are read is not named.
    for number in 0..limits::LOST_ROWS {
        save(json!({"issue": format!("{number}")}), ann).await;
    }
    let far = save(json!({"version": 1, "goal": "G"}), ann).await;
    assert!(far.receipt().contains(r#"won=("/goal";replaced=26)"#), "{}", far.receipt());
}

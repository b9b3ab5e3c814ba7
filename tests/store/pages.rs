//! Pages by id and by time, from the indexes and from scans of the same table.

use std::sync::Arc;

use http::header::{ETAG, LINK};
use ripple_test_kit::Answer;
use serde_json::json;

use crate::engine::Engine;
use crate::world::World;

const RECORDS: usize = 180;

/// Returns what both must agree on.
fn shown(answer: &Answer) -> [String; 3] {
    [answer.text(), answer.header(ETAG.as_str()).to_owned(), answer.header(LINK.as_str()).to_owned()]
}

/// Returns the read units of an answer.
fn units(answer: &Answer) -> f64 {
    let capacity = answer.header("ripple-capacity");
    let read = capacity.strip_prefix("read=").and_then(|rest| rest.split_once(','));
    read.and_then(|(units, _)| units.parse().ok()).expect("the units of an answer")
}

/// Returns the path of a link's page.
fn link(answer: &Answer, relation: &str) -> Option<String> {
    let links = answer.header(LINK.as_str()).to_owned();
    let link = links.split(", ").find(|link| link.ends_with(&format!("rel=\"{relation}\"")))?;
    let query = link.split_once('?')?.1.split_once('>')?.0;
    Some(format!("/prj?{query}"))
}

#[tokio::test]
async fn a_page_from_an_index_is_the_page_from_a_scan_and_costs_what_it_shows() {
    let engine = Arc::new(Engine::start().await);
    let scanned = World::embedded(Arc::clone(&engine));
    let indexed = World::over(engine.fed(), Arc::clone(&engine));
    for n in 0..RECORDS {
        indexed.create(&format!("p{n:03}"), json!({})).await;
    }
    for n in (0..RECORDS).step_by(7) {
        indexed.put(&format!("p{n:03}"), json!({ "goal": "edited" })).await;
    }
    let deleted: Vec<usize> = (0..RECORDS).step_by(11).collect();
    compare(&indexed, &scanned, 0).await;
    for n in &deleted {
        indexed.delete(&format!("p{n:03}")).await.expect(204);
    }
    compare(&indexed, &scanned, deleted.len()).await;
}

/// Compares some pages of each order.
async fn compare(indexed: &World, scanned: &World, deleted: usize) {
    for order in ["", "&sort=prj_id", "&sort=-updated_at", "&sort=updated_at"] {
        // The index of times has deleted records too, and does not tell that they are.
        let most = if order.contains("updated_at") { 30.0 + 0.5 * deleted as f64 } else { 30.0 };
        let mut path = format!("/prj?limit=50{order}");
        let mut met = 0;
        for relation in ["next", "next", "prev", "next", "next"] {
            let (answer, other) = (indexed.get(&path).await.expect(200), scanned.get(&path).await.expect(200));
            assert_eq!(shown(&answer), shown(&other), "{path}");
            met += answer.json().as_array().expect("a list").len();
            let Some(next) = link(&answer, relation) else { break };
            assert!(units(&answer) <= most, "{path}: {}", answer.header("ripple-capacity"));
            path = next;
        }
        assert!(met > 100, "{order}: {met} records");
    }
}

#[tokio::test]
async fn a_table_without_the_index_is_scanned() {
    let engine = Arc::new(Engine::without_tables().await);
    engine.create_the_articles_table().await;
    for n in 0..4 {
        engine.put_legacy(&format!("p{n}")).await;
    }
    let world = World::over(engine.fed(), Arc::clone(&engine));
    let answer = world.get("/prj?limit=3").await.expect(200);
    assert_eq!(answer.json().as_array().expect("a list").len(), 3);
}

#[tokio::test]
async fn a_table_that_ripple_only_reads_is_scanned() {
    let engine = Arc::new(Engine::start().await);
    let file = br#"{"title": "Project", "x-ripple": {"resource": "prj", "key": "prj_id", "access": "read-only"}, "type": "object"}"#;
    let world = World::over(
        engine.fed_of(ripple_test_kit::resource("prj", std::str::from_utf8(file).expect("text"))),
        Arc::clone(&engine),
    );
    // The feed adopts none of these.
    for n in 0..4 {
        engine.put_legacy(&format!("p{n}")).await;
    }
    let answer = world.get("/prj?limit=3").await.expect(200);
    assert_eq!(answer.json().as_array().expect("a list").len(), 3);
}

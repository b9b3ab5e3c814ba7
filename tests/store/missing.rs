//! A table that does not exist.

use std::sync::Arc;

use http::Method;
use ripple_test_kit::{post, project, request};
use serde_json::json;

use crate::engine::Engine;
use crate::world::World;

/// Another resource's table may exist. Its name, which the error of DynamoDB has, is not for callers.
#[tokio::test]
async fn every_operation_says_that_the_table_is_missing() {
    let engine = Arc::new(Engine::without_tables().await);
    let world = World::embedded(Arc::clone(&engine));
    let record = project("a", json!({}));
    world.send(post("/prj", &record)).await.problem(503, "table_missing");
    let requests = [
        (Method::GET, "/prj", ""),
        (Method::GET, "/prj/a", ""),
        (Method::GET, "/prj/_changes", ""),
        (Method::GET, "/prj/a/versions", ""),
        (Method::PATCH, "/prj/a", r#"{"name":"m"}"#),
        (Method::DELETE, "/prj/a", ""),
    ];
    for (method, path, body) in requests {
        let problem = world.send(request(method, path, body)).await.expect(503).json();
        assert_eq!(problem["code"], "table_missing", "{path}");
        assert_eq!(problem["detail"], "the database has no table of projects yet; nothing was changed", "{path}");
    }
    engine.store.create_tables().await.expect("tables are made");
    world.send(post("/prj", &record)).await.expect(201);
}

/// Without the table of the history, reads work, and a write changes nothing.
#[tokio::test]
async fn a_write_needs_the_history() {
    let engine = Arc::new(Engine::start().await);
    let world = World::embedded(Arc::clone(&engine));
    engine.client.delete_table().table_name("ripple_prj_version").send().await.expect("it is deleted");
    world.send(post("/prj", &project("a", json!({})))).await.problem(503, "table_missing");
    world.get("/prj/a").await.expect(404);
    world.get("/prj").await.expect(200);
}

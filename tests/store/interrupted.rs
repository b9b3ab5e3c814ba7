//! Tests with another program that writes between ripple's read and its write, or between the write and the row's
//! expiry.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use http::Method;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::value::Members;
use ripple_test_kit::{post, project, request};
use serde_json::json;

use crate::engine::Engine;
use crate::program::{HISTORY, item};
use crate::world::{World, put};

type Deed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// An action of another program just before ripple's next request of an operation.
#[derive(Clone, Default)]
struct Meanwhile(Arc<Mutex<Option<(&'static str, Deed)>>>);

impl Meanwhile {
    /// Registers an action for the time before the next request of the operation.
    fn before(&self, operation: &'static str, deed: impl Future<Output = ()> + Send + 'static) {
        *self.0.lock().expect("no panic") = Some((operation, Box::pin(deed)));
    }

    /// Checks that the action was performed.
    #[track_caller]
    fn was_done(&self) {
        assert!(self.0.lock().expect("no panic").is_none(), "ripple should have come to that operation");
    }
}

/// An HTTP client that lets another program act before a request goes out.
#[derive(Clone)]
struct Interrupted {
    client: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
    meanwhile: Meanwhile,
}

impl fmt::Debug for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Interrupted")
    }
}

impl HttpClient for Interrupted {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let connector = Some(self.client.http_connector(settings, parts));
        SharedHttpConnector::new(Interrupted { connector, ..self.clone() })
    }
}

impl HttpConnector for Interrupted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let deed = self.meanwhile.0.lock().expect("no panic").take_if(|(awaited, _)| *awaited == operation);
        let connector = self.connector.clone().expect("made with a connector");
        HttpConnectorFuture::new(async move {
            if let Some((_, deed)) = deed {
                deed.await;
            }
            connector.call(request).await
        })
    }
}

/// An engine, ripple on it, and actions of another program during ripple's requests.
struct Setting {
    engine: Arc<Engine>,
    store: DynamoDb,
    meanwhile: Meanwhile,
}

const WRITE: &str = "TransactWriteItems";
const EXPIRY: &str = "UpdateItem";

impl Setting {
    async fn new() -> Setting {
        let engine = Arc::new(Engine::start().await);
        let meanwhile = Meanwhile::default();
        let client = aws_smithy_http_client::Builder::new().build_http();
        let store = engine.store_over(Interrupted { client, connector: None, meanwhile: meanwhile.clone() });
        Setting { engine, store, meanwhile }
    }

    fn world(&self) -> World {
        World::over(self.store.clone(), Arc::clone(&self.engine))
    }

    /// Puts a whole item before the operation.
    fn puts(&self, operation: &'static str, item: Members) {
        let engine = Arc::clone(&self.engine);
        self.meanwhile.before(operation, async move { engine.put(item).await });
    }

    /// Sets an attribute before the operation.
    fn sets(&self, operation: &'static str, name: &'static str, value: &'static str) {
        let engine = Arc::clone(&self.engine);
        self.meanwhile.before(operation, async move { engine.set("p", name, value).await });
    }

    /// Deletes the item before the operation.
    fn deletes(&self, operation: &'static str) {
        let engine = Arc::clone(&self.engine);
        self.meanwhile.before(operation, async move { engine.delete("p").await });
    }

    /// Returns the numbers of the rows of `p`, as the table has them.
    async fn rows(&self) -> Vec<u64> {
        let rows = self.engine.items(HISTORY).await;
        let own = rows.iter().filter(|row| row["prj_id"].as_s().is_ok_and(|id| id == "p"));
        let mut rows: Vec<u64> =
            own.map(|row| row["version"].as_n().expect("a number").parse().expect("a version")).collect();
        rows.sort_unstable();
        rows
    }
}

#[tokio::test]
async fn what_another_program_sets_meanwhile_is_kept() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.create("p", json!({})).await;
    // The other program changes the same field, another field, and a field of its own.
    setting.sets(WRITE, "goal", "theirs");
    let saved = world.put("p", json!({"version": 1, "goal": "ours", "issue": "ours"})).await;
    setting.meanwhile.was_done();
    assert_eq!((saved.version(), &saved.json()["goal"]), (3, &json!("ours")));
    assert_eq!(world.state("p", 2).await["goal"], "theirs");
    assert!(saved.receipt().contains(r#"won=("/goal";replaced=2)"#), "{}", saved.receipt());

    for (name, version) in [("description", 3), ("note", 5)] {
        setting.sets(WRITE, name, "theirs");
        let saved = world.put("p", json!({"version": version, "goal": format!("ours beside {name}")})).await;
        setting.meanwhile.was_done();
        let record = world.read("p").await;
        assert_eq!((&record[name], &record["goal"]), (&json!("theirs"), &json!(format!("ours beside {name}"))));
        // ripple's answer is in a row, and the program's state after it gets the next one.
        assert_eq!(world.state("p", saved.version()).await, saved.json());
        assert_eq!(world.put("p", json!({})).await.version(), saved.version() + 1);
        assert_eq!(world.state("p", saved.version() + 1).await[name], "theirs");
    }
    let newest = world.versions("p").await[0];
    assert_eq!(world.versions("p").await, (1..=newest).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn what_another_program_sets_in_its_own_record_meanwhile_is_kept() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.program.put_json("p", r#"{"goal":"first"}"#).await;
    setting.sets(WRITE, "goal", "second");
    let base = world.read("p").await["version"].clone();
    let saved = world.put("p", json!({"version": base, "goal": "ours"})).await;
    setting.meanwhile.was_done();
    assert_eq!((saved.version(), &saved.json()["goal"]), (2, &json!("ours")));
    assert_eq!(world.state("p", 1).await["goal"], "second", "the row has what was replaced");

    world.program.put_json("p", r#"{"goal":"third"}"#).await;
    setting.sets(WRITE, "note", "meanwhile");
    world.put("p", json!({"goal": "ours again"})).await;
    setting.meanwhile.was_done();
    let record = world.read("p").await;
    assert_eq!((&record["goal"], &record["note"]), (&json!("ours again"), &json!("meanwhile")));
}

#[tokio::test]
async fn a_whole_item_put_meanwhile_is_merged_into() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.create("p", json!({"l": ["a"]})).await;
    setting.puts(WRITE, item("p", r#"{"goal":"theirs","l":["a","theirs"]}"#));
    let saved = world.put("p", json!({"version": 1, "l": ["a", "ours"]})).await;
    setting.meanwhile.was_done();
    assert_eq!((saved.version(), &saved.json()["goal"]), (3, &json!("theirs")));
    assert_eq!(saved.json()["l"], json!(["a", "theirs", "ours"]));
    assert_eq!(world.state("p", 2).await["l"], json!(["a", "theirs"]));
}

#[tokio::test]
async fn an_old_item_put_back_meanwhile_uses_no_number_twice() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.create("p", json!({"goal": "one"})).await;
    let old = setting.engine.item("p").await.expect("an item");
    world.put("p", json!({"version": 1, "goal": "two"})).await;
    world.put("p", json!({"version": 2, "goal": "three"})).await;
    setting.puts(WRITE, old.clone());
    let saved = world.put("p", json!({"version": 3, "issue": "four"})).await;
    setting.meanwhile.was_done();
    assert_eq!((saved.version(), &saved.json()["issue"]), (4, &json!("four")));
    setting.puts(WRITE, old);
    world.delete("p").await.expect(204);
    setting.meanwhile.was_done();
    assert_eq!(world.versions("p").await, [5, 4, 3, 2, 1]);
    for (version, goal) in [(1, "one"), (2, "two"), (3, "three")] {
        assert_eq!(world.state("p", version).await["goal"], goal);
    }
}

#[tokio::test]
async fn of_a_record_that_is_deleted_meanwhile_no_part_is_made() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.create("p", json!({})).await;
    for request in [
        put("p", json!({"version": 1, "goal": "ours"})),
        request(Method::PATCH, "/prj/p", r#"{"goal":"ours"}"#),
        request(Method::DELETE, "/prj/p", ""),
        request(Method::POST, "/prj/p/versions/1", ""),
    ] {
        let item = setting.engine.item("p").await.expect("an item");
        world.put("p", json!({"goal": "before"})).await;
        let rows = setting.rows().await;
        setting.deletes(WRITE);
        world.send(request).await.problem(404, "not_found");
        setting.meanwhile.was_done();
        assert_eq!(setting.engine.item("p").await, None, "no part of a record is made");
        assert_eq!(setting.rows().await, rows, "a refused write leaves no row");
        setting.engine.put(item).await;
    }
    // ripple does not overwrite a record that was created meanwhile.
    setting.engine.delete("p").await;
    setting.puts(WRITE, item("p", r#"{"goal":"theirs"}"#));
    let create = post("/prj", &project("p", json!({})));
    world.send(create).await.problem(409, "exists");
    setting.meanwhile.was_done();
    assert_eq!(world.read("p").await["goal"], "theirs");
}

#[tokio::test]
async fn what_is_adopted_is_what_is_there() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.program.put_json("p", r#"{"goal":"theirs"}"#).await;
    // The answered state has a row, whatever the record shows by then.
    setting.sets(WRITE, "goal", "another");
    let saved = world.put("p", json!({"goal": "theirs"})).await;
    setting.meanwhile.was_done();
    assert_eq!(saved.json()["goal"], "theirs");
    assert_eq!(world.state("p", saved.version()).await["goal"], "theirs");

    world.program.put_json("p", r#"{"goal":"third"}"#).await;
    setting.deletes(WRITE);
    world.send(put("p", json!({"goal": "third"}))).await.problem(404, "not_found");
    setting.meanwhile.was_done();
    assert_eq!(setting.engine.item("p").await, None);
}

#[tokio::test]
async fn a_tombstone_that_is_updated_meanwhile_lives() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.create("p", json!({})).await;
    world.delete("p").await.expect(204);
    setting.sets(WRITE, "name", "back");
    let create = post("/prj", &project("p", json!({})));
    world.send(create).await.problem(409, "exists");
    setting.meanwhile.was_done();
    assert_eq!(world.read("p").await["name"], "back");
    assert_eq!(world.put("p", json!({"goal": "saved"})).await.version(), 4);
    let item = setting.engine.item("p").await.expect("an item");
    assert_eq!((item.get("rpl_expires_at"), item.get("rpl_deleted")), (None, None));
}

/// TTL deletes the row just before its expiry is set.
#[tokio::test]
async fn a_row_that_is_gone_is_not_made_again() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.create("p", json!({})).await;
    let engine = Arc::clone(&setting.engine);
    setting.meanwhile.before(EXPIRY, async move { engine.delete_row("p", 1).await });
    world.put("p", json!({"version": 1, "goal": "second"})).await;
    setting.meanwhile.was_done();
    assert_eq!(setting.rows().await, [2]);
    world.put("p", json!({"version": 2, "goal": "third"})).await;
    assert_eq!(setting.rows().await, [2, 3]);
}

/// Each replaced row expires, and the newest does not.
#[tokio::test]
async fn a_row_gets_its_expiry_when_it_is_replaced() {
    let setting = Setting::new().await;
    let world = setting.world();
    world.create("p", json!({})).await;
    world.put("p", json!({"version": 1, "goal": "second"})).await;
    setting.engine.set("p", "goal", "theirs").await;
    world.put("p", json!({"version": 2, "issue": "fourth"})).await;
    world.delete("p").await.expect(204);
    world.restore("p", 1).await.expect(200);
    let rows = setting.engine.items(HISTORY).await;
    assert_eq!(setting.rows().await, [1, 2, 3, 4, 5, 6]);
    for row in &rows {
        let number = row["version"].as_n().expect("a number");
        assert_eq!(row.contains_key("rpl_expires_at"), number != "6", "{number}");
    }
}

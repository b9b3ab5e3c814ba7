//! Tests of the resource `task`, whose file states how its lists merge.

mod clock;

use std::cell::Cell;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use ripple_core::auth::Caller;
use ripple_core::record::schema::{Resource, Resources};
use ripple_core::replica::Clock as _;
use ripple_core::store::memory::Memory;
use ripple_core::{Api, RequestContext};
use serde_json::{Value, json};

use clock::TestClock;

fn task() -> Arc<Resource> {
    let file = include_str!("../../resources/task.json");
    let resources = Resources::read(&[("task.json", file)]).expect("the file is valid");
    Arc::clone(resources.first())
}

struct Setting {
    clock: TestClock,
    api: Api<Memory>,
    requests: Cell<u8>,
}

/// The response to a request.
struct Answer {
    status: StatusCode,
    receipt: String,
    body: Value,
}

impl Setting {
    /// Returns a store with one task.
    async fn with(members: Value) -> Setting {
        let setting =
            Setting { clock: TestClock::default(), api: Api::new(Memory::of(task())), requests: Cell::new(0) };
        let mut body = json!({ "ref": "a", "subject": "Beans", "state": "todo" });
        for (name, value) in members.as_object().expect("members") {
            body[name] = value.clone();
        }
        assert_eq!(setting.ask(Method::POST, "/task", &body).await.status, StatusCode::CREATED);
        setting
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Answer {
        self.requests.set(self.requests.get() + 1);
        self.clock.0.set(self.clock.0.get() + 1_000);
        let caller = Some(Caller::checked_by_gateway("test"));
        let context = RequestContext { now: self.clock.now(), random: [self.requests.get(); 32], caller };
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = Request::builder().method(method).uri(path).body(body).expect("a request");
        let response = self.api.answer(request, context).await;
        let receipt = response.headers().get("ripple-receipt").and_then(|value| value.to_str().ok());
        Answer {
            status: response.status(),
            receipt: receipt.unwrap_or_default().to_owned(),
            body: serde_json::from_slice(response.body()).unwrap_or(Value::Null),
        }
    }

    /// Saves a member of the task, edited from version `base`.
    async fn save(&self, base: u64, name: &str, value: Value) -> Answer {
        let answer = self.ask(Method::PATCH, "/task/a", &json!({ "version": base, name: value })).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer
    }
}

#[tokio::test]
async fn steps_are_known_by_their_step() {
    let setting =
        Setting::with(json!({ "steps": [{ "text": "Dig" }, { "step": "s", "id": "1", "text": "Sow" }] })).await;
    let steps = setting.ask(Method::GET, "/task/a", &Value::Null).await.body["steps"].clone();
    let (dig, key) = (&steps[0], &steps[0]["step"]);
    assert!(key.as_str().is_some_and(|key| key.len() == 16) && dig.get("id").is_none(), "{steps}");

    // One author ticks a step while another one rewords it, and both add the same one. Equal ids are data.
    let ticked = json!([{ "step": key, "text": "Dig", "done": true }, steps[1], { "id": "1", "text": "Water" }]);
    let worded =
        json!([{ "step": key, "text": "Dig deep" }, steps[1], { "id": "1", "text": "Water" }, { "text": "Eat" }]);
    setting.save(1, "steps", ticked).await;
    let answer = setting.save(1, "steps", worded.clone()).await;
    let found = answer.body["steps"].as_array().expect("a list");
    assert_eq!(found[0], json!({ "step": key, "text": "Dig deep", "done": true }));
    let texts: Vec<&str> = found.iter().filter_map(|step| step["text"].as_str()).collect();
    assert_eq!(texts, ["Dig deep", "Sow", "Water", "Eat"], "{found:?}");
    assert!(found.iter().all(|step| step["step"].is_string()), "{found:?}");
    assert_eq!(setting.save(1, "steps", worded).await.body["version"], 3, "sent again, nothing changes");

    // The history names an entry by its step.
    let versions = setting.ask(Method::GET, "/task/a/versions", &Value::Null).await.body;
    assert!(versions.to_string().contains(&format!(r#""entry":{key},"field":"/steps""#)), "{versions}");
}

#[tokio::test]
async fn a_place_is_merged_place_by_place() {
    let setting = Setting::with(json!({ "place": [37.5, 127] })).await;
    setting.save(1, "place", json!([37.6, 127])).await;
    let answer = setting.save(1, "place", json!([37.5, 128])).await;
    assert_eq!(answer.body["place"], json!([37.6, 128]));
    let answer = setting.save(1, "place", json!([38, 128])).await;
    assert_eq!(answer.body["place"], json!([38, 128]));
    assert!(answer.receipt.contains(r#"won=("/place/0""#), "{}", answer.receipt);
}

#[tokio::test]
async fn labels_are_a_set_with_order() {
    let setting = Setting::with(json!({ "labels": ["garden"] })).await;
    setting.save(1, "labels", json!(["garden", "spring"])).await;
    let answer = setting.save(1, "labels", json!(["spring", "soil"])).await;
    assert_eq!(answer.body["labels"], json!(["spring", "soil"]));
    assert_eq!(setting.save(1, "labels", json!(["spring", "soil"])).await.body["version"], 3);
}

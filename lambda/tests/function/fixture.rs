//! An embedded DynamoDB with ripple's tables and a key, and functions that use it.

use std::collections::BTreeMap;
use std::env;
use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;

use dynoxide::{Database, server};
use ripple_core::Api;
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_core::store::dynamodb::DynamoDb as Store;
use ripple_lambda::config;
use ripple_runtime_api::{Function, Outcome};
use ripple_test_kit::key_record;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// The key in the events. It is valid only for the tables created here.
pub(crate) const KEY: &str = "rpl_TestKeyOfTheLambdaFunctions00041ynWF";
/// The secrets that Lambda would give the function. They must not appear in a log either.
pub(crate) const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
pub(crate) const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";

/// A function's environment: region, credentials, and the address of DynamoDB.
pub(crate) type Environment = BTreeMap<&'static str, String>;

/// Returns an environment in which DynamoDB is at `endpoint`.
pub(crate) fn environment(endpoint: String) -> Environment {
    [
        ("AWS_REGION", "eu-west-3".to_owned()),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ("AWS_SESSION_TOKEN", SESSION_TOKEN.to_owned()),
        ("AWS_ENDPOINT_URL_DYNAMODB", endpoint),
    ]
    .into()
}

/// Starts `bootstrap` with only this environment. RIPPLE_BOOTSTRAP may name another binary than the tests' own, such as
/// the one in the zip file.
pub(crate) fn start(environment: &Environment) -> Function {
    let built = env::var_os("RIPPLE_BOOTSTRAP").unwrap_or_else(|| env!("CARGO_BIN_EXE_bootstrap").into());
    let mut command = Command::new(built);
    command.env_clear().envs(environment);
    Function::start(&mut command).expect("bootstrap can be started")
}

/// An embedded DynamoDB in its own thread, with ripple's tables and [`KEY`]. It ends when dropped.
pub(crate) struct DynamoDb {
    pub(crate) environment: Environment,
    _stop: oneshot::Sender<()>,
}

impl DynamoDb {
    pub(crate) fn start() -> DynamoDb {
        let (started, ready) = std::sync::mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime takes no more");
            runtime.block_on(async {
                let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a loopback port is free");
                let address = listener.local_addr().expect("it is bound");
                let database = Database::memory().expect("a database in memory takes no more");
                let stop = async {
                    let _ = stopped.await; // an error means that the sender was dropped
                };
                let serving = tokio::spawn(server::serve_with_shutdown(listener, database, stop));
                let environment = environment(format!("http://{address}"));
                prepare(&environment).await;
                started.send(environment).expect("the test waits for it");
                let _ = serving.await;
            });
        });
        let environment = ready.recv().expect("the database starts");
        DynamoDb { environment, _stop: stop }
    }

    /// Returns a function that uses this DynamoDB.
    pub(crate) fn function(&self) -> Function {
        start(&self.environment)
    }
}

/// Returns the API that an environment describes.
fn api(environment: &Environment) -> Api<Store> {
    let env = |name: &str| environment.get(name).cloned();
    let resources = config::resources(env).expect("the resource files have no faults");
    config::api(env, &resources).expect("the environment is whole")
}

async fn prepare(environment: &Environment) {
    let api = api(environment);
    let store = api.store();
    store.create_tables().await.expect("the tables can be made");
    let key = ApiKey::parse(KEY).expect("its check is right");
    let record = key_record(&key, "The team", &[Scope::Read, Scope::Write]);
    store.add_key(&KeyRecord { key_id: "team".to_owned(), ..record }).await.expect("there is no such key yet");
}

/// Creates the tables of every resource that an environment names.
pub(crate) fn create_tables(environment: &Environment) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime takes no more");
    runtime.block_on(async {
        let api = api(environment);
        for store in api.stores() {
            store.create_tables().await.expect("the tables can be made");
        }
    });
}

/// Returns the event in `tests/events/<name>.json`.
pub(crate) fn event(name: &str) -> String {
    let path = format!("{}/tests/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Returns the function's answer to an event.
#[track_caller]
pub(crate) fn answer(function: &Function, name: &str) -> Value {
    match function.invoke(event(name)).outcome {
        Outcome::Answered(json) => serde_json::from_str(&json).expect("an answer is JSON"),
        other => panic!("{name}: {other:?}"),
    }
}

/// Returns the type and the message of the function's error for an event.
#[track_caller]
pub(crate) fn error(function: &Function, name: &str) -> (String, String) {
    match function.invoke(event(name)).outcome {
        Outcome::Failed(json) => {
            let error: Value = serde_json::from_str(&json).expect("an error is JSON");
            let text = |name: &str| error[name].as_str().unwrap_or_else(|| panic!("no {name}: {error}")).to_owned();
            (text("errorType"), text("errorMessage"))
        }
        other => panic!("{name}: {other:?}"),
    }
}

/// Returns the body of an answer to API Gateway or a function URL, which is JSON in a string.
#[track_caller]
pub(crate) fn body(answer: &Value) -> Value {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    let body = answer["body"].as_str().unwrap_or_else(|| panic!("no text: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

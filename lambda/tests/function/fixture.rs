//! A DynamoDB with ripple's tables and a key, and functions that run on it.

use std::collections::BTreeMap;
use std::env;
use std::net::Ipv4Addr;
use std::process::Command;
use std::thread;

use dynoxide::{Database, server};
use ripple_core::auth::{ApiKey, KeyRecord, Scope};
use ripple_lambda::config;
use ripple_runtime_api::{Function, Outcome};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// The key that the events bring along. It opens nothing but the tables made here.
pub(crate) const KEY: &str = "rpl_TestKeyOfTheLambdaFunctions00041ynWF";
/// What Lambda would give the function; they must not show in a log either.
pub(crate) const SECRET_ACCESS_KEY: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";
pub(crate) const SESSION_TOKEN: &str = "IQoJb3JpZ2luX2VjEXAMPLETOKEN";

/// A function's environment: region, credentials, where DynamoDB is.
pub(crate) type Environment = BTreeMap<&'static str, String>;

/// An environment in which DynamoDB is at `endpoint`.
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

/// `bootstrap`, started in this environment and nothing else. RIPPLE_BOOTSTRAP may name another than was built with the
/// tests: the one out of the zip file.
pub(crate) fn start(environment: &Environment) -> Function {
    let built = env::var_os("RIPPLE_BOOTSTRAP").unwrap_or_else(|| env!("CARGO_BIN_EXE_bootstrap").into());
    let mut command = Command::new(built);
    command.env_clear().envs(environment);
    Function::start(&mut command).expect("bootstrap can be started")
}

/// An embedded DynamoDB in a thread of its own, with ripple's tables and [`KEY`]. It ends when dropped.
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
                    let _ = stopped.await; // dropped is stopped
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

    /// A function on it.
    pub(crate) fn function(&self) -> Function {
        start(&self.environment)
    }
}

async fn prepare(environment: &Environment) {
    let store = config::store(|name: &str| environment.get(name).cloned()).expect("the environment is whole");
    store.create_tables().await.expect("the tables can be made");
    let record = KeyRecord {
        key_hash: ApiKey::parse(KEY).expect("its check is right").hash().to_hex(),
        key_id: "team".to_owned(),
        name: "The team".to_owned(),
        scopes: vec![Scope::Read, Scope::Write],
        created: 0,
        expires: None,
        revoked: None,
        last_used: None,
        lineage: None,
    };
    store.add_key(&record).await.expect("there is no such key yet");
}

/// The event in `tests/events/<name>.json`.
pub(crate) fn event(name: &str) -> String {
    let path = format!("{}/tests/events/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What the function answers to an event.
#[track_caller]
pub(crate) fn answer(function: &Function, name: &str) -> Value {
    match function.invoke(event(name)).outcome {
        Outcome::Answered(json) => serde_json::from_str(&json).expect("an answer is JSON"),
        other => panic!("{name}: {other:?}"),
    }
}

/// The type and the message of the error that the function answers to an event.
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

/// The body of an answer to API Gateway or a function URL: JSON in a string.
#[track_caller]
pub(crate) fn body(answer: &Value) -> Value {
    assert_eq!(answer["isBase64Encoded"], false, "{answer}");
    let body = answer["body"].as_str().unwrap_or_else(|| panic!("no text: {answer}"));
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

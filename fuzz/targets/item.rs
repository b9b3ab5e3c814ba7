//! Fuzzes DynamoDB's answers: items of other writers, and nonsense.
//!
//! Two decoders read them, the SDK's for single items and ripple's for pages, and they must agree. ripple must also
//! read what it writes.
//!
//! The first letter determines the rest: an answer, an item, or the parts of a record.

#![no_main]

use std::sync::{Arc, Mutex};

use arbitrary::{Arbitrary, Unstructured};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Config, Credentials, Region};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use libfuzzer_sys::{Corpus, fuzz_target};
use ripple_core::record::history::{Entry, Row};
use ripple_core::record::merge::Rules;
use ripple_core::record::schema::Resource;
use ripple_core::store::dynamodb::{DynamoDb, TableNames, configure};
use ripple_core::store::{Capacity, Commit, Consistency, Source as _, Store as _, Write};
use ripple_core::{Record, RecordId, Timestamp};
use ripple_fuzz::run;
use ripple_fuzz::values::Attributes;
use serde_json::{Value as Json, json};

/// A record that ripple wrote.
#[derive(Arbitrary, Debug)]
struct Written<'a> {
    attributes: Attributes,
    version: u64,
    updated_at: u64,
    deleted: bool,
    updated_by: &'a str,
}

fuzz_target!(|input: &[u8]| -> Corpus {
    thread_local! {
        static DYNAMODB: &'static Played = Box::leak(Box::new(Played::new()));
    }
    let dynamodb = DYNAMODB.with(|dynamodb| *dynamodb);
    let Some((kind, rest)) = input.split_first() else { return Corpus::Reject };
    run(async {
        match kind {
            b'a' => {
                dynamodb.answer(rest.to_vec());
                // The result is irrelevant, but there must be no panic.
                let _ = (dynamodb.get().await, dynamodb.scan().await, dynamodb.history().await);
            }
            b'i' => {
                let Ok(item) = std::str::from_utf8(rest) else { return Corpus::Reject };
                dynamodb.agrees(item).await;
            }
            b'r' => {
                let Ok(written) = Written::arbitrary_take_rest(Unstructured::new(rest)) else { return Corpus::Reject };
                round_trip(dynamodb, &written.into()).await;
            }
            _ => return Corpus::Reject,
        }
        Corpus::Keep
    })
});

impl From<Written<'_>> for Record {
    fn from(Written { attributes, version, updated_at, deleted, updated_by }: Written<'_>) -> Record {
        let version = version.clamp(1, ripple_core::limits::VERSION);
        let new =
            Record::new(RecordId::stored("a".to_owned()), if deleted { Default::default() } else { fit(attributes) });
        let written = new.written(None, version, Timestamp(updated_at), updated_by);
        // In seconds, as in the table.
        Record { tombstone: deleted.then_some(Timestamp(version / 1000 * 1000)), ..written }
    }
}

/// Keeps the attributes that a record of ripple can have. Names that belong to the table are not among them.
fn fit(Attributes(mut attributes): Attributes) -> ripple_core::value::Members {
    attributes.retain(|name, _| name != "prj_id" && !name.starts_with("rpl_"));
    attributes
}

/// Checks that a record round-trips singly, in a page, and from the history.
async fn round_trip(dynamodb: &Played, project: &Record) {
    dynamodb.answer(b"{}".to_vec());
    let rows = [Row::of_write(None, project, None, Rules::default())];
    let write = Write { before: None, after: project, rows: &rows, claim: None, now: Timestamp(1), token: [1; 16] };
    let done = dynamodb.store.commit(&write, &mut Capacity::default()).await.expect("DynamoDB has taken it");
    assert_eq!(done, Commit::Done);
    let sent: Json = serde_json::from_slice(&dynamodb.sent()).expect("a request is JSON");
    let put = |table: &str| {
        let items = sent["TransactItems"].as_array().expect("items");
        let puts = items.iter().map(|item| &item["Put"]);
        puts.clone().find(|put| put["TableName"] == table).unwrap_or_else(|| panic!("{sent}"))["Item"].clone()
    };
    let read = dynamodb.agrees(&put("ripple_prj").to_string()).await.expect("what was written can be read");
    assert_eq!(&read, project);

    dynamodb.answer(json!({ "Item": put("ripple_prj_version") }).to_string().into());
    let row = dynamodb
        .store
        .state(&project.id, project.number().expect("it has one"), &mut Capacity::default())
        .await
        .expect("it answers");
    let mut row = row.expect("the row is there");
    assert_eq!(row.is_deleted(), project.is_deleted());
    row.tombstone = project.tombstone; // the history does not show when the tombstone expires
    assert_eq!(&row, project);
    dynamodb.answer(json!({ "Items": [put("ripple_prj_version")] }).to_string().into());
    let told = dynamodb.history().await.expect("the history is told");
    let [row] = rows;
    assert_eq!(told, [row.entry]);
}

/// A DynamoDB that gives one answer to everything, and keeps the requests.
#[derive(Clone, Debug, Default)]
struct Wire {
    answer: Arc<Mutex<Vec<u8>>>,
    sent: Arc<Mutex<Vec<u8>>>,
}

struct Played {
    wire: Wire,
    store: DynamoDb,
}

type Failed = ripple_core::store::StoreError;

impl Played {
    fn new() -> Played {
        let wire = Wire::default();
        let config = configure(Config::builder())
            .http_client(wire.clone())
            .sleep_impl(TokioSleep::new())
            .retry_config(RetryConfig::disabled()) // a retry would get the same nonsense
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .build();
        Played { wire, store: DynamoDb::new(Client::from_conf(config), TableNames::default(), Resource::built_in()) }
    }

    fn answer(&self, answer: Vec<u8>) {
        *self.wire.answer.lock().expect("no panic") = answer;
    }

    fn sent(&self) -> Vec<u8> {
        self.wire.sent.lock().expect("no panic").clone()
    }

    async fn get(&self) -> Result<Option<Record>, Failed> {
        let id = RecordId::stored("a".to_owned());
        self.store.get(&id, Consistency::Strong, &mut Capacity::default()).await
    }

    async fn scan(&self) -> Result<Vec<Record>, Failed> {
        self.store.scan(None, Consistency::Eventual, &mut Capacity::default()).await.map(|page| page.records)
    }

    async fn history(&self) -> Result<Vec<Entry>, Failed> {
        let id = RecordId::stored("a".to_owned());
        self.store.entries(&id, None, 10, &mut Capacity::default()).await
    }

    /// Returns the record in an item, and checks that both decoders agree.
    async fn agrees(&self, item: &str) -> Option<Record> {
        self.answer(format!(r#"{{"Item":{item}}}"#).into());
        let one = self.get().await;
        self.answer(format!(r#"{{"Items":[{item}]}}"#).into());
        let page = self.scan().await;
        match (one, page) {
            (Ok(Some(one)), Ok(page)) => {
                assert_eq!(page, [one.clone()], "the decoders do not agree");
                Some(one)
            }
            _ => None,
        }
    }
}

impl HttpClient for Wire {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent = request.body().bytes().unwrap_or_default().to_vec();
        *self.sent.lock().expect("no panic") = sent;
        let answer = self.answer.lock().expect("no panic").clone();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200_u16.try_into().expect("a status"), SdkBody::from(answer))))
    }
}

//! An embedded DynamoDB engine that serves HTTP on loopback while a test runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::config::{Config, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_smithy_runtime_api::client::http::HttpClient;
use dynoxide::{Database, server};
use ripple_core::record::schema::Resource;
use ripple_core::store::dynamodb::{DynamoDb, Fed, TableNames, configure};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) struct Engine {
    pub(crate) store: DynamoDb,
    pub(crate) client: Client,
    url: String,
    serving: JoinHandle<()>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Engine {
    pub(crate) async fn start() -> Engine {
        let engine = Engine::without_tables().await;
        engine.store.create_tables().await.expect("tables are made");
        engine
    }

    pub(crate) async fn without_tables() -> Engine {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let database = Database::memory().expect("a database in memory");
        let serving = tokio::spawn(async move {
            server::serve_with_shutdown(listener, database, std::future::pending()).await.expect("serves");
        });
        let client = client(&url, aws_smithy_http_client::Builder::new().build_http());
        Engine {
            store: DynamoDb::new(client.clone(), TableNames::default(), Resource::built_in()),
            client,
            url,
            serving,
        }
    }

    /// Returns ripple's store on this engine with another HTTP client.
    pub(crate) fn store_over(&self, http: impl HttpClient + 'static) -> DynamoDb {
        DynamoDb::new(client(&self.url, http), TableNames::default(), Resource::built_in())
    }

    /// Returns ripple's store on this engine as it is when every record has its entries in the indexes.
    pub(crate) fn fed(&self) -> DynamoDb {
        self.fed_of(Resource::built_in())
    }

    /// Returns the store of another resource in that state.
    pub(crate) fn fed_of(&self, resource: Arc<Resource>) -> DynamoDb {
        let fed = Fed::from_iter([resource.name.clone()]);
        DynamoDb::new(self.client.clone(), TableNames::default(), resource).fed(&fed)
    }

    /// Creates the legacy function's table: partition key `prj_id`, no index, no TTL.
    pub(crate) async fn create_the_articles_table(&self) {
        let key = KeySchemaElement::builder().attribute_name("prj_id").key_type(KeyType::Hash).build();
        let attribute =
            AttributeDefinition::builder().attribute_name("prj_id").attribute_type(ScalarAttributeType::S).build();
        self.client
            .create_table()
            .table_name("ripple_prj")
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key.expect("complete"))
            .attribute_definitions(attribute.expect("complete"))
            .send()
            .await
            .expect("the table is made");
    }

    /// Puts an item as the legacy function writes it.
    pub(crate) async fn put_legacy(&self, id: &str) {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        self.client
            .put_item()
            .table_name("ripple_prj")
            .item("prj_id", text(id))
            .item("name", text("n"))
            .item("goal", text("g"))
            .item("issue", text("i"))
            .item("description", text("d"))
            .item("term", AttributeValue::N("3".to_owned()))
            .item("term_unit", text("month"))
            .item("create_date", text("2020-01-01"))
            .send()
            .await
            .expect("the item is put");
    }

    /// Sets one attribute, without a condition on the version.
    pub(crate) async fn set(&self, id: &str, name: &str, value: &str) {
        self.client
            .update_item()
            .table_name("ripple_prj")
            .key("prj_id", AttributeValue::S(id.to_owned()))
            .update_expression("SET #name = :value")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":value", AttributeValue::S(value.to_owned()))
            .send()
            .await
            .expect("the attribute is set");
    }
}

fn client(url: &str, http: impl HttpClient + 'static) -> Client {
    let config = configure(Config::builder())
        .http_client(http)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .endpoint_url(url)
        // The engine always answers, however busy the machine is. faults.rs covers requests without an answer.
        .timeout_config(TimeoutConfig::disabled())
        .build();
    Client::from_conf(config)
}

/// Returns a commit's token, never the same twice.
pub(crate) fn token() -> [u8; 16] {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    u128::from(COUNT.fetch_add(1, Ordering::Relaxed)).to_be_bytes()
}

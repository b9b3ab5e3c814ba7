//! The tables: creates missing ones, and describes existing ones.

use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TimeToLiveSpecification,
};

use super::keys::KEY_HASH;
use super::{BY_ID, BY_UPDATE, DynamoDb, TABLE_MISSING, failed};
use crate::record::key::KeyType as RecordKey;
use crate::store::StoreError;
use crate::store::item::{RPL_AT, RPL_DELETED, RPL_EXPIRES_AT, RPL_SHARD, RPL_VERSION};
use crate::store::row::VERSION;

/// The codes of DynamoDB's errors while it makes an index, and for one change too many.
const BUSY: [&str; 2] = ["ResourceInUseException", "LimitExceededException"];

/// The state of a table.
#[derive(Clone, Debug)]
pub struct TableStatus {
    /// The table's name.
    pub name: String,
    /// Whether the table exists and has what ripple needs.
    pub state: TableState,
    /// The number of items, as DynamoDB last counted them (some hours old).
    pub items: i64,
    /// The size in bytes, from the same count.
    pub bytes: i64,
}

/// Whether a table exists and has what ripple needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableState {
    /// The table has everything.
    Ready,
    /// DynamoDB is still working on the table.
    Pending(String),
    /// The table exists, but lacks this.
    Lacks(&'static str),
    /// A table of another program exists under this name, with this key.
    Foreign(String),
    /// The table does not exist.
    Missing,
}

impl DynamoDb {
    /// Creates missing tables, and adds missing indexes and TTL to existing ones. So the legacy function's `ripple_prj`
    /// becomes ripple's table as it is. DynamoDB makes one index at a time: if it is busy with one, another call adds the
    /// next.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn create_tables(&self) -> Result<Vec<TableStatus>, StoreError> {
        let key = &*self.names.key;
        if self.describe(&self.keys).await?.is_none() {
            self.create(&self.keys, &[(KEY_HASH, ScalarAttributeType::S)], &[KEY_HASH], Vec::new()).await?;
        }
        if self.describe(&self.versions).await?.is_none() {
            let attributes = [(key, ScalarAttributeType::S), (VERSION, ScalarAttributeType::N)];
            self.create(&self.versions, &attributes, &[key, VERSION], Vec::new()).await?;
        }
        match self.describe(&self.records).await? {
            None => {
                let keys: Vec<&str> = self.names.keys().into_iter().map(|(name, _)| name).collect();
                self.create(&self.records, &self.indexed(), &keys, self.indexes()).await?;
            }
            Some(table) => self.add_indexes(&table).await?,
        }
        for table in [&self.keys, &self.versions, &self.records] {
            self.client
                .wait_until_table_exists()
                .table_name(table)
                .wait(std::time::Duration::from_secs(300))
                .await
                .map_err(|error| StoreError {
                    operation: "DescribeTable",
                    kind: crate::store::StoreErrorKind::Unavailable,
                    source: Some(Box::new(error)),
                })?;
        }
        self.enable_ttl(&self.records).await?;
        self.enable_ttl(&self.versions).await?;
        self.describe_tables().await
    }

    /// Deletes the tables and everything in them. A table that does not exist is not an error.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn delete_tables(&self) -> Result<(), StoreError> {
        for table in [&self.records, &self.versions, &self.keys] {
            match self.client.delete_table().table_name(table).send().await {
                Ok(_) => {}
                Err(error) if error.code() == Some(TABLE_MISSING) => {}
                Err(error) => return Err(failed("DeleteTable", error)),
            }
        }
        Ok(())
    }

    /// Returns the state of the tables.
    ///
    /// # Errors
    /// If DynamoDB fails.
    pub async fn describe_tables(&self) -> Result<Vec<TableStatus>, StoreError> {
        let mut all = Vec::new();
        for name in [&self.records, &self.versions, &self.keys] {
            let table = self.describe(name).await?;
            let state = match &table {
                None => TableState::Missing,
                Some(table) => self.state(name, table).await?,
            };
            let count = |of: fn(&TableDescription) -> Option<i64>| table.as_ref().and_then(of).unwrap_or(0);
            let (items, bytes) = (count(TableDescription::item_count), count(TableDescription::table_size_bytes));
            all.push(TableStatus { name: name.clone(), state, items, bytes });
        }
        Ok(all)
    }

    async fn state(&self, name: &String, table: &TableDescription) -> Result<TableState, StoreError> {
        let keys: Vec<(&str, &str)> = table.key_schema().iter().map(|key| typed(table, key)).collect();
        let (text, number) = (RecordKey::String.letter(), RecordKey::Number.letter());
        let wanted: Vec<(&str, &str)> = if *name == self.keys {
            vec![(KEY_HASH, text)]
        } else if *name == self.versions {
            vec![(&self.names.key, text), (VERSION, number)]
        } else {
            self.names.keys().into_iter().map(|(name, kind)| (name, kind.letter())).collect()
        };
        if keys != wanted {
            let keys: Vec<String> = keys.iter().map(|(name, kind)| format!("{name} ({kind})")).collect();
            return Ok(TableState::Foreign(keys.join(", ")));
        }
        if let Some(status) = table.table_status().filter(|status| status.as_str() != "ACTIVE") {
            return Ok(TableState::Pending(status.as_str().to_owned()));
        }
        if *name == self.records
            && let Some(index) = self.missing(table).first()
        {
            let lacks = if index.index_name() == BY_ID { "the index by_id" } else { "the index by_update" };
            return Ok(TableState::Lacks(lacks));
        }
        let statuses = table.global_secondary_indexes().iter().filter_map(|index| index.index_status());
        if let Some(status) = statuses.map(|status| status.as_str()).find(|status| *status != "ACTIVE") {
            return Ok(TableState::Pending(status.to_owned()));
        }
        if *name != self.keys && !self.has_ttl(name).await? {
            return Ok(TableState::Lacks("a TTL on rpl_expires_at"));
        }
        Ok(TableState::Ready)
    }

    async fn describe(&self, table: &str) -> Result<Option<TableDescription>, StoreError> {
        match self.client.describe_table().table_name(table).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.code() == Some(TABLE_MISSING) => Ok(None),
            Err(error) => Err(failed("DescribeTable", error)),
        }
    }

    async fn create(
        &self,
        table: &str,
        attributes: &[(&str, ScalarAttributeType)],
        keys: &[&str],
        indexes: Vec<GlobalSecondaryIndex>,
    ) -> Result<(), StoreError> {
        let keys = keys.iter().zip([KeyType::Hash, KeyType::Range]).map(|(name, role)| key(name, role));
        let create = self
            .client
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(keys.collect()))
            .set_attribute_definitions(Some(definitions(attributes)))
            .set_global_secondary_indexes(Some(indexes).filter(|indexes| !indexes.is_empty()));
        create.send().await.map_err(|error| failed("CreateTable", error))?;
        Ok(())
    }

    /// Adds the indexes that a table lacks, until DynamoDB is busy with one.
    async fn add_indexes(&self, table: &TableDescription) -> Result<(), StoreError> {
        use aws_sdk_dynamodb::types::{CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate};
        for index in self.missing(table) {
            let create = CreateGlobalSecondaryIndexAction::builder()
                .index_name(index.index_name())
                .set_key_schema(Some(index.key_schema().to_vec()))
                .set_projection(index.projection().cloned())
                .build()
                .expect("name, schema and projection are set");
            let sent = self
                .client
                .update_table()
                .table_name(&self.records)
                .set_attribute_definitions(Some(definitions(&self.indexed())))
                .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build())
                .send()
                .await;
            match sent {
                Ok(_) => {}
                Err(error) if error.code().is_some_and(|code| BUSY.contains(&code)) => return Ok(()),
                Err(error) => return Err(failed("UpdateTable", error)),
            }
        }
        Ok(())
    }

    /// Returns the indexes that the table lacks.
    fn missing(&self, table: &TableDescription) -> Vec<GlobalSecondaryIndex> {
        let has = |name: &str| table.global_secondary_indexes().iter().any(|index| index.index_name() == Some(name));
        self.indexes().into_iter().filter(|index| !has(index.index_name())).collect()
    }

    /// Returns the indexes of the records. The text of an id orders keys of one string only.
    fn indexes(&self) -> Vec<GlobalSecondaryIndex> {
        let mut indexes = vec![index(BY_UPDATE, RPL_AT, RPL_VERSION)];
        if self.names.has_plain_key() {
            indexes.push(index(BY_ID, &self.names.key, RPL_DELETED));
        }
        indexes
    }

    /// Returns the attributes of the keys and of the index, with their types.
    fn indexed(&self) -> Vec<(&str, ScalarAttributeType)> {
        let keys = self.names.keys().into_iter().map(|(name, kind)| (name, ScalarAttributeType::from(kind.letter())));
        keys.chain([(RPL_SHARD, ScalarAttributeType::S), (RPL_AT, ScalarAttributeType::N)]).collect()
    }

    async fn has_ttl(&self, table: &str) -> Result<bool, StoreError> {
        let answer = self.client.describe_time_to_live().table_name(table).send().await;
        let described = answer.map_err(|error| failed("DescribeTimeToLive", error))?;
        Ok(described.time_to_live_description().is_some_and(|ttl| {
            let on = ttl.time_to_live_status().is_some_and(|status| matches!(status.as_str(), "ENABLED" | "ENABLING"));
            on && ttl.attribute_name() == Some(RPL_EXPIRES_AT)
        }))
    }

    /// Enables TTL unless it is enabled. The check comes first, since DynamoDB answers a repeated request with a
    /// `ValidationException`.
    async fn enable_ttl(&self, table: &str) -> Result<(), StoreError> {
        if self.has_ttl(table).await? {
            return Ok(());
        }
        let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(RPL_EXPIRES_AT).build();
        self.client
            .update_time_to_live()
            .table_name(table)
            .time_to_live_specification(ttl.expect("both members are set"))
            .send()
            .await
            .map_err(|error| failed("UpdateTimeToLive", error))?;
        Ok(())
    }
}

/// Returns the name of a key and the letter of its type.
fn typed<'a>(table: &'a TableDescription, key: &'a KeySchemaElement) -> (&'a str, &'a str) {
    let name = key.attribute_name();
    let definition = table.attribute_definitions().iter().find(|definition| definition.attribute_name() == name);
    (name, definition.map_or("", |definition| definition.attribute_type().as_str()))
}

fn index(name: &str, sort: &str, projected: &str) -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(name)
        .key_schema(key(RPL_SHARD, KeyType::Hash))
        .key_schema(key(sort, KeyType::Range))
        .projection(
            Projection::builder().projection_type(ProjectionType::Include).non_key_attributes(projected).build(),
        )
        .build()
        .expect("name and schema are set")
}

fn key(name: &str, kind: KeyType) -> KeySchemaElement {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().expect("both members are set")
}

fn definitions(attributes: &[(&str, ScalarAttributeType)]) -> Vec<AttributeDefinition> {
    let definition = |(name, kind): &(&str, ScalarAttributeType)| {
        AttributeDefinition::builder().attribute_name(*name).attribute_type(kind.clone()).build()
    };
    attributes.iter().map(|attribute| definition(attribute).expect("both members are set")).collect()
}

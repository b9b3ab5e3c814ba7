//! The tables: made where they are missing, described where they are there.

use aws_sdk_dynamodb::client::Waiters as _;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection, ProjectionType,
    ScalarAttributeType, TableDescription, TimeToLiveSpecification,
};

use super::keys::KEY_HASH;
use super::{BY_UPDATE, DynamoDb, failed};
use crate::store::StoreError;
use crate::store::item::{RPL_AT, RPL_EXPIRES_AT, RPL_SHARD, RPL_VERSION};
use crate::store::row::VERSION;

/// A table as ripple finds it.
#[derive(Clone, Debug)]
pub struct TableStatus {
    /// Its name.
    pub name: String,
    /// Whether it is there and has what it needs.
    pub state: TableState,
    /// Items, as DynamoDB last counted them (some hours old).
    pub items: i64,
    /// Bytes, likewise.
    pub bytes: i64,
}

/// Whether a table is there and has what ripple needs of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableState {
    /// All there.
    Ready,
    /// DynamoDB is still at work on it.
    Pending(String),
    /// There, but something is missing.
    Lacks(&'static str),
    /// There, but with other keys: somebody else's. This is its key.
    Foreign(String),
    /// Not there.
    Missing,
}

impl DynamoDb {
    /// Makes the tables that are missing and gives those the index and TTL that lack them: the article's
    /// own `ripple_prj` becomes ripple's as it stands.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn create_tables(&self) -> Result<Vec<TableStatus>, StoreError> {
        let key = &*self.names.key;
        if self.describe(&self.keys).await?.is_none() {
            self.create(&self.keys, &[(KEY_HASH, ScalarAttributeType::S)], None, None).await?;
        }
        if self.describe(&self.versions).await?.is_none() {
            let attributes = [(key, ScalarAttributeType::S), (VERSION, ScalarAttributeType::N)];
            self.create(&self.versions, &attributes, Some(VERSION), None).await?;
        }
        match self.describe(&self.projects).await? {
            None => {
                let attributes = [
                    (key, ScalarAttributeType::S),
                    (RPL_SHARD, ScalarAttributeType::S),
                    (RPL_AT, ScalarAttributeType::N),
                ];
                self.create(&self.projects, &attributes, None, Some(by_update())).await?;
            }
            Some(table) if !has_by_update(&table) => self.add_by_update().await?,
            Some(_) => {}
        }
        for table in [&self.keys, &self.versions, &self.projects] {
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
        self.enable_ttl(&self.projects).await?;
        self.enable_ttl(&self.versions).await?;
        self.describe_tables().await
    }

    /// Removes the tables, and everything in them.
    ///
    /// # Errors
    /// When DynamoDB fails. A table that is not there is no error.
    pub async fn delete_tables(&self) -> Result<(), StoreError> {
        for table in [&self.projects, &self.versions, &self.keys] {
            match self.client.delete_table().table_name(table).send().await {
                Ok(_) => {}
                Err(error) if error.code() == Some("ResourceNotFoundException") => {}
                Err(error) => return Err(failed("DeleteTable", error)),
            }
        }
        Ok(())
    }

    /// The tables as they are.
    ///
    /// # Errors
    /// When DynamoDB fails.
    pub async fn describe_tables(&self) -> Result<Vec<TableStatus>, StoreError> {
        let mut all = Vec::new();
        for name in [&self.projects, &self.versions, &self.keys] {
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
        let keys: Vec<&str> = table.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
        let key = &*self.names.key;
        let wanted: &[&str] = if *name == self.keys {
            &[KEY_HASH]
        } else if *name == self.versions {
            &[key, VERSION]
        } else {
            &[key]
        };
        if keys != wanted {
            return Ok(TableState::Foreign(keys.join(", ")));
        }
        if let Some(status) = table.table_status().filter(|status| status.as_str() != "ACTIVE") {
            return Ok(TableState::Pending(status.as_str().to_owned()));
        }
        if *name == self.projects && !has_by_update(table) {
            return Ok(TableState::Lacks("the index by_update"));
        }
        if *name != self.keys && !self.has_ttl(name).await? {
            return Ok(TableState::Lacks("a TTL on rpl_expires_at"));
        }
        Ok(TableState::Ready)
    }

    async fn describe(&self, table: &str) -> Result<Option<TableDescription>, StoreError> {
        match self.client.describe_table().table_name(table).send().await {
            Ok(answer) => Ok(answer.table),
            Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
            Err(error) => Err(failed("DescribeTable", error)),
        }
    }

    async fn create(
        &self,
        table: &str,
        attributes: &[(&str, ScalarAttributeType)],
        sort_key: Option<&str>,
        index: Option<GlobalSecondaryIndex>,
    ) -> Result<(), StoreError> {
        let create = self
            .client
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest)
            .key_schema(key(attributes[0].0, KeyType::Hash))
            .set_attribute_definitions(Some(definitions(attributes)))
            .set_global_secondary_indexes(index.map(|index| vec![index]));
        let create = match sort_key {
            Some(name) => create.key_schema(key(name, KeyType::Range)),
            None => create,
        };
        create.send().await.map_err(|error| failed("CreateTable", error))?;
        Ok(())
    }

    async fn add_by_update(&self) -> Result<(), StoreError> {
        use aws_sdk_dynamodb::types::{CreateGlobalSecondaryIndexAction, GlobalSecondaryIndexUpdate};
        let (index, key) = (by_update(), &*self.names.key);
        let create = CreateGlobalSecondaryIndexAction::builder()
            .index_name(BY_UPDATE)
            .set_key_schema(Some(index.key_schema().to_vec()))
            .set_projection(index.projection().cloned())
            .build()
            .expect("name, schema and projection are set");
        let attributes =
            [(key, ScalarAttributeType::S), (RPL_SHARD, ScalarAttributeType::S), (RPL_AT, ScalarAttributeType::N)];
        self.client
            .update_table()
            .table_name(&self.projects)
            .set_attribute_definitions(Some(definitions(&attributes)))
            .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build())
            .send()
            .await
            .map_err(|error| failed("UpdateTable", error))?;
        Ok(())
    }

    async fn has_ttl(&self, table: &str) -> Result<bool, StoreError> {
        let answer = self.client.describe_time_to_live().table_name(table).send().await;
        let described = answer.map_err(|error| failed("DescribeTimeToLive", error))?;
        Ok(described.time_to_live_description().is_some_and(|ttl| {
            let on = ttl.time_to_live_status().is_some_and(|status| matches!(status.as_str(), "ENABLED" | "ENABLING"));
            on && ttl.attribute_name() == Some(RPL_EXPIRES_AT)
        }))
    }

    /// DynamoDB answers a `ValidationException` where TTL is on already, so it is asked first.
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

fn has_by_update(table: &TableDescription) -> bool {
    table.global_secondary_indexes().iter().any(|index| index.index_name() == Some(BY_UPDATE))
}

fn by_update() -> GlobalSecondaryIndex {
    GlobalSecondaryIndex::builder()
        .index_name(BY_UPDATE)
        .key_schema(key(RPL_SHARD, KeyType::Hash))
        .key_schema(key(RPL_AT, KeyType::Range))
        .projection(
            Projection::builder().projection_type(ProjectionType::Include).non_key_attributes(RPL_VERSION).build(),
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

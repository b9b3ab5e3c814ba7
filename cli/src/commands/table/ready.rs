//! Waits until DynamoDB takes a change of a table.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::TableStatus;

/// How long a change of a table may take. Most take seconds.
const LIMIT: Duration = Duration::from_secs(300);
/// The time between two looks. The SDK's own waiter looks every 20 s.
const PAUSE: Duration = Duration::from_millis(500);

/// Waits until a table is `ACTIVE`. DynamoDB refuses a change of a table that is still `UPDATING` after another one.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTable.html>
pub(super) async fn wait(client: &Client, table: &str) -> anyhow::Result<()> {
    let started = Instant::now();
    loop {
        let described = client.describe_table().table_name(table).send().await;
        let described = described.with_context(|| format!("cannot describe {table}"))?;
        let status = described.table().and_then(|table| table.table_status()).unwrap_or(&TableStatus::Active);
        if *status == TableStatus::Active {
            return Ok(());
        }
        if started.elapsed() > LIMIT {
            bail!("{table} is still {status}: run `ripple table create` again when it is ACTIVE");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

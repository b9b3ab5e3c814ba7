//! The streams of the tables: the feed reads those of the records and of the keys.

use anyhow::{Context as _, bail};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{StreamSpecification, StreamViewType};

use super::ready;
use crate::target::Target;

/// Enables the streams that are missing. A stream without readers costs nothing.
pub(super) async fn enable(target: &Target) -> anyhow::Result<()> {
    let keys = target.keys().table_names().keys();
    for table in target.stores.iter().map(|store| store.table()).chain([&*keys]) {
        enable_one(&target.client, table).await?;
    }
    Ok(())
}

async fn enable_one(client: &Client, table: &str) -> anyhow::Result<()> {
    let described = client.describe_table().table_name(table).send().await;
    let described = described.with_context(|| format!("cannot describe {table}"))?;
    let found = described.table().and_then(|table| table.stream_specification());
    match found.filter(|stream| stream.stream_enabled()).and_then(|stream| stream.stream_view_type()) {
        Some(StreamViewType::NewAndOldImages) => return Ok(()),
        // Another program may read this stream, and a table has only one.
        Some(view) => bail!(
            "{table} has a stream of {view}, and the feed needs NEW_AND_OLD_IMAGES: disable that stream first, if no \
             other program reads it"
        ),
        None => {}
    }
    let both = StreamSpecification::builder()
        .stream_enabled(true)
        .stream_view_type(StreamViewType::NewAndOldImages)
        .build()
        .expect("the required member is set");
    ready::wait(client, table).await?;
    let update = client.update_table().table_name(table).stream_specification(both);
    update.send().await.with_context(|| format!("cannot enable the stream of {table}"))?;
    Ok(())
}

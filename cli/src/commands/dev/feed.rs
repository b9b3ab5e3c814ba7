//! The feed of the embedded engine: reads the streams of its tables four times a second, and hands each batch to the
//! function, as Lambda does.
//!
//! The position in each stream is kept in a file beside the database. So a restart continues where the last run ended.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use dynoxide::Database;
use dynoxide::actions::create_table::StreamSpecification;
use dynoxide::actions::describe_table::DescribeTableRequest;
use dynoxide::actions::get_records::{GetRecordsRequest, GetRecordsResponse, Record};
use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::update_table::UpdateTableRequest;
use dynoxide::streams::shard_id;
use ripple_core::feed::key;
use ripple_core::store::dynamodb::stream::{self, Delivered};
use ripple_core::store::{Keys as _, Source as _};
use ripple_host::random;
use ripple_lambda::Invocation;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use tokio::sync::watch;

use super::live::Live;
use super::site::{Current, Serving};

/// How often the streams are read. Lambda reads each shard as often.
/// <https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>
const PAUSE: Duration = Duration::from_millis(250);
/// The number of records of a batch, which is Lambda's default.
const BATCH: usize = 100;
/// How often a record is delivered. Lambda delivers it until it is too old.
const DELIVERIES: u32 = 20;
/// The file of the positions.
const FILE: &str = "feed.json";

/// The feed of some tables.
pub(super) struct Feed {
    database: Database,
    current: Current,
    live: Arc<Live>,
    streams: Vec<Stream>,
    /// How far the streams were read that are not followed.
    positions: BTreeMap<String, String>,
    /// `None` for a database in memory.
    file: Option<PathBuf>,
}

/// A table's stream, and how far it was read.
struct Stream {
    table: String,
    arn: String,
    /// The sequence number of the last record that was read.
    read: Option<String>,
    /// The number of failed deliveries of the next record.
    failures: u32,
}

/// The function's answer to a batch.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    batch_item_failures: Vec<Failure>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

impl Feed {
    /// Returns the feed of the tables that are served, and enables the streams that are missing. `folder` keeps the
    /// positions.
    pub(super) fn open(
        database: Database,
        mut current: Current,
        live: Arc<Live>,
        folder: Option<&Path>,
    ) -> anyhow::Result<Feed> {
        let file = folder.map(|folder| folder.join(FILE));
        // Without the file, or if it is damaged, the streams are read from their beginning. That changes nothing twice.
        let read = file.as_ref().and_then(|file| fs::read(file).ok());
        let positions = read.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        let serving = Arc::clone(&current.borrow_and_update());
        let mut feed = Feed { database, current, live, streams: Vec::new(), positions, file };
        feed.follow_tables(&serving)?;
        Ok(feed)
    }

    /// Follows the streams of the tables that are served, and no others.
    fn follow_tables(&mut self, serving: &Serving) -> anyhow::Result<()> {
        for stream in std::mem::take(&mut self.streams) {
            self.positions.extend(stream.read.map(|read| (stream.arn, read)));
        }
        for table in &serving.tables {
            let arn = stream_of(&self.database, table)?;
            let read = self.positions.remove(&arn);
            self.streams.push(Stream { read, table: table.clone(), arn, failures: 0 });
        }
        let stores = serving.function.api().stores();
        let resources: Vec<(&str, u16)> =
            stores.iter().map(|store| (store.resource().name.as_str(), store.shards())).collect();
        self.live.serve(&resources);
        Ok(())
    }

    /// Reads the streams until it is told to stop.
    pub(super) async fn follow(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            if self.current.has_changed().unwrap_or(false) {
                let serving = Arc::clone(&self.current.borrow_and_update());
                if let Err(error) = self.follow_tables(&serving) {
                    let error = format!("{error:#}");
                    tracing::warn!(target: "ripple", error, "no stream");
                }
            }
            let (began, mut is_behind, mut failed) = (ripple_host::now(), false, false);
            for number in 0..self.streams.len() {
                match self.read(number).await {
                    Ok(Read { more, complete }) => {
                        is_behind |= more;
                        failed |= !complete;
                    }
                    Err(error) => {
                        failed = true;
                        let error = format!("{error:#}");
                        tracing::warn!(target: "ripple", table = self.streams[number].table, error, "no stream");
                    }
                }
            }
            if !is_behind && !failed {
                self.live.confirm(began);
            }
            let pause = if is_behind { Duration::ZERO } else { PAUSE };
            tokio::select! {
                // The wait also ends if the sender is dropped.
                _ = stopped.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(pause) => {}
                () = self.live.wait_for_save() => {}
            }
        }
    }

    /// Delivers one batch of a stream.
    async fn read(&mut self, number: usize) -> anyhow::Result<Read> {
        let stream = &mut self.streams[number];
        let found = records(&self.database, stream)?;
        let numbers: Vec<String> = found.records.iter().map(|record| record.dynamodb.sequence_number.clone()).collect();
        let Some(last) = numbers.last() else { return Ok(Read { more: false, complete: true }) };
        let id = uuid::Builder::from_random_bytes(random()).into_uuid().to_string();
        let arn = &*stream.arn;
        let event = |record| Event { record, arn };
        let event = to_raw_value(&Batch { records: found.records.into_iter().map(event).collect() })?;
        let serving = Arc::clone(&self.current.borrow());
        let reply = serving.function.handle(&event, Invocation { id: &id, trace: None }).await?;
        let answer: Answer = serde_json::from_str(reply.get())?;
        let done = match answer.batch_item_failures.first() {
            None => Some(last),
            Some(failure) => {
                let failed = numbers.iter().position(|number| *number == failure.item_identifier).unwrap_or(0);
                stream.failures = if failed == 0 { stream.failures + 1 } else { 1 };
                // A record that fails for ever does not block the others.
                let skipped = stream.failures >= DELIVERIES;
                if skipped { numbers.get(failed) } else { failed.checked_sub(1).and_then(|before| numbers.get(before)) }
            }
        };
        let failed = !answer.batch_item_failures.is_empty();
        let told = done.and_then(|done| numbers.iter().position(|number| number == done)).map_or(0, |last| last + 1);
        tell(&self.live, &serving, &event, told);
        if let Some(done) = done {
            if !failed || stream.failures >= DELIVERIES {
                stream.failures = 0;
            }
            stream.read = Some(done.clone());
            self.keep_positions()?;
        }
        // An adoption is a further record, and is told at once.
        Ok(Read { more: !failed, complete: !failed })
    }

    fn keep_positions(&self) -> anyhow::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let others = self.positions.iter().map(|(arn, read)| (&**arn, &**read));
        let positions: BTreeMap<&str, &str> = self
            .streams
            .iter()
            .filter_map(|stream| Some((&*stream.arn, &**stream.read.as_ref()?)))
            .chain(others)
            .collect();
        // A file that was written in part would be read as damaged.
        let part = file.with_extension("part");
        fs::write(&part, serde_json::to_vec(&positions)?)
            .and_then(|()| fs::rename(&part, file))
            .with_context(|| format!("cannot write {}", file.display()))
    }
}

/// What became of a batch.
struct Read {
    /// Whether there may be another one now.
    more: bool,
    /// Whether every record was delivered.
    complete: bool,
}

/// Tells the live channel of the first `count` records of a batch, which the function has followed.
fn tell(live: &Live, serving: &Serving, batch: &RawValue, count: usize) {
    let stores = serving.function.api().stores();
    for Delivered { table, is_of_keys, change, .. } in stream::read(batch.get()).into_iter().flatten().take(count) {
        // The function has logged what cannot be read.
        let Ok(change) = change else { continue };
        if is_of_keys {
            if let Ok(Some(change)) = key::decide(&change) {
                live.key_changed(&change);
            }
        } else if let Some(store) = stores.iter().find(|store| store.table() == table) {
            live.tell(store.resource(), store.shards(), change);
        }
    }
}

/// A batch, as Lambda delivers it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Batch<'a> {
    records: Vec<Event<'a>>,
}

/// A record of the engine, with its stream.
#[derive(Serialize)]
struct Event<'a> {
    #[serde(flatten)]
    record: Record,
    #[serde(rename = "eventSourceARN")]
    arn: &'a str,
}

/// Returns the stream of a table. Enables it if there is none.
pub(super) fn stream_of(database: &Database, table: &str) -> anyhow::Result<String> {
    let describe = || {
        let described = database.describe_table(DescribeTableRequest { table_name: table.to_owned() });
        described.with_context(|| format!("cannot create the stream of {table}"))
    };
    if let Some(arn) = describe()?.table.latest_stream_arn {
        return Ok(arn);
    }
    let both = Some("NEW_AND_OLD_IMAGES".to_owned());
    database.update_table(UpdateTableRequest {
        table_name: table.to_owned(),
        stream_specification: Some(StreamSpecification { stream_enabled: true, stream_view_type: both }),
        ..UpdateTableRequest::default()
    })?;
    describe()?.table.latest_stream_arn.ok_or_else(|| anyhow!("the engine has no streams"))
}

/// Returns the next records of a stream.
fn records(database: &Database, stream: &Stream) -> anyhow::Result<GetRecordsResponse> {
    let kind = if stream.read.is_some() { "AFTER_SEQUENCE_NUMBER" } else { "TRIM_HORIZON" };
    let iterator = database.get_shard_iterator(GetShardIteratorRequest {
        stream_arn: stream.arn.clone(),
        shard_id: shard_id(&stream.table),
        shard_iterator_type: kind.to_owned(),
        sequence_number: stream.read.clone(),
    })?;
    let shard_iterator = iterator.shard_iterator.ok_or_else(|| anyhow!("the stream has no end"))?;
    Ok(database.get_records(GetRecordsRequest { shard_iterator, limit: Some(BATCH) })?)
}

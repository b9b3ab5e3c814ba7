//! `ripple table backfill`: adopts what other programs left in a table before the feed could tell of it.
//!
//! A run reads the table in pages, and adopts each state without a matching seal. So a run after an interruption
//! continues with what is left, without a mark, and a run on a finished table writes nothing. An adoption is
//! conditional on the item as it was read: another writer loses nothing, and a record that it changed is read again.
//!
//! It also moves records back whose entry in the index is in a partition that is [no longer read](super::partition).

use std::io::IsTerminal as _;

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::StreamExt as _;
use ripple_core::feed::External;
use ripple_core::random::Random;
use ripple_core::record::schema::Access;
use ripple_core::record::{Record, RecordId};
use ripple_core::service::adopt::{Adopter, Adoption};
use ripple_core::service::{Error, Metrics};
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{Capacity, Consistency, Keys as _, Source as _, StoreErrorKind};
use ripple_host::{now, random};

use super::partition;
use crate::output;
use crate::target;

/// The number of records adopted at once.
const CONCURRENCY: usize = 16;
/// How often a record is read again that another writer has changed meanwhile.
const TRIES: usize = 8;
/// The bytes that one write unit pays for. A write in a transaction costs twice.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-mode.html>
const UNIT: usize = 1024;
/// The bytes that the size of an external record leaves out: who adopted it, and what its row has beside it.
const OWN: usize = 160;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only count the records and the write units that they cost
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    chosen: target::Chosen,
}

/// What the table has.
#[derive(Debug, Default)]
struct Count {
    records: u64,
    /// Records without a version of ripple.
    external: u64,
    /// The write units that their adoption costs, at most.
    units: u64,
}

/// The result for one record.
enum Outcome {
    Adopted,
    /// Another writer has saved it through ripple, or the feed has adopted it, or it was deleted.
    Done,
    /// Other writers were faster at every try. The feed, or another run, adopts it.
    Busy,
}

pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let target = match options.dry_run {
        true => connection.open().await?,
        false => connection.open_to_change().await?,
    };
    let store = target.store_of(&options.chosen)?;
    if store.resource().access == Access::ReadOnly {
        bail!("{} is read-only: its file has \"access\": \"read-only\"", store.resource().name);
    }
    let mut cost = Capacity::default();
    let Count { records, external, units } = count(store, &mut cost).await?;
    eprintln!(
        "{external} of {records} {} in {} have no version yet. To adopt them costs at most {units} write units. \
         (To count them cost {} read units.)",
        store.resource().plural,
        store.table(),
        cost.read
    );
    let unread = match partition::count_unread(store, &mut Capacity::default()).await {
        Ok(unread) => unread,
        // The table may lack the index. Its records are then in no partition.
        Err(error) if error.kind == StoreErrorKind::Refused => {
            eprintln!("The index by_update cannot be read: {:#}", anyhow::Error::from(error));
            0
        }
        Err(error) => return Err(error).context("cannot read the index by_update"),
    };
    if unread > 0 {
        eprintln!(
            "{unread} entries of the index by_update are in partitions that are no longer read. To move one costs a \
             write of its record, and two of each index."
        );
        if !connection.states_shards(store.resource()) {
            eprintln!(
                "That is so if the hosts read one partition, which is the default. State their number with --shards: \
                 without it, none is moved."
            );
        }
    }
    if options.dry_run {
        return Ok(());
    }
    if external > 0 {
        adopt_all(store, external).await?;
    }
    if unread > 0 && connection.states_shards(store.resource()) {
        println!("{} moved", partition::move_unread(&target, store).await?);
    }
    Ok(())
}

async fn count(store: &DynamoDb, cost: &mut Capacity) -> anyhow::Result<Count> {
    let (mut count, mut from) = (Count::default(), None);
    loop {
        let page = store.scan(from, Consistency::Eventual, cost).await.context("cannot read the table")?;
        for record in page.records.iter().filter(|record| !record.is_deleted()) {
            count.records += 1;
            if record.is_external() {
                count.external += 1;
                count.units += units(record);
            }
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(count),
        }
    }
}

/// Returns what an adoption costs at most: the item and its row in a transaction, and the entry of the index. A row is
/// compressed, and usually smaller than the item.
fn units(record: &Record) -> u64 {
    let of = |bytes: usize| 2 * bytes.div_ceil(UNIT) as u64;
    let size = record.stored_size() + OWN;
    of(size) + of(size) + 1
}

async fn adopt_all(store: &DynamoDb, expected: u64) -> anyhow::Result<()> {
    let bar = output::bar(Some(expected), &store.resource().plural);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let (mut adopted, mut busy, mut failed, mut cost, mut from) = (0u64, 0u64, 0u64, Capacity::default(), None);
    loop {
        let page = store.scan(from, Consistency::Eventual, &mut cost).await.context("cannot read the table")?;
        let external = page.records.into_iter().filter(Record::is_external);
        let mut results = futures_util::stream::iter(external)
            .map(|record| async move {
                let id = record.id.clone();
                let mut metrics = Metrics::default();
                (id, adopt(store, record, &mut metrics).await, metrics.capacity)
            })
            .buffer_unordered(CONCURRENCY);
        while let Some((id, outcome, consumed)) = results.next().await {
            bar.inc(1);
            cost.read += consumed.read;
            cost.write += consumed.write;
            match outcome {
                Ok(Outcome::Adopted) => adopted += 1,
                Ok(Outcome::Done) => {}
                Ok(Outcome::Busy) => busy += 1,
                Err(error) => {
                    bar.suspend(|| eprintln!("{id}: {:#}", anyhow::Error::from(error)));
                    failed += 1;
                }
            }
        }
        drop(results);
        match page.next {
            Some(next) => from = Some(next),
            None => break,
        }
    }
    bar.finish_and_clear();
    println!("{adopted} adopted, {busy} changed by others at every try, {failed} failed; {cost}");
    if failed > 0 {
        bail!("{failed} records could not be adopted; run it again to retry");
    }
    Ok(())
}

/// Adopts the state of a record. If another program has changed it meanwhile, the newer state is adopted.
async fn adopt(store: &DynamoDb, record: Record, metrics: &mut Metrics) -> Result<Outcome, Error> {
    let (id, mut state) = (record.id.clone(), Some(record));
    let writer = store.resource().writer.as_deref();
    for _ in 0..TRIES {
        let Some(after) = state.filter(Record::is_external) else { return Ok(Outcome::Done) };
        let change = External { id: id.clone(), before: None, after: Some(after), at: now() };
        let random = &mut Random::new(random());
        let mut adopter = Adopter { store, writer, now: now(), random, metrics: &mut *metrics };
        if let Adoption::Adopted(_) = adopter.adopt(&change).await? {
            return Ok(Outcome::Adopted);
        }
        state = read(store, &id, metrics).await?;
    }
    Ok(Outcome::Busy)
}

async fn read(store: &DynamoDb, id: &RecordId, metrics: &mut Metrics) -> Result<Option<Record>, Error> {
    Ok(store.get(id, Consistency::Strong, &mut metrics.capacity).await?)
}

#[cfg(test)]
mod tests {
    use ripple_core::value::Members;

    use super::*;

    #[test]
    fn the_units_are_those_of_two_writes_in_a_transaction_and_an_entry() {
        let record = |bytes: usize| {
            let text = "x".repeat(bytes);
            Record::new(RecordId::stored("p".to_owned()), Members::from([("t".to_owned(), text.as_str().into())]))
        };
        assert_eq!(units(&record(100)), 5);
        assert_eq!(units(&record(1_000)), 9);
        assert_eq!(units(&record(10_000)), 45);
    }
}

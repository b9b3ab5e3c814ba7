//! Events of DynamoDB Streams: what other programs did is adopted, record by record.
//!
//! The answer names the first record that failed. Lambda then delivers that record and all later ones again, so the
//! changes of a record stay in order. A record that can never be adopted is skipped with a line of the log.
//! <https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html>

use std::time::Instant;

use ripple_core::Api;
use ripple_core::feed::message::{Told, numbered};
use ripple_core::feed::{Decision, decide, key};
use ripple_core::http::chain;
use ripple_core::random::Random;
use ripple_core::record::schema::Access;
use ripple_core::service::adopt::{Adopter, Adoption};
use ripple_core::service::{Error, Metrics};
use ripple_core::store::dynamodb::stream::Delivered;
use ripple_core::store::{Store, StoreErrorKind};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use crate::Invocation;
use crate::delivery::{Delivery, Sent};

/// The answer to a batch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    batch_item_failures: Vec<Failure>,
}

/// A record to be delivered again.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure {
    item_identifier: String,
}

/// The counts of a batch, for the log.
#[derive(Debug, Default)]
struct Counts {
    adopted: usize,
    kept: usize,
    keys: usize,
    skipped: usize,
}

/// Why a record was not adopted.
enum Problem {
    /// It can never be adopted.
    Poisoned(String),
    /// It is to be delivered again.
    Failed(Error),
}

/// Adopts the records of a batch in order, up to the first one that fails.
pub(crate) async fn follow<S: Store>(
    api: &Api<S>,
    delivery: Option<&Delivery>,
    batch: Vec<Delivered>,
    invocation: Invocation<'_>,
) -> Box<RawValue> {
    let started = Instant::now();
    let mut told = delivery.map(|_| Told::default());
    let (mut counts, mut metrics) = (Counts::default(), Metrics::default());
    let mut failures = Vec::new();
    let records = batch.len();
    for record in batch {
        let sequence_number = record.sequence_number.clone();
        match one(api, record, told.as_mut(), &mut counts, &mut metrics).await {
            Ok(()) => {}
            Err(Problem::Poisoned(error)) => {
                counts.skipped += 1;
                tracing::warn!(
                    target: "ripple", invocation = invocation.id, sequence_number, error, "a record of the stream is skipped"
                );
            }
            Err(Problem::Failed(error)) => {
                let error = chain(&error);
                tracing::warn!(
                    target: "ripple", invocation = invocation.id, sequence_number, error,
                    "a record of the stream is to be delivered again"
                );
                failures.push(Failure { item_identifier: sequence_number });
                break;
            }
        }
    }
    let Counts { adopted, kept, keys, skipped } = counts;
    let Sent { sent, dropped } = match (delivery, &told) {
        (Some(delivery), Some(told)) if !told.is_empty() => delivery.deliver(told).await,
        _ => Sent::default(),
    };
    crate::metrics::delivered(sent, dropped);
    // ripple's own writes are most of the stream. A batch of nothing else is not worth a line.
    let duration_ms = started.elapsed().as_secs_f64() * 1e3;
    let (capacity_read, capacity_write) = (metrics.capacity.read, metrics.capacity.write);
    if adopted + kept + keys + skipped + dropped + failures.len() > 0 {
        tracing::info!(
            target: "ripple", invocation = invocation.id, records, adopted, kept, keys, skipped, sent, dropped, duration_ms,
            capacity_read, capacity_write, "followed"
        );
    }
    to_raw_value(&Answer { batch_item_failures: failures }).expect("lists and text serialise")
}

async fn one<S: Store>(
    api: &Api<S>,
    record: Delivered,
    mut told: Option<&mut Told>,
    counts: &mut Counts,
    metrics: &mut Metrics,
) -> Result<(), Problem> {
    let poisoned = |error: &dyn std::error::Error| Problem::Poisoned(chain(error));
    let change = record.change.map_err(|error| poisoned(&error))?;
    if record.is_of_keys {
        if let Some(change) = key::decide(&change).map_err(|error| poisoned(&error))? {
            api.key_changed(&change, ripple_host::now());
            counts.keys += 1;
            if let Some(told) = told {
                told.add_key(change);
            }
        }
        return Ok(());
    }
    let Some(store) = store_of(api.stores(), &record.table) else {
        return Err(Problem::Poisoned(format!("no resource has the table {:?}", record.table)));
    };
    if store.resource().access == Access::ReadOnly {
        return Ok(());
    }
    let names = store.names();
    // Only a state that ripple wrote is told. That of an adoption is another record of the stream.
    let mut tell = || -> Result<(), Problem> {
        let Some(told) = told.as_deref_mut() else { return Ok(()) };
        if let Some(state) = numbered(&change, names).map_err(|error| poisoned(&error))? {
            told.add_state(store.resource(), state);
        }
        Ok(())
    };
    let external = match decide(&change, names).map_err(|error| poisoned(&error))? {
        Decision::External(external) => external,
        Decision::Own => return tell(),
        Decision::Expired => return Ok(()),
    };
    let writer = store.resource().writer.as_deref();
    let (now, random) = (ripple_host::now(), &mut Random::new(ripple_host::random()));
    let adoption = Adopter { store, writer, now, random, metrics }.adopt(&external).await;
    match adoption {
        Ok(Adoption::Own) => tell(),
        Ok(Adoption::Nothing) => Ok(()),
        Ok(Adoption::Adopted(_)) => {
            counts.adopted += 1;
            Ok(())
        }
        Ok(Adoption::Kept(_)) => {
            counts.kept += 1;
            Ok(())
        }
        Err(error) if is_lasting(&error) => Err(poisoned(&error)),
        Err(error) => Err(Problem::Failed(error)),
    }
}

/// Returns the store of the resource that has this table. A resource states the name of its table, or with a place for
/// the site, which may be any text.
fn store_of<'a, S: Store>(stores: &'a [S], table: &str) -> Option<&'a S> {
    let is_of_site = |store: &&S| {
        store.resource().table.split_once("{site}").is_some_and(|(before, after)| {
            let length = before.len() + after.len();
            table.len() > length && table.starts_with(before) && table.ends_with(after)
        })
    };
    let stated = stores.iter().find(|store| store.resource().table == table);
    // A name that ends like another one is the longer one.
    stated.or_else(|| stores.iter().filter(is_of_site).max_by_key(|store| store.resource().table.len()))
}

/// Reports whether another delivery would fail in the same way.
fn is_lasting(error: &Error) -> bool {
    match error {
        Error::Refused(_) => true,
        Error::Store(error) => matches!(error.kind, StoreErrorKind::Undecodable | StoreErrorKind::TooLarge(_)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ripple_core::record::schema::Resources;
    use ripple_core::store::Keys as _;
    use ripple_core::store::memory::Memory;

    use super::store_of;

    #[test]
    fn a_table_is_that_of_one_resource_whatever_its_name_ends_with() {
        let file = |resource: &str, table: &str| {
            format!(
                r#"{{"title": "{resource}", "x-ripple": {{"resource": "{resource}", "key": "id"{table}}}, "type": "object"}}"#
            )
        };
        let files = [
            ("order", ""),
            ("oldorder", r#", "table": "legacy_order""#),
            ("aorder", r#", "table": "x_order""#),
            ("preorder", ""),
        ];
        let files: Vec<_> = files.map(|(name, table)| (format!("{name}.json"), file(name, table))).into();
        let resources = Resources::read(&files).expect("resources");
        let stores: Vec<Memory> = resources.iter().map(|resource| Memory::of(Arc::clone(resource))).collect();
        for (table, resource) in [
            ("legacy_order", Some("oldorder")),
            ("x_order", Some("aorder")),
            ("shop_order", Some("order")),
            ("shop_preorder", Some("preorder")),
            ("_order", None),
            ("orders", None),
        ] {
            let found = store_of(&stores, table).map(|store| store.resource().name.as_str());
            assert_eq!(found, resource, "{table}");
        }
    }
}

//! `ripple hook`: the webhooks that resource files declare.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use clap::{Args, Subcommand};
use humantime::{parse_duration, parse_rfc3339_weak};
use ripple_core::feed::message::Told;
use ripple_core::record::RecordId;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{Capacity, Keys as _, Source as _, Store as _, StoreError};
use ripple_core::{Record, Timestamp};
use ripple_host::{environment, now};
use ripple_lambda::Delivery;
use ripple_lambda::delivery::HOOK_SECRETS;

use super::table::partition;
use crate::target::{self, Target};

/// The number of states in a batch, as of a stream.
const BATCH: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send the changes of a resource to its webhook again, from the history
    Replay(Replay),
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// Begin at this time (2026-11-26T08:00:00Z), or this long ago (90m, 2days)
    #[arg(long, value_name = "TIME", value_parser = beginning)]
    since: Timestamp,
    /// Resource whose file declares the webhook
    #[arg(value_name = "RESOURCE")]
    resource: String,
}

/// Runs a command.
pub(crate) async fn run(connection: &target::Options, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Replay(options) => replay(connection, &options).await,
    }
}

/// Parses the beginning of a replay.
fn beginning(text: &str) -> Result<Timestamp, String> {
    if let Ok(time) = parse_rfc3339_weak(text) {
        let since = time.duration_since(UNIX_EPOCH).map_err(|_| "is before 1970".to_owned())?;
        return Ok(Timestamp::default().after(since));
    }
    let ago: Duration = parse_duration(text)
        .map_err(|_| "is neither a time, such as 2026-11-26T08:00:00Z, nor how long ago, such as 90m".to_owned())?;
    Ok(now().before(ago))
}

async fn replay(connection: &target::Options, options: &Replay) -> anyhow::Result<()> {
    let target = connection.open_to_change().await?;
    let chosen = target::Chosen { resource: Some(options.resource.clone()) };
    let store = target.store_of(&chosen)?;
    let resource = store.resource();
    let Some(url) = &resource.webhook else { bail!("the file of {} declares no webhook", resource.name) };
    let delivery = delivery_of(&target)?.with_context(|| format!("{HOOK_SECRETS} is not set"))?;
    let mut replay = Sending { store, delivery: &delivery, told: Told::default(), ids: Vec::new(), sent: 0 };
    replay.all(options.since).await?;
    println!("{} states of {} were sent to {url}", replay.sent, resource.plural);
    Ok(())
}

/// Returns the receivers. Those of the DynamoDB of this machine may be on this machine, as with `ripple dev`.
fn delivery_of(target: &Target) -> anyhow::Result<Option<std::sync::Arc<Delivery>>> {
    // The receivers of the feed get nothing here.
    let env = |name: &str| environment(name).filter(|_| name == HOOK_SECRETS);
    Ok(Delivery::read(env, target.resources(), target.is_here())?)
}

/// What is being sent. A batch has one state of each record, so that a record's states arrive in their order.
struct Sending<'a> {
    store: &'a DynamoDb,
    delivery: &'a Delivery,
    told: Told,
    ids: Vec<RecordId>,
    sent: usize,
}

impl Sending<'_> {
    /// Sends each state of the history that was written since a time.
    async fn all(&mut self, since: Timestamp) -> anyhow::Result<()> {
        // The site's number of partitions is a setting of its hosts. An empty one costs little.
        for shard in 0..partition::MOST {
            let mut from = None;
            loop {
                let cost = &mut Capacity::default();
                let page =
                    self.store.changes(shard, since, from, BATCH, cost).await.context("cannot read the index")?;
                for entry in page.entries {
                    for number in numbers(self.store, &entry.id, since).await.context("cannot read the history")? {
                        let state = self.store.state(&entry.id, number, cost).await;
                        // A version may expire meanwhile.
                        if let Some(state) = state.context("cannot read the history")? {
                            self.add(state).await?;
                        }
                    }
                }
                match page.next {
                    Some(next) => from = Some(next),
                    None => break,
                }
            }
        }
        self.send().await
    }

    async fn add(&mut self, state: Record) -> anyhow::Result<()> {
        if self.ids.len() == BATCH || self.ids.contains(&state.id) {
            self.send().await?;
        }
        self.ids.push(state.id.clone());
        self.told.add_state(self.store.resource(), state);
        Ok(())
    }

    async fn send(&mut self) -> anyhow::Result<()> {
        let told = std::mem::take(&mut self.told);
        self.delivery.send_to_hook(&self.store.resource().name, &told).await.map_err(|reason| {
            anyhow!("the webhook does not accept a message: {reason}; {} states were sent before", self.sent)
        })?;
        self.sent += self.ids.len();
        self.ids.clear();
        Ok(())
    }
}

/// Returns the versions of a record that were written since a time, oldest first. The time of a state that was replaced
/// before ripple saw it is not known. No receiver was told of such a state, so it is left out.
async fn numbers(store: &DynamoDb, id: &RecordId, since: Timestamp) -> Result<Vec<u64>, StoreError> {
    let (mut numbers, mut before) = (Vec::new(), None);
    loop {
        let entries = store.entries(id, before, BATCH, &mut Capacity::default()).await?;
        let is_last = entries.len() < BATCH;
        for entry in entries {
            before = Some(entry.number);
            match entry.updated_at {
                Some(at) if at < since => {
                    numbers.reverse();
                    return Ok(numbers);
                }
                Some(_) => numbers.push(entry.number),
                None => {}
            }
        }
        if is_last {
            numbers.reverse();
            return Ok(numbers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_a_time_or_how_long_ago() {
        assert_eq!(beginning("2026-11-26T08:00:00Z"), Ok(Timestamp(1_795_680_000_000)));
        assert!(beginning("90m").is_ok_and(|since| since <= now().before(Duration::from_secs(90 * 60))));
        for text in ["", "yesterday", "1969-01-01T00:00:00Z", "-5m"] {
            assert!(beginning(text).is_err(), "{text}");
        }
    }
}

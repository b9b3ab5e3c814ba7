//! The entries of a file in the order in which they are imported. Only a few of them are in memory.

use std::collections::HashMap;

use futures_util::stream::{self, Stream, StreamExt as _, TryStreamExt as _};
use ripple_core::store::Keys as _;
use ripple_core::store::dynamodb::DynamoDb;
use tokio::sync::oneshot::error::TryRecvError;
use tokio::sync::oneshot::{self, Receiver, Sender};

use super::missing::{self, Missing};
use super::present::{Earlier, Lookup};
use super::row::{self, Preparation};
use super::source::Entry;
use super::{Found, Outcome, Work};

/// The number of entries that are looked up at once: as many keys as DynamoDB takes in one request.
const PART: usize = 100;
/// The number of bytes of these entries, but one entry may be larger.
const PART_BYTES: usize = 4 << 20;
/// The number of turns that are kept before those that are over are dropped.
const TURNS: usize = 1_000;

/// The place of an entry among the entries of its record. Each of them waits until the one before it drops its place.
#[derive(Default)]
struct Turn {
    after: Option<Receiver<()>>,
    _before: Option<Sender<()>>,
}

/// An entry as it is imported.
pub(super) struct Step {
    /// Its position, for messages.
    place: String,
    is_row: bool,
    work: anyhow::Result<Work>,
    turn: Turn,
}

/// What became of an entry.
pub(super) struct Told {
    pub(super) place: String,
    pub(super) is_row: bool,
    pub(super) result: anyhow::Result<Outcome>,
}

impl Step {
    /// Imports the entry when it is its turn.
    pub(super) async fn import(self, store: &DynamoDb, dry_run: bool) -> Told {
        let Step { place, is_row, work, turn: Turn { after, _before } } = self;
        if let Some(after) = after {
            // The sender is only dropped.
            let _ = after.await;
        }
        let result = async {
            match work? {
                Work::Row(row) => row::import(store, row, dry_run).await,
                Work::Missing(missing) => missing::import(store, missing, dry_run).await,
            }
        };
        Told { place, is_row, result: result.await }
    }
}

/// Returns the steps of an import, in the order of the entries. An error is the last one.
pub(super) fn of<'a>(
    store: &'a DynamoDb,
    entries: impl Iterator<Item = anyhow::Result<(String, Found)>> + 'a,
) -> impl Stream<Item = anyhow::Result<Step>> + 'a {
    let (rows, earlier, turns) = (Preparation::default(), Earlier::default(), Turns::default());
    let steps = Steps { store, entries, rows, earlier, turns };
    let parts = stream::try_unfold(steps, async |mut steps| {
        let part = steps.part().await?;
        anyhow::Ok(part.map(|part| (stream::iter(part).map(Ok), steps)))
    });
    parts.try_flatten()
}

struct Steps<'a, I> {
    store: &'a DynamoDb,
    entries: I,
    rows: Preparation,
    earlier: Earlier,
    turns: Turns,
}

impl<I: Iterator<Item = anyhow::Result<(String, Found)>>> Steps<'_, I> {
    /// Returns the steps of the next entries. Returns `None` at the end.
    async fn part(&mut self) -> anyhow::Result<Option<Vec<Step>>> {
        let (mut part, mut bytes) = (Vec::new(), 0);
        while part.len() < PART && bytes < PART_BYTES {
            let Some(entry) = self.entries.next().transpose()? else { break };
            if let (_, Found::Missing(Entry { json, .. })) = &entry {
                bytes += json.len();
            }
            part.push(entry);
        }
        let missing = part.iter().filter_map(|(_, found)| match found {
            Found::Row(_) => None,
            Found::Missing(entry) => Some(entry),
        });
        let mut found = self.earlier.look_up(self.store, &missing.collect::<Vec<_>>()).await?.into_iter();
        let steps = part.into_iter().map(|(place, entry)| self.step(place, entry, &mut found)).collect::<Vec<_>>();
        Ok((!steps.is_empty()).then_some(steps))
    }

    fn step(&mut self, place: String, found: Found, lookups: &mut impl Iterator<Item = Lookup>) -> Step {
        let is_row = matches!(found, Found::Row(_));
        let (id, work) = match found {
            Found::Row(row) => {
                let row = row.and_then(|row| self.rows.prepare(row, self.store.resource()));
                (row.as_ref().ok().map(|row| row.requested.id.to_string()), row.map(Work::Row))
            }
            Found::Missing(Entry { json, .. }) => {
                let Lookup { id, present } = lookups.next().unwrap_or_default();
                (id, Ok(Work::Missing(Missing { present, json })))
            }
        };
        Step { place, is_row, work, turn: id.map(|id| self.turns.next(id)).unwrap_or_default() }
    }
}

/// The last turn of each record.
#[derive(Default)]
struct Turns(HashMap<String, Receiver<()>>);

impl Turns {
    fn next(&mut self, id: String) -> Turn {
        if self.0.len() >= TURNS {
            self.0.retain(|_, last| matches!(last.try_recv(), Err(TryRecvError::Empty)));
        }
        let (before, next) = oneshot::channel();
        Turn { after: self.0.insert(id, next), _before: Some(before) }
    }
}

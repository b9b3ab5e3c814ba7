//! `ripple import`
//!
//! | entry | what an import does |
//! |---|---|
//! | a row of CSV or a record in JSON, with a version | edits that version, merged with what others saved since |
//! | a row of CSV without a version | creates a record; an existing id is refused |
//! | a record in JSON without a version | creates the record if it is missing |
//! | an item `{"Item": …}` | restores the record unchanged if it is missing |

mod identity;
mod missing;
mod present;
mod report;
mod row;
mod source;

use std::collections::HashMap;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use ripple_core::limits;
use ripple_core::random::Random;
use ripple_core::record::decide::Precondition;
use ripple_core::record::fault;
use ripple_core::record::schema::Resource;
use ripple_core::service::batch::{Requested, preview};
use ripple_core::service::{self, Author, Context, Metrics, Saved, save};
use ripple_core::session::Session;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{IdempotencyKey, Keys as _};
use ripple_host::{now, random};
use tokio::sync::oneshot::{self, Receiver, Sender};
use tokio::time::timeout;

use crate::output;
use crate::target;

use missing::Missing;
use report::{Counts, Forms, ROWS};
use row::{Prepared, Row};
use source::{Entry, Source};

/// The number of entries imported at once.
const CONCURRENCY: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// File of JSON lines, a JSON array, CSV, a DynamoDB export (`{"Item": …}`) or output of `aws dynamodb scan`, also
    /// as .gz; `-` reads standard input. A row of CSV or a record in JSON with a version is an edit on that version. In
    /// CSV an empty cell keeps the value that the record has, and the cell `json:null` removes the member. In JSON an
    /// absent member stays as it is, and `null` removes the member. JSON without a version, and an item of a DynamoDB
    /// export, only creates a record that is missing
    file: PathBuf,
    /// Only print what each entry would do
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    chosen: target::Chosen,
}

/// What an entry asks for.
enum Work {
    Row(Prepared),
    Missing(Missing),
}

/// The result of an entry.
enum Outcome {
    Done {
        saved: Box<Saved>,
        /// The entry was imported before. Only a dry run returns so.
        is_remembered: bool,
    },
    /// The entry was imported before.
    Imported,
    /// The id exists, and the entry was to create it.
    Present(present::Present),
    /// The entry is a deletion.
    Tombstone,
}

/// The place of an entry among the entries of its record. Each of them waits until the one before it drops its place.
#[derive(Default)]
struct Turn {
    after: Option<Receiver<()>>,
    _before: Option<Sender<()>>,
}

/// An entry as it is imported.
struct Step {
    /// Its position, for messages.
    place: String,
    work: anyhow::Result<Work>,
    turn: Turn,
}

/// How a change is made.
#[derive(Clone, Copy)]
enum Mode<'a> {
    /// It is only computed.
    Preview,
    /// It is saved with this identity.
    Save(Option<&'a IdempotencyKey>),
}

/// Imports a file. `--dry-run` only prints what each entry would do.
pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let Options { file, dry_run, chosen } = options;
    let resources = connection.resources()?;
    let source = source::read(&file, &chosen.of(&resources)?.names)?;
    let target = connection.open_to_change().await?;
    let store = target.store_of(&chosen)?;
    let noun = if matches!(source, Source::Sheet(_)) { ROWS } else { "entries" };
    let entries = read(source, store.resource())?;
    let forms = Forms::of(noun, &entries);
    let steps = steps(store, entries).await?;

    let bar = output::bar(Some(steps.len() as u64), &store.resource().plural);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut counts = Counts::default();
    // An entry is begun after every earlier one, so the one that it waits for is never behind it.
    let mut results = futures_util::stream::iter(steps)
        .map(|Step { place, work, turn }| async move {
            let Turn { after, _before } = turn;
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
            (place, result.await)
        })
        .buffered(CONCURRENCY);
    while let Some((place, result)) = results.next().await {
        bar.inc(1);
        if let Some(told) = counts.add(result, dry_run) {
            bar.suspend(|| eprintln!("{place}: {told}"));
        }
    }
    bar.finish_and_clear();
    counts.report(&forms, dry_run)
}

/// An entry as it was read.
enum Read {
    Row(anyhow::Result<Row>),
    Missing(Entry),
}

/// Returns the entries of a file in their order, each with its position.
fn read(source: Source, resource: &Resource) -> anyhow::Result<Vec<(String, Read)>> {
    let entry = |entry: Entry| match row::of_json(&entry.json, &resource.names) {
        Some(row) => (entry.place, Read::Row(row)),
        None => (entry.place.clone(), Read::Missing(entry)),
    };
    Ok(match source {
        Source::Sheet(text) => {
            row::of_sheet(&text, resource)?.into_iter().map(|(place, row)| (place, Read::Row(row))).collect()
        }
        Source::Entries(entries) => entries.into_iter().map(entry).collect(),
    })
}

/// Returns the entries as they are imported, each with its turn.
async fn steps(store: &DynamoDb, entries: Vec<(String, Read)>) -> anyhow::Result<Vec<Step>> {
    let resource = store.resource();
    let missing = entries.iter().filter_map(|(_, entry)| match entry {
        Read::Row(_) => None,
        Read::Missing(entry) => Some(entry),
    });
    let mut present = present::find(store, &missing.collect::<Vec<_>>()).await?;
    let (mut rows, mut turns, mut at) = (row::Preparation::default(), Turns::default(), 0);
    let mut steps = Vec::with_capacity(entries.len());
    for (place, entry) in entries {
        let work = match entry {
            Read::Row(row) => row.and_then(|row| rows.prepare(row, resource)).map(Work::Row),
            Read::Missing(Entry { json, .. }) => {
                at += 1;
                Ok(Work::Missing(Missing { present: present.remove(&(at - 1)), json }))
            }
        };
        let id = match &work {
            Ok(Work::Row(row)) => Some(row.requested.id.to_string()),
            Ok(Work::Missing(missing)) => present::id_in(&missing.json, &resource.names),
            Err(_) => None,
        };
        steps.push(Step { place, work, turn: id.map(|id| turns.next(id)).unwrap_or_default() });
    }
    Ok(steps)
}

/// The last turn of each record.
#[derive(Default)]
struct Turns(HashMap<String, Receiver<()>>);

impl Turns {
    fn next(&mut self, id: String) -> Turn {
        let (before, next) = oneshot::channel();
        Turn { after: self.0.insert(id, next), _before: Some(before) }
    }
}

/// Makes a change.
async fn make(
    store: &DynamoDb,
    mode: Mode<'_>,
    requested: &Requested<impl Precondition>,
) -> anyhow::Result<Result<Saved, service::Error>> {
    let Requested { id, change, expected } = requested;
    match mode {
        Mode::Preview => in_context(store, None, async |cx| preview(cx, requested).await).await,
        Mode::Save(key) => in_context(store, key, async |cx| save(cx, id, change, expected).await).await,
    }
}

/// Runs a use case as the import.
async fn in_context<T>(
    store: &DynamoDb,
    idempotency: Option<&IdempotencyKey>,
    what: impl AsyncFnOnce(&mut Context<'_, DynamoDb>) -> T,
) -> anyhow::Result<T> {
    let (random, session, metrics) = (&mut Random::new(random()), &mut Session::default(), &mut Metrics::default());
    let author = Author { name: IMPORT, person: None, lineage: IMPORT };
    let mut context = Context { store, author, now: now(), random, idempotency, session, metrics };
    // The same limit as in every host, on which readers of changes rely.
    let done = timeout(limits::REQUEST, what(&mut context)).await;
    done.context("DynamoDB did not respond in time, so the record may have been saved")
}

/// The author of imported records.
const IMPORT: &str = "import";

/// Returns the error of a refused record, with each of its faults.
fn refused(error: fault::Error) -> anyhow::Error {
    let faults = match &error {
        fault::Error::Invalid(faults) => {
            faults.iter().map(|fault| format!("; {} {}", fault.pointer, fault.detail)).collect()
        }
        _ => String::new(),
    };
    anyhow::anyhow!("{error}{faults}")
}

/// Returns the message of an error.
fn told(error: service::Error) -> anyhow::Error {
    match error {
        service::Error::Refused(error) => refused(error),
        error => error.into(),
    }
}

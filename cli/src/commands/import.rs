//! `ripple import`
//!
//! | entry | what an import does |
//! |---|---|
//! | a row of CSV or a record in JSON, with a version | edits that version, merged with what others saved since |
//! | a row of CSV without a version | creates a record; an existing id is refused |
//! | a record in JSON without a version | creates the record if it is missing |
//! | an item `{"Item": …}` | restores the record unchanged if it is missing |

mod file;
mod identity;
mod missing;
mod present;
mod report;
mod row;
mod source;
mod steps;
mod text;
mod values;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::pin::pin;

use anyhow::Context as _;
use clap::Args;
use futures_util::StreamExt as _;
use ripple_core::limits;
use ripple_core::random::Random;
use ripple_core::record::Names;
use ripple_core::record::decide::Precondition;
use ripple_core::record::fault;
use ripple_core::service::batch::{Requested, preview};
use ripple_core::service::{self, Author, Context, Metrics, Saved, save};
use ripple_core::session::Session;
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{IdempotencyKey, Keys as _};
use ripple_host::{now, random};
use tokio::time::timeout;

use crate::output::{self, Format};
use crate::target;

use file::File;
use missing::Missing;
use report::{Counts, ROWS};
use row::{Prepared, Row};
use source::{Entry, Form};
use steps::{Step, Told};

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
    format: Format,
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
    let Options { file, dry_run, format, chosen } = options;
    let resources = connection.resources()?;
    let file = File::open(&file)?;
    let total = file.check(chosen.of(&resources)?)?;
    let target = connection.open_to_change().await?;
    let store = target.store_of(&chosen)?;

    let bar = output::bar(Some(total), &store.resource().plural);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut counts = Counts::of(if file.form == Form::Sheet { ROWS } else { "entries" });
    // An entry is begun after every earlier one, so the one that it waits for is never behind it.
    let steps = steps::of(store, file.entries(store.resource())?);
    let import = async |step: anyhow::Result<Step>| Ok(step?.import(store, dry_run).await);
    let mut results = pin!(steps.map(import).buffered(CONCURRENCY));
    let mut interrupted = None;
    while let Some(told) = results.next().await {
        let Told { place, is_row, result } = match told {
            Ok(told) => told,
            Err(error) => {
                interrupted = Some(error);
                break;
            }
        };
        bar.inc(1);
        counts.note(is_row);
        if let Some(detail) = counts.add(result, dry_run) {
            match format.json {
                true => bar.suspend(|| output::line(&report::Line { place, detail }))?,
                false => bar.suspend(|| eprintln!("{place}: {detail}")),
            }
        }
    }
    bar.finish_and_clear();
    let reported = counts.report(dry_run, format);
    interrupted.map_or(reported, Err)
}

/// An entry as it was read.
enum Found {
    Row(anyhow::Result<Row>),
    Missing(Entry),
}

impl Found {
    fn of(entry: Entry, names: &Names) -> (String, Found) {
        match row::of_json(&entry.json, names) {
            Some(row) => (entry.place, Found::Row(row)),
            None => (entry.place.clone(), Found::Missing(entry)),
        }
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

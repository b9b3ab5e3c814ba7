//! `ripple import`

mod present;
mod sheet;
mod source;

use std::io::IsTerminal as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::Args;
use futures_util::StreamExt as _;
use ripple_core::random::Random;
use ripple_core::record::decide::Change;
use ripple_core::record::{creation, fault};
use ripple_core::service::{self, Author, Context, Metrics, save};
use ripple_core::session::Session;
use ripple_core::store::dynamodb::{DynamoDb, export};
use ripple_core::store::{IdempotencyKey, Keys as _, Source as _};
use ripple_core::value::{Value, parse};
use ripple_core::{RecordId, limits};
use ripple_host::{now, random};
use tokio::time::timeout;

use crate::output;
use crate::target;

use present::{Present, State};
use source::{Entry, Source};

/// The number of records created at once.
const CONCURRENCY: usize = 16;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// File of JSON lines, a JSON array, a DynamoDB export (`{"Item": …}`), output of `aws dynamodb scan` or CSV, also
    /// as .gz; `-` reads standard input. In CSV an empty cell keeps the value that the record has, and the cell
    /// `json:null` removes the member
    file: PathBuf,
    /// Only print what each row of CSV would do
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    chosen: target::Chosen,
}

/// The result for one entry.
enum Outcome {
    Created,
    Exists,
    /// The entry is a deletion.
    Tombstone,
}

/// Imports a file. A row of CSV with a version is an edit on that version. All else are new records.
pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    let resources = connection.resources()?;
    match source::read(&options.file, &options.chosen.of(&resources)?.names)? {
        Source::Sheet(text) => {
            let target = connection.open_to_change().await?;
            sheet::run(target.store_of(&options.chosen)?, &text, options.dry_run).await
        }
        Source::Entries(_) if options.dry_run => {
            bail!("--dry-run is only for CSV: JSON creates the records that are missing")
        }
        Source::Entries(entries) => create_missing(connection, options, entries).await,
    }
}

/// Creates each entry with the same checks as `POST /prj`, or unchanged if it is an item of an export. The existing ids
/// are read first, so that an import after an interruption continues with the missing entries.
async fn create_missing(connection: &target::Options, options: Options, lines: Vec<Entry>) -> anyhow::Result<()> {
    let target = connection.open_to_change().await?;
    let store = target.store_of(&options.chosen)?;
    let plural = &store.resource().plural;
    let present = present::find(store, &lines).await?;
    let (mut created, mut exists, mut tombstones, mut failed) = (0u64, 0u64, 0u64, 0u64);
    let mut differing = 0u64;

    let bar = output::bar(Some(lines.len() as u64), plural);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut missing = Vec::new();
    for (place, entry) in lines.into_iter().enumerate() {
        let Some(Present { id, state }) = present.get(&place) else {
            missing.push(entry);
            continue;
        };
        exists += 1;
        differing += u64::from(*state != State::Same);
        bar.inc(1);
        let told = match state {
            State::Same => continue,
            State::Differs => "is already present with other content, and was left as it is",
            State::DiffersEarlier => "is earlier in the file with other content, so this one was not imported",
        };
        bar.suspend(|| eprintln!("{}: {id} {told}", entry.place));
    }
    let mut results = futures_util::stream::iter(missing)
        .map(|Entry { place, json }| async move { (place, create(store, &json).await) })
        .buffer_unordered(CONCURRENCY);
    while let Some((place, outcome)) = results.next().await {
        bar.inc(1);
        match outcome {
            Ok(Outcome::Created) => created += 1,
            Ok(Outcome::Exists) => exists += 1,
            Ok(Outcome::Tombstone) => tombstones += 1,
            Err(error) => {
                bar.suspend(|| eprintln!("{place}: {error:#}"));
                failed += 1;
            }
        }
    }
    bar.finish_and_clear();
    println!("{created} created, {exists} already present, {tombstones} deletions skipped, {failed} refused");
    if differing > 0 {
        println!("{differing} of those already present have other content than the file");
    }
    if failed == 0 { Ok(()) } else { bail!("{failed} records were refused; all others are in the table") }
}

/// Creates the record of a line. An item of a backup is created unchanged, even with an id that another program chose,
/// or without required members. Any other line is a new record.
async fn create(store: &DynamoDb, line: &[u8]) -> anyhow::Result<Outcome> {
    let (id, change) = if export::is_line(line) {
        let record = export::record(line, store.names()).map_err(anyhow::Error::from_boxed)?;
        if record.is_deleted() {
            return Ok(Outcome::Tombstone);
        }
        (record.id, Change::Import(record.attributes))
    } else {
        let members = match parse(line) {
            Ok(Value::Map(members)) => members,
            Ok(_) => bail!("it is not a JSON object"),
            Err(malformed) => bail!("{} {}", malformed.pointer, malformed.detail),
        };
        let (id, change) = creation(members, store.resource()).map_err(refused)?;
        (id.unwrap_or_else(|| RecordId::generate(now(), random())), change)
    };
    let saved = in_context(store, None, async |cx| save(cx, &id, &change, &()).await).await?;
    match saved {
        Ok(_) => Ok(Outcome::Created),
        Err(service::Error::Refused(fault::Error::Exists(_))) => Ok(Outcome::Exists),
        Err(service::Error::Refused(error)) => Err(refused(error)),
        Err(error) => Err(error.into()),
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

//! Sheets: a row with a version is an edit on that version, and merges with what others saved since. A row without one is
//! a new record.
//!
//! Each row has an identity of its own, which follows from the whole sheet and its line. So an import that was interrupted
//! goes on when the same file is imported again, and a row that was made does not win again over later saves.

use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::bail;
use futures_util::StreamExt as _;
use ripple_core::RecordId;
use ripple_core::http::receipt_header;
use ripple_core::record::change::Edit;
use ripple_core::record::outcome::OutcomeKind;
use ripple_core::record::schema::Resource;
use ripple_core::record::{creation, edit, fault};
use ripple_core::service::batch::{Requested, preview};
use ripple_core::service::{self, Saved, replay, save};
use ripple_core::sheet::{self, Row, RowKind};
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{IdempotencyKey, Keys as _};
use ripple_core::value::Members;
use sha2::{Digest as _, Sha256};
use uuid::Builder;

use super::{CONCURRENCY, in_context, refused};
use crate::{output, words};

/// How long a row that was imported is remembered.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What became of the rows.
#[derive(Default)]
struct Counts {
    created: u64,
    saved: u64,
    unchanged: u64,
    exists: u64,
    replaced: u64,
    refused: u64,
}

/// The result of one row.
enum Outcome {
    Done(Box<Saved>),
    /// The row is a new record whose id exists.
    Exists,
}

/// Imports a sheet. `dry_run` only prints what each row would do.
pub(super) async fn run(store: &DynamoDb, text: &str, dry_run: bool) -> anyhow::Result<()> {
    let resource = store.resource();
    let rows: Vec<Row> = sheet::read(text, resource).map_err(anyhow::Error::msg)?.collect();
    let digest: [u8; 32] = Sha256::digest(text).into();
    let bar = output::bar(Some(rows.len() as u64), &resource.plural);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut counts = Counts::default();
    let mut results = futures_util::stream::iter(rows)
        .map(|row| async move { (row.line, import(store, &digest, row, dry_run).await) })
        .buffered(CONCURRENCY);
    while let Some((line, result)) = results.next().await {
        bar.inc(1);
        let told = counts.add(result, dry_run);
        if let Some(told) = told {
            bar.suspend(|| eprintln!("line {line}: {told}"));
        }
    }
    bar.finish_and_clear();
    let Counts { created, saved, unchanged, exists, replaced, refused } = counts;
    let would = if dry_run { "would be: " } else { "" };
    println!(
        "{would}{created} created, {saved} saved, {unchanged} unchanged, {exists} already present, {refused} refused"
    );
    if replaced > 0 {
        println!(
            "{replaced} rows {} what another client had saved",
            if dry_run { "would replace" } else { "replaced" }
        );
    }
    if refused == 0 { Ok(()) } else { bail!("{refused} rows were refused") }
}

impl Counts {
    /// Counts a result. Returns what is told of it.
    fn add(&mut self, result: anyhow::Result<Outcome>, dry_run: bool) -> Option<String> {
        let Saved { record, outcome } = match result {
            Ok(Outcome::Done(saved)) => *saved,
            Ok(Outcome::Exists) => {
                self.exists += 1;
                return None;
            }
            Err(error) => {
                self.refused += 1;
                return Some(format!("{error:#}"));
            }
        };
        match outcome.kind {
            OutcomeKind::Created => self.created += 1,
            OutcomeKind::Unchanged => self.unchanged += 1,
            _ => self.saved += 1,
        }
        let receipt = receipt_header(&outcome, record.version);
        let has_losers = words::has_losers(&receipt);
        self.replaced += u64::from(has_losers);
        let is_told = has_losers || dry_run && !words::is_unchanged(&receipt);
        is_told.then(|| format!("{}: {}", record.id, words::of_receipt(&receipt).join("; ")))
    }
}

async fn import(store: &DynamoDb, sheet: &[u8; 32], row: Row, dry_run: bool) -> anyhow::Result<Outcome> {
    let resource = store.resource();
    let name = Sha256::new().chain_update(sheet).chain_update(row.line.to_be_bytes()).finalize();
    let identity: [u8; 32] = name.into();
    let kind = row.kind.map_err(|faults| refused(fault::Error::Invalid(faults)))?;
    let (id, change, otherwise) = match kind {
        RowKind::New(members) => {
            let (id, change) = creation(members, resource).map_err(refused)?;
            (id.unwrap_or_else(|| id_of(&identity)), change, None)
        }
        RowKind::Edit(id, members) => {
            let change = edit(members.clone(), Edit::Replace, resource).map_err(refused)?;
            (id, change, Some(members))
        }
    };
    let key = IdempotencyKey {
        key: hexadecimal(&identity),
        request: hexadecimal(&Sha256::digest(id.as_str()).into()),
        lives: REMEMBERED,
    };
    let requested = Requested { id, change, expected: () };
    match make(store, &key, &requested, dry_run).await? {
        Ok(saved) => Ok(Outcome::Done(Box::new(saved))),
        Err(service::Error::Refused(fault::Error::Exists(_))) => Ok(Outcome::Exists),
        // The sheet is of another table, or the record was deleted so long ago that nothing of it is left.
        Err(service::Error::Refused(fault::Error::NotFound(_))) if otherwise.is_some() => {
            let requested = created_anew(requested.id, otherwise.unwrap_or_default(), resource)?;
            make(store, &key, &requested, dry_run).await?.map(|saved| Outcome::Done(Box::new(saved))).map_err(told)
        }
        Err(error) => Err(told(error)),
    }
}

/// Returns the creation of the record of a row that has a version, and whose record does not exist.
fn created_anew(id: RecordId, members: Members, resource: &Resource) -> anyhow::Result<Requested<()>> {
    let (_, change) = creation(members, resource).map_err(refused)?;
    Ok(Requested { id, change, expected: () })
}

async fn make(
    store: &DynamoDb,
    key: &IdempotencyKey,
    requested: &Requested<()>,
    dry_run: bool,
) -> anyhow::Result<Result<Saved, service::Error>> {
    let Requested { id, change, .. } = requested;
    in_context(store, Some(key), async |cx| {
        if let Some(first) = replay(cx).await? {
            return Ok(first);
        }
        if dry_run { preview(cx, requested).await } else { save(cx, id, change, &()).await }
    })
    .await
}

fn told(error: service::Error) -> anyhow::Error {
    match error {
        service::Error::Refused(error) => refused(error),
        error => error.into(),
    }
}

/// Returns the id of a new record that has none. It follows from the sheet, so that the same sheet creates it once.
fn id_of(identity: &[u8; 32]) -> RecordId {
    let mut half = [0; 16];
    half.copy_from_slice(&identity[..16]);
    RecordId::stored(Builder::from_custom_bytes(half).into_uuid().to_string())
}

fn hexadecimal(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

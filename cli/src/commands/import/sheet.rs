//! Sheets: a row with a version is an edit on that version, and merges with what others saved since. A row without one is
//! a new record.
//!
//! Each row has an identity of its own, which follows from its content and from the number of equal rows before it. So
//! an import that was interrupted goes on when the same sheet is imported again, corrected or not. A row that was made
//! is not made twice, and does not win again over later saves.
//!
//! The rows of one record are sent in the order of the sheet, each after the answer to the one before it.

use std::collections::HashMap;
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
use ripple_core::service::{self, Saved, save};
use ripple_core::sheet::{self, Row, RowKind};
use ripple_core::store::dynamodb::DynamoDb;
use ripple_core::store::{IdempotencyKey, Keys as _, Store as _};
use ripple_core::value::{Members, Value};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot::{self, Receiver, Sender};
use uuid::Builder;

use super::{CONCURRENCY, in_context, refused};
use crate::{output, words};

/// The number of days that a row that was imported is remembered.
const DAYS: u64 = 7;

/// What became of the rows.
#[derive(Default)]
struct Counts {
    created: u64,
    saved: u64,
    unchanged: u64,
    imported: u64,
    /// Of a dry run: the rows of the others that an import would not make, since they were imported.
    remembered: u64,
    replaced: u64,
    refused: u64,
}

/// The result of one row.
enum Outcome {
    Done {
        saved: Box<Saved>,
        /// The row was imported before. Only a dry run answers so.
        is_remembered: bool,
    },
    /// The row was imported before.
    Imported,
}

/// A row as it is sent.
struct Ready {
    requested: Requested<()>,
    key: IdempotencyKey,
    /// Whether the row names no id. Then a record with its id is one that this row made.
    is_unnamed: bool,
    /// The members of a row with a version, for a record that does not exist.
    otherwise: Option<Members>,
}

/// The place of a row among the rows of its record. Each of them waits until the one before it drops its place.
#[derive(Default)]
struct Turn {
    after: Option<Receiver<()>>,
    _before: Option<Sender<()>>,
}

/// Imports a sheet. `dry_run` only prints what each row would do.
pub(super) async fn run(store: &DynamoDb, text: &str, dry_run: bool) -> anyhow::Result<()> {
    let resource = store.resource();
    let rows = ready(sheet::read(text, resource).map_err(anyhow::Error::msg)?, resource);
    let bar = output::bar(Some(rows.len() as u64), &resource.plural);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    let mut counts = Counts::default();
    // A row is begun after every earlier one, so the one that it waits for is never behind it.
    let mut results = futures_util::stream::iter(rows)
        .map(|(line, row, turn)| async move {
            let Turn { after, _before } = turn;
            if let Some(after) = after {
                // The sender is only dropped.
                let _ = after.await;
            }
            (line, async { import(store, row?, dry_run).await }.await)
        })
        .buffered(CONCURRENCY);
    while let Some((line, result)) = results.next().await {
        bar.inc(1);
        let told = counts.add(result, dry_run);
        if let Some(told) = told {
            bar.suspend(|| eprintln!("line {line}: {told}"));
        }
    }
    bar.finish_and_clear();
    let Counts { created, saved, unchanged, imported, remembered, replaced, refused } = counts;
    let would = if dry_run { "would be: " } else { "" };
    println!(
        "{would}{created} created, {saved} saved, {unchanged} unchanged, {imported} already imported, {refused} refused"
    );
    if replaced > 0 {
        println!(
            "{replaced} rows {} what another client had saved",
            if dry_run { "would replace" } else { "replaced" }
        );
    }
    if remembered > 0 {
        println!(
            "{remembered} of these rows were imported in the last {DAYS} days: an import leaves their records as they are"
        );
    }
    if imported > 0 && !dry_run {
        println!(
            "a row that was imported in the last {DAYS} days is not imported again, even if its record was changed or \
             deleted since"
        );
    }
    if refused == 0 { Ok(()) } else { bail!("{refused} rows were refused") }
}

/// Returns the rows as they are sent, each with its line and its turn.
fn ready(rows: impl Iterator<Item = Row>, resource: &Resource) -> Vec<(u64, anyhow::Result<Ready>, Turn)> {
    let mut equal: HashMap<[u8; 32], u64> = HashMap::new();
    let mut last: HashMap<RecordId, Receiver<()>> = HashMap::new();
    let with_turn = |Row { line, kind }| {
        let row = kind.map_err(|faults| refused(fault::Error::Invalid(faults)));
        let row = row.and_then(|kind| Ready::of(kind, resource, &mut equal));
        let turn = row.as_ref().map_or_else(
            |_| Turn::default(),
            |row| {
                let (before, next) = oneshot::channel();
                Turn { after: last.insert(row.requested.id.clone(), next), _before: Some(before) }
            },
        );
        (line, row, turn)
    };
    rows.map(with_turn).collect()
}

impl Ready {
    /// Returns a row as it is sent. `equal` counts the rows with the same content.
    fn of(kind: RowKind, resource: &Resource, equal: &mut HashMap<[u8; 32], u64>) -> anyhow::Result<Ready> {
        let (RowKind::New(members) | RowKind::Edit(_, members)) = &kind;
        let content: [u8; 32] = Sha256::digest(serde_json::to_vec(&Value::Map(members.clone()))?).into();
        let count = equal.entry(content).or_default();
        let identity: [u8; 32] =
            Sha256::new().chain_update(content).chain_update(count.to_be_bytes()).finalize().into();
        *count += 1;
        let (id, change, is_unnamed, otherwise) = match kind {
            RowKind::New(members) => {
                let (id, change) = creation(members, resource).map_err(refused)?;
                let is_unnamed = id.is_none();
                (id.unwrap_or_else(|| id_of(&identity)), change, is_unnamed, None)
            }
            RowKind::Edit(id, members) => {
                let change = edit(members.clone(), Edit::Replace, resource).map_err(refused)?;
                (id, change, false, Some(members))
            }
        };
        let key = IdempotencyKey {
            key: hexadecimal(&identity),
            request: hexadecimal(&Sha256::digest(id.as_str()).into()),
            lives: Duration::from_secs(DAYS * 24 * 60 * 60),
        };
        Ok(Ready { requested: Requested { id, change, expected: () }, key, is_unnamed, otherwise })
    }
}

impl Counts {
    /// Counts a result. Returns what is told of it.
    fn add(&mut self, result: anyhow::Result<Outcome>, dry_run: bool) -> Option<String> {
        let Saved { record, outcome } = match result {
            Ok(Outcome::Done { saved, is_remembered }) => {
                self.remembered += u64::from(is_remembered);
                *saved
            }
            Ok(Outcome::Imported) => {
                self.imported += 1;
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
        self.replaced += u64::from(words::has_conflicts(&receipt));
        let is_told = has_losers || dry_run && !words::is_unchanged(&receipt);
        is_told.then(|| format!("{}: {}", record.id, words::of_receipt(&receipt).join("; ")))
    }
}

async fn import(store: &DynamoDb, row: Ready, dry_run: bool) -> anyhow::Result<Outcome> {
    let Ready { requested, key, is_unnamed, otherwise } = row;
    let is_remembered = is_imported(store, &key).await?;
    if is_remembered && !dry_run {
        return Ok(Outcome::Imported);
    }
    let done = |saved| Outcome::Done { saved: Box::new(saved), is_remembered };
    // A dry run is computed anew, so it does not carry the identity of the import.
    let key = (!dry_run).then_some(&key);
    match make(store, key, &requested).await? {
        Ok(saved) => Ok(done(saved)),
        Err(service::Error::Refused(fault::Error::Exists(_))) if is_unnamed || is_remembered => Ok(Outcome::Imported),
        Err(service::Error::Refused(error @ fault::Error::Exists(_))) => {
            bail!("{error}. An edit of it needs its version")
        }
        // The sheet is of another table, or the record was deleted so long ago that nothing of it is left.
        Err(service::Error::Refused(fault::Error::NotFound(_))) if otherwise.is_some() => {
            let requested = created_anew(requested.id, otherwise.unwrap_or_default(), store.resource())?;
            make(store, key, &requested).await?.map(done).map_err(told)
        }
        Err(error) => Err(told(error)),
    }
}

/// Reports whether a row was imported, whatever became of its record since.
async fn is_imported(store: &DynamoDb, key: &IdempotencyKey) -> anyhow::Result<bool> {
    let claim = in_context(store, None, async |cx| store.claim(&key.key, cx.now, &mut cx.metrics.capacity).await);
    let claim = claim.await?.map_err(service::Error::from)?;
    Ok(claim.is_some_and(|claim| claim.request == key.request))
}

/// Returns the creation of the record of a row that has a version, and whose record does not exist.
fn created_anew(id: RecordId, members: Members, resource: &Resource) -> anyhow::Result<Requested<()>> {
    let (_, change) = creation(members, resource).map_err(refused)?;
    Ok(Requested { id, change, expected: () })
}

/// Makes a change. Without an identity, it only returns what the change would do.
async fn make(
    store: &DynamoDb,
    key: Option<&IdempotencyKey>,
    requested: &Requested<()>,
) -> anyhow::Result<Result<Saved, service::Error>> {
    let Requested { id, change, .. } = requested;
    in_context(store, key, async |cx| match key {
        Some(_) => save(cx, id, change, &()).await,
        None => preview(cx, requested).await,
    })
    .await
}

fn told(error: service::Error) -> anyhow::Error {
    match error {
        service::Error::Refused(error) => refused(error),
        error => error.into(),
    }
}

/// Returns the id of a new record that has none. It follows from the row's identity, so that the row creates it once.
fn id_of(identity: &[u8; 32]) -> RecordId {
    let mut half = [0; 16];
    half.copy_from_slice(&identity[..16]);
    RecordId::stored(Builder::from_custom_bytes(half).into_uuid().to_string())
}

fn hexadecimal(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

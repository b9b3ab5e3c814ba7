//! Batches: several changes of one request.
//!
//! Each change of a batch has an identity of its own, which follows from the identity of the request and the change's
//! place. So a batch that is sent again finds the changes that were made, and makes the rest. The identity of the request
//! itself is stored before the first change. So the same `Idempotency-Key` with another batch is refused as a whole.
//!
//! [`save_all`] makes all changes in one transaction, or none.

use sha2::{Digest as _, Sha256};

use super::replay::replay;
use super::save::{Decided, History, Planned, claim, decided, plan, read, save};
use super::transaction::{expire, newest};
use super::{Context, Error, Saved};
use crate::limits;
use crate::record::decide::{Change, Precondition};
use crate::record::outcome::{Outcome, OutcomeKind};
use crate::record::{Record, RecordId};
use crate::store::{Batch, BatchCommit, Commit, IdempotencyKey, IdempotencyRecord, Store};

/// A change of a batch.
#[derive(Debug)]
pub struct Requested<P> {
    /// The record.
    pub id: RecordId,
    /// The change.
    pub change: Change,
    /// A condition on the record.
    pub expected: P,
}

/// Why a batch that is made as a whole was not made. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The change at this place was not possible.
    #[error("change {0}: {1}")]
    At(usize, Error),
    /// The changes up to this place are more than one transaction takes.
    #[error("the changes up to the one at {0} are more than one transaction takes")]
    TooLarge(usize),
    /// The change at this place is of a record that an earlier one changes.
    #[error("the change at {0} is of the same record as an earlier one")]
    Again(usize),
    /// The batch failed.
    #[error(transparent)]
    Whole(#[from] Error),
}

/// Returns the identity of the change at a place of a batch.
///
/// ```
/// use ripple_core::service::batch::identity_at;
/// use ripple_core::store::IdempotencyKey;
///
/// let (key, request, lives) = ("k".to_owned(), "r".to_owned(), std::time::Duration::from_secs(1));
/// let batch = IdempotencyKey { key, request, lives };
/// let [first, second] = [0, 1].map(|place| identity_at(&batch, place));
/// assert_ne!(first.key, second.key);
/// assert_eq!((&*first.request, first.key), ("r", identity_at(&batch, 0).key));
/// ```
#[must_use]
pub fn identity_at(batch: &IdempotencyKey, place: usize) -> IdempotencyKey {
    let name = Sha256::new().chain_update(&batch.key).chain_update((place as u64).to_be_bytes()).finalize();
    IdempotencyKey { key: name.iter().map(|byte| format!("{byte:02x}")).collect(), ..batch.clone() }
}

/// Stores the identity of a batch, if it has one. Returns whether it was stored before, so that some of the changes may
/// have been made.
///
/// # Errors
/// If the key was used for another request, or the store fails.
pub async fn begin<S: Store>(cx: &mut Context<'_, S>) -> Result<bool, Error> {
    let Some(own) = own_claim(cx) else { return Ok(false) };
    match cx.store.remember(&own, cx.now, &mut cx.metrics.capacity).await? {
        None => Ok(false),
        Some(first) if first.request == own.request => Ok(true),
        Some(_) => Err(Error::IdempotencyKeyReused),
    }
}

/// Makes the change at a place of a batch. If the batch was `begun` before, its first answer is returned again if it was
/// made then.
///
/// # Errors
/// Those of [`save`].
pub async fn save_at<S: Store>(
    cx: &mut Context<'_, S>,
    place: usize,
    begun: bool,
    requested: &Requested<impl Precondition>,
) -> Result<Saved, Error> {
    let key = cx.idempotency.map(|batch| identity_at(batch, place));
    let cx = &mut identified(cx, key.as_ref());
    if begun && let Some(first) = replay(cx).await? {
        return Ok(first);
    }
    save(cx, &requested.id, &requested.change, &requested.expected).await
}

/// Returns what [`save`] would do, and changes nothing.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// # use ripple_core::random::Random;
/// # use ripple_core::service::{Author, Context, Metrics};
/// # use ripple_core::session::Session;
/// use ripple_core::RecordId;
/// use ripple_core::record::decide::Change;
/// use ripple_core::service::batch::{Requested, preview};
/// use ripple_core::store::{Capacity, Consistency, Source as _, memory::Memory};
/// use ripple_core::value::Members;
/// # let store = &Memory::new();
/// # let (random, session, metrics) = (&mut Random::new([7; 32]), &mut Session::default(), &mut Metrics::default());
/// # let author = Author { name: "Ann", person: None, lineage: "key_ann" };
/// # let now = ripple_core::Timestamp(1_000);
/// # let mut cx = Context { store, author, now, random, idempotency: None, session, metrics };
///
/// let id = RecordId::parse("a").unwrap();
/// let requested = Requested { id: id.clone(), change: Change::Create(Members::new()), expected: () };
/// assert_eq!(preview(&mut cx, &requested).await.unwrap().record.number(), Some(1));
/// assert_eq!(store.get(&id, Consistency::Strong, &mut Capacity::default()).await.unwrap(), None);
/// # });
/// ```
///
/// # Errors
/// Those of [`save`].
pub async fn preview<S: Store>(
    cx: &mut Context<'_, S>,
    requested: &Requested<impl Precondition>,
) -> Result<Saved, Error> {
    let mut history = History::default();
    let current = read(cx, &requested.id).await?;
    let Requested { id, change, expected } = requested;
    if change.creates() {
        history.newest = newest(cx, id).await?;
    }
    Ok(match decided(cx, id, change, current.as_ref(), expected, &mut history).await? {
        Decided::Unchanged(outcome) => {
            let Some(record) = current else { unreachable!("only a record that is there is unchanged") };
            Saved { record, outcome: outcome.bounded() }
        }
        Decided::Write(goal, outcome) => {
            let Planned { written, outcome, .. } = plan(cx, current.as_ref(), &goal, outcome, history.newest);
            Saved { record: written, outcome: outcome.bounded() }
        }
    })
}

/// Makes all changes in one transaction, or none. Each must be of another record.
///
/// # Errors
/// If a change is refused, the changes are more than a transaction takes, other writers are faster at every try, or the
/// store fails.
pub async fn save_all<S: Store>(
    cx: &mut Context<'_, S>,
    batch: &[Requested<impl Precondition>],
) -> Result<Vec<Saved>, BatchError> {
    for (place, requested) in batch.iter().enumerate() {
        if batch[..place].iter().any(|earlier| earlier.id == requested.id) {
            return Err(BatchError::Again(place));
        }
    }
    let keys: Vec<Option<IdempotencyKey>> =
        (0..batch.len()).map(|place| cx.idempotency.map(|batch| identity_at(batch, place))).collect();
    if let Some(done) = done_before(cx, &keys).await? {
        return Ok(done);
    }
    let mut histories: Vec<History> = batch.iter().map(|_| History::default()).collect();
    for tries in 0..limits::SAVE_TRIES {
        if tries > 1 {
            cx.back_off(tries - 1).await;
        }
        let mut size = Size::default();
        let mut parts = Vec::with_capacity(batch.len());
        for (place, requested) in batch.iter().enumerate() {
            let cx = &mut identified(cx, keys[place].as_ref());
            let part =
                part(cx, requested, &mut histories[place]).await.map_err(|error| BatchError::At(place, error))?;
            if !size.takes(&part, keys[place].is_some()) {
                return Err(BatchError::TooLarge(place));
            }
            parts.push(part);
        }
        cx.metrics.tries += 1;
        match commit(cx, &parts).await? {
            BatchCommit::Done => return Ok(finish(cx, parts, &histories).await),
            // The same request was made meanwhile.
            BatchCommit::Claimed | BatchCommit::Refused(_, Commit::Claimed(_)) => {
                if let Some(done) = done_before(cx, &keys).await? {
                    return Ok(done);
                }
            }
            BatchCommit::Refused(place, Commit::NumberTaken) => {
                let found = newest(cx, &batch[place].id).await;
                histories[place].newest = found.map_err(|error| BatchError::At(place, error))?;
            }
            BatchCommit::Refused(..) => {}
        }
    }
    Err(Error::Contended.into())
}

/// A change that was decided, on the state that was read.
struct Part {
    before: Option<Record>,
    made: Made,
}

#[cfg_attr(
    target_pointer_width = "64",
    expect(clippy::large_enum_variant, reason = "a request has at most a hundred, and most of them are writes")
)]
enum Made {
    Write(Planned),
    /// There is nothing to change. The answer is stored for repetitions.
    Nothing {
        outcome: Outcome,
        claim: Option<IdempotencyRecord>,
    },
}

async fn part<S: Store>(
    cx: &mut Context<'_, S>,
    Requested { id, change, expected }: &Requested<impl Precondition>,
    history: &mut History,
) -> Result<Part, Error> {
    if change.creates() && history.newest.is_none() {
        history.newest = newest(cx, id).await?;
    }
    let before = read(cx, id).await?;
    let made = match decided(cx, id, change, before.as_ref(), expected, history).await? {
        Decided::Write(goal, outcome) => Made::Write(plan(cx, before.as_ref(), &goal, outcome, history.newest)),
        Decided::Unchanged(outcome) => {
            let claim = before.as_ref().and_then(|record| claim(cx, record, &outcome));
            Made::Nothing { outcome, claim }
        }
    };
    Ok(Part { before, made })
}

/// The size of an idempotency record, in bytes: a receipt and its keys.
const CLAIM: usize = 6 * 1024;

/// The items and bytes of a transaction so far.
#[derive(Default)]
struct Size {
    items: usize,
    bytes: usize,
}

impl Size {
    /// Adds a part. Returns whether the transaction takes it.
    fn takes(&mut self, part: &Part, claimed: bool) -> bool {
        // The identity of the batch itself is an item too.
        let claims = usize::from(claimed) * (1 + usize::from(self.items == 0));
        self.items += claims;
        self.bytes += claims * CLAIM;
        let whole = match &part.made {
            Made::Nothing { .. } => true,
            Made::Write(Planned { written, rows, last, .. }) => {
                // A row is compressed, so it is at most as large as the record. A deletion sends only the tombstone.
                let row = |record: &Record| if record.is_deleted() { 0 } else { record.stored_size() };
                self.items += 1 + rows.len();
                self.bytes += written.stored_size() + rows.iter().map(|each| row(&each.record)).sum::<usize>();
                *last
            }
        };
        whole && self.items <= limits::TRANSACTION_ITEMS && self.bytes <= limits::TRANSACTION
    }
}

async fn commit<S: Store>(cx: &mut Context<'_, S>, parts: &[Part]) -> Result<BatchCommit, Error> {
    let token = cx.random.bytes();
    let writes: Vec<_> = parts
        .iter()
        .filter_map(|Part { before, made }| match made {
            Made::Write(planned) => Some(planned.write(before.as_ref(), cx.now, token)),
            Made::Nothing { .. } => None,
        })
        .collect();
    let left = parts.iter().filter_map(|part| match &part.made {
        Made::Nothing { claim, .. } => claim.clone(),
        Made::Write(_) => None,
    });
    let claims: Vec<IdempotencyRecord> = own_claim(cx).into_iter().chain(left).collect();
    if writes.is_empty() && claims.is_empty() {
        return Ok(BatchCommit::Done);
    }
    let batch = Batch { writes: &writes, claims: &claims, now: cx.now, token };
    let commit = cx.store.commit_all(&batch, &mut cx.metrics.capacity).await?;
    let BatchCommit::Refused(place, why) = commit else { return Ok(commit) };
    // The place among the writes, as the place among the parts.
    let places = parts.iter().enumerate().filter(|(_, part)| matches!(part.made, Made::Write(_)));
    let place = places.map(|(place, _)| place).nth(place).unwrap_or(place);
    Ok(BatchCommit::Refused(place, why))
}

/// Returns the answers of a batch that is done.
async fn finish<S: Store>(cx: &mut Context<'_, S>, parts: Vec<Part>, histories: &[History]) -> Vec<Saved> {
    let mut done = Vec::with_capacity(parts.len());
    for (Part { before, made }, history) in parts.into_iter().zip(histories) {
        let saved = match made {
            Made::Write(planned) => {
                let from = before.as_ref().and_then(Record::number);
                expire(cx, &planned.written.id, from, history.newest).await;
                Saved { record: planned.written, outcome: planned.outcome.bounded() }
            }
            Made::Nothing { outcome, .. } => {
                let Some(record) = before else { unreachable!("only a record that is there is unchanged") };
                Saved { record, outcome: outcome.bounded() }
            }
        };
        cx.session.wrote(&saved.record.id, saved.record.number().unwrap_or_default(), cx.now);
        done.push(saved);
    }
    done
}

/// Returns the first answers of a batch that was done before.
async fn done_before<S: Store>(
    cx: &mut Context<'_, S>,
    keys: &[Option<IdempotencyKey>],
) -> Result<Option<Vec<Saved>>, BatchError> {
    let Some(batch) = cx.idempotency else { return Ok(None) };
    let first = cx.store.claim(&batch.key, cx.now, &mut cx.metrics.capacity).await.map_err(Error::from)?;
    match first {
        None => return Ok(None),
        Some(first) if first.request != batch.request => return Err(Error::IdempotencyKeyReused.into()),
        Some(_) => {}
    }
    let mut done = Vec::with_capacity(keys.len());
    for (place, key) in keys.iter().enumerate() {
        let cx = &mut identified(cx, key.as_ref());
        let saved = replay(cx).await.map_err(|error| BatchError::At(place, error))?;
        // They were stored together, so either all have expired or none.
        let Some(saved) = saved else { return Ok(None) };
        done.push(saved);
    }
    Ok(Some(done))
}

/// Returns the idempotency record of a batch itself. It names no record.
fn own_claim<S>(cx: &Context<'_, S>) -> Option<IdempotencyRecord> {
    let IdempotencyKey { key, request, lives } = cx.idempotency?.clone();
    let (id, outcome) = (RecordId::stored("_batch".to_owned()), Outcome::of(OutcomeKind::Unchanged));
    Some(IdempotencyRecord { key, request, id, version: 0, outcome, expires: cx.now.after(lives) })
}

/// Returns the context with another identity.
fn identified<'a, S>(cx: &'a mut Context<'_, S>, idempotency: Option<&'a IdempotencyKey>) -> Context<'a, S> {
    Context {
        store: cx.store,
        author: cx.author,
        now: cx.now,
        random: &mut *cx.random,
        idempotency,
        session: &mut *cx.session,
        metrics: &mut *cx.metrics,
    }
}

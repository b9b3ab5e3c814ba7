//! Adoption: what another program did becomes part of the record's history.
//!
//! An adoption is a save's transaction without an edit. It gives the current state a number, a row, a time and its
//! place in the index. What it does depends on the item as it is now, and not only on the change that is told:
//!
//! | the item is now | it becomes | rows |
//! |---|---|---|
//! | the external state that the change left | the newest row + 1 | that state |
//! | absent, as the change left it | a tombstone | the deletion |
//! | an old item that was put back | the newest row + 1 | that state |
//! | anything else | itself | none: a later change tells more |
//!
//! > Every state that another program ever left has a row.
//!
//! If the change replaced an external state that has no row yet, that row is written too. It comes from the old image
//! of the change, since the item may be another one by now. So a change may be told late, twice, or after a gap.

use super::transaction::{check_size, send};
use super::{Author, Context, Error, Metrics};
use crate::feed::External;
use crate::limits;
use crate::random::Random;
use crate::record::Record;
use crate::record::history::{EXTERNAL, Row};
use crate::record::merge::Rules;
use crate::session::Session;
use crate::store::{Commit, Consistency, Store, Write};
use crate::time::Timestamp;
use crate::value::{Members, Value};

/// The number of rows that are read at once while the row of a replaced state is searched.
const ROWS: usize = 16;

/// Adopts the changes of other programs.
#[derive(Debug)]
pub struct Adopter<'a, S> {
    /// The store of the records.
    pub store: &'a S,
    /// The attribute in which another program names the author of a state, if the resource declares one.
    pub writer: Option<&'a str>,
    /// The time.
    pub now: Timestamp,
    /// Random bytes.
    pub random: &'a mut Random,
    /// The counters of the adoptions.
    pub metrics: &'a mut Metrics,
}

/// The result of an adoption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// ripple made the change itself, and the state is the newest one.
    Own,
    /// There was nothing to do: it was done before, or a later change tells more.
    Nothing,
    /// The record's state, or its deletion, has this number.
    Adopted(u64),
    /// Only the replaced state got a row, with this number.
    Kept(u64),
}

impl<S: Store> Adopter<'_, S> {
    /// Adopts what a change left, and writes the row of what it replaced. A repetition does nothing.
    ///
    /// ```
    /// use ripple_core::feed::{Decision, StreamRecord, decide};
    /// use ripple_core::random::Random;
    /// use ripple_core::record::Names;
    /// use ripple_core::service::Metrics;
    /// use ripple_core::service::adopt::{Adopter, Adoption};
    /// use ripple_core::store::memory::Memory;
    /// use ripple_core::value::Members;
    /// use ripple_core::{RecordId, Timestamp};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let (store, now) = (&Memory::new(), Timestamp(1_000));
    /// let item = Members::from([("prj_id".to_owned(), "a".into()), ("goal".to_owned(), "theirs".into())]);
    /// store.put_item(&RecordId::parse("a").unwrap(), item.clone());
    /// let put = StreamRecord { old: None, new: Some(item), at: now, expired: false };
    /// let Ok(Decision::External(put)) = decide(&put, &Names::default()) else { panic!("the item has no seal") };
    ///
    /// let (random, metrics) = (&mut Random::new([7; 32]), &mut Metrics::default());
    /// let mut adopter = Adopter { store, writer: None, now, random, metrics };
    /// assert_eq!(adopter.adopt(&put).await.unwrap(), Adoption::Adopted(1));
    /// assert_eq!(adopter.adopt(&put).await.unwrap(), Adoption::Nothing, "a repetition");
    /// # });
    /// ```
    ///
    /// # Errors
    /// If the state is too large to get ripple's attributes, other writers are faster at every try, or the store fails.
    pub async fn adopt(&mut self, change: &External) -> Result<Adoption, Error> {
        let mut session = Session::default();
        let writer = self.writer;
        let mut cx = Context {
            store: self.store,
            author: Author { name: EXTERNAL, person: None, lineage: EXTERNAL },
            now: self.now,
            random: &mut *self.random,
            idempotency: None,
            session: &mut session,
            metrics: &mut *self.metrics,
        };
        for tries in 0..limits::SAVE_TRIES {
            if tries > 1 {
                cx.back_off(tries - 1).await;
            }
            let rows = Rows::look_up(&mut cx, change).await?;
            if rows.show_own(change) {
                return Ok(Adoption::Own);
            }
            // If a row is written after the rows were read, the number of this adoption's row is taken.
            let current = cx.store.get(&change.id, Consistency::Strong, &mut cx.metrics.capacity).await?;
            let Some(next) = Next::decide(change, current, &rows) else { return Ok(Adoption::Nothing) };
            if let Some(adoption) = carry_out(&mut cx, change, next, &rows, writer).await? {
                return Ok(adoption);
            }
        }
        Err(Error::Contended)
    }
}

/// What the history shows about a change.
#[derive(Debug, Default, PartialEq, Eq)]
struct Rows {
    /// The number of the newest row.
    newest: Option<u64>,
    /// The number of the newest row that the item had itself. Rows of replaced states may follow it.
    written: Option<u64>,
    /// Whether the replaced state has a row.
    has_replaced: bool,
}

impl Rows {
    /// Reads the newest rows. A row of the replaced state counts if it was written after the change, or shortly before,
    /// since clocks differ. An older row of the same content may expire too early.
    async fn look_up<S: Store>(cx: &mut Context<'_, S>, change: &External) -> Result<Rows, Error> {
        let replaced = change.replaced();
        let since = change.at.before(limits::OVERLAP);
        let mut rows = Rows::default();
        let mut before = None;
        // Rows of replaced states have no time. Without a replaced state, the first row that has one ends the search.
        let limit = if replaced.is_some() { ROWS } else { 2 };
        loop {
            let entries = cx.store.entries(&change.id, before, limit, &mut cx.metrics.capacity).await?;
            for entry in &entries {
                rows.newest = rows.newest.or(Some(entry.number));
                let is_past = entry.updated_at.is_some_and(|at| at < since);
                if rows.written.is_none() && entry.updated_at.is_some() {
                    rows.written = Some(entry.number);
                }
                if !is_past && replaced.is_some_and(|replaced| entry.shown == Some(replaced.version)) {
                    rows.has_replaced = true;
                }
                if rows.written.is_some() && (is_past || replaced.is_none() || rows.has_replaced) {
                    return Ok(rows);
                }
            }
            before = entries.last().map(|entry| entry.number);
            if entries.len() < limit {
                return Ok(rows);
            }
        }
    }

    /// Reports whether ripple left the state: it is the newest one, and what it replaced has a row.
    fn show_own(&self, change: &External) -> bool {
        let number = change.after.as_ref().and_then(Record::number);
        number.is_some() && self.written <= number && (change.replaced().is_none() || self.has_replaced)
    }
}

/// What is to be done about a change.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// This state, which the item has, gets a number.
    Adopt(Record),
    /// The absent record becomes a tombstone.
    Delete,
    /// The item is not as the change left it. Only the replaced state gets a row.
    Keep,
}

impl Next {
    /// Returns `None` if there is nothing to do.
    fn decide(change: &External, current: Option<Record>, rows: &Rows) -> Option<Next> {
        let keep = (change.replaced().is_some() && !rows.has_replaced).then_some(Next::Keep);
        if current != change.after {
            return keep;
        }
        let Some(state) = current else { return Some(Next::Delete) };
        match state.number() {
            None => Some(Next::Adopt(state)),
            // The history has a newer state, so another program has put this one back.
            Some(number) if rows.written > Some(number) => Some(Next::Adopt(state)),
            Some(_) => keep,
        }
    }
}

/// Writes what is to be done. Returns `None` if another writer was faster.
async fn carry_out<S: Store>(
    cx: &mut Context<'_, S>,
    change: &External,
    next: Next,
    known: &Rows,
    writer: Option<&str>,
) -> Result<Option<Adoption>, Error> {
    let first = known.newest.unwrap_or(0) + 1;
    let replaced = match change.replaced().filter(|_| !known.has_replaced) {
        Some(replaced) => {
            // Behind the item's own row, it does not expire before the item's next write: its number must not be
            // allotted again.
            let expires = (next != Next::Keep).then(|| cx.now.after(cx.store.resource().retention()));
            let earlier = match known.newest {
                Some(newest) => cx.store.state(&change.id, newest, &mut cx.metrics.capacity).await?,
                None => None,
            };
            let row = Row::of_external(replaced, first, expires).by(&author(replaced, writer));
            Some(row.replacing(earlier.as_ref(), Rules::of(&cx.store.resource().schema)))
        }
        None => None,
    };
    let (before, content) = match (&next, &replaced) {
        (Next::Keep, Some(row)) => {
            let kept = cx.store.keep(row, &mut cx.metrics.capacity).await?;
            return Ok(kept.then_some(Adoption::Kept(first)));
        }
        (Next::Keep, None) => return Ok(Some(Adoption::Nothing)),
        // An old tombstone that was put back.
        (Next::Adopt(state), _) if state.is_deleted() => (Some(state), tombstone(cx, change)),
        (Next::Adopt(state), _) => (Some(state), Record::new(state.id.clone(), state.attributes.clone())),
        (Next::Delete, _) => (None, tombstone(cx, change)),
    };
    let number = first + u64::from(replaced.is_some());
    let by = before.map_or_else(|| EXTERNAL.to_owned(), |state| author(state, writer));
    let adopted = content.written(before.or(change.before.as_ref()), number, cx.now, &by);
    check_size(&adopted, "")?;
    let rules = Rules::of(&cx.store.resource().schema);
    let rows: Vec<Row> =
        replaced.into_iter().chain([Row::of_adoption(change.before.as_ref(), &adopted, rules)]).collect();
    let write = Write { before, after: &adopted, rows: &rows, claim: None, now: cx.now, token: cx.random.bytes() };
    cx.metrics.tries += 1;
    let commit = send(cx, &write, known.written, known.newest).await?;
    Ok((commit == Commit::Done).then_some(Adoption::Adopted(number)))
}

fn tombstone<S: Store>(cx: &Context<'_, S>, change: &External) -> Record {
    Record::new(change.id.clone(), Members::new()).deleted(cx.now.after(cx.store.resource().tombstone()))
}

/// Returns the author of an external state: the name that its declared attribute gives, or [`EXTERNAL`].
fn author(state: &Record, writer: Option<&str>) -> String {
    let named = writer.and_then(|name| state.attributes.get(name));
    match named {
        Some(Value::String(name)) if !name.is_empty() => name.clone(),
        _ => EXTERNAL.to_owned(),
    }
}

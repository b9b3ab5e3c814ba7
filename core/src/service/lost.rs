//! Whose values a save replaces, although its author had not seen them.

use super::{Context, Error};
use crate::limits;
use crate::record::Record;
use crate::record::lost::{Lost, lost};
use crate::record::merge::Rules;
use crate::record::outcome::Outcome;
use crate::store::Store;
use crate::value::Members;

/// Looks up the writers of the values that a save of `merged` replaces. It reads the history only if the outcome names
/// such values: the rows after the base, at most [`limits::LOST_ROWS`] of them. An edit that states no base has seen
/// nothing, so nobody is looked up.
pub(super) async fn look_up<S: Store>(
    cx: &mut Context<'_, S>,
    theirs: &Record,
    merged: &Members,
    outcome: &Outcome,
) -> Result<Vec<Lost>, Error> {
    let (Some(newest), Some(base)) = (theirs.number(), outcome.base) else { return Ok(Vec::new()) };
    if outcome.fields.won.is_empty() {
        return Ok(Vec::new());
    }
    let base = u64::try_from(base.version).unwrap_or(0);
    let rows = usize::try_from(newest.saturating_sub(base)).unwrap_or(usize::MAX).min(limits::LOST_ROWS);
    if rows == 0 {
        return Ok(Vec::new());
    }
    let history = cx.store.entries(&theirs.id, Some(newest + 1), rows, &mut cx.metrics.capacity).await?;
    let rules = Rules::of(&cx.store.resource().schema);
    Ok(lost(&outcome.fields.won, &theirs.attributes, merged, rules, &history))
}

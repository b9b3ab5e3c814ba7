//! The law of merging for lists of equal length, for entries without a mark, and for text of several lines.

use ripple_core::value::Value;

use super::field::{Context, Field, id, list, nameless};
use crate::model::record::text;

/// Checks a list place by place. At a place that both sides changed, the later save wins.
pub(super) fn places(path: &str, context: Context, field: Field<'_>) -> Result<(), String> {
    let Field { base, theirs, mine, merged } = field;
    if let (Some(Value::List(base)), Some(Value::List(theirs)), Some(Value::List(mine))) = (base, theirs, mine)
        && base.len() == theirs.len()
        && theirs.len() == mine.len()
    {
        let merged = list(merged).unwrap_or_default();
        if merged.len() != mine.len() {
            return Err(format!("{path} has {} places, and not {}", merged.len(), mine.len()));
        }
        for place in 0..mine.len() {
            let [base, theirs, mine, merged] = [base, theirs, mine, merged].map(|side: &[Value]| side.get(place));
            places(&format!("{path}/{place}"), context, Field { base, theirs, mine, merged })?;
        }
        return Ok(());
    }
    // Lists of different lengths are merged as sequences: removed values are gone, and the values of the save are in.
    if let (Some(base), Some(theirs), Some(mine), Some(merged)) = (list(base), list(theirs), list(mine), list(merged))
        && context.known
        && (base.len() != theirs.len() || theirs.len() != mine.len())
    {
        let lacking = mine.iter().find(|value| !base.contains(value) && !merged.contains(value));
        let strange = merged.iter().find(|value| !mine.contains(value) && !theirs.contains(value));
        return match (lacking, strange) {
            (None, None) => Ok(()),
            (Some(lacking), _) => Err(format!("{path} lacks {}, which the save made", text(Some(lacking)))),
            (_, Some(strange)) => Err(format!("{path} has {}, which no author made", text(Some(strange)))),
        };
    }
    // Without a base, the law does not apply to places.
    if !context.known {
        return Ok(());
    }
    let expected = if mine == base { theirs } else { mine };
    if merged == expected {
        return Ok(());
    }
    Err(format!("{path} is {}, and not {}", text(merged), text(expected)))
}

/// Checks entries that are equal except for their ids. Each added entry is in the list once.
pub(super) fn hours(path: &str, context: Context, field: Field<'_>) -> Result<(), String> {
    let [base, theirs, mine, merged] =
        [field.base, field.theirs, field.mine, field.merged].map(|side| list(side).unwrap_or_default());
    let has = |side: &[Value], entry: &Value| side.iter().any(|other| id(other).is_some() && id(other) == id(entry));
    for entry in theirs {
        let stays = has(mine, entry) || !has(base, entry);
        if has(merged, entry) != stays {
            return Err(format!("{path} does not have {} as it must", text(Some(entry))));
        }
    }
    let added: Vec<&Value> = mine.iter().filter(|entry| !has(base, entry) && !has(theirs, entry)).collect();
    let fresh: Vec<&Value> = merged.iter().filter(|entry| !has(theirs, entry)).collect();
    if let Some(stranger) = fresh.iter().find(|fresh| !added.iter().any(|added| nameless(added) == nameless(fresh))) {
        return Err(format!("{path} has {}, which no author added", text(Some(stranger))));
    }
    let repetition = context.repeated || !context.known;
    if fresh.len() == added.len() || repetition && fresh.len() < added.len() {
        return Ok(());
    }
    Err(format!("{path} got {} new entries, and the save added {}", fresh.len(), added.len()))
}

/// Checks a text line by line if the two edits do not touch. Otherwise the later save wins as a whole.
pub(super) fn lines(path: &str, Field { base, theirs, mine, merged }: Field<'_>) -> Result<(), String> {
    let whole =
        if merged == mine { Ok(()) } else { Err(format!("{path} is {}, and not {}", text(merged), text(mine))) };
    let (Some(base), Some(their_lines), Some(my_lines)) = (split(base), split(theirs), split(mine)) else {
        return whole;
    };
    if base.len() != their_lines.len() || base.len() != my_lines.len() {
        return Ok(()); // no writer here adds lines
    }
    let changed = |side: &[&str]| (0..base.len()).filter(|line| side[*line] != base[*line]).collect::<Vec<_>>();
    let (theirs, mine) = (changed(&their_lines), changed(&my_lines));
    let nearest = theirs.iter().flat_map(|one| mine.iter().map(move |other| one.abs_diff(*other))).min();
    let both = (0..base.len()).map(|line| if mine.contains(&line) { my_lines[line] } else { their_lines[line] });
    let both = Value::String(both.collect::<Vec<_>>().join("\n"));
    let merged_lines = if merged == Some(&both) {
        Ok(())
    } else {
        Err(format!("{path} is {}, and not {}: the two edits do not touch", text(merged), text(Some(&both))))
    };
    match nearest {
        Some(0) => whole,
        Some(1) => whole.or(merged_lines), // the law leaves open whether adjacent lines touch
        _ => merged_lines,
    }
}

/// Reports whether both edits changed a line, so that one edit replaces the other.
pub(super) fn lines_collide(base: Option<&Value>, theirs: Option<&Value>, mine: Option<&Value>) -> bool {
    let touches = |merged: Option<&Value>| lines("", Field { base, theirs, mine, merged }).is_ok();
    touches(mine)
}

fn split(value: Option<&Value>) -> Option<Vec<&str>> {
    match value {
        Some(Value::String(text)) => Some(text.split('\n').collect()),
        _ => None,
    }
}

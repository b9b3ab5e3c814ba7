//! The law of the feed: after quiet, every state that any program ever left has a row, and the item is the newest version.

use ripple_core::limits;
use ripple_core::value::Value;

use super::{Broken, Evidence, Law};
use crate::model::record::{attributes, text};
use crate::model::transcript::{Actor, Probe, State};

impl Evidence<'_> {
    pub(super) fn check_feed(&self) -> Result<(), Broken> {
        for probe in self.probes.iter().filter(|_| self.followed) {
            let states = &self.states[..=probe.place];
            check_rows(probe, states).and_then(|()| check_item(states)).map_err(|why| Law::Feed.broken(why))?;
        }
        Ok(())
    }
}

/// Checks that every state that is current or was replaced within 90 days has a row.
fn check_rows(probe: &Probe, states: &[State]) -> Result<(), String> {
    for (place, state) in states.iter().enumerate() {
        let Some(content) = &state.now.content else { continue };
        let kept = states.get(place + 1).is_none_or(|next| next.at.after(limits::HISTORY) > probe.at);
        let has = |row: &(i64, _, crate::model::heard::Heard)| {
            row.2.is_success() && row.2.body().is_some_and(|body| attributes(body) == *content)
        };
        if kept && !probe.rows.iter().any(has) {
            let left = text(Some(&Value::Map(content.clone())));
            return Err(format!("no row has the state {place} that {:?} left: {left}", state.by));
        }
    }
    Ok(())
}

/// Checks that the item is the newest version. There is none only if TTL or another program deleted a tombstone, or if
/// there never was a record.
fn check_item(states: &[State]) -> Result<(), String> {
    let Some((last, earlier)) = states.split_last() else { return Ok(()) };
    if last.now.item.is_none() {
        let gone = earlier.last().is_none_or(|before| before.now.content.is_none());
        return if gone { Ok(()) } else { Err(format!("{:?} deleted the record, and it has no tombstone", last.by)) };
    }
    let newest = states.iter().filter_map(|state| Some(state.write.as_ref()?.1.number)).max().unwrap_or(0);
    if last.now.number == newest {
        return Ok(());
    }
    let by = if last.by == Actor::External { "another program left" } else { "was left" };
    Err(format!("the item that {by} shows version {}, and the newest is {newest}", last.now.number))
}

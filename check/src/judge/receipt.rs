//! Whether the answer to a save says what became of it.

use std::collections::BTreeSet;

use ripple_core::value::Value;

use super::{Evidence, Versions, lawful, sides, until};
use crate::writer::{Sent, What};

impl Evidence<'_> {
    pub(super) fn check_success(
        &self,
        sent: &Sent,
        receipt: &str,
        made: &[u64],
        versions: &Versions<'_>,
    ) -> Result<(), String> {
        let number = receipt_version(receipt).ok_or_else(|| format!("its receipt names no version: {receipt}"))?;
        if !receipt.starts_with("result=unchanged") {
            if !made.contains(&number) {
                return Err(format!("it was answered with version {number}, which it has not made"));
            }
            return self.check_receipt(sent, receipt, number, versions);
        }
        // Nothing to do: what it would make is there.
        for state in self.states {
            let Some(found) = state.attributes.as_ref().filter(|_| state.version == number) else { continue };
            let zeros = match state.is_foreign() {
                true => vec![Some(state), None],
                // Another writer may have come again before it looked.
                false => [&until(versions, number + 1), versions].map(|by| self.zeros(sent, state, by)).concat(),
            };
            for zero in zeros {
                let sides = sides(sent, state, found, zero, versions);
                if sides.is_ok_and(|(base, mine)| lawful(sent, [&base, found, &mine, found]).is_ok()) {
                    return Ok(());
                }
            }
        }
        Err(format!("it was answered that version {number} has its edits, and it has not"))
    }

    /// The receipt names every single value that gave way, and no other.
    fn check_receipt(&self, sent: &Sent, receipt: &str, number: u64, versions: &Versions<'_>) -> Result<(), String> {
        let Some(before) = versions[&number].before else { return Ok(()) };
        let (Some(theirs), What::Put(_) | What::Patch(_)) = (&before.attributes, &sent.what) else { return Ok(()) };
        let earlier = until(versions, number - u64::from(before.is_foreign()));
        let missing = receipt.contains("base=0;missing");
        let zeros = self.zeros(sent, before, &earlier);
        let Some(zero) = zeros.into_iter().find(|zero| sent.base != Some(0) || zero.is_none() == missing) else {
            return Err(format!("its receipt should say otherwise whether its base is known: {receipt}"));
        };
        let Ok((base, mine)) = sides(sent, before, theirs, zero, versions) else { return Ok(()) };
        let mut replaced = receipt.split(";replaced=").skip(1);
        if !replaced.all(|rest| rest.split([' ', ')']).next() == Some(&(number - 1).to_string())) {
            return Err(format!("its receipt should say that version {} gave way: {receipt}", number - 1));
        }
        let single = |value: Option<&Value>| !matches!(value, Some(Value::List(_) | Value::Map(_)));
        let gave_way = |name: &&String| {
            let (base, theirs, mine) = (base.get(*name), theirs.get(*name), mine.get(*name));
            single(mine) && single(theirs) && mine != base && theirs != base && mine != theirs
        };
        let names: BTreeSet<&String> = theirs.keys().chain(mine.keys()).chain(base.keys()).collect();
        let expected: Vec<String> = names.into_iter().filter(gave_way).map(|name| format!("/{name}")).collect();
        let mut told: Vec<String> =
            receipt_list(receipt, "won").into_iter().filter(|name| !name[1..].contains('/')).collect();
        told.sort();
        if told == expected {
            Ok(())
        } else {
            Err(format!("its receipt says that {told:?} gave way, and {expected:?} did"))
        }
    }
}

/// The version that a receipt names.
pub(crate) fn receipt_version(receipt: &str) -> Option<u64> {
    let (_, rest) = receipt.split_once("version=")?;
    rest.split(',').next()?.parse().ok()
}

/// The fields in one of a receipt's lists. No field's name has a quote in it here.
fn receipt_list(receipt: &str, name: &str) -> Vec<String> {
    let Some((_, rest)) = receipt.split_once(&format!("{name}=(")) else { return Vec::new() };
    let list = rest.split(')').next().unwrap_or_default();
    list.split('"').filter(|part| part.starts_with('/')).map(str::to_owned).collect()
}

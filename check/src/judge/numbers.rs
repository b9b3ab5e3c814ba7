//! The laws of versions: they only go up, and one number names one content.

use std::collections::BTreeMap;

use ripple_core::value::{Members, Value};

use super::{Broken, Evidence, Law};
use crate::model::heard::version;
use crate::model::record::{attributes, text};

/// The content that each number names. `None` stands for a tombstone.
#[derive(Default)]
pub(super) struct Numbers {
    contents: BTreeMap<i64, Option<Members>>,
}

impl Numbers {
    /// Returns the record at a version. Returns `None` if the version never existed or was a tombstone.
    pub(super) fn content(&self, number: i64) -> Option<&Members> {
        self.contents.get(&number)?.as_ref()
    }

    pub(super) fn is_tombstone(&self, number: i64) -> bool {
        self.contents.get(&number).is_some_and(Option::is_none)
    }

    fn observe(&mut self, number: i64, content: Option<&Members>, where_: &str) -> Result<(), Broken> {
        let content = content.map(attributes);
        let known = self.contents.entry(number).or_insert_with(|| content.clone());
        if *known == content {
            return Ok(());
        }
        let (one, other) = (known.clone().map(Value::Map), content.map(Value::Map));
        let (one, other) = differences(one.as_ref(), other.as_ref());
        Err(Law::Number.broken(format!("{where_}: version {number} has {other}, and elsewhere {one}")))
    }
}

/// Returns the differences of two contents, for a message.
fn differences(one: Option<&Value>, other: Option<&Value>) -> (String, String) {
    let (Some(Value::Map(one)), Some(Value::Map(other))) = (one, other) else { return (text(one), text(other)) };
    let of = |this: &Members, that: &Members| {
        let differing = this.iter().filter(|(name, value)| that.get(*name) != Some(*value));
        text(Some(&Value::Map(differing.map(|(name, value)| (name.clone(), value.clone())).collect())))
    };
    (of(one, other), of(other, one))
}

impl Evidence<'_> {
    /// Collects the content that each number names, in states, rows, responses and reads. Keeps the first if there are
    /// two. Also returns whether the law holds.
    pub(super) fn numbers(&self) -> (Numbers, Result<(), Broken>) {
        let mut numbers = Numbers::default();
        let mut verdict = Ok(());
        let mut top = 0;
        for state in self.states {
            let Some((_, made)) = &state.write else { continue };
            let number = made.number;
            if number <= top {
                verdict =
                    verdict.and(Err(Law::Number.broken(format!("version {number} was made after version {top}"))));
            }
            top = number;
            verdict = verdict.and(numbers.observe(number, made.shown.as_ref(), "a save's version"));
        }
        for (number, row, heard) in self.probes.iter().flat_map(|probe| &probe.rows) {
            let deleted = row.get("deleted") == Some(&Value::Bool(true));
            if heard.is_success() || deleted {
                verdict = verdict.and(numbers.observe(*number, heard.body().filter(|_| !deleted), "the history"));
            }
        }
        let answers = self.saves.iter().flat_map(|save| save.heard.iter().map(move |reply| (&save.by, &reply.heard)));
        let reads = self.reads.iter().map(|read| (&read.by, &read.heard));
        for (by, heard) in answers.chain(reads) {
            if let (200 | 201, Some(body)) = (heard.status(), heard.body())
                && let Some(number) = version(body)
            {
                verdict = verdict.and(numbers.observe(number, Some(body), &format!("what {by} was shown")));
            }
        }
        (numbers, verdict)
    }
}

//! The receipt as a header: a dictionary of RFC 9651.
//!
//! ```text
//! Ripple-Receipt: result=saved, version=8, base=6, taken=("/goal"), merged=("/timeline";added=1;removed=0;changed=0),
//!                 won=("/issue";replaced=7), kept=("/description")
//! ```

use sfv::{DictSerializer, Integer, KeyRef, RefBareItem, StringRef, TokenRef, key_ref, token_ref};

use crate::limits;
use crate::record::merge::{Report, Touched};

/// What a write did to its record.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result,
    /// The version that its author had in front of them, and whether the history has it still.
    pub(crate) base: Option<(u64, Known)>,
    /// The version it met.
    pub(crate) replaced: u64,
    pub(crate) fields: Report,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Result {
    Created,
    Saved,
    Unchanged,
    Restored,
    Deleted,
}

/// Whether a base could be looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    Yes,
    No,
}

impl Outcome {
    /// One that has no fields to tell of.
    pub(crate) fn of(result: Result) -> Outcome {
        Outcome { result, base: None, replaced: 0, fields: Report::default() }
    }

    /// The header's value: visible ASCII.
    pub(crate) fn header(&self, version: u64) -> String {
        let mut header = DictSerializer::new();
        let _ = header.bare_item(key_ref("result"), self.result.token());
        let _ = header.bare_item(key_ref("version"), integer(version));
        if let Some((base, known)) = self.base {
            let base = header.bare_item(key_ref("base"), integer(base));
            if known == Known::No {
                let _ = base.parameter(key_ref("missing"), true);
            }
        }
        let mut room = Room { left: limits::RECEIPT, omitted: 0 };
        let Report { taken, merged, won, kept } = &self.fields;
        // An unchanged record took nothing: what was sent is there.
        let of_mine = self.result != Result::Unchanged;
        room.list(&mut header, key_ref("won"), if of_mine { won } else { &[] }, |pointer| {
            (pointer, vec![(key_ref("replaced"), integer(self.replaced))])
        });
        room.list(&mut header, key_ref("taken"), if of_mine { taken } else { &[] }, touched);
        room.list(&mut header, key_ref("merged"), if of_mine { merged } else { &[] }, touched);
        room.list(&mut header, key_ref("kept"), kept, |pointer| (pointer, Vec::new()));
        if room.omitted > 0 {
            let _ = header.bare_item(key_ref("omitted"), integer(room.omitted));
        }
        header.finish().expect("it has a result")
    }
}

impl Result {
    fn token(self) -> &'static TokenRef {
        match self {
            Result::Created => token_ref("created"),
            Result::Saved => token_ref("saved"),
            Result::Unchanged => token_ref("unchanged"),
            Result::Restored => token_ref("restored"),
            Result::Deleted => token_ref("deleted"),
        }
    }
}

fn touched(field: &Touched) -> (&str, Vec<(&'static KeyRef, Integer)>) {
    let counts = field.entries.map(|entries| {
        let count = |count: usize| integer(count as u64);
        vec![
            (key_ref("added"), count(entries.added)),
            (key_ref("removed"), count(entries.removed)),
            (key_ref("changed"), count(entries.changed)),
        ]
    });
    (&field.pointer, counts.unwrap_or_default())
}

/// What is left of the header's length.
struct Room {
    left: usize,
    omitted: u64,
}

impl Room {
    fn list<'a, T>(
        &mut self,
        header: &mut DictSerializer<String>,
        name: &KeyRef,
        fields: &'a [T],
        show: impl Fn(&'a T) -> (&'a str, Vec<(&'static KeyRef, Integer)>),
    ) where
        T: 'a,
    {
        let mut shown = Vec::new();
        for field in fields {
            let (pointer, parameters) = show(field);
            // As it may be written: each byte of a Display String escaped, each parameter with its number.
            let ascii = StringRef::from_str(pointer).ok();
            let length =
                if ascii.is_some() { pointer.len() * 2 } else { pointer.len() * 3 } + 8 + parameters.len() * 24;
            if length <= self.left {
                self.left -= length;
                let pointer = ascii.map_or(RefBareItem::DisplayString(pointer), RefBareItem::String);
                shown.push((pointer, parameters));
            } else {
                self.omitted += 1;
            }
        }
        if shown.is_empty() {
            return;
        }
        let mut list = header.inner_list(name);
        for (pointer, parameters) in shown {
            let _ = list.bare_item(pointer).parameters(parameters);
        }
    }
}

/// RFC 9651 §3.3.1 has fifteen digits.
fn integer(number: u64) -> Integer {
    i64::try_from(number).ok().and_then(|number| Integer::try_from(number).ok()).unwrap_or(Integer::MAX)
}

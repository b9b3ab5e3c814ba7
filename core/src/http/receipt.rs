//! The receipt as a header: a dictionary of RFC 9651.
//!
//! ```text
//! Ripple-Receipt: result=saved, version=8, base=6, taken=("/goal"), merged=("/timeline";added=1;removed=0;changed=0),
//!                 won=("/issue";replaced=7;author="u3"), kept=("/description")
//! ```

use sfv::{DictSerializer, Integer, KeyRef, RefBareItem, StringRef, TokenRef, key_ref, token_ref};

use crate::record::merge::Touched;
use crate::record::outcome::{Outcome, OutcomeKind};

/// Returns the value of the header, in visible ASCII, for an outcome whose fields were bounded. `version` is the record's
/// version after the write.
#[must_use]
pub fn header(outcome: &Outcome, version: i64) -> String {
    let mut header = DictSerializer::new();
    let _ = header.bare_item(key_ref("result"), token(outcome.kind));
    let _ = header.bare_item(key_ref("version"), integer(version));
    if let Some(base) = outcome.base {
        let item = header.bare_item(key_ref("base"), integer(base.version));
        if base.missing {
            let _ = item.parameter(key_ref("missing"), true);
        }
    }
    let fields = &outcome.fields;
    list(&mut header, key_ref("won"), &fields.won, |pointer| {
        let author = outcome.lost.iter().find(|lost| lost.field == *pointer).map(|lost| lost.author.as_str());
        let author = author.filter(|id| !id.is_empty()).and_then(|id| StringRef::from_str(id).ok());
        let replaced = (key_ref("replaced"), RefBareItem::Integer(integer(outcome.replaced)));
        (pointer, [replaced].into_iter().chain(author.map(|id| (key_ref("author"), id.into()))).collect())
    });
    list(&mut header, key_ref("taken"), &fields.taken, touched);
    list(&mut header, key_ref("merged"), &fields.merged, touched);
    list(&mut header, key_ref("kept"), &fields.kept, |pointer| (pointer, Vec::new()));
    if outcome.omitted > 0 {
        let _ = header.bare_item(key_ref("omitted"), integer(outcome.omitted.cast_signed()));
    }
    header.finish().expect("it has a result")
}

fn token(kind: OutcomeKind) -> &'static TokenRef {
    match kind {
        OutcomeKind::Created => token_ref("created"),
        OutcomeKind::Saved => token_ref("saved"),
        OutcomeKind::Unchanged => token_ref("unchanged"),
        OutcomeKind::Restored => token_ref("restored"),
        OutcomeKind::Deleted => token_ref("deleted"),
    }
}

type Parameters<'a> = Vec<(&'static KeyRef, RefBareItem<'a>)>;

fn touched(field: &Touched) -> (&str, Parameters<'_>) {
    let counts = field.entries.map(|entries| {
        let count = |count: usize| RefBareItem::Integer(integer(i64::try_from(count).unwrap_or(i64::MAX)));
        vec![
            (key_ref("added"), count(entries.added)),
            (key_ref("removed"), count(entries.removed)),
            (key_ref("changed"), count(entries.changed)),
        ]
    });
    (&field.pointer, counts.unwrap_or_default())
}

fn list<'a, T: 'a>(
    header: &mut DictSerializer<String>,
    name: &KeyRef,
    fields: &'a [T],
    show: impl Fn(&'a T) -> (&'a str, Parameters<'a>),
) {
    if fields.is_empty() {
        return;
    }
    let mut list = header.inner_list(name);
    for (pointer, parameters) in fields.iter().map(show) {
        let text = StringRef::from_str(pointer);
        let pointer = text.map_or(RefBareItem::DisplayString(pointer), RefBareItem::String);
        let _ = list.bare_item(pointer).parameters(parameters);
    }
}

/// RFC 9651 §3.3.1 has fifteen digits: a number outside of them is shown as the nearest one.
fn integer(number: i64) -> Integer {
    const GREATEST: i64 = 999_999_999_999_999;
    Integer::try_from(number.clamp(-GREATEST, GREATEST)).unwrap_or(Integer::MAX)
}

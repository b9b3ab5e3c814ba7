//! What a caller sent, and what it makes of the state it was made on.

use super::merge::{Report, give_ids, merge};
use crate::value::{Members, Value};

/// A record would be larger than one may be: its bytes as stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge(pub usize);

/// An edit of a record's attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A whole record: its members take the place of those that are there, what it leaves out is left alone, and
    /// `null` removes. Where the stored value is DynamoDB's NULL, a `null` is that value coming back.
    Replace(Members),
    /// A merge patch (RFC 7396): objects are changed member by member, everything else is replaced.
    Patch(Members),
    /// A strict merge patch.
    MergePatch(Members),
    /// An edit with what its author saw.
    Seen {
        /// Seen.
        seen: Members,
        /// Set.
        set: Members,
        /// Removed.
        remove: Vec<String>,
    },
    /// Exactly this state: what it leaves out is removed, but where nobody knows on what that was decided.
    Restore(Members),
}

impl Edit {
    /// Merges the edit into `theirs`. It was made on `base`, which was this version; `None`: nobody knows on what.
    #[must_use]
    pub fn merge_into(
        &self,
        theirs: &Members,
        base: Option<&Members>,
        seed: &str,
    ) -> Result<(Members, Report), TooLarge> {
        let assumed;
        let (base, mine) = match base {
            Some(base) => (base, self.apply(base)),
            None => {
                assumed = self.assumed_base(theirs);
                let mine = match self {
                    Edit::Restore(state) => theirs.clone().into_iter().chain(state.clone()).collect(),
                    _ => self.apply(theirs),
                };
                (&assumed, mine)
            }
        };
        let mut mine = shape_new(mine, base, theirs);
        // What is restored is not new.
        if !matches!(self, Edit::Restore(_)) {
            give_ids(&mut mine, base, theirs, seed);
        }
        Ok(merge(base, theirs, &mine))
    }

    /// What was sent.
    pub(crate) fn sent_mut(&mut self) -> &mut Members {
        let (Edit::Replace(sent)
        | Edit::Patch(sent)
        | Edit::MergePatch(sent)
        | Edit::Seen { set: sent, .. }
        | Edit::Restore(sent)) = self;
        sent
    }

    fn apply(&self, base: &Members) -> Members {
        match self {
            Edit::Replace(sent) => replace(base, sent),
            Edit::Patch(sent) | Edit::MergePatch(sent) => patch(base.clone(), sent),
            Edit::Seen { set, .. } => replace(base, set),
            Edit::Restore(state) => state.clone(),
        }
    }

    /// For an edit made on nobody knows what: what it sends it has not seen, what it does not send it leaves alone,
    /// and what it removes by name it means to remove.
    fn assumed_base(&self, theirs: &Members) -> Members {
        match self {
            Edit::Replace(sent) => {
                let unseen = |name: &String| sent.get(name).is_some_and(|value| *value != Value::Null);
                theirs
                    .iter()
                    .filter(|(name, _)| !unseen(name))
                    .map(|(name, value)| (name.clone(), value.clone()))
                    .collect()
            }
            Edit::Patch(sent) | Edit::MergePatch(sent) => unpatched(theirs.clone(), sent),
            Edit::Seen { seen, .. } => seen.clone(),
            Edit::Restore(state) => {
                let seen = theirs.iter().filter(|(name, _)| !state.contains_key(*name));
                seen.map(|(name, value)| (name.clone(), value.clone())).collect()
            }
        }
    }
}

/// What the base does not have may have got a type of DynamoDB's since.
fn shape_new(mine: Members, base: &Members, theirs: &Members) -> Members {
    let shape = |(name, value): (String, Value)| {
        let value = match (value, base.get(&name), theirs.get(&name)) {
            (value, None, Some(known)) => value.shaped_like(known),
            (Value::Map(mine), Some(Value::Map(base)), Some(Value::Map(theirs))) => {
                Value::Map(shape_new(mine, base, theirs))
            }
            (value, ..) => value,
        };
        (name, value)
    };
    mine.into_iter().map(shape).collect()
}

fn replace(members: &Members, sent: &Members) -> Members {
    let left_alone = members.iter().filter(|(name, _)| !sent.contains_key(*name));
    let mut made: Members = left_alone.map(|(name, value)| (name.clone(), value.clone())).collect();
    for (name, value) in sent {
        let value = match (value, members.get(name)) {
            (Value::Null, Some(Value::Null)) => Value::Null,
            (Value::Null, _) => continue,
            (value, Some(stored)) => value.clone().shaped_like(stored),
            (value, None) => value.clone(),
        };
        made.insert(name.clone(), value);
    }
    made
}

fn patch(mut members: Members, sent: &Members) -> Members {
    for (name, value) in sent {
        let stored = members.remove(name);
        let patched = match (value, stored) {
            (Value::Null, _) => continue,
            (Value::Map(sent), Some(Value::Map(stored))) => Value::Map(patch(stored, sent)),
            (Value::Map(sent), _) => Value::Map(patch(Members::new(), sent)),
            (value, Some(stored)) => value.clone().shaped_like(&stored),
            (value, None) => value.clone(),
        };
        members.insert(name.clone(), patched);
    }
    members
}

/// `members` without what a patch sets.
fn unpatched(mut members: Members, sent: &Members) -> Members {
    for (name, value) in sent {
        match (value, members.remove(name)) {
            (Value::Null, Some(stored)) => {
                members.insert(name.clone(), stored);
            }
            (Value::Map(sent), Some(Value::Map(stored))) => {
                members.insert(name.clone(), Value::Map(unpatched(stored, sent)));
            }
            _ => {}
        }
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::parse;

    fn members(json: &str) -> Members {
        match parse(json.as_bytes()) {
            Ok(Value::Map(members)) => members,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn makes(edit: fn(Members) -> Edit, stored: &str, sent: &str, expected: &str) {
        let (merged, _) = edit(members(sent)).merge_into(&members(stored), Some(&members(stored)), "").expect("fits");
        assert_eq!(merged, members(expected));
    }

    #[test]
    fn a_whole_record_leaves_alone_what_it_leaves_out() {
        makes(Edit::Replace, r#"{"a":1,"b":{"x":1}}"#, r#"{"b":{"y":2},"c":3}"#, r#"{"a":1,"b":{"y":2},"c":3}"#);
        makes(Edit::Replace, r#"{"a":1,"n":null}"#, r#"{"a":null,"n":null,"z":null}"#, r#"{"n":null}"#);
    }

    /// The examples of RFC 7396's appendix A that a record can be.
    #[test]
    fn a_merge_patch_does_what_the_rfc_says() {
        makes(Edit::Patch, r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        makes(Edit::Patch, r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#);
        makes(Edit::Patch, r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
        makes(Edit::Patch, r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        makes(Edit::Patch, r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#);
        makes(Edit::Patch, r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
        makes(Edit::Patch, r#"{"a":[1]}"#, r#"{"a":[2]}"#, r#"{"a":[2]}"#);
        makes(Edit::Patch, r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#);
        makes(Edit::Patch, "{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#);
    }

    #[test]
    fn a_restored_state_is_exactly_that() {
        makes(Edit::Restore, r#"{"a":1,"b":2}"#, r#"{"a":3,"c":null}"#, r#"{"a":3,"c":null}"#);
        makes(Edit::Restore, r#"{"l":[]}"#, r#"{"l":[{"x":1}]}"#, r#"{"l":[{"x":1}]}"#);
    }

    #[track_caller]
    fn makes_unseen(edit: fn(Members) -> Edit, theirs: &str, sent: &str, expected: &str) {
        let (merged, _) = edit(members(sent)).merge_into(&members(theirs), None, "").expect("fits");
        assert_eq!(merged, members(expected));
    }

    #[test]
    fn without_a_base_nothing_is_removed_but_by_name() {
        makes_unseen(
            Edit::Replace,
            r#"{"a":1,"l":[1,2],"z":0}"#,
            r#"{"a":2,"l":[2,3]}"#,
            r#"{"a":2,"l":[1,2,3],"z":0}"#,
        );
        makes_unseen(Edit::Replace, r#"{"o":{"x":1,"y":1}}"#, r#"{"o":{"y":2}}"#, r#"{"o":{"x":1,"y":2}}"#);
        makes_unseen(Edit::Replace, r#"{"a":1,"l":[1]}"#, r#"{"l":null}"#, r#"{"a":1}"#);
        makes_unseen(Edit::Replace, r#"{"l":[{"a":1}]}"#, r#"{"l":[{"a":1}]}"#, r#"{"l":[{"a":1}]}"#);
        makes_unseen(
            Edit::Patch,
            r#"{"o":{"x":1,"y":1,"l":[1]}}"#,
            r#"{"o":{"x":null,"l":[2]}}"#,
            r#"{"o":{"y":1,"l":[1,2]}}"#,
        );
    }
}

//! Edits: what a client sent, and its effect on the base.

use std::collections::BTreeSet;

use super::merge::{Known, Report, Rules, give_ids, merge, merge_with_whole_lists};
use crate::limits;
use crate::value::{Keys, Members, Value, shape_sent, stored_size};

/// An edit of a record's attributes.
///
/// ```
/// use ripple_core::record::change::Edit;
/// use ripple_core::record::merge::Rules;
/// use ripple_core::value::Members;
///
/// let seen = Members::from([("goal".to_owned(), "Beans".into())]);
/// let sent = Members::from([("issue".to_owned(), "Snails".into())]);
/// let edit = Edit::Patch(sent);
/// let (merged, report) = edit.merge_into(&seen, Some(&seen), "", Rules::default()).expect("it is small");
/// assert_eq!(merged.keys().collect::<Vec<_>>(), ["goal", "issue"]);
/// assert_eq!(report.taken[0].pointer, "/issue");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// A whole record. Its members replace the existing ones, and members that it omits stay. `null` removes a member,
    /// unless the stored value is DynamoDB's NULL.
    Replace(Members),
    /// A patch: objects are changed member by member, and other values are replaced. Without a base, lists are united.
    Patch(Members),
    /// A merge patch (RFC 7396). With a base it is a [`Edit::Patch`]. Without a base it replaces lists as a whole.
    MergePatch(Members),
    /// An edit that carries its base: the members as its author saw them. It affects only the members that `set` and
    /// `remove` name. A member that `seen` lacks did not exist for the author. `null` is a value.
    Seen {
        /// The named members, as the author saw them.
        seen: Members,
        /// The new values of members, as the author left them.
        set: Members,
        /// The members that the author removed.
        remove: BTreeSet<String>,
    },
    /// Exactly this state. Members that it omits are removed, except if there is no base.
    Restore(Members),
}

/// A record that would be larger than DynamoDB takes: its size as stored, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLarge(pub usize);

impl Edit {
    /// Merges the edit into `theirs`. `base` is the state on which the edit was made, or `None` if that is unknown. An
    /// [`Edit::Seen`] has its own base.
    ///
    /// `seed` distinguishes the new entries of one save from those of another: the same seed gives the same ids. `rules`
    /// are those of the resource's schema.
    ///
    /// ```
    /// use ripple_core::record::change::Edit;
    /// use ripple_core::record::merge::Rules;
    /// use ripple_core::value::Members;
    ///
    /// let members = |name: &str, goal: &str| {
    ///     Members::from([("name".to_owned(), name.into()), ("goal".to_owned(), goal.into())])
    /// };
    /// let (base, theirs, mine) = (members("Plot", "Beans"), members("Garden", "Beans"), members("Plot", "Peas"));
    /// let (merged, report) = Edit::Replace(mine).merge_into(&theirs, Some(&base), "seed", Rules::default()).unwrap();
    /// assert_eq!(merged, members("Garden", "Peas"));
    /// assert_eq!((&*report.taken[0].pointer, &*report.kept[0]), ("/goal", "/name"));
    /// ```
    ///
    /// # Errors
    /// If the sent members are larger than a record may be, and larger than the base. Then they are not copied.
    pub fn merge_into(
        &self,
        theirs: &Members,
        base: Option<&Members>,
        seed: &str,
        rules: Rules<'_>,
    ) -> Result<(Members, Report), TooLarge> {
        let keys = rules.keys;
        let base = if matches!(self, Edit::Seen { .. }) { None } else { base };
        let sent = stored_size(self.sent());
        if sent > limits::RECORD.max(stored_size(base.unwrap_or(theirs))) {
            return Err(TooLarge(sent));
        }
        let assumed;
        let (base, known, mut mine) = match base {
            Some(base) => (base, Known::Base(base), self.apply(base, keys)),
            None => {
                assumed = self.assumed_base(theirs, keys);
                let mine = match self {
                    Edit::Restore(state) => theirs.clone().into_iter().chain(state.clone()).collect(),
                    Edit::Seen { .. } => self.apply(&assumed, keys),
                    _ => self.apply(theirs, keys),
                };
                let known =
                    if matches!(self, Edit::Seen { .. }) { Known::Base(&assumed) } else { Known::Theirs(theirs) };
                (&assumed, known, mine)
            }
        };
        // A restored state already has its types and its ids.
        if !matches!(self, Edit::Restore(_)) {
            mine = shape_new(mine, base, theirs, keys);
            give_ids(&mut mine, known, seed, rules)?;
        }
        Ok(match (self, known) {
            (Edit::MergePatch(_), Known::Theirs(_)) => merge_with_whole_lists(base, theirs, &mine, rules),
            _ => merge(base, theirs, &mine, rules),
        })
    }

    /// Returns the members that were sent.
    fn sent(&self) -> &Members {
        let (Edit::Replace(sent)
        | Edit::Patch(sent)
        | Edit::MergePatch(sent)
        | Edit::Seen { set: sent, .. }
        | Edit::Restore(sent)) = self;
        sent
    }

    fn apply(&self, base: &Members, keys: Keys<'_>) -> Members {
        match self {
            Edit::Replace(sent) => replace(base, sent, keys),
            Edit::Patch(sent) | Edit::MergePatch(sent) => patch(base, sent, keys),
            Edit::Seen { set, remove, .. } => {
                let left = base.iter().filter(|(name, _)| !set.contains_key(*name) && !remove.contains(*name));
                left.map(owned).chain(shape_sent(set.clone(), base, keys)).collect()
            }
            Edit::Restore(state) => state.clone(),
        }
    }

    /// Returns the base of an edit that was made on an unknown state. Its author is assumed to have seen the members
    /// that the edit leaves alone or removes by name, and none that it sends. An [`Edit::Seen`] states its own base.
    fn assumed_base(&self, theirs: &Members, keys: Keys<'_>) -> Members {
        match self {
            Edit::Replace(sent) => {
                let unseen = |name: &String| sent.get(name).is_some_and(|value| *value != Value::Null);
                theirs.iter().filter(|(name, _)| !unseen(name)).map(owned).collect()
            }
            Edit::Patch(sent) => unpatched(theirs, sent, false),
            Edit::MergePatch(sent) => unpatched(theirs, sent, true),
            Edit::Seen { seen, set, remove } => {
                let named = |name: &String| set.contains_key(name) || remove.contains(name);
                let seen = seen.iter().filter(|(name, _)| named(name)).map(owned).collect();
                let others = theirs.iter().filter(|(name, _)| !named(name)).map(owned);
                others.chain(shape_sent(seen, theirs, keys)).collect()
            }
            Edit::Restore(state) => theirs.iter().filter(|(name, _)| !state.contains_key(*name)).map(owned).collect(),
        }
    }
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

/// Shapes members that the base does not have like `theirs`, where they may have a DynamoDB type by now.
fn shape_new(mine: Members, base: &Members, theirs: &Members, keys: Keys<'_>) -> Members {
    let shape = |(name, value): (String, Value)| {
        let keys = keys.member(&name);
        let value = match (value, base.get(&name), theirs.get(&name)) {
            (value, None, known) => value.shaped_as_sent(known, keys)?,
            (Value::Map(mine), Some(Value::Map(base)), Some(Value::Map(theirs))) => {
                Value::Map(shape_new(mine, base, theirs, keys))
            }
            (value, ..) => value,
        };
        Some((name, value))
    };
    mine.into_iter().filter_map(shape).collect()
}

fn replace(members: &Members, sent: &Members, keys: Keys<'_>) -> Members {
    let left_alone = members.iter().filter(|(name, _)| !sent.contains_key(*name)).map(owned);
    let replaced = sent.iter().filter_map(|(name, value)| match (value, members.get(name)) {
        (Value::Null, stored) if stored != Some(&Value::Null) => None,
        (value, stored) => Some((name.clone(), value.clone().shaped_as_sent(stored, keys.member(name))?)),
    });
    left_alone.chain(replaced).collect()
}

fn patch(members: &Members, sent: &Members, keys: Keys<'_>) -> Members {
    let left_alone = members.iter().filter(|(name, _)| !sent.contains_key(*name)).map(owned);
    let patched = sent.iter().filter_map(|(name, value)| {
        let value = match (value, members.get(name)) {
            (Value::Null, _) => return None,
            (Value::Map(sent), Some(Value::Map(stored))) => Value::Map(patch(stored, sent, keys.member(name))),
            (Value::Map(sent), _) => Value::Map(patch(&Members::new(), sent, keys.member(name))),
            (value, stored) => value.clone().shaped_as_sent(stored, keys.member(name))?,
        };
        Some((name.clone(), value))
    });
    left_alone.chain(patched).collect()
}

/// Returns `members` without those that a patch sets. With `whole_lists`, an empty list removes a set, since DynamoDB
/// has no empty sets.
fn unpatched(members: &Members, sent: &Members, whole_lists: bool) -> Members {
    let removes = |sent: &[Value], stored: &Value| whole_lists && sent.is_empty() && stored.is_set();
    let left = |(name, value): (&String, &Value)| match (sent.get(name), value) {
        (None | Some(Value::Null), value) => Some((name.clone(), value.clone())),
        (Some(Value::List(sent)), value) if removes(sent, value) => Some((name.clone(), value.clone())),
        (Some(Value::Map(sent)), Value::Map(stored)) => {
            Some((name.clone(), Value::Map(unpatched(stored, sent, whole_lists))))
        }
        _ => None,
    };
    members.iter().filter_map(left).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::members;

    #[track_caller]
    fn merged(edit: &Edit, theirs: &Members, base: Option<&Members>) -> Members {
        edit.merge_into(theirs, base, "seed", Rules::default()).expect("it is small").0
    }

    #[track_caller]
    fn makes(edit: fn(Members) -> Edit, stored: &str, sent: &str, expected: &str) {
        let stored = members(stored);
        assert_eq!(merged(&edit(members(sent)), &stored, Some(&stored)), members(expected));
    }

    #[test]
    fn a_whole_record_leaves_alone_what_it_leaves_out() {
        makes(Edit::Replace, r#"{"a":1,"b":{"x":1}}"#, r#"{"b":{"y":2},"c":3}"#, r#"{"a":1,"b":{"y":2},"c":3}"#);
        makes(Edit::Replace, r#"{"a":1,"n":null}"#, r#"{"a":null,"n":null,"z":null}"#, r#"{"n":null}"#);
    }

    /// The examples of RFC 7396, appendix A, that are valid records.
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
        assert_eq!(saved(&edit(members(sent)), &members(theirs)), members(expected));
    }

    #[track_caller]
    fn saved(edit: &Edit, theirs: &Members) -> Members {
        merged(edit, theirs, None)
    }

    #[test]
    fn an_equal_entry_that_is_added_once_more_gets_an_id_of_its_own() {
        let entries = |members: &Members| match &members["l"] {
            Value::List(list) => list.clone(),
            other => panic!("{other:?}"),
        };
        let once = saved(&Edit::Replace(members(r#"{"l":[{"h":2}]}"#)), &Members::new());
        let more = [entries(&once), entries(&members(r#"{"l":[{"h":2}]}"#))].concat();
        let more = Edit::Replace(Members::from([("l".to_owned(), Value::List(more))]));
        let twice = saved(&more, &once);
        let list = entries(&twice);
        assert!(list.len() == 2 && list[0].entry_id() != list[1].entry_id(), "{list:?}");
        assert_eq!(saved(&more, &twice), twice, "a retry adds none");
    }

    #[test]
    fn a_copy_before_its_original_takes_no_edit_of_it() {
        let theirs = members(r#"{"l":[{"id":"i","a":1,"b":1,"state":"done"}]}"#);
        let sent = members(r#"{"l":[{"id":"i","a":9,"b":9},{"id":"i","a":1,"b":1}]}"#);
        let Value::List(list) = saved(&Edit::Replace(sent), &theirs)["l"].clone() else { panic!("a list") };
        let original = &members(r#"{"o":{"id":"i","a":1,"b":1,"state":"done"}}"#)["o"];
        assert!(list.len() == 2 && list.contains(original), "{list:?}");
    }

    #[test]
    fn an_empty_list_empties_a_set_where_the_patch_replaces_lists() {
        let theirs = Members::from([("s".to_owned(), Value::Strings(["a".to_owned()].into()))]);
        let sent = members(r#"{"s":[]}"#);
        assert_eq!(saved(&Edit::MergePatch(sent.clone()), &theirs), Members::new());
        assert_eq!(saved(&Edit::Patch(sent), &theirs), theirs, "lists are united");
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

//! What a save makes of the state it finds.
//!
//! [`replace`] and [`patch`] say what an edit means for a record in the state it was made on. An edit made on an
//! older state is refused by `save` for now; the three-way merge of both will stand here.

use crate::project::Project;
use crate::value::{Members, Value, shape_members};

/// A whole record was sent: its members take the place of the stored ones; what it leaves out is left alone,
/// and `null` removes. Where the stored value is DynamoDB's NULL, a `null` is that value coming back.
#[must_use]
pub(crate) fn replace(theirs: &Project, sent: Members) -> Members {
    let mut attributes = theirs.attributes.clone();
    for (name, value) in shape_members(sent, &theirs.attributes) {
        match (value, attributes.get(&name)) {
            (Value::Null, Some(Value::Null)) => {}
            (Value::Null, _) => {
                attributes.remove(&name);
            }
            (value, _) => {
                attributes.insert(name, value);
            }
        }
    }
    attributes
}

/// A merge patch was sent (RFC 7396): objects are changed member by member, everything else is replaced.
#[must_use]
pub(crate) fn patch(theirs: &Project, sent: Members) -> Members {
    patch_members(theirs.attributes.clone(), sent)
}

fn patch_members(mut members: Members, patch: Members) -> Members {
    for (name, value) in patch {
        let stored = members.remove(&name);
        let patched = match (value, stored) {
            (Value::Null, _) => continue,
            (Value::Map(patch), Some(Value::Map(stored))) => Value::Map(patch_members(stored, patch)),
            (Value::Map(patch), _) => Value::Map(patch_members(Members::new(), patch)),
            (value, Some(stored)) => value.shaped_like(&stored),
            (value, None) => value,
        };
        members.insert(name, patched);
    }
    members
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::project::ProjectId;
    use crate::value::parse;

    fn members(json: &str) -> Members {
        match parse(json.as_bytes()) {
            Ok(Value::Map(members)) => members,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn makes(edit: fn(&Project, Members) -> Members, stored: &str, sent: &str, expected: &str) {
        let project = Project::new(ProjectId::parse("a").expect("valid"), members(stored));
        assert_eq!(edit(&project, members(sent)), members(expected));
    }

    #[test]
    fn a_whole_record_leaves_alone_what_it_leaves_out() {
        makes(replace, r#"{"a":1,"b":{"x":1}}"#, r#"{"b":{"y":2},"c":3}"#, r#"{"a":1,"b":{"y":2},"c":3}"#);
        makes(replace, r#"{"a":1,"n":null}"#, r#"{"a":null,"n":null,"z":null}"#, r#"{"n":null}"#);
    }

    /// The examples of RFC 7396's appendix A that a record can be.
    #[test]
    fn a_merge_patch_does_what_the_rfc_says() {
        makes(patch, r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        makes(patch, r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#);
        makes(patch, r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#);
        makes(patch, r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#);
        makes(patch, r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#);
        makes(patch, r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#);
        makes(patch, r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#);
        makes(patch, r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#);
        makes(patch, "{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#);
    }
}

//! The rule at a place in a file, and the faults of items that break it.

use ripple_core::record::schema::{Fault, Keyword};

/// A rule, and where the values are that it is about.
#[derive(Debug, Default)]
pub(super) struct Rule<'p> {
    /// The tokens of the pointer to a value. `None` stands for every place of a list.
    path: Vec<Option<&'p str>>,
    keyword: &'p str,
    /// Whether the rule is in a branch of `oneOf`. The fault of a scalar is that of its `oneOf`.
    is_in_branch: bool,
}

impl<'p> Rule<'p> {
    /// Returns the rule at a JSON Pointer into a file.
    pub(super) fn at(pointer: &'p str) -> Rule<'p> {
        let mut rule = Rule::default();
        let mut tokens = pointer.split('/').skip(1).peekable();
        while let Some(token) = tokens.next() {
            rule.keyword = token;
            let step = match token {
                "properties" | "prefixItems" | "required" => tokens.next().map(Some),
                "items" => tokens.peek().map(|_| None),
                _ => {
                    rule.is_in_branch |= token == "oneOf" && tokens.next().is_some();
                    continue;
                }
            };
            rule.is_in_branch &= step.is_none();
            rule.path.extend(step);
        }
        rule
    }

    /// Reports whether a fault is that of this rule. A value has one fault: that of the first keyword that it breaks.
    pub(super) fn is_broken(&self, fault: &Fault) -> bool {
        let tokens: Vec<&str> = fault.pointer.split('/').skip(1).collect();
        let is_closed = self.keyword == "additionalProperties";
        // The fault of an unknown name is at that name.
        let depth = self.path.len() + usize::from(is_closed);
        let mut both = self.path.iter().zip(&tokens);
        both.all(|(path, token)| path.is_none_or(|path| path == *token))
            && match self.keyword {
                // A schema that is new here is also about what is in the value.
                "items" | "oneOf" if tokens.len() > depth => true,
                _ if tokens.len() != depth => false,
                // A removed property of an object that has no others.
                "properties" => fault.keyword == Keyword::AdditionalProperties,
                keyword => keyword == fault.keyword.as_str() || self.is_in_branch && fault.keyword == Keyword::OneOf,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ripple_core::record::schema::Resources;
    use ripple_core::value::{Value, parse};

    const FILE: &str = r#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "type": "object",
        "required": ["subject"], "properties": {"subject": {"type": "string", "maxLength": 2},
        "term": {"oneOf": [{"type": "integer", "minimum": 1}, {"type": "array", "maxItems": 1}]},
        "at": {"type": "array", "items": false, "prefixItems": [{"type": "number", "maximum": 9}, {"type": "number"}]},
        "steps": {"type": "array", "items": {"type": "object", "required": ["a/b"], "additionalProperties": false,
            "properties": {"a/b": {"type": "string"}, "done": {"type": "boolean"}}}}}}"#;

    /// Reports whether an item breaks the rule at a pointer.
    fn breaks(item: &str, pointer: &str) -> bool {
        let resources = Resources::read(&[("task.json", FILE)]).expect("a valid file");
        let Ok(Value::Map(item)) = parse(item.as_bytes()) else { panic!("{item}") };
        let faults = resources.first().schema.check_new(&item).expect_err("it has faults");
        faults.iter().any(|fault| Rule::at(pointer).is_broken(fault))
    }

    #[test]
    fn a_fault_belongs_to_the_rule_at_its_place() {
        for (item, pointer, others) in [
            ("{}", "/required/subject", ["/required/term", "/properties/subject/maxLength"]),
            (
                r#"{"subject":"long"}"#,
                "/properties/subject/maxLength",
                ["/required/subject", "/properties/subject/type"],
            ),
            (
                r#"{"term":0}"#,
                "/properties/term/oneOf/0/minimum",
                ["/properties/at/oneOf/0/minimum", "/properties/term/type"],
            ),
            (
                r#"{"term":[1,2]}"#,
                "/properties/term/oneOf/1/maxItems",
                ["/properties/term/maximum", "/properties/term"],
            ),
            (r#"{"term":"x"}"#, "/properties/term/oneOf", ["/properties/term", "/properties/at/oneOf"]),
            (
                r#"{"at":[10]}"#,
                "/properties/at/prefixItems/0/maximum",
                ["/properties/at/prefixItems/1/maximum", "/maximum"],
            ),
            (r#"{"at":[1,2,3]}"#, "/properties/at/items", ["/properties/at/maxItems", "/properties/steps/items"]),
            (
                r#"{"steps":[{"a/b":"x"},{}]}"#,
                "/properties/steps/items/required/a~1b",
                ["/properties/steps/items/required/done", "/properties/steps/items/properties/a~1b/type"],
            ),
            (
                r#"{"steps":[{"a/b":"x","old":1}]}"#,
                "/properties/steps/items/additionalProperties",
                ["/additionalProperties", "/properties/steps/items/properties/other"],
            ),
            (
                r#"{"steps":[{"a/b":"x","old":1}]}"#,
                "/properties/steps/items/properties/old",
                ["/properties/steps/items/properties/a~1b", "/properties/old"],
            ),
            (r#"{"steps":[{"a/b":1}]}"#, "/properties/steps/items", ["/properties/steps", "/properties/at/items"]),
        ] {
            assert!(breaks(item, pointer), "{item} breaks {pointer}");
            others.into_iter().for_each(|other| assert!(!breaks(item, other), "{item} does not break {other}"));
        }
    }
}

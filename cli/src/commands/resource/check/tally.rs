//! The rules that a table's items break, counted.

use std::collections::{BTreeMap, BTreeSet};

use ripple_core::record::schema::{Fault, Resource};
use ripple_core::value::{Members, Value};

use crate::commands::resource::items::{grouped, outside};

/// Ids that are shown of the items that break a rule.
const IDS: usize = 3;
/// Characters of a value that is shown.
const VALUE: usize = 60;

/// The broken rules of one resource.
pub(super) struct Tally<'r> {
    resource: &'r Resource,
    items: u64,
    outside: u64,
    /// By the pointer, in which `*` stands for the places of a list, and by the sentence of the rule.
    broken: BTreeMap<(String, String), Broken>,
}

/// A rule that items break.
#[derive(Debug, Default)]
struct Broken {
    items: u64,
    ids: Vec<String>,
    /// The value of the first item, if it has one.
    value: Option<String>,
}

impl<'r> Tally<'r> {
    pub(super) fn new(resource: &'r Resource) -> Tally<'r> {
        Tally { resource, items: 0, outside: 0, broken: BTreeMap::new() }
    }

    /// Checks an item by the rules of a creation, and counts each rule that it breaks once.
    pub(super) fn add(&mut self, item: &Members) {
        self.items += 1;
        let Err(faults) = self.resource.schema.check_new(item) else { return };
        self.outside += 1;
        let mut seen = BTreeSet::new();
        for Fault { pointer, detail, .. } in faults {
            let (pattern, value) = look_up(item, &pointer);
            let rule = (pattern, detail);
            if !seen.insert(rule.clone()) {
                continue;
            }
            let broken = self.broken.entry(rule).or_default();
            if broken.ids.len() < IDS {
                broken.ids.push(id_of(item, self.resource));
            }
            if broken.items == 0 {
                broken.value = value.and_then(|value| serde_json::to_string(value).ok()).map(shortened);
            }
            broken.items += 1;
        }
    }

    /// Reports whether no item breaks a rule.
    pub(super) fn is_sound(&self) -> bool {
        self.outside == 0
    }

    /// Returns a line for each broken rule, the most frequent first, and one for the whole. `with_values` says whether
    /// lines have a value of an item.
    pub(super) fn lines(&self, with_values: bool) -> Vec<String> {
        let mut broken: Vec<_> = self.broken.iter().collect();
        broken.sort_by_key(|(_, broken)| std::cmp::Reverse(broken.items));
        let mut lines: Vec<String> = broken
            .into_iter()
            .map(|((pointer, detail), broken)| self.line(pointer, detail, broken, with_values))
            .collect();
        lines.push(format!("{}.json: {}", self.resource.name, outside([self.outside, self.items])));
        lines
    }

    fn line(&self, pointer: &str, detail: &str, broken: &Broken, with_values: bool) -> String {
        let share = 100.0 * broken.items as f64 / self.items as f64;
        let count = format!("{} of {} items ({share:.1} %)", grouped(broken.items), grouped(self.items));
        let value = broken.value.as_ref().filter(|_| with_values);
        let mut ids = broken.ids.clone();
        if let (Some(first), Some(value)) = (ids.first_mut(), value) {
            first.push_str(&format!(" ({value})"));
        }
        let ids = ids.join(", ");
        let pointer: String =
            pointer.chars().map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect();
        format!("{}.json {pointer} {detail}: {count}: {ids}", self.resource.name)
    }
}

/// Returns a pointer with `*` for the places of lists, and the value there.
fn look_up<'v>(item: &'v Members, pointer: &str) -> (String, Option<&'v Value>) {
    let mut pattern = String::new();
    let mut tokens = pointer.split('/').skip(1);
    let Some(first) = tokens.next() else { return (pattern, None) };
    pattern.push('/');
    pattern.push_str(first);
    let mut value = item.get(&name_of(first));
    for token in tokens {
        let (shown, next) = match value {
            Some(Value::Map(members)) => (token, members.get(&name_of(token))),
            Some(Value::List(list)) => ("*", token.parse().ok().and_then(|place: usize| list.get(place))),
            Some(Value::Strings(_) | Value::Numbers(_) | Value::Binaries(_)) => ("*", None),
            _ => (token, None),
        };
        pattern.push('/');
        pattern.push_str(shown);
        value = next;
    }
    (pattern, value)
}

fn name_of(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

/// Returns an item's id as JSON: a number if its key is one, otherwise a string.
fn id_of(item: &Members, resource: &Resource) -> String {
    let names = &resource.names;
    let key: Vec<Value> = names.keys().into_iter().filter_map(|(name, _)| item.get(name).cloned()).collect();
    let id = match (names.id_of(&key), &*key) {
        (None, _) => return "an item without its key".to_owned(),
        (Some(_), [number @ Value::Number(_)]) => number.clone(),
        (Some(id), _) => id.as_str().into(),
    };
    serde_json::to_string(&id).map_or_else(|_| String::new(), shortened)
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(VALUE) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ripple_core::record::schema::Resources;
    use ripple_core::value::parse;

    const FILE: &str = r#"{"title":"Task","x-ripple":{"resource":"task","key":"ref"},"type":"object",
        "required":["subject"],"properties":{"subject":{"type":"string"},"size":{"type":"integer","maximum":13},
        "steps":{"type":"array","items":{"type":"object","required":["text"],"properties":{"text":{}}}},"tags":{"items":{"maxLength":1}}}}"#;

    fn lines(items: &[&str], with_values: bool) -> (Vec<String>, bool) {
        let resources = Resources::read(&[("task.json", FILE)]).expect("a valid file");
        let mut tally = Tally::new(resources.get("task").expect("it is in the file"));
        for item in items {
            let Ok(Value::Map(item)) = parse(item.as_bytes()) else { panic!("{item}") };
            tally.add(&item);
        }
        (tally.lines(with_values), tally.is_sound())
    }

    #[test]
    fn valid_items_are_one_line() {
        let item = r#"{"ref":"a","subject":"x","more":[1]}"#;
        assert_eq!(lines(&[item], true), (vec!["task.json: 0 of 1 items are outside".to_owned()], true));
    }

    #[test]
    fn a_rule_is_counted_once_for_each_item_that_breaks_it() {
        let items = [
            r#"{"ref":"a","subject":"x","size":14}"#,
            r#"{"ref":"b","subject":"x","size":15}"#,
            r#"{"ref":"c","subject":"x","steps":[{},{}]}"#,
            r#"{"ref":"d"}"#,
        ];
        let size = "must be a whole number, at most 13: 2 of 4 items (50.0 %)";
        let (shown, is_sound) = lines(&items, true);
        assert!(!is_sound);
        assert_eq!(
            shown,
            [
                &format!("task.json /size {size}: \"a\" (14), \"b\""),
                "task.json /steps/*/text is required: 1 of 4 items (25.0 %): \"c\"",
                "task.json /subject is required: 1 of 4 items (25.0 %): \"d\"",
                "task.json: 4 of 4 items are outside and stay editable",
            ]
        );
        assert_eq!(lines(&items, false).0[0], format!("task.json /size {size}: \"a\", \"b\""));
    }

    #[test]
    fn values_and_ids_are_short_and_three() {
        let long = format!(r#"{{"ref":"{}","subject":{{"{}":1}}}}"#, "i".repeat(99), "v".repeat(99));
        let (shown, _) = lines(&[&long, &long, &long, &long], true);
        assert!(shown[0].chars().count() < 400, "{shown:?}");
        assert_eq!(shown[0].matches('…').count(), 4, "three ids and a value");
    }
}

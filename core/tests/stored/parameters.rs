//! Random parameters of a list, over the whole grammar: words, conditions with each operator on members and inside them,
//! orders, fields, sizes of pages, cursors, and what must be refused.

use ripple_core::Record;
use ripple_core::limits;
use ripple_core::record::Names;
use ripple_core::value::Value;

use crate::records::{Luck, NAMES, NUMBERS, TEXTS, text};

/// The name and the value of each parameter.
pub(crate) type Parameters = Vec<(String, String)>;

/// Operators, those without ranges more often, since more records meet them.
const OPERATORS: &[&str] =
    &["", "", "", "[eq]", "[not]", "[in]", "[in]", "[gt]", "[gte]", "[lt]", "[lte]", "[prefix]", "[exists]"];
/// Ways into a value, as the rest of a JSON Pointer.
const INNER: &[&str] =
    &["0", "1", "name", "x", "x/0", "0/0", "0/name", "\u{c4}LL", "a\nb", "id", "deep", "deep/x", "\"q\"=", ""];
const WHITE_SPACE: &[&str] = &[" ", "\t", "\u{a0}", "\n  "];
/// Numbers in other notations, and texts that are almost numbers.
const NOTATIONS: &[&str] =
    &["7.0", "70e-1", "-0.50", "-0", "+7", "07", "1E2", ".5", "5.", "1e126", "1_000", "0x7", "NaN", "\u{661}"];

/// The longest address of a request, nearly.
const ADDRESS: usize = 60_000;

/// What the parameters of a list are drawn from.
pub(crate) struct Grammar<'a> {
    pub(crate) names: &'a Names,
    /// The names that the resource declares.
    pub(crate) declared: &'a [String],
    /// The records of the table.
    pub(crate) records: &'a [Record],
}

impl Grammar<'_> {
    /// Returns parameters, few of which must be refused.
    pub(crate) fn parameters(&self, luck: &mut Luck) -> Parameters {
        loop {
            let pairs = self.any(luck);
            let size: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
            // Each byte takes up to three in an address.
            if size < ADDRESS / 3 {
                return pairs;
            }
        }
    }

    fn any(&self, luck: &mut Luck) -> Parameters {
        let mut pairs = Parameters::new();
        let mut put = |name: &str, value: String| {
            if pairs.iter().all(|(other, _)| other != name) {
                pairs.push((name.to_owned(), value));
            }
        };
        if luck.is(3) {
            let words: Vec<String> = (0..=luck.below(3)).map(|_| self.word(luck)).collect();
            put("q", words.join(luck.pick(WHITE_SPACE)));
        }
        let conditions = if luck.is(60) { 20 } else { [0, 0, 1, 1, 2, 3][luck.below(6)] };
        for _ in 0..conditions {
            let (name, value) = self.condition(luck);
            put(&name, value);
        }
        if luck.is(2) {
            put("sort", self.names_between_commas(luck, 4, true));
        }
        if luck.is(5) {
            put("fields", self.names_between_commas(luck, 6, false));
        }
        if luck.is(2) {
            put("limit", if luck.is(12) { limits::PAGE_RECORDS } else { 1 + luck.below(9) }.to_string());
        }
        if luck.is(4) {
            put("count", luck.pick(&["true", "true", "false"]).to_owned());
        }
        if luck.is(8) {
            put(&self.names.deleted, luck.pick(&["true", "true", "false"]).to_owned());
        }
        if luck.is(15) {
            put("format", "json".to_owned());
        }
        if luck.is(40) {
            self.spoil(&mut pairs, luck);
        }
        pairs
    }

    /// Makes parameters that may have to be refused.
    fn spoil(&self, pairs: &mut Parameters, luck: &mut Luck) {
        let spoilt = match luck.below(8) {
            0 => ("cursor", "eyJ4IjoxfQ"),
            1 => ("limit", luck.pick(&["0", "10001", "+1", " 1", "one"])),
            2 => ("sort", luck.pick(&["", "-", "name,,x", "name,"])),
            3 => ("name[like]", "x"),
            4 => ("/a~2", "x"),
            5 => ("tags[in]", r"a\b"),
            6 => ("x[exists]", "yes"),
            _ => ("nowhere", "x"),
        };
        if luck.is(2) || pairs.is_empty() {
            pairs.push((spoilt.0.to_owned(), spoilt.1.to_owned()));
        } else {
            // Some parameter occurs twice.
            let again = pairs[luck.below(pairs.len())].clone();
            pairs.push(again);
        }
    }

    fn condition(&self, luck: &mut Luck) -> (String, String) {
        let root = self.name(luck);
        let member = match luck.below(5) {
            0 => format!("/{}/{}", escaped(&root), luck.pick(INNER)),
            1 if luck.is(3) => format!("/{}", escaped(&root)),
            // Without a name it would be no condition, and these have other meanings.
            _ if root.is_empty() || ["q", "sort"].contains(&&*root) => format!("/{}", escaped(&root)),
            _ => root.clone(),
        };
        let operator = luck.pick(OPERATORS);
        let value = match operator {
            "[exists]" => luck.pick(&["true", "false"]).to_owned(),
            "[in]" => {
                let count = if luck.is(12) { 40 + luck.below(60) } else { 1 + luck.below(5) };
                let values = (0..count).map(|_| self.wanted(&root, luck));
                let values = values.map(|value| value.replace('\\', r"\\").replace(',', r"\,"));
                values.collect::<Vec<_>>().join(",")
            }
            "[prefix]" => {
                let wanted = self.wanted(&root, luck);
                let length = luck.below(4);
                wanted.chars().take(if luck.is(3) { usize::MAX } else { length }).collect()
            }
            _ => self.wanted(&root, luck),
        };
        (member + operator, value)
    }

    /// Returns the name of a member, which some record may have.
    fn name(&self, luck: &mut Luck) -> String {
        match luck.below(8) {
            0 if luck.is(2) => luck.pick(&["nowhere", "x[gte]", "~", "a/b"]).to_owned(),
            1 => luck.pick(&self.names.ripples()[..4]).to_owned(),
            2 => luck.pick(&self.names.keys().into_iter().map(|(name, _)| name).collect::<Vec<_>>()).to_owned(),
            3 | 4 => self.declared[luck.below(self.declared.len())].clone(),
            _ => luck.pick(NAMES).to_owned(),
        }
    }

    /// Returns a text to compare a member with: often that of a record.
    fn wanted(&self, root: &str, luck: &mut Luck) -> String {
        match luck.below(6) {
            0 => luck.pick(NUMBERS).to_owned(),
            1 => luck.pick(NOTATIONS).to_owned(),
            2 => text(luck),
            _ => self.shown(root, luck).unwrap_or_else(|| text(luck)),
        }
    }

    /// Returns a text that some record shows under a name, however deep.
    fn shown(&self, root: &str, luck: &mut Luck) -> Option<String> {
        let with: Vec<&Record> =
            self.records.iter().filter(|record| record.member(root, self.names).is_some()).collect();
        if with.is_empty() {
            return None;
        }
        let value = with[luck.below(with.len())].member(root, self.names)?.into_owned();
        leaf(&value, luck)
    }

    fn word(&self, luck: &mut Luck) -> String {
        let of_record = if luck.is(2) && !self.records.is_empty() {
            let record = &self.records[luck.below(self.records.len())];
            let name = record.attributes.keys().nth(luck.below(record.attributes.keys().count().max(1)));
            if luck.is(4) { Some(record.id.to_string()) } else { name.and_then(|name| self.shown(name, luck)) }
        } else {
            None
        };
        let word: Vec<char> = of_record.unwrap_or_else(|| luck.pick(TEXTS).to_owned()).chars().take(300).collect();
        let from = luck.below(word.len().max(1));
        let part = if luck.is(2) { &word[..] } else { word.get(from..(from + 3).min(word.len())).unwrap_or_default() };
        part.iter().collect()
    }

    fn names_between_commas(&self, luck: &mut Luck, most: usize, signed: bool) -> String {
        let sign = |luck: &mut Luck| if signed && luck.is(2) { "-" } else { "" };
        let names: Vec<String> = (0..=luck.below(most))
            .map(|_| sign(luck).to_owned() + &self.name(luck))
            .filter(|name| name.len() > 1)
            .collect();
        if names.is_empty() { self.declared[0].clone() } else { names.join(",") }
    }
}

fn escaped(token: &str) -> String {
    token.replace('~', "~0").replace('/', "~1")
}

/// Returns the text of a value, or of one inside it.
fn leaf(value: &Value, luck: &mut Luck) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Strings(set) => set.iter().nth(luck.below(set.len().max(1))).cloned(),
        Value::Numbers(set) => set.iter().nth(luck.below(set.len().max(1))).map(ToString::to_string),
        Value::List(list) => list.get(luck.below(list.len().max(1))).and_then(|value| leaf(value, luck)),
        Value::Map(members) => {
            members.values().nth(luck.below(members.values().count().max(1))).and_then(|value| leaf(value, luck))
        }
        Value::Binary(bytes) => String::from_utf8(bytes.clone()).ok(),
        Value::Binaries(_) => None,
    }
}

//! The keys of `x-ripple`.

use std::collections::HashSet;

use super::check::Schema;
use super::entries::Entries;
use super::fault::quoted;
use super::json::{Json, Member};
use super::read::Reader;
use super::resource::{Access, LogicalIds, Resource, capitalized};
use super::subschema::{Subschema, Type};
use crate::limits;
use crate::record::key::{KeyType, SortKey};
use crate::record::{Names, PREFIX};
use crate::value::{Number, push_token, unescaped};

/// Characters of a resource's name.
const NAME: usize = 31;
/// Names that ripple's own paths use.
const RESERVED: [&str; 6] = ["key", "version", "health", "docs", "openapi", "app"];
/// The greatest `retention` in days, and the default.
const RETENTION: (u64, u64) = (3_650, 90);
/// The greatest `fresh` in seconds.
const FRESH: u64 = 3_600;
/// The greatest number of `shards`.
const SHARDS: u64 = 100;
/// Names in `search`.
const SEARCH: usize = 64;
/// Characters of `singular` and of `plural`.
const NOUN: usize = 64;
/// Characters of `webhook`.
const WEBHOOK: usize = 2_048;
/// Names that are titles where a file names no label.
const LABELS: [&str; 3] = ["name", "title", "subject"];

/// Reads the resource of a file. What has faults is left at its default.
pub(super) fn read<'f>(reader: &mut Reader<'f>, stem: &str, members: &'f [Member<'f>]) -> Resource {
    let root = reader.root(members);
    let Some((_, json)) = members.iter().find(|(name, _)| name == "x-ripple") else {
        reader.fault("has no x-ripple");
        return Draft::default().finish(root);
    };
    reader.at("x-ripple", |reader| {
        let mut draft = Draft::default();
        let Some(members) = reader.object(json, "an object") else { return draft.finish(root) };
        let has = |name: &str| members.iter().any(|(member, _)| member == name);
        for (name, json) in members {
            reader.at(&**name, |reader| draft.member(reader, &root, name, json));
        }
        for name in ["resource", "key"].into_iter().filter(|name| !has(name)) {
            reader.fault_at(name, "is required");
        }
        if !draft.resource.is_empty() && draft.resource != stem {
            reader.fault_at("resource", format!("{} must be in {}.json", quoted(&draft.resource), draft.resource));
        }
        if has("sort_key_type") && !has("sort_key") {
            reader.fault_at("sort_key_type", "needs sort_key beside it");
        }
        draft.together(reader, &root);
        draft.finish(root)
    })
}

/// What `x-ripple` says, so far as it is valid.
#[derive(Default)]
struct Draft {
    resource: String,
    key: String,
    key_type: KeyType,
    sort_key: Option<String>,
    sort_key_type: KeyType,
    table: Option<String>,
    members: Names,
    entries: Entries,
    retention_days: Option<u16>,
    label: Option<String>,
    order: Option<String>,
    search: Option<Vec<String>>,
    fresh_seconds: Option<u16>,
    shards: Option<u16>,
    access: Access,
    is_default: bool,
    singular: Option<String>,
    plural: Option<String>,
    writer: Option<String>,
    webhook: Option<String>,
    logical_ids: [Option<String>; 3],
}

impl Draft {
    fn member<'f>(&mut self, reader: &mut Reader<'f>, root: &Subschema, name: &str, json: &'f Json<'f>) {
        match name {
            "resource" => self.resource = resource(reader, json).unwrap_or_default(),
            "key" => self.key = member_name(reader, json).unwrap_or_default(),
            "key_type" => self.key_type = key_type(reader, json),
            "sort_key" => self.sort_key = member_name(reader, json),
            "sort_key_type" => self.sort_key_type = key_type(reader, json),
            "table" => self.table = table(reader, json),
            "members" => self.members(reader, json),
            "entries" => self.entries = entries(reader, root, json),
            "retention" => self.retention_days = whole(reader, json, 1, RETENTION.0),
            "label" => self.label = member_name(reader, json),
            "order" => self.order = order(reader, json),
            "search" => self.search = search(reader, json),
            "fresh" => self.fresh_seconds = whole(reader, json, 0, FRESH),
            "shards" => self.shards = whole(reader, json, 1, SHARDS),
            "access" => {
                let access = [("read-write", Access::ReadWrite), ("read-only", Access::ReadOnly)];
                self.access = choice(reader, json, access, "\"read-write\" or \"read-only\"").unwrap_or_default();
            }
            "default" => self.is_default = reader.flag(json).unwrap_or_default(),
            "singular" => self.singular = noun(reader, json),
            "plural" => self.plural = noun(reader, json),
            "writer" => self.writer = member_name(reader, json),
            "webhook" => self.webhook = webhook(reader, json),
            "logical_ids" => self.logical_ids(reader, json),
            _ => reader.fault("is not a key of x-ripple (docs/RESOURCES.md)"),
        }
    }

    fn members<'f>(&mut self, reader: &mut Reader<'f>, json: &'f Json<'f>) {
        let Some(members) = reader.object(json, "an object of names") else { return };
        for (name, json) in members {
            reader.at(&**name, |reader| {
                let place = match &**name {
                    "version" => &mut self.members.version,
                    "updated_at" => &mut self.members.updated_at,
                    "updated_by" => &mut self.members.updated_by,
                    "updated_author" => &mut self.members.updated_author,
                    "deleted" => &mut self.members.deleted,
                    _ => return reader.fault("is not version, updated_at, updated_by, updated_author or deleted"),
                };
                if let Some(name) = member_name(reader, json) {
                    *place = name.into();
                }
            });
        }
    }

    fn logical_ids<'f>(&mut self, reader: &mut Reader<'f>, json: &'f Json<'f>) {
        let Some(members) = reader.object(json, "an object of logical ids") else { return };
        for (name, json) in members {
            reader.at(&**name, |reader| {
                let Some(place) = ["table", "versions", "alarm"].iter().position(|known| known == name) else {
                    return reader.fault("is not table, versions or alarm");
                };
                let rule = "1 to 200 letters and digits, a letter first";
                let id = reader.text(json, rule).filter(|id| !id.is_empty());
                let fits = |id: &&str| {
                    id.len() <= 200
                        && id.starts_with(|letter: char| letter.is_ascii_alphabetic())
                        && id.bytes().all(|byte| byte.is_ascii_alphanumeric())
                };
                if let Some(id) = id {
                    self.logical_ids[place] = reader.expect(Some(id).filter(fits).map(str::to_owned), rule);
                }
            });
        }
    }

    /// Checks names against each other.
    fn together(&self, reader: &mut Reader<'_>, root: &Subschema) {
        let shown = self.members.ripples();
        for (place, (own, name)) in Names::default().ripples().into_iter().zip(shown).enumerate() {
            let rule = match () {
                () if name == self.key => "is the key's name",
                () if Some(name) == self.sort_key.as_deref() => "is the sort key's name",
                () if root.property(name).is_some() => "is also in properties, so another name is needed here",
                () if shown[..place].contains(&name) => "is already the name of another member of ripple",
                () => continue,
            };
            let rule = format!("{} {rule}", quoted(name));
            reader.at("members", |reader| reader.fault_at(own, rule));
        }
        if self.sort_key.as_ref() == Some(&self.key) {
            reader.fault_at("sort_key", "is the key's name");
        }
        let is_own = |writer: &&String| {
            **writer == self.key || self.sort_key.as_ref() == Some(*writer) || self.members.are_ripples(writer)
        };
        if let Some(writer) = self.writer.as_ref().filter(is_own) {
            let rule = format!("{} is a key's name or that of a member of ripple", quoted(writer));
            reader.fault_at("writer", rule);
        }
        let sort_key = self.sort_key.as_ref().map(|name| ("sort_key", name, self.sort_key_type));
        for (keyword, name, kind) in [("key", &self.key, self.key_type)].into_iter().chain(sort_key) {
            let Some(key) = root.property(name) else { continue };
            let types: &[Type] = match kind {
                KeyType::Number => &[Type::Number, Type::Integer],
                KeyType::String => &[Type::String],
            };
            if !key.types.is_any() && !types.iter().any(|kind| key.types == [*kind].into_iter().collect()) {
                reader.fault_at(keyword, "has another type in properties");
            }
            let annotated = Subschema {
                title: key.title.clone(),
                description: key.description.clone(),
                deprecated: key.deprecated,
                default: key.default.clone(),
                examples: key.examples.clone(),
                types: key.types,
                ..Subschema::default()
            };
            if *key != annotated {
                reader.fault_at(keyword, "may have only type and annotations in properties");
            }
        }
    }

    fn finish(self, root: Subschema) -> Resource {
        let title = root.title.clone().unwrap_or_default();
        let noun = title.to_lowercase();
        let own = capitalized(&self.resource);
        let [table, versions, alarm] = self.logical_ids;
        let id = |given: Option<String>, suffix: &str| given.unwrap_or_else(|| [&own, suffix].concat());
        let logical_ids = LogicalIds {
            table: id(table, "Table"),
            versions: id(versions, "Versions"),
            alarm: id(alarm, "ThrottleAlarm"),
        };
        let is_text =
            |name: &&str| root.property(name).is_some_and(|schema| schema.scalar_type() == Some(Type::String));
        let label = self.label.or_else(|| {
            let usual = LABELS.into_iter().find(is_text);
            let required = || {
                root.required
                    .iter()
                    .map(String::as_str)
                    .find(|name| *name != self.key && Some(*name) != self.sort_key.as_deref() && is_text(name))
            };
            usual.or_else(required).map(str::to_owned)
        });
        let keys: Vec<String> = [self.key.clone()].into_iter().chain(self.sort_key.clone()).collect();
        let sort_key = self.sort_key.map(|name| SortKey { name: name.into(), kind: self.sort_key_type });
        Resource {
            table: self.table.unwrap_or_else(|| format!("{{site}}_{}", self.resource)),
            description: root.description.clone(),
            label: label.unwrap_or_else(|| self.key.clone()),
            order: self.order.unwrap_or_else(|| self.key.clone()),
            retention_days: self.retention_days.unwrap_or(RETENTION.1 as u16),
            singular: self.singular.unwrap_or_else(|| format!("{} {noun}", article(&noun))),
            plural: self.plural.unwrap_or_else(|| plural(&noun)),
            schema: Schema { root, key: keys, entries: self.entries.clone() },
            name: self.resource,
            title,
            names: Names { key: self.key.into(), key_type: self.key_type, sort_key, ..self.members }.into(),
            entries: self.entries,
            search: self.search,
            fresh_seconds: self.fresh_seconds,
            shards: self.shards,
            access: self.access,
            is_default: self.is_default,
            writer: self.writer,
            webhook: self.webhook,
            logical_ids,
        }
    }
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn plural(noun: &str) -> String {
    let consonant = |text: &str| !text.ends_with(['a', 'e', 'i', 'o', 'u']);
    match noun.strip_suffix('y') {
        Some(stem) if consonant(stem) => format!("{stem}ies"),
        _ if noun.ends_with(['s', 'x', 'z']) || noun.ends_with("ch") || noun.ends_with("sh") => format!("{noun}es"),
        _ => format!("{noun}s"),
    }
}

fn resource(reader: &mut Reader<'_>, json: &Json<'_>) -> Option<String> {
    let rule = "1 to 31 of a-z 0-9, a letter first";
    let name = reader.text(json, rule)?;
    let fits = (1..=NAME).contains(&name.len())
        && name.starts_with(|letter: char| letter.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if RESERVED.contains(&name) {
        reader.fault(format!("{} is reserved", quoted(name)));
        return None;
    }
    reader.expect(fits.then(|| name.to_owned()), rule)
}

/// Reads the name of a member that is not ripple's own.
fn member_name(reader: &mut Reader<'_>, json: &Json<'_>) -> Option<String> {
    let rule = "a name of 1 to 255 bytes without control characters";
    let name = reader.text(json, rule)?;
    if name.starts_with(PREFIX) {
        reader.fault("names that begin with rpl_ are ripple's own");
        return None;
    }
    reader.expect(is_name(name).then(|| name.to_owned()), rule)
}

/// Reports whether a member can have the name. The edge's summaries of resources are split at control characters.
fn is_name(name: &str) -> bool {
    (1..=limits::NAME).contains(&name.len()) && !name.chars().any(char::is_control)
}

fn noun(reader: &mut Reader<'_>, json: &Json<'_>) -> Option<String> {
    let text = reader.limited(json, NOUN)?;
    let fits = !text.is_empty() && !text.chars().any(char::is_control);
    reader.expect(fits.then_some(text), "a text of one line, not empty")
}

fn key_type(reader: &mut Reader<'_>, json: &Json<'_>) -> KeyType {
    if json.as_text() == Some("binary") {
        reader.fault("a binary key has no text form");
        return KeyType::default();
    }
    let types = [("string", KeyType::String), ("number", KeyType::Number)];
    choice(reader, json, types, "\"string\" or \"number\"").unwrap_or_default()
}

/// Reads a URL. The host that sends to it checks its address.
fn webhook(reader: &mut Reader<'_>, json: &Json<'_>) -> Option<String> {
    let rule = "an https URL of at most 2,048 visible ASCII characters, without user, password or fragment";
    let url = reader.text(json, rule)?;
    let host = url.strip_prefix("https://").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    let fits = url.len() <= WEBHOOK
        && url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
        && host.is_some_and(|host| !host.is_empty() && !host.contains('@'));
    reader.expect(fits.then(|| url.to_owned()), rule)
}

fn choice<T, const N: usize>(reader: &mut Reader<'_>, json: &Json<'_>, of: [(&str, T); N], rule: &str) -> Option<T> {
    let found = json.as_text().and_then(|text| of.into_iter().find(|(name, _)| *name == text));
    reader.expect(found.map(|(_, choice)| choice), rule)
}

fn whole(reader: &mut Reader<'_>, json: &Json<'_>, least: u64, most: u64) -> Option<u16> {
    let number = match json {
        Json::Number(text) => Number::parse(text).and_then(|number| number.as_u64()),
        _ => None,
    };
    let number = number.filter(|number| (least..=most).contains(number)).and_then(|number| u16::try_from(number).ok());
    reader.expect(number, format_args!("a whole number from {least} to {most}"))
}

fn table(reader: &mut Reader<'_>, json: &Json<'_>) -> Option<String> {
    let rule = "3 to 255 of A-Z a-z 0-9 _ . - with {site} at most once";
    let name = reader.text(json, rule)?;
    let rest = name.replacen("{site}", "", 1);
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let fits = (3..=255).contains(&name.len()) && rest.bytes().all(allowed);
    reader.expect(fits.then(|| name.to_owned()), rule)
}

fn order(reader: &mut Reader<'_>, json: &Json<'_>) -> Option<String> {
    let rule =
        format_args!("1 to {} names with commas between them, - before one for descending order", limits::SORT_KEYS);
    let order = reader.text(json, rule)?;
    let names: Vec<&str> = order.split(',').map(|name| name.strip_prefix('-').unwrap_or(name)).collect();
    let fits = names.len() <= limits::SORT_KEYS && names.into_iter().all(is_name);
    reader.expect(fits.then(|| order.to_owned()), rule)
}

fn search(reader: &mut Reader<'_>, json: &Json<'_>) -> Option<Vec<String>> {
    let rule = format_args!("an array of 1 to {SEARCH} distinct names");
    let list = reader.list(json, rule)?;
    let read = |(place, json): (usize, &Json<'_>)| reader.at(place, |reader| member_name(reader, json));
    let names: Vec<String> = list.iter().take(SEARCH + 1).enumerate().filter_map(read).collect();
    let distinct = names.iter().collect::<HashSet<_>>().len() == list.len();
    let fits = (1..=SEARCH).contains(&list.len()) && distinct;
    reader.expect(fits.then_some(names), rule)
}

fn entries<'f>(reader: &mut Reader<'f>, root: &Subschema, json: &'f Json<'f>) -> Entries {
    let mut entries = Entries::default();
    for (list, json) in reader.object(json, "an object of entry keys").unwrap_or_default() {
        reader.at(&**list, |reader| {
            let mut pointer = String::new();
            match list.starts_with('/') {
                true => pointer.push_str(list),
                false => push_token(&mut pointer, list),
            }
            let key = match json {
                Json::Bool(false) => None,
                Json::Text(_) => match member_name(reader, json) {
                    None => return,
                    key => key,
                },
                _ => return reader.fault("must be a name or false"),
            };
            let Some(names) = names_of(&pointer) else { return reader.fault("is not a JSON Pointer") };
            if !names.iter().all(|name| is_name(name)) {
                return reader.fault("a name has 1 to 255 bytes and no control characters");
            }
            let list = names.iter().try_fold(root, |schema, name| schema.property(name));
            if list.is_some_and(|list| !list.types.is_any() && !list.types.contains(Type::Array)) {
                return reader.fault("is not a list in properties");
            }
            if entries.0.iter().any(|(known, _)| *known == names) {
                return reader.fault("names a list that an earlier key names");
            }
            entries.0.push((names, key));
        });
    }
    entries.0.sort_unstable();
    entries
}

/// Returns the names in a JSON Pointer.
fn names_of(pointer: &str) -> Option<Vec<String>> {
    let name = |token: &str| unescaped(token).filter(|name| !name.is_empty());
    pointer.strip_prefix('/')?.split('/').map(name).collect()
}

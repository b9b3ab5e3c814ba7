//! Resources as data: the files that say what records a site has, read and checked.
//!
//! A file is a JSON Schema (2020-12, a subset) with the member `x-ripple`. [`Resources::read`] is the only reader. It
//! does no I/O, never panics, and takes time and memory in proportion to the files, whose size is limited. The result
//! does not change. `docs/RESOURCES.md` describes the files.
//!
//! ```text
//!  files ──▶ json ──▶ read (keywords) ──▶ subschema ──▶ check ──▶ faults of a body
//!              │        │                   ▲
//!              │        └─▶ number, pattern, format
//!              └──▶ resource (x-ripple)
//! ```
//!
//! The schema says what a body must be. It is asked about creates and edits only: merged, restored and adopted records
//! are never refused.

mod check;
mod counterparts;
mod entries;
mod fault;
mod format;
mod json;
mod number;
mod paths;
mod pattern;
mod read;
mod resource;
mod sentence;
mod subschema;
mod summary;
mod together;
mod x_ripple;

use std::borrow::Cow;
use std::sync::Arc;

pub use super::key::KeyType;
pub use check::{EditForm, Schema};
pub use entries::Entries;
pub use fault::{Fault, Keyword, Location, SchemaFault};
pub use format::Format;
pub use pattern::Pattern;
pub use resource::{Access, LogicalIds, Resource};
pub use subschema::{Subschema, Type, Types};

use fault::{Faults, quoted};
use json::Json;
use read::Reader;

use crate::value::{Value, push_token};

/// Files of a site.
const FILES: usize = 20;
/// Bytes of a file.
const FILE: usize = 64 * 1024;
/// Bytes of all files.
const TOTAL: usize = 256 * 1024;
/// Parameters of a list, beside the name of a resource's member `deleted`. A condition on a member of such a name begins
/// with `/`.
pub(crate) const PARAMETERS: [&str; 7] = ["q", "sort", "fields", "limit", "cursor", "count", "format"];
/// Components of the OpenAPI document that all resources share.
#[rustfmt::skip]
const COMPONENTS: [&str; 18] = [
    "Author", "Batch", "Change", "Changes", "Conditions", "DeletionBase", "Fault", "Health", "LiveTicket", "Lost", "Members", "Operation",
    "Problem", "RestoreBase", "Result", "Results", "SeenEdit", "Version",
];
/// What stands before and after a resource's name in the names of its components. If its members have usual names, the
/// bases are shared.
#[rustfmt::skip]
const AFFIXES: [(&str, &str); 13] = [
    ("Listed", ""), ("New", ""), ("", "Edit"), ("", "Changes"), ("", "Problem"), ("", "Batch"), ("", "Operation"),
    ("", "Result"), ("", "Results"), ("", "DeletionBase"), ("", "RestoreBase"), ("", "SeenEdit"), ("", ""),
];

/// The resources of a site.
///
/// ```
/// use ripple_core::record::schema::Resources;
///
/// let task = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref", "label": "subject"},
///     "type": "object", "required": ["subject"], "properties": {"subject": {"type": "string"}}}"#;
/// let resources = Resources::read(&[("resources/task.json", task)]).unwrap();
/// assert_eq!(resources.target().unwrap().name, "task");
/// assert!(resources.get("prj").is_none());
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Resources {
    /// The default first, then by name.
    list: Vec<Arc<Resource>>,
    warnings: Vec<SchemaFault>,
    /// The file of each resource.
    files: Vec<String>,
}

impl Resources {
    /// Reads the files of a site: their names and their bytes. Their order changes nothing.
    ///
    /// ```
    /// use ripple_core::record::schema::Resources;
    ///
    /// let file = br#"{"title": "Key", "x-ripple": {"resource": "key", "key": "ref"}, "type": "object"}"#;
    /// let faults = Resources::read(&[("resources/key.json", file)]).unwrap_err();
    /// assert_eq!(faults[0].to_string(), "resources/key.json#/x-ripple/resource: \"key\" is reserved");
    /// ```
    ///
    /// # Errors
    /// Up to 20 faults, ordered by file, and a last one that counts the rest.
    pub fn read<N: AsRef<str>, B: AsRef<[u8]>>(files: &[(N, B)]) -> Result<Resources, Vec<SchemaFault>> {
        let mut faults = Faults::default();
        let mut files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_ref(), text.as_ref())).collect();
        files.sort_unstable();
        let total: usize = files.iter().map(|(_, text)| text.len()).sum();
        let whole = || Location::Whole;
        if files.is_empty() {
            faults.add("", whole, "there is no resource file");
        } else if files.len() > FILES {
            faults.add("", whole, format!("there are {} resource files, at most {FILES} are read", files.len()));
        } else if total > TOTAL {
            faults.add("", whole, format!("the resource files have {total} bytes, at most {TOTAL} are read"));
        }
        if faults.count() > 0 {
            return Err(faults.into_vec());
        }
        let mut read = Vec::with_capacity(files.len());
        for (file, text) in files {
            read.extend(read_file(file, text, &mut faults).map(|resource| (file, resource)));
        }
        refuse_clashes(&read, &mut faults);
        if faults.count() > 0 {
            return Err(faults.into_vec());
        }
        let mut warnings = Faults::default();
        for (file, resource) in &read {
            warn(file, resource, &mut warnings);
        }
        read.sort_by(|(_, one), (_, other)| (!one.is_default, &one.name).cmp(&(!other.is_default, &other.name)));
        let files = read.iter().map(|(file, _)| (*file).to_owned()).collect();
        let list = read.into_iter().map(|(_, resource)| Arc::new(resource)).collect();
        Ok(Resources { list, warnings: warnings.into_vec(), files })
    }

    /// Returns the resources of a host without files: `resources/prj.json`.
    #[must_use]
    pub fn built_in() -> Resources {
        let file = include_bytes!("../../../resources/prj.json");
        Resources::read(&[("prj.json", file)]).expect("tests read this file")
    }

    /// Returns the default resource, or the first by name.
    #[must_use]
    pub fn first(&self) -> &Arc<Resource> {
        &self.list[0] // each file is a resource, and there is a file
    }

    /// Returns the resource of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Arc<Resource>> {
        self.list.iter().find(|resource| resource.name == name)
    }

    /// Returns the resources, the default first, then by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Resource>> {
        self.list.iter()
    }

    /// Returns the default resource, or the only one. It is the target of requests that name none.
    #[must_use]
    pub fn target(&self) -> Option<&Arc<Resource>> {
        self.list.first().filter(|first| first.is_default || self.list.len() == 1)
    }

    /// Returns what a site's operator may want to change. Warnings stop no host.
    #[must_use]
    pub fn warnings(&self) -> &[SchemaFault] {
        &self.warnings
    }

    /// Checks that each schema admits its `default` and `examples`, for the tools that make a deployment. All else is
    /// checked by [`read`](Resources::read). A host that checks no body, as the edge, needs no code for that.
    ///
    /// ```
    /// use ripple_core::record::schema::Resources;
    ///
    /// let file = br#"{"title": "Task", "x-ripple": {"resource": "task", "key": "ref"}, "type": "object", "properties":
    ///     {"code": {"type": "string", "maxLength": 9, "pattern": "^[a-z]+$", "default": "1"}}}"#;
    /// let resources = Resources::read(&[("task.json", file)]).unwrap();
    /// let fault = resources.check_annotations().unwrap_err().remove(0).to_string();
    /// assert!(fault.starts_with("task.json#/properties/code/default: is not valid"), "{fault}");
    /// ```
    ///
    /// # Errors
    /// Up to 20 faults, and a last one that counts the rest.
    pub fn check_annotations(&self) -> Result<(), Vec<SchemaFault>> {
        let mut faults = Faults::default();
        for (file, resource) in self.files.iter().zip(&self.list) {
            check_annotations(file, "", &resource.schema.root, &mut faults);
        }
        if faults.count() == 0 { Ok(()) } else { Err(faults.into_vec()) }
    }
}

/// Reads one file. Returns `None` if it is not an object of JSON.
fn read_file(file: &str, text: &[u8], faults: &mut Faults) -> Option<Resource> {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let Some(stem) = name.strip_suffix(".json") else {
        faults.add(file, || Location::Whole, "is not named like a resource, as in task.json");
        return None;
    };
    if text.len() > FILE {
        faults.add(file, || Location::Whole, format!("has {} bytes, at most {FILE} are read", text.len()));
        return None;
    }
    match json::parse(text) {
        Err((location, rule)) => {
            faults.add(file, || location, rule);
            None
        }
        Ok(Json::Object(members)) => Some(x_ripple::read(&mut Reader::new(file, faults), stem, &members)),
        Ok(_) => {
            faults.add(file, || Location::Pointer(String::new()), "must be an object");
            None
        }
    }
}

/// Adds a fault at both files where two resources cannot stand beside each other.
fn refuse_clashes(read: &[(&str, Resource)], faults: &mut Faults) {
    let mut refuse = |pointer: &str, what: &str, names: &[(usize, Cow<'_, str>)]| {
        let mut sorted: Vec<&str> = names.iter().map(|(_, name)| &**name).collect();
        sorted.sort_unstable_by_key(|name| (name.len(), *name));
        // Almost every site is fine, and a host reads its files at each start.
        if sorted.array_windows().all(|[one, other]| one != other) {
            return;
        }
        let mut told = Vec::new();
        for (place, name) in names {
            let mut users = names.iter().filter(|(_, other)| other == name).map(|(place, _)| place);
            if told.contains(place) || users.clone().count() == 1 {
                continue;
            }
            told.push(*place);
            let rule = match users.find(|other| *other != place) {
                Some(other) => format!("{what} {} is in {} too", quoted(name), quoted(read[*other].0)),
                None => format!("{what} {} is there twice", quoted(name)),
            };
            faults.add(read[*place].0, || Location::Pointer(pointer.to_owned()), rule);
        }
    };
    refuse("/x-ripple/resource", "the resource", &names(read, |resource| [resource.name.as_str().into()]));
    let tables =
        names(read, |resource| [resource.table.as_str().into(), resource::history_table(&resource.name).into()]);
    refuse("/x-ripple/table", "the table", &tables);
    refuse(
        "/x-ripple/logical_ids",
        "the logical id",
        &names(read, |resource| resource.logical_ids.all().map(Cow::from)),
    );
    refuse("/x-ripple/default", "the mark", &names(read, |resource| resource.is_default.then_some("default".into())));
    let components = names(read, components);
    refuse("/title", "the component", &components);
    for (place, (file, _)) in read.iter().enumerate() {
        let shared = |(of, name): &&(usize, Cow<'_, str>)| *of == place && COMPONENTS.contains(&&**name);
        if let Some((_, name)) = components.iter().find(shared) {
            let rule = format!("the component {} is shared", quoted(name));
            faults.add(file, || Location::Pointer("/title".to_owned()), rule);
        }
    }
}

/// Returns names of each resource, with the place of the resource. What is empty is no name.
fn names<'r, N: IntoIterator<Item = Cow<'r, str>>>(
    read: &'r [(&str, Resource)],
    of: impl Fn(&'r Resource) -> N,
) -> Vec<(usize, Cow<'r, str>)> {
    let mut names = Vec::new();
    for (place, (_, resource)) in read.iter().enumerate() {
        names.extend(of(resource).into_iter().filter(|name| !name.is_empty()).map(|name| (place, name)));
    }
    names
}

/// Returns the names of a resource's components in the OpenAPI document.
fn components(resource: &Resource) -> impl Iterator<Item = Cow<'_, str>> {
    let name = Some(resource.component()).filter(|name| !name.is_empty());
    name.into_iter().flat_map(|name| AFFIXES.map(|(before, after)| [before, &name, after].concat().into()))
}

fn warn(file: &str, resource: &Resource, warnings: &mut Faults) {
    let root = &resource.schema.root;
    for (name, _) in root.properties.iter().filter(|(name, _)| PARAMETERS.contains(&name.as_str())) {
        let location = || Location::Pointer(format!("/properties/{name}"));
        warnings.add(file, location, format!("is the name of a parameter, so lists filter by it as /{name}"));
    }
    if resource.has_more_columns() {
        warnings.add(
            file,
            || Location::Pointer("/properties".to_owned()),
            "only the first 64 members of one scalar type are columns",
        );
    }
    if resource.label == *resource.names.key {
        warnings.add(
            file,
            || Location::Pointer("/x-ripple".to_owned()),
            "has no label, so the key is a record's title",
        );
    }
}

fn check_annotations(file: &str, pointer: &str, schema: &Subschema, faults: &mut Faults) {
    let mut check = |tokens: &[&str], value: &Value| {
        if let Some(fault) = check::annotation(schema, value) {
            let location = || Location::Pointer(below(pointer, tokens));
            let place = if fault.pointer.is_empty() { String::new() } else { format!("{} ", quoted(&fault.pointer)) };
            faults.add(file, location, format!("is not valid: {place}{}", fault.detail));
        }
    };
    if let Some(default) = &schema.default {
        check(&["default"], default);
    }
    for (place, example) in schema.examples.iter().enumerate() {
        check(&["examples", &place.to_string()], example);
    }
    for (name, property) in &schema.properties {
        check_annotations(file, &below(pointer, &["properties", name]), property, faults);
    }
    if let Some(items) = &schema.items {
        check_annotations(file, &below(pointer, &["items"]), items, faults);
    }
    for (keyword, list) in [("oneOf", &schema.one_of), ("prefixItems", &schema.prefix_items)] {
        for (place, schema) in list.iter().enumerate() {
            check_annotations(file, &below(pointer, &[keyword, &place.to_string()]), schema, faults);
        }
    }
}

fn below(pointer: &str, tokens: &[&str]) -> String {
    let mut pointer = pointer.to_owned();
    tokens.iter().for_each(|token| push_token(&mut pointer, token));
    pointer
}

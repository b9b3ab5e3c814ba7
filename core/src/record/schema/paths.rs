//! The paths of the declared parts of a record: all that conditions need of a schema.

use super::subschema::Subschema;
use crate::value::{push_token, unescaped};

/// The token of a list's entries. No name is written as it: a `~` in a name is `~0`.
const ENTRY: &str = "~";

impl Subschema {
    /// Returns the paths of the declared parts, in the order of the file: JSON Pointers in which `~` stands for each
    /// entry of a list. A part with declared parts has no path of its own.
    pub(super) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.add_paths(&mut String::new(), &mut paths);
        paths
    }

    fn add_paths(&self, path: &mut String, paths: &mut Vec<String>) {
        let (length, known) = (path.len(), paths.len());
        for (name, schema) in &self.properties {
            push_token(path, name);
            schema.add_paths(path, paths);
            path.truncate(length);
        }
        for schema in self.items.iter().map(Box::as_ref).chain(&self.prefix_items) {
            path.push('/');
            path.push_str(ENTRY);
            schema.add_paths(path, paths);
            path.truncate(length);
        }
        for branch in &self.one_of {
            branch.add_paths(path, paths);
        }
        if paths.len() == known && !path.is_empty() && !paths.contains(path) {
            paths.push(path.clone());
        }
    }

    /// Returns a schema that declares the same parts, and has no rules.
    pub(super) fn of_paths(paths: &[String]) -> Subschema {
        let mut root = Subschema::default();
        for path in paths {
            let mut part = &mut root;
            for token in path.split('/').skip(1) {
                part = match unescaped(token) {
                    Some(name) => part.property_mut(name),
                    None => part.items.get_or_insert_default(),
                };
            }
        }
        root
    }

    /// Returns the schema of a property, which is added if it is new.
    fn property_mut(&mut self, name: String) -> &mut Subschema {
        let known = self.by_name.binary_search_by(|place| self.properties[*place].0.as_str().cmp(&name));
        let place = match known {
            Ok(found) => self.by_name[found],
            Err(before) => {
                self.by_name.insert(before, self.properties.len());
                self.properties.push((name, Subschema::default()));
                self.properties.len() - 1
            }
        };
        &mut self.properties[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::super::Resources;

    const FILE: &[u8] = br#"{"title": "T", "x-ripple": {"resource": "t", "key": "id"}, "type": "object", "properties": {
        "z": {"type": "object", "properties": {"b/c": {"type": "array", "items": {"type": "string"}}, "~": {}, "a": {}}},
        "a": {"type": "array", "items": false, "prefixItems": [{"type": "string"}, {"type": "object",
            "properties": {"x": {"type": "string"}}}]},
        "one": {"oneOf": [{"type": "string"}, {"type": "object", "properties": {"y": {}}},
            {"type": "array", "items": {"type": "number"}}]},
        "plain": {"type": "string"}}}"#;

    #[test]
    fn the_paths_of_a_schema_are_those_of_the_schema_made_of_them() {
        let resources = Resources::read(&[("t.json", FILE)]).expect("a resource");
        let root = &resources.first().schema.root;
        let paths = root.paths();
        assert_eq!(
            paths,
            ["/z/b~1c/~", "/z/~0", "/z/a", "/a/~", "/a/~/x", "/one", "/one/y", "/one/~", "/plain"],
            "in the order of the file"
        );
        let made = super::Subschema::of_paths(&paths);
        let again = made.paths();
        assert_eq!(again, ["/z/b~1c/~", "/z/~0", "/z/a", "/a/~/x", "/one/y", "/one/~", "/plain"]);
        let names =
            |schema: &super::Subschema| schema.properties.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        assert_eq!(names(&made), names(root));
        assert!(made.property("z").and_then(|z| z.property("~")).is_some());
    }
}

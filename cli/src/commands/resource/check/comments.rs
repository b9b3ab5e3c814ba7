//! The comments in a resource file.

use serde_json::Value;

/// Returns JSON Pointers to the `$comment`s of a valid resource file.
pub(super) fn of(file: &[u8]) -> Vec<String> {
    let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
    let mut found = Vec::new();
    if let Ok(schema) = serde_json::from_slice(file) {
        look(&schema, String::new(), &mut found);
    }
    found
}

/// Adds the comments of a schema. Names in `properties` and annotations are no keywords.
fn look(schema: &Value, pointer: String, found: &mut Vec<String>) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords {
        let pointer = format!("{pointer}/{keyword}");
        match (keyword.as_str(), value) {
            ("$comment", _) => found.push(pointer),
            ("properties", Value::Object(properties)) => {
                for (name, schema) in properties {
                    let token = name.replace('~', "~0").replace('/', "~1");
                    look(schema, format!("{pointer}/{token}"), found);
                }
            }
            ("items", schema) => look(schema, pointer, found),
            ("oneOf" | "prefixItems", Value::Array(schemas)) => {
                for (place, schema) in schemas.iter().enumerate() {
                    look(schema, format!("{pointer}/{place}"), found);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_keywords_are_comments() {
        let file = br#"{"$comment":"a","default":{"$comment":"data"},"properties":{
            "$comment":{"type":"string"},
            "a/b":{"items":{"$comment":"b"}},
            "c":{"oneOf":[{"type":"string"},{"type":"integer","$comment":"c"}]}}}"#;
        let expected = ["/$comment", "/properties/a~1b/items/$comment", "/properties/c/oneOf/1/$comment"];
        assert_eq!(of(file), expected);
        assert_eq!(of(b"{"), [""; 0]);
    }
}

//! Tests that the committed files are what the route table and the resource files generate, and that a second resource
//! only adds to them.

use std::collections::BTreeMap;
use std::fs;

use ripple_core::record::schema::Resources;
use serde_json::Value;

#[test]
fn the_files_are_what_the_routes_make_of_them() {
    for made in ripple_deploy::files().expect("the files can be made") {
        let committed = fs::read_to_string(&made.path).unwrap_or_default();
        let differs = committed.lines().zip(made.text.lines()).position(|(one, other)| one != other);
        assert!(
            committed == made.text,
            "{} is not what the routes make of it (line {}): `{}` writes it again",
            made.path.display(),
            differs.unwrap_or_else(|| committed.lines().count().min(made.text.lines().count())) + 1,
            ripple_deploy::COMMAND,
        );
    }
}

#[test]
fn a_table_outside_the_stack_is_read_only_if_its_stream_is_named() {
    let file =
        br#"{"title": "Order", "x-ripple": {"resource": "order", "key": "no", "table": "orders"}, "type": "object"}"#;
    let files = [("order.json".to_owned(), file.to_vec())];
    let resources = Resources::read(&files).expect("it is valid");
    let made = ripple_deploy::deployment(&resources, &files).expect("it is made");
    let template = made.iter().find(|made| made.path.ends_with("template.yaml")).expect("it has a template");
    let mapping = "  FeedMapping:\n    Type: AWS::Lambda::EventSourceMapping\n    Condition: FeedOfStream\n";
    assert!(template.text.contains(mapping), "its mapping is made without a stream");
    let read = r#"Resource: [!If [FeedOfStream, !Ref Stream, !Ref "AWS::NoValue"], !If [FeedOfTables, !GetAtt Keys."#;
    assert!(template.text.contains(read), "the policy names an empty stream");
}

/// Returns the text of a committed file.
fn committed(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).expect("the file is committed")
}

#[test]
fn a_second_resource_changes_no_value_of_the_openapi_document() {
    let leaves = |path| {
        let mut leaves = BTreeMap::new();
        add_leaves("", &serde_json::from_str(&committed(path)).expect("it is JSON"), &mut leaves);
        leaves
    };
    let (one, two) = (leaves("openapi.json"), leaves("../edge/openapi.json"));
    let last_tag = one.keys().filter(|pointer| pointer.starts_with("/tags/")).max().expect("there are tags");
    let changed = one.iter().filter(|(pointer, value)| two.get(*pointer) != Some(value)).map(|(pointer, _)| &**pointer);
    assert_eq!(changed.collect::<Vec<_>>(), ["/info/description", last_tag]);
    for added in ["/paths/~1task~1{taskid}/get/operationId", "/components/schemas/NewTask/type"] {
        assert!(two.contains_key(added), "{added}");
    }
}

#[test]
fn a_title_cannot_take_a_component_that_resources_share() {
    let document: Value = serde_json::from_str(&committed("openapi.json")).expect("it is JSON");
    let schemas = document["components"]["schemas"].as_object().expect("there are schemas");
    for title in schemas.keys().filter(|name| !name.contains("Project")) {
        let file =
            format!(r#"{{"title": "{title}", "x-ripple": {{"resource": "task", "key": "ref"}}, "type": "object"}}"#);
        let faults = Resources::read(&[("task.json", file)]).expect_err(title);
        assert_eq!(faults[0].to_string(), format!("task.json#/title: the component \"{title}\" is shared"));
    }
}

#[test]
fn a_resource_with_other_names_of_members_has_its_own_bases() {
    let with = |name: &str, title: &str, also: &str| {
        let file = format!(
            r#"{{"title": "{title}", "x-ripple": {{"resource": "{name}", "key": "ref"{also}}}, "type": "object"}}"#
        );
        (format!("{name}.json"), file)
    };
    let renamed = r#", "members": {"version": "rev"}"#;
    let resources = Resources::read(&[with("a", "Task", ""), with("b", "Meter", renamed)]).expect("they are valid");
    let document: Value = serde_json::from_str(&ripple_deploy::openapi(&resources).expect("it is made")).expect("JSON");
    let schemas = &document["components"]["schemas"];
    for base in ["DeletionBase", "RestoreBase", "SeenEdit"] {
        let properties = |name: &str| &schemas[name]["properties"];
        assert!(properties(base)["version"].is_object(), "{base}");
        assert!(properties(&format!("Meter{base}"))["rev"].is_object(), "{base}");
    }
    let body = &document["paths"]["/b/{bid}"]["delete"]["requestBody"]["content"]["application/json"]["schema"]["$ref"];
    assert_eq!(body, "#/components/schemas/MeterDeletionBase");
}

/// Adds the scalars of a value, and its empty arrays and objects, by their JSON Pointers.
fn add_leaves(pointer: &str, value: &Value, leaves: &mut BTreeMap<String, Value>) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                let token = name.replace('~', "~0").replace('/', "~1");
                add_leaves(&format!("{pointer}/{token}"), member, leaves);
            }
        }
        Value::Array(elements) if !elements.is_empty() => {
            for (place, element) in elements.iter().enumerate() {
                add_leaves(&format!("{pointer}/{place}"), element, leaves);
            }
        }
        leaf => _ = leaves.insert(pointer.to_owned(), leaf.clone()),
    }
}

#[test]
fn a_second_resource_changes_only_lists_of_resources_in_the_template() {
    let (one, two) = (committed("template.yaml"), committed("tests/golden/two/template.yaml"));
    let mut rest = two.lines().peekable();
    let mut lists = 0;
    for line in one.lines() {
        let found = match line.trim().strip_prefix("Resource: !Sub ") {
            // The streams that the feed reads are one line, and that of the keys is the last one.
            _ if line.trim().starts_with("Resource: [!If [TablesAreMade, ") => {
                lists += 1;
                let keys = line.rfind(", !If [FeedOfTables, !GetAtt Keys.").expect("the stream of the keys is read");
                let (first, last) = line.split_at(keys);
                rest.any(|other| other.len() > line.len() && other.starts_with(first) && other.ends_with(last))
            }
            // The function is told which tables the feed reads.
            _ if line.trim().starts_with("RIPPLE_FED: ") => {
                let both = line.replace("prj,", "prj,task,");
                both != line && rest.any(|other| other == both)
            }
            // The place of the code belongs to the folder, and not to the resources.
            _ if line.trim().starts_with("CodeUri: ") => rest.any(|other| other.trim().starts_with("CodeUri: ")),
            Some(arn) if !rest.clone().any(|other| other == line) || arn.contains("_prj") => {
                lists += 1;
                let indent = line.len() - line.trim_start().len();
                let list = [format!("{:indent$}Resource:", ""), format!("{:indent$}  - !Sub {arn}", "")];
                list.iter().all(|wanted| rest.any(|other| other == wanted))
            }
            _ => rest.any(|other| other == line),
        };
        assert!(found, "after a second resource there is no line {line:?} at its place");
    }
    assert_eq!(lists, 6, "three of the function, two of the edge, one of the feed");
}

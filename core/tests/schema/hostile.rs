//! Files that mean harm, or are wrong: each has one clear line.

use ripple_core::record::schema::{Resources, SchemaFault};

use crate::{ALLOCATED, PRJ, TASK, file};

/// The most memory that reading the files of a site may take, in bytes.
const MEMORY: usize = 16_000_000;

#[track_caller]
fn lines(files: &[(&str, &[u8])]) -> Vec<String> {
    let faults = read(files).and_then(|read| read.check_annotations()).expect_err("refused");
    faults.iter().map(ToString::to_string).collect()
}

/// Reads files in bounded memory.
#[track_caller]
fn read(files: &[(&str, &[u8])]) -> Result<Resources, Vec<SchemaFault>> {
    ALLOCATED.reset_peak_usage();
    let before = ALLOCATED.current_usage();
    let read = Resources::read(files);
    // Tests that the process runs at the same time take little, too.
    let taken = ALLOCATED.peak_usage().saturating_sub(before);
    assert!(taken <= MEMORY, "{taken} bytes of memory");
    read
}

/// The file `x.json` has this one fault.
#[track_caller]
fn refused(text: impl AsRef<[u8]>, line: &str) {
    let text = text.as_ref();
    let start = String::from_utf8_lossy(&text[..text.len().min(400)]);
    assert_eq!(lines(&[("x.json", text)]), [format!("x.json{line}")], "{start}");
}

/// The property `p` has this one fault.
#[track_caller]
fn of_property(schema: &str, line: &str) {
    refused(file("", &format!(r#""properties":{{"p":{schema}}}"#)), &format!("#/properties/p{line}"));
}

/// The root has these members too, and this one fault.
#[track_caller]
fn of_root(members: &str, line: &str) {
    refused(file("", members), line);
}

/// `x-ripple` has these members too, and this one fault.
#[track_caller]
fn of_x_ripple(members: &str, line: &str) {
    refused(file(&format!(",{members}"), ""), &format!("#/x-ripple{line}"));
}

const SUBSET: &str = "is not in ripple's subset (docs/RESOURCES.md)";
const BOUND: &str = "must be a number of at most 15 digits, 0 or with a magnitude of 1e-30 to 1e30";

#[test]
fn text_is_bounded_and_strict() {
    let nested = format!("{}{{}}{}", r#"{"items":"#.repeat(10_000), "}".repeat(10_000));
    refused(nested, ": has 100002 bytes, at most 65536 are read");
    let nested = format!("{}{{}}{}", r#"{"items":"#.repeat(5_000), "}".repeat(5_000));
    refused(nested, &format!("#{}: is nested deeper than 12 levels", "/items".repeat(12)));
    refused("[".repeat(64 * 1024), ":1:65536: is not JSON: EOF while parsing a list");
    refused(" ".repeat(64 * 1024 + 1), ": has 65537 bytes, at most 65536 are read");
    refused("", ":1:1: is not JSON: EOF while parsing a value");
    refused("[]", "#: must be an object");
    refused(b"{\n \"title\": \"\xff\"}", ":2:12: is not UTF-8");
    refused(r#"{"title":"X","title":"Y"}"#, "#: has \"title\" twice");
    of_property(r#"{"type":"string","typ\u0065":"null"}"#, ": has \"type\" twice");
    of_property(r#"{"title":"\ud800"}"#, "/title: is not JSON: unexpected end of hex escape");
    let long = format!(r#""properties":{{"{}":{{}}}}"#, "é".repeat(128));
    of_root(&long, &format!("#/properties: a name has 1 to 255 bytes, \"{}\"… has 256", "é".repeat(40)));
}

#[test]
fn the_set_is_bounded() {
    assert_eq!(lines(&[]), ["there is no resource file"]);
    let empty: &[u8] = b"";
    assert_eq!(lines(&[("x.json", empty); 21]), ["there are 21 resource files, at most 20 are read"]);
    let large = vec![b' '; 64 * 1024];
    let files: Vec<(&str, &[u8])> =
        vec![("x.json", &large), ("a.json", &large), ("b.json", &large), ("c.json", &large), ("d.json", b"1")];
    assert_eq!(lines(&files), ["the resource files have 262145 bytes, at most 262144 are read"]);
    assert_eq!(lines(&[("x.yaml", b"{}")]), ["x.yaml: is not named like a resource, as in task.json"]);
    let many = format!(r#"{{"title":"X",{}"type":"object"}}"#, r#""KEY":1,"#.repeat(30));
    let many = (0..30).fold(many, |text, number| text.replacen("KEY", &format!("k{number}"), 1));
    let lines = lines(&[("x.json", many.as_bytes())]);
    assert_eq!(
        (lines.len(), lines[0].as_str(), lines[20].as_str()),
        (21, "x.json#/k0: is not in ripple's subset (docs/RESOURCES.md)", "and 11 more")
    );
}

#[test]
fn what_is_outside_the_subset_is_refused_by_name() {
    for keyword in [
        "$ref",
        "$defs",
        "$id",
        "allOf",
        "anyOf",
        "not",
        "if",
        "contains",
        "patternProperties",
        "readOnly",
        "__proto__",
        "Type",
    ] {
        of_root(&format!(r##""{keyword}":"#""##), &format!("#/{keyword}: {SUBSET}"));
        of_property(&format!(r##"{{"{keyword}":"#"}}"##), &format!("/{keyword}: {SUBSET}"));
    }
    of_property(r#"{"$schema":"x"}"#, &format!("/$schema: {SUBSET}"));
    of_property(r#"{"x-ripple":{}}"#, &format!("/x-ripple: {SUBSET}"));
    of_root(r#""enum":[1]"#, "#/enum: is not supported at the root");
    of_root(r#""x-merge":"whole""#, "#/x-merge: is not supported at the root");
    of_root(
        r#""$schema":"http://json-schema.org/draft-07/schema#""#,
        "#/$schema: must be \"https://json-schema.org/draft/2020-12/schema\"",
    );
    of_root(
        r#""additionalProperties":false"#,
        "#/additionalProperties: must be true for a record: unknown members are always kept",
    );
    of_property("true", ": is a boolean schema, which is not in ripple's subset (docs/RESOURCES.md)");
    of_property("1", ": must be a schema, which is an object");
    of_property(
        r#"{"items":true}"#,
        "/items: is a boolean schema, which is not in ripple's subset (docs/RESOURCES.md)",
    );
    of_property(r#"{"items":false}"#, "/items: may be false only beside prefixItems");
    of_property(r#"{"prefixItems":[{}]}"#, "/prefixItems: needs items: false beside it");
}

#[test]
fn keywords_have_their_values() {
    let types = "must be null, boolean, integer, number, string, array or object";
    let distinct = "must be a type or an array of distinct types, at least one";
    of_property(r#"{"type":[]}"#, &format!("/type: {distinct}"));
    of_property(r#"{"type":["null","null"]}"#, &format!("/type: {distinct}"));
    of_property(r#"{"type":"date"}"#, &format!("/type: {types}"));
    of_property(r#"{"type":null}"#, &format!("/type: {types}"));
    of_property(r#"{"maximum":1e400}"#, &format!("/maximum: {BOUND}"));
    of_property(r#"{"minimum":1234567890123456}"#, &format!("/minimum: {BOUND}"));
    of_property(r#"{"minimum":"1"}"#, &format!("/minimum: {BOUND}"));
    of_property(r#"{"multipleOf":0}"#, "/multipleOf: must be above 0");
    of_property(r#"{"multipleOf":-1}"#, "/multipleOf: must be above 0");
    of_property(r#"{"minLength":1.5}"#, "/minLength: must be a whole number, at least 0");
    of_property(r#"{"minLength":-1}"#, "/minLength: must be a whole number, at least 0");
    of_property(r#"{"minLength":1e30}"#, "/minLength: must be a whole number, at least 0");
    of_property(r#"{"minimum":2,"maximum":1}"#, "/minimum: is above maximum");
    of_property(r#"{"minLength":2,"maxLength":1}"#, "/minLength: is above maxLength");
    of_property(r#"{"minItems":2,"maxItems":1}"#, "/minItems: is above maxItems");
    of_property(r#"{"exclusiveMinimum":1,"maximum":1}"#, "/exclusiveMinimum: leaves no valid number");
    of_property(r#"{"prefixItems":[{}],"items":false,"minItems":2}"#, "/minItems: is above the number of prefixItems");
    of_property(r#"{"enum":[]}"#, "/enum: must be an array of 1 to 200 distinct values");
    of_property(r#"{"enum":[1,1.0]}"#, "/enum: must be an array of 1 to 200 distinct values");
    of_property(r#"{"enum":[[]]}"#, "/enum/0: must be a string, number, boolean or null");
    let many: Vec<String> = (0..201).map(|number| number.to_string()).collect();
    of_property(&format!(r#"{{"enum":[{}]}}"#, many.join(",")), "/enum: must be an array of 1 to 200 distinct values");
    of_property(r#"{"const":{}}"#, "/const: must be a string, number, boolean or null");
    of_property(r#"{"required":["a\nb"]}"#, r#"/required/0: "a\nb" is not in properties"#);
    of_property(r#"{"required":"a"}"#, "/required: must be an array of distinct names");
    of_property(r#"{"oneOf":[{"type":"integer"},{"type":"number"}]}"#, "/oneOf/1: has the type of an earlier branch");
    of_property(r#"{"oneOf":[{"type":"integer"},{}]}"#, "/oneOf/1: must have one type");
    of_property(r#"{"oneOf":[{"type":"integer"}]}"#, "/oneOf: must be an array of 2 to 4 schemas");
    of_property(r#"{"uniqueItems":true}"#, "/uniqueItems: needs items of one scalar type");
    of_property(r#"{"uniqueItems":false,"items":{"type":"string"}}"#, "/uniqueItems: must be true");
    of_property(r#"{"x-merge":"whole"}"#, "/x-merge: needs the type array, object or string");
    of_property(r#"{"x-merge":"last","type":"string"}"#, "/x-merge: must be \"whole\"");
    of_property(r#"{"format":"ipv4"}"#, "/format: must be date, date-time, uuid, email, uri or multiline");
    of_property(r#"{"default":1,"type":"string"}"#, "/default: is not valid: must be a string");
    of_property(
        r#"{"examples":[[1],["x"]],"items":{"type":"string"}}"#,
        r#"/examples/0: is not valid: "/0" must be a string"#,
    );
    of_property(
        r#"{"default":1e400}"#,
        "/default: must be a value that a record can have; a number has up to 38 digits",
    );
    let places = format!(r#"{{"prefixItems":[{}],"items":false}}"#, vec!["{}"; 33].join(","));
    of_property(&places, "/prefixItems: must be an array of 1 to 32 schemas");
}

#[test]
fn schemas_are_counted() {
    let properties = |count: usize| {
        (0..count).map(|number| format!(r#""p{number}":{{"items":{{"items":{{}}}}}}"#)).collect::<Vec<_>>().join(",")
    };
    of_root(
        &format!(r#""properties":{{{}}}"#, properties(201)),
        "#/properties: must have at most 200 properties at the root",
    );
    of_root(
        &format!(r#""properties":{{{}}}"#, properties(167)),
        "#/properties/p166/items/items: exceeds the limit of 500 schemas in a file",
    );
    assert!(Resources::read(&[("x.json", file("", &format!(r#""properties":{{{}}}"#, properties(166))))]).is_ok());
}

#[test]
fn patterns_are_linear_and_shared() {
    let pattern = |pattern: &str, line: &str| {
        of_property(&format!(r#"{{"maxLength":9,"pattern":"{pattern}"}}"#), &format!("/pattern: {line}"))
    };
    pattern("(?=a)", "lookahead is not supported");
    pattern("(a{100}){100}", "is too large when compiled (16 KiB)");
    pattern("[", "a class is not closed");
    of_property(r#"{"pattern":"a"}"#, "/pattern: needs maxLength of at most 1024 beside it");
    of_property(r#"{"pattern":"a","maxLength":1025}"#, "/pattern: needs maxLength of at most 1024 beside it");
    let text = file("", r#""properties":{"p":{"maxLength":1024,"pattern":"(a+)+$"}}"#);
    let resources = Resources::read(&[("x.json", &text)]).expect("it is linear");
    let body = crate::members(&format!(r#"{{"p":"{}b"}}"#, "a".repeat(1023)));
    assert!(resources.get("x").expect("read").schema.check_new(&body).is_err());
}

#[test]
fn patterns_take_bounded_memory_together() {
    let pattern =
        |number: usize| format!(r#""p{number}":{{"maxLength":9,"pattern":"^(a|b){{{}}}$"}}"#, 9 + number % 30);
    let patterns = (0..200).map(pattern).collect::<Vec<_>>().join(",");
    let text = file("", &format!(r#""properties":{{{patterns}}}"#));
    if let Err(faults) = read(&[("x.json", text.as_bytes())]) {
        panic!("{}", faults[0]);
    }
}

#[test]
fn a_body_has_a_bounded_time_for_its_patterns() {
    let check = |pattern: &str| {
        let list = format!(r#""properties":{{"p":{{"items":{{"maxLength":1024,"pattern":"{pattern}"}}}}}}"#);
        let text = file("", &list);
        let resources = Resources::read(&[("x.json", &text)]).expect("a valid file");
        let body =
            crate::members(&format!(r#"{{"p":[{}]}}"#, vec![format!("\"{}\"", "a".repeat(1000)); 1000].join(",")));
        resources.get("x").expect("read").schema.check_new(&body)
    };
    assert!(check("^[a-z]+$").is_ok());
    let faults = check("(a|b){40}$").expect_err("1 MB against a hundred states");
    assert_eq!((faults.len(), &*faults[0].detail), (1, "has more text than its patterns can be tried on"));
}

#[test]
fn names_are_ones_that_paths_tables_and_pages_can_have() {
    let named = |name: &str, line: &str| {
        let text = file("", "").replace(r#""resource":"x""#, &format!(r#""resource":"{name}""#));
        refused(text, &format!("#/x-ripple/resource: {line}"));
    };
    named("key", "\"key\" is reserved");
    named("app", "\"app\" is reserved");
    for name in ["Prj", "a_b", "../x", "", "1a", "x\\u0000"] {
        named(name, "must be 1 to 31 of a-z 0-9, a letter first");
    }
    named("y", "\"y\" must be in y.json");
    let property = |name: &str, line: &str| {
        of_root(&format!(r#""properties":{{"{name}":{{}}}}"#), &format!("#/properties/{line}"))
    };
    property("a\\u0000b", "a\\u{0}b: a name has no control characters");
    property("__proto__", "__proto__: a property cannot have this name");
    property("rpl_v", "rpl_v: names that begin with rpl_ are ripple's own");
    of_root(
        r#""properties":{"a/b~c":{"type":1}}"#,
        "#/properties/a~1b~0c/type: must be null, boolean, integer, number, string, array or object",
    );
    of_root(
        r#""properties":{"version":{}}"#,
        "#/x-ripple/members/version: \"version\" is also in properties, so another name is needed here",
    );
    of_x_ripple(r#""members":{"version":"k"}"#, "/members/version: \"k\" is the key's name");
    of_x_ripple(
        r#""members":{"version":"deleted"}"#,
        "/members/deleted: \"deleted\" is already the name of another member of ripple",
    );
    of_x_ripple(r#""members":{"version":"rpl_v"}"#, "/members/version: names that begin with rpl_ are ripple's own");
    of_x_ripple(
        r#""members":{"created":"x"}"#,
        "/members/created: is not version, updated_at, updated_by, updated_author or deleted",
    );
}

#[test]
fn x_ripple_has_its_values() {
    of_x_ripple(r#""keys":1"#, "/keys: is not a key of x-ripple (docs/RESOURCES.md)");
    of_x_ripple(r#""key_type":"binary""#, "/key_type: a binary key has no text form");
    of_x_ripple(r#""key_type":"text""#, "/key_type: must be \"string\" or \"number\"");
    of_x_ripple(r#""sort_key":"k""#, "/sort_key: is the key's name");
    of_x_ripple(r#""sort_key":"at","sort_key_type":"binary""#, "/sort_key_type: a binary key has no text form");
    of_x_ripple(r#""sort_key_type":"number""#, "/sort_key_type: needs sort_key beside it");
    of_x_ripple(r#""table":"{site}{site}""#, "/table: must be 3 to 255 of A-Z a-z 0-9 _ . - with {site} at most once");
    of_x_ripple(r#""retention":0"#, "/retention: must be a whole number from 1 to 3650");
    of_x_ripple(r#""shards":101"#, "/shards: must be a whole number from 1 to 100");
    of_x_ripple(r#""fresh":3601"#, "/fresh: must be a whole number from 0 to 3600");
    of_x_ripple(r#""access":"public""#, "/access: must be \"read-write\" or \"read-only\"");
    of_x_ripple(r#""default":1"#, "/default: must be true or false");
    of_x_ripple(r#""entries":{"a":true}"#, "/entries/a: must be a name or false");
    of_x_ripple(r#""entries":{"a":"x","/a":"y"}"#, "/entries/~1a: names a list that an earlier key names");
    of_x_ripple(r#""entries":{"/a~2":"x"}"#, "/entries/~1a~02: is not a JSON Pointer");
    of_x_ripple(r#""search":["a","a"]"#, "/search: must be an array of 1 to 64 distinct names");
    of_x_ripple(
        r#""order":"a,,b""#,
        "/order: must be 1 to 8 names with commas between them, - before one for descending order",
    );
    for order in ["a\\tb", "a,-b\\nc", "\\u0000", "\\u0085"] {
        let rule = "/order: must be 1 to 8 names with commas between them, - before one for descending order";
        of_x_ripple(&format!(r#""order":"{order}""#), rule);
    }
    of_x_ripple(
        r#""logical_ids":{"table":"1"}"#,
        "/logical_ids/table: must be 1 to 200 letters and digits, a letter first",
    );
    for url in ["http://a.example", "https://", "https://u@a.example", "https://a.example/#b", "https://a b"] {
        let rule = "/webhook: must be an https URL of at most 2,048 visible ASCII characters, without user, password or fragment";
        of_x_ripple(&format!(r#""webhook":"{url}""#), rule);
    }
    of_x_ripple(r#""writer":"updated_by""#, r#"/writer: "updated_by" is a key's name or that of a member of ripple"#);
    of_x_ripple(r#""singular":"a\nb""#, "/singular: must be a text of one line, not empty");
    refused(r#"{"title":"X","type":"object"}"#, "#: has no x-ripple");
    refused(r#"{"title":"X","type":"object","x-ripple":{"resource":"x"}}"#, "#/x-ripple/key: is required");
    refused(r#"{"type":"object","x-ripple":{"resource":"x","key":"k"}}"#, "#: has no title");
    refused(r#"{"title":"X","x-ripple":{"resource":"x","key":"k"}}"#, "#/type: must be \"object\" for a record");
    refused(
        file("", "").replace(r#""X""#, r#""1""#),
        "#/title: must be 1 to 64 letters, digits and spaces, a letter first",
    );
    let key = |schema: &str, line: &str| refused(file("", &format!(r#""properties":{{"k":{schema}}}"#)), line);
    key(r#"{"type":"number"}"#, "#/x-ripple/key: has another type in properties");
    key(r#"{"type":"string","maxLength":3}"#, "#/x-ripple/key: may have only type and annotations in properties");
    let listed = file(r#","entries":{"a":"x"}"#, r#""properties":{"a":{"type":"string"}}"#);
    refused(listed, "#/x-ripple/entries/a: is not a list in properties");
}

#[test]
fn two_files_cannot_have_the_same_names() {
    let task = |from: &str, to: &str| TASK.replace(from, to);
    let both = |task: &str| lines(&[("task.json", task.as_bytes()), ("prj.json", PRJ.as_bytes())]);
    let default = task(r#""key": "ref""#, r#""key": "ref", "default": true"#);
    let line = |file: &str, rule: &str, other: &str| format!("{file}.json#/{rule} is in \"{other}.json\" too");
    assert_eq!(
        both(&default),
        [
            line("prj", "x-ripple/default: the mark \"default\"", "task"),
            line("task", "x-ripple/default: the mark \"default\"", "prj")
        ]
    );
    let table = task(r#""key": "ref""#, r#""key": "ref", "table": "{site}_prj""#);
    let rule = "x-ripple/table: the table \"{site}_prj\"";
    assert_eq!(both(&table), [line("prj", rule, "task"), line("task", rule, "prj")]);
    let history = task(r#""key": "ref""#, r#""key": "ref", "table": "{site}_prj_version""#);
    let rule = "x-ripple/table: the table \"{site}_prj_version\"";
    assert_eq!(both(&history), [line("prj", rule, "task"), line("task", rule, "prj")]);
    let title = task(r#""title": "Task""#, r#""title": "ListedProject""#);
    let rule = "title: the component \"ListedProject\"";
    assert_eq!(both(&title), [line("prj", rule, "task"), line("task", rule, "prj")]);
    assert_eq!(
        both(&task(r#""title": "Task""#, r#""title": "Fault""#)),
        ["task.json#/title: the component \"Fault\" is shared"]
    );
    let own = file(r#","table":"{site}_x_version""#, "");
    refused(own, "#/x-ripple/table: the table \"{site}_x_version\" is there twice");
    let twice = lines(&[("a/task.json", TASK.as_bytes()), ("b/task.json", TASK.as_bytes())]);
    assert_eq!(twice[0], "a/task.json#/x-ripple/resource: the resource \"task\" is in \"b/task.json\" too");
}

#[test]
fn warnings_stop_no_host() {
    let text = file("", r#""properties":{"q":{},"limit":{"type":"integer"}}"#);
    let resources = Resources::read(&[("x.json", text)]).expect("it is valid");
    let warnings: Vec<String> = resources.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "x.json#/properties/q: is the name of a parameter, so lists filter by it as /q",
            "x.json#/properties/limit: is the name of a parameter, so lists filter by it as /limit",
            "x.json#/x-ripple: has no label, so the key is a record's title",
        ]
    );
}

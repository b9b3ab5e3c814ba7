//! Lists as CSV, and CSV as a batch.

use serde_json::{Value, json};

use crate::case::cases;
use crate::{Answer, Call, Target};

cases! { sheets:
    a_list_is_a_sheet_if_it_is_asked_for,
    a_sheet_that_comes_back_unchanged_changes_nothing,
    a_sheet_merges_with_what_others_saved_meanwhile,
    cells_that_could_be_formulas_come_back,
    values_of_every_type_come_back,
    a_json_cell_removes_and_empties,
    fields_choose_the_columns,
    a_sheet_has_pages,
    another_format_is_refused,
    a_row_that_is_refused_names_its_line_and_column,
    what_is_no_sheet_is_refused_as_a_whole,
    a_sheet_can_be_atomic_or_a_dry_run;
    with_text_ids: rows_without_a_version_are_new_records,
}

/// Returns the list of the case's records as a sheet.
fn sheet(t: &Target, parameters: &str) -> Answer {
    let path = t.list_path(parameters);
    let answer = t.get(format!("{path}&format=csv")).send().expect(200);
    assert_eq!(answer.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
    answer
}

fn send<'t>(t: &'t Target, text: &str) -> Call<'t> {
    t.post(t.path("_batch"), "").body(text.to_owned()).header("content-type", "text/csv")
}

#[track_caller]
fn results(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()["results"].as_array().expect("results are an array").clone()
}

#[track_caller]
fn statuses(results: &[Value]) -> Vec<u64> {
    results.iter().map(|result| result["status"].as_u64().expect("a status is a number")).collect()
}

/// Returns a sheet of these rows. The first text of a row is the id, or the names of its members, which may be two
/// cells.
fn rows(rows: &[&[&str]]) -> String {
    let cell = |cell: &&str| format!("\"{}\"", cell.replace('"', "\"\""));
    rows.iter()
        .map(|row| format!("{},{}\r\n", row[0], row[1..].iter().map(cell).collect::<Vec<_>>().join(",")))
        .collect()
}

/// Returns the cells of a missing id.
fn no_id(t: &Target) -> String {
    ",".repeat(t.kit.key_columns().matches(',').count())
}

fn a_list_is_a_sheet_if_it_is_asked_for(t: &Target) {
    let id = t.some_record();
    let answer = sheet(t, "");
    let mut lines = answer.text().split("\r\n");
    let header = lines.next().expect("a header");
    assert!(header.starts_with(&format!("{},version,{}", t.kit.key_columns(), t.kit.title)), "{header}");
    assert!(header.ends_with("run,updated_at,updated_by,updated_author"), "{header}");
    let row = lines.next().expect("a row");
    assert!(row.starts_with(&format!("{id},1,Ferry timetable")), "{row}");
    assert_eq!(lines.collect::<Vec<_>>(), [""]);
    let json = t.get(t.list_path("format=json")).send().expect(200);
    assert_eq!(json.array().len(), 1);
    assert_ne!(json.etag(), answer.etag());
    let path = format!("{}&format=csv", t.list_path(""));
    t.get(path).header("if-none-match", answer.etag()).send().expect(304);
}

fn a_sheet_that_comes_back_unchanged_changes_nothing(t: &Target) {
    let record = t.draft().raw("note", r#"{"a":[1,"x\ny"],"b":null}"#).raw("odd", r#""=1, \"2\"""#);
    t.create(&record);
    t.create(&t.draft().raw("count", "12345678901234567890").raw("code", r#""007""#));
    let before = t.list("");
    let results = results(&send(t, sheet(t, "").text()).send());
    assert_eq!(statuses(&results), [200, 200]);
    for result in &results {
        assert!(result["receipt"].as_str().is_some_and(|text| text.starts_with("result=unchanged")), "{result}");
    }
    assert_eq!(t.list(""), before);
}

fn a_sheet_merges_with_what_others_saved_meanwhile(t: &Target) {
    let id = t.some_record();
    let (text, title) = (t.kit.text, t.kit.title);
    let exported = sheet(t, "").text().to_owned();
    t.patch(&id, json!({"version": 1, text: "by another", "note": "theirs"})).send().expect(200);
    let results = results(&send(t, &exported.replace("Ferry timetable", "By the sheet")).send());
    let receipt = results[0]["receipt"].as_str().expect("a receipt");
    assert!(receipt.contains(&format!("taken=(\"/{title}\")")), "{receipt}");
    let now = t.read(&id).json();
    assert_eq!(
        (&now[title], &now[text], &now["note"]),
        (&json!("By the sheet"), &json!("by another"), &json!("theirs"))
    );
}

fn rows_without_a_version_are_new_records(t: &Target) {
    let there = t.some_record();
    let exported = sheet(t, "").text().to_owned();
    let (header, row) = exported.split_once("\r\n").expect("two lines");
    let new = row.replacen(&format!("{there},1,"), ",,", 1);
    let named = row.replacen(&format!("{there},1,"), &format!("{},,", t.fresh_id()), 1);
    let clash = row.replacen(",1,", ",,", 1);
    let results = results(&send(t, &format!("{header}\r\n{new}{named}{clash},,,\r\n")).send());
    // The last row has no cells, but too few commas for the header: a row without any cell is skipped.
    assert_eq!(statuses(&results), [201, 201, 409]);
    assert_eq!(t.list("").len(), 3);
}

fn cells_that_could_be_formulas_come_back(t: &Target) {
    let id = t.fresh_id();
    t.create(&t.draft().with_id(&id).text("=HYPERLINK(\"x\")").with("plus", "+1").with("quoted", "'=1"));
    let answer = sheet(t, "");
    for cell in ["'=HYPERLINK", "''=1", "'+1"] {
        assert!(answer.text().contains(cell), "{}", answer.text());
    }
    let results = results(&send(t, answer.text()).send());
    assert!(results[0]["receipt"].as_str().is_some_and(|text| text.starts_with("result=unchanged")), "{results:?}");
    assert_eq!(t.read(&id).json()[t.kit.text], "=HYPERLINK(\"x\")");
}

fn values_of_every_type_come_back(t: &Target) {
    let draft = t.draft();
    let cells = ["5", "TRUE", "[1,\"x\"]", "{\"a\":1}", "007", "2026-03-01", "json:\"5\"", "-0.5", "'-x"];
    let names: Vec<String> = (0..cells.len()).map(|place| format!("c{place}")).collect();
    let key = t.kit.key_columns();
    let mut header = vec![key.as_str()];
    header.extend(names.iter().map(String::as_str));
    let mut row = vec![draft.id()];
    row.extend(cells);
    let value = draft.to_value();
    let text = |name: &str| match &value[name] {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let required: Vec<String> = t.kit.required.iter().map(|name| text(name)).collect();
    header.extend(t.kit.required);
    row.extend(required.iter().map(String::as_str));
    assert_eq!(statuses(&results(&send(t, &rows(&[&header, &row])).send())), [201]);
    let made = t.read(draft.id()).json();
    let expected = json!([5, true, [1, "x"], {"a": 1}, "007", "2026-03-01", "5", -0.5, "-x"]);
    for (name, expected) in names.iter().zip(expected.as_array().expect("an array")) {
        assert_eq!(&made[name], expected, "{name}");
    }
}

fn a_json_cell_removes_and_empties(t: &Target) {
    let draft = t.draft().with("note", "x").with("other", "y");
    t.create(&draft);
    let header = [&t.kit.key_columns(), "version", "note", "other", t.kit.text];
    let row = [draft.id(), "1", "json:null", "", "json:\"\""];
    assert_eq!(statuses(&results(&send(t, &rows(&[&header, &row])).send())), [200]);
    let now = t.read(draft.id()).json();
    assert!(now.get("note").is_none());
    assert_eq!((&now["other"], &now[t.kit.text]), (&json!("y"), &json!("")));
}

fn fields_choose_the_columns(t: &Target) {
    let (with, without) = (t.draft().with("extra", "x"), t.draft());
    let mut rows = [&with, &without].map(|draft| {
        t.create(draft);
        format!("{},1,{},{}\r\n", draft.id(), crate::TEXT, if draft.id() == with.id() { "x" } else { "" })
    });
    rows.sort();
    let answer = sheet(t, &format!("fields={},extra", t.kit.text));
    assert_eq!(answer.text(), format!("{},version,{},extra\r\n{}", t.kit.key_columns(), t.kit.text, rows.concat()));
}

fn a_sheet_has_pages(t: &Target) {
    let ids: Vec<String> = (0..3).map(|_| t.some_record()).collect();
    let mut found = Vec::new();
    let mut path = format!("{}&format=csv", t.list_path("limit=2"));
    loop {
        let page = t.get(&path).send().expect(200);
        found.extend(page.text().split("\r\n").skip(1).filter(|line| !line.is_empty()).map(str::to_owned));
        match page.next() {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!(found.len(), ids.len());
    assert!(found.iter().zip(&ids).all(|(line, id)| line.starts_with(&format!("{id},"))), "{found:?}");
}

fn another_format_is_refused(t: &Target) {
    for query in ["format=xml", "format=", "format=csv&format=csv", "format=CSV"] {
        let answer = t.get(t.list_path(query)).send();
        answer.problem(400, "invalid_request");
        answer.blames("parameter", "format");
    }
}

fn a_row_that_is_refused_names_its_line_and_column(t: &Target) {
    let (id, title) = (t.some_record(), t.kit.title);
    let header = [&t.kit.key_columns(), "version", title, "note"];
    let text = rows(&[
        &header,
        &[&id, "1", "a\nb", "json:{"],
        &[&id, "one", "x", ""],
        &[&id, "1", "json:7", ""],
        &[&id, "1", "x"],
        &[&no_id(t), "1", "x", ""],
        &[&id, "1", "Good", ""],
    ]);
    let results = results(&send(t, &text).send());
    assert_eq!(statuses(&results), [400, 400, 400, 400, 400, 200]);
    let lines: Vec<u64> = results.iter().map(|result| result["line"].as_u64().expect("a line")).collect();
    assert_eq!(lines, [2, 4, 5, 6, 7, 8]);
    let pointers: Vec<&str> = results[..5]
        .iter()
        .map(|result| result["problem"]["errors"][0]["pointer"].as_str().expect("a pointer"))
        .collect();
    assert_eq!(
        pointers,
        ["/note", "/version", &format!("/{title}"), "", &t.kit.pointer(t.kit.number_key.unwrap_or(t.kit.key))]
    );
    assert_eq!(t.read(&id).json()[title], "Good");
}

fn what_is_no_sheet_is_refused_as_a_whole(t: &Target) {
    let id = t.some_record();
    for text in ["", "\r\n", "a,a\r\n", "a,b\r\nx,y\r\n", "version,note\r\n1,x\r\n"] {
        t.refused(&id, send(t, text), 400, "invalid_body");
    }
    let bytes = send(t, "").body(b"a\xff".to_vec());
    t.refused(&id, bytes, 400, "invalid_body");
    let many = format!("{},note\r\n{}", t.kit.key_columns(), "x,y\r\n".repeat(101));
    t.refused(&id, send(t, &many), 413, "batch_too_large");
}

fn a_sheet_can_be_atomic_or_a_dry_run(t: &Target) {
    let id = t.some_record();
    let text = rows(&[&[&t.kit.key_columns(), "version", "note"], &[&id, "1", "x"], &[&id, "9", "x"]]);
    let with = |query: &str| {
        let path = format!("{}?{query}", t.path("_batch"));
        t.post(path, "").body(text.clone()).header("content-type", "text/csv")
    };
    let before = t.version(&id);
    assert_eq!(statuses(&results(&with("dry_run=true").send())), [200, 409]);
    assert_eq!(t.version(&id), before);
    t.refused(&id, with("atomic=true"), 400, "invalid_body").blames("pointer", "/lines/3");
    t.refused(&id, with("atomic=1"), 400, "invalid_request").blames("parameter", "atomic");
    t.refused(&id, with("more=1"), 400, "invalid_request").blames("parameter", "more");
    assert_eq!(statuses(&results(&with("atomic=false&dry_run=false").send())), [200, 409]);
}

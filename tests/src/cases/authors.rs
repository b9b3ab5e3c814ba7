//! `Ripple-Author`: the person on whose behalf a client writes.

use serde_json::{Value, json};

use crate::case::cases;
use crate::{Call, Target};

cases! { authors:
    every_write_has_its_author,
    a_write_without_an_author_has_none,
    every_part_of_a_large_change_has_its_author,
    a_save_that_changes_nothing_keeps_the_author,
    who_wrote_a_replaced_value_is_told,
    an_author_needs_no_id,
    the_author_in_a_body_is_ignored,
    a_retry_under_another_name_finds_its_write,
    a_list_shows_and_finds_authors,
    an_author_of_another_form_is_refused,
    reads_ignore_the_author,
}

const ANN: &str = r#""Ann";id="u3""#;
const BO: &str = r#"%"Bo M%c3%bcller";id="u7""#;

fn by<'t>(call: Call<'t>, author: &str) -> Call<'t> {
    call.header("ripple-author", author)
}

fn create(t: &Target, author: &str) -> String {
    let draft = t.draft();
    by(t.post(t.kit.path, draft.to_json()), author).send().expect(201);
    draft.id().to_owned()
}

fn author(t: &Target, id: &str) -> Value {
    t.read(id).json()["updated_author"].clone()
}

fn every_write_has_its_author(t: &Target) {
    let (ann, bo) = (json!({"name": "Ann", "id": "u3"}), json!({"name": "Bo Müller", "id": "u7"}));
    let id = create(t, BO);
    assert_eq!(author(t, &id), bo);
    let saved = by(t.patch(&id, json!({"version": 1, t.kit.text: "B"})), ANN).send().expect(200);
    assert_eq!((&saved.json()["updated_author"], author(t, &id)), (&ann, ann.clone()));
    by(t.delete(&id), BO).send().expect(204);
    let restore = t.post(format!("{}/versions/1", t.path(&id)), "");
    let restored = by(restore, ANN).send().expect(200);
    assert_eq!(restored.json()["updated_author"], ann);
    let rows = t.get(format!("{}/versions", t.path(&id))).send().expect(200).array();
    let authors: Vec<&Value> = rows.iter().map(|row| &row["updated_author"]).collect();
    assert_eq!(authors, [&ann, &bo, &ann, &bo], "newest first");
    let earlier = t.get(format!("{}/versions/2", t.path(&id))).send().expect(200);
    assert_eq!(earlier.body(), saved.body());
}

fn a_write_without_an_author_has_none(t: &Target) {
    let id = create(t, BO);
    let saved = t.patch(&id, json!({"version": 1, t.kit.text: "B"})).send().expect(200).json();
    assert_eq!((saved.get("updated_author"), t.read(&id).json().get("updated_author")), (None, None));
    let rows = t.get(format!("{}/versions", t.path(&id))).send().expect(200).array();
    assert_eq!((rows[0].get("updated_author"), &rows[1]["updated_author"]["id"]), (None, &json!("u7")));
}

fn every_part_of_a_large_change_has_its_author(t: &Target) {
    let id = t.some_record();
    let members = (0..150).map(|number| (format!("m{number}"), json!(number)));
    by(t.patch(&id, Value::Object(members.collect())), BO).send().expect(200);
    let rows = t.get(format!("{}/versions", t.path(&id))).send().expect(200).array();
    assert!(rows.len() > 2, "one transaction takes fewer members");
    for row in &rows[..rows.len() - 1] {
        assert_eq!(row["updated_author"]["id"], "u7", "version {}", row["version"]);
    }
}

fn a_save_that_changes_nothing_keeps_the_author(t: &Target) {
    let id = create(t, BO);
    let text = t.read(&id).json()[t.kit.text].clone();
    let same = by(t.patch(&id, json!({"version": 1, t.kit.text: text})), ANN).send().expect(200);
    assert_eq!((same.version(), &same.json()["updated_author"]["id"]), (1, &json!("u7")));
}

fn who_wrote_a_replaced_value_is_told(t: &Target) {
    let id = create(t, BO);
    by(t.patch(&id, json!({"version": 1, t.kit.text: "B"})), ANN).send().expect(200);
    by(t.patch(&id, json!({"version": 2, "remark": "C"})), BO).send().expect(200);
    let saved = by(t.patch(&id, json!({"version": 1, t.kit.text: "D"})), BO).send().expect(200);
    let field = format!("/{}", t.kit.text);
    let won = format!(r#"won=("{field}";replaced=3;author="u3")"#);
    let receipt = saved.header("ripple-receipt").expect("a receipt");
    assert!(receipt.contains(&won), "{receipt}");
    // Who has seen the value replaces nothing unseen.
    by(t.patch(&id, json!({"version": 4, t.kit.text: "E"})), ANN).send().expect(200);
    let rows = t.get(format!("{}/versions", t.path(&id))).send().expect(200).array();
    let lost: Vec<Option<&Value>> = rows.iter().map(|row| row.get("lost")).collect();
    assert_eq!(lost, [None, Some(&json!([{"field": field, "author": "u3", "version": 2}])), None, None, None]);
}

fn an_author_needs_no_id(t: &Target) {
    let id = create(t, r#""The night shift""#);
    assert_eq!(author(t, &id), json!({"name": "The night shift"}));
}

fn the_author_in_a_body_is_ignored(t: &Target) {
    let id = create(t, BO);
    let edit = json!({"version": 1, t.kit.text: "B", "updated_author": {"name": "Ann"}});
    by(t.put(&id, edit.to_string()), BO).send().expect(200);
    assert_eq!(author(t, &id)["id"], "u7");
}

fn a_retry_under_another_name_finds_its_write(t: &Target) {
    let id = t.some_record();
    let save = |author: &str| {
        let call = t.patch(&id, json!({"version": 1, t.kit.text: "B"}));
        by(call, author).header("idempotency-key", format!("{id}-k")).send().expect(200)
    };
    let first = save(r#""Bo";id="u7""#);
    assert_eq!(save(BO).body(), first.body());
}

fn a_list_shows_and_finds_authors(t: &Target) {
    let name = format!("Zo {}", t.fresh_id());
    let id = create(t, &format!(r#""{name}""#));
    let found = t.list(&format!("q={}", name.replace(' ', "+")));
    assert_eq!(found.len(), 1);
    assert_eq!((t.id_of(&found[0]), &found[0]["updated_author"]), (id, &json!({"name": name})));
}

fn an_author_of_another_form_is_refused(t: &Target) {
    let id = t.some_record();
    let long = format!("\"{}\"", "n".repeat(61));
    let long_id = format!(r#""Bo";id="{}""#, "i".repeat(65));
    let many_bytes = format!(r#""Bo";x="{}""#, "x".repeat(600));
    let faulty = [
        "Bo",
        "7",
        r#""""#,
        r#"" Bo""#,
        r#""Bo "#,
        r#""Bo";id=7"#,
        r#""Bo";id="""#,
        r#""Bo";id="a b""#,
        r#""Bo", "Ann""#,
        // Not ASCII, a line end, an override of the writing direction, a decomposed character, a byte that is no UTF-8.
        "\"Bo M\u{fc}ller\"",
        r#"%"Bo%0aAnn""#,
        r#"%"Bo%e2%80%aeAnn""#,
        r#"%"Mu%cc%88ller""#,
        r#"%"Bo%ff""#,
        &long,
        &long_id,
        &many_bytes,
    ];
    for author in faulty {
        let edit = || t.patch(&id, json!({t.kit.text: "refused"}));
        t.refused(&id, by(edit(), author), 400, "invalid_request").blames("header", "ripple-author");
    }
    let twice = by(t.patch(&id, json!({t.kit.text: "refused"})), BO).also("ripple-author", ANN);
    twice.send().problem(400, "invalid_request");
}

fn reads_ignore_the_author(t: &Target) {
    let id = t.some_record();
    by(t.get(t.path(&id)), "Bo").send().expect(200);
}

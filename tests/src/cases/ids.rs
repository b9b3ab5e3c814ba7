//! Ids in paths as `_~` and the base64url of their bytes. Every id can be written so, and this form arrives unchanged
//! through every gateway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use serde_json::json;

use crate::Target;
use crate::case::cases;

cases! { ids:
    an_id_in_base64url_addresses_the_record,
    every_operation_takes_an_id_in_base64url,
    ids_of_any_text_are_looked_for,
    an_id_that_is_not_its_canonical_form_is_refused,
}

/// Returns an id with its text in base64url. The number before it stays.
fn encoded(t: &Target, id: &str) -> String {
    let (number, text) = t.kit.parts(id);
    let text = format!("_~{}", URL_SAFE_NO_PAD.encode(text));
    number.map_or_else(|| text.clone(), |number| format!("{number},{text}"))
}

fn an_id_in_base64url_addresses_the_record(t: &Target) {
    let id = t.some_record();
    let (plain, other) = (t.read(&id), t.read(&encoded(t, &id)));
    assert_eq!((other.body(), other.etag()), (plain.body(), plain.etag()));
    let head = t.head(t.path(&encoded(t, &id))).send().expect(200);
    assert_eq!(head.etag(), plain.etag());
    t.get(t.path(&encoded(t, &id))).header("if-none-match", plain.etag()).send().expect(304);
}

fn every_operation_takes_an_id_in_base64url(t: &Target) {
    let id = t.some_record();
    let there = encoded(t, &id);
    assert_eq!(t.put(&there, json!({"version": 1, t.kit.text: "B"})).send().expect(200).version(), 2);
    assert_eq!(t.patch(&there, t.with_key(&id, json!({"version": 2, "note": "n"}))).send().expect(200).version(), 3);
    let shown = |path: String| t.get(path).send().expect(200);
    for tail in ["/versions", "/versions/2"] {
        assert_eq!(shown(t.path(&format!("{there}{tail}"))).body(), shown(t.path(&format!("{id}{tail}"))).body());
    }
    t.delete(&there).send().expect(204);
    t.get(t.path(&there)).send().problem(410, "gone");
    t.post(format!("{}/versions/3", t.path(&there)), "").send().expect(200);
    let record = t.read(&id);
    assert_eq!((record.version(), &record.json()["note"]), (5, &json!("n")));
    assert_eq!(t.id_of(&record.json()), id, "the record has its id as it was created");
}

fn ids_of_any_text_are_looked_for(t: &Target) {
    let stem = t.fresh_id();
    for text in ["_draft", "P 001", "2024/07", "a?b#c", "a+b", "a%41", "..", "프로젝트1", "a,b", "\u{1}"] {
        let number = t.kit.parts(&stem).0.map(|number| format!("{number},")).unwrap_or_default();
        let path = t.path(&format!("{number}_~{}", URL_SAFE_NO_PAD.encode(format!("{text}-{}", t.run))));
        for method in [Method::GET, Method::DELETE] {
            t.call(method, &path).send().problem(404, "not_found");
        }
        t.call(Method::PATCH, &path).json(json!({"note": "n"})).send().problem(404, "not_found");
        t.get(format!("{path}/versions")).send().problem(404, "not_found");
    }
}

fn an_id_that_is_not_its_canonical_form_is_refused(t: &Target) {
    let id = t.some_record();
    let (number, text) = t.kit.parts(&id);
    let number = number.map(|number| format!("{number},")).unwrap_or_default();
    // No text, a letter that ends no byte, bits that are not zero, padding, another alphabet, no UTF-8, twice.
    let twice = format!("_~{}", URL_SAFE_NO_PAD.encode(text));
    for wrong in ["_~", "_~a", "_~YR", "_~YQ==", "_~YQ%3D%3D", "_~+w", "_~_w", "_~é"].map(str::to_owned).into_iter() {
        let answer = t.get(t.path(&format!("{number}{wrong}"))).send();
        answer.problem(400, "invalid_request");
    }
    t.get(t.path(&format!("{number}_~{}", URL_SAFE_NO_PAD.encode(twice)))).send().problem(404, "not_found");
}

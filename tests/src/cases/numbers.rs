//! Numbers as DynamoDB stores them. They are compared as text, because an `f64` would hide lost digits.

use crate::Target;
use crate::case::cases;

cases! { numbers:
    numbers_come_back_plain_and_without_needless_zeros,
    leading_zeros_of_an_exponent_are_ignored,
    zero_has_no_magnitude,
    every_digit_of_38_is_kept,
    more_digits_are_refused,
    magnitudes_are_kept_to_their_limits,
    magnitudes_past_the_limits_are_refused,
    numbers_inside_objects_and_lists_are_numbers_too,
    equal_numbers_are_no_change,
}

fn numbers_come_back_plain_and_without_needless_zeros(t: &Target) {
    for (sent, kept) in [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0"),
        ("0e5", "0"),
        ("1.50", "1.5"),
        ("1.0", "1"),
        ("-2.500e0", "-2.5"),
        ("1E3", "1000"),
        ("1e+3", "1000"),
        ("1e-3", "0.001"),
        ("123e-2", "1.23"),
        ("0.1e1", "1"),
        ("100", "100"),
        ("9007199254740993", "9007199254740993"),
        ("18446744073709551616", "18446744073709551616"),
        ("0.1000000000000000055511151231257827", "0.1000000000000000055511151231257827"),
    ] {
        kept_as(t, sent, kept);
    }
}

fn leading_zeros_of_an_exponent_are_ignored(t: &Target) {
    for (sent, kept) in [
        ("1e0000001", "10"),
        ("1e+0000001", "10"),
        ("1e-0000001", "0.1"),
        ("-2.50E00000000000000000000000000002", "-250"),
        ("7e00000000000000000000000000000000000000000", "7"),
    ] {
        kept_as(t, sent, kept);
    }
}

/// Zero is within DynamoDB's range with any exponent.
fn zero_has_no_magnitude(t: &Target) {
    for sent in ["0e99999999", "-0e99999999", "0.000e126", "0e-131", "0.0E-99999999", "0e99999999999999999999999"] {
        kept_as(t, sent, "0");
    }
}

fn every_digit_of_38_is_kept(t: &Target) {
    let digits = "12345678901234567890123456789012345678";
    kept_as(t, digits, digits);
    kept_as(t, &format!("-{digits}"), &format!("-{digits}"));
    kept_as(t, &format!("0.{digits}"), &format!("0.{digits}"));
    let (whole, fraction) = digits.split_at(19);
    kept_as(t, &format!("{whole}.{fraction}"), &format!("{whole}.{fraction}"));
    // Zeros at either end are not significant.
    kept_as(t, &format!("{digits}000"), &format!("{digits}000"));
    kept_as(t, &format!("0.000{digits}"), &format!("0.000{digits}"));
    kept_as(t, &format!("{whole}.{fraction}000"), &format!("{whole}.{fraction}"));
}

fn more_digits_are_refused(t: &Target) {
    let digits = "9".repeat(39);
    for sent in [digits.clone(), format!("-{digits}"), format!("0.{digits}"), format!("1{}1", "0".repeat(37))] {
        refused(t, &sent);
    }
    refused(t, &"1".repeat(100_000));
}

fn magnitudes_are_kept_to_their_limits(t: &Target) {
    kept_as(t, "1e125", &format!("1{}", "0".repeat(125)));
    kept_as(t, &format!("9.{}E+125", "9".repeat(37)), &format!("{}{}", "9".repeat(38), "0".repeat(88)));
    kept_as(t, "-9.9e125", &format!("-99{}", "0".repeat(124)));
    kept_as(t, "1e-130", &format!("0.{}1", "0".repeat(129)));
    kept_as(t, "-1e-130", &format!("-0.{}1", "0".repeat(129)));
}

fn magnitudes_past_the_limits_are_refused(t: &Target) {
    for sent in ["1e126", "-1e126", "10e125", "1e-131", "0.1e-130", "1e999", "1e99999999999999999999"] {
        refused(t, sent);
    }
}

fn numbers_inside_objects_and_lists_are_numbers_too(t: &Target) {
    let draft = t.draft().raw("deep", r#"[{"id":7.0,"n":1.50},[-0.0,1E3],12345678901234567890123456789012345678]"#);
    let kept = r#"[{"id":7,"n":1.5},[0,1000],12345678901234567890123456789012345678]"#;
    assert_eq!(t.create(&draft).raw("deep"), kept);
    assert_eq!(t.read(draft.id()).raw("deep"), kept);

    let draft = t.draft().raw("deep", r#"{"a/b~":[0,{"n":1e126}]}"#);
    let answer = t.post(t.kit.path, draft.to_json()).send();
    answer.problem(400, "invalid_body");
    answer.blames("pointer", "/deep/a~1b~0/1/n");
}

fn equal_numbers_are_no_change(t: &Target) {
    let draft = t.draft().raw("n", "1.50");
    let created = t.create(&draft);
    for same in ["1.5", "15e-1", "0.15e1", "1.5000"] {
        let saved = t.put(draft.id(), format!(r#"{{"n":{same}}}"#)).send().expect(200);
        assert_eq!(saved.body(), created.body());
    }
}

#[track_caller]
fn kept_as(t: &Target, sent: &str, kept: &str) {
    let draft = t.draft().raw("n", sent);
    assert_eq!(t.create(&draft).raw("n"), kept, "sent {sent}");
    assert_eq!(t.read(draft.id()).raw("n"), kept, "sent {sent}");
}

#[track_caller]
fn refused(t: &Target, sent: &str) {
    let draft = t.draft().raw("n", sent);
    let answer = t.post(t.kit.path, draft.to_json()).send();
    answer.problem(400, "invalid_body");
    answer.blames("pointer", "/n");
    t.get(t.path(draft.id())).send().problem(404, "not_found");
}

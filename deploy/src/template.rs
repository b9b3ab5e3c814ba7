//! The SAM template, from its source `template.in.yaml` and the fragments in `template/`.
//!
//! A placeholder `{{name}}` is replaced by a text. A placeholder that is alone on its line becomes the lines of a text,
//! indented like the placeholder, and the line disappears if the text is empty.

mod paths;
mod policy;
mod tables;

use std::collections::HashSet;

use anyhow::{Context as _, Result, ensure};
use ripple_core::record::schema::Resources;

use crate::gateway;

const SOURCE: &str = include_str!("../template.in.yaml");

/// Returns the template for a site's resources. `code` is the path of the function's code, relative to the template.
pub(crate) fn text(resources: &Resources, code: &str) -> Result<String> {
    let first = resources.first();
    let (records, history) = (first.table_name("${Site}"), first.history_table_name("${Site}"));
    let policies = policy::Policies::of(resources);
    let template = fill(
        SOURCE,
        &[
            ("description", &plain(&format!("ripple, {} records that a whole team edits at once", first.noun()))),
            ("table_names", &format!("{}, {}", first.table_name("<site>"), first.history_table_name("<site>"))),
            ("longest_site", &policies.longest_site()?.to_string()),
            ("command", crate::COMMAND),
            ("code", code),
            ("tables", &tables::tables(resources)?),
            ("mappings", &tables::mappings(resources)?),
            ("streams", &tables::streams(resources)),
            ("function", &policies.function()),
            ("edge", &policies.edge()),
            ("answers", &gateway::responses()?),
            ("paths", &paths::paths(resources)?),
            ("alarms", &tables::alarms(resources)?),
            ("first_records", &records),
            ("first_ids", tables::ids_of_first(resources)),
            ("fed", &tables::fed(resources)),
            ("first_history", &history),
            ("widgets", &tables::widgets(resources)?),
        ],
    )?;
    let mut known = HashSet::new();
    for id in logical_ids(&template) {
        ensure!(known.insert(id), "x-ripple.logical_ids: the template has {id:?} already");
    }
    Ok(template)
}

/// Returns the logical ids in a template.
fn logical_ids(template: &str) -> impl Iterator<Item = &str> {
    let resources = template.lines().skip_while(|line| *line != "Resources:").take_while(|line| *line != "Outputs:");
    resources.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':')).filter(|id| !id.starts_with([' ', '#']))
}

/// Returns a text with its placeholders replaced.
fn fill(source: &str, values: &[(&str, &str)]) -> Result<String> {
    let value = |name: &str| {
        let found = values.iter().find(|(known, _)| *known == name);
        found.map(|(_, text)| *text).with_context(|| format!("nothing replaces {{{{{name}}}}}"))
    };
    let mut made = String::with_capacity(2 * source.len());
    for line in source.lines() {
        let alone = line.trim_start().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        if let Some(name) = alone.filter(|name| !name.contains('}')) {
            let indent = &line[..line.len() - line.trim_start().len()];
            for line in value(name)?.lines() {
                made.push_str(if line.is_empty() { "" } else { indent });
                made.push_str(line);
                made.push('\n');
            }
            continue;
        }
        let mut rest = line;
        while let Some((before, (name, after))) =
            rest.split_once("{{").and_then(|(before, rest)| Some((before, rest.split_once("}}")?)))
        {
            made.push_str(before);
            made.push_str(value(name)?);
            rest = after;
        }
        made.push_str(rest);
        made.push('\n');
    }
    Ok(made)
}

/// Returns a text as a scalar of YAML: as it is if no reader can take it for something else, else in quotes.
fn plain(text: &str) -> String {
    const WORDS: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let is_plain = text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "_-., ".contains(letter))
        && !text.ends_with(' ')
        && !WORDS.contains(&text.to_ascii_lowercase().as_str());
    if is_plain {
        return text.to_owned();
    }
    // A string of JSON is one of YAML, except that YAML takes two more characters for line ends, and refuses others.
    let is_odd = |letter: char| matches!(letter, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}');
    let mut scalar = String::with_capacity(text.len() + 2);
    for letter in serde_json::Value::from(text).to_string().chars() {
        match letter {
            letter if is_odd(letter) || ('\u{7f}'..='\u{9f}').contains(&letter) => {
                scalar.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter => scalar.push(letter),
        }
    }
    scalar
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_alone_on_its_line_becomes_lines() {
        let made =
            fill("a: {{x}}{{x}}}\n  {{y}}\n  {{z}}\nb\n", &[("x", "1"), ("y", "- c\n\n- d\n"), ("z", "")]).unwrap();
        assert_eq!(made, "a: 11}\n  - c\n\n  - d\nb\n");
    }

    #[test]
    fn a_placeholder_that_nothing_replaces_is_an_error() {
        assert_eq!(fill("{{x}}\n", &[]).unwrap_err().to_string(), "nothing replaces {{x}}");
    }

    #[test]
    fn words_that_yaml_reads_otherwise_are_quoted() {
        assert_eq!(plain("prj_id"), "prj_id");
        for (text, scalar) in [
            ("no", r#""no""#),
            ("1e3", r#""1e3""#),
            ("a: b", r#""a: b""#),
            ("프", r#""프""#),
            ("a\u{2028}\u{ffff}", r#""a\u2028\uffff""#),
        ] {
            assert_eq!(plain(text), scalar);
        }
    }

    #[test]
    fn a_logical_id_of_the_template_is_refused() {
        let file = br#"{"title": "Task", "x-ripple": {"resource": "function", "key": "ref"}, "type": "object"}"#;
        let resources = Resources::read(&[("function.json", file)]).unwrap();
        let error = text(&resources, "code").unwrap_err().to_string();
        assert_eq!(error, r#"x-ripple.logical_ids: the template has "FunctionThrottleAlarm" already"#);
    }
}

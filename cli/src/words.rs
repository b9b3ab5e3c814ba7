//! Receipts in words.

use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parameters, Parser, Version};

/// The beginning of what is said of fields that both this client and another one changed since the base.
const CONFLICT: &str = "replaced what another client had saved";
/// The same without a base that the history has. Then the value may be the client's own.
const REPLACED: &str = "replaced the value that was there";

/// Returns what a receipt says, one sentence a line. `receipt` is the header `Ripple-Receipt`.
pub(crate) fn of_receipt(receipt: &str) -> Vec<String> {
    let Ok(fields) = Parser::new(receipt).with_version(Version::Rfc9651).parse::<Dictionary>() else {
        return vec![receipt.to_owned()];
    };
    let item = |name: &str| match fields.get(name) {
        Some(ListEntry::Item(item)) => Some(item),
        _ => None,
    };
    let number = |name: &str| item(name).and_then(|item| item.bare_item.as_integer()).map(i64::from);
    let result = item("result").and_then(|item| item.bare_item.as_token()).map_or("done", |token| token.as_str());
    let version = number("version").unwrap_or_default();
    let mut lines = vec![match result {
        "unchanged" => format!("nothing to change: it is at version {version}"),
        result => format!("{result}: it is at version {version}"),
    }];
    let list = |name: &str| match fields.get(name) {
        Some(ListEntry::InnerList(list)) => named(list),
        _ => Vec::new(),
    };
    let is_missing = item("base").is_some_and(|base| base.params.get("missing").is_some());
    let replaced = if item("base").is_some() && !is_missing { CONFLICT } else { REPLACED };
    let mut say = |what: &str, names: Vec<String>| {
        if !names.is_empty() {
            lines.push(format!("{what}: {}", names.join(", ")));
        }
    };
    say(replaced, list("won"));
    say("changed", list("taken"));
    say("merged with what others changed", list("merged"));
    say("kept as others left it", list("kept"));
    if let Some(omitted) = number("omitted") {
        lines.push(format!("{omitted} more fields are not named"));
    }
    if let (true, Some(base)) = (is_missing, number("base")) {
        lines.push(format!(
            "the history no longer has version {base}, so every member that was sent counted as changed"
        ));
    }
    lines
}

/// Reports whether a receipt says that the write replaced values.
pub(crate) fn has_losers(receipt: &str) -> bool {
    of_receipt(receipt).iter().any(|line| line.starts_with(CONFLICT) || line.starts_with(REPLACED))
}

/// Reports whether a receipt says that the write replaced what another client had saved.
pub(crate) fn has_conflicts(receipt: &str) -> bool {
    of_receipt(receipt).iter().any(|line| line.starts_with(CONFLICT))
}

fn named(list: &InnerList) -> Vec<String> {
    let name = |item: &sfv::Item| {
        let pointer = match &item.bare_item {
            BareItem::String(text) => text.as_str().to_owned(),
            BareItem::DisplayString(text) => text.clone(),
            _ => String::new(),
        };
        format!("{pointer}{}", told(&item.params))
    };
    list.items.iter().map(name).collect()
}

/// Returns what the parameters of a field say.
fn told(parameters: &Parameters) -> String {
    let number = |name: &str| parameters.get(name).and_then(|value| value.as_integer()).map(i64::from);
    if let Some(replaced) = number("replaced") {
        return format!(" (version {replaced} has it)");
    }
    let counts: Vec<String> = ["added", "removed", "changed"]
        .into_iter()
        .filter_map(|what| Some(format!("{} {what}", number(what).filter(|count| *count > 0)?)))
        .collect();
    if counts.is_empty() { String::new() } else { format!(" ({})", counts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_told_in_sentences() {
        let receipt = r#"result=saved, version=8, base=6, won=("/issue";replaced=7), taken=("/goal" %"/%e7%9b%ae"), merged=("/timeline";added=1;removed=0;changed=2), kept=("/description"), omitted=3"#;
        assert_eq!(
            of_receipt(receipt),
            [
                "saved: it is at version 8",
                "replaced what another client had saved: /issue (version 7 has it)",
                "changed: /goal, /目",
                "merged with what others changed: /timeline (1 added, 2 changed)",
                "kept as others left it: /description",
                "3 more fields are not named",
            ]
        );
        assert!(has_losers(receipt) && has_conflicts(receipt));
        assert_eq!(of_receipt("result=unchanged, version=8"), ["nothing to change: it is at version 8"]);
    }

    #[test]
    fn without_a_base_in_the_history_no_other_client_is_named() {
        let won = r#"won=("/goal";replaced=1)"#;
        let unstated = format!("result=saved, version=2, {won}");
        let replaced = "replaced the value that was there: /goal (version 1 has it)";
        assert_eq!(of_receipt(&unstated), ["saved: it is at version 2", replaced]);
        let missing = format!("result=saved, version=2, base=6;missing, {won}");
        let no_base = "the history no longer has version 6, so every member that was sent counted as changed";
        assert_eq!(of_receipt(&missing), ["saved: it is at version 2", replaced, no_base]);
        for receipt in [unstated, missing] {
            assert!(has_losers(&receipt) && !has_conflicts(&receipt));
        }
    }
}

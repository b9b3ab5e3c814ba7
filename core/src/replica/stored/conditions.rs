//! The conditions and orders of a query in SQL.

use super::super::sql::Value;
use crate::query::columns::{Contains, Plan, Searched, Start, Within};

/// The conditions of a query on the columns of `s`.
pub(super) struct Narrowed {
    condition: String,
    pub(super) values: Vec<Value>,
}

impl Narrowed {
    pub(super) fn of(plan: &Plan) -> Narrowed {
        let mut values = Vec::new();
        let mut parts = vec!["1".to_owned()];
        for Contains { column, any } in &plan.contained {
            let column = match column {
                Searched::Text => "text",
                Searched::Atoms => "atoms",
            };
            let contains = vec![format!("instr(s.{column}, ?) > 0"); any.len()].join(" OR ");
            parts.push(format!("({contains})"));
            values.extend(any.iter().map(|needle| Value::Text(needle.clone())));
        }
        for Within { column, ranges } in &plan.within {
            let range = format!(" OR s.k{column} BETWEEN ? AND ?");
            parts.push(format!("(s.k{column} IS NULL{})", range.repeat(ranges.len())));
            values.extend(ranges.iter().flat_map(|(from, to)| [from, to].map(|key| Value::Blob(key.clone()))));
        }
        Narrowed { condition: parts.join(" AND "), values }
    }

    /// Returns the condition that a match meets, among the records that are not too large for the columns.
    pub(super) fn exactly(&self) -> String {
        let small = if self.values.is_empty() { "" } else { "s.text IS NOT NULL AND " };
        format!("{small}{}", self.condition)
    }

    /// Reports whether every record matches.
    pub(super) fn is_of_all(&self) -> bool {
        self.condition == "1"
    }

    /// Returns the condition that a record meets or is too large for the columns.
    pub(super) fn or_wide(&self) -> String {
        format!("(s.text IS NULL OR {})", self.condition)
    }
}

/// Returns the direction of a term.
pub(super) fn direction(descends: bool) -> &'static str {
    if descends { " DESC" } else { "" }
}

/// Returns the terms of an order before the id, each with a comma after it.
pub(super) fn terms(order: &[(usize, bool)], backward: bool) -> String {
    let mut terms = String::new();
    for (column, descending) in order {
        let (missing, key) = (direction(backward), direction(*descending != backward));
        terms.push_str(&format!("s.k{column} IS NULL{missing}, s.k{column}{key}, "));
    }
    terms
}

/// The two sides of the position at which a page begins, as conditions that continue another.
pub(super) struct Sides {
    /// The records that may be on the page.
    pub(super) page: String,
    /// The records that are certainly before it, in the direction of the page. `None` if that cannot be told.
    pub(super) before: Option<String>,
    /// The values of each of the two.
    pub(super) values: Vec<Value>,
}

impl Sides {
    pub(super) fn of(plan: &Plan, order: &[(usize, bool)]) -> Sides {
        let backward = plan.is_backward;
        // Where the first key is the only one, the id decides among equals.
        let is_alone = order.len() == 1;
        let (from, until) = if backward { ("<=", ">") } else { (">=", "<") };
        match (&plan.start, order.first()) {
            (Some(Start::Id(id)), _) => Sides {
                page: format!(" AND s.id {from} ?"),
                before: Some(format!(" AND s.id {until} ?")),
                values: vec![id.as_str().into()],
            },
            (Some(Start::Key { key: Some(key), id }), Some((column, descending))) => {
                let (here, there) = if *descending != backward { ("<", ">") } else { (">", "<") };
                // Records without the member are last.
                let missing = format!(" OR s.k{column} IS NULL");
                let (with_page, with_before) = if backward { ("", &*missing) } else { (&*missing, "") };
                let (mut page, mut before) = (format!("s.k{column} {here}= ?"), format!("s.k{column} {there} ?"));
                let mut values = vec![Value::Blob(key.clone())];
                if is_alone {
                    page = format!("s.k{column} {here} ? OR s.k{column} = ? AND s.id {from} ?");
                    before = format!("s.k{column} {there} ? OR s.k{column} = ? AND s.id {until} ?");
                    values.extend([Value::Blob(key.clone()), id.as_str().into()]);
                }
                Sides {
                    page: format!(" AND ({page}{with_page})"),
                    before: Some(format!(" AND ({before}{with_before})")),
                    values,
                }
            }
            (Some(Start::Key { key: None, id }), Some((column, _))) if !backward => {
                let mut page = format!(" AND s.k{column} IS NULL");
                let mut before = format!(" AND (s.k{column} IS NOT NULL");
                let mut values = Vec::new();
                if is_alone {
                    page.push_str(" AND s.id >= ?");
                    before.push_str(" OR s.id < ?");
                    values.push(id.as_str().into());
                }
                Sides { page, before: Some(before + ")"), values }
            }
            _ => Sides { page: String::new(), before: None, values: Vec::new() },
        }
    }
}

//! The response that a client gets.

use bytes::Bytes;
use http::Response;
use ripple_core::AccessLog;
use ripple_core::value::{Members, Value, parse};
use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser};

/// A response, or none.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Nothing,
    Answer(Box<Answer>),
}

/// The values of a response.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Option<Members>,
    /// `None` if the response has no receipt, or one that is not a dictionary of RFC 9651.
    pub(crate) receipt: Option<Receipt>,
    pub(crate) capacity: String,
    /// The receipt's text, for the schedule.
    text: String,
    /// The error in the host's log, for the schedule.
    cause: Option<String>,
    /// Whether the save lost every try, and so did nothing.
    pub(crate) contended: bool,
}

/// A receipt's values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) result: String,
    pub(crate) version: i64,
    pub(crate) base: Option<i64>,
    pub(crate) missing: bool,
    pub(crate) won: Vec<Won>,
    pub(crate) omitted: i64,
}

/// A field where the save won, and the version whose value it replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Won {
    pub(crate) pointer: String,
    pub(crate) replaced: Option<i64>,
}

impl Heard {
    /// Reads a response. `contended` means that the save used up its tries, and no operation on the table failed.
    pub(crate) fn of(response: &Response<Bytes>, contended: bool) -> Heard {
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let text = header("ripple-receipt");
        let status = response.status().as_u16();
        Heard::Answer(Box::new(Answer {
            status,
            body: members(response.body()),
            receipt: Receipt::parse(&text),
            capacity: header("ripple-capacity"),
            text,
            cause: response.extensions().get::<AccessLog>().and_then(|report| report.error.clone()),
            contended: status == 503 && contended,
        }))
    }

    pub(crate) fn answer(&self) -> Option<&Answer> {
        match self {
            Heard::Nothing => None,
            Heard::Answer(answer) => Some(answer),
        }
    }

    pub(crate) fn status(&self) -> u16 {
        self.answer().map_or(0, |answer| answer.status)
    }

    pub(crate) fn body(&self) -> Option<&Members> {
        self.answer()?.body.as_ref()
    }

    /// Reports whether the save may or may not have been applied.
    pub(crate) fn leaves_open(&self) -> bool {
        self.answer().is_none() || self.code() == Some("outcome_unknown")
    }

    /// Reports whether a client sends the request again.
    pub(crate) fn asks_again(&self) -> bool {
        self.leaves_open() || self.code() == Some("unavailable") && !self.is_contended()
    }

    pub(crate) fn is_contended(&self) -> bool {
        self.answer().is_some_and(|answer| answer.contended)
    }

    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status())
    }

    /// Returns a problem's code.
    pub(crate) fn code(&self) -> Option<&str> {
        match self.body()?.get("code") {
            Some(Value::String(code)) => Some(code),
            _ => None,
        }
    }

    /// Returns the version in the body.
    pub(crate) fn version(&self) -> Option<i64> {
        version(self.body()?)
    }

    /// Returns a line of the schedule.
    pub(crate) fn text(&self) -> String {
        let Some(answer) = self.answer() else { return "gets no response".to_owned() };
        let Answer { status, text, cause, .. } = answer;
        match cause {
            Some(cause) => format!("is answered {status}: {cause}"),
            None if text.is_empty() => {
                let version = self.version().map(|version| format!(", version {version}"));
                format!("is answered {status}{}", version.unwrap_or_default())
            }
            None => format!("is answered {status}: {text}"),
        }
    }
}

impl Receipt {
    pub(crate) fn parse(text: &str) -> Option<Receipt> {
        let dictionary: Dictionary = Parser::new(text).parse().ok()?;
        let mut receipt = Receipt::default();
        for (key, entry) in dictionary {
            match (key.as_str(), entry) {
                ("result", ListEntry::Item(item)) => {
                    receipt.result = item.bare_item.as_token()?.as_str().to_owned();
                }
                ("version", ListEntry::Item(item)) => receipt.version = integer(&item.bare_item)?,
                ("base", ListEntry::Item(item)) => {
                    receipt.base = Some(integer(&item.bare_item)?);
                    receipt.missing = item.params.iter().any(|(name, _)| name.as_str() == "missing");
                }
                ("won", ListEntry::InnerList(list)) => receipt.won = won(&list)?,
                ("omitted", ListEntry::Item(item)) => receipt.omitted = integer(&item.bare_item)?,
                _ => {}
            }
        }
        (!receipt.result.is_empty()).then_some(receipt)
    }
}

fn won(list: &InnerList) -> Option<Vec<Won>> {
    let one = |item: &sfv::Item| {
        let pointer = match &item.bare_item {
            BareItem::String(text) => text.as_str().to_owned(),
            BareItem::DisplayString(text) => text.clone(),
            _ => return None,
        };
        let replaced = item.params.iter().find(|(name, _)| name.as_str() == "replaced");
        Some(Won { pointer, replaced: replaced.and_then(|(_, value)| integer(value)) })
    };
    list.items.iter().map(one).collect()
}

fn integer(item: &BareItem) -> Option<i64> {
    item.as_integer().map(i64::from)
}

/// Parses a JSON object.
pub(crate) fn members(json: &[u8]) -> Option<Members> {
    match parse(json) {
        Ok(Value::Map(members)) => Some(members),
        _ => None,
    }
}

/// Returns the version that a record or a row shows.
pub(crate) fn version(record: &Members) -> Option<i64> {
    match record.get("version") {
        Some(Value::Number(version)) => version.as_str().parse().ok(),
        _ => None,
    }
}

/// Returns a number as a value.
pub(crate) fn number(version: i64) -> Value {
    Value::Number(ripple_core::value::Number::parse(&version.to_string()).expect("a whole number"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_by_its_values() {
        let text = r#"result=saved, version=8, base=-6;missing, won=("/issue";replaced=7 %"/%e7%9b%ae";replaced=3), kept=("/a")"#;
        let won = |pointer: &str, replaced| Won { pointer: pointer.to_owned(), replaced: Some(replaced) };
        let expected = Receipt {
            result: "saved".to_owned(),
            version: 8,
            base: Some(-6),
            missing: true,
            won: vec![won("/issue", 7), won("/目", 3)],
            omitted: 0,
        };
        assert_eq!(Receipt::parse(text), Some(expected));
        assert_eq!(Receipt::parse(""), None);
        assert_eq!(Receipt::parse("result=(("), None);
    }
}

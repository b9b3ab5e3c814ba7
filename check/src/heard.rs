//! What a client gets to hear.

use bytes::Bytes;
use http::Response;
use ripple_core::value::{Members, Value, parse};
use ripple_core::{Error, Report};

/// An answer, or none.
#[derive(Clone, Debug)]
pub(crate) enum Heard {
    Nothing,
    Answer {
        status: u16,
        body: Option<Members>,
        receipt: String,
        capacity: String,
        /// What the host's log tells of an error.
        cause: Option<String>,
    },
}

impl Heard {
    pub(crate) fn of(response: &Response<Bytes>) -> Heard {
        let header = |name: &str| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        Heard::Answer {
            status: response.status().as_u16(),
            body: members(response.body()),
            receipt: header("ripple-receipt"),
            capacity: header("ripple-capacity"),
            cause: response.extensions().get::<Report>().and_then(|report| report.error.clone()),
        }
    }

    /// Whether the save may have been made or not.
    pub(crate) fn leaves_open(&self) -> bool {
        match self {
            Heard::Nothing => true,
            Heard::Answer { .. } => self.code() == Some("outcome_unknown"),
        }
    }

    /// Whether it came to nothing, or nobody knows to what, and asks to be sent again.
    pub(crate) fn asks_again(&self) -> bool {
        self.leaves_open() || self.code() == Some("unavailable") && !self.is_contended()
    }

    /// Whether it lost every try, and so has done nothing.
    pub(crate) fn is_contended(&self) -> bool {
        let detail = Error::Contended.to_string();
        self.code() == Some("unavailable") && self.member("detail") == Some(&detail.as_str().into())
    }

    pub(crate) fn is_success(&self) -> bool {
        matches!(self, Heard::Answer { status, .. } if (200..300).contains(status))
    }

    /// A problem's code.
    pub(crate) fn code(&self) -> Option<&str> {
        match self.member("code") {
            Some(Value::String(code)) => Some(code),
            _ => None,
        }
    }

    pub(crate) fn version(&self) -> Option<u64> {
        match self.member("version") {
            Some(Value::Number(version)) => version.as_u64(),
            _ => None,
        }
    }

    fn member(&self, name: &str) -> Option<&Value> {
        match self {
            Heard::Answer { body: Some(body), .. } => body.get(name),
            _ => None,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Heard::Nothing => "hears nothing".to_owned(),
            Heard::Answer { status, cause: Some(cause), .. } => format!("is answered {status}: {cause}"),
            Heard::Answer { status, receipt, .. } if receipt.is_empty() => {
                let version = self.version().map(|version| format!(", version {version}"));
                format!("is answered {status}{}", version.unwrap_or_default())
            }
            Heard::Answer { status, receipt, .. } => format!("is answered {status}: {receipt}"),
        }
    }
}

/// A JSON object as the client sees it.
pub(crate) fn members(json: &[u8]) -> Option<Members> {
    match parse(json) {
        Ok(Value::Map(members)) => Some(members),
        _ => None,
    }
}

/// The version that a record or a row shows.
pub(crate) fn version(record: &Members) -> Option<u64> {
    match record.get("version") {
        Some(Value::Number(version)) => version.as_u64(),
        _ => None,
    }
}

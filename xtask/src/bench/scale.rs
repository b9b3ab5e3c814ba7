//! Lists of many records at the edge with a replica, and at the backend: how their cost grows with the table.
//!
//! `xtask/src/bench/scale/program.py` runs `ripple dev`, and the edge and the replica under `wrangler dev`. Its times
//! include HTTP and wrangler's proxy.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::figure::{self, Figure};
use super::program::measured;
use crate::edge;
use crate::workspace;

/// The numbers of records.
const FEW: &str = "10000";
const MANY: &str = "60000";
const RECORDS: f64 = 60_000.0;
const PROGRAM: &str = "xtask/src/bench/scale/program.py";

/// The benchmark `scale`.
pub(super) fn run_benchmark() -> Result<()> {
    workspace::build(&["--bin", "ripple"])?;
    edge::build_all()?;
    let measured = measured(PROGRAM, &[FEW, MANY], None)?;
    println!("{measured:#}");

    let number = |path: String| measured.pointer(&path).and_then(Value::as_f64).with_context(|| format!("no {path}"));
    let of = |read: &str, unit: &str| number(format!("/{MANY}/{read}/{unit}"));
    let grown = |read: &str| Ok::<_, anyhow::Error>(of(read, "ms")? / number(format!("/{FEW}/{read}/ms"))?);
    let figures = [
        Figure::alone("page of 50 by id, ms", of("page by id", "ms")?, 30.0),
        Figure::alone("page of 50 by time, ms", of("page by time", "ms")?, 30.0),
        Figure::alone("page of 50 by a declared member, ms", of("page by a declared member", "ms")?, 150.0),
        Figure::alone("search by q, ms", of("q without a match", "ms")?, 200.0),
        Figure::alone("search by q again, ms", of("q again, by the object", "ms")?, 30.0),
        Figure::alone("search by q again, rows", of("q again, by the object", "rows")?, 10.0),
        Figure::alone("read units of a page by id", of("page by id", "units")?, 0.0),
        Figure::alone("rows read by a page by id", of("page by id", "rows")?, 50.0),
        Figure::alone("rows read by a page by time", of("page by time", "rows")?, 101.0),
        Figure::alone("rows read by a search, for a record", of("q without a match", "rows")? / RECORDS, 1.0),
        Figure::alone(
            "rows written by the fill, for a record",
            number(format!("/{MANY}/rows written by the fill"))? / RECORDS,
            3.0,
        ),
        Figure::alone("rows written for an edit", number(format!("/{MANY}/rows written by an edit"))?, 4.0),
        Figure::alone("page by id, 60,000 to 10,000", grown("page by id")?, 1.3),
        Figure::alone("page by time, 60,000 to 10,000", grown("page by time")?, 1.3),
        Figure::alone("the object's WebAssembly, MB", number(format!("/{MANY}/memory"))? / 1e6, 32.0),
        Figure::alone("backend: read units of a page by id", of("backend", "units")?, 30.0),
        Figure::alone("backend: read units of a page by time", of("backend by time", "units")?, 30.0),
    ];
    figure::print(&figures, "");
    Ok(())
}

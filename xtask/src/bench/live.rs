//! The live channel: how soon 100 open pages hear of a save, and of what another program wrote.
//!
//! `xtask/src/bench/live/program.py` opens the sockets, at `ripple dev` and at an edge with a replica under `wrangler
//! dev`. All run on this machine, and so does the program, whose own work on 100 events is a part of the times.

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::figure::{self, Figure};
use super::program::measured;
use crate::edge;
use crate::workspace;

const SOCKETS: &str = "100";
const SAVES: &str = "100";
const PROGRAM: &str = "xtask/src/bench/live/program.py";

/// The benchmark `live`.
pub(super) fn run_benchmark() -> Result<()> {
    workspace::build(&["--bin", "ripple"])?;
    edge::build_all()?;
    let (dev, edge) =
        (measured(PROGRAM, &["dev", SOCKETS, SAVES], None)?, measured(PROGRAM, &["edge", SOCKETS, SAVES], None)?);
    let figures = [
        Figure::alone("save to event, p50, ms", milliseconds(&dev, "/fed/save_p50")?, 20.0),
        Figure::alone("save to event, p99, ms", milliseconds(&dev, "/fed/save_p99")?, 100.0),
        Figure::alone("external write to event, p99, ms", milliseconds(&dev, "/fed/write_p99")?, 1500.0),
        Figure::alone("save to event at the edge, p50, ms", milliseconds(&edge, "/fed/save_p50")?, 20.0),
        Figure::alone("save to event at the edge, p99, ms", milliseconds(&edge, "/fed/save_p99")?, 100.0),
        Figure::alone("external write to event at the edge, p99, ms", milliseconds(&edge, "/fed/write_p99")?, 1500.0),
        Figure::alone("save to event without the feed, p50, ms", milliseconds(&edge, "/unfed/save_p50")?, 20.0),
        Figure::alone("save to event without the feed, p99, ms", milliseconds(&edge, "/unfed/save_p99")?, 100.0),
    ];
    figure::print(&figures, "");
    Ok(())
}

fn milliseconds(measured: &Value, path: &str) -> Result<f64> {
    let seconds = measured.pointer(path).and_then(Value::as_f64);
    seconds.map(|seconds| seconds * 1e3).with_context(|| format!("no {path}: {measured}"))
}

//! The benchmarks: ripple and its alternatives, measured in one run on one machine.
//!
//! A single figure describes the machine as much as the program. So the variants take turns, round by round. The result
//! is the median of the ratios within a round, because a disturbance in a round slows all variants. [`noise`] measures
//! the smallest significant difference.

mod edge;
mod feed;
mod figure;
mod files;
mod lambda;
mod list;
mod live;
mod measure;
mod merge;
mod noise;
mod program;
mod room;
mod scale;
mod tls;

use std::process::ExitCode;

use anyhow::{Result, bail};

struct Benchmark {
    name: &'static str,
    purpose: &'static str,
    run: fn() -> Result<()>,
}

const BENCHMARKS: &[Benchmark] = &[
    Benchmark { name: "noise", purpose: "the difference between two equal programs on this machine", run: noise::run },
    Benchmark {
        name: "lambda",
        purpose: "the Lambda function compared with one in Python: start, get, memory",
        run: lambda::run,
    },
    Benchmark {
        name: "edge",
        purpose: "the edge worker, also with a replica, compared with those made with Hono: reads, start, memory",
        run: edge::run,
    },
    Benchmark { name: "list", purpose: "a list of 10,000 records compared with boto3's scan", run: list::run },
    Benchmark {
        name: "merge",
        purpose: "concurrent saving: the merge, tries on a busy record, the cost of a save",
        run: merge::run_benchmark,
    },
    Benchmark {
        name: "files",
        purpose: "the time that reading a resource file can take, whatever is in it",
        run: files::run_benchmark,
    },
    Benchmark {
        name: "feed",
        purpose: "another program's writes, revocations, and the cost of adoption and backfill",
        run: feed::run_benchmark,
    },
    Benchmark {
        name: "live",
        purpose: "how soon 100 open pages hear of a save, and of another program's write",
        run: live::run_benchmark,
    },
    Benchmark {
        name: "scale",
        purpose: "lists of 60,000 records: the edge with a replica, and the backend",
        run: scale::run_benchmark,
    },
];

/// Runs the benchmark of this name, or `all`. Without a name, lists the benchmarks.
pub(crate) fn run(name: Option<&str>) -> Result<ExitCode> {
    let Some(name) = name else {
        for benchmark in BENCHMARKS {
            println!("{:12} {}", benchmark.name, benchmark.purpose);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let chosen: Vec<_> = BENCHMARKS.iter().filter(|benchmark| name == "all" || benchmark.name == name).collect();
    if chosen.is_empty() {
        bail!("there is no benchmark `{name}`: `cargo xtask bench` lists them");
    }
    for benchmark in chosen {
        println!("── {}: {}", benchmark.name, benchmark.purpose);
        (benchmark.run)()?;
    }
    Ok(ExitCode::SUCCESS)
}

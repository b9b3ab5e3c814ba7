//! The benchmarks: ripple beside what it is compared with, in one run on one machine.
//!
//! A figure of one variant says more of the machine than of the program. So the variants take turns, round by round,
//! and what is reported is the median of the ratios within a round: whatever slowed the machine down in that round
//! slowed all of them. [`noise`] tells how small a difference still means something.

mod edge;
mod figure;
mod lambda;
mod list;
mod measure;
mod merge;
mod noise;
mod room;
mod tls;

use std::process::ExitCode;

use anyhow::{Result, bail};

struct Benchmark {
    name: &'static str,
    purpose: &'static str,
    run: fn() -> Result<()>,
}

const BENCHMARKS: &[Benchmark] = &[
    Benchmark { name: "noise", purpose: "how far apart two equal programs come out here", run: noise::run },
    Benchmark {
        name: "lambda",
        purpose: "the Lambda function beside one in Python: start, get, memory",
        run: lambda::run,
    },
    Benchmark {
        name: "edge",
        purpose: "the edge worker beside one made with Hono: list, start, search",
        run: edge::run,
    },
    Benchmark { name: "list", purpose: "a list of 10,000 records beside boto3's scan", run: list::run },
    Benchmark {
        name: "merge",
        purpose: "saving together: the merge, tries where many save, what a save costs",
        run: merge::run_benchmark,
    },
];

/// Runs the benchmark of that name, `all`, or without a name lists them.
pub(crate) fn run(name: Option<&str>) -> Result<ExitCode> {
    let Some(name) = name else {
        for benchmark in BENCHMARKS {
            println!("{:12} {}", benchmark.name, benchmark.purpose);
        }
        return Ok(ExitCode::SUCCESS);
    };
    let chosen: Vec<_> = BENCHMARKS.iter().filter(|benchmark| name == "all" || benchmark.name == name).collect();
    if chosen.is_empty() {
        bail!("no benchmark is called `{name}`; `cargo xtask bench` lists them");
    }
    for benchmark in chosen {
        println!("── {}: {}", benchmark.name, benchmark.purpose);
        (benchmark.run)()?;
    }
    Ok(ExitCode::SUCCESS)
}

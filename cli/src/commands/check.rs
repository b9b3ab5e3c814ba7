//! `ripple check`

use std::io::IsTerminal as _;
use std::ops::Range;

use anyhow::{Context as _, bail};
use clap::Args;
use clap::builder::RangedU64ValueParser;
use indicatif::ProgressBar;
use ripple_check::{Choices, Counterexample, Run, Storm, every_schedule, scenarios, storm};
use ripple_core::record::schema::Resource;
use ripple_core::store::dynamodb::{DynamoDb, TableNames};
use ripple_core::store::memory::Memory;
use ripple_host::random;

use crate::output;
use crate::target::{self, Place};

/// The default number of storms.
const IN_MEMORY: u64 = 1_000;
const ON_DYNAMODB: u64 = 100;

/// A site with its own tables, which are created and deleted.
const SITE: &str = "ripplecheck";

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Number of storms [default: 1000 in memory, 100 at --endpoint-url, 1 with --seed]
    #[arg(long, value_name = "N")]
    storms: Option<u64>,
    /// Number of writers in each storm [default: 2 to 4, chosen by the seed]
    #[arg(long, value_name = "N", value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
    writers: Option<usize>,
    /// Seed of the first storm; without --storms, run only this storm and print its schedule
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

impl Options {
    fn seeds(&self, default: u64) -> Range<u64> {
        let first = self.seed.unwrap_or(0);
        let storms = self.storms.unwrap_or(if self.seed.is_some() { 1 } else { default });
        first..first.saturating_add(storms)
    }

    /// Returns the options that repeat a storm.
    fn again(&self, seed: u64) -> String {
        let writers = self.writers.map(|writers| format!(" --writers {writers}")).unwrap_or_default();
        format!("ripple check --seed {seed}{writers}")
    }

    fn shows_schedule(&self) -> bool {
        self.seed.is_some() && self.storms.is_none()
    }
}

/// Runs the checks. In memory they are every order of small scenarios, and then storms. On a DynamoDB they are storms,
/// in an order that this DynamoDB determines.
pub(crate) async fn run(connection: &target::Options, options: Options) -> anyhow::Result<()> {
    match connection.endpoint() {
        None => in_memory(&options),
        Some(url) => {
            let table_names = TableNames { site: SITE.to_owned(), ..TableNames::default() };
            let target = connection.open_at(&Place::Endpoint(url.clone()), table_names).await?;
            eprintln!("{target}");
            let store = DynamoDb::new(target.client.clone(), target.keys().table_names().clone(), Resource::built_in());
            store.create_tables().await.with_context(|| format!("cannot create the tables {SITE}_* at {url}"))?;
            let outcome = tokio::select! {
                outcome = on_dynamodb(&store, &options) => outcome,
                interrupted = tokio::signal::ctrl_c() => interrupted.context("interrupted").and_then(|()| bail!("interrupted")),
            };
            store.delete_tables().await.with_context(|| format!("cannot delete the tables {SITE}_* at {url}"))?;
            outcome
        }
    }
}

fn in_memory(options: &Options) -> anyhow::Result<()> {
    if options.seed.is_none() {
        every_order()?;
    }
    let kind = Storm { writers: options.writers, ..Storm::default() };
    let seeds = options.seeds(IN_MEMORY);
    let bar = bar(Some(seeds.end - seeds.start), "storms");
    let mut sum = Sum::default();
    for seed in seeds.clone() {
        match storm(kind, seed, Memory::new) {
            Ok(run) => sum.add(&run, options),
            Err(counterexample) => {
                bar.finish_and_clear();
                return lost(&counterexample, &options.again(seed));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    sum.print(&seeds);
    Ok(())
}

fn every_order() -> anyhow::Result<()> {
    for scenario in scenarios() {
        let bar = bar(None, "orders");
        let outcome = every_schedule(&scenario, Memory::new, || bar.inc(1));
        bar.finish_and_clear();
        match outcome {
            Ok(count) => println!("{}: {count} orders", scenario.name),
            Err(counterexample) => {
                println!("{}:", scenario.name);
                return lost(&counterexample, "ripple check");
            }
        }
    }
    Ok(())
}

async fn on_dynamodb(store: &DynamoDb, options: &Options) -> anyhow::Result<()> {
    let kind = Storm { writers: options.writers, ..Storm::default() };
    let seeds = options.seeds(ON_DYNAMODB);
    let run_id = u64::from_be_bytes(random());
    let bar = bar(Some(seeds.end - seeds.start), "storms");
    let mut sum = Sum::default();
    for seed in seeds.clone() {
        // Each storm has its own record, independent of earlier checks.
        let id = format!("{run_id:016x}-{seed}");
        let run = kind.run_freely(store.clone(), &id, Choices::seeded(seed)).await;
        if let Err(broken) = run.verdict {
            bar.finish_and_clear();
            let counterexample = Counterexample { schedule: run.schedule, broken };
            return lost(
                &counterexample,
                &format!("{} --endpoint-url … (DynamoDB may produce another order)", options.again(seed)),
            );
        }
        sum.add(&run, options);
        bar.inc(1);
    }
    bar.finish_and_clear();
    sum.print(&seeds);
    Ok(())
}

fn lost(counterexample: &Counterexample, again: &str) -> anyhow::Result<()> {
    println!("{counterexample}");
    bail!("a law is broken; repeat it with: {again}")
}

fn bar(total: Option<u64>, what: &str) -> ProgressBar {
    let bar = output::bar(total, what);
    if !std::io::stderr().is_terminal() {
        bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
    }
    bar
}

/// The totals over all storms.
#[derive(Default)]
struct Sum {
    saves: usize,
    versions: usize,
}

impl Sum {
    fn add(&mut self, run: &Run, options: &Options) {
        if options.shows_schedule() {
            for (number, line) in run.schedule.iter().enumerate() {
                println!("{:4}. {line}", number + 1);
            }
        }
        self.saves += run.saves;
        self.versions += run.versions;
    }

    fn print(&self, seeds: &Range<u64>) {
        if seeds.is_empty() {
            return;
        }
        let Sum { saves, versions } = self;
        let storms = match seeds.end - seeds.start {
            1 => format!("the storm of seed {}", seeds.start),
            count => format!("{count} storms, seeds {} to {}", seeds.start, seeds.end - 1),
        };
        println!("{storms}: {saves} saves, {versions} versions, no edit lost");
    }
}

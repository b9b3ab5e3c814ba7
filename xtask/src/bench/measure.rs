//! The cost of a process, and comparisons of costs.

use std::fmt;
use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::time::{ClockId, clock_gettime};
use nix::unistd::Pid;

/// Keeps this thread, and the processes that it starts, on one CPU until it is dropped. If client and server are on two
/// CPUs, each wakes the other by an interrupt. In a virtual machine that costs more than a response, and the scheduler
/// decides which of the compared processes pays for it. A Lambda function has no more than one CPU either.
pub(crate) struct OneCpu(CpuSet);

impl OneCpu {
    /// Keeps this thread on its current CPU.
    pub(crate) fn take() -> Result<OneCpu> {
        let before = sched_getaffinity(THIS)?;
        let mut one = CpuSet::new();
        one.set(sched_getcpu()?)?;
        sched_setaffinity(THIS, &one)?;
        Ok(OneCpu(before))
    }
}

impl Drop for OneCpu {
    fn drop(&mut self) {
        // The CPUs that were allowed before still exist. If this fails, only the next build takes longer.
        let _ = sched_setaffinity(THIS, &self.0);
    }
}

/// This thread.
const THIS: Pid = Pid::from_raw(0);

/// Returns the CPU time of a process with all its threads, but without its children.
///
/// Works after the end of the process too, until another process has waited for it.
pub(crate) fn cpu_time(process: u32) -> Result<Duration> {
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(process.cast_signed()))
        .and_then(clock_gettime)
        .with_context(|| format!("process {process} has no CPU time"))?;
    Ok(clock.into())
}

/// The memory of a process, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    /// The resident memory now.
    pub(crate) resident: u64,
    /// The largest resident memory so far.
    pub(crate) peak: u64,
}

/// Returns the memory of a process that has not ended.
pub(crate) fn memory(process: u32) -> Result<Memory> {
    let file = format!("/proc/{process}/status");
    let status = fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    let field = |name| bytes(&status, name).with_context(|| format!("{file} has no {name}"));
    Ok(Memory { resident: field("VmRSS")?, peak: field("VmHWM")? })
}

fn bytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let kibibytes: u64 = value.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
    Some(kibibytes * 1024)
}

/// One of the compared variants. Each call runs it once and returns its cost, in any unit.
pub(crate) struct Variant<'a> {
    /// The name in the report.
    pub(crate) name: &'static str,
    /// Runs the variant once.
    pub(crate) run: Box<dyn FnMut() -> Result<f64> + 'a>,
}

/// The cost of a variant.
#[derive(Debug)]
pub(crate) struct Cost {
    /// The variant's name.
    pub(crate) name: &'static str,
    /// The median, in the unit of the variant.
    pub(crate) median: f64,
    /// The ratio to the first variant in the same round: lower quartile, median, upper quartile.
    pub(crate) ratio: [f64; 3],
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, middle, high] = self.ratio;
        write!(f, "{:20} {:10.3}   ×{middle:.3} (quartiles {low:.3} to {high:.3})", self.name, self.median)
    }
}

/// Lets the variants take turns. Each round begins with another variant, so none is always the first.
///
/// One more round runs before and does not count: it fills the caches.
pub(crate) fn compare(rounds: usize, variants: &mut [Variant<'_>]) -> Result<Vec<Cost>> {
    let mut costs = vec![Vec::with_capacity(rounds); variants.len()];
    for round in 0..=rounds {
        for turn in 0..variants.len() {
            let variant = (round + turn) % variants.len();
            let cost = (variants[variant].run)().with_context(|| variants[variant].name)?;
            if round > 0 {
                costs[variant].push(cost);
            }
        }
    }
    let summary = |(variant, costs_of_it): (&Variant<'_>, &Vec<f64>)| {
        let ratios: Vec<f64> = costs_of_it.iter().zip(&costs[0]).map(|(cost, first)| cost / first).collect();
        Cost { name: variant.name, median: quartiles(costs_of_it)[1], ratio: quartiles(&ratios) }
    };
    Ok(variants.iter().zip(&costs).map(summary).collect())
}

/// Returns lower quartile, median and upper quartile.
fn quartiles(values: &[f64]) -> [f64; 3] {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    [0.25, 0.5, 0.75].map(|part| {
        let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
        // Between two values, the result is their mean, weighted by nearness.
        let place = part * last as f64;
        let (below, above) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
        below + (above - below) * place.fract()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_the_ratios_forgives_a_slow_round() {
        let mut machine = [1.0, 1.0, 9.0, 1.0].into_iter().cycle(); // by round, of the first variant
        let mut same_machine = machine.clone();
        let costs = compare(
            3,
            &mut [
                Variant { name: "one", run: Box::new(|| Ok(2.0 * machine.next().unwrap())) },
                Variant { name: "half", run: Box::new(|| Ok(same_machine.next().unwrap())) },
            ],
        )
        .unwrap();
        assert_eq!((costs[0].median, costs[0].ratio), (2.0, [1.0; 3]));
        assert_eq!((costs[1].median, costs[1].ratio), (1.0, [0.5; 3]));
    }

    #[test]
    fn quartiles_lie_between_values_where_they_must() {
        assert_eq!(quartiles(&[4.0, 1.0, 3.0, 2.0, 5.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&[2.0, 1.0]), [1.25, 1.5, 1.75]);
        assert_eq!(quartiles(&[7.0]), [7.0; 3]);
    }

    #[test]
    fn this_process_has_used_time_and_holds_memory() {
        let own = std::process::id();
        let before = cpu_time(own).unwrap();
        std::hint::black_box((0..1_000_000_u64).fold(0, |sum, n| sum ^ n.wrapping_mul(n)));
        assert!(cpu_time(own).unwrap() > before);
        let memory = memory(own).unwrap();
        assert!(memory.resident > 100_000 && memory.peak >= memory.resident, "{memory:?}");
    }

    #[test]
    fn a_field_of_status_is_found_by_its_whole_name() {
        let status = "VmHWMx:\t 1 kB\nVmHWM:\t    1412 kB\nVmRSS:\t junk\n";
        assert_eq!(bytes(status, "VmHWM"), Some(1412 * 1024));
        assert_eq!(bytes(status, "VmRSS"), None);
        assert_eq!(bytes(status, "VmPeak"), None);
    }
}

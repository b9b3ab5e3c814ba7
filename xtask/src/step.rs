//! Steps: the parts of `check` and `test`.

use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;

/// One check or test.
pub(crate) struct Step {
    /// The name for `--only`.
    pub(crate) name: &'static str,
    /// The property that holds if the step passes.
    pub(crate) purpose: &'static str,
    /// Runs the step. An error is a failure, and its text is the line that gives the reason.
    pub(crate) run: fn() -> Result<()>,
}

/// Runs the steps in order, or only the named ones, until the first failure.
pub(crate) fn take<'a>(steps: impl Iterator<Item = &'a Step>, only: &[String]) -> Result<ExitCode> {
    let wanted = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    let steps: Vec<&Step> = steps.filter(wanted).collect();
    let begun = Instant::now();

    let mut passed = 0;
    for step in &steps {
        eprintln!("\n── {}: {}", step.name, step.purpose);
        let started = Instant::now();
        let outcome = (step.run)();
        let seconds = started.elapsed().as_secs_f64();
        if let Err(error) = outcome {
            eprintln!("\n── step {} failed after {seconds:.1} s: {error:#}", step.name);
            break;
        }
        eprintln!("── {} passed in {seconds:.1} s", step.name);
        passed += 1;
    }

    eprintln!("\n{passed} of {} steps passed in {:.1} s", steps.len(), begun.elapsed().as_secs_f64());
    Ok(if passed == steps.len() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 3] = [
        Step { name: "good", purpose: "passes", run: || Ok(()) },
        Step { name: "bad", purpose: "fails", run: || anyhow::bail!("as it must") },
        Step { name: "late", purpose: "is not reached after a failure", run: || panic!("reached") },
    ];

    fn outcome(only: &[&str]) -> ExitCode {
        let only: Vec<String> = only.iter().map(ToString::to_string).collect();
        take(STEPS.iter(), &only).unwrap()
    }

    #[test]
    fn a_failure_ends_the_run_and_shows_in_the_exit_code() {
        assert_eq!(outcome(&[]), ExitCode::FAILURE);
    }

    #[test]
    fn only_the_named_steps_are_taken() {
        assert_eq!(outcome(&["good"]), ExitCode::SUCCESS);
        assert_eq!(outcome(&["good", "bad"]), ExitCode::FAILURE);
    }
}

//! Figures and their goals, in a table.

use super::measure::Cost;

/// A figure of ripple, with the alternative's figure if there is one.
pub(super) struct Figure {
    /// The measured quantity, with its unit.
    pub(super) what: &'static str,
    pub(super) ripple: f64,
    pub(super) other: Option<f64>,
    /// The value, which must be at most `goal`.
    pub(super) value: f64,
    pub(super) goal: f64,
}

impl Figure {
    /// Returns the ratio of two variants that took turns. The value is the median of the ratios.
    pub(super) fn ratio(what: &'static str, other: &Cost, ripple: &Cost, goal: f64) -> Figure {
        Figure { what, ripple: ripple.median, other: Some(other.median), value: ripple.ratio[1], goal }
    }

    /// Returns the ratio of two costs above that of a bare one.
    pub(super) fn ratio_above(what: &'static str, bare: &Cost, other: &Cost, ripple: &Cost, goal: f64) -> Figure {
        let (ripple, other) = (ripple.median - bare.median, other.median - bare.median);
        Figure { what, ripple, other: Some(other), value: ripple / other, goal }
    }

    /// Returns a figure whose difference must be small.
    pub(super) fn difference(what: &'static str, other: f64, ripple: f64, goal: f64) -> Figure {
        Figure { what, ripple, other: Some(other), value: ripple - other, goal }
    }

    /// Returns a figure that must be small in itself.
    pub(super) fn absolute(what: &'static str, ripple: f64, other: f64, goal: f64) -> Figure {
        Figure { what, ripple, other: Some(other), value: ripple, goal }
    }

    /// Returns a figure without an alternative.
    pub(super) fn alone(what: &'static str, ripple: f64, goal: f64) -> Figure {
        Figure { what, ripple, other: None, value: ripple, goal }
    }
}

/// Prints the figures.
pub(super) fn print(figures: &[Figure], other: &str) {
    println!();
    println!("{:60} {:>9} {:>9} {:>9} {:>9}", "", "ripple", other, "value", "goal");
    for Figure { what, ripple, other, value, goal } in figures {
        let reached = if value <= goal { "reached" } else { "missed" };
        let other = other.map(|other| format!("{other:.3}")).unwrap_or_default();
        println!("{what:60} {ripple:9.3} {other:>9} {value:9.4} {goal:9.4} {reached}");
    }
}

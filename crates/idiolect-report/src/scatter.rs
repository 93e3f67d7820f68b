//! Learning against forgetting: a mark for each trained model, with the interval of both.
//!
//! Further right has learned more, further up has forgotten more; the base model is where both are 0.

use plotters::prelude::*;
use serde_json::Value;

use crate::ReportError;
use crate::plots::{Area, Axes, LARGEST, PlotError, Y_LABELS, colour, drawn, mesh};

/// Room beside the outermost mark, as a share of the whole.
const ROOM: f64 = 0.06;

/// A mean with the ends of its interval.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    mean: f64,
    low: f64,
    high: f64,
}

/// What one model has learned and forgotten, in nats a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Spot {
    /// Which of the page's colours.
    pub(crate) colour: usize,
    /// Fall of the held-out responses.
    pub(crate) learning: Measured,
    /// Rise of the base model's own answers.
    pub(crate) forgetting: Measured,
}

impl Measured {
    /// The numbers of a run's file; none where one is absent or beyond any axis.
    pub(crate) fn of(found: &Value) -> Option<Self> {
        let number = |name| found[name].as_f64().filter(|number| number.abs() < LARGEST);
        Some(Self {
            mean: number("mean")?,
            low: number("low")?,
            high: number("high")?,
        })
    }
}

/// The plot.
pub(crate) fn scatter(spots: &[Spot]) -> Result<String, ReportError> {
    let axes = Axes {
        title: "Learning against forgetting",
        x: "learned, nats a token",
        y: "forgotten, nats a token",
    };
    let across = range(spots.iter().map(|spot| spot.learning));
    let up = range(spots.iter().map(|spot| spot.forgetting));
    drawn(&axes, |area| draw(area, &axes, spots, [across, up]))
}

fn draw(
    area: &Area<'_>,
    axes: &Axes,
    spots: &[Spot],
    [across, up]: [(f64, f64); 2],
) -> Result<(), PlotError> {
    let mut chart = ChartBuilder::on(area)
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(Y_LABELS)
        .build_cartesian_2d(across.0..across.1, up.0..up.1)?;
    mesh(&mut chart, axes)?;
    chart.draw_series([Circle::new((0.0, 0.0), 5, colour(0).filled())])?;
    for spot in spots {
        let (x, y, own) = (spot.learning, spot.forgetting, colour(spot.colour));
        let bars = [
            vec![(x.low, y.mean), (x.high, y.mean)],
            vec![(x.mean, y.low), (x.mean, y.high)],
        ];
        let bars = bars.map(|ends| PathElement::new(ends, own.stroke_width(2)));
        chart.draw_series(bars)?;
        chart.draw_series([Circle::new((x.mean, y.mean), 5, own.filled())])?;
    }
    Ok(())
}

/// From the lowest to the highest end, with 0 and some room.
fn range(all: impl Iterator<Item = Measured>) -> (f64, f64) {
    let ends = all.flat_map(|one| [one.low, one.mean, one.high]);
    let (low, high) = ends.fold((0.0_f64, 0.0_f64), |(low, high), end| {
        (low.min(end), high.max(end))
    });
    let width = if high - low < crate::plots::SMALLEST {
        1.0
    } else {
        high - low
    };
    (low - ROOM * width, high + ROOM * width)
}

//! The figure: learning against forgetting, one point for each arm with its seeds.

use std::path::Path;

use plotters::prelude::*;

use crate::design::{ARMS, Arm};
use crate::error::ExperimentError;

/// Means of an arm at each seed.
pub(crate) struct Point {
    /// Which arm, and how many rows.
    pub(crate) arm: (Arm, usize),
    /// Learning and forgetting of each seed.
    pub(crate) seeds: Vec<(f64, f64)>,
}

impl Point {
    pub(crate) fn mean(&self) -> (f64, f64) {
        let count = self.seeds.len().max(1) as f64;
        let sum = self
            .seeds
            .iter()
            .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (sum.0 / count, sum.1 / count)
    }
}

/// Draws the arms into an SVG file.
pub(crate) fn draw(points: &[Point], path: &Path) -> Result<(), ExperimentError> {
    let mut svg = String::new();
    drawn(points, &mut svg).map_err(|error| ExperimentError::Figure(error.to_string()))?;
    std::fs::write(path, svg).map_err(ExperimentError::io(path))
}

fn drawn(points: &[Point], svg: &mut String) -> Result<(), Box<dyn std::error::Error>> {
    let seeds = points.iter().flat_map(|point| &point.seeds);
    let far = |of: fn(&(f64, f64)) -> f64| seeds.clone().map(of).fold(1e-3, f64::max);
    // To the right there is room for a name.
    let (right, top) = (far(|seed| seed.0) * 1.6, far(|seed| seed.1) * 1.25);
    let left = seeds.clone().map(|seed| seed.0).fold(0.0, f64::min) * 1.25;
    let low = seeds.clone().map(|seed| seed.1).fold(0.0, f64::min) * 1.25;
    let root = SVGBackend::with_string(svg, (720, 440)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .margin(16)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d(left..right, low..top)?;
    chart
        .configure_mesh()
        .x_desc("learning: fall in nats a token of held-out responses")
        .y_desc("forgetting: rise in nats a token of own answers")
        .light_line_style(TRANSPARENT)
        .draw()?;
    for point in points {
        let place = ARMS.iter().position(|arm| *arm == point.arm).unwrap_or(0);
        let colour = Palette99::pick(place).to_rgba();
        chart.draw_series(
            point
                .seeds
                .iter()
                .map(|seed| Circle::new(*seed, 3, colour.mix(0.5).filled())),
        )?;
        let (arm, rows) = point.arm;
        chart.draw_series(std::iter::once(
            EmptyElement::at(point.mean())
                + Circle::new((0, 0), 6, colour.filled())
                + Text::new(
                    format!("{arm}, {rows} rows"),
                    (9, -6),
                    ("sans-serif", 13).into_font(),
                ),
        ))?;
    }
    root.present()?;
    Ok(())
}

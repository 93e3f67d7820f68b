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
    let mut names = Vec::new();
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
        let name = format!("{arm}, {rows} rows");
        let beside = Name::beside(chart.backend_coord(&point.mean()), &name, &mut names);
        chart.draw_series(std::iter::once(
            EmptyElement::at(point.mean())
                + Circle::new((0, 0), 6, colour.filled())
                + Text::new(name, beside, ("sans-serif", 13).into_font()),
        ))?;
    }
    root.present()?;
    Ok(())
}

/// Where the name of a point stands, in pixels.
#[derive(Clone, Copy)]
struct Name {
    left: i32,
    right: i32,
    top: i32,
}

impl Name {
    /// Pixels of a letter, and of a line.
    const LETTER: i32 = 6;
    const LINE: i32 = 13;

    /// From a point to its name: to the right, and as little above or below as keeps it clear of the names before it.
    fn beside(point: (i32, i32), name: &str, names: &mut Vec<Self>) -> (i32, i32) {
        let length = i32::try_from(name.len()).unwrap_or(0) * Self::LETTER;
        let at = |down: i32| Self {
            left: point.0 + 9,
            right: point.0 + 9 + length,
            top: point.1 + down,
        };
        let ways = [-6, 8, -20, 22, -34, 36];
        let clear = ways.into_iter().find(|down| {
            let own = at(*down);
            !names.iter().any(|other| own.touches(*other))
        });
        let down = clear.unwrap_or(-6);
        names.push(at(down));
        (9, down)
    }

    fn touches(self, other: Self) -> bool {
        let apart = self.right < other.left || other.right < self.left;
        !apart && (self.top - other.top).abs() < Self::LINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_points_side_by_side_stand_on_lines_of_their_own() {
        let mut names = Vec::new();
        let of = |point, names: &mut Vec<Name>| Name::beside(point, "plain, 240 rows", names);
        assert_eq!(of((100, 100), &mut names), (9, -6));
        assert_eq!(of((140, 103), &mut names), (9, 8));
        assert_eq!(of((120, 98), &mut names), (9, -20));
        assert_eq!(of((400, 100), &mut names), (9, -6));
    }
}

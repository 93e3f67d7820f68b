//! Plots as SVG that takes its colours from the page it stands in.
//!
//! Plotters writes colours into each mark; here they are stand-ins that become the page's own variables, so
//! that one plot serves light, dark and paper.

use idiolect_input::guarded;
use plotters::coord::Shift;
use plotters::prelude::*;

use crate::ReportError;
use crate::series::{COLOURS, Series};

/// Room for the marks of the y axis and its name, in pixels.
pub(crate) const Y_LABELS: u32 = 78;

/// What the axes say.
pub(crate) struct Axes {
    /// Read out where the plot cannot be seen.
    pub(crate) title: &'static str,
    /// Below the plot.
    pub(crate) x: &'static str,
    /// Beside it.
    pub(crate) y: &'static str,
}

/// Stand-ins for the page's own colours: text and axes, then the grid, then those of the series.
pub(crate) const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const FIRST: u8 = 3;

/// Why a plot could not be drawn.
pub(crate) type PlotError = DrawingAreaErrorKind<std::io::Error>;
type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// The largest number that is drawn: axes of more make no sense to a reader, and some of them no end.
pub(crate) const LARGEST: f64 = 1e15;

/// The points that can be drawn; what is no number, or beyond any axis, is left out.
pub(crate) fn drawable(points: impl IntoIterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let fits = |number: f64| number.abs() <= LARGEST;
    points
        .into_iter()
        .filter(|(x, y)| fits(*x) && fits(*y))
        .collect()
}

fn all_drawable(series: &[Series]) -> Vec<Series> {
    let one = |one: &Series| Series {
        points: drawable(one.points.iter().copied()),
        ..*one
    };
    series.iter().map(one).collect()
}

/// Lines over steps.
pub(crate) fn lines(axes: &Axes, series: &[Series]) -> Result<String, ReportError> {
    let series = &all_drawable(series);
    let (right, top) = extent(series);
    drawn(axes, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(Y_LABELS)
            .build_cartesian_2d(0.0..right, 0.0..top)?;
        mesh(&mut chart, axes)?;
        for one in series {
            let (points, style) = (
                one.points.iter().copied(),
                colour(one.colour).stroke_width(2),
            );
            if let [point] = points.clone().collect::<Vec<_>>()[..] {
                // A line of one point is none.
                chart.draw_series([Circle::new(point, 4, colour(one.colour).filled())])?;
            } else if one.dashed {
                chart.draw_series(DashedLineSeries::new(points, 6, 4, style))?;
            } else {
                chart.draw_series(LineSeries::new(points, style))?;
            }
        }
        Ok(())
    })
}

/// Bars side by side in groups that are `width` apart on the x axis; a point is its group's left end.
pub(crate) fn bars(axes: &Axes, width: f64, series: &[Series]) -> Result<String, ReportError> {
    let series = &all_drawable(series);
    let (right, top) = extent(series);
    let share = width * 0.9 / series.len().max(1) as f64;
    drawn(axes, |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(44)
            .y_label_area_size(Y_LABELS)
            .build_cartesian_2d(0.0..right + width, 0.0..top)?;
        mesh(&mut chart, axes)?;
        for (place, one) in series.iter().enumerate() {
            let bar = |(left, height): &(f64, f64)| {
                let left = left + width * 0.05 + share * place as f64;
                Rectangle::new(
                    [(left, 0.0), (left + share, *height)],
                    colour(one.colour).filled(),
                )
            };
            chart.draw_series(one.points.iter().filter(|point| 0.0 < point.1).map(bar))?;
        }
        Ok(())
    })
}

pub(crate) type Chart<'a, 'b> = ChartContext<
    'a,
    SVGBackend<'b>,
    Cartesian2d<plotters::coord::types::RangedCoordf64, plotters::coord::types::RangedCoordf64>,
>;

pub(crate) fn mesh(chart: &mut Chart, axes: &Axes) -> Result<(), PlotError> {
    let text = ("sans-serif", 14).into_font().color(&INK);
    chart
        .configure_mesh()
        .x_desc(axes.x)
        .y_desc(axes.y)
        .axis_style(INK)
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .label_style(text.clone())
        .axis_desc_style(text)
        .x_labels(8)
        .x_label_formatter(&tick)
        .y_label_formatter(&tick)
        .y_labels(6)
        .draw()
}

/// Whole numbers without a point, others without what rounding left behind, small ones with an exponent.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "plotters calls it so")]
fn tick(value: &f64) -> String {
    if *value != 0.0 && value.abs() < 1e-3 {
        let short = format!("{value:.1e}");
        return short.replace(".0e", "e");
    }
    let rounded = (value * 1e6).round() / 1e6;
    format!("{rounded}")
}

/// Draws on an empty area and gives the page's colours to the result.
pub(crate) fn drawn(
    axes: &Axes,
    draw: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, ReportError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (480, 250)).into_drawing_area();
        let drawn = guarded(|| draw(&area).and_then(|()| area.present()));
        let drawn = drawn.map_err(|source| undrawn(axes.title, source))?;
        drawn.map_err(|source| undrawn(axes.title, source))?;
    }
    for (stand_in, own) in page_colours() {
        svg = svg.replace(&stand_in, &own);
    }
    let label = format!("<svg role=\"img\" aria-label=\"{}\" ", axes.title);
    Ok(svg.replacen("<svg ", &label, 1))
}

/// That a plot could not be drawn.
pub(crate) fn undrawn(title: &'static str, source: impl Into<BoxError>) -> ReportError {
    let source = source.into();
    ReportError::Plot { title, source }
}

/// The stand-in for a colour of a series.
pub(crate) fn colour(number: usize) -> RGBColor {
    let own = u8::try_from(number % COLOURS).unwrap_or_default();
    let level = FIRST + own;
    RGBColor(level, level, level)
}

/// The stand-ins as plotters writes them, and what the page is to read.
fn page_colours() -> impl Iterator<Item = (String, String)> {
    let written = |RGBColor(r, g, b)| format!("#{r:02X}{g:02X}{b:02X}");
    let own = [
        (INK, "currentColor".to_owned()),
        (GRID, "var(--grid)".into()),
    ];
    let series = (0..COLOURS).map(|at| (colour(at), format!("var(--c{at})")));
    own.into_iter()
        .chain(series)
        .map(move |(stand_in, own)| (written(stand_in), own))
}

/// An axis that ends below this is drawn to 1: the steps between its marks would be no numbers any more.
pub(crate) const SMALLEST: f64 = 1e-300;

/// The right and upper end of all points, never 0.
fn extent(series: &[Series]) -> (f64, f64) {
    let points = series.iter().flat_map(|one| &one.points);
    let (right, top) = points.fold((0.0_f64, 0.0_f64), |(right, top), (x, y)| {
        (right.max(*x), top.max(*y))
    });
    let or_one = |end: f64| if end < SMALLEST { 1.0 } else { end };
    (or_one(right), or_one(top * 1.05))
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXES: Axes = Axes {
        title: "a title",
        x: "step",
        y: "loss",
    };

    fn series(colour: usize) -> Series {
        Series {
            colour,
            dashed: false,
            points: vec![(0.0, 1.0), (1.0, 0.5)],
        }
    }

    #[test]
    fn plots_have_text_marks_and_no_colour_of_their_own() {
        let line = lines(&AXES, &[series(1), series(2)]).unwrap();
        let bar = bars(&AXES, 1.0, &[series(1), series(2)]).unwrap();
        for (svg, mark) in [(line, "<polyline"), (bar, "<rect")] {
            for part in [
                "a title",
                "step",
                "loss",
                "var(--c1)",
                "var(--c2)",
                "currentColor",
                mark,
            ] {
                assert!(svg.contains(part), "{part}: {svg}");
            }
            assert!(!svg.contains("=\"#"), "{svg}");
        }
    }

    #[test]
    fn points_that_no_axis_holds_are_left_out() {
        let ends = [
            (1.0, f64::INFINITY),
            (f64::NAN, 1.0),
            (2.0, f64::MAX),
            (1e300, 0.5),
            (1.0, f64::NEG_INFINITY),
        ];
        let hostile = Series {
            points: ends.into_iter().chain([(0.0, 1.0), (1.0, 0.5)]).collect(),
            ..series(1)
        };
        for draw in [lines(&AXES, &[hostile]), bars(&AXES, 1.0, &[series(1)])] {
            let svg = draw.unwrap();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
        }
        let tiny = Series {
            points: vec![(0.0, 5e-324), (5e-324, 5e-324)],
            ..series(1)
        };
        assert!(lines(&AXES, &[tiny]).is_ok());
    }

    #[test]
    fn nothing_to_show_is_an_empty_plot() {
        assert!(bars(&AXES, 1.0, &[]).unwrap().starts_with("<svg role"));
        assert!(
            lines(
                &AXES,
                &[Series {
                    points: vec![],
                    ..series(1)
                }]
            )
            .is_ok()
        );
    }
}

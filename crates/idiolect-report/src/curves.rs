//! The course of a run as a picture: loss, learning rate and gradient norm over the steps, from
//! `metrics.jsonl`, which holds the steps before a resumption too.

use std::path::Path;

use idiolect_data::{RunDir, write_atomically};
use idiolect_input::guarded;
use plotters::prelude::{
    BLACK, ChartBuilder, Color, DrawingArea, IntoDrawingArea, IntoFont, LineSeries, RGBColor,
    SVGBackend, SeriesLabelPosition, WHITE,
};
use serde_json::{Map, Value};

use crate::ReportError;
use crate::files::{lines, text};
use crate::plots::{PlotError, SMALLEST, drawable, undrawn};

const SIZE: (u32, u32) = (900, 1000);
const TRAINED: RGBColor = RGBColor(31, 119, 180);
const HELD_OUT: RGBColor = RGBColor(214, 39, 40);

/// Points of a line above which they are not marked: the line alone is clearer then.
const MOST_MARKED: usize = 60;

const TITLE: &str = "Curves of a run";

type Line = Vec<(f64, f64)>;

/// Draws the curves of a run directory into `curves.svg`; nothing where no step was done.
///
/// # Errors
///
/// [`ReportError::NoRun`] where there is no `metrics.jsonl`; [`ReportError::Io`] where it cannot be read,
/// [`ReportError::Json`] for a line of it that is no object, [`ReportError::Data`] where the picture cannot be
/// written.
pub fn draw(run: &Path) -> Result<(), ReportError> {
    let run = RunDir::new(run);
    let path = run.metrics();
    let Some(text) = text(&path)? else {
        return Err(ReportError::no_run(&run));
    };
    let rows = lines(&path, &text)?;
    let picture = guarded(|| picture(&rows)).map_err(|source| undrawn(TITLE, source))?;
    let picture = picture.map_err(|source| undrawn(TITLE, source))?;
    match picture {
        Some(picture) => Ok(write_atomically(&run.curves(), |to| {
            to.write_all(picture.as_bytes())
        })?),
        None => Ok(()),
    }
}

/// The values of a field by step.
fn line(rows: &[Map<String, Value>], field: &str) -> Line {
    let number = |row: &Map<String, Value>, field| row.get(field).and_then(Value::as_f64);
    let point = |row: &Map<String, Value>| Some((number(row, "step")?, number(row, field)?));
    drawable(rows.iter().filter_map(point))
}

fn picture(rows: &[Map<String, Value>]) -> Result<Option<String>, PlotError> {
    let loss = line(rows, "loss");
    let Some(&(last, _)) = loss.last() else {
        return Ok(None);
    };
    let held_out = line(rows, "eval_loss");
    let (rate, norm) = (line(rows, "lr"), line(rows, "grad_norm"));
    let losses = [
        ("training", TRAINED, &loss),
        ("held-out", HELD_OUT, &held_out),
    ];
    let panels: [(&str, &str, &[_]); 3] = [
        ("Loss", "nats per trained token", &losses),
        ("Learning rate", "rate", &[("", TRAINED, &rate)]),
        (
            "Gradient norm before clipping",
            "norm",
            &[("", TRAINED, &norm)],
        ),
    ];
    let mut text = String::new();
    {
        let root = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        root.fill(&WHITE)?;
        let areas = root.split_evenly((panels.len(), 1));
        for (area, (title, values, lines)) in areas.iter().zip(panels) {
            panel(area, last, (title, values), lines)?;
        }
        root.present()?;
    }
    Ok(Some(text))
}

/// One chart: its title and the name of its values, and its lines by name.
fn panel(
    area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>,
    last: f64,
    (title, values): (&str, &str),
    lines: &[(&str, RGBColor, &Line)],
) -> Result<(), PlotError> {
    let all = || lines.iter().flat_map(|line| line.2).map(|point| point.1);
    let highest = all().fold(0.0, f64::max);
    let top = if highest > SMALLEST {
        highest * 1.05
    } else {
        1.0
    };
    let mut chart = ChartBuilder::on(area)
        .caption(title, ("sans-serif", 20).into_font())
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(80)
        // A little room, so that the last point is whole.
        .build_cartesian_2d(0.0..last.max(1.0) * 1.01, 0.0..top)?;
    chart
        .configure_mesh()
        .x_desc("optimiser step")
        .y_desc(values)
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 14))
        .x_label_formatter(&|step| format!("{step:.0}"))
        .y_label_formatter(&|value| label(*value, top))
        .bold_line_style(BLACK.mix(0.1))
        .light_line_style(WHITE.mix(0.0))
        .draw()?;
    for (name, color, line) in lines.iter().filter(|line| !line.2.is_empty()) {
        let color = *color;
        let style = color.filled().stroke_width(2);
        let size = if line.len() > MOST_MARKED { 0 } else { 2 };
        let drawn = LineSeries::new(line.iter().copied(), style).point_size(size);
        let drawn = chart.draw_series(drawn)?;
        if !name.is_empty() {
            let mark =
                move |(x, y)| plotters::element::PathElement::new(vec![(x, y), (x + 20, y)], style);
            drawn.label(*name).legend(mark);
        }
    }
    if lines.iter().any(|line| !line.0.is_empty()) {
        let mut names = chart.configure_series_labels();
        // Losses fall: there is room above them.
        names.position(SeriesLabelPosition::UpperRight);
        names
            .label_font(("sans-serif", 14))
            .background_style(WHITE)
            .border_style(BLACK.mix(0.2))
            .draw()?;
    }
    Ok(())
}

/// A value of an axis that ends at `top`, short also where rates are small.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a small number that is not below 0"
)]
fn label(value: f64, top: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else if top < 0.01 {
        format!("{value:.1e}")
    } else {
        // As many digits as tell six marks apart.
        let digits = (1.0 - (top / 6.0).log10().floor()).clamp(0.0, 6.0);
        format!("{value:.*}", digits as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_curve_is_titled_and_drawn() {
        let object = |row: Value| row.as_object().unwrap().clone();
        let row = |step: usize| {
            object(json!({"step": step, "loss": 3.0 / step as f64, "lr": 1e-4, "grad_norm": 0.5}))
        };
        let mut rows: Vec<Map<String, Value>> = (1..6).map(row).collect();
        let count = |svg: &str, part: &str| svg.matches(part).count();
        let without = picture(&rows).unwrap().unwrap();
        rows.push(object(json!({"step": 5, "eval_loss": 1.0})));
        let with = picture(&rows).unwrap().unwrap();
        for text in [
            "Loss",
            "Learning rate",
            "Gradient norm before clipping",
            "nats per trained token",
        ] {
            assert!(with.contains(text), "{text}");
        }
        assert_eq!(count(&with, "optimiser step"), 3);
        assert_eq!(
            (count(&without, "held-out"), count(&with, "held-out")),
            (0, 1)
        );
        assert_eq!(count(&with, "<circle") - count(&without, "<circle"), 1);
        assert!(picture(&[]).unwrap().is_none());
        let ends = [
            json!({"step": 1, "loss": 1e300}),
            json!({"step": 1e308, "loss": 1.0}),
        ];
        assert!(picture(&ends.map(object)).unwrap().is_none());
        let many: Vec<Map<String, Value>> = (1..=100).map(row).collect();
        let many = picture(&many).unwrap().unwrap();
        assert_eq!(count(&many, "<circle"), 0);
        // Steps are whole numbers, and small rates are short ones.
        let words: Vec<&str> = many.lines().map(str::trim).collect();
        assert!(words.contains(&"50") && !words.contains(&"50.0"));
        assert!(words.contains(&"5.0e-5") && !many.contains("0.00005"));
    }
}

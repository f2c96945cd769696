//! Charts as SVG. Colours are classes, which the style sheet gives a colour for light and dark.

use std::ops::Range;
use std::time::Duration;

use maud::{Markup, PreEscaped, html};
use offport_wire::Timestamp;
use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::*;

use super::words::shown;
use crate::number::date_time;

/// Drawn so large, shown as wide as there is room.
const SIZE: (u32, u32) = (520, 170);
const FONT: u32 = 14;

/// What a series is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Unrecognised,
    Mismatch,
    Imposter,
    Forbidden,
    Displaced,
    Calm,
    Pale,
    Up,
    Down,
}

/// One series: a value for each slice, or for each moment.
#[derive(Clone, Debug)]
pub(super) struct Series<'a> {
    pub(super) name: &'a str,
    pub(super) ink: Ink,
    pub(super) values: Vec<f64>,
}

/// The horizontal axis.
#[derive(Clone, Debug)]
pub(super) enum Axis {
    /// Slices from then on, each so wide.
    Slices(Timestamp, Duration),
    /// Moments.
    Moments,
    /// Slices of a session, from its first packet on.
    Seconds(Duration),
}

impl Ink {
    const ALL: [(Self, &str); 9] = [
        (Self::Unrecognised, "unrecognised"),
        (Self::Mismatch, "mismatch"),
        (Self::Imposter, "imposter"),
        (Self::Forbidden, "forbidden"),
        (Self::Displaced, "displaced"),
        (Self::Calm, "calm"),
        (Self::Pale, "pale"),
        (Self::Up, "up"),
        (Self::Down, "down"),
    ];

    /// Of a verdict.
    pub(super) fn of(verdict: &str) -> Self {
        match verdict {
            "unrecognised" => Self::Unrecognised,
            "mismatch" => Self::Mismatch,
            "imposter" => Self::Imposter,
            "forbidden" => Self::Forbidden,
            "displaced" => Self::Displaced,
            "expected" => Self::Calm,
            _ => Self::Pale,
        }
    }

    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        Self::ALL[self as usize].1
    }

    /// A colour that stands for the class until [`classed`] has put that in its place.
    fn stand_in(self) -> RGBColor {
        RGBColor(1, 2, self as u8)
    }
}

/// Bars upon one another.
pub(super) fn stacked(title: &str, axis: &Axis, series: &[Series<'_>], label: fn(f64) -> String) -> Markup {
    let slices = series.iter().map(|series| series.values.len()).max().unwrap_or_default();
    let mut tops = vec![0.0; slices];
    let mut bars = Vec::new();
    for series in series {
        for (at, value) in series.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
            bars.push((at, tops[at], tops[at] + value, series.ink));
            tops[at] += value;
        }
    }
    let most = tops.iter().copied().fold(0.0, f64::max);
    let (begin, width) = axis.scale();
    // A gap between bars, as long as they are wide enough for one.
    let gap = if slices > 100 { 0.0 } else { 0.12 * width };
    let svg = draw(begin..begin + width * slices.max(1) as f64, axis, most, label, |chart| {
        chart.draw_series(bars.iter().map(|&(at, from, to, ink)| {
            let left = begin + width * at as f64;
            Rectangle::new([(left, from), (left + width - gap, to)], ink.stand_in().filled())
        }))?;
        Ok(())
    });
    figure(title, svg, series, most > 0.0)
}

/// Lines over moments.
pub(super) fn lines(
    title: &str,
    moments: &[Timestamp],
    series: &[Series<'_>],
    label: fn(f64) -> String,
) -> Markup {
    let axis = Axis::Moments;
    let times: Vec<f64> = moments.iter().map(|time| seconds(*time)).collect();
    // One moment makes no line.
    let [first, .., last] = times[..] else { return figure(title, None, series, false) };
    let most = series.iter().flat_map(|series| &series.values).copied().fold(0.0, f64::max);
    let svg = draw(first..last.max(first + 60.0), &axis, most, label, |chart| {
        for series in series {
            let points: Vec<_> = times.iter().copied().zip(series.values.iter().copied()).collect();
            chart.draw_series([PathElement::new(points, series.ink.stand_in().stroke_width(2))])?;
        }
        Ok(())
    });
    figure(title, svg, series, true)
}

fn figure(title: &str, svg: Option<String>, series: &[Series<'_>], any: bool) -> Markup {
    html! {
        figure.chart {
            figcaption {
                span { (title) }
                @if any && series.len() > 1 {
                    ul.legend { @for series in series { li { i class=(format!("key i-{}", series.ink.class())) {} (shown(series.name)) } } }
                }
            }
            @match svg {
                Some(svg) if any => div role="img" aria-label=(title) { (PreEscaped(svg)) },
                _ => p.quiet.nothing { "Nothing in this time." },
            }
        }
    }
}

type Plot<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Ticked, Ticked>>;

/// A linear axis with lines where they are told to be.
#[derive(Clone)]
struct Ticked {
    range: Range<f64>,
    ticks: Vec<f64>,
}

impl Ranged for Ticked {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        let part = (value - self.range.start) / (self.range.end - self.range.start);
        from + (f64::from(to - from) * part).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.ticks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.range.clone()
    }
}

type Drawn<'b> = Result<(), DrawingAreaErrorKind<<SVGBackend<'b> as DrawingBackend>::ErrorType>>;

fn draw(
    x: Range<f64>,
    axis: &Axis,
    most: f64,
    label: fn(f64) -> String,
    plot: impl for<'a, 'b> FnOnce(&mut Plot<'a, 'b>) -> Drawn<'b>,
) -> Option<String> {
    let step = step_of(most);
    let top = (most / step).ceil().max(1.0) * step;
    let ticks_y: Vec<f64> = (0..=(top / step).round() as u32).map(|at| f64::from(at) * step).collect();
    let ticks_x = axis.ticks(&x);
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(4)
            .margin_top(9)
            .margin_right(14)
            .x_label_area_size(22)
            .y_label_area_size(56)
            .build_cartesian_2d(
                Ticked { range: x.clone(), ticks: ticks_x },
                Ticked { range: 0.0..top, ticks: ticks_y },
            )
            .ok()?;
        let style = TextStyle::from(("sans-serif", FONT).into_font()).color(&TEXT);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(style)
            .x_label_formatter(&|at| axis.label(*at, &x))
            .y_label_formatter(&|value| label(*value))
            .draw()
            .ok()?;
        plot(&mut chart).ok()?;
        area.present().ok()?;
    }
    Some(classed(svg))
}

const TEXT: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(1, 1, 2);

/// Classes in place of colours.
fn classed(svg: String) -> String {
    let fixed = [(TEXT, "text"), (GRID, "grid")];
    let inks = Ink::ALL.map(|(ink, class)| (ink.stand_in(), class));
    let mut svg = svg;
    for (RGBColor(r, g, b), class) in fixed.into_iter().chain(inks) {
        let colour = format!("#{r:02X}{g:02X}{b:02X}");
        svg = svg.replace(&format!("fill=\"{colour}\""), &format!("class=\"i-{class}\""));
        svg = svg.replace(&format!("stroke=\"{colour}\""), &format!("class=\"o-{class}\""));
    }
    svg
}

/// A step of 1, 2 or 5 times a power of ten that makes four lines or fewer; whole.
fn step_of(most: f64) -> f64 {
    let mut step = 1.0;
    for factor in [2.0, 2.5, 2.0].into_iter().cycle().take(60) {
        if most / step <= 4.0 {
            break;
        }
        step *= factor;
    }
    step
}

fn seconds(time: Timestamp) -> f64 {
    time.as_nanos() as f64 / 1e9
}

impl Axis {
    /// Where the first slice begins, and how wide each is, seconds.
    fn scale(&self) -> (f64, f64) {
        match self {
            Self::Slices(from, width) => (seconds(*from), width.as_secs_f64()),
            Self::Moments => (0.0, 1.0),
            Self::Seconds(width) => (0.0, width.as_secs_f64()),
        }
    }

    fn ticks(&self, range: &Range<f64>) -> Vec<f64> {
        const STEPS: [f64; 22] = [
            1.0,
            2.0,
            5.0,
            10.0,
            15.0,
            30.0,
            60.0,
            120.0,
            300.0,
            600.0,
            900.0,
            1_800.0,
            3_600.0,
            7_200.0,
            10_800.0,
            21_600.0,
            43_200.0,
            86_400.0,
            172_800.0,
            345_600.0,
            604_800.0,
            1_209_600.0,
        ];
        let length = range.end - range.start;
        let step = match self {
            Self::Seconds(_) => {
                let mut step = 1e-6;
                for factor in [2.0, 2.5, 2.0].into_iter().cycle().take(60) {
                    if length / step <= 6.0 {
                        break;
                    }
                    step *= factor;
                }
                step
            }
            _ => STEPS.into_iter().find(|step| length / step <= 7.0).unwrap_or(length / 6.0),
        };
        let first = (range.start / step).ceil();
        (0..16).map(|at| (first + f64::from(at)) * step).take_while(|at| *at <= range.end).collect()
    }

    fn label(&self, at: f64, range: &Range<f64>) -> String {
        if let Self::Seconds(_) = self {
            return match at {
                // A step has one digit, so that this many are enough; Display leaves out zeros.
                _ if range.end < 1.0 => format!("{} ms", (at * 1e6).round() / 1e3),
                _ => format!("{} s", (at * 1e3).round() / 1e3),
            };
        }
        let text = date_time(Timestamp::from_nanos((at.max(0.0) * 1e9) as u64));
        let length = range.end - range.start;
        let part = match length {
            _ if length <= 600.0 => text.get(11..19),
            _ if length <= 172_800.0 => text.get(11..16),
            _ => text.get(5..10),
        };
        part.unwrap_or_default().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::short;

    fn at(second: u64) -> Timestamp {
        Timestamp::from_nanos((1_764_270_000 + second) * 1_000_000_000)
    }

    #[test]
    fn a_chart_has_classes_and_no_colours_of_its_own() {
        let axis = Axis::Slices(at(0), Duration::from_secs(60));
        let series = [
            Series { name: "mismatch", ink: Ink::Mismatch, values: vec![0.0, 3.0, 1.0] },
            Series { name: "<script>", ink: Ink::Calm, values: vec![9.0, 0.0, 1.0] },
        ];
        let text = stacked("Flows", &axis, &series, short).into_string();
        assert!(text.contains("class=\"i-mismatch\"") && text.contains("class=\"i-calm\""), "{text}");
        assert!(
            !text.contains("fill=\"#") && !text.contains("stroke=\"#") && !text.contains("style="),
            "{text}"
        );
        assert!(!text.contains("<script>"));
        assert_eq!(text.matches("<rect").count(), 4, "{text}");
        let empty = stacked("Flows", &axis, &[], short).into_string();
        assert!(empty.contains("Nothing in this time"), "{empty}");
    }

    #[test]
    fn lines_need_a_moment() {
        let values = vec![1.0, 2.0];
        let series = [Series { name: "a", ink: Ink::Up, values }];
        assert!(lines("Rate", &[at(0), at(5)], &series, short).into_string().contains("o-up"));
        assert!(lines("Rate", &[], &series, short).into_string().contains("Nothing"));
    }

    #[test]
    fn axes() {
        assert_eq!(
            [0.0, 1.0, 4.0, 5.0, 39.0, 40.0, 90.0].map(step_of),
            [1.0, 1.0, 1.0, 2.0, 10.0, 10.0, 50.0]
        );
        let axis = Axis::Slices(at(0), Duration::from_secs(60));
        let range = seconds(at(0))..seconds(at(3_600));
        let labels: Vec<_> = axis.ticks(&range).into_iter().map(|tick| axis.label(tick, &range)).collect();
        assert_eq!(labels, ["19:00", "19:10", "19:20", "19:30", "19:40", "19:50", "20:00"]);
        let session = Axis::Seconds(Duration::from_millis(1));
        let range = 0.0..0.06;
        let labels: Vec<_> =
            session.ticks(&range).into_iter().map(|tick| session.label(tick, &range)).collect();
        assert_eq!(labels, ["0 ms", "10 ms", "20 ms", "30 ms", "40 ms", "50 ms", "60 ms"]);
    }
}

//! Bars over days or months, in stacks: a picture of numbers, drawn here as SVG.
//! Owns where each line of it stands; its colours are the style sheet's, by class.
//! Never more than it was given: what has no room of its own is in the part called the rest, and a table has it all.

use super::{
    figures::{Unit, short},
    words::say,
};

/// What is drawn: one amount of each part in each period.
pub struct Given {
    pub title: String,
    pub unit: Unit,
    pub size: Size,
    pub periods: Vec<Period>,
    /// As many amounts in each as there are periods.
    pub parts: Vec<Part>,
}

pub struct Period {
    /// Below the axis: `26 Oct`.
    pub short: String,
    /// Where there is room: `26 Oct 2026`.
    pub name: String,
}

pub struct Part {
    pub name: String,
    pub amounts: Vec<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Size {
    /// As wide as the page.
    Full,
    /// Beside others.
    Small,
}

/// What stands where, in the units of the view box.
pub struct Chart {
    pub id: String,
    pub title: String,
    pub description: String,
    pub size: Size,
    pub width: f64,
    pub height: f64,
    /// Of the ground line.
    pub left: f64,
    pub ticks: Vec<Tick>,
    pub labels: Vec<Label>,
    pub bars: Vec<Bar>,
    /// The largest first, the rest last.
    pub parts: Vec<Key>,
    pub rows: Vec<Row>,
}

/// What a colour stands for.
pub struct Key {
    pub class: &'static str,
    pub name: String,
}

/// One period in numbers.
pub struct Row {
    pub period: String,
    /// In the order of the parts.
    pub amounts: Vec<String>,
    pub all: String,
}

pub struct Tick {
    pub text: String,
    pub y: f64,
}

pub struct Label {
    pub text: String,
    /// Of its middle.
    pub x: f64,
}

pub struct Bar {
    pub class: &'static str,
    pub x: f64,
    pub y: f64,
    pub width: f64,
    pub height: f64,
    pub text: String,
}

/// As many as there are colours.
const CLASSES: [&str; 5] = ["one", "two", "three", "four", "five"];
const REST: &str = "rest";

/// Between an amount and its line.
const GAP: f64 = 8.0;

struct Frame {
    width: f64,
    height: f64,
    left: f64,
    top: f64,
    bottom: f64,
    /// Of a letter, where the window is narrowest.
    letter: f64,
}

impl Size {
    /// With room for these beside the axis.
    fn frame(self, texts: impl Iterator<Item = String>) -> Frame {
        let frame = match self {
            Self::Full => Frame { width: 720.0, height: 300.0, left: 58.0, top: 16.0, bottom: 40.0, letter: 12.5 },
            Self::Small => Frame { width: 360.0, height: 170.0, left: 32.0, top: 10.0, bottom: 24.0, letter: 6.6 },
        };
        let longest = texts.map(|text| text.chars().count()).max().unwrap_or_default();
        Frame { left: frame.left.max(longest as f64 * frame.letter + GAP), ..frame }
    }

    pub const fn class(self) -> &'static str {
        match self {
            Self::Full => "chart",
            Self::Small => "chart small",
        }
    }
}

impl Chart {
    pub fn new(id: &str, given: Given) -> Self {
        let Given { title, unit, size, periods, parts } = given;
        let parts = folded(parts, periods.len());
        let sums: Vec<u64> = (0..periods.len()).map(|period| sum(&parts, period)).collect();
        let largest = sums.iter().copied().max().unwrap_or_default();
        let amounts = ticks(largest, unit.scale());
        let frame = size.frame(amounts.iter().map(|amount| short(*amount, unit.scale())));
        let scale = Scale { top: amounts.last().copied().unwrap_or(1).max(1), frame: &frame };
        let ticks =
            amounts.iter().map(|amount| Tick { text: short(*amount, unit.scale()), y: scale.y(u128::from(*amount)) });
        Self {
            id: id.to_owned(),
            description: description(unit, &periods, &sums),
            ticks: ticks.collect(),
            labels: labels(&frame, &periods),
            bars: bars(&scale, unit, &periods, &parts),
            rows: rows(unit, &periods, &parts),
            parts: parts
                .into_iter()
                .enumerate()
                .map(|(number, Part { name, .. })| Key { class: class(number), name })
                .collect(),
            title,
            size,
            width: frame.width,
            height: frame.height,
            left: frame.left,
        }
    }
}

fn rows(unit: Unit, periods: &[Period], parts: &[Part]) -> Vec<Row> {
    let row = |(number, period): (usize, &Period)| Row {
        period: period.name.clone(),
        amounts: parts.iter().map(|part| unit.bare(part.amounts[number])).collect(),
        all: unit.bare(sum(parts, number)),
    };
    periods.iter().enumerate().map(row).collect()
}

fn class(part: usize) -> &'static str {
    CLASSES.get(part).copied().unwrap_or(REST)
}

fn sum(parts: &[Part], period: usize) -> u64 {
    let amounts = parts.iter().map(|part| part.amounts.get(period).copied().unwrap_or_default());
    amounts.fold(0, u64::saturating_add)
}

fn total(part: &Part) -> u64 {
    part.amounts.iter().copied().fold(0, u64::saturating_add)
}

/// The largest by themselves; what is left, together. What is nothing takes no colour.
fn folded(mut parts: Vec<Part>, periods: usize) -> Vec<Part> {
    for part in &mut parts {
        part.amounts.resize(periods, 0);
    }
    parts.retain(|part| total(part) > 0);
    parts.sort_by(|a, b| total(b).cmp(&total(a)).then_with(|| a.name.cmp(&b.name)));
    if parts.len() > CLASSES.len() {
        let rest = parts.split_off(CLASSES.len());
        let amounts = (0..periods).map(|period| sum(&rest, period)).collect();
        parts.push(Part { name: say!("chart-rest", count = rest.len()), amounts });
    }
    parts
}

/// From nothing to what the largest has room below, in steps of 1, 2 or 5 and zeros.
fn ticks(largest: u64, scale: u64) -> Vec<u64> {
    const STEPS: u128 = 4;
    let largest = if largest == 0 { scale } else { largest };
    let mut ten: u128 = 1;
    let step = loop {
        if let Some(times) = [1, 2, 5].into_iter().find(|times| ten * times * STEPS >= u128::from(largest)) {
            break ten * times;
        }
        ten *= 10;
    };
    let steps = u128::from(largest).div_ceil(step).max(1);
    let mut ticks: Vec<u64> = (0..=steps).map(|times| u64::try_from(step * times).unwrap_or(u64::MAX)).collect();
    ticks.dedup();
    ticks
}

struct Scale<'f> {
    /// The amount at the top.
    top: u64,
    frame: &'f Frame,
}

impl Scale<'_> {
    fn ground(&self) -> f64 {
        self.frame.height - self.frame.bottom
    }

    fn y(&self, amount: u128) -> f64 {
        let share = (amount as f64 / self.top as f64).clamp(0.0, 1.0);
        self.ground() - share * (self.ground() - self.frame.top)
    }
}

fn bars(scale: &Scale<'_>, unit: Unit, periods: &[Period], parts: &[Part]) -> Vec<Bar> {
    let slot = slot(scale.frame, periods.len());
    let width = (slot * 0.72).min(64.0);
    let mut bars = Vec::new();
    for (period, told) in periods.iter().enumerate() {
        let x = scale.frame.left + slot * period as f64 + (slot - width) / 2.0;
        let mut below: u128 = 0;
        for (number, part) in parts.iter().enumerate() {
            let amount = part.amounts.get(period).copied().unwrap_or_default();
            if amount == 0 {
                continue;
            }
            let bottom = scale.y(below);
            below += u128::from(amount);
            let y = scale.y(below);
            let text = say!("chart-bar", period = told.name, part = part.name, amount = unit.written(amount));
            bars.push(Bar { class: class(number), x, y, width, height: (bottom - y).max(0.0), text });
        }
    }
    bars
}

fn slot(frame: &Frame, periods: usize) -> f64 {
    (frame.width - frame.left - 4.0) / periods.max(1) as f64
}

/// As many as there is room for without touching, evenly.
fn labels(frame: &Frame, periods: &[Period]) -> Vec<Label> {
    let longest = periods.iter().map(|period| period.short.chars().count()).max().unwrap_or_default();
    let (slot, wide) = (slot(frame, periods.len()), (longest as f64 + 1.0) * frame.letter);
    let every = (wide / slot).ceil().max(1.0) as usize;
    let place = |(number, period): (usize, &Period)| {
        let half = period.short.chars().count() as f64 * frame.letter / 2.0;
        let x = frame.left + slot * (number as f64 + 0.5);
        (half * 2.0 <= frame.width).then(|| Label { text: period.short.clone(), x: x.clamp(half, frame.width - half) })
    };
    periods.iter().enumerate().step_by(every).filter_map(place).collect()
}

/// For who does not see it.
fn description(unit: Unit, periods: &[Period], sums: &[u64]) -> String {
    let (Some(first), Some(last)) = (periods.first(), periods.last()) else { return say!("chart-nothing") };
    let all = sums.iter().copied().fold(0, u64::saturating_add);
    let most = sums.iter().enumerate().max_by_key(|(number, sum)| (**sum, std::cmp::Reverse(*number)));
    let most = most.map(|(number, sum)| (&periods[number].name, *sum));
    match most {
        Some((when, most)) if most > 0 => say!(
            "chart-description",
            from = first.name,
            to = last.name,
            all = unit.written(all),
            when = when,
            most = unit.written(most)
        ),
        _ => say!("chart-nothing"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chart(size: Size, unit: Unit, periods: Vec<String>, parts: Vec<Vec<u64>>) -> Chart {
        let parts = parts.into_iter().enumerate();
        Chart::new(
            "c",
            Given {
                title: String::new(),
                unit,
                size,
                periods: periods.into_iter().map(|name| Period { short: name.clone(), name }).collect(),
                parts: parts.map(|(number, amounts)| Part { name: format!("p{number}"), amounts }).collect(),
            },
        )
    }

    fn is_inside(value: f64, end: f64) -> bool {
        value.is_finite() && (0.0..=end + 1e-9).contains(&value)
    }

    fn amounts() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(u64::MAX), 0..100_u64, any::<u64>()]
    }

    proptest! {
        #[test]
        fn whatever_is_given_stays_inside_and_adds_up(
            size in prop_oneof![Just(Size::Full), Just(Size::Small)],
            unit in proptest::sample::select(Unit::ALL.to_vec()),
            periods in proptest::collection::vec(".{0,12}", 0..70),
            parts in proptest::collection::vec(proptest::collection::vec(amounts(), 0..80), 0..9),
        ) {
            let (count, given) = (periods.len(), parts.clone());
            let chart = chart(size, unit, periods, parts);
            let largest = (0..count).map(|period| given.iter().filter_map(|part| part.get(period)).fold(0, |sum: u64, more| sum.saturating_add(*more)));
            let steps = ticks(largest.clone().max().unwrap_or_default(), unit.scale());
            prop_assert!(steps.last() >= largest.max().as_ref() && steps.len() == chart.ticks.len());
            prop_assert!(steps.len() >= 2 && steps.len() <= 6 && steps[0] == 0, "{steps:?}");
            prop_assert!(steps.is_sorted_by(|a, b| a < b), "{steps:?}");
            prop_assert!(chart.ticks.is_sorted_by(|a, b| a.y > b.y));
            prop_assert!(chart.ticks.iter().all(|tick| is_inside(tick.y, chart.height)));
            let letter = size.frame(std::iter::empty()).letter;
            prop_assert!(chart.ticks.iter().all(|tick| tick.text.chars().count() as f64 * letter <= chart.left - GAP));
            prop_assert!(chart.left < chart.width / 2.0);
            let mut free = f64::MIN;
            for label in &chart.labels {
                let half = label.text.chars().count() as f64 * letter / 2.0;
                prop_assert!(is_inside(label.x - half + 1e-6, chart.width) && is_inside(label.x + half - 1e-6, chart.width));
                prop_assert!(label.x >= free - 1e-6, "labels in their order");
                free = label.x;
            }
            for bar in &chart.bars {
                prop_assert!(is_inside(bar.x, chart.width) && is_inside(bar.x + bar.width, chart.width));
                prop_assert!(is_inside(bar.y, chart.height) && is_inside(bar.y + bar.height, chart.height));
                prop_assert!(bar.width > 0.0 && bar.x >= chart.left - 1e-9);
            }
            prop_assert!(chart.parts.len() <= CLASSES.len() + 1);
            for period in 0..count {
                let all = given.iter().filter_map(|part| part.get(period)).fold(0, |sum: u64, more| sum.saturating_add(*more));
                prop_assert_eq!(&chart.rows[period].all, &unit.bare(all));
                prop_assert_eq!(chart.rows[period].amounts.len(), chart.parts.len());
            }
        }
    }

    #[test]
    fn steps_are_round_and_the_largest_has_room() {
        for (largest, expected) in [
            (0, vec![0, 1]),
            (1, vec![0, 1]),
            (3, vec![0, 1, 2, 3]),
            (7, vec![0, 2, 4, 6, 8]),
            (340, vec![0, 100, 200, 300, 400]),
            (9_000, vec![0, 5_000, 10_000]),
        ] {
            assert_eq!(ticks(largest, 1), expected);
        }
        assert_eq!(ticks(0, 1_000_000), [0, 500_000, 1_000_000], "a second, where there is none");
    }

    #[test]
    fn the_smallest_are_told_together_and_nothing_is_told_of_nobody() {
        let parts = (0..8).map(|part| vec![part, part]).collect();
        let chart = chart(Size::Full, Unit::Jobs, vec!["a".into(), "b".into()], parts);
        let names: Vec<&str> = chart.parts.iter().map(|part| &*part.name).collect();
        assert_eq!(names, ["p7", "p6", "p5", "p4", "p3", "2 others"]);
        assert_eq!((&*chart.rows[0].amounts[5], &*chart.rows[0].all, chart.parts[5].class), ("3", "28", "rest"));
        assert_eq!(chart.bars.len(), 12);
    }

    #[test]
    fn a_stack_is_as_high_as_what_it_stands_for() {
        let chart = chart(Size::Full, Unit::Jobs, vec!["a".into()], vec![vec![300], vec![100]]);
        let whole = chart.ticks[0].y - chart.ticks.last().unwrap().y;
        assert!(
            (chart.bars[0].height / whole - 0.75).abs() < 1e-9 && (chart.bars[1].height / whole - 0.25).abs() < 1e-9
        );
        assert!((chart.bars[1].y + chart.bars[1].height - chart.bars[0].y).abs() < 1e-9, "one stands on the other");
        assert!(chart.description.contains("400 jobs"), "{}", chart.description);
    }
}

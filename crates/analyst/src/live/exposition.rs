//! Prometheus' text exposition format (version 0.0.4), as far as offportd writes it.

/// One sample.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
}

/// All samples of a scrape.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metrics(Vec<Sample>);

impl Sample {
    /// A label's value; empty, if it has no such label.
    pub(crate) fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }
}

impl Metrics {
    /// Of a text. Lines that are no samples are passed over.
    pub(crate) fn parse(text: &str) -> Self {
        Self(text.lines().filter_map(sample).collect())
    }

    /// The samples of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Sample> {
        self.0.iter().filter(move |sample| sample.name == name)
    }

    /// The sum of those that have these labels; `None`: there is none.
    pub(crate) fn sum(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut sum = None;
        for sample in self.all(name) {
            if labels.iter().all(|(key, value)| sample.label(key) == *value) {
                *sum.get_or_insert(0.0) += sample.value;
            }
        }
        sum
    }

    /// The values of a label, each once, numbers in their order.
    pub(crate) fn values<'a>(&'a self, name: &'a str, label: &str) -> Vec<&'a str> {
        let mut values: Vec<&str> = self.all(name).map(|sample| sample.label(label)).collect();
        values.sort_by_key(|value| (value.parse::<u64>().unwrap_or(u64::MAX), *value));
        values.dedup();
        values
    }
}

fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let name_end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let (name, mut rest) = line.split_at(name_end);
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        loop {
            if let Some(behind) = rest.strip_prefix('}') {
                rest = behind;
                break;
            }
            let (key, behind) = rest.split_once("=\"")?;
            let (value, behind) = quoted(behind)?;
            labels.push((key.trim().to_owned(), value));
            rest = behind.trim_start().trim_start_matches(',').trim_start();
        }
    }
    // A time of the sample may follow.
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// Up to the quote that ends it: `\\`, `\"` and `\n` are escapes.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match characters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples() {
        let text = "# HELP a what\n# TYPE a counter\na 3\n\na{x=\"1\",y=\"}, \\\"q\\\" \\\\ \\n\"} 4.5e3 1700000000\nb{} NaN\nc{x=\"10\"} 1\nc{x=\"9\"} +Inf\n\
                    broken{x=\"\nbroken\nbroken{x} 1\nbroken x\n";
        let metrics = Metrics::parse(text);
        assert_eq!(metrics.0.len(), 5, "{metrics:?}");
        assert_eq!(metrics.sum("a", &[]), Some(4_503.0));
        assert_eq!(metrics.sum("a", &[("x", "1")]), Some(4_500.0));
        assert_eq!(metrics.sum("a", &[("x", "2")]), None);
        assert_eq!(metrics.all("a").nth(1).map(|sample| sample.label("y")), Some("}, \"q\" \\ \n"));
        assert_eq!(metrics.values("c", "x"), ["9", "10"]);
        assert_eq!(Metrics::parse(""), Metrics::default());
    }
}

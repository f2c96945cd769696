//! Which metrics, labels and values an expression of PromQL names. Prometheus checks the grammar; this only tells
//! identifiers apart, and refuses what it does not know.

/// What is named.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Expression {
    /// Each metric, with its matchers.
    pub selectors: Vec<Selector>,
    /// Labels to group or to match by, and the metrics that must have them.
    pub groupings: Vec<Grouping>,
}

/// `metric{label="value"}`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Selector {
    pub metric: String,
    /// Label and value; of a regular expression each of its alternatives.
    pub matchers: Vec<(String, String)>,
}

/// `by (labels) (…)`, `on (labels)`
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Grouping {
    pub labels: Vec<String>,
    pub metrics: Vec<String>,
}

impl Expression {
    /// Reads an expression.
    pub(crate) fn parse(text: &str) -> Self {
        let tokens = tokens(text);
        let (selectors, lists) = read(&tokens);
        let all = || selectors.iter().map(|(_, selector)| selector.metric.clone()).collect();
        let groupings = lists
            .into_iter()
            .map(|list| {
                let metrics: Vec<_> = match list.argument {
                    // Of an aggregation: what stands in its parentheses.
                    Some((begin, end)) => {
                        let inside = selectors.iter().filter(|(at, _)| (begin..end).contains(at));
                        inside.map(|(_, selector)| selector.metric.clone()).collect()
                    }
                    None => all(),
                };
                assert!(!metrics.is_empty(), "labels of nothing in {text}");
                Grouping { labels: list.labels, metrics }
            })
            .collect();
        assert!(!selectors.is_empty(), "no metric in {text}");
        Self { selectors: selectors.into_iter().map(|(_, selector)| selector).collect(), groupings }
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Name(String),
    Text(String),
    Sign(char),
}

/// Labels after `by` or `on`.
struct List {
    labels: Vec<String>,
    /// Of `by`: first and last token of what is aggregated.
    argument: Option<(usize, usize)>,
}

/// The metrics, each with the place where it stands, and the lists of labels.
fn read(tokens: &[Token]) -> (Vec<(usize, Selector)>, Vec<List>) {
    let mut selectors = Vec::new();
    let mut lists = Vec::new();
    let is = |at: usize, sign: char| tokens.get(at) == Some(&Token::Sign(sign));
    let mut at = 0;
    while at < tokens.len() {
        let Token::Name(name) = &tokens[at] else {
            // A range is no label and no metric.
            at = if is(at, '[') { closing(tokens, at) } else { at + 1 };
            continue;
        };
        match name.as_str() {
            "and" | "or" | "unless" => at += 1,
            "by" | "on" => {
                let end = closing(tokens, at + 1);
                let labels = tokens[at + 2..end - 1].iter().filter_map(|token| match token {
                    Token::Name(label) => Some(label.clone()),
                    _ => None,
                });
                let argument = (name == "by").then(|| {
                    assert!(is(end, '('), "write `by` before what is aggregated");
                    (end, closing(tokens, end))
                });
                lists.push(List { labels: labels.collect(), argument });
                at = end;
            }
            "without" | "ignoring" | "group_left" | "group_right" | "offset" | "bool" => {
                panic!("{name} is not understood here")
            }
            // A function, or an aggregation that is grouped.
            _ if is(at + 1, '(') || tokens.get(at + 1) == Some(&Token::Name("by".to_owned())) => at += 1,
            metric => {
                let end = if is(at + 1, '{') { closing(tokens, at + 1) } else { at + 1 };
                let matchers = matchers(&tokens[at + 1..end]);
                selectors.push((at, Selector { metric: metric.to_owned(), matchers }));
                at = end;
            }
        }
    }
    (selectors, lists)
}

/// Behind the bracket that closes the one at `open`.
fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Sign('(' | '{' | '[') => depth += 1,
            Token::Sign(')' | '}' | ']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    panic!("a bracket that is not closed: {tokens:?}")
}

fn matchers(tokens: &[Token]) -> Vec<(String, String)> {
    let mut matchers = Vec::new();
    let mut label = "";
    let mut is_regex = false;
    for token in tokens {
        match token {
            Token::Name(name) => (label, is_regex) = (name, false),
            Token::Sign(sign) => is_regex |= *sign == '~',
            Token::Text(value) if is_regex => {
                matchers.extend(value.split('|').map(|value| (label.to_owned(), value.to_owned())));
            }
            Token::Text(value) => matchers.push((label.to_owned(), value.clone())),
        }
    }
    matchers
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            '"' => {
                let value: String = rest.by_ref().take_while(|&c| c != '"').collect();
                assert!(!value.contains('\\'), "escapes are not understood here: {text}");
                tokens.push(Token::Text(value));
            }
            c if c.is_ascii_alphabetic() || c == '_' || c == ':' => {
                let mut name = c.to_string();
                while let Some(next) = rest.next_if(|&c| c.is_ascii_alphanumeric() || c == '_' || c == ':') {
                    name.push(next);
                }
                tokens.push(Token::Name(name));
            }
            // A number, with its exponent or unit.
            c if c.is_ascii_digit() => {
                while rest.next_if(|&c| c.is_ascii_alphanumeric() || c == '.').is_some() {}
            }
            c if c.is_whitespace() => {}
            c => tokens.push(Token::Sign(c)),
        }
    }
    tokens
}

#[test]
fn metrics_labels_and_values_are_told_apart() {
    let text =
        "sum by (job, reason) (rate(a_total{stage=\"xdp\",reason=~\"x|y\"}[5m])) / on (job) b > 6.4e+07";
    let expression = Expression::parse(text);
    let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let selector = |metric: &str, matchers| Selector { metric: metric.to_owned(), matchers };
    let matched = vec![pair("stage", "xdp"), pair("reason", "x"), pair("reason", "y")];
    assert_eq!(expression.selectors, [selector("a_total", matched), selector("b", Vec::new())]);
    let grouping = |labels: &[&str], metrics: &[&str]| Grouping {
        labels: labels.iter().map(|&label| label.to_owned()).collect(),
        metrics: metrics.iter().map(|&metric| metric.to_owned()).collect(),
    };
    assert_eq!(
        expression.groupings,
        [grouping(&["job", "reason"], &["a_total"]), grouping(&["job"], &["a_total", "b"])]
    );
}

//! Printing what was found.

use std::fmt::Write as _;

use ferrio::{SelectorKind, WakerKind, capabilities};
use serde_json::{Map, Value, json};

use crate::calls::{Answer, Call};
use crate::choice::Choice;
use crate::facts::Fact;
use crate::trial::Trial;

pub struct Report {
    pub facts: Vec<Fact>,
    pub calls: Vec<Call>,
    pub choice: Vec<Choice>,
    pub trial: Vec<Trial>,
    pub advice: Vec<String>,
}

impl Report {
    /// Does ferrio work here?
    pub fn is_healthy(&self) -> bool {
        self.trial.iter().all(|trial| trial.outcome.is_ok())
    }

    pub fn to_json(&self) -> String {
        let mut report = Map::new();
        report.insert(String::from("ferrio"), ferrio());
        for fact in &self.facts {
            let group = report.entry(fact.group).or_insert_with(|| json!({}));
            group[fact.key] = fact.value.clone();
        }
        let calls = self.calls.iter().map(|call| {
            json!({
                "name": call.name,
                "since": call.since,
                "used_for": call.used_for,
                "need": call.need.word(),
                "answer": call.answer.word(),
                "number": number(call.answer),
            })
        });
        report.insert(String::from("calls"), calls.collect());
        let choice = self.choice.iter().map(|choice| {
            let value = json!({ "chosen": choice.chosen, "why": choice.why });
            (choice.what.to_string(), value)
        });
        report.insert(String::from("choice"), Value::Object(choice.collect()));
        let trial = self.trial.iter().map(|trial| {
            let (Ok(detail) | Err(detail)) = &trial.outcome;
            json!({ "what": trial.what, "works": trial.outcome.is_ok(), "detail": detail })
        });
        report.insert(String::from("trial"), trial.collect());
        report.insert(String::from("advice"), json!(self.advice));
        report.insert(String::from("works"), json!(self.is_healthy()));
        format!("{:#}\n", Value::Object(report))
    }

    pub fn to_text(&self) -> String {
        let mut text = String::new();
        self.write_text(&mut text);
        text
    }

    fn write_text(&self, to: &mut String) {
        heading(to, "ferrio");
        let ferrio = ferrio();
        row(to, "version", &plain(&ferrio["version"]));
        row(to, "selectors", &plain(&ferrio["selectors"]));
        row(to, "wakers", &plain(&ferrio["wakers"]));
        let mut group = "";
        for fact in &self.facts {
            if fact.group != group {
                group = fact.group;
                heading(to, group);
            }
            row(to, &fact.key.replace('_', " "), &plain(&fact.value));
        }
        if !self.calls.is_empty() {
            heading(to, "system calls");
        }
        for call in &self.calls {
            let answer = call.answer.to_string();
            let mut line = format!("{answer:<24}  {}", call.used_for);
            if !call.answer.works() {
                let _ = write!(
                    line,
                    " ({}, in Linux since {})",
                    call.need.word(),
                    call.since
                );
            }
            row(to, call.name, &line);
        }
        heading(to, "what ferrio chooses");
        for Choice { what, chosen, why } in &self.choice {
            let chosen = chosen.as_deref().unwrap_or("none");
            row(to, what, &format!("{chosen}: {why}"));
        }
        heading(to, "how it goes");
        for Trial { what, outcome } in &self.trial {
            let outcome = match outcome {
                Ok(detail) => format!("works, {detail}"),
                Err(error) => format!("FAILS: {error}"),
            };
            row(to, what, &outcome);
        }
        if !self.advice.is_empty() {
            heading(to, "advice");
        }
        for line in &self.advice {
            let _ = writeln!(to, "  * {line}");
        }
    }
}

fn ferrio() -> Value {
    let capabilities = capabilities::ALL
        .iter()
        .map(|&(name, is_there)| (name.to_lowercase(), json!(is_there)));
    let selectors = SelectorKind::available().iter().map(ToString::to_string);
    let wakers = WakerKind::available().iter().map(ToString::to_string);
    json!({
        // The example's own version is its package's.
        "version": env!("CARGO_PKG_VERSION"),
        "selectors": selectors.collect::<Vec<_>>(),
        "wakers": wakers.collect::<Vec<_>>(),
        "capabilities": capabilities.collect::<Map<String, Value>>(),
    })
}

fn number(answer: Answer) -> Option<i32> {
    match answer {
        Answer::Works => None,
        #[cfg(unix)]
        Answer::Missing => Some(libc::ENOSYS),
        #[cfg(unix)]
        Answer::Refused => Some(libc::EPERM),
        #[cfg(not(unix))]
        Answer::Missing | Answer::Refused => None,
        Answer::Fails(number) | Answer::Kills(number) => Some(number),
    }
}

fn heading(to: &mut String, title: &str) {
    if !to.is_empty() {
        to.push('\n');
    }
    let _ = writeln!(to, "{title}");
}

fn row(to: &mut String, label: &str, value: &str) {
    let _ = writeln!(to, "  {label:<22}  {}", value.trim_end());
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::from("none seen"),
        Value::Bool(is_so) => String::from(if *is_so { "yes" } else { "no" }),
        Value::String(text) => text.clone(),
        Value::Array(values) if values.is_empty() => String::from("none"),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

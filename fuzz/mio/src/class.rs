//! Which differences are alike: those that are told in the same words, but for numbers.

use ferrio_conformance::script::Case;

/// The sort of a complaint.
pub fn of(case: &Case, complaint: &str) -> String {
    let sort = match case {
        Case::One(_) => "one thread",
        Case::Threads { .. } => "several threads",
        Case::Rounds { .. } => "overlapping operations",
    };
    // Of several threads, with the operation in front.
    let told = complaint
        .strip_prefix("step ")
        .and_then(|rest| Some(rest.split_once(" }: ")?.1));
    let overlapping = complaint
        .strip_prefix("round ")
        .and_then(|rest| Some(rest.split_once("}]: ")?.1));
    let told = told.or(overlapping).unwrap_or(complaint);
    let mut text = without_braces(told);
    // What it is said of, but not how that stands.
    for end in [" in [", ", due are ", " expected one of ", " ([", "; or "] {
        if let Some(at) = text.find(end) {
            text.truncate(at);
        }
    }
    format!("{sort}: {}", without_numbers(&text))
}

/// `Seen { .. }` without what is in the braces.
fn without_braces(text: &str) -> String {
    let mut depth = 0;
    text.chars()
        .filter(|&c| {
            depth += i32::from(c == '{');
            let shown = depth == 0;
            depth -= i32::from(c == '}');
            shown
        })
        .collect()
}

fn without_numbers(text: &str) -> String {
    let mut result = String::new();
    for c in text.chars() {
        if !c.is_ascii_digit() {
            result.push(c);
        } else if !result.ends_with('N') {
            result.push('N');
        }
    }
    result
}

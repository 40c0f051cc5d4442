//! The rows: what is measured, in which unit, against which target.

mod accept;
mod blocked;
mod build;
mod crowd;
mod echo;
mod hammer;
mod harvest;
mod memory;
mod pair;
mod ping_pong;
mod poll_table;
mod registration;
mod row;
mod startup;
mod table;
mod threads;
mod timeout;
mod wake;
mod workload;

pub use row::{Limit, Metric, Row, Target};
pub use workload::{Env, Workload};

/// All of them, in the order of the report.
pub fn all() -> impl Iterator<Item = &'static Row> {
    [
        table::HARVEST,
        table::REGISTRATION,
        table::WAKE,
        table::TIME,
        table::TCP,
        table::SIZE,
        table::COMPANY,
        poll_table::POLL,
    ]
    .into_iter()
    .flatten()
}

pub fn named(name: &str) -> Option<&'static Row> {
    all().find(|row| row.name == name)
}

/// The rows that one of the filters names, or, if it is no row's name, whose name contains it. Without a filter, all but
/// those that have to be named.
///
/// # Errors
///
/// A sentence naming the first filter that matches no row, and what there is.
pub fn select(filters: &[String]) -> Result<Vec<&'static Row>, String> {
    let matches = |row: &Row, filter: &String| {
        let exact = named(filter).is_some();
        row.name == filter || !exact && row.name.contains(filter.as_str())
    };
    for filter in filters {
        if filter.is_empty() || !all().any(|row| matches(row, filter)) {
            let names: Vec<&str> = all().map(|row| row.name).collect();
            return Err(format!(
                "no row matches '{filter}'; there are: {}",
                names.join(", ")
            ));
        }
    }
    Ok(all()
        .filter(|row| {
            let named = filters.iter().any(|filter| matches(row, filter));
            named || filters.is_empty() && !row.on_demand()
        })
        .collect())
}

/// One line per row: name, clock, target, what it does.
pub fn listing() -> String {
    all()
        .map(|row| {
            format!(
                "{:27} {:11} {:22} {}\n",
                row.name,
                row.metric.name(),
                row.target.to_string(),
                row.what
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contender::Id;
    use crate::suite::Suite;

    fn names(filters: &[&str]) -> Result<Vec<&'static str>, String> {
        let filters: Vec<String> = filters.iter().map(|&filter| filter.to_owned()).collect();
        Ok(select(&filters)?.iter().map(|row| row.name).collect())
    }

    #[test]
    fn names_are_unique() {
        let mut names: Vec<_> = all().map(|row| row.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn filters_select_in_report_order() {
        assert_eq!(
            names(&["timeout-1", "wake-16", "empty-poll"]).unwrap(),
            [
                "empty-poll",
                "wake-16",
                "timeout-100us",
                "poll-timeout-100us"
            ]
        );
        assert!(names(&["wake-1"]).unwrap() == ["wake-1"] && names(&["wake"]).unwrap().len() > 4);
    }

    #[test]
    fn what_takes_long_has_to_be_named() {
        assert!(!names(&[]).unwrap().contains(&"build"));
        assert_eq!(names(&["build"]).unwrap(), ["build"]);
    }

    #[test]
    fn a_filter_without_a_match_is_named_and_the_rows_are_listed() {
        let message = names(&["wake", "nonsense"]).unwrap_err();
        assert!(message.contains("'nonsense'"), "{message}");
        assert!(message.contains("harvest-1-of-1000-tcp"), "{message}");
        assert!(names(&[""]).is_err());
    }

    #[test]
    fn every_row_runs_one_round_for_every_contender() {
        crate::descriptors::raise_limit(Suite::Poll.descriptors(1)).unwrap();
        let env = Env { cpus: None };
        // In a build without the cfg, the rows for poll(2) run on epoll.
        for row in all().filter(|row| !row.on_demand()) {
            let contenders = Id::ALL.into_iter().filter(|id| id.missing().is_none());
            for contender in contenders.filter(|id| row.has(*id) && id.on_poll().is_none()) {
                let span = row
                    .build(contender, &env)
                    .and_then(|mut workload| workload.round())
                    .unwrap_or_else(|error| panic!("{} {contender:?}: {error}", row.name));
                let some = span.wall_ns > 0.0 || !row.metric.is_time();
                assert!(some, "{} {contender:?}: {span:?}", row.name);
            }
        }
    }
}

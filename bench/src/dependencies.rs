//! What ferrio, mio and polling depend on here, as cargo tells it.

use std::process::Command;

/// A crate and everything below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    pub version: String,
    /// "name version", without duplicates, in cargo's order.
    pub below: Vec<String>,
}

/// Whose trees.
const CRATES: [&str; 3] = ["ferrio", "mio", "polling"];

/// The trees, or the reason why there are none.
#[derive(Debug)]
pub struct Dependencies(Result<Vec<Tree>, String>);

/// Asks `cargo tree`, offline and with the lock file as it is.
pub fn read() -> Dependencies {
    Dependencies(cargo_tree().and_then(|text| {
        let tree = |name: &str| {
            parse(&text, name).ok_or_else(|| format!("cargo tree does not show {name}"))
        };
        CRATES.into_iter().map(tree).collect()
    }))
}

fn cargo_tree() -> Result<String, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--manifest-path",
            concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
        ])
        .args([
            "--edges",
            "normal",
            "--prefix",
            "depth",
            "--no-dedupe",
            "--offline",
            "--locked",
        ])
        .output()
        .map_err(|error| format!("cargo tree can't be run: {error}"))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        return Err(format!("cargo tree failed: {}", message.trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Reads lines such as `1mio v1.2.4` and `2libc v0.2.178`: the depth, the name, the version.
fn parse(text: &str, name: &str) -> Option<Tree> {
    let mut lines = text.lines().filter_map(parse_line);
    let (_, _, version) = lines.find(|&(depth, found, _)| depth == 1 && found == name)?;
    let mut below = Vec::new();
    for (_, name, version) in lines.take_while(|&(depth, ..)| depth > 1) {
        let entry = format!("{name} {version}");
        if !below.contains(&entry) {
            below.push(entry);
        }
    }
    Some(Tree {
        version: version.to_owned(),
        below,
    })
}

fn parse_line(line: &str) -> Option<(usize, &str, &str)> {
    let name_at = line.find(|c: char| !c.is_ascii_digit())?;
    let depth = line[..name_at].parse().ok()?;
    let mut words = line[name_at..].split_whitespace();
    Some((depth, words.next()?, words.next()?.trim_start_matches('v')))
}

impl Dependencies {
    /// Of ferrio, mio or polling.
    pub fn version(&self, name: &str) -> &str {
        let place = CRATES.iter().position(|of| *of == name);
        let tree = place.zip(self.0.as_ref().ok());
        tree.and_then(|(place, trees)| trees.get(place))
            .map_or("unknown", |tree| &tree.version)
    }

    /// One line per crate.
    pub fn lines(&self) -> Vec<String> {
        match &self.0 {
            Err(reason) => vec![format!("not known: {reason}")],
            Ok(trees) => CRATES
                .iter()
                .zip(trees)
                .map(|(name, tree)| {
                    format!(
                        "{name} {}: {} ({})",
                        tree.version,
                        tree.below.len(),
                        tree.below.join(", ")
                    )
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "0ferrio-bench v0.1.0 (/somewhere/bench)\n\
        1clap v4.5.1\n2mio v0.8.0\n\
        1ferrio v0.1.0 (/somewhere)\n2libc v0.2.178\n2log v0.4.29\n\
        1mio v1.2.4\n2libc v0.2.178\n2log v0.4.29\n3libc v0.2.178\n";

    #[test]
    fn a_tree_is_what_lies_below_the_direct_dependency() {
        let tree = parse(TEXT, "mio").unwrap();
        assert_eq!(tree.version, "1.2.4");
        assert_eq!(tree.below, ["libc 0.2.178", "log 0.4.29"]);
        assert_eq!(parse(TEXT, "ferrio").unwrap().version, "0.1.0");
        assert_eq!(parse(TEXT, "tokio"), None);
    }

    #[test]
    fn this_workspace_answers() {
        let Dependencies(trees) = read();
        let trees = trees.unwrap();
        assert!(trees[1].version.starts_with("1."), "{}", trees[1].version);
        assert!(!trees[0].below.is_empty());
    }

    #[test]
    fn a_failure_is_told() {
        let failed = Dependencies(Err("no cargo".to_owned()));
        assert_eq!(failed.lines(), ["not known: no cargo"]);
        assert_eq!(failed.version("mio"), "unknown");
    }
}

//! What sanitizers write: a file for each process that has something to say.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::Sanitizer;

pub struct Reports {
    directory: PathBuf,
}

impl Reports {
    /// An empty place for them.
    pub fn new(directory: &Path, sanitizer: Sanitizer) -> Result<Self> {
        let directory = directory.join(sanitizer.name());
        if directory.exists() {
            fs::remove_dir_all(&directory)?;
        }
        fs::create_dir_all(&directory)?;
        Ok(Self { directory })
    }

    /// What the files' names begin with. A process adds its number.
    pub fn prefix(&self) -> String {
        self.directory.join("report").display().to_string()
    }

    /// All that was written so far, which is then gone.
    pub fn take(&self) -> Result<Vec<String>> {
        let mut texts = Vec::new();
        for path in self.files()? {
            texts.push(read(&path)?);
            fs::remove_file(path)?;
        }
        Ok(texts)
    }

    /// Shows what was written, and tells how many reports that are. The files stay.
    pub fn show(&self) -> Result<usize> {
        let mut sum = 0;
        for path in self.files()? {
            let text = read(&path)?;
            println!("--- {}\n{text}", path.display());
            sum += number(&text);
        }
        Ok(sum)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for file in fs::read_dir(&self.directory)? {
            files.push(file?.path());
        }
        files.sort();
        Ok(files)
    }
}

fn read(path: &Path) -> Result<String> {
    Ok(String::from_utf8_lossy(&fs::read(path)?).into_owned())
}

/// How many reports one file has: at least one, or it would not be there.
fn number(text: &str) -> usize {
    let headings = text
        .lines()
        .filter(|line| line.contains("WARNING: ThreadSanitizer") || line.contains("ERROR: "));
    headings.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_are_counted_and_a_file_without_a_heading_is_one() {
        let race = "==================\nWARNING: ThreadSanitizer: data race (pid=7)\n";
        assert_eq!(number(&race.repeat(3)), 3);
        assert_eq!(
            number("==7==ERROR: LeakSanitizer: detected memory leaks\n"),
            1
        );
        assert_eq!(number("ThreadSanitizer: something is odd\n"), 1);
    }
}

//! A table in full, for other programs.

use std::io::{self, Write};

use super::OnceError;

/// Heads and rows; every row has as many cells as there are heads.
pub(super) struct Sheet {
    pub(super) heads: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
}

impl Sheet {
    pub(super) fn write_csv(&self, out: &mut impl Write) -> Result<(), OnceError> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(&self.heads)?;
        for row in &self.rows {
            csv.write_record(row.iter().map(|cell| harmless(cell)))?;
        }
        Ok(csv.flush()?)
    }

    pub(super) fn write_markdown(&self, out: &mut impl Write) -> io::Result<()> {
        let line = |cells: &mut dyn Iterator<Item = String>| -> String {
            let cells: Vec<String> = cells.collect();
            format!("| {} |", cells.join(" | "))
        };
        writeln!(out, "{}", line(&mut self.heads.iter().map(|head| (*head).to_owned())))?;
        writeln!(out, "{}", line(&mut self.heads.iter().map(|_| "---".to_owned())))?;
        for row in &self.rows {
            writeln!(out, "{}", line(&mut row.iter().map(|cell| escaped(cell))))?;
        }
        Ok(())
    }
}

/// A stranger's text that a spreadsheet would take for a formula begins with an apostrophe (OWASP, CSV injection).
fn harmless(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
    if formula { format!("'{cell}") } else { cell.to_owned() }
}

/// A stranger's text without its meaning in Markdown: CommonMark takes a backslash before any of its signs.
fn escaped(cell: &str) -> String {
    let mut text = String::with_capacity(cell.len());
    for c in cell.chars() {
        if matches!(c, '\\' | '|' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '&' | '~' | '!' | '#' | '$') {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_texts_stay_texts() {
        let sheet = Sheet {
            heads: vec!["name", "n"],
            rows: vec![
                vec!["=1+2, \"x\"".to_owned(), "-1.5".to_owned()],
                vec!["a|b<i>".to_owned(), String::new()],
            ],
        };
        let mut csv = Vec::new();
        sheet.write_csv(&mut csv).unwrap();
        assert_eq!(String::from_utf8(csv).unwrap(), "name,n\n\"'=1+2, \"\"x\"\"\",-1.5\na|b<i>,\n");
        let mut markdown = Vec::new();
        sheet.write_markdown(&mut markdown).unwrap();
        let expected = "| name | n |\n| --- | --- |\n| =1+2, \"x\" | -1.5 |\n| a\\|b\\<i\\> |  |\n";
        assert_eq!(String::from_utf8(markdown).unwrap(), expected);
    }
}

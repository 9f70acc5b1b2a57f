//! Names of classes: the same class may be written `1`, `1.0` or ` 1` by different tools.

use std::{borrow::Cow, collections::HashMap};

/// Integers up to here are exact in a double.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// The number that a label is, if it is one that a double holds exactly enough to be written back.
fn number(label: &str) -> Option<f64> {
    // `+ 0.0` makes 0 of -0.
    label.parse::<f64>().ok().filter(|value| value.abs() < EXACT).map(|value| value + 0.0)
}

/// The form in which labels are compared: numbers in their shortest form, other text as it is.
pub(crate) fn canonical(label: &str) -> Cow<'_, str> {
    let label = label.trim();
    match number(label) {
        Some(value) => Cow::Owned(value.to_string()),
        None => Cow::Borrowed(label),
    }
}

/// Distinct class names in order: by value if all are numbers (and then in canonical form), else by text.
pub(crate) fn sorted_classes<'a>(labels: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<&str> = labels.collect();
    names.sort_unstable();
    names.dedup();
    let numbers: Option<Vec<f64>> = names.iter().map(|name| number(name)).collect();
    match numbers {
        Some(mut numbers) => {
            numbers.sort_unstable_by(f64::total_cmp);
            numbers.dedup();
            numbers.iter().map(f64::to_string).collect()
        }
        None => names.into_iter().map(str::to_owned).collect(),
    }
}

/// Looks up class indices by name: exactly first, then in canonical form.
pub(crate) struct ClassIndex<'a> {
    exact: HashMap<&'a str, u16>,
    canonical: HashMap<Cow<'a, str>, u16>,
}

impl<'a> ClassIndex<'a> {
    /// Of a task's classes: at most 256, so that the index fits.
    pub(crate) fn new(classes: &'a [String]) -> Self {
        let mut index = Self { exact: HashMap::new(), canonical: HashMap::new() };
        for (i, name) in classes.iter().enumerate() {
            let i = u16::try_from(i).unwrap_or(u16::MAX);
            index.exact.entry(name).or_insert(i);
            index.canonical.entry(canonical(name)).or_insert(i);
        }
        index
    }

    /// The class of this name.
    pub(crate) fn get(&self, label: &str) -> Option<u16> {
        self.exact.get(label).or_else(|| self.canonical.get(&canonical(label))).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_value_and_text_by_letters() {
        assert_eq!(sorted_classes(["10", "9", "1.0", "1", "-0"].into_iter()), ["0", "1", "9", "10"]);
        assert_eq!(sorted_classes(["b", "10", "9", "b"].into_iter()), ["10", "9", "b"]);
        // Infinities and integers beyond 2^53 are text: two of them could be one number.
        assert_eq!(sorted_classes(["9007199254740993", "2"].into_iter()), ["2", "9007199254740993"]);
    }

    #[test]
    fn lookup_takes_the_exact_name_first() {
        let classes = ["1.0".to_owned(), "1".to_owned(), "yes".to_owned()];
        let index = ClassIndex::new(&classes);
        assert_eq!((index.get("1"), index.get("1.0"), index.get("1.00")), (Some(1), Some(0), Some(0)));
        assert_eq!((index.get(" yes "), index.get("no")), (Some(2), None));
    }
}

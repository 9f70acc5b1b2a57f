//! `node host`

use super::backend::Backend;
use super::context::{CliError, Context};
use super::{keys, output};
use crate::keys::KeyFile;
use crate::ledger::now;
use anyhow::{Context as _, bail};
use circuits::{ClassId, Family, TestSet, model::CATALOGUE};
use datasets::{CsvOptions, import_csv_files};
use protocol::{AdmittedClass, BlobRef, Body, Caps, Competition, Openness, TieRule};
use serde_json::json;
use std::io::Write;
use std::path::PathBuf;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const EXAMPLES: &str = "\
Examples:
  node host --title 'Handwritten digits' --test digits-test.csv --train digits-train.csv --label digit \\
            --size-class linear-64-10 --size-class mlp-64-32-10 --deadline +7d
  node host --title Diagnosis --test test.csv --label diagnosis --threshold 95 --deadline 2030-01-31T12:00:00Z

The test set becomes public: this is an open competition. Without --size-class the smallest class of every model
family that fits is taken. A key that was made here before is used again.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// One line that names the competition.
    #[arg(long)]
    title: String,
    /// Labelled test set: CSV with a header, numeric features.
    #[arg(long, value_name = "CSV")]
    test: PathBuf,
    /// Column of the label.
    #[arg(long, value_name = "COLUMN")]
    label: String,
    /// Training set, from which the map of the features to integers is taken; it is published too.
    #[arg(long, value_name = "CSV")]
    train: Option<PathBuf>,
    /// Size class to admit; may be repeated.
    #[arg(long, value_name = "CLASS")]
    size_class: Vec<ClassId>,
    /// Bits of a feature [default: as many as every admitted class takes].
    #[arg(long, value_name = "BITS", value_parser = clap::value_parser!(u8).range(1..=8))]
    feature_bits: Option<u8>,
    /// Accuracy that counts as reached, in per cent.
    #[arg(long, value_name = "PER CENT", value_parser = threshold)]
    threshold: Option<u32>,
    /// Until when submissions count: a time as in 2030-01-31T12:00:00Z, or from now: +7d, +12h, +30m.
    #[arg(long, value_name = "TIME", value_parser = deadline, default_value = "+7d")]
    deadline: u64,
    /// Plain text about the competition.
    #[arg(long, default_value = "")]
    description: String,
    /// Entries that one competitor may make: what limits trying many models.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_entries: u32,
    /// Submissions of one entry.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_submissions: u32,
}

/// Per cent as basis points.
fn threshold(text: &str) -> Result<u32, String> {
    let percent: f64 =
        text.trim_end_matches('%').trim().parse().map_err(|_| format!("not a number: {text}"))?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(format!("expected 0 to 100 per cent, got {text}"));
    }
    Ok((percent * 100.0).round() as u32)
}

/// Seconds since 1970.
fn deadline(text: &str) -> Result<u64, String> {
    let expected =
        || format!("expected a time such as 2030-01-31T12:00:00Z or +7d, +12h, +30m, +90s, got {text:?}");
    let Some(relative) = text.strip_prefix('+') else {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| expected())?;
        return u64::try_from(time.unix_timestamp()).map_err(|_| expected());
    };
    let unit = relative.chars().last().ok_or_else(expected)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return Err(expected()),
    };
    let count: u64 = relative.trim_end_matches(unit).parse().map_err(|_| expected())?;
    count.checked_mul(seconds).and_then(|s| s.checked_add(now())).ok_or_else(expected)
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        if self.deadline <= now() {
            let reason = format!("the deadline {} has passed already", output::when(self.deadline));
            return Err(CliError::Refused { reason }.into());
        }
        let (set, classes) = self.import()?;
        self.check_rules(&set, &classes)?;
        let mut backend = Backend::open(context)?;
        let mut admitted = Vec::new();
        for class in classes {
            let key = keys::make(context, class)?;
            admitted.push(admit(&mut backend, &key)?);
        }
        let competition = self.competition(context, &mut backend, &set, admitted)?;
        let signed = protocol::sign(&identity.keypair, &Body::Competition(Box::new(competition)))?;
        backend.publish(signed.bytes())?;
        if !backend.is_online() {
            output::message("it will be published at the next `node run`");
        }
        let id = signed.id().to_string();
        if context.json {
            let (rows, test_set) = (set.rows(), hex::encode(set.digest()));
            return output::json(&json!({ "competition": id, "rows": rows, "test_set": test_set }));
        }
        output::message(&format!(
            "hosting {:?}: {} rows, {} features",
            self.title,
            set.rows(),
            set.features()
        ));
        output::data(&id)
    }

    /// The test set and the classes that it fits into.
    fn import(&self) -> anyhow::Result<(TestSet, Vec<ClassId>)> {
        if self.size_class.is_empty() {
            return self.import_for_default_classes();
        }
        let bits = self.size_class.iter().map(|class| class.class().feature_bits).min().unwrap_or(8);
        let bits = self.feature_bits.unwrap_or(u8::try_from(bits)?);
        Ok((self.read(bits)?, self.size_class.clone()))
    }

    /// Reads once to learn the sizes, chooses the smallest fitting class of every family, and reads again with as
    /// many bits as these take.
    fn import_for_default_classes(&self) -> anyhow::Result<(TestSet, Vec<ClassId>)> {
        let probe = self.read(self.feature_bits.unwrap_or(1))?;
        let fits = |linear: bool| {
            let family = move |family| matches!(family, Family::Linear) == linear;
            CATALOGUE
                .iter()
                .find(|class| {
                    family(class.family) && class.fits(probe.features(), probe.x_max(), probe.classes())
                })
                .map(|class| class.id)
        };
        let classes: Vec<ClassId> = [fits(true), fits(false)].into_iter().flatten().collect();
        if classes.is_empty() {
            let names: Vec<&str> = CATALOGUE.iter().map(|class| class.id.as_str()).collect();
            bail!(
                "no size class holds {} features and {} classes: there are {}",
                probe.features(),
                probe.classes(),
                names.join(", ")
            );
        }
        if self.feature_bits.is_some() {
            return Ok((probe, classes));
        }
        let bits = classes.iter().map(|class| class.class().feature_bits).min().unwrap_or(8);
        Ok((self.read(u8::try_from(bits)?)?, classes))
    }

    fn read(&self, feature_bits: u8) -> anyhow::Result<TestSet> {
        let options = CsvOptions::new(&self.label, feature_bits);
        import_csv_files(&self.test, self.train.as_deref(), &options)
            .with_context(|| format!("reading {}", self.test.display()))
    }

    fn competition(
        &self,
        context: &Context,
        backend: &mut Backend,
        set: &TestSet,
        size_classes: Vec<AdmittedClass>,
    ) -> anyhow::Result<Competition> {
        let mut file = tempfile::Builder::new().prefix(".test-set-").tempfile_in(context.home.dir())?;
        file.write_all(&set.to_bytes()?)?;
        file.flush()?;
        let test_set = backend.add_blob(file.path())?;
        let training = self.train.as_deref().map(|path| backend.add_blob(path)).transpose()?;
        Ok(self.rules(set, test_set, training, size_classes))
    }

    /// Whether the competition will obey the rules, before keys are made for it.
    fn check_rules(&self, set: &TestSet, classes: &[ClassId]) -> anyhow::Result<()> {
        let blob = BlobRef::of(b"to come");
        let admit = |class: &ClassId| AdmittedClass {
            class: *class,
            key_digest: [0; 32],
            verifying_key: blob,
            proving_key: blob,
        };
        let rules = self.rules(set, blob, None, classes.iter().map(admit).collect());
        Ok(Body::Competition(Box::new(rules)).validate()?)
    }

    fn rules(
        &self,
        set: &TestSet,
        test_set: BlobRef,
        training: Option<BlobRef>,
        size_classes: Vec<AdmittedClass>,
    ) -> Competition {
        Competition {
            title: self.title.clone(),
            description: self.description.clone(),
            created: now(),
            prove_deadline: self.deadline,
            openness: Openness::Open,
            task: set.task().clone(),
            rows: set.rows() as u64,
            test_set,
            training,
            size_classes,
            threshold_bps: self.threshold.unwrap_or(0),
            caps: Caps { entries: self.max_entries, submissions: self.max_submissions },
            tie_rule: TieRule::SharedRank,
            prize: None,
        }
    }
}

fn admit(backend: &mut Backend, key: &KeyFile) -> anyhow::Result<AdmittedClass> {
    let verifying_key = backend.add_blob(&key.verifying_key_path)?;
    let proving_key = backend.add_blob(&key.path)?;
    Ok(AdmittedClass { class: key.class, key_digest: key.key_digest, verifying_key, proving_key })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_are_absolute_or_from_now() {
        assert_eq!(deadline("2030-01-31T12:00:00Z"), Ok(1_896_091_200));
        let week = deadline("+7d").unwrap();
        assert!((now() + 604_799..=now() + 604_801).contains(&week));
        for bad in
            ["", "+", "+d", "+7", "+7w", "+-1d", "tomorrow", "+99999999999999999999d", "1960-01-01T00:00:00Z"]
        {
            assert!(deadline(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn thresholds_are_per_cent() {
        assert_eq!(threshold("95"), Ok(9500));
        assert_eq!(threshold("95.25 %"), Ok(9525));
        for bad in ["", "-1", "101", "NaN", "ninety"] {
            assert!(threshold(bad).is_err(), "{bad:?}");
        }
    }
}

//! `node host`

use super::backend::Backend;
use super::context::{CliError, Context};
use super::held::Held;
use super::printed::{Drafted, Hosting};
use super::times::span;
use super::{keys, output};
use crate::hosted::Hosted;
use crate::keys::KeyFile;
use crate::ledger::now;
use crate::{scratch, views};
use anyhow::{Context as _, bail};
use circuits::{ClassId, Family, TestSet, model::CATALOGUE};
use datasets::{CsvOptions, import_csv_files};
use protocol::{
    AdmittedClass, Author, BlobRef, Body, Caps, ClaimRule, Competition, RecordId, Seal, TestSetTerms, TieRule,
};
use rand::RngCore;
use std::io::Write;
use std::path::PathBuf;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const EXAMPLES: &str = "\
Examples:
  node host --title 'Handwritten digits' --test digits-test.csv --train digits-train.csv --label digit \\
            --size-class linear-64-10 --size-class mlp-64-32-10 --commit-deadline +5d --deadline +7d
  node host --title Diagnosis --test test.csv --label diagnosis --threshold 95 --levels 90,92.5,95 --deadline +14d
  node host --open --title 'Breast cancer' --test wdbc.csv --label diagnosis --deadline 2030-01-31T12:00:00Z
  node host --draft --title Diagnosis --test test.csv --label diagnosis --size-class linear-30-2 --threshold 95

The test set stays sealed on this machine: competitors enter models until the commit deadline, then `node reveal`
publishes it, they prove until the deadline, and `node close` says which proofs were in time. With --open the test set
is public from the start, so that a score may come from its having been memorised: every view says so.
Without --size-class the smallest class of every model family that fits is taken. A key that was made here before is
used again.
With --draft nothing is signed or published yet: `node chain post` locks a prize first, and then publishes the record
with the prize in it.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// One line that names the competition.
    #[arg(long)]
    title: String,
    /// Publish the test set at once, instead of sealing it until the models are fixed.
    #[arg(long)]
    open: bool,
    /// Sign and publish nothing yet: `node chain post` does, when it has locked the prize that the record then names.
    #[arg(long, conflicts_with = "open")]
    draft: bool,
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
    /// Until when models are entered, if the test set is sealed [default: after five sevenths of the time].
    #[arg(long, value_name = "TIME", value_parser = deadline, conflicts_with = "open")]
    commit_deadline: Option<u64>,
    /// Until when submissions count: a time as in 2030-01-31T12:00:00Z, or from now: +7d, +12h, +30m.
    #[arg(long, value_name = "TIME", value_parser = deadline, default_value = "+7d")]
    deadline: u64,
    /// Accuracies that may be claimed, in per cent: nothing in between, so that claims tell less about the models.
    #[arg(long, value_name = "PER CENT,..", value_delimiter = ',', value_parser = threshold)]
    levels: Vec<u32>,
    /// What happens to equal counts: they share a rank, or are drawn by entry id (by the salt too, if the test set is sealed).
    #[arg(long, value_enum, default_value_t = Tie::Shared)]
    ties: Tie,
    /// Rows that the sealed test set has at least [default: as many as it has].
    #[arg(long, value_name = "ROWS", conflicts_with = "open")]
    min_rows: Option<u64>,
    /// Plain text about the competition.
    #[arg(long, default_value = "")]
    description: String,
    /// Entries that one competitor may make: what limits trying many models.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_entries: u32,
    /// Entries that one competitor may withdraw before the reveal, each making place for another.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(0..=1000))]
    max_withdrawals: u32,
    /// Submissions of one entry.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    max_submissions: u32,
}

/// How ties are ranked.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Tie {
    /// Equal counts share a rank.
    Shared,
    /// Drawn by entry id.
    EntryId,
}

/// Per cent as basis points.
pub fn threshold(text: &str) -> Result<u32, String> {
    let percent: f64 =
        text.trim_end_matches('%').trim().parse().map_err(|_| format!("not a number: {text}"))?;
    if !(0.0..=100.0).contains(&percent) {
        return Err(format!("expected 0 to 100 per cent, got {text}"));
    }
    Ok((percent * 100.0).round() as u32)
}

/// Seconds since 1970.
pub fn deadline(text: &str) -> Result<u64, String> {
    let expected =
        || format!("expected a time such as 2030-01-31T12:00:00Z or +7d, +12h, +30m, +90s, got {text:?}");
    let Some(relative) = text.strip_prefix('+') else {
        let time = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| expected())?;
        return u64::try_from(time.unix_timestamp()).map_err(|_| expected());
    };
    span(relative).and_then(|seconds| seconds.checked_add(now())).ok_or_else(expected)
}

impl Args {
    pub fn run(self, context: &Context) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let start = now();
        for (name, time) in [("", Some(self.deadline)), ("commit ", self.commit_deadline)] {
            if let Some(time) = time.filter(|time| *time <= start) {
                let reason = format!("the {name}deadline {} has passed already", output::when(time));
                return Err(CliError::Refused { reason }.into());
            }
        }
        let (set, classes) = self.import()?;
        let mut salt = [0; 32];
        rand::rngs::OsRng.try_fill_bytes(&mut salt).context("drawing a salt")?;
        let host = Author::from_public_key(&identity.keypair.public())?;
        let draft = Draft { args: &self, set: &set, created: start, host, salt };
        draft.check(&classes)?;
        if !self.open && self.train.is_none() {
            output::message(
                "note: without --train the map of features to integers is taken from the sealed test set, so that its \
                 least and greatest value of every feature are public from now on",
            );
        }
        let mut backend = Backend::open(context)?;
        let mut admitted = Vec::new();
        for class in classes {
            let key = keys::make(context, class)?;
            admitted.push(admit(&mut backend, &key)?);
        }
        let bytes = set.to_bytes()?;
        if self.open {
            add_bytes(context, &mut backend, &bytes)?;
        }
        let training = self.train.as_deref().map(|path| backend.add_blob(path)).transpose()?;
        let competition = draft.competition(BlobRef::of(&bytes), training, admitted);
        if self.draft {
            return self.keep_draft(context, &draft, competition, &bytes);
        }
        let signed = protocol::sign(&identity.keypair, &Body::Competition(Box::new(competition)))?;
        let hosted = Hosted::new(&context.home, signed.id());
        if !self.open {
            // Before anything is published: without these files nobody could ever reveal.
            hosted.write_sealed(&bytes, &salt)?;
        }
        backend.publish(signed.bytes())?;
        let held = Held::wait(&mut backend, &[&signed.id().to_string()]);
        self.report(context, &draft, signed.id(), &hosted, &held)
    }

    /// The record will name its prize, whose terms name the record by the digest of all the rest.
    fn keep_draft(
        &self,
        context: &Context,
        draft: &Draft<'_>,
        competition: Competition,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let manifest = RecordId::new(competition.manifest(&draft.host)?);
        let hosted = Hosted::new(&context.home, manifest);
        hosted.write_sealed(bytes, &draft.salt)?;
        hosted.write_draft(&Body::Competition(Box::new(competition)).to_payload()?)?;
        let sealed_in = hosted.dir().display().to_string();
        if context.json {
            return output::json(&Drafted {
                draft: manifest.to_string(),
                rows: draft.set.rows(),
                test_set: hex::encode(draft.set.digest()),
                commit_deadline: draft.commit_deadline(),
                prove_deadline: self.deadline,
                sealed_in,
            });
        }
        output::message(&format!(
            "drafted, sealed, and not published; what opens it is in\n  {sealed_in}\n\
             Lock the prize with `node chain post --competition {}`.",
            manifest.short()
        ));
        output::data(&manifest.to_string())
    }

    fn report(
        &self,
        context: &Context,
        draft: &Draft<'_>,
        id: RecordId,
        hosted: &Hosted,
        held: &Held,
    ) -> anyhow::Result<()> {
        let (set, dir) = (draft.set, hosted.dir().display().to_string());
        if context.json {
            return output::json(&Hosting {
                competition: id.to_string(),
                openness: views::openness(self.open),
                rows: set.rows(),
                test_set: hex::encode(set.digest()),
                commit_deadline: draft.commit_deadline(),
                prove_deadline: self.deadline,
                sealed_in: (!self.open).then_some(dir),
                held: *held,
            });
        }
        let (rows, features) = (set.rows(), set.features());
        output::message(&format!("hosting {:?}: {rows} rows, {features} features", self.title));
        if self.open {
            output::message(views::openness(true));
        } else {
            output::message(&format!(
                "sealed; what opens it is in\n  {dir}\n\
                 Keep that folder, and show it to nobody: without it the test set cannot be revealed.\n\
                 After {} run `node reveal {}`.",
                output::when(draft.commit_deadline()),
                id.short()
            ));
        }
        held.tell();
        output::data(&id.to_string())
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
}

/// A competition before it is signed.
struct Draft<'a> {
    args: &'a Args,
    set: &'a TestSet,
    created: u64,
    host: Author,
    salt: [u8; 32],
}

impl Draft<'_> {
    fn commit_deadline(&self) -> u64 {
        let span = self.args.deadline.saturating_sub(self.created);
        // Models take longer than proofs.
        self.args.commit_deadline.unwrap_or(self.created + span * 5 / 7)
    }

    /// Whether the competition will obey the rules, before keys are made for it.
    fn check(&self, classes: &[ClassId]) -> anyhow::Result<()> {
        let blob = BlobRef::of(b"to come");
        let admit = |class: &ClassId| AdmittedClass {
            class: *class,
            key_digest: [0; 32],
            verifying_key: blob,
            proving_key: blob,
        };
        let rows = self.set.rows() as u64;
        if let Some(min) = self.args.min_rows.filter(|min| *min > rows) {
            let reason =
                format!("expected at most {rows} as --min-rows, the rows of the test set, got {min}");
            return Err(CliError::Refused { reason }.into());
        }
        let rules = self.competition(blob, None, classes.iter().map(admit).collect());
        Ok(Body::Competition(Box::new(rules)).validate()?)
    }

    fn competition(
        &self,
        test_set: BlobRef,
        training: Option<BlobRef>,
        size_classes: Vec<AdmittedClass>,
    ) -> Competition {
        let (args, rows) = (self.args, self.set.rows() as u64);
        let mut levels = args.levels.clone();
        levels.sort_unstable();
        Competition {
            title: args.title.clone(),
            description: args.description.clone(),
            created: self.created,
            prove_deadline: args.deadline,
            task: self.set.task().clone(),
            test_set: match args.open {
                true => TestSetTerms::Open { blob: test_set, rows },
                false => TestSetTerms::Sealed {
                    seal: Seal::of(&self.host, &test_set, rows, &self.salt),
                    min_rows: args.min_rows.unwrap_or(rows),
                    commit_deadline: self.commit_deadline(),
                },
            },
            training,
            size_classes,
            threshold_bps: args.threshold.unwrap_or(0),
            claims: if levels.is_empty() { ClaimRule::Exact } else { ClaimRule::Levels(levels) },
            caps: Caps {
                entries: args.max_entries,
                withdrawals: if args.open { 0 } else { args.max_withdrawals },
                submissions: args.max_submissions,
            },
            tie_rule: match args.ties {
                Tie::Shared => TieRule::SharedRank,
                Tie::EntryId => TieRule::EntryId,
            },
            prize: None,
        }
    }
}

/// Stores bytes as a blob.
pub fn add_bytes(context: &Context, backend: &mut Backend, bytes: &[u8]) -> anyhow::Result<BlobRef> {
    let mut file = tempfile::Builder::new().prefix(".blob-").tempfile_in(context.home.dir())?;
    let _listed = scratch::list(file.path());
    file.write_all(bytes)?;
    file.flush()?;
    backend.add_blob(file.path())
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

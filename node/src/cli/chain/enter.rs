//! `node chain enter`

use super::finalise::not_after;
use super::link::Link;
use super::printed::Entered;
use super::purse::Purse;
use super::seek::{Found, records, seek};
use super::{Choice, Options};
use crate::chain::asset::Asset;
use crate::chain::compare::differences;
use crate::chain::entrant::Entrant;
use crate::chain::send::Order;
use crate::cli::ask::confirm;
use crate::cli::backend::Backend;
use crate::cli::context::{CliError, Context};
use crate::cli::enter::Calibration;
use crate::cli::output;
use crate::cli::progress::Progress;
use crate::cli::score::read_model;
use crate::cli::submit::proving_key;
use crate::keys;
use crate::prover::{Contest, ProverError};
use circuits::groth16::ProvingKey;
use contracts::{Phase, U256, entry_id};
use protocol::AdmittedClass;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  node chain enter --competition 77b2 --model model.onnx --keystore ada.json --password-file pw
  node chain enter --competition 77b2 --model model.onnx --calibrate train.csv --label digit --key-file ada.key

Fixes a model on the chain before anybody has seen the test set: a commitment, with a proof that its weights are in
range and that the account knows them. It shows nothing of the model. The account is who is paid.
What must not be lost is the opening, a file of mode 0600 whose path is printed, and the data folder's `secret`:
without them nothing can be proved. They are as secret as the model.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// The model.
    #[arg(long, value_name = "FILE.onnx")]
    model: PathBuf,
    #[command(flatten)]
    calibration: Calibration,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let link = Link::open(context, options)?;
        let mut backend = records(&link);
        let found = seek(&link, &mut backend, &self.choice.competition)?;
        let (backend, contest) = found.with_record(backend)?;
        let mut backend = backend;
        let purse = Purse::open(&link, Some(&found.site))?;
        let admitted = found.class(&contest)?;
        found.expect_agreement(context, &contest)?;
        link.check_parameters(&found.site)?;
        let float = read_model(&self.model)?;
        let rows = self.calibration.rows(&contest.rules.task)?;
        let (model, report) =
            datasets::quantise(&float, &contest.rules.task, admitted.class.class(), rows.as_ref())
                .map_err(ProverError::Quantise)?;
        let key = load_key(context, &mut backend, &admitted)?;
        let progress = Progress::new("entering");
        let entrant = Entrant {
            secret: &identity.secret,
            id: found.id,
            account: purse.address(),
            key: &key,
            folder: &found.folder,
            progress: &|step, part| progress.report(step, part),
        };
        let (entry, _) = entrant.enter(&model)?;
        progress.finish();
        output::message(&format!("rounding: {report}"));
        let id = entry_id(found.id, purse.address(), &entry.commitment);
        let opening = found.folder.opening_path(&entry.commitment).display().to_string();
        let what = format!("enter {}", hex::encode(id));
        purse.resume(&what)?;
        if found.site.entry(&link.rpc, id)?.number == 0 {
            found.expect(&link, Phase::Open)?;
            not_after(&link, "models are entered", found.terms.enterUntil)?;
            let (asset, bond) = (link.asset(found.terms.token)?, found.terms.bond);
            output::message(&found.offer(&asset));
            purse.approve(&found.site, &asset, bond)?;
            let data = contracts::enter(&found.terms, &entry.commitment, &entry.proof);
            let order = Order { value: asset.carried(bond), ..found.order(what, data) };
            let why = match bond {
                0 => "this enters the model, for good".to_owned(),
                _ => format!(
                    "this enters the model, for good, and locks the bond of {}",
                    asset.text(U256::from(bond))
                ),
            };
            purse.send(&order, &why)?;
        }
        if context.json {
            return output::json(&Entered { competition: found.id, entry: id, opening, done: purse.done() });
        }
        output::message(&format!(
            "entered. Keep these files, and keep them secret; without them nothing can be proved:\n  {opening}\n  {}/secret\n\
             after the reveal run `node chain submit --competition {}`",
            context.home.dir().display(),
            output::short(&hex::encode(found.id))
        ));
        output::data(&hex::encode(id))
    }
}

impl Found {
    /// What one enters for.
    fn offer(&self, asset: &Asset) -> String {
        let (terms, finality) = (&self.terms, self.site.parameters.finality_s);
        let money = |units: u128| asset.text(U256::from(units));
        format!(
            "prize {}, {}, from {} on; bond {}, lost by who proves no score; models until {}, reveal from {} to {}, proofs \
             until {}",
            money(terms.prize),
            winners(terms.winners),
            output::percent(terms.threshold.into()),
            money(terms.bond),
            output::when(terms.enterUntil),
            output::when(terms.enterUntil.saturating_add(finality)),
            output::when(terms.revealUntil),
            output::when(terms.submitUntil),
        )
    }
}

/// Who gets the prize.
pub fn winners(winners: u8) -> String {
    match winners {
        0 => "the first that reaches the threshold takes all".to_owned(),
        1 => "the best by the deadline takes all".to_owned(),
        n => format!("split between the {n} best by the deadline"),
    }
}

/// The proving key that a competition pins.
pub fn load_key(
    context: &Context,
    backend: &mut Backend,
    admitted: &AdmittedClass,
) -> anyhow::Result<ProvingKey> {
    let (path, made_here) = proving_key(context, backend, admitted)?;
    let load = if made_here { keys::load } else { keys::load_of_others };
    Ok(load(&path, admitted.proving_key.id)?)
}

impl Found {
    /// The record of the competition, which has to be here.
    pub fn with_record(&self, backend: Option<Backend>) -> anyhow::Result<(Backend, Contest)> {
        let what = format!("the record of the competition, with the digest {}", self.terms.manifest);
        match (backend, self.contest.clone()) {
            (Some(backend), Some(contest)) => Ok((backend, contest)),
            _ => Err(CliError::NotHere { what }.into()),
        }
    }

    /// The class whose key the terms name.
    pub fn class(&self, contest: &Contest) -> anyhow::Result<AdmittedClass> {
        let named = |class: &&AdmittedClass| class.key_digest == self.terms.key.0;
        let class = contest.rules.size_classes.iter().find(named);
        Ok(*class.ok_or_else(|| CliError::Refused {
            reason: format!(
                "the key of the terms, {}, is none of those that the record of the competition pins",
                self.terms.key
            ),
        })?)
    }

    /// Shows what chain and record say differently, and asks whether to go on all the same.
    pub fn expect_agreement(&self, context: &Context, contest: &Contest) -> anyhow::Result<()> {
        let host = contest.record.author();
        let found = differences(&self.site.at, self.id, &self.terms, &contest.rules, &host);
        if found.is_empty() {
            return Ok(());
        }
        for d in &found {
            output::message(&format!("{}: the chain says {}, the record {}", d.what, d.chain, d.record));
        }
        confirm(
            context,
            "the chain and the record of the competition differ; what counts for the prize is the chain",
        )
    }
}

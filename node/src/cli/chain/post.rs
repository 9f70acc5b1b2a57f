//! `node chain post`

use super::finalise::not_after;
use super::link::Link;
use super::printed::Posted;
use super::purse::Purse;
use super::{Choice, Options};
use crate::chain::asset::Asset;
use crate::chain::compare::{differences, until};
use crate::chain::folder::Folder;
use crate::chain::send::Order;
use crate::chain::site::Site;
use crate::cli::backend::Backend;
use crate::cli::context::{CliError, Context};
use crate::cli::held::Held;
use crate::cli::host::{deadline, threshold};
use crate::cli::output;
use crate::home::Identity;
use crate::hosted::Hosted;
use anyhow::Context as _;
use circuits::{ClassId, TestSet};
use contracts::{Address, Deployment, Phase, SealedTestSet, Terms, competition_id};
use protocol::{AdmittedClass, Author, Body, Competition, Prize, RecordId, TestSetTerms};

/// What the prize is for: a record, or a draft of one.
struct Subject {
    rules: Competition,
    host: Author,
    hosted: Hosted,
    /// None of a draft.
    record: Option<RecordId>,
}

impl Subject {
    /// By the start of the id of an own record, or of the digest of a draft.
    fn find(
        context: &Context,
        identity: &Identity,
        backend: &mut Backend,
        prefix: &str,
    ) -> anyhow::Result<Self> {
        let own = Author::from_public_key(&identity.keypair.public())?;
        let lower = prefix.to_ascii_lowercase();
        let mut drafts = Hosted::drafts(&context.home)?;
        drafts.retain(|draft| lower.len() >= 4 && draft.to_string().starts_with(&lower));
        if let [manifest] = drafts.as_slice() {
            let hosted = Hosted::new(&context.home, *manifest);
            if let Some(Body::Competition(rules)) =
                hosted.draft()?.map(|payload| Body::from_payload(&payload)).transpose()?
            {
                return Ok(Self { rules: *rules, host: own, hosted, record: None });
            }
        }
        let id = backend.resolve("competition", prefix)?.id;
        let contest = backend.contest(&id)?;
        let host = contest.record.author();
        if host != own {
            let reason = format!("this competition is that of {}: its host posts its prize", host.peer_id());
            return Err(CliError::Refused { reason }.into());
        }
        let hosted = Hosted::new(&context.home, contest.id);
        Ok(Self { rules: contest.rules, host, hosted, record: Some(contest.id) })
    }

    /// Signs and publishes a draft, with its prize: its id. The same draft and prize give the same record every time.
    fn publish(
        &self,
        context: &Context,
        identity: &Identity,
        backend: &mut Backend,
        at: &Deployment,
        id: contracts::B256,
    ) -> anyhow::Result<RecordId> {
        if let Some(record) = self.record {
            return Ok(record);
        }
        let prize = Prize { chain_id: at.chain, contract: at.contract.into_array(), id: id.0 };
        let rules = Competition { prize: Some(prize), ..self.rules.clone() };
        let signed = protocol::sign(&identity.keypair, &Body::Competition(Box::new(rules)))?;
        // Before it is published: without these files nobody could ever reveal.
        self.hosted.copy_to(&Hosted::new(&context.home, signed.id()))?;
        backend.publish(signed.bytes())?;
        Held::wait(backend, &[&signed.id().to_string()]).tell();
        Ok(signed.id())
    }
}

const EXAMPLES: &str = "\
Examples:
  node chain post --competition 77b2 --prize 1.5 --key-file host.key
  node chain post --competition 77b2 --prize 1.5 --host-bond 0.2 --bond 0.01 --winners 3 --keystore h.json --password-file pw
  node chain post --competition 77b2 --prize 500 --token 0x1c7D4B196Cb0C7B01d743Fbc6116a902379C7238 --key-file host.key

Locks the prize of a sealed competition that `node host` has made here, or has drafted: then the record is published
when the prize is locked, and names it (`node host --draft` prints the id to give here). Test set, key, threshold and deadlines are those
of its record, which the terms name by its digest; nobody can change them afterwards. Competitors find the terms by the
contract's events: `node chain status --competition 77b2` shows them.
Models are entered on the chain until the commit deadline, and proved until the prove deadline. Reveal in between:
`node chain reveal`. A host who does not loses his bond to those who entered.
Doing it again with the same options is harmless: it locks nothing twice.";

#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    #[command(flatten)]
    choice: Choice,
    /// The prize, in the chain's coin or the token.
    #[arg(long, value_name = "AMOUNT")]
    prize: String,
    /// What you lose to the entrants if you do not reveal.
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    host_bond: String,
    /// What an entry costs until the competition is settled; lost to the winners if it never proves any score.
    #[arg(long, value_name = "AMOUNT", default_value = "0")]
    bond: String,
    /// The token of prize and bonds, if it is not the chain's own coin.
    #[arg(long, value_name = "ADDRESS", default_value_t = Address::ZERO, hide_default_value = true)]
    token: Address,
    /// Between how many of the best the prize is split; 0: the first that reaches the threshold takes all.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=16))]
    winners: u8,
    /// Size class, if the record admits several: the chain takes one.
    #[arg(long, value_name = "CLASS")]
    size_class: Option<ClassId>,
    /// Least accuracy that wins, in per cent [default: the record's threshold].
    #[arg(long, value_name = "PER CENT", value_parser = threshold)]
    threshold: Option<u32>,
    /// Until when you reveal: a time, or from now: +2h [default: a third of the way from the end of entering].
    #[arg(long, value_name = "TIME", value_parser = deadline)]
    reveal_deadline: Option<u64>,
    /// Most entries: one person with many accounts can fill any number, and then nobody else can enter.
    #[arg(long, value_name = "N", default_value_t = u32::MAX, hide_default_value = true,
          value_parser = clap::value_parser!(u32).range(1..))]
    max_entries: u32,
    /// Most entries of one account [default: the record's].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max_entries_each: Option<u32>,
}

impl Args {
    pub fn run(self, context: &Context, options: &Options) -> anyhow::Result<()> {
        let identity = context.home.identity()?;
        let mut backend = Backend::open(context)?;
        let subject = Subject::find(context, &identity, &mut backend, &self.choice.competition)?;
        let link = Link::open(context, options)?;
        let site = link.site()?;
        link.check_parameters(&site)?;
        let purse = Purse::open(&link, Some(&site))?;
        let asset = link.asset(self.token)?;
        let terms = self.terms(&site, &subject, &asset, purse.address())?;
        let terms = self.settled_on(&link, &site, terms)?;
        let id = competition_id(&site.at, &terms);
        self.check_record(&site.at, id, &terms, &subject)?;
        let what = format!("post {}", hex::encode(id));
        let phase = |link: &Link<'_>| anyhow::Ok(site.competition(&link.rpc, id)?.phase);
        purse.resume(&what)?;
        if phase(&link)? == Phase::None as u8 {
            not_after(&link, "models are entered", terms.enterUntil)?;
            terms.check(link.now()?, site.parameters.finality_s).map_err(crate::chain::ChainError::from)?;
            if !site.has_key(&link.rpc, terms.key)? {
                let class = self.class(&subject.rules)?.class;
                let reason = format!(
                    "the contract does not know the key of {class}: register it once with `node chain register-key {class}`"
                );
                return Err(CliError::Refused { reason }.into());
            }
            Folder::new(&context.home, id).keep_terms(&site.at, &terms)?;
            let locked = terms.prize.saturating_add(terms.hostBond);
            purse.approve(&site, &asset, locked)?;
            let (to, value, data) = (Some(site.at.contract), asset.carried(locked), contracts::post(&terms));
            let why = format!(
                "this locks {} until the competition is settled",
                asset.text(contracts::U256::from(locked))
            );
            purse.send(&Order { what, to, value, data }, &why)?;
        }
        // Only now: a record never names a prize that was not there.
        let record = subject.publish(context, &identity, &mut backend, &site.at, id)?;
        self.report(context, &site, record, &terms, &asset, &purse)
    }

    fn class(&self, rules: &Competition) -> anyhow::Result<AdmittedClass> {
        let classes = &rules.size_classes;
        match (self.size_class, classes.as_slice()) {
            (Some(class), _) => {
                let admitted = rules.admitted(class).copied();
                admitted.with_context(|| format!("size class {class} is not admitted"))
            }
            (None, [only]) => Ok(*only),
            (None, several) => {
                let names: Vec<&str> = several.iter().map(|admitted| admitted.class.as_str()).collect();
                let reason = format!(
                    "the record admits {}, and the chain takes one: choose with --size-class",
                    names.join(", ")
                );
                Err(CliError::Usage { reason }.into())
            }
        }
    }

    fn terms(&self, site: &Site, subject: &Subject, asset: &Asset, host: Address) -> anyhow::Result<Terms> {
        let (rules, hosted) = (&subject.rules, &subject.hosted);
        let TestSetTerms::Sealed { commit_deadline, .. } = rules.test_set else {
            let reason =
                "the test set of this competition is public from the start: a contract pays for sealed ones";
            return Err(CliError::Refused { reason: reason.to_owned() }.into());
        };
        let (bytes, _) = hosted.sealed().context("what opens the seal of this competition")?;
        let sealed = SealedTestSet::new(&TestSet::from_bytes(&bytes)?, hosted.chain_salt()?.into());
        let (enter, submit) = (until(commit_deadline), until(rules.prove_deadline));
        let from = enter.saturating_add(site.parameters.finality_s);
        let span = submit.saturating_sub(from).saturating_sub(site.parameters.finality_s);
        Ok(Terms {
            host,
            token: asset.token,
            prize: asset.parse(&self.prize)?,
            hostBond: asset.parse(&self.host_bond)?,
            bond: asset.parse(&self.bond)?,
            key: self.class(rules)?.key_digest.into(),
            seal: sealed.seal(host),
            manifest: rules.manifest(&subject.host)?.into(),
            shape: sealed.shape.clone(),
            threshold: u16::try_from(self.threshold.unwrap_or(rules.threshold_bps))?,
            winners: self.winners,
            enterUntil: enter,
            revealUntil: self.reveal_deadline.map_or(from.saturating_add(span / 3 + 1), until),
            submitUntil: submit,
            maxEntries: self.max_entries,
            maxEntriesEach: self.max_entries_each.unwrap_or(rules.caps.entries),
        })
    }

    /// Terms for this record that were settled on before, unless those were taken back: whoever runs the command again
    /// must not lock a second prize because "in two hours" is another time now.
    fn settled_on(&self, link: &Link<'_>, site: &Site, terms: Terms) -> anyhow::Result<Terms> {
        for id in Folder::all(&link.context.home)? {
            let Some((at, before)) = Folder::new(&link.context.home, id).terms()? else { continue };
            let is_other = at != site.at || before.manifest != terms.manifest || before.host != terms.host;
            if is_other || site.competition(&link.rpc, id)?.phase == Phase::Cancelled as u8 {
                continue;
            }
            let same = Terms { revealUntil: before.revealUntil, ..terms.clone() } == before;
            if same {
                return Ok(before);
            }
            if site.competition(&link.rpc, id)?.phase != Phase::None as u8 {
                let reason = format!(
                    "this competition was posted before with other terms, as {}: give the same options again, or take \
                     it back first with `node chain cancel`",
                    hex::encode(id)
                );
                return Err(CliError::Refused { reason }.into());
            }
        }
        Ok(terms)
    }

    /// What a record says of its prize must be what is posted.
    fn check_record(
        &self,
        at: &Deployment,
        id: contracts::B256,
        terms: &Terms,
        subject: &Subject,
    ) -> anyhow::Result<()> {
        let asked = |what: &str| what == "threshold" && self.threshold.is_some();
        let found = differences(at, id, terms, &subject.rules, &subject.host);
        match found.iter().find(|difference| !asked(&difference.what)) {
            Some(d) => {
                let reason =
                    format!("{}: the record says {}, the terms would say {}", d.what, d.record, d.chain);
                Err(CliError::Refused { reason }.into())
            }
            None => Ok(()),
        }
    }

    fn report(
        &self,
        context: &Context,
        site: &Site,
        record: RecordId,
        terms: &Terms,
        asset: &Asset,
        purse: &Purse<'_>,
    ) -> anyhow::Result<()> {
        let (id, prize) = (competition_id(&site.at, terms), asset.text(contracts::U256::from(terms.prize)));
        let reveal_from = terms.enterUntil.saturating_add(site.parameters.finality_s);
        if context.json {
            return output::json(&Posted {
                competition: id,
                record: record.to_string(),
                contract: site.at.contract,
                prize,
                enter_until: terms.enterUntil,
                reveal_from,
                reveal_until: terms.revealUntil,
                submit_until: terms.submitUntil,
                done: purse.done(),
            });
        }
        output::message(&format!(
            "locked {prize}. Models until {}; reveal from {} to {} with `node chain reveal`; proofs until {}",
            output::when(terms.enterUntil),
            output::when(reveal_from),
            output::when(terms.revealUntil),
            output::when(terms.submitUntil)
        ));
        output::data(&hex::encode(id))
    }
}

//! From what people call a competition to its terms, which are nowhere but in the contract's events and in files here.

use super::link::Link;
use crate::chain::folder::Folder;
use crate::chain::site::Site;
use crate::chain::{ChainError, compare, find};
use crate::cli::backend::Backend;
use crate::cli::context::CliError;
use crate::cli::output;
use crate::prover::Contest;
use contracts::{B256, Deployment, Terms};

/// A competition on a chain.
pub struct Found {
    /// Our contracts there.
    pub site: Site,
    /// Its id.
    pub id: B256,
    /// Its terms.
    pub terms: Terms,
    /// Its files here.
    pub folder: Folder,
    /// The record of the same competition off chain, if it is here.
    pub contest: Option<Contest>,
}

/// Finds a competition by its id on the chain or off it, or the start of one: in the data folder, then among the records
/// of this node, then by the events of the contract. Its terms are kept here.
pub fn seek(link: &Link<'_>, backend: &mut Option<Backend>, given: &str) -> anyhow::Result<Found> {
    let prefix = given.trim_start_matches("0x").to_ascii_lowercase();
    if prefix.len() < 4 || prefix.len() > 64 || !prefix.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let reason =
            format!("expected 4 to 64 hexadecimal digits, the start of a competition's id, got {given:?}");
        return Err(CliError::Usage { reason }.into());
    }
    let home = &link.context.home;
    let here: Vec<B256> =
        Folder::all(home)?.into_iter().filter(|id| hex::encode(id).starts_with(&prefix)).collect();
    if let Some((site, id, terms)) = in_folder(link, &here, given)? {
        let contest = record_of(backend, &terms);
        return Ok(Found { site, id, terms, folder: Folder::new(home, id), contest });
    }
    let contest = record(backend, &prefix)?;
    let (site, on_chain) = match &contest {
        Some(contest) => by_record(link, contest)?,
        None => by_id(link, &prefix)?,
    };
    let folder = Folder::new(home, on_chain.id);
    folder.keep_terms(&site.at, &on_chain.terms)?;
    let contest = contest.or_else(|| record_of(backend, &on_chain.terms));
    Ok(Found { site, id: on_chain.id, terms: on_chain.terms, folder, contest })
}

/// The node's records, unless there are none: many a command does without.
pub fn records(link: &Link<'_>) -> Option<Backend> {
    if !link.context.home.is_initialised() {
        return None;
    }
    match Backend::open(link.context) {
        Ok(backend) => Some(backend),
        Err(error) => {
            output::message(&format!("note: no records are at hand here: {error}"));
            None
        }
    }
}

fn in_folder(link: &Link<'_>, here: &[B256], given: &str) -> anyhow::Result<Option<(Site, B256, Terms)>> {
    let mut known = Vec::new();
    for id in here {
        known.extend(Folder::new(&link.context.home, *id).terms()?.map(|(at, terms)| (*id, at, terms)));
    }
    if known.len() > 1 {
        let candidates = known.iter().map(|(id, ..)| id.to_string()).collect();
        return Err(ChainError::Ambiguous { id: given.to_owned(), candidates }.into());
    }
    let Some((id, at, terms)) = known.pop() else { return Ok(None) };
    Ok(Some((checked(link, &at)?, id, terms)))
}

/// Our contracts where a competition says that it is.
fn checked(link: &Link<'_>, at: &Deployment) -> anyhow::Result<Site> {
    if at.chain != link.chain {
        return Err(ChainError::WrongChain { expected: at.chain, got: link.chain }.into());
    }
    if let Some(contract) = link.options.contract.filter(|contract| *contract != at.contract) {
        let (expected, got) = (at.contract.to_string(), contract.to_string());
        return Err(ChainError::Mismatch { what: "contract of the competition", expected, got }.into());
    }
    Ok(Site::check(&link.rpc, link.chain, at.contract)?)
}

/// A competition's record, by the start of its id; none if none begins so.
fn record(backend: &mut Option<Backend>, prefix: &str) -> anyhow::Result<Option<Contest>> {
    let Some(backend) = backend else { return Ok(None) };
    match backend.resolve("competition", prefix) {
        Ok(found) => Ok(Some(backend.contest(&found.id)?)),
        Err(error) if matches!(error.downcast_ref(), Some(CliError::Unknown { .. })) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The record that terms name, if it is here.
fn record_of(backend: &mut Option<Backend>, terms: &Terms) -> Option<Contest> {
    let backend = backend.as_mut()?;
    let summaries = backend.competitions().ok()?;
    summaries.iter().find_map(|summary| {
        let contest = backend.contest(&summary.id).ok()?;
        (named(&contest) == Some(terms.manifest)).then_some(contest)
    })
}

/// By what terms name a record.
pub fn named(contest: &Contest) -> Option<B256> {
    compare::manifest(&contest.rules, &contest.record.author())
}

/// What was posted for a record: where it says so itself, else whatever names it.
fn by_record(link: &Link<'_>, contest: &Contest) -> anyhow::Result<(Site, find::OnChain)> {
    let home = &link.context.home;
    let (site, wanted) = match &contest.rules.prize {
        Some(prize) => {
            let at = Deployment { chain: prize.chain_id, contract: prize.contract.into() };
            (checked(link, &at)?, Some(B256::from(prize.id)))
        }
        None => (link.site()?, None),
    };
    let unknown =
        || ChainError::Unknown { id: contest.id.to_string(), contract: site.at.contract.to_string() };
    let name = named(contest);
    let is_it = |terms: &Terms| Some(terms.manifest) == name;
    if wanted.is_none() {
        for id in Folder::all(home)? {
            if let Some((at, terms)) = Folder::new(home, id).terms()?
                && at == site.at
                && is_it(&terms)
            {
                return Ok((site, find::OnChain { id, terms }));
            }
        }
    }
    let mut found = find::posted(&link.rpc, &site, wanted, link.options.from_block)?;
    found.retain(|posted| wanted.is_some() || is_it(&posted.terms));
    if found.len() > 1 {
        // Anybody may name a record in terms: who is meant, only people know.
        let candidates = found.iter().map(|f| format!("{} of the host {}", f.id, f.terms.host)).collect();
        return Err(ChainError::Ambiguous { id: contest.id.to_string(), candidates }.into());
    }
    Ok((site, found.pop().ok_or_else(unknown)?))
}

fn by_id(link: &Link<'_>, prefix: &str) -> anyhow::Result<(Site, find::OnChain)> {
    let site = link.site()?;
    let whole: Option<B256> = prefix.parse().ok();
    let mut found = find::posted(&link.rpc, &site, whole, link.options.from_block)?;
    found.retain(|posted| hex::encode(posted.id).starts_with(prefix));
    if found.len() > 1 {
        let candidates = found.iter().map(|found| found.id.to_string()).collect();
        return Err(ChainError::Ambiguous { id: prefix.to_owned(), candidates }.into());
    }
    let unknown = || ChainError::Unknown { id: prefix.to_owned(), contract: site.at.contract.to_string() };
    Ok((site, found.pop().ok_or_else(unknown)?))
}

//! The forgery of the demonstration: a record that is in order but for its proof.

use super::nodes::Node;
use crate::client::ClientError;
use crate::home::Home;
use anyhow::{Context as _, bail};
use api::{Body, Command, ErrorKind};
use protocol::{Signed, WellFormed};

/// The competitor's own submission with one row more, signed by the competitor, with the old proof.
pub fn one_row_more(competitor: &Node, submission: &str) -> anyhow::Result<Vec<u8>> {
    let answer = competitor.client()?.ask(Command::Record { id: submission.to_owned() })?;
    let Body::Records { records } = answer else { bail!("expected a record, got {answer:?}") };
    let record = hex::decode(records.first().context("the node answered with no record")?)?;
    let WellFormed::Submission(honest) = WellFormed::parse(&Signed::open(&record)?)? else {
        bail!("expected a submission");
    };
    let mut forged = honest.body().clone();
    let chunk = forged.chunks.first_mut().context("a submission without chunks")?;
    chunk.correct += 1;
    let identity = Home::new(Some(competitor.dir().to_owned()), None)?.identity()?;
    let signed = protocol::sign(&identity.keypair, &protocol::Body::Submission(forged))?;
    Ok(signed.bytes().to_vec())
}

/// Hands a record to a node that must refuse it, and returns its reason.
pub fn offer(node: &Node, record: &[u8]) -> anyhow::Result<String> {
    match node.client()?.ask(Command::Publish { record: hex::encode(record) }) {
        Err(ClientError::Refused { kind: ErrorKind::Refused, message }) => Ok(message),
        Err(error) => Err(error.into()),
        Ok(answer) => bail!("{} accepted a forged submission: {answer:?}", node.name),
    }
}

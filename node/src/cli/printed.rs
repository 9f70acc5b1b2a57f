//! What commands print with `--json`, where it is not one of the local interface's own types. `node schema` prints the
//! JSON Schemas of all of them. Within a version fields are added, and none is removed or changes its meaning.

use super::held::Held;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// `node init`
#[derive(Serialize, JsonSchema)]
pub struct Initialised {
    /// The new identity.
    pub peer_id: String,
    /// Folder of its data.
    pub data_dir: String,
}

/// `node host`
#[derive(Serialize, JsonSchema)]
pub struct Hosting {
    /// Id of the new competition in hex.
    pub competition: String,
    /// Whether the test set is sealed, for people.
    pub openness: &'static str,
    /// Rows of the test set.
    pub rows: usize,
    /// Digest of the test set in hex.
    pub test_set: String,
    /// Until when entries are taken, seconds since 1970.
    pub commit_deadline: u64,
    /// Until when submissions count, seconds since 1970.
    pub prove_deadline: u64,
    /// Folder of what opens the seal; none if the competition is open.
    pub sealed_in: Option<String>,
    /// Who holds it.
    #[serde(flatten)]
    pub held: Held,
}

/// `node host --draft`
#[derive(Serialize, JsonSchema)]
pub struct Drafted {
    /// Digest in hex by which the terms of a prize name it: `node chain post` takes it as the competition's id.
    pub draft: String,
    /// Rows of the test set.
    pub rows: usize,
    /// Digest of the test set in hex.
    pub test_set: String,
    /// Until when entries are taken, seconds since 1970.
    pub commit_deadline: u64,
    /// Until when submissions count, seconds since 1970.
    pub prove_deadline: u64,
    /// Folder of what opens the seal.
    pub sealed_in: String,
}

/// `node reveal`
#[derive(Serialize, JsonSchema)]
pub struct Revealed {
    /// Competition id in hex.
    pub competition: String,
    /// Id of the reveal in hex.
    pub reveal: String,
    /// Blob id of the test set in hex.
    pub test_set: String,
    /// Its rows.
    pub rows: u64,
    /// Ids of the entries that are admitted.
    pub roster: Vec<String>,
    /// Until when submissions count, seconds since 1970.
    pub prove_deadline: u64,
    /// Who holds it.
    #[serde(flatten)]
    pub held: Held,
}

/// `node close`
#[derive(Serialize, JsonSchema)]
pub struct Closed {
    /// Competition id in hex.
    pub competition: String,
    /// Id of the close in hex.
    pub close: String,
    /// Statements of the submissions that are final.
    #[serde(rename = "final")]
    pub is_final: Vec<String>,
    /// Ids of submissions that came too late.
    pub left_out: Vec<String>,
    /// Who holds it.
    #[serde(flatten)]
    pub held: Held,
}

/// `node show`
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code)] // what is printed is made field by field; this says what they have in common
pub enum Shown {
    /// A competition.
    Competition(Box<api::Board>),
    /// Another record.
    Other(OtherRecord),
}

/// A record that is no competition; what is in it depends on its kind.
#[derive(JsonSchema)]
#[allow(dead_code)] // see above
pub struct OtherRecord {
    /// As in `find`: `entry`, `submission`, ...
    pub kind: String,
    /// Whole id in hex.
    pub id: String,
    /// Id of its competition in hex.
    pub competition: String,
    /// Peer id of who signed it.
    pub author: String,
}

/// `node enter`
#[derive(Serialize, JsonSchema)]
pub struct Entering {
    /// Competition id in hex.
    pub competition: String,
    /// Whether the test set is sealed, for people.
    pub openness: &'static str,
    /// Id of the entry in hex.
    pub entry: String,
    /// Whether it was published for the first time.
    pub new: bool,
    /// Whether this model had been entered before.
    pub reused: bool,
    /// File of what opens the commitment: as secret as the model.
    pub opening: String,
    /// From when on the host may reveal the test set, seconds since 1970.
    pub reveal_after: u64,
    /// Who holds it.
    #[serde(flatten)]
    pub held: Held,
}

/// `node withdraw`
#[derive(Serialize, JsonSchema)]
pub struct Withdrawn {
    /// Id of the entry in hex.
    pub entry: String,
    /// Id of the withdrawal in hex; none if it had been withdrawn before.
    pub withdrawal: Option<String>,
    /// Who holds the withdrawal.
    #[serde(flatten)]
    pub held: Option<Held>,
}

/// `node score`
#[derive(Serialize, JsonSchema)]
pub struct Scoring {
    /// Competition id in hex.
    pub competition: String,
    /// Size class that would be used.
    pub size_class: &'static str,
    /// Rows of the test set.
    pub rows: u64,
    /// Rows that the integer model gets right: what a proof would say.
    pub integer_correct: u64,
    /// Rows that the model gets right before rounding, if it was rounded now.
    pub float_correct: Option<u64>,
    /// The first as basis points.
    pub integer_accuracy_bps: u32,
    /// The second as basis points.
    pub float_accuracy_bps: Option<u32>,
    /// Whether the test set was sealed, for people.
    pub openness: &'static str,
    /// Whether the threshold is reached.
    pub reaches_threshold: bool,
    /// Blob id of the proving key in hex.
    pub proving_key: String,
    /// Its length.
    pub proving_key_bytes: u64,
    /// Whether it was made on this machine.
    pub proving_key_made_here: bool,
    /// Constraints of one proof.
    pub constraints: usize,
    /// Chunks of the test set.
    pub chunks: usize,
    /// Proofs in all.
    pub proofs: usize,
    /// How long all of them take on this machine.
    pub estimated_seconds: f64,
    /// How long one takes.
    pub seconds_per_proof: f64,
    /// Proofs at once.
    pub jobs: usize,
    /// Memory that they take.
    pub estimated_peak_bytes: u64,
    /// Memory that one at a time takes.
    pub needed_bytes: u64,
    /// Memory that may be taken, if that is known.
    pub budget_bytes: Option<u64>,
    /// Proofs at once that fit into it.
    pub proofs_at_once_that_fit: Option<usize>,
    /// Whether at least one fits.
    pub fits: bool,
    /// What rounding the model has cost, if it was rounded now.
    pub report: Option<Value>,
}

/// `node submit --prepare`
#[derive(Serialize, JsonSchema)]
pub struct Prepared {
    /// Competition id in hex.
    pub competition: String,
    /// Id of the entry in hex.
    pub entry: String,
    /// Chunks to prove, from 0.
    pub chunks: usize,
    /// Rows that will be claimed.
    pub correct: u64,
    /// The prepared folder.
    pub folder: String,
}

/// `node submit`
#[derive(Serialize, JsonSchema)]
pub struct Submitted {
    /// Competition id in hex.
    pub competition: String,
    /// Id of the entry in hex.
    pub entry: String,
    /// Whether the entry was published for the first time.
    pub entry_new: bool,
    /// Whether this model had been entered before.
    pub entry_reused: bool,
    /// The commitment to the model in hex.
    pub commitment: String,
    /// Id of the submission in hex.
    pub submission: String,
    /// Whether the submission was published for the first time.
    pub submission_new: bool,
    /// Whether its proofs had been made before.
    pub submission_reused: bool,
    /// Chunks of the test set.
    pub chunks: usize,
    /// Chunks that were proved now.
    pub chunks_proved: usize,
    /// Bytes of all its proofs.
    pub proof_bytes: usize,
    /// Bytes of the submission as it is published.
    pub record_bytes: usize,
    /// Whether the test set was sealed, for people.
    pub openness: &'static str,
    /// Size class.
    pub size_class: &'static str,
    /// Rows that are claimed to be right.
    pub correct: u64,
    /// Rows of the test set.
    pub rows: u64,
    /// The claim as basis points.
    pub accuracy_bps: u32,
    /// Its 95 % interval.
    pub interval_bps: (u32, u32),
    /// Whether the threshold is reached.
    pub reaches_threshold: bool,
    /// Who holds it.
    #[serde(flatten)]
    pub held: Held,
}

/// `node prove-chunk`
#[derive(Serialize, JsonSchema)]
pub struct ChunksProved {
    /// Competition id in hex.
    pub competition: String,
    /// Id of the entry in hex.
    pub entry: String,
    /// Which chunks were asked for.
    pub chunks: Vec<u32>,
    /// Those of them that were proved now.
    pub proved: usize,
    /// Those of them that had been proved before.
    pub found: usize,
    /// Files of all of them.
    pub files: Vec<String>,
}

/// `node export`
#[derive(Serialize, JsonSchema)]
pub struct Exported {
    /// Competition id in hex.
    pub competition: String,
    /// The bundle.
    pub file: String,
    /// Records in it.
    pub records: usize,
    /// Keys and test set in it.
    pub blobs: usize,
    /// Its length.
    pub bytes: u64,
    /// Whether the test set is in it.
    pub test_set: bool,
}

/// `node verify BUNDLE`
#[derive(Serialize, JsonSchema)]
pub struct BundleVerified {
    /// Whether everything holds and nothing is missing.
    pub valid: bool,
    /// Competition id in hex.
    pub competition: String,
    /// Its title.
    pub title: String,
    /// Whether the test set was sealed, for people.
    pub openness: &'static str,
    /// What the host has signed two of.
    pub disputes: Vec<&'static str>,
    /// Whether the host has closed it.
    pub closed: bool,
    /// Rows of the test set, if it is public.
    pub rows: Option<u64>,
    /// Records that hold.
    pub records: u64,
    /// Proofs that were verified.
    pub proofs: u64,
    /// Fingerprint of the records in hex.
    pub fingerprint: String,
    /// Setup trust of the keys.
    pub setup: Vec<api::SetupTrust>,
    /// Records that do not hold.
    pub refused: Vec<Judged>,
    /// Records that cannot be judged.
    pub undecided: Vec<Judged>,
    /// Entries of the roster that are not in the bundle.
    pub missing_entries: usize,
    /// The board that follows.
    pub board: Vec<BundleRow>,
    /// How long it took.
    pub seconds: f64,
}

/// A record, and what is wrong with it.
#[derive(Serialize, JsonSchema)]
pub struct Judged {
    /// Its id in hex.
    pub record: String,
    /// What is wrong.
    pub reason: String,
}

/// One competitor on the board of a bundle.
#[derive(Serialize, JsonSchema)]
pub struct BundleRow {
    /// Rank; none if the host has left it out.
    pub rank: Option<u64>,
    /// Whether the host calls it final.
    pub standing: api::Standing,
    /// Display name.
    pub name: String,
    /// Whether another competitor's name looks the same.
    pub namesake: bool,
    /// Peer id.
    pub competitor: String,
    /// Entry id in hex.
    pub entry: String,
    /// Id of the submission in hex.
    pub submission: String,
    /// Size class.
    pub size_class: &'static str,
    /// Proved count.
    pub correct: u64,
    /// The same as basis points.
    pub accuracy_bps: u32,
    /// Its 95 % interval.
    pub interval_bps: (u32, u32),
    /// Whether the threshold is reached.
    pub reaches_threshold: bool,
    /// Entries of this competitor.
    pub entries: u64,
}

/// `node verify ID`
#[derive(Serialize, JsonSchema)]
pub struct SubmissionVerified {
    /// Always true: anything else is an error.
    pub valid: bool,
    /// Competition id in hex.
    pub competition: String,
    /// Whether the test set was sealed, for people.
    pub openness: &'static str,
    /// Entry id in hex.
    pub entry: String,
    /// Id of the submission in hex.
    pub submission: String,
    /// Competitor's peer id.
    pub competitor: String,
    /// Display name.
    pub name: String,
    /// Size class.
    pub size_class: &'static str,
    /// Proved count.
    pub correct: u64,
    /// Rows of the test set.
    pub rows: u64,
    /// Proved count as basis points.
    pub accuracy_bps: u32,
    /// Its 95 % interval.
    pub interval_bps: (u32, u32),
    /// Whether the threshold is reached.
    pub reaches_threshold: bool,
    /// Proofs that were verified.
    pub proofs: usize,
    /// Setup trust of the key.
    pub setup: api::SetupTrust,
    /// How long it took.
    pub milliseconds: f64,
}

/// `node keys list`, `node keys make`
#[derive(Serialize, JsonSchema)]
pub struct Key {
    /// Size class.
    pub size_class: &'static str,
    /// Blob id of the proving key in hex.
    pub proving_key: String,
    /// Its length.
    pub proving_key_bytes: u64,
    /// Blob id of the verifying key in hex.
    pub verifying_key: String,
    /// Its length.
    pub verifying_key_bytes: u64,
    /// Digest of the verifying key's points in hex.
    pub key_digest: String,
    /// Who made it, for people.
    pub trust: &'static str,
    /// File of the proving key.
    pub path: String,
}

/// `node keys fetch`
#[derive(Serialize, JsonSchema)]
pub struct FetchedKey {
    /// Size class.
    pub size_class: &'static str,
    /// File of the proving key.
    pub path: String,
}

/// `node peers`
#[derive(Serialize, JsonSchema)]
pub struct PeerList {
    /// Connected peers, by peer id.
    pub peers: Vec<api::Peer>,
    /// Those that are kept out, the latest first.
    pub banned: Vec<api::Ban>,
}

/// `node blobs list`
#[derive(Serialize, JsonSchema)]
pub struct BlobList {
    /// Those that are here, and those that competitions name.
    pub blobs: Vec<api::Blob>,
    /// Bytes in use.
    pub used_bytes: u64,
    /// Bytes that may be in use.
    pub quota_bytes: u64,
}

/// `node blobs get`
#[derive(Serialize, JsonSchema)]
pub struct BlobHere {
    /// Its id in hex.
    pub blob: String,
    /// Its length.
    pub bytes: u64,
    /// Where it lies.
    pub path: String,
}

/// `node blobs gc`
#[derive(Serialize, JsonSchema)]
pub struct BlobsCollected {
    /// Ids of what was deleted, or would be.
    pub blobs: Vec<String>,
    /// Their bytes.
    pub bytes: u64,
    /// Whether nothing was deleted.
    pub dry_run: bool,
}

/// `node store check`
#[derive(Serialize, JsonSchema)]
pub struct StoreChecked<'a> {
    /// What was looked at, and what is wrong with it.
    #[serde(flatten)]
    pub report: &'a crate::store::Report,
    /// Whether nothing is wrong.
    pub sound: bool,
}

/// `node store export`
#[derive(Serialize, JsonSchema)]
pub struct StoreExported {
    /// The archive.
    pub file: String,
    /// Its length.
    pub bytes: u64,
    /// Records in it.
    pub records: u64,
    /// Verifying keys and test sets in it.
    pub files: u64,
    /// Fingerprint of the records in hex.
    pub fingerprint: String,
}

//! Writes the seeds of every fuzz target to `fuzz/seeds/`, from values that are in order. Always the same ones.
//!
//! `cargo run -p protocol --example fuzz_seeds`. Files that it does not write are left alone: what fuzzing found.

#[path = "../fuzz/src/lib.rs"]
#[allow(dead_code, unused_imports)] // the targets themselves are not run here
mod targets;

use circuits::{
    IntegerModel, TestSet,
    groth16::{ProvingKey, commit, prove_model},
    model::{CATALOGUE, Layer},
    statement::{Competitor, Scope},
};
use ipld_core::ipld::Ipld;
use protocol::{
    RecordId, VERSION,
    testing::{classes, person, signed, task, test_set_bytes},
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use std::{error::Error, fs, path::Path};
use targets::{BODIES, graph};

type Fallible<T> = Result<T, Box<dyn Error>>;

fn main() -> Fallible<()> {
    records()?;
    sequences()?;
    keys()?;
    files()?;
    messages()
}

fn write(target: &str, name: &str, bytes: &[u8]) -> Fallible<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    fs::create_dir_all(&folder)?;
    Ok(fs::write(folder.join(name), bytes)?)
}

/// Choices out of a random number generator.
fn random(seed: u64, length: usize) -> Vec<u8> {
    let mut rng = StdRng::seed_from_u64(seed);
    (0..length).map(|_| rng.r#gen()).collect()
}

fn records() -> Fallible<()> {
    for (at, body) in BODIES.iter().enumerate() {
        let (name, payload) = (format!("{at}-{}", body.kind()), body.to_payload()?);
        write("payload", &name, &payload)?;
        if at % 2 == 0 {
            write("envelope", &name, signed(&person(1), body.clone()).bytes())?;
        }
        let at = u8::try_from(at)?;
        write("fields", &name, &[&[at], &random(u64::from(at), 40)[..]].concat())?;
        write("pair", &name, &random(u64::from(at), 48))?;
    }
    // The body of a withdrawal behind the version, the map and the name of the kind.
    let payload = BODIES[3].to_payload()?;
    let (head, body) = payload.split_at(2 + 1 + "withdrawal".len());
    write("payload", "reversed", &[head, &reversed(body)?].concat())?;
    write("payload", "later-kind", &[&[VERSION][..], b"\xa1\x65later\xa0"].concat())?;
    write("payload", "later-version", &[VERSION + 1, 0xa0])?;
    // Two reveals, then two closes, of the host about one competition.
    write("pair", "reveals", &[0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0])?;
    write("pair", "closes", &[0, 0, 1, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 1])?;
    // A signature that holds, and one byte more.
    write("envelope", "chosen", &[&[0, 0, 0, 0, 1, 0, 9], &BODIES[6].to_payload()?[..]].concat())?;
    write("ids", "record", RecordId::new([0xab; 32]).to_string().as_bytes())?;
    write("ids", "class", classes()[0].as_str().as_bytes())?;
    write("ids", "cbor", &serde_ipld_dagcbor::to_vec(&RecordId::new([0xab; 32]))?)
}

/// The choices of `Scene::make` that make a competition in order.
fn hosted(is_sealed: bool, level_claims: bool) -> Vec<u8> {
    let claims = if level_claims { 3 } else { 0 };
    vec![0, 0, u8::from(!is_sealed), 1, 1, 0, claims, 15, 0]
}

/// An entry to competition 0 by one of three people, with a name of four.
fn entered(who: u8, model: u8, later: u8, name: u8) -> Vec<u8> {
    vec![2, 0, 0, who, 0, model, later, 0, name, 0, 0]
}

/// A submission for an entry; `reveal` if there is one.
fn submitted(entry: u8, reveal: Option<u8>, correct: u16, later: u8) -> Vec<u8> {
    let [high, low] = correct.to_be_bytes();
    let when = if reveal.is_some() { 4 } else { 0 };
    let after = reveal.map_or(Vec::new(), |reveal| vec![0, reveal]);
    [vec![10, entry], after, vec![1, high, low, 0, later, when, 31, 0]].concat()
}

fn revealed(mask: u8, later: u8) -> Vec<u8> {
    vec![8, 0, 0, mask, 0, 0, 0, later, 31, 0]
}

fn closed(mask: u8, later: u8) -> Vec<u8> {
    vec![15, 0, 0, mask, later, 0]
}

fn sequences() -> Fallible<()> {
    let open = vec![
        hosted(false, false),
        entered(0, 0, 0, 0),
        entered(1, 1, 0, 1),
        entered(2, 2, 1, 3),
        submitted(0, None, 700, 1),
        submitted(1, None, 700, 1),
        submitted(0, None, 900, 0),
        submitted(0, None, 901, 2),
        submitted(2, None, 3, 2),
        closed(1, 1),
    ];
    let sealed = vec![
        hosted(true, false),
        entered(0, 0, 0, 0),
        entered(0, 1, 1, 0),
        entered(1, 2, 1, 3),
        vec![7, 1, 0, 3, 0, 0],
        revealed(0, 1),
        submitted(0, Some(0), 532, 1),
        submitted(2, Some(0), 1065, 1),
        closed(0, 1),
        closed(1, 2),
        vec![16, 1, 0, 1, 0],
    ];
    // Four entries where three are kept, the latest of them on the roster; two reveals.
    let disputed = vec![
        hosted(true, true),
        entered(0, 0, 7, 0),
        revealed(0, 2),
        entered(0, 1, 1, 0),
        entered(0, 2, 2, 0),
        entered(0, 3, 3, 0),
        entered(1, 3, 1, 2),
        submitted(0, Some(0), 533, 1),
        revealed(2, 1),
        submitted(4, Some(1), 852, 1),
        vec![16, 0, 0, 1, 0],
        vec![17, 2, 0, 1, 9, 0, 3],
        vec![19, 3, 0, 0, 40, 1],
    ];
    // A roster with an entry of another competition.
    let elsewhere = vec![
        hosted(true, false),
        hosted(true, true),
        vec![2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![8, 0, 0, 0, 15, 0, 0, 1, 31, 0],
    ];
    // Two reveals of a test set that was never sealed, and the accusation.
    let accused =
        vec![hosted(false, false), entered(0, 0, 0, 0), revealed(0, 1), revealed(0, 2), vec![16, 0, 0, 1, 0]];
    let all = [
        ("open", open),
        ("sealed", sealed),
        ("disputed", disputed),
        ("elsewhere", elsewhere),
        ("accused", accused),
    ];
    for (name, makes) in all {
        let applied: Vec<u8> = makes.iter().flat_map(|make| [&[0], &make[..]].concat()).collect();
        let each: Vec<u8> = makes.iter().flat_map(|make| [&[0], &make[..], &[15]].concat()).collect();
        let by_hand = [&applied[..], &[11, 12, 12, 12, 13, 2, 7, 13, 0, 7, 13, 0, 0, 14, 1, 0, 15]].concat();
        write("state", name, &[&applied[..], &[15]].concat())?;
        write("state", &format!("{name}-each"), &each)?;
        write("state", &format!("{name}-by-hand"), &by_hand)?;
        write("order", name, &[&[0; 8], &makes.concat()[..]].concat())?;
        write("bundle", name, &[&[0, 0], &makes.concat()[..]].concat())?;
        write("bundle", &format!("{name}-without-key"), &[&[1, 0], &makes.concat()[..]].concat())?;
    }
    for seed in 0..3 {
        let name = format!("random-{seed}");
        write("state", &name, &[&[0], &hosted(seed == 0, false)[..], &random(seed, 500)].concat())?;
        write(
            "order",
            &name,
            &[&random(seed, 8)[..], &hosted(seed == 0, false), &random(seed, 400)].concat(),
        )?;
        write(
            "bundle",
            &name,
            &[&[0, 3][..], &random(seed, 200), &hosted(seed == 0, false), &random(seed, 400)].concat(),
        )?;
        write("dossier", &name, &random(seed, 100))?;
    }
    write("dossier", "open", &[1, 0, 0, 0, 0, 0, 3, 0, 0, 0])?;
    write("dossier", "sealed", &[0, 0, 1, 0, 0, 0, 2, 0, 0, 0])
}

fn quiet(_: &str, _: f64) {}

fn keys() -> Fallible<()> {
    let class = &CATALOGUE[0];
    let pk = ProvingKey::generate(class, &mut StdRng::seed_from_u64(1), &quiet)?;
    let key = pk.verifying_key().to_bytes();
    write("verifying_key", "whole", &key)?;
    write("verifying_key", "reversed", &reversed(&key)?)?;
    write("verifying_key", "short", &key[..400])?;
    // Beta in the place of gamma: anybody could forge.
    let degenerate = changed(&key, "points", |points| points.copy_within(32..96, 96))?;
    write("verifying_key", "degenerate", &degenerate)?;

    let mut file = Vec::new();
    pk.write(&mut file)?;
    let header = 20 + u32::from_be_bytes(file[16..20].try_into()?) as usize;
    write("proving_key", "start", &file[..header + 300])?;
    write("proving_key", "short", &file[..100])?;
    let empty = changed(&file[20..header], "verifying_key", |key| key.truncate(1))?;
    write("proving_key", "header", &empty)?;

    // A field that does not exist, with a name that no message may repeat.
    let long = serde_ipld_dagcbor::to_vec(&Ipld::Map([("a".repeat(4200), Ipld::Null)].into()))?;
    for target in ["verifying_key", "proving_key", "opening", "test_set"] {
        write(target, "long-name", &long)?;
    }

    let weights = (0..class.features * class.classes).map(|i| i as i32 % 100 - 50).collect();
    let layer =
        Layer { inputs: class.features, outputs: class.classes, weights, biases: vec![5; class.classes] };
    let model = IntegerModel::new(class, &[layer])?;
    let opening = commit(&pk, &model, &[1; 32], &[7; 32])?;
    write("opening", "whole", &opening.to_bytes())?;
    write("opening", "reversed", &reversed(&opening.to_bytes())?)?;
    write("opening", "short", &opening.to_bytes()[..200])?;
    let scope = Scope { competition: [1; 32], competitor: Competitor::Node([2; 32]) };
    let proof = prove_model(&pk, &opening, &scope, &[7; 32], &quiet)?.to_bytes();
    write("points", "proof", &proof)?;
    write("points", "commitment", &opening.commitment().to_bytes())?;
    write("points", "infinity", &[&[0; 31][..], &[0x40]].concat())
}

/// The same file with another byte string in the place of one.
fn changed(file: &[u8], name: &str, change: impl Fn(&mut Vec<u8>)) -> Fallible<Vec<u8>> {
    let mut fields: Ipld = serde_ipld_dagcbor::from_slice(file)?;
    if let Ipld::Map(fields) = &mut fields
        && let Some(Ipld::Bytes(bytes)) = fields.get_mut(name)
    {
        change(bytes);
    }
    Ok(serde_ipld_dagcbor::to_vec(&fields)?)
}

/// The same map with its fields in the opposite order, which is not canonical.
fn reversed(map: &[u8]) -> Fallible<Vec<u8>> {
    let Ipld::Map(fields) = serde_ipld_dagcbor::from_slice(map)? else { return Err("no map".into()) };
    let mut encoded = Vec::new();
    for (name, value) in &fields {
        encoded.push([serde_ipld_dagcbor::to_vec(name)?, serde_ipld_dagcbor::to_vec(value)?].concat());
    }
    // A canonical map begins with its shortest names.
    encoded.sort_by_key(|field| std::cmp::Reverse(field.first().copied()));
    Ok([vec![0xa0 | u8::try_from(fields.len())?], encoded.concat()].concat())
}

/// An operator, and its inputs besides the value so far.
type Step = (&'static str, &'static [&'static str]);

fn files() -> Fallible<()> {
    write("test_set", "miniature", &test_set_bytes())?;
    let small = TestSet::new(task(), vec![0, 15, 3, 1, 2, 3], vec![1, 0, 1])?.to_bytes()?;
    write("test_set", "small", &small)?;
    write("test_set", "reversed", &reversed(&small)?)?;
    write("test_set", "short", &small[..small.len() - 3])?;

    write("csv", "numbers", b"\0\x04\0a,b,y\n1,2,0\n3,4,1\n-1.5,1e3,1\n")?;
    write("csv", "text", b"\x01\x08\0\xef\xbb\xbfa ; y;\"b\"\r\n0.25;yes;\"1\"\r\n0.5;no;2\r\n")?;
    write("csv", "training", b"\0\x01\x03b,a,y\n1,2,0\n3,4,1\n\0a,b,y\n7,8,1\n9,300,0\n")?;
    write("csv", "wrong", b"\0\x04\0a,b,y\n1,nan,0\n3,4\n,,1\n")?;

    let images = [&[0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2], &[0, 255, 128, 1][..]].concat();
    let labels = [0, 0, 8, 1, 0, 0, 0, 2, 0, 1];
    for (name, options) in [("plain", vec![8, 0, 0]), ("scaled", vec![4, 1, 3])] {
        write("idx", name, &[&options[..], &[0, images.len() as u8], &images, &labels].concat())?;
    }
    write("idx", "short", &[&[8, 0, 0, 0, 20][..], &images[..18]].concat())?;

    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/samples");
    for name in ["breast-cancer-logistic", "digits-logistic"] {
        write("onnx", name, &fs::read(samples.join(format!("{name}.onnx")))?)?;
    }
    let initializers = [
        graph::reals("w", &[2, 2], &[1.0, 2.0, -3.0, 4.0]),
        graph::reals("b", &[2], &[0.5, -0.5]),
        graph::reals("s", &[1], &[2.0]),
    ];
    let graphs: [(&str, &[Step]); 3] = [
        ("linear", &[("Gemm", &["w", "b"])]),
        (
            "hidden",
            &[("Gemm", &["w", "b"]), ("Relu", &[]), ("MatMul", &["w"]), ("Add", &["b"]), ("Softmax", &[])],
        ),
        (
            "shapes",
            &[("Flatten", &[]), ("Sub", &["s"]), ("Identity", &[]), ("MatMul", &["w"]), ("ArgMax", &[])],
        ),
    ];
    for (name, operators) in graphs {
        let mut last = "x".to_owned();
        let mut nodes = Vec::new();
        for (at, (operator, more)) in operators.iter().enumerate() {
            let inputs = [&[last.as_str()], *more].concat();
            nodes.push(graph::node(operator, &inputs, &format!("v{at}"), &[]));
            last = format!("v{at}");
        }
        write("onnx", name, &graph::file(2, &nodes, &initializers, &[&last]))?;
    }
    // A message that must not repeat all sizes.
    let (sizes, product) =
        (graph::reals("w", &[0; 1500], &[]), graph::node("MatMul", &["x", "w"], "v0", &[]));
    write("onnx", "many-sizes", &graph::file(2, &[product], &[sizes], &["v0"]))?;
    for seed in 0..6 {
        write("onnx_graph", &format!("random-{seed}"), &random(seed, 80))?;
    }
    // Gemm of x, w and b; then a ReLU and a second Gemm.
    let weights = [1, 1, 0, 1, 2, 3, 0, 1, 4, 2, 1, 3, 1, 0, 3, 0, 0];
    write("onnx_graph", "linear", &[&weights[..], &[0, 0, 0, 2, 1, 2, 0, 0]].concat())?;
    let hidden = [2, 0, 0, 2, 1, 2, 0, 0, 6, 0, 0, 0, 0, 0, 0, 2, 3, 4, 0, 0];
    write("onnx_graph", "hidden", &[&weights[..], &hidden].concat())
}

/// Requests, responses, lines of the local socket, and an archive.
fn messages() -> Fallible<()> {
    use protocol::{BlobId, Bundle, Fingerprint, wire::*};
    let (id, fingerprint) = (RecordId::new([0xab; 32]), Fingerprint::new([0xcd; 32]));
    let requests = [
        ("summary", Request::Summary { after: Some(id), fingerprint }),
        ("first", Request::Summary { after: None, fingerprint }),
        (
            "reconcile",
            Request::Reconcile { competition: id, kind: 2, message: vec![0x61, 0, 0, 2, 0].into() },
        ),
        ("records", Request::Records { ids: vec![id; 2] }),
        ("have", Request::Have { ids: vec![id; 2] }),
        ("tree", Request::Tree { blob: BlobId::new([0xab; 32]) }),
        ("chunk", Request::Chunk { blob: BlobId::new([0xab; 32]), index: 20 }),
    ];
    for (name, request) in requests {
        write("exchange", &format!("request-{name}"), &encode(&request)?)?;
    }
    let page = vec![Summary { competition: id, parts: vec![(0, 1, fingerprint), (2, 300, fingerprint)] }];
    let responses = [
        ("same", Response::Same { total: 70_000, time: 1_800_000_000 }),
        ("summary", Response::Summary { competitions: page, more: true, total: 9, time: 1_800_000_000 }),
        ("reconciled", Response::Reconciled { message: vec![0x61, 0, 0, 2, 0].into() }),
        ("records", Response::Records { records: vec![vec![7; 40].into(), vec![].into()] }),
        ("held", Response::Held { ids: vec![id] }),
        ("tree", Response::Tree { total: 9, hashes: vec![7; 64].into() }),
        ("chunk", Response::Chunk { total: 9, bytes: vec![7; 9].into() }),
        ("not-here", Response::NotHere),
        ("busy", Response::Busy),
    ];
    for (name, response) in responses {
        write("exchange", &format!("response-{name}"), &encode(&response)?)?;
    }
    write("exchange", "unknown-field", b"\xa1\x67Records\xa2\x61x\x00\x63ids\x80")?;
    write("exchange", "nested", &[0x81; 200])?;
    let commands = [
        ("hello", api::Command::Hello),
        ("board", api::Command::Board { competition: id.to_string() }),
        ("publish", api::Command::Publish { record: "00ff".into() }),
        ("blob", api::Command::GetBlob { blob: id.to_string(), bytes: 9 }),
    ];
    for (name, command) in commands {
        write("socket", name, &serde_json::to_vec(&api::Request { id: 7, command })?)?;
    }
    let bodies = [
        ("done", api::Body::Done),
        ("error", api::Body::Error { kind: api::ErrorKind::Busy, message: "later".into() }),
        ("event", api::Body::Event(api::Event::Lagged { missed: 9 })),
    ];
    for (name, body) in bodies {
        write("socket", name, &serde_json::to_vec(&api::Reply { id: 7, body })?)?;
    }
    write("socket", "nested", "[".repeat(200).as_bytes())?;
    let bundle = Bundle { records: vec![b"one".to_vec(), vec![2; 700]], blobs: vec![vec![3; 20]] };
    let bytes = targets::archive::to_bytes(&bundle)?;
    write("tar", "whole", &bytes)?;
    write("tar", "cut", &bytes[..700])?;
    write("tar", "no-end", &bytes[..bytes.len() - 1024])?;
    for (name, at, byte) in
        [("link", 156, b'1'), ("long-name", 156, b'L'), ("pax", 156, b'x'), ("sparse", 156, b'S')]
    {
        write("tar", name, &retyped(&bytes, at, byte))?;
    }
    Ok(())
}

/// The first header with a byte changed, and its checksum with it.
fn retyped(archive: &[u8], at: usize, byte: u8) -> Vec<u8> {
    let mut bytes = archive.to_vec();
    bytes[at] = byte;
    bytes[148..156].fill(b' ');
    let sum: u32 = bytes[..512].iter().map(|byte| u32::from(*byte)).sum();
    bytes[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    bytes
}

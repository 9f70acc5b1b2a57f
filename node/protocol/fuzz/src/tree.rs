//! Changes of a record's fields, whatever they are.

use super::input::Input;
use ipld_core::ipld::Ipld;

/// Numbers at the edges of what fields may hold.
const EDGES: [i128; 16] = [
    0,
    1,
    -1,
    2,
    255,
    532,
    533,
    1065,
    10_000,
    10_001,
    1 << 20,
    (1 << 20) + 1,
    253_402_300_799,
    253_402_300_800,
    i64::MAX as i128,
    u64::MAX as i128,
];

/// Texts that rules are about.
const TEXTS: [&str; 12] = [
    "",
    " ",
    "a",
    "a ",
    "\u{202e}a",
    "\n",
    "\t",
    "\u{0430}",
    "linear-30-2",
    "linear-64-10",
    "mlp-64-32-10",
    "open",
];

/// Changes one node of the tree.
pub fn change(tree: &mut Ipld, input: &mut Input<'_>) {
    match tree {
        Ipld::Map(map) if !map.is_empty() && !input.rarely(8) => {
            let key = map.keys().nth(input.below(map.len())).cloned().unwrap_or_default();
            match input.below(16) {
                0 => drop(map.remove(&key)),
                1 => drop(map.insert(input.pick(&TEXTS).to_owned(), Ipld::Null)),
                2 => {
                    let value = map.remove(&key).unwrap_or(Ipld::Null);
                    map.insert(
                        input.pick(&["open", "sealed", "levels", "exact", "entry", "x"]).to_owned(),
                        value,
                    );
                }
                _ => {
                    if let Some(value) = map.get_mut(&key) {
                        change(value, input);
                    }
                }
            }
        }
        Ipld::List(list) if !list.is_empty() && !input.rarely(8) => {
            let at = input.below(list.len());
            match input.below(8) {
                0 => drop(list.remove(at)),
                1 => list.insert(at, list[at].clone()),
                2 => list.swap(0, at),
                3 if list.len() < 1 << 10 => {
                    let times = input.below(1200);
                    list.extend(std::iter::repeat_n(list[at].clone(), times));
                }
                _ => change(&mut list[at], input),
            }
        }
        other => *other = leaf(other, input),
    }
}

fn leaf(old: &Ipld, input: &mut Input<'_>) -> Ipld {
    match (old, input.below(12)) {
        (Ipld::Integer(number), 0..=3) => Ipld::Integer(number + i128::from(input.byte() as i8)),
        (Ipld::Integer(_), 4..=7) => Ipld::Integer(input.pick(&EDGES)),
        (Ipld::Float(_), 0..=7) => Ipld::Float(f64::from_bits(input.number())),
        (Ipld::String(text), 0..=3) => {
            let more = input.take(8);
            Ipld::String(format!("{text}{}", String::from_utf8_lossy(more)))
        }
        (Ipld::String(text), 4..=5) if text.len() < 1 << 10 => Ipld::String(text.repeat(input.below(300))),
        (Ipld::Bytes(bytes), 0..=6) if !bytes.is_empty() => {
            let mut bytes = bytes.clone();
            let at = input.below(bytes.len());
            bytes[at] ^= input.byte();
            Ipld::Bytes(bytes)
        }
        (_, 0) => Ipld::Null,
        (_, 1) => Ipld::Bool(input.rarely(2)),
        (_, 2) => Ipld::Float(input.pick(&[0.0, -0.0, 1.5, f64::MIN_POSITIVE])),
        (_, 3) => Ipld::List(Vec::new()),
        (_, 4) => Ipld::Map([(input.pick(&TEXTS).to_owned(), Ipld::Null)].into()),
        (_, 5 | 6) => {
            let length = input.pick(&[0, 20, 31, 32, 33, 160]);
            Ipld::Bytes(input.take(length).to_vec())
        }
        (_, 7 | 8) => Ipld::String(input.pick(&TEXTS).to_owned()),
        _ => Ipld::Integer(input.pick(&EDGES)),
    }
}

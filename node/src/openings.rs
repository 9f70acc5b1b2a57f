//! Whether what opens own entries is where it must be.

use crate::drafts::Drafts;
use crate::home::Home;
use api::OwnRecord;
use protocol::RecordId;
use std::collections::BTreeMap;

/// Says of every entry among own records whether the opening of its commitment is in the data folder. Reads files.
pub fn note(home: &Home, records: &mut [OwnRecord]) {
    let mut entered: BTreeMap<String, BTreeMap<RecordId, Drafts>> = BTreeMap::new();
    for record in records.iter_mut().filter(|record| record.kind == "entry") {
        let (Ok(id), Ok(competition)) = (record.id.parse::<RecordId>(), record.competition.parse()) else {
            continue;
        };
        let drafts = entered.entry(record.competition.clone()).or_insert_with(|| {
            // A folder that cannot be read opens nothing.
            Drafts::entered(home, competition).unwrap_or_default()
        });
        record.opening = Some(drafts.get(&id).is_some_and(|drafts| drafts.opening_path().is_file()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_told_apart_by_their_openings() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
        let competition = RecordId::of(b"competition");
        let folder = home.openings().join(competition.to_string());
        crate::home::make_private_dir(&home.openings()).unwrap();
        crate::home::make_private_dir(&folder).unwrap();
        for (stem, entry, opening) in [("aa", &b"first"[..], true), ("bb", b"second", false)] {
            crate::home::write_private(&folder.join(format!("{stem}.entry")), entry).unwrap();
            if opening {
                crate::home::write_private(&folder.join(format!("{stem}.opening")), b"secret").unwrap();
            }
        }
        let record = |kind: &str, content: &[u8]| OwnRecord {
            id: RecordId::of(content).to_string(),
            kind: kind.to_owned(),
            competition: competition.to_string(),
            summary: String::new(),
            first_seen: 0,
            held_by: 0,
            waiting: false,
            opening: None,
        };
        let mut records = [
            record("entry", b"first"),
            record("entry", b"second"),
            record("entry", b"made elsewhere"),
            record("submission", b"first"),
        ];
        note(&home, &mut records);
        assert_eq!(records.map(|record| record.opening), [Some(true), Some(false), Some(false), None]);
    }
}

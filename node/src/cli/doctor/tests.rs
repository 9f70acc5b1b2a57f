//! Each check against what it is for.

use super::*;
use crate::home::Home;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;

fn levels(findings: &[Finding]) -> Vec<Level> {
    findings.iter().map(|finding| finding.level).collect()
}

#[test]
fn a_secret_that_others_may_read_is_a_problem_with_its_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(Some(dir.path().join("data")), None).unwrap();
    assert_eq!(levels(&files::folder(&home)), [Level::Warning], "not set up yet");
    assert_eq!(files::identity(&home).level, Level::Warning);
    home.init().unwrap();
    assert_eq!(levels(&files::folder(&home)), [Level::Ok]);
    assert_eq!(files::identity(&home).level, Level::Ok);
    std::fs::create_dir(home.openings().join("competition")).unwrap();
    let opening = home.openings().join("competition/one.opening");
    std::fs::write(&opening, b"weights").unwrap();
    for path in [home.secrets()[1].clone(), opening, home.hosted()] {
        let before = std::fs::metadata(&path).unwrap().permissions();
        std::fs::set_permissions(&path, Permissions::from_mode(0o744)).unwrap();
        let named = |finding: &Finding| finding.message.contains(&path.display().to_string());
        assert!(files::folder(&home).iter().any(|f| f.level == Level::Problem && named(f)), "{path:?}");
        let private = Permissions::from_mode(before.mode() & 0o700);
        std::fs::set_permissions(&path, private).unwrap();
    }
    assert_eq!(levels(&files::folder(&home)), [Level::Ok]);
    std::fs::write(&home.secrets()[0], b"no key").unwrap();
    assert_eq!(files::identity(&home).level, Level::Problem);
}

#[test]
fn a_key_that_is_not_what_its_name_says_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
    home.init().unwrap();
    assert_eq!(levels(&files::keys(&home)), [Level::Ok]);
    std::fs::write(home.keys().join("linear-30-2-0123456789abcdef.pk"), b"other bytes").unwrap();
    assert_eq!(levels(&files::keys(&home)), [Level::Problem]);
}

#[test]
fn a_store_that_is_open_elsewhere_or_broken_is_a_problem() {
    let dir = tempfile::tempdir().unwrap();
    let home = Home::new(Some(dir.path().to_owned()), None).unwrap();
    assert_eq!(files::store(&home).level, Level::Ok, "there is none");
    let open = crate::store::SledStore::open(&home.store()).unwrap();
    assert_eq!(files::store(&home).level, Level::Problem);
    drop(open);
    assert_eq!(files::store(&home).level, Level::Ok);
}

#[test]
fn the_nodes_own_warnings_are_taken_apart() {
    let health = Health { warnings: vec!["the disk is full: make room".into()], ..Health::default() };
    let hello = Hello {
        api_version: 0,
        agent: String::new(),
        peer_id: String::new(),
        listen: Vec::new(),
        data_dir: String::new(),
    };
    let found = warnings(Some(&Running { hello, health }));
    assert_eq!(found, [Finding::warning("health", "the disk is full", "make room")]);
    assert!(warnings(None).is_empty());
}

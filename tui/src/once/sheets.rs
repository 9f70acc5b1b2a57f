//! Every screen as a table in full.

use api::{BoardRow, CompetitionSummary, Entry, Health, Hello, Prize, PrizeStatus};

use super::Page;
use super::sheet::Sheet;
use crate::history::History;
use crate::items::{entry_standing, standing};
use crate::state::best_bps;
use crate::view::{competition, facts, health, work};

pub(super) fn of(page: &Page) -> Sheet {
    match page {
        Page::Competitions(all) => competitions(all),
        Page::Competition(board) => {
            let mut fields = vec![("title", board.competition.title.clone())];
            fields.extend([("id", board.competition.id.clone()), ("host", board.competition.host.clone())]);
            fields.extend(facts::dispute(&board.competition).map(|dispute| ("dispute", dispute)));
            fields.push(("phase", board.competition.phase.as_str().to_owned()));
            fields.push(("seal", board.competition.openness.clone()));
            fields.push(("setup", facts::setup_warning(board.setup).to_owned()));
            fields.extend(competition::rules(&board.competition));
            fields.push(("records", facts::records(board)));
            fields.push(("fingerprint", board.fingerprint.clone()));
            named(fields)
        }
        Page::Leaderboard(board) => leaderboard(&board.rows),
        Page::Chart(history) => chart(history),
        Page::Entries(all) => entries(all),
        Page::Peers { peers, banned } => {
            let heads = vec![
                "peer",
                "agent",
                "address",
                "dialled",
                "relayed",
                "records",
                "same",
                "latency_us",
                "bytes_in",
                "bytes_out",
                "refused",
                "score",
                "banned_until",
                "reason",
            ];
            let connected = peers.iter().map(|p| {
                vec![
                    p.peer_id.clone(),
                    p.agent.clone(),
                    p.address.clone(),
                    p.dialled.to_string(),
                    p.relayed.to_string(),
                    p.records.to_string(),
                    option(p.same),
                    option(p.latency_us),
                    p.bytes_in.to_string(),
                    p.bytes_out.to_string(),
                    p.refused.to_string(),
                    format!("{:.3}", p.score),
                    String::new(),
                    p.last_refusal.clone().unwrap_or_default(),
                ]
            });
            let kept_out = banned.iter().map(|ban| {
                let mut row = vec![String::new(); heads.len()];
                for (cell, value) in
                    [(0, ban.peer_id.clone()), (12, ban.until.to_string()), (13, ban.reason.clone())]
                {
                    if let Some(place) = row.get_mut(cell) {
                        *place = value;
                    }
                }
                row
            });
            let rows = connected.chain(kept_out).collect();
            Sheet { heads, rows }
        }
        Page::Work { work: under_way, own, fetches } => {
            let heads = vec!["kind", "id", "competition", "what", "state", "done_bps", "opening", "since"];
            let working = under_way.iter().map(|w| {
                let r = &w.report;
                let competition = r.competition.clone().unwrap_or_default();
                let done = r.done_bps.to_string();
                let since = w.started.to_string();
                vec![
                    "work".to_owned(),
                    r.id.clone(),
                    competition,
                    r.task.clone(),
                    r.step.clone(),
                    done,
                    String::new(),
                    since,
                ]
            });
            let records = own.iter().map(|r| {
                let opening = work::opening(r).to_lowercase();
                let (held, seen) = (work::held(r), r.first_seen.to_string());
                let (id, competition, summary) = (r.id.clone(), r.competition.clone(), r.summary.clone());
                vec![r.kind.clone(), id, competition, summary, held, String::new(), opening, seen]
            });
            let blobs = fetches.iter().map(|f| {
                let done = crate::text::basis_points(f.done, f.bytes).unwrap_or(0).to_string();
                let state = if f.active { "active" } else { "waiting" }.to_owned();
                let what = format!("{} bytes from {} peers", f.bytes, f.sources);
                vec![
                    "blob".to_owned(),
                    f.blob.clone(),
                    String::new(),
                    what,
                    state,
                    done,
                    String::new(),
                    String::new(),
                ]
            });
            let rows = working.chain(blobs).chain(records).collect();
            Sheet { heads, rows }
        }
        Page::Health { node, health } => the_node(node, health),
    }
}

fn option(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

fn named(fields: Vec<(&'static str, String)>) -> Sheet {
    let rows = fields.into_iter().map(|(name, value)| vec![name.to_owned(), value]).collect();
    Sheet { heads: vec!["name", "value"], rows }
}

fn the_node(node: &Hello, how: &Health) -> Sheet {
    let mut fields: Vec<_> = how.warnings.iter().map(|warning| ("warning", warning.clone())).collect();
    fields.extend(health::all(how, Some(node)));
    named(fields)
}

fn competitions(all: &[CompetitionSummary]) -> Sheet {
    let heads = vec![
        "id",
        "title",
        "host",
        "phase",
        "open",
        "rows",
        "min_rows",
        "size_classes",
        "entries",
        "submissions",
        "best_bps",
        "threshold_bps",
        "commit_deadline",
        "prove_deadline",
        "disputes",
        "prize_contract",
        "prize_chain",
        "prize",
        "prize_phase",
        "prize_differences",
    ];
    let row = |c: &CompetitionSummary| {
        vec![
            c.id.clone(),
            c.title.clone(),
            c.host.clone(),
            c.phase.as_str().to_owned(),
            c.open.to_string(),
            option(c.rows),
            c.min_rows.to_string(),
            c.size_classes.join(" "),
            c.entries.to_string(),
            c.submissions.to_string(),
            option(best_bps(c)),
            c.threshold_bps.to_string(),
            c.commit_deadline.to_string(),
            c.prove_deadline.to_string(),
            c.disputes.join(" "),
        ]
        .into_iter()
        .chain(prize(c.prize.as_ref()))
        .collect()
    };
    Sheet { heads, rows: all.iter().map(row).collect() }
}

/// Contract, chain, amount, phase and how much differs, as far as they are known.
fn prize(prize: Option<&Prize>) -> [String; 5] {
    let Some(prize) = prize else { return Default::default() };
    let (contract, chain) = (prize.contract.clone(), prize.chain_id.to_string());
    let (amount, phase, differ) = match &prize.status {
        PrizeStatus::Held { amount, phase, differences, .. } => {
            (amount.clone(), phase.clone(), differences.len().to_string())
        }
        PrizeStatus::Unwatched | PrizeStatus::Unknown { .. } => Default::default(),
    };
    [contract, chain, amount, phase, differ]
}

fn leaderboard(all: &[BoardRow]) -> Sheet {
    let heads = vec![
        "rank",
        "name",
        "namesake",
        "competitor",
        "correct",
        "rows",
        "accuracy_bps",
        "low_bps",
        "high_bps",
        "tries",
        "standing",
        "checked_here",
        "verify_us",
        "setup",
        "size_class",
        "submitted",
        "first_seen",
        "entry",
        "submission",
    ];
    let row = |r: &BoardRow| {
        let setup = match r.setup {
            api::SetupTrust::SingleParty => "single party",
        };
        vec![
            option(r.rank),
            r.display_name.clone(),
            r.namesake.to_string(),
            r.competitor.clone(),
            r.correct.to_string(),
            r.rows.to_string(),
            r.accuracy_bps.to_string(),
            r.interval_bps.0.to_string(),
            r.interval_bps.1.to_string(),
            r.entries.to_string(),
            standing(r.standing).to_owned(),
            r.checked_here.to_string(),
            r.verify_us.to_string(),
            setup.to_owned(),
            r.size_class.clone(),
            r.submitted.to_string(),
            r.first_seen.to_string(),
            r.entry.clone(),
            r.submission.clone(),
        ]
    };
    Sheet { heads, rows: all.iter().map(row).collect() }
}

fn chart(history: &History) -> Sheet {
    let best = history.best.iter().map(|(at, bps)| {
        vec!["best".to_owned(), at.to_string(), bps.to_string(), String::new(), String::new()]
    });
    let bins = history.bins.iter().map(|bin| {
        let (from, to) = (bin.from_bps.to_string(), bin.to_bps.to_string());
        vec!["competitors".to_owned(), String::new(), from, to, bin.count.to_string()]
    });
    Sheet { heads: vec!["what", "at", "bps", "to_bps", "count"], rows: best.chain(bins).collect() }
}

fn entries(all: &[Entry]) -> Sheet {
    let heads = vec!["id", "name", "competitor", "size_class", "standing", "created", "first_seen", "mine"];
    let row = |e: &Entry| {
        vec![
            e.id.clone(),
            e.display_name.clone(),
            e.competitor.clone(),
            e.size_class.clone(),
            entry_standing(e.standing).to_owned(),
            e.created.to_string(),
            e.first_seen.to_string(),
            e.mine.to_string(),
        ]
    };
    Sheet { heads, rows: all.iter().map(row).collect() }
}

//! Starting other programs: the daemon, and what writes a bundle.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tokio::sync::mpsc::Sender;

use super::Options;
use crate::text;
use crate::update::{Launch, Msg};

/// The program of the node: beside this one, or `podium` in `PATH`. There `node` is mostly Node.js, and not asked.
pub fn node_program() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok();
    let beside =
        ["node", "podium"].into_iter().filter_map(|name| Some(beside.as_ref()?.with_file_name(name)));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).map(|folder| folder.join("podium")).collect::<Vec<_>>();
    beside.chain(installed).find(|program| program.is_file())
}

/// Starts a program, and tells how it went: at once, and when it has ended. Nothing waits meanwhile.
pub(super) fn launch(what: Launch, options: &Options, answers: Sender<Msg>) {
    let Some(program) = options.start.node.clone() else { return };
    let mut command = Command::new(program);
    command.arg("--data-dir").arg(&options.data_dir).arg("--socket").arg(&options.start.socket);
    command.stdin(Stdio::null());
    let data_dir = options.data_dir.clone();
    // A thread that is left behind when the board ends: the daemon goes on.
    std::thread::spawn(move || {
        let ended = match &what {
            Launch::Daemon => daemon(command, &data_dir, &answers),
            Launch::Export(id) => export(command, id),
        };
        // The board may have ended.
        let _ = answers.blocking_send(Msg::Ended(what, ended));
    });
}

/// Runs the daemon until it ends, which is never good news here.
fn daemon(mut command: Command, data_dir: &Path, answers: &Sender<Msg>) -> Result<String, String> {
    let path = data_dir.join("node.log");
    let mut start = || -> io::Result<std::process::Child> {
        std::fs::create_dir_all(data_dir)?;
        let log = OpenOptions::new().create(true).append(true).mode(0o600).open(&path)?;
        // A process group of its own: keys that interrupt this terminal's programs do not reach it.
        command.arg("run").stdout(log.try_clone()?).stderr(log).process_group(0).spawn()
    };
    let shown = path.display();
    let mut child = start().map_err(|error| format!("the daemon cannot be started: {error}"))?;
    let _ = answers.blocking_send(Msg::Launched(format!("the daemon was started; its log: {shown}")));
    let ended = child.wait().map_or_else(|error| error.to_string(), |status| status.to_string());
    Err(format!("the daemon has ended ({ended}); its log: {shown}"))
}

fn export(mut command: Command, competition: &str) -> Result<String, String> {
    let file = format!("{}.bundle", text::short_hex(competition));
    let path = std::env::current_dir().map_err(|error| error.to_string())?.join(&file);
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().display().to_string();
    let output = command.arg("export").arg(competition).arg("--out").arg(&path).output();
    match output {
        Ok(Output { status, .. }) if status.success() => {
            Ok(format!("the bundle is in {}; check it: {program} verify {file}", path.display()))
        }
        Ok(Output { stderr, .. }) => {
            let said = String::from_utf8_lossy(&stderr);
            let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no reason was given");
            Err(crate::sanitise::text(&format!("no bundle was written: {last}")))
        }
        Err(error) => Err(format!("no bundle was written: {error}")),
    }
}

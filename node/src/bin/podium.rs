//! The same program as `node`, under a name that Node.js does not own.

fn main() -> std::process::ExitCode {
    node::main()
}

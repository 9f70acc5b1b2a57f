//! The program `node`.

fn main() -> std::process::ExitCode {
    node::main()
}

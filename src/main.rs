//! The program: everything is in the library.

fn main() -> std::process::ExitCode {
    sandtable::cli::main()
}

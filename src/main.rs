//! The program: everything is in the library.

/// egui makes its meshes anew each frame; the system's allocator gives such large pieces back to the kernel every time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    sandtable::cli::main()
}

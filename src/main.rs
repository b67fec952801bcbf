//! The program: arguments in, exit code out. Everything else is in the library.

use std::process::ExitCode;

/// Reading and planning make many small values; this allocator takes a quarter of the time off a large stack. Its version 2, because version
/// 3 often gives the next larger block where a size is no power of two.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    spawnpoint::cli::main(std::env::args_os())
}

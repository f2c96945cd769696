//! Compiles bpf/*.bpf.c and generates their skeletons into OUT_DIR.
#![allow(clippy::print_stderr, clippy::unwrap_used)] // how a build script speaks

use std::path::{Path, PathBuf};

use libbpf_cargo::SkeletonBuilder;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    println!("cargo::rerun-if-changed=bpf");
    let mut arguments = vec!["-mcpu=v3".to_owned(), "-Wall".to_owned(), "-Werror".to_owned()];
    // Debian keeps asm/types.h in a directory per architecture, which clang looks for only when it compiles for the
    // host.
    let multiarch = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
    if Path::new(&multiarch).is_dir() {
        arguments.push(format!("-I{multiarch}"));
    }
    for name in ["generate", "baseline"] {
        if let Err(error) = SkeletonBuilder::new()
            .source(format!("bpf/{name}.bpf.c"))
            .obj(out.join(format!("{name}.bpf.o")))
            .clang_args(arguments.clone())
            .build_and_generate(out.join(format!("{name}.skel.rs")))
        {
            eprintln!("{error:?}");
            std::process::exit(1);
        }
    }
}

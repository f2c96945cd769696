//! Compiles bpf/steer.bpf.c and generates its skeleton into OUT_DIR.

fn main() {
    #[cfg(feature = "live")]
    live::build();
}

#[cfg(feature = "live")]
#[allow(clippy::print_stderr)] // how a build script speaks
mod live {
    use std::path::{Path, PathBuf};

    use libbpf_cargo::SkeletonBuilder;

    pub(crate) fn build() {
        // Asked at run time: where checkouts share a target folder, this program may have been compiled in another one.
        let here =
            PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
        let root = here.join("../../bpf");
        let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
        println!("cargo::rerun-if-changed={}", root.display());

        let mut args = vec!["-mcpu=v3".to_owned(), "-Wall".to_owned(), "-Werror".to_owned()];
        // Where it was built is not in it (BTF names the sources), so that it is the same wherever that was.
        args.push("-ffile-compilation-dir=.".to_owned());
        args.push(format!("-ffile-prefix-map={}=bpf", root.display()));
        if let Some(builds) = out.ancestors().nth(2) {
            args.push(format!("-ffile-prefix-map={}=build", builds.display()));
        }
        // Debian keeps asm/types.h in a directory per architecture, which clang looks for only when it
        // compiles for the host.
        let multiarch = format!("/usr/include/{}-linux-gnu", std::env::consts::ARCH);
        if Path::new(&multiarch).is_dir() {
            args.push(format!("-I{multiarch}"));
        }

        if let Err(error) = SkeletonBuilder::new()
            .source(root.join("steer.bpf.c"))
            .obj(out.join("steer.bpf.o"))
            .clang_args(args)
            .build_and_generate(out.join("steer.skel.rs"))
        {
            // The chain ends with the compiler's own messages.
            eprintln!("{error:?}");
            eprintln!("building the XDP program needs clang, libelf and zlib headers (see CONTRIBUTING.md)");
            std::process::exit(1);
        }
    }
}

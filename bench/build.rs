fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // Asked for by src/suite.rs; set through RUSTFLAGS, so that it reaches ferrio and mio too.
    println!("cargo::rustc-check-cfg=cfg(mio_unsupported_force_poll_poll)");
}

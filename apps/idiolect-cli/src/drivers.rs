//! What drivers of GPUs write on standard error by themselves.

/// Begins the program anew with an `XDG_RUNTIME_DIR` that is no folder, where none is set: Mesa looks there for a display, and complains for
/// each device that it opens. A process may not set a variable of its own once it could have threads.
#[cfg(all(unix, any(feature = "wgpu", feature = "vulkan")))]
pub(crate) fn hush() {
    use std::os::unix::process::CommandExt;

    if std::env::var_os("XDG_RUNTIME_DIR").is_some() {
        return;
    }
    let mut words = std::env::args_os();
    if let (Ok(program), Some(name)) = (std::env::current_exe(), words.next()) {
        let mut anew = std::process::Command::new(program);
        // Where it cannot begin anew, it goes on, and the driver is heard.
        let _ = anew
            .arg0(name)
            .args(words)
            .env("XDG_RUNTIME_DIR", "/nonexistent")
            .exec();
    }
}

/// Other builds open no such driver.
#[cfg(not(all(unix, any(feature = "wgpu", feature = "vulkan"))))]
pub(crate) fn hush() {}

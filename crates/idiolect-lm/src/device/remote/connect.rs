//! The connection to a device of another machine, and what is known of those that are connected.

use std::net::ToSocketAddrs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::channel;
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use burn::remote::{ConnectError, Credential, IrohHost, IrohRelays, RemoteHost};
use burn::tensor::Device;
use idiolect_kernels::remote::{About, VERSION, about};
use tracing::info;

use super::{RemoteName, Route};
use crate::LmError;

/// The environment variable that holds the token, on both sides.
pub const TOKEN_VARIABLE: &str = "IDIOLECT_DEVICE_TOKEN";

/// How long a connection may take. Where a server is looked up or was begun a moment ago, Burn tries for 16 seconds.
const PATIENCE: Duration = Duration::from_mins(1);

/// A device that was connected, which stays so for the life of the program.
struct Connected {
    name: RemoteName,
    text: String,
    device: Device,
    about: About,
}

static CONNECTED: Mutex<Vec<Connected>> = Mutex::new(Vec::new());

fn look<T>(find: impl Fn(&Connected) -> Option<T>) -> Option<T> {
    let connected = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    connected.iter().find_map(find)
}

/// What the machine that lends a device says of it; none for a device of this machine.
#[must_use]
pub fn of_machine(device: &Device) -> Option<About> {
    let device = device.clone().inner();
    look(|one| (one.device == device).then_some(one.about))
}

/// As `lost` of the module above.
pub(crate) fn lost() -> Option<String> {
    let all = look_all();
    let is_lost = |device: &Device| {
        // A device that is gone may be told of by a panic.
        !matches!(catch_unwind(AssertUnwindSafe(|| device.sync())), Ok(Ok(())))
    };
    all.into_iter()
        .find(|(_, device)| is_lost(device))
        .map(|(text, _)| text)
}

fn look_all() -> Vec<(String, Device)> {
    let connected = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    let all = connected.iter();
    all.map(|one| (one.text.clone(), one.device.clone()))
        .collect()
}

/// The token in an environment variable.
///
/// # Errors
///
/// [`LmError::Setting`] where it holds none.
pub fn token_of(variable: &str) -> Result<Credential, LmError> {
    let token = std::env::var(variable).unwrap_or_default();
    match token.trim() {
        "" => Err(LmError::setting(
            "token",
            format!("a token that others must know, in the environment variable {variable}"),
            "none",
        )),
        token => Ok(token.into()),
    }
}

/// The token for a device of this name.
fn token(text: &str) -> Result<Credential, LmError> {
    token_of(TOKEN_VARIABLE).map_err(|_| {
        let expected = format!("the token of the device's owner in {TOKEN_VARIABLE}");
        LmError::setting("device", expected, format!("{text}, and no token"))
    })
}

/// Connects a device by its name, or gives the one that is connected.
///
/// # Errors
///
/// [`LmError::Setting`] for a name that is none, no token, a server that does not answer or refuses, and one of another
/// version.
pub(crate) fn connect(text: &str) -> Result<Device, LmError> {
    let name: RemoteName = text.parse()?;
    if let Some(device) = look(|one| one.name.is_device_of(&name).then(|| one.device.clone())) {
        return Ok(device);
    }
    let host = host(&name, text)?.with_credential(token(text)?);
    let index = name.index;
    let device = in_time(text, move || {
        Device::remote_options(&host).device_index(index).init()
    })?;
    let device = device.map_err(|error| refused(text, &error))?;
    let about = same_version(text, &device)?;
    info!(
        name = text,
        is_cpu = about.is_cpu,
        "a device of another machine is connected"
    );
    let mut connected = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    connected.push(Connected {
        name,
        text: text.to_owned(),
        device: device.clone(),
        about,
    });
    Ok(device)
}

/// The server, with the way to it.
fn host(name: &RemoteName, text: &str) -> Result<RemoteHost, LmError> {
    let host = IrohHost::new(name.server);
    let host = match &name.route {
        Route::Public => host,
        Route::Relay(url) => host.with_relays(IrohRelays::Private { url: url.clone() }),
        Route::Direct(place) => {
            let found = place.to_socket_addrs().map_err(|error| {
                let found = format!("{text}: {error}");
                LmError::setting("device", "a host that can be looked up behind the @", found)
            })?;
            let host = host.with_relays(IrohRelays::Disabled);
            found.fold(host, IrohHost::with_address)
        }
    };
    Ok(RemoteHost::iroh(host))
}

/// What a task gives, which must not take longer than [`PATIENCE`].
fn in_time<T: Send + 'static>(
    text: &str,
    task: impl FnOnce() -> T + Send + 'static,
) -> Result<T, LmError> {
    let (done, result) = channel();
    // Left behind where it takes longer: nothing can end it.
    thread::spawn(move || done.send(task()));
    result.recv_timeout(PATIENCE).map_err(|_| {
        let found = format!("{text}: no answer in {} s", PATIENCE.as_secs());
        LmError::setting("device", "a lent device that answers", found)
    })
}

/// The line that says why a connection did not come about.
fn refused(text: &str, error: &ConnectError) -> LmError {
    let expected = match error {
        ConnectError::Unauthorized => {
            format!("the token of the device's owner in {TOKEN_VARIABLE}")
        }
        ConnectError::NoSuchDevice { device_count } => {
            format!(
                "a device that the other machine lends, 0 to {}",
                device_count.saturating_sub(1)
            )
        }
        ConnectError::IncompatibleProtocol { .. } => {
            "the same version of idiolect on both sides".into()
        }
        _ => "a lent device that answers".into(),
    };
    let reason = error.to_string().replace('\n', " ");
    LmError::setting("device", expected, format!("{text}: {reason}"))
}

/// What a device is, where its machine has this program's steps.
fn same_version(text: &str, device: &Device) -> Result<About, LmError> {
    let asked = device.clone();
    let about = in_time(text, move || {
        catch_unwind(AssertUnwindSafe(|| about(&asked)))
            .ok()
            .flatten()
    })?;
    let found = match about {
        Some(about) if about.version == VERSION => return Ok(about),
        Some(about) => format!("steps of version {} in place of {VERSION}", about.version),
        None => "a server without the steps of idiolect".into(),
    };
    let expected = "the same version of idiolect on both sides";
    Err(LmError::setting(
        "device",
        expected,
        format!("{text}: {found}"),
    ))
}

//! This machine's device, lent to trainings on other machines.

use std::fmt;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use burn::remote::{Credential, EndpointId};
use burn::server::{
    AuthorizationRequest, BURN_REMOTE_ALPN, PeerAuthorizer, RemoteServer, TokenAuthorizer,
};
use burn::tensor::Device;
use idiolect_kernels::remote::with_steps;
use iroh::endpoint::{Connection, PortmapperConfig, QuicTransportConfig, presets};
use iroh::protocol::{AcceptError, DynProtocolHandler, ProtocolHandler, Router};
use iroh::{Endpoint, RelayMode};

use super::key::identity;
use super::{LendEvent, RemoteName, Route};
use crate::LmError;
use crate::device::{device, free_memory, is_name_elsewhere, threads};

/// How often it is looked whether the lending is to end.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What is lent, and how others come to it.
#[derive(Debug, Clone)]
pub struct LendSettings {
    /// The name of the device. Default: `cpu`.
    pub device: String,
    /// Threads of the CPU that compute, 1 to 1024. Default: as many as cores.
    pub threads: Option<usize>,
    /// The address to listen at. Default: every one of this machine's.
    pub host: IpAddr,
    /// The UDP port to listen at; 0 is any that is free. Default: 0.
    pub port: u16,
    /// Whether others come directly (none, the default), or through relays.
    pub relay: Option<Route>,
    /// The file with this machine's key, which is made where it is not there.
    pub key: PathBuf,
    /// What others must know.
    pub token: Credential,
}

/// Hears of each event, on whatever thread it happens.
pub type LendListener = Arc<dyn Fn(&LendEvent) + Send + Sync>;

/// Lends a device until `stop` is true: others train on it as on one of their own.
///
/// Whoever knows the token may compute on the device, and take its memory; no files and no other program of this machine
/// are within reach. What is sent is encrypted, and only the holder of the key can be the server.
///
/// # Errors
///
/// [`LmError::Setting`] for a device that is unknown or cannot be lent, and an address or port that cannot be had;
/// [`LmError::Io`] for the file of the key.
pub fn lend(
    settings: &LendSettings,
    stop: &AtomicBool,
    listener: LendListener,
) -> Result<(), LmError> {
    if let Some(count) = settings.threads {
        threads::set_threads(count)?;
    }
    let own = own_device(&settings.device)?;
    let server = server(own, settings, &listener)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| unusable(settings, &error))?;
    runtime.block_on(async {
        let endpoint = endpoint(settings).await?;
        let name = name(&endpoint, settings).to_string();
        let protocol = server.into_protocol(&endpoint);
        let handler = Watched {
            handler: protocol.map_err(|error| unusable(settings, &error))?.into(),
            listener: Arc::clone(&listener),
        };
        let router = Router::builder(endpoint);
        let router = router.accept(BURN_REMOTE_ALPN, handler).spawn();
        let device = settings.device.clone();
        listener(&LendEvent::Ready { device, name });
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        // Where it fails everything is closed already.
        let _ = router.shutdown().await;
        Ok(())
    })
}

/// The device, if it is this machine's.
fn own_device(name: &str) -> Result<Device, LmError> {
    if is_name_elsewhere(name) {
        let expected = "a device of this machine to lend";
        return Err(LmError::setting("device", expected, name));
    }
    device(name)
}

/// What answers others.
fn server(
    device: Device,
    settings: &LendSettings,
    listener: &LendListener,
) -> Result<RemoteServer, LmError> {
    let token = TokenAuthorizer::new(settings.token.clone());
    let guard = Guard {
        token: token.map_err(|error| LmError::setting("token", "a token", error))?,
        listener: Arc::clone(listener),
    };
    let server = RemoteServer::new([device.clone()]).with_authorizer(guard);
    let asked = device.clone();
    with_steps(server, &device, move || free_memory(&asked)).map_err(|_| {
        let expected = "a device that this program was built to lend (cpu, cuda, vulkan or wgpu)";
        LmError::setting("device", expected, &settings.device)
    })
}

/// Where others come in.
async fn endpoint(settings: &LendSettings) -> Result<Endpoint, LmError> {
    let key = iroh::SecretKey::from_bytes(&identity(&settings.key)?.to_bytes());
    let builder = match &settings.relay {
        Some(Route::Public) => Endpoint::builder(presets::N0),
        Some(Route::Relay(url)) => {
            let relay = RelayMode::custom([url.clone()]);
            Endpoint::builder(presets::Minimal).relay_mode(relay)
        }
        Some(Route::Direct(_)) | None => Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::Disabled)
            .portmapper_config(PortmapperConfig::Disabled),
    };
    let place = SocketAddr::new(settings.host, settings.port);
    // As on the other side, where Burn leaves it out because of a fault (iroh#4555).
    let transport = QuicTransportConfig::builder().enable_segmentation_offload(false);
    let builder = builder
        .transport_config(transport.build())
        .secret_key(key)
        .alpns(vec![BURN_REMOTE_ALPN.to_vec()])
        .clear_ip_transports()
        .bind_addr(place)
        .map_err(|error| unusable(settings, &error))?;
    builder
        .bind()
        .await
        .map_err(|error| unusable(settings, &error))
}

fn unusable(settings: &LendSettings, error: &dyn fmt::Display) -> LmError {
    let place = SocketAddr::new(settings.host, settings.port);
    let found = format!("{place}: {error}");
    LmError::setting("port", "an address and a UDP port that are free", found)
}

/// What the other side calls the device.
fn name(endpoint: &Endpoint, settings: &LendSettings) -> RemoteName {
    let port = endpoint
        .bound_sockets()
        .first()
        .map_or(settings.port, SocketAddr::port);
    let host = if settings.host.is_unspecified() {
        usual_address(settings.host).unwrap_or(settings.host)
    } else {
        settings.host
    };
    let direct = || Route::Direct(SocketAddr::new(host, port).to_string());
    RemoteName {
        server: endpoint.id(),
        index: 0,
        route: settings.relay.clone().unwrap_or_else(direct),
    }
}

/// The address from which this machine reaches others. Nothing is sent to find it out.
fn usual_address(of_kind: IpAddr) -> Option<IpAddr> {
    // Addresses that are kept for documentation.
    let far = if of_kind.is_ipv4() {
        "192.0.2.1:9"
    } else {
        "[2001:db8::1]:9"
    };
    let socket = UdpSocket::bind(SocketAddr::new(of_kind, 0)).ok()?;
    socket.connect(far).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Asks for the token, and tells of it.
struct Guard {
    token: TokenAuthorizer,
    listener: LendListener,
}

impl PeerAuthorizer for Guard {
    fn authorize(&self, request: AuthorizationRequest<'_>) -> Result<(), String> {
        let client = match request.client {
            burn::server::ClientId::Iroh(id) => short(id),
            burn::server::ClientId::WebSocket(address) => address.to_string(),
        };
        let answer = self.token.authorize(request);
        let allowed = answer.is_ok();
        (self.listener)(&LendEvent::Asked { client, allowed });
        answer
    }
}

fn short(id: EndpointId) -> String {
    id.fmt_short().to_string()
}

/// Tells of connections that begin and end.
struct Watched {
    handler: Box<dyn DynProtocolHandler>,
    listener: LendListener,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watched").finish_non_exhaustive()
    }
}

impl ProtocolHandler for Watched {
    async fn accept(&self, connection: Connection) -> Result<(), AcceptError> {
        let client = short(connection.remote_id());
        (self.listener)(&LendEvent::Connected {
            client: client.clone(),
        });
        let ended = self.handler.accept(connection).await;
        (self.listener)(&LendEvent::Gone { client });
        ended
    }

    async fn shutdown(&self) {
        self.handler.shutdown().await;
    }
}

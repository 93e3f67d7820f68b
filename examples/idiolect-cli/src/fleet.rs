//! Further devices of a training run (`--devices`): on each a copy of the frozen model, and an adapter that
//! follows the run's own.
//!
//! The loop deals micro-batches to them and adds up their gradients; here it is decided who they are.

use burn::tensor::{Device, FloatDType};
use idiolect::lora::{LoraAdapter, Tape};
use idiolect::model::Decoder;
use idiolect::train::{Replica, TrainConfig};

use crate::error::CliError;
use crate::keys::{ModelKeys, TrainKeys};
use crate::objective::{AdapterLoss, Loss};
use crate::opened::Opened;
use crate::{adapting, device, probe, vocabulary};

/// Every device of a run behind the first; none by default.
#[derive(Default)]
pub struct Fleet {
    members: Vec<Member>,
}

/// A device with what it computes with.
struct Member {
    name: String,
    decoder: Decoder,
    adapter: LoraAdapter,
}

/// Where the run's own model is opened: on `--device`, or the first of `--devices`.
///
/// # Errors
///
/// [`CliError::Setting`] for `--devices` beside `--device`, a device that is unknown, that this machine lacks
/// or that is named twice, and for fewer micro-batches than devices.
pub fn first(model: &ModelKeys, train: &TrainKeys) -> Result<ModelKeys, CliError> {
    let names = &train.devices;
    let Some(first) = names.first() else {
        return Ok(model.clone());
    };
    if model.device.is_some() {
        let found = names.join(",");
        return Err(CliError::setting(
            "--devices",
            "nothing beside --device",
            found,
        ));
    }
    let plain = TrainConfig::default().accumulation;
    let parts = train.accumulation.unwrap_or(plain);
    if parts < names.len() {
        let count = names.len();
        let expected = format!("at least {count}, a micro-batch for each of --devices");
        return Err(CliError::setting("--accumulation", expected, parts));
    }
    distinct(names)?;
    Ok(ModelKeys {
        device: Some(first.clone()),
        ..model.clone()
    })
}

/// Refuses a GPU that is named twice: its two copies would share its memory and gain nothing. The CPU may
/// stand for several devices, to try out what they would do.
fn distinct(names: &[String]) -> Result<(), CliError> {
    let mut seen: Vec<Device> = Vec::new();
    for name in names {
        let device = device::named(name).map_err(of_many)?;
        if !device::is_host(&device) && seen.contains(&device) {
            return Err(CliError::setting("--devices", "each GPU once", name));
        }
        seen.push(device);
    }
    for name in names {
        device::device(name).map_err(of_many)?;
    }
    Ok(())
}

/// An error about `--device` that is one about `--devices`.
fn of_many(error: CliError) -> CliError {
    match error {
        CliError::Setting {
            name,
            expected,
            found,
        } if name == "--device" => CliError::setting("--devices", expected, found),
        other => other,
    }
}

impl Fleet {
    /// Opens the model that the first device has on every other one, with an adapter by the same seed.
    ///
    /// # Errors
    ///
    /// Those of opening a model and of making an adapter.
    pub fn open(
        (model, train): (&ModelKeys, &TrainKeys),
        opened: &Opened,
        seed: u64,
    ) -> Result<Self, CliError> {
        let member = |name: &String| {
            let decoder = copy((model, train), opened, name)?;
            let adapter = adapting::adapter_on(train, &decoder, seed)?;
            Ok::<_, CliError>(Member {
                name: name.clone(),
                decoder,
                adapter,
            })
        };
        let members = train.devices.iter().skip(1).map(member);
        Ok(Self {
            members: members.collect::<Result<_, _>>()?,
        })
    }

    /// Refuses a device that [`probe::check`] refuses.
    ///
    /// # Errors
    ///
    /// [`CliError::Setting`] names the device and what came out there.
    pub fn check(&self, dtype: FloatDType) -> Result<(), CliError> {
        let probe = |member: &Member| {
            let checked = probe::check(&member.decoder.device(), dtype);
            checked.map_err(|error| of_one(&member.name, error))
        };
        self.members.iter().try_for_each(probe)
    }

    /// The loss on each device.
    #[must_use]
    pub fn losses(&self, tape: Tape, loss: Loss) -> Vec<AdapterLoss<'_>> {
        let members = self.members.iter();
        let losses = members.map(|member| AdapterLoss {
            decoder: &member.decoder,
            tape,
            loss,
        });
        losses.collect()
    }

    /// The devices as the loop takes them, with the losses that [`Fleet::losses`] gave.
    #[must_use]
    pub fn replicas<'a>(&'a self, losses: &'a [AdapterLoss<'a>]) -> Vec<Replica<'a, LoraAdapter>> {
        let pairs = self.members.iter().zip(losses);
        let replica = |(member, objective): (&'a Member, &'a AdapterLoss<'a>)| Replica {
            module: &member.adapter,
            objective,
        };
        pairs.map(replica).collect()
    }

    /// Devices of the run, the first counted; and those of them in this machine's own memory, at least one.
    #[must_use]
    pub fn count(&self, first: &Device) -> (usize, usize) {
        let here = |member: &&Member| device::is_host(&member.decoder.device());
        let host = self.members.iter().filter(here).count();
        let host = host + usize::from(device::is_host(first));
        (self.members.len() + 1, host.max(1))
    }
}

/// The first device's model on another one; on the same one it is not held twice.
///
/// Read anew, and not moved: a packed tensor is laid out as its own device needs it.
fn copy(
    (model, train): (&ModelKeys, &TrainKeys),
    opened: &Opened,
    name: &str,
) -> Result<Decoder, CliError> {
    if device::device(name).map_err(of_many)? == opened.decoder.device() {
        return Ok(opened.decoder.clone());
    }
    let model = ModelKeys {
        device: Some(name.to_owned()),
        ..model.clone()
    };
    Ok(vocabulary::open(&model, train, None)?.decoder)
}

/// An error about `--device` that says which of `--devices` it means.
fn of_one(device: &str, error: CliError) -> CliError {
    match of_many(error) {
        CliError::Setting {
            name,
            expected,
            found,
        } => CliError::setting(&name, expected, format!("{device}: {found}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(devices: &[&str], accumulation: usize) -> TrainKeys {
        TrainKeys {
            devices: devices.iter().map(ToString::to_string).collect(),
            accumulation: Some(accumulation),
            ..TrainKeys::default()
        }
    }

    #[test]
    fn a_refused_probe_names_its_device() {
        let refused = CliError::setting("--device", "a device", "gradients off by 100.0 %");
        let line = of_one("cuda:1", refused).line();
        assert!(
            line.contains("--devices") && line.contains("cuda:1: gradients off"),
            "{line}"
        );
    }

    #[cfg(feature = "wgpu")]
    #[test]
    fn a_gpu_is_named_once_whether_or_not_it_is_there() {
        let plain = ModelKeys::default();
        let line = |names: &[&str]| first(&plain, &keys(names, 4)).map_err(|error| error.line());
        let twice = line(&["wgpu", "flex", "wgpu:0"]).unwrap_err();
        assert!(
            twice.contains("--devices") && twice.contains("each GPU once, found wgpu:0"),
            "{twice}"
        );
    }

    #[test]
    fn the_first_of_several_is_the_runs_own() {
        let plain = ModelKeys::default();
        let found = first(&plain, &keys(&["flex", "flex"], 2)).unwrap();
        assert_eq!(found.device.as_deref(), Some("flex"));
        assert_eq!(first(&plain, &keys(&[], 1)).unwrap().device, None);
    }
}

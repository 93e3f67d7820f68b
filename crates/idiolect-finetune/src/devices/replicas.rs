//! Further devices of a training run: on each a copy of the frozen model, and an adapter that follows the
//! run's own.
//!
//! The loop deals micro-batches to them and adds up their gradients; here it is decided which they are.

use burn::tensor::{Device, FloatDType};
use idiolect_lm::device::{device, is_host, is_name_elsewhere, named};
use idiolect_lm::{LanguageModel, LmError};
use idiolect_lora::LoraAdapter;
use idiolect_model::Decoder;
use idiolect_train::Replica;

use super::gradient_check::{Trains, check};
use crate::FineTuneError;
use crate::loss::AdapterLoss;

/// Every device of a run behind the first; none by default.
#[derive(Default)]
pub(crate) struct Replicas {
    members: Vec<Member>,
}

/// A device with what it computes with.
struct Member {
    name: String,
    decoder: Decoder,
    adapter: LoraAdapter,
}

/// Devices by where their memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DeviceCount {
    /// All of the run, the first included.
    pub(crate) all: usize,
    /// Those in this machine's own memory, at least 1.
    pub(crate) on_host: usize,
}

/// Refuses a list of devices that the loop cannot use: fewer micro-batches than devices, one that is unknown or
/// that this machine lacks, and a GPU that is named twice.
///
/// # Errors
///
/// [`FineTuneError::Setting`] names `devices` or `accumulation`.
pub(crate) fn check_names(names: &[String], accumulation: usize) -> Result<(), FineTuneError> {
    let count = names.len();
    if accumulation < count {
        let expected = format!("at least {count}, a micro-batch for each of the devices");
        return Err(FineTuneError::setting(
            "accumulation",
            expected,
            accumulation,
        ));
    }
    distinct(names)
}

/// Refuses a GPU that is named twice: its two copies would share its memory and gain nothing. The CPU may
/// stand for several devices, to try out what they would do.
fn distinct(names: &[String]) -> Result<(), FineTuneError> {
    let mut seen: Vec<Device> = Vec::new();
    // Other machines are asked last: what is wrong here is told at once.
    let (elsewhere, here): (Vec<&String>, _) =
        names.iter().partition(|name| is_name_elsewhere(name));
    for name in here.into_iter().chain(elsewhere) {
        let device = named(name).map_err(of_many)?;
        if !is_host(&device) && seen.contains(&device) {
            return Err(FineTuneError::setting("devices", "each GPU once", name));
        }
        seen.push(device);
    }
    for name in names {
        device(name).map_err(of_many)?;
    }
    Ok(())
}

/// An error about `device` that is one about `devices`.
fn of_many(error: LmError) -> FineTuneError {
    match error {
        LmError::Setting {
            name,
            expected,
            found,
        } if name == "device" => FineTuneError::setting("devices", expected, found),
        other => other.into(),
    }
}

impl Replicas {
    /// Reads the model that the first device has on every other one, with an adapter that starts as the run's.
    ///
    /// # Errors
    ///
    /// Those of reading a model and of making an adapter.
    pub(crate) fn open(
        model: &LanguageModel,
        names: &[String],
        start: &dyn Fn(&Decoder) -> Result<LoraAdapter, FineTuneError>,
    ) -> Result<Self, FineTuneError> {
        let member = |name: &String| {
            let decoder = model.on_device(name).map_err(of_many)?.decoder().clone();
            let adapter = start(&decoder)?;
            Ok::<_, FineTuneError>(Member {
                name: name.clone(),
                decoder,
                adapter,
            })
        };
        let members = names.iter().skip(1).map(member);
        Ok(Self {
            members: members.collect::<Result<_, _>>()?,
        })
    }

    /// Refuses a device that [`check`] refuses.
    ///
    /// # Errors
    ///
    /// [`FineTuneError::Setting`] names the device and what came out there.
    pub(crate) fn check(&self, dtype: FloatDType) -> Result<(), FineTuneError> {
        self.members.iter().try_for_each(|member| {
            let checked = check(&member.decoder.device(), dtype, Trains::Adapter);
            checked.map_err(|error| of_one(&member.name, error))
        })
    }

    /// The loss on each device, as it is on the first.
    pub(crate) fn losses<'a>(&'a self, first: &AdapterLoss<'a>) -> Vec<AdapterLoss<'a>> {
        let members = self.members.iter();
        let losses = members.map(|member| AdapterLoss {
            decoder: &member.decoder,
            ..*first
        });
        losses.collect()
    }

    /// The devices as the loop takes them, with the losses that [`Replicas::losses`] gave.
    pub(crate) fn replicas<'a>(
        &'a self,
        losses: &'a [AdapterLoss<'a>],
    ) -> Vec<Replica<'a, LoraAdapter>> {
        let pairs = self.members.iter().zip(losses);
        let replica = |(member, objective): (&'a Member, &'a AdapterLoss<'a>)| Replica {
            module: &member.adapter,
            objective,
        };
        pairs.map(replica).collect()
    }

    /// The name of a further device, by its place among all of the run.
    pub(crate) fn name(&self, place: usize) -> Option<&str> {
        let member = self.members.get(place.checked_sub(1)?)?;
        Some(&member.name)
    }

    /// Devices of the run, the first included.
    pub(crate) fn count(&self, first: &Device) -> DeviceCount {
        let here = |member: &&Member| is_host(&member.decoder.device());
        let on_host = self.members.iter().filter(here).count() + usize::from(is_host(first));
        DeviceCount {
            all: self.members.len() + 1,
            on_host: on_host.max(1),
        }
    }
}

/// An error about `device` that says which of `devices` it means.
fn of_one(device: &str, error: FineTuneError) -> FineTuneError {
    match error {
        FineTuneError::Setting {
            name,
            expected,
            found,
        } if name == "device" => {
            FineTuneError::setting("devices", expected, format!("{device}: {found}"))
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_refused_check_names_its_device() {
        let refused = FineTuneError::setting("device", "a device", "gradients off by 100.0 %");
        let line = of_one("cuda:1", refused).to_string();
        assert_eq!(
            line,
            "devices: expected a device, found cuda:1: gradients off by 100.0 %"
        );
    }

    #[test]
    fn devices_that_are_unknown_or_outnumber_the_micro_batches_are_refused() {
        let refused = |devices: &[&str], accumulation| {
            check_names(&names(devices), accumulation)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            refused(&["cpu", "cpu"], 1),
            "accumulation: expected at least 2, a micro-batch for each of the devices, found 1"
        );
        let error = refused(&["cpu", "abacus"], 4);
        assert!(error.starts_with("devices: expected one of"), "{error}");
    }

    #[cfg(feature = "wgpu")]
    #[test]
    fn a_gpu_is_named_once_whether_or_not_it_is_there() {
        let twice = check_names(&names(&["wgpu", "cpu", "wgpu:0"]), 4).unwrap_err();
        let expected = "devices: expected each GPU once, found wgpu:0";
        assert_eq!(twice.to_string(), expected);
    }

    #[cfg(feature = "flex")]
    #[test]
    fn the_cpu_may_stand_for_several_devices() {
        assert!(check_names(&names(&["cpu", "cpu"]), 2).is_ok());
        assert!(check_names(&[], 1).is_ok());
    }
}

//! Several devices; the CPU stands for each of them.

use idiolect_finetune::FineTuneSettings;

use crate::place::{Place, bits};

#[test]
fn two_devices_train_as_one_does_up_to_rounding() {
    let Some(place) = Place::new() else { return };
    let data = place.data();
    let one = place.run(&data).start().unwrap();
    let both = || {
        let devices = ["cpu", "cpu"].map(str::to_owned).to_vec();
        let settings = FineTuneSettings {
            devices,
            ..FineTuneSettings::default()
        };
        place.run(&data).settings(settings).start().unwrap()
    };
    let two = both();
    assert_eq!(two.report.plan.devices, 2);
    assert_eq!(one.report.steps.len(), two.report.steps.len());
    for (one, two) in one.report.steps.iter().zip(&two.report.steps) {
        assert!((one.loss - two.loss).abs() < 1e-3, "{one:?} {two:?}");
    }
    assert_eq!(bits(&two.adapter), bits(&both().adapter));
}

//! How far an adapter moves each weight.

use idiolect_lora::{adapter_shift, dense_update, load_adapter, total_shift};
use idiolect_testkit::{bound, device};

use super::oracles::{Case, cases, floats};

#[test]
fn shift_equals_the_norm_of_the_dense_update() {
    for Case {
        name,
        folder,
        decoder,
    } in cases()
    {
        let adapter =
            load_adapter(&folder.join("adapter_final"), &decoder, &device().unwrap()).expect(&name);
        let shifts = adapter_shift(&adapter, &decoder);
        let mut squares = 0.0;
        for shift in &shifts {
            let dense = floats(dense_update(&adapter, shift.site).expect("a site"));
            let square = dense.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
            assert!(
                (shift.norm - square.sqrt()).abs() <= bound(1e-6, 2e-3) * square.sqrt(),
                "{name} {}",
                shift.site
            );
            squares += square;
        }
        let off = (total_shift(&shifts) - squares.sqrt()).abs() / squares.sqrt();
        assert!(off < bound(1e-6, 2e-3), "{name}: {off:e}");
    }
}

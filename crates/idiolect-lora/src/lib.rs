//! Low-rank adapters in activation space: PEFT files, merge, shift.

//! What steps are called in messages: as their methods, which is what Burn's fusion calls them.

pub(super) const RMS_NORM: &str = "rms_norm";
pub(super) const RMS_NORM_BACKWARD: &str = "rms_norm_backward";
pub(super) const ROTATE: &str = "rotate";
pub(super) const SWIGLU: &str = "swiglu_whole";
pub(super) const SWIGLU_BACKWARD: &str = "swiglu_backward_whole";
pub(super) const ATTEND: &str = "attend";
pub(super) const ATTEND_BACKWARD: &str = "attend_backward";
pub(super) const FROZEN_LINEAR: &str = "frozen_linear_whole";
pub(super) const FROZEN_LINEAR_BACKWARD: &str = "frozen_linear_backward_whole";
pub(super) const SOFTMAX_ROWS: &str = "softmax_rows";
pub(super) const SOFTMAX_ROWS_BACKWARD: &str = "softmax_rows_backward";
pub(super) const ABOUT: &str = "about_host";
pub(super) const LOSSES: &str = "host_losses";
pub(super) const LOSSES_ALONE: &str = "host_losses_alone";

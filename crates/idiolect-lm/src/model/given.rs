//! The last response of an example as its training reads it, for a teacher that scores it.

use idiolect_completion::GivenResponse;
use idiolect_data::Example;

use super::LanguageModel;
use crate::LmError;

impl LanguageModel {
    /// The last response of an example behind everything before it, in the model's template: its tokens are those that
    /// training on the example is held to.
    ///
    /// # Errors
    ///
    /// As [`LanguageModel::example_row`]; [`LmError::Setting`] where the template puts nothing before the response.
    pub fn given_response(&self, example: &Example) -> Result<GivenResponse, LmError> {
        let row = self.example_row(example.id.clone(), example)?;
        let place = row.last_response();
        if place.start == 0 {
            let name = format!("row {}", example.id);
            let expected = "at least one token before the response";
            return Err(LmError::setting(name, expected, "none"));
        }
        let mut response = row.input_ids[place.clone()].to_vec();
        let ends = self.stop_tokens();
        let end = response.pop_if(|last| ends.binary_search(last).is_ok());
        Ok(GivenResponse {
            prompt: row.input_ids[..place.start].to_vec(),
            response,
            end,
            text: example.response().unwrap_or_default().to_owned(),
        })
    }
}

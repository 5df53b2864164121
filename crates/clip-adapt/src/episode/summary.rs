//! The report of an episode that is over.

use super::Episode;
use crate::entropy;
use crate::report::{EpisodeReport, Score, ViewReport, Warning};

impl Episode {
    pub(super) fn report(&self) -> EpisodeReport {
        let last = self.final_state.as_ref();
        // Where no update was begun, the last look is the first.
        let first = self.steps.first().map(|step| &step.views);
        let views = self
            .groundwork
            .boxes
            .iter()
            .enumerate()
            .map(|(index, &view)| ViewReport {
                view,
                entropy_before: first
                    .or(last)
                    .and_then(|state| state.view_entropies.get(index).copied()),
                entropy_after: last.and_then(|state| state.view_entropies.get(index).copied()),
                weight: first.and_then(|state| state.view_weights.get(index).copied()),
            });
        let device = &self.groundwork.clip.device;
        let zero_shot = self.groundwork.zero_shot();
        let first_prompts = self.prompts.first();
        let labels = first_prompts.map(|prompts| prompts.labels.clone()).unwrap_or_default();
        let of_prompts = self.prompts.iter().flat_map(|prompts| prompts.warnings.clone());
        let of_run = self.run.iter().flat_map(|run| run.warnings());
        let warnings = Warning::distinct(of_prompts.chain(of_run));
        EpisodeReport {
            model: self.model.clone(),
            device: device.kind().as_str().to_owned(),
            device_name: device.name().to_owned(),
            method: self.setup.name().to_owned(),
            seed: self.setup.views.seed,
            template: first_prompts
                .map(|prompts| prompts.template.clone())
                .unwrap_or_default(),
            options: self.setup.options(),
            before: Score::list(&labels, &entropy::softmax(zero_shot)),
            before_entropy: entropy::entropy(zero_shot),
            after: Score::list(&labels, &self.probabilities_after()),
            labels,
            steps: self.steps.clone(),
            final_state: self.final_state.clone(),
            views: views.collect(),
            warnings,
            stopped: self.stopped.clone(),
            timing_ms: self.timing,
        }
    }
}

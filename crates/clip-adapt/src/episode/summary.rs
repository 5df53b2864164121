//! The report of an episode that is over.

use super::Episode;
use crate::entropy;
use crate::report::{EpisodeReport, Score, ViewReport};

impl Episode {
    pub(super) fn report(&self) -> EpisodeReport {
        let first = self.steps.first();
        let views = self.boxes.iter().enumerate().map(|(index, &view)| ViewReport {
            view,
            entropy_before: first
                .map_or(&self.final_entropies, |step| &step.view_entropies)
                .get(index)
                .copied(),
            entropy_after: self.final_entropies.get(index).copied(),
            weight: first.and_then(|step| step.view_weights.get(index).copied()),
        });
        let device = &self.clip.device;
        EpisodeReport {
            model: self.model.clone(),
            device: device.kind().as_str().to_owned(),
            device_name: device.name().to_owned(),
            method: "ttl".to_owned(),
            seed: self.options.seed,
            template: self.prompts.template.clone(),
            labels: self.prompts.labels.clone(),
            options: self.options.clone(),
            before: Score::list(&self.prompts.labels, &entropy::softmax(&self.zero_shot)),
            before_entropy: entropy::entropy(&self.zero_shot),
            after: Score::list(&self.prompts.labels, &entropy::softmax(&self.after)),
            steps: self.steps.clone(),
            final_state: self.final_state,
            views: views.collect(),
            warnings: self.prompts.warnings.clone(),
            stopped: self.stopped.clone(),
            timing_ms: self.timing,
        }
    }
}

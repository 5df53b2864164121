//! Which method, on which views, with which options: checked before anything runs.

use clip_model::clip::Clip;
use serde_json::Value;

use crate::error::Result;
use crate::methods::adaptation::Adaptation;
use crate::methods::{self, Method, MethodDescription, Setting, TEMPLATES};
use crate::options::{OptionDescription, Options, ViewOptions, complete, invalid, read};

/// A method with its options, and the views that it is shown.
#[derive(Clone)]
pub struct Setup {
    method: &'static dyn Method,
    /// The views.
    pub views: ViewOptions,
    /// Templates beside the first.
    templates: Vec<String>,
    /// The method's own options, all of them.
    options: Options,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The method is its name.
        formatter
            .debug_struct("Setup")
            .field("method", &self.name())
            .field("views", &self.views)
            .field("templates", &self.templates)
            .field("options", &self.options)
            .finish()
    }
}

impl Setup {
    /// The method `name` with options of the views and of its own in one flat object; what is left out has its default.
    ///
    /// # Errors
    /// [`crate::Error::MethodUnknown`]; [`crate::Error::OptionInvalid`].
    pub fn new(name: &str, options: &Options) -> Result<Self> {
        let method = methods::find(name)?;
        let mut descriptions = ViewOptions::descriptions();
        let of_views = descriptions.len();
        descriptions.extend(methods::describe(method).options);
        let mut all = complete(&descriptions, options)?;
        let views = descriptions
            .iter()
            .take(of_views)
            .filter_map(|description| all.remove_entry(description.name))
            .collect();
        let templates = all.remove(TEMPLATES).map_or_else(
            || Ok(Vec::new()),
            |value| {
                read::<Templates>(&Options::from_iter([(TEMPLATES.to_owned(), value)]))
                    .map(|templates| templates.templates)
            },
        )?;
        Ok(Self {
            method,
            views: read(&views)?,
            templates,
            options: all,
        })
    }

    /// The same method, shown other views.
    #[must_use]
    pub fn with_views(mut self, views: ViewOptions) -> Self {
        self.views = views;
        self
    }

    /// The method's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.method.description().name
    }

    /// What the method is called and does.
    #[must_use]
    pub fn description(&self) -> MethodDescription {
        methods::describe(self.method)
    }

    /// Whether the method trains low-rank adapters that can be saved, with some of its options at least.
    #[must_use]
    pub fn trains_adapter(&self) -> bool {
        self.method.trains_adapter()
    }

    /// The templates beside the first.
    #[must_use]
    pub fn templates(&self) -> &[String] {
        &self.templates
    }

    /// All options, of the views and of the method, with none left out.
    #[must_use]
    pub fn options(&self) -> Options {
        let mut all = match serde_json::to_value(&self.views) {
            Ok(Value::Object(views)) => views,
            _ => Options::new(),
        };
        all.extend(self.method_options());
        all
    }

    /// The method's options, with none left out.
    #[must_use]
    pub fn method_options(&self) -> Options {
        let mut options = self.options.clone();
        if self.method.takes_templates() {
            options.insert(TEMPLATES.to_owned(), self.templates.clone().into());
        }
        options
    }

    /// Checks what depends on the model.
    ///
    /// # Errors
    /// [`crate::Error::OptionInvalid`]; [`crate::Error::StatisticsMissing`] where the method can't do without.
    pub(crate) fn check(&self, clip: &Clip, statistics: bool) -> Result<()> {
        let description = self.method.description();
        if description.needs_statistics && !statistics {
            return Err(crate::Error::StatisticsMissing {
                method: description.name,
            });
        }
        let at_once = self.views.chunk_views.min(self.views.views);
        let most = clip.config.most_views_at_once();
        if at_once > most {
            return Err(invalid(
                "chunk_views",
                at_once,
                format!("at most {most} views of this model at a time"),
            ));
        }
        self.method.check(&self.method_options(), clip)
    }

    pub(crate) fn begin(&self, setting: Setting) -> Result<Box<dyn Adaptation>> {
        self.method.begin(&self.options, setting)
    }

    /// Notes how many updates it has come to.
    pub(crate) fn set_steps(&mut self, steps: usize) {
        for name in ["steps", "generations"] {
            if let Some(value) = self.options.get_mut(name) {
                *value = steps.into();
            }
        }
    }
}

#[derive(serde::Deserialize)]
struct Templates {
    templates: Vec<String>,
}

/// All options of a method, with those of the views first.
#[must_use]
pub fn descriptions(method: &MethodDescription) -> Vec<OptionDescription> {
    let mut all = ViewOptions::descriptions();
    all.extend(method.options.iter().cloned());
    all
}

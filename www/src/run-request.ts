/** What a run needs of the page, or where on the page it is missing. */

import type { LabelsPanel, Question } from "./labels-panel.js";
import type { PicturePanel } from "./picture-panel.js";
import type { LoadedPicture } from "./picture-source.js";
import type { SettingsPanel } from "./settings-panel.js";

/** The parts of the page that are filled in before a run. */
export interface RunForm {
  readonly pictures: PicturePanel;
  readonly labels: LabelsPanel;
  readonly settings: SettingsPanel;
  /** Is told that a setting has to be corrected first. */
  readonly onInvalidSetting: () => void;
}

/** What can be run; null where something is missing, which is then shown, with the focus on it. */
export function readRunForm(picture: LoadedPicture | null, form: RunForm): { readonly picture: LoadedPicture; readonly question: Question } | null {
  const { pictures, labels, settings } = form;
  labels.flush();
  if (picture === null) {
    pictures.askForPicture();
    return null;
  }
  const question = labels.askForAdapting();
  if (question === null) return null;
  if (settings.focusInvalid()) {
    form.onInvalidSetting();
    return null;
  }
  return { picture, question };
}

"""Recorded results of the methods that need nothing but features, on features of three kinds."""
import numpy as np
import torch

import feature_methods
from inputs import random_token_rows, random_views
from recording import save_episode
from towers import features, load_model

# Each case: its name in the file, the method, and the options that aren't the defaults.
CASES = [
    ("marginal", "marginal", {}),
    ("marginal-entropy-weighted", "marginal", dict(selection=0.5, weighting="entropy")),
    ("zero", "zero", {}),
    ("zero-all-views", "zero", dict(selection=1.0)),
    ("zero-three-quarters", "zero", dict(selection=0.75)),
    ("zero-tenth", "zero", dict(selection=0.1)),
    ("mta", "mta", {}),
    ("mta-other-options", "mta", dict(bandwidth_fraction=0.6, lambda_y=0.5, lambda_q=1.0)),
    ("tps", "tps", {}),
    ("tps-3-steps", "tps", dict(steps=3, learning_rate=0.02, selection=0.4)),
    ("sts", "sts", {}),
    ("sts-2-steps", "sts", dict(steps=2, rank=3, selection=0.3, regularisation=0.7)),
    ("sts-centre", "sts", dict(predict="centre", learning_rate=0.03)),
    ("oftta", "oftta", {}),
    ("oftta-other-options", "oftta", dict(supports=2, prototype_weight=9.0, sharpness=3.0)),
    ("dect", "dect", {}),
    ("dect-calibration", "dect", dict(prototype_weight=0.0)),
    ("dect-prototypes", "dect", dict(calibration_weight=0.0, prototype_weight=0.3)),
]
PICTURES_OF_NOTHING = 3


def model_features(options, generator):
    """Features that a model computes of random views and random texts."""
    model = load_model(options.model)
    config = model.config
    size = config.vision_config.image_size
    ids, _ = random_token_rows(config.text_config, options.classes, generator)
    views = random_views(options.views, size, generator, options.noise)
    nothing = torch.randn(PICTURES_OF_NOTHING, 3, 1, 1, generator=generator).expand(-1, -1, size, size)
    with torch.no_grad():
        return (features(model.get_image_features(pixel_values=views)), features(model.get_text_features(input_ids=ids)),
                features(model.get_image_features(pixel_values=nothing)), float(model.logit_scale.exp()))


def drawn_features(options, generator):
    """Features drawn at random, as alike as a trained CLIP's: cosines of about 0.8 within images and within texts,
    0.25 between them, and its logit scale of 100."""
    width = options.width

    def around(count, *parts):
        rows = sum(weight * part for weight, part in parts)
        return rows + torch.randn(count, width, generator=generator) * (options.noise / width ** 0.5)

    shared, image_mean, text_mean = (torch.nn.functional.normalize(torch.randn(width, generator=generator), dim=0)
                                     for _ in range(3))
    # Labels differ along few directions more than along the others.
    kinds = torch.randn(options.classes, 3, generator=generator) @ torch.randn(3, width, generator=generator)
    text = around(options.classes, (0.5, shared), (0.75, text_mean), (0.25 / width ** 0.5, kinds))
    # The picture is like two of the labels.
    image = around(options.views, (0.5, shared), (0.7, image_mean), (0.25, text[0]), (0.2, text[1]))
    nothing = around(PICTURES_OF_NOTHING, (0.5, shared), (0.75, image_mean))
    return image * 9, text * 7, nothing * 8, 100.0


def command_features(options):
    """Runs all the methods on features alone over one picture, and records their inputs and results."""
    generator = torch.Generator().manual_seed(options.seed)
    image, text, nothing, scale = (model_features if options.model else drawn_features)(options, generator)
    out = {"image_features": image, "text_features": text, "content_free_features": nothing}
    image, text, nothing = (feature_methods.unit(rows.double().numpy()) for rows in (image, text, nothing))
    cases = []
    for name, method, settings in CASES:
        inputs = (image, text, scale) + ((nothing,) if method == "dect" else ())
        results = getattr(feature_methods, method)(*inputs, **settings)
        for quantity, values in results.items():
            out[f"{name}.{quantity}"] = torch.from_numpy(np.array(values, dtype=np.float32))
        cases.append(dict(name=name, method=method, options=settings))
    save_episode(out, options.out, dict(method="features", logit_scale_exp=scale, cases=cases))
    for name, _, _ in CASES:
        best, second = out[f"{name}.probabilities"].topk(2).values.tolist()
        notes = [f"{quantity} {int(out[f'{name}.{quantity}'])}" for quantity in ("tied", "rank")
                 if f"{name}.{quantity}" in out]
        print(f"  {name}: label {int(out[f'{name}.probabilities'].argmax())}, {best:.4f} before {second:.4f}", *notes)

"""References that are no episodes: token ids, pixels, and one picture's zero-shot answer."""
import os

import numpy as np
import torch

from inputs import (centre_crop, coin, describe_box, load_tokenizer, mirror, normalise, open_picture, random_box,
                    resized_crop, CONTEXT_LENGTH)
from recording import save_episode, save_json
from towers import features, load_model, normalised

TOKENIZER_CASES = [
    "a photo of a cat.", "A Photo Of A CAT.", "tench, Tinca tinca", "", " ", "  two   spaces ", "it's a dog's life",
    "naïve café", "日本語の猫", "emoji 🐈‍⬛ cat", "100% wool — £5.99 (new!)", "a_b-c/d\\e", "<|startoftext|>",
    "&amp; &lt;b&gt;", "x" * 400, "the " * 100, "line\nbreak\ttab", "ÀÉÎ ﬁ ligature", "1234567890 12 3",
    "I've we'll they're don't"]
PIXEL_VIEWS = 6


def command_tokens(options):
    """Token ids as the `tokenizers` library gives them, cut to 77 with the end token kept."""
    tokenizer = load_tokenizer(options.tokenizer)
    rows = []
    for text in TOKENIZER_CASES:
        ids = tokenizer(text, truncation=True, max_length=CONTEXT_LENGTH)["input_ids"]
        rows.append(dict(text=text, ids=ids))
    save_json(rows, options.out, ensure_ascii=False)
    print(options.out, len(rows), "strings")


def rgb8(picture):
    """The picture's values as u8 [height, width, 3]."""
    return torch.from_numpy(np.array(picture))


def command_pixels(options):
    """What torchvision on Pillow images (the reference code's own preprocessing) makes of one picture."""
    picture = open_picture(options.image)
    centre = centre_crop(picture, options.size)
    out = {"source": rgb8(picture), "centre": rgb8(centre), "centre_normalised": normalise(centre)}
    torch.manual_seed(options.seed)
    boxes = []
    for index in range(PIXEL_VIEWS):
        box = random_box(picture)
        flip = coin()
        view = resized_crop(picture, box, options.size)
        out[f"view{index}"] = rgb8(mirror(view) if flip else view)
        boxes.append(describe_box(box, flip))
    save_episode(out, options.out, dict(size=options.size, boxes=boxes))


def command_zeroshot(options):
    """Label probabilities of one picture, from the picture's file to the softmax, by the libraries alone."""
    model = load_model(options.model)
    tokenizer = load_tokenizer(options.tokenizer)
    picture = centre_crop(open_picture(options.image), model.config.vision_config.image_size)
    labels = options.labels.split(",")
    with torch.no_grad():
        # One label at a time: no padding, so no convention about padding can change the result.
        text = torch.cat([
            features(model.get_text_features(input_ids=torch.tensor(
                [tokenizer(options.template.format(label))["input_ids"]])))
            for label in labels])
        image = features(model.get_image_features(pixel_values=normalise(picture)[None]))
        logits = model.logit_scale.exp() * normalised(image) @ normalised(text).T
    save_json(dict(
        image=os.path.basename(options.image), template=options.template, labels=labels, logits=logits[0].tolist(),
        probabilities=logits[0].softmax(-1).tolist()), options.out)
    print(options.out, labels[int(logits[0].argmax())])

"""Step 4: the text tower, distilled from the sentence embeddings of step 2.

The target of a noun is its embedding less the mean, projected on the first 256 principal components, normalised. All
templates of a noun share that target, so that templates do not matter. Trains for a given time and writes
cache/text.pt (an average over the training) and cache/text_targets.pt.
"""
import json
import math
import time

import numpy as np
import torch
import torch.nn.functional as F

from distillation import distillation_loss
from labels import TEMPLATES, imagenet_classes
from tokens import END, START, VOCABULARY, encode, load_tokenizer, words_only
from towers import PROJECTION, TEXT_SHAPE
from wordnet import tagged_sense_counts
from workspace import fast_dtype, workspace_of, workspace_parser, write_atomically

NOUN, CLASS_NAME = 1, 2
NOUN_BATCH, GLOSS_BATCH = 768, 96
PROMPT_LENGTH, GLOSS_LENGTH, LEMMA_LENGTH = 24, 32, 12
EMBEDDING_STEP, OTHER_STEP = 6e-3, 2.5e-3
CHECKED_WORDS = ("vehicle,building,food,furniture,insect,musical instrument,fish,tree,toy,tool,clothing,weapon,reptile,"
                 "flower,fruit,house,boat,computer,woman,mountain").split(",")


class Targets:
    """What the text tower must learn: one target of 256 values for each lemma and each gloss."""

    def __init__(self, workspace):
        with open(workspace.cache / "text_items.json", encoding="utf-8") as file:
            items = json.load(file)
        self.lemmas, self.glosses = items["lemmas"], items["gloss"]
        self.category = np.array(items["cat"])
        self.index = {lemma: index for index, lemma in enumerate(self.lemmas)}
        photos = torch.from_numpy(np.load(workspace.cache / "text_photo.npy")).float()
        glosses = torch.from_numpy(np.load(workspace.cache / "text_gloss.npy")).float()
        nouns = self.category >= NOUN
        centred = F.normalize(photos - photos[nouns].mean(0), dim=-1)
        _, singular, right = torch.linalg.svd(centred[nouns][:60_000], full_matrices=False)
        projection = right[:PROJECTION].T
        kept = float((singular[:PROJECTION] ** 2).sum() / (singular ** 2).sum())
        print("part of the variance that the projection keeps", kept)
        self.of_lemma = F.normalize(centred @ projection, dim=-1)
        self.of_gloss = F.normalize((glosses - glosses.mean(0)) @ projection, dim=-1)
        self.names = [self.index[name] for name in imagenet_classes()[1]]
        torch.save(dict(T=self.of_lemma.half(), P=projection), workspace.cache / "text_targets.pt")

    def sampling_weights(self, workspace):
        """Class names ten times as often as other nouns, and words of the sense-tagged corpus eight times as often."""
        weights = np.where(self.category == CLASS_NAME, 10.0, np.where(self.category == NOUN, 1.0, 0.4))
        for lemma, count in tagged_sense_counts(workspace.wordnet):
            index = self.index.get(lemma)
            if index is not None and count > 0:
                weights[index] *= 8
        return weights / weights.sum()


class Prompts:
    """Rows of ids for any template and lemma, put together from parts: CLIP's tokenizer never merges across words.

    Also the compact vocabulary: the ids that occur, numbered from 0, start and end last. Training it instead of all
    49,408 rows is much cheaper; `expand` puts the rows back where they belong.
    """

    def __init__(self, tokenizer, lemmas, glosses):
        self.lemmas = [words_only(encoding.ids)[:LEMMA_LENGTH]
                       for encoding in tokenizer.encode_batch(lemmas, add_special_tokens=False)]
        self.templates = [
            tuple(tokenizer.encode(part.strip(), add_special_tokens=False).ids if part.strip() else []
                  for part in template.split("{}"))
            for template in TEMPLATES]
        self.glosses = encode(tokenizer, glosses, GLOSS_LENGTH)
        parts = [np.array(ids) for ids in self.lemmas] + [self.glosses.ravel()]
        parts += [np.array(before + after + [0]) for before, after in self.templates]
        used = np.unique(np.concatenate(parts).astype(np.int64))
        self.used = np.unique(np.append(used, [START, END]))
        self.compact = np.zeros(VOCABULARY, np.int64)
        self.compact[self.used] = np.arange(len(self.used))

    def rows(self, templates, lemmas):
        """Original ids, one row for each pair of a template and a lemma."""
        rows = np.full((len(lemmas), PROMPT_LENGTH), END, np.int64)
        for row, (template, lemma) in enumerate(zip(templates, lemmas)):
            before, after = self.templates[template]
            ids = ([START] + before + self.lemmas[lemma] + after)[:PROMPT_LENGTH - 1]
            rows[row, :len(ids)] = ids
        return rows

    def trimmed(self, rows):
        """Compact ids, cut after the longest row's first end token."""
        longest = int((rows != END).sum(1).max()) + 1
        return torch.from_numpy(self.compact[rows[:, :longest]])

    def expand(self, embedding):
        """The compact embedding as one of 49,408 rows; tokens that never occurred get small random values."""
        full = torch.randn(VOCABULARY, embedding.shape[1]) * embedding.std() * 0.3 + embedding.mean(0)
        full[self.used] = embedding
        return full


def build_tower(tokens):
    """The text tower over a compact vocabulary, with its first weights."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    config = CLIPTextConfig(vocab_size=tokens, bos_token_id=tokens - 2, eos_token_id=tokens - 1,
                            pad_token_id=tokens - 1, **TEXT_SHAPE)
    config._attn_implementation = "eager"
    tower = CLIPTextModelWithProjection(config)
    with torch.no_grad():
        tower.text_model.embeddings.token_embedding.weight.normal_(0, 0.05)
        tower.text_model.embeddings.position_embedding.weight.normal_(0, 0.02)
        for name, parameter in tower.named_parameters():
            if parameter.dim() == 2 and "embed" not in name.split(".")[-2]:
                into_residual = "out_proj" in name or "fc2" in name
                parameter.normal_(0, parameter.shape[1] ** -0.5 * (0.4 if into_residual else 1))
    return tower


TOKEN_EMBEDDING = "text_model.embeddings.token_embedding.weight"


class Training:
    """The loop, its optimizer and the running average that is kept."""

    def __init__(self, workspace, options):
        self.workspace, self.options = workspace, options
        self.generator = np.random.default_rng(options.seed)
        self.targets = Targets(workspace)
        self.prompts = Prompts(load_tokenizer(workspace.tokenizer), self.targets.lemmas, self.targets.glosses)
        print("tokens in use", len(self.prompts.used), flush=True)
        self.tower = build_tower(len(self.prompts.used))
        named = list(self.tower.named_parameters())
        self.optimizer = torch.optim.AdamW([
            dict(params=[p for name, p in named if "embedding" in name], weight_decay=0.0, lr=EMBEDDING_STEP),
            dict(params=[p for name, p in named if "embedding" not in name], weight_decay=0.01, lr=OTHER_STEP)],
            betas=(0.9, 0.98), fused=True)
        self.cumulative = np.cumsum(self.targets.sampling_weights(workspace))
        if options.init:
            state = torch.load(options.init)
            state[TOKEN_EMBEDDING] = state[TOKEN_EMBEDDING][self.prompts.used]
            self.tower.load_state_dict(state)
            for group in self.optimizer.param_groups:
                group["lr"] *= 0.7
        self.first_steps = [group["lr"] for group in self.optimizer.param_groups]
        self.average = {name: value.detach().clone() for name, value in self.tower.state_dict().items()}

    def features(self, rows):
        autocast = torch.autocast("cpu", torch.bfloat16, enabled=fast_dtype() == torch.bfloat16)
        with autocast:
            return F.normalize(self.tower(input_ids=self.prompts.trimmed(rows)).text_embeds.float(), dim=-1)

    def loss(self, step):
        """That of one batch: prompts, and at every third step explanations too."""
        rng, targets = self.generator, self.targets
        lemmas = np.searchsorted(self.cumulative, rng.random(NOUN_BATCH)).clip(0, len(targets.lemmas) - 1)
        glosses = rng.integers(0, len(targets.glosses), GLOSS_BATCH)
        rows = self.prompts.rows(rng.integers(0, len(TEMPLATES), NOUN_BATCH), lemmas)
        features, wanted = self.features(rows), targets.of_lemma[lemmas]
        if step % 3 == 0:
            features = torch.cat([features, self.features(self.prompts.glosses[glosses])])
            wanted = torch.cat([wanted, targets.of_gloss[glosses]])
        return distillation_loss(features, wanted)

    def set_step_sizes(self, step, progress):
        warm_up = min(1, (step + 1) / (30 if self.options.init else 100))
        factor = warm_up * (0.5 * (1 + math.cos(math.pi * progress)) * 0.99 + 0.01)
        for group, first in zip(self.optimizer.param_groups, self.first_steps):
            group["lr"] = first * factor

    def update_average(self, step):
        with torch.no_grad():
            decay = min(0.95, step / (step + 100))
            for name, value in self.tower.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - decay)

    def check(self):
        """For three templates: mean cosine of the class names to their target, and how many are nearest to their own.

        Then the mean cosine of 500 other nouns, and of twenty common ones.
        """
        results, targets, names = [], self.targets, self.targets.names
        wanted = targets.of_lemma[names]
        with torch.no_grad():
            for template in (0, 1, 4):
                rows = self.prompts.rows([template] * len(names), names)
                features = torch.cat([self.features(rows[start:start + 250]) for start in range(0, len(rows), 250)])
                nearest = (features @ wanted.T).argmax(-1) == torch.arange(len(names))
                results.append(((features * wanted).sum(-1).mean().item(), nearest.float().mean().item()))
            nouns = np.where(targets.category == NOUN)[0]
            chosen = np.random.default_rng(5).choice(nouns, min(500, len(nouns)))
            common = [targets.index[word] for word in CHECKED_WORDS if word in targets.index]
            for lemmas in (chosen, common):
                features = self.features(self.prompts.rows([0] * len(lemmas), lemmas))
                results.append((features * targets.of_lemma[lemmas]).sum(-1).mean().item())
        return results

    def run(self):
        started, step, shown = time.time(), 0, 0.0
        while (elapsed := time.time() - started) < self.options.seconds:
            self.set_step_sizes(step, elapsed / self.options.seconds)
            loss = self.loss(step)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.tower.parameters(), 1.0)
            self.optimizer.step()
            step += 1
            shown = 0.98 * shown + 0.02 * loss.item()
            if step % 10 == 0:
                self.update_average(step)
            if step % 100 == 0:
                print(step, int(elapsed), f"loss {shown:.3f}", self.check(), flush=True)
        self.tower.load_state_dict(self.average)
        print("final", step, self.check())

    def save(self):
        state = dict(self.tower.state_dict())
        state[TOKEN_EMBEDDING] = self.prompts.expand(state[TOKEN_EMBEDDING])
        write_atomically(self.workspace.cache / "text.pt", lambda path: torch.save(state, path))


def main():
    parser = workspace_parser(__doc__, "wordnet", "tokenizer")
    parser.add_argument("--seconds", type=float, default=420.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--init", default="", help="a text.pt to go on from")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    training = Training(workspace_of(options), options)
    training.run()
    training.save()


if __name__ == "__main__":
    main()

"""Step 5: the image tower, against the frozen text features, for a given time.

Two single-thread processes share the gradients (on two busy cores that is much faster than one process with two
threads). The pictures grow from 32 px (17 tokens) over 48 to 64 px. What is kept is the running average of the
parameters: cache/NAME.pt, written at the end. From time to time it is evaluated and saved as cache/NAME.partial.pt. A run
that was stopped goes on from there when it is started again with the same options; delete that file to start anew.

To go on from a finished file: --init FILE --f0 (where in the schedule to start). A schedule can be spread over several
sittings: --f1 says where this one stops, and the next one's --f0 is that. The schedule goes by the clock, so two runs with
the same seeds see the same pictures in the same order, but not equally many.
"""
import dataclasses
import math
import os
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
import torch.multiprocessing as multiprocessing
import torch.nn.functional as F

from label_bank import CLASSES, FIRST_CIFAR, FIRST_HYPERNYM, LabelBank
from optimizers import SharedOptimizer
from pixels import augment, patches
from towers import MAX_LOGIT_SCALE, VisionTower
from workspace import fast_dtype, workspace_of, workspace_parser, write_atomically

PROCESSES = 2
UNLABELLED_WEIGHT = 0.7
CUTS_PER_DRAW = 2
FIRST_WARM_UP, LATER_WARM_UP = 150, 40

# name, default, meaning
SETTINGS = [
    ("secs", 4200.0, "seconds of training from --f0 to --f1; a run that was stopped takes what is left of them"),
    ("lr", 1e-3, "Muon's step size"),
    ("adam", 3e-4, "AdamW's step size"),
    ("wd", 0.05, "weight decay"),
    ("kd", 0.5, "part of the teacher in the target of a labelled picture"),
    ("cut", 0.4, "part of the cuts of the hierarchy in the loss"),
    ("cifar", 0.25, "weight of the CIFAR pictures' loss"),
    ("batch", 256, "pictures of an update"),
    ("seed", 0, "of the first weights, and of the order and the crops, to which --init adds the clock (see --order-seed)"),
    ("lo", 0.6, "part of the schedule after which pictures have 48 px"),
    ("mid", 0.85, "part of the schedule after which pictures have 64 px"),
    ("evalsecs", 300.0, "seconds between two evaluations, at which the state is saved too"),
    ("scale0", 30.0, "first logit scale"),
    ("crop", 0.3, "smallest part of a picture that a crop shows"),
    ("ema", 0.995, "decay of the running average"),
    ("draws", 4, "draws of wordings in each update"),
    ("f0", 0.0, "where in the schedule to start, from 0 to 1"),
    ("f1", 1.0, "where in the schedule to stop; another run can go on from there"),
]


class Pictures:
    """The training pictures with their targets, and endless random streams of their indices."""

    def __init__(self, workspace, wordnet_ids, generator):
        def array(name):
            return np.load(workspace.cache / f"{name}.npy", mmap_mode="r")

        def optional(name):
            return array(name) if (workspace.cache / f"{name}.npy").exists() else None

        self.tiny, self.cifar = array("tin_x"), array("cifar_train_x64")
        to_imagenet = np.array([wordnet_ids.index(wordnet_id) for wordnet_id in workspace.tiny_wordnet_ids()])
        self.tiny_class = to_imagenet[np.load(workspace.cache / "tin_y.npy")]
        self.cifar_class = np.load(workspace.cache / "cifar_train_y.npy")
        self.tiny_teacher = array("tin_teach")
        self.unlabelled, self.unlabelled_teacher = optional("tintest_x"), optional("tintest_teach")
        self.generator = generator
        self.tiny_stream = self.stream(len(self.tiny), optional("tin_exclude"))
        self.cifar_stream = self.stream(len(self.cifar), None)
        if self.unlabelled_teacher is not None:
            self.unlabelled_stream = self.stream(len(self.unlabelled), optional("tintest_exclude"))

    def stream(self, count, excluded):
        """Indices without end, every picture once in each round, those that are also evaluation pictures never."""
        usable = np.ones(count, bool)
        if excluded is not None:
            usable[excluded] = False
        kept = np.where(usable)[0]
        print("pictures", count, "used", len(kept), flush=True)
        while True:
            yield from np.random.default_rng(int(self.generator.integers(1 << 30))).permutation(kept)

    def batch(self, labelled, cifar, unlabelled, teacher_part):
        """One batch: pictures u8 (labelled, then CIFAR, then unlabelled), targets [labelled + unlabelled, 1000], the
        weight of each of these, and the classes of the CIFAR pictures."""
        def take(stream, count):
            return np.array([next(stream) for _ in range(count)], np.int64)

        tiny, cifar_rows = take(self.tiny_stream, labelled), take(self.cifar_stream, cifar)
        pictures = [self.tiny[tiny], self.cifar[cifar_rows]]
        targets = F.one_hot(torch.from_numpy(self.tiny_class[tiny]), CLASSES).float()
        teacher = torch.from_numpy(self.tiny_teacher[tiny].astype(np.float32))
        known = ~teacher[:, 0].isnan()
        if known.any():
            targets[known] = (1 - teacher_part) * targets[known] + teacher_part * teacher[known].softmax(-1)
        weights = torch.ones(labelled)
        if self.unlabelled_teacher is not None:
            others = take(self.unlabelled_stream, unlabelled)
            pictures.append(self.unlabelled[others])
            teacher = torch.from_numpy(self.unlabelled_teacher[others].astype(np.float32))
            known = ~teacher[:, 0].isnan()
            targets = torch.cat([targets, torch.nan_to_num(teacher).softmax(-1)])
            weights = torch.cat([weights, known.float() * UNLABELLED_WEIGHT])
        classes = torch.from_numpy(self.cifar_class[cifar_rows].astype(np.int64))
        return torch.from_numpy(np.concatenate(pictures)), targets, weights, classes


class Loss:
    """The loss of a batch's features against the label bank, with wordings and cuts drawn anew each time."""

    def __init__(self, bank, options, generator):
        self.bank, self.options, self.generator = bank, options, generator

    def __call__(self, of_targets, targets, weights, of_cifar, cifar_classes):
        """The three parts (classes, cuts of the hierarchy, CIFAR).

        `of_targets` [n, 256] and `of_cifar` [m, 256] are the scaled features of the pictures that have `targets`
        [n, 1000] with `weights` [n], and of the CIFAR pictures. Several wordings and cuts each time: the noise of one
        draw would be common to the whole batch.
        """
        bank, rng, draws = self.bank, self.generator, self.options.draws
        of_classes = of_cuts = of_cifar_names = 0.0
        for _ in range(draws):
            wording = torch.from_numpy(rng.integers(0, bank.features.shape[1], len(bank.features)))
            text = bank.features[torch.arange(len(bank.features)), wording]
            of_classes = of_classes + soft_cross_entropy(of_targets @ text[:CLASSES].T, targets, weights) / draws
            for _ in range(CUTS_PER_DRAW):
                cut_class, rows = bank.cuts[int(rng.integers(len(bank.cuts)))]
                cut_targets = torch.zeros(len(targets), len(rows)).index_add_(1, cut_class, targets)
                part = soft_cross_entropy(of_targets @ text[rows].T, cut_targets, weights)
                of_cuts = of_cuts + part / (CUTS_PER_DRAW * draws)
            among_all = F.cross_entropy(of_cifar @ text[bank.cifar_items].T, cifar_classes)
            among_ten = F.cross_entropy(of_cifar @ text[FIRST_CIFAR:FIRST_HYPERNYM].T, cifar_classes)
            of_cifar_names = of_cifar_names + (0.5 * among_all + 0.5 * among_ten) / draws
        return of_classes, of_cuts, of_cifar_names


def soft_cross_entropy(logits, targets, weights):
    return (-(targets * logits.log_softmax(-1)).sum(-1) * weights).mean()


def side_at(progress, options):
    """The side of the pictures at this point of the schedule."""
    return 32 if progress < options.lo else 48 if progress < options.mid else 64


def step_factor(step, progress, warm_up_steps):
    """Warm-up, then half a cosine down to a hundredth."""
    warm_up = min(1.0, (step + 1) / warm_up_steps)
    return warm_up * (0.5 * (1 + math.cos(math.pi * progress)) * 0.99 + 0.01 if progress > 0 else 1.0)


@dataclasses.dataclass
class Beginning:
    """Where this run begins: `progress` in the schedule, from 0 to 1, and the seed of the order and the crops.

    `warm_up_steps`: after so many updates the step sizes are whole.
    """
    progress: float
    warm_up_steps: int
    order_seed: int

    def seed_of(self, rank):
        """Another one for each process, and for each point of the schedule that a run begins at.

        Runs that begin with the same one show the same pictures in the same crops again and again.
        """
        return self.order_seed + int(self.progress * 9973) * 2 + rank


def order_seed(options):
    """--order-seed, or one from --seed and, with --init, from the clock: several runs may begin at the same --f0."""
    if options.order_seed is not None:
        return options.order_seed
    return options.seed * 100_003 + (int(time.time()) // 2 * 2 if options.init else 0)


def partial_path(workspace, name):
    """The state of a run that is not over: `state`, as in NAME.pt, and `progress`, how far in the schedule that is."""
    return workspace.cache / f"{name}.partial.pt"


def begin(workspace, options):
    """The parameters to begin with (None: random ones), and the beginning.

    A stopped run goes before --init: what starts it again is the command that started it.
    """
    partial = partial_path(workspace, options.name)
    state, progress = None, options.f0
    if partial.exists():
        stopped = torch.load(partial)
        state, progress = stopped["state"], stopped["progress"]
        if not options.f0 <= progress < options.f1:
            raise SystemExit(f"{partial} is of a run that was stopped at {progress:.4f} of the schedule, which is not "
                             f"between --f0 {options.f0} and --f1 {options.f1}: delete it to start anew")
        print(f"going on from {partial}, stopped at {progress:.4f} of the schedule", flush=True)
    elif options.init:
        state = torch.load(options.init)
    beginning = Beginning(progress, FIRST_WARM_UP if state is None else LATER_WARM_UP, order_seed(options))
    print("order seed", beginning.order_seed, flush=True)
    return state, beginning


def micro_batches(options, side):
    """How many parts a process's half of the batch is computed in, and (labelled, CIFAR, unlabelled) of each."""
    parts = max(1, options.batch // (256 if side == 32 else 128))
    pictures = options.batch // PROCESSES // parts
    cifar, unlabelled = pictures * 3 // 16, pictures // 16
    return parts, (pictures - cifar - unlabelled, cifar, unlabelled)


def train_process(rank, workspace, options, beginning, flat, average, gradients, barrier, shared_progress, layout):
    """One of the two processes. `flat` and `average` are the parameters and their running average."""
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    seed = beginning.seed_of(rank)
    crops, rng = torch.Generator().manual_seed(seed), np.random.default_rng(seed)
    bank = LabelBank(workspace)
    tower = VisionTower(options.scale0).to(fast_dtype())
    parameters = dict(tower.named_parameters())

    def pull():
        for name, (offset, count, shape) in layout.items():
            parameters[name].data.copy_(flat[offset:offset + count].view(shape))

    pull()
    forward = torch.compile(tower, dynamic=False) if options.compile else tower
    pictures = Pictures(workspace, bank.wordnet_ids, rng)
    loss_of = Loss(bank, options, rng)
    optimizer = SharedOptimizer(options, rank, layout, flat, gradients)
    started = last_evaluation = last_line = time.time()
    step, seen, shown = 0, 0, [0.0, 0.0, 0.0]
    side = side_at(beginning.progress, options)
    while True:
        if rank == 0:
            passed = (options.f1 - options.f0) * (time.time() - started) / options.secs
            shared_progress[0] = beginning.progress + passed
        barrier.wait()
        progress = float(shared_progress[0])
        if progress >= options.f1:
            break
        side = side_at(progress, options)
        parts, (labelled, cifar, unlabelled) = micro_batches(options, side)
        tower.zero_grad(set_to_none=True)
        losses = [0.0, 0.0, 0.0]
        for _ in range(parts):
            batch, targets, weights, cifar_classes = pictures.batch(labelled, cifar, unlabelled, options.kd)
            scale = tower.scale.float().clamp(max=MAX_LOGIT_SCALE).exp()
            features = F.normalize(forward(augment(batch, side, options.crop, crops)), dim=-1) * scale
            with_targets = torch.cat([features[:labelled], features[labelled + cifar:]])
            part = loss_of(with_targets, targets, weights, features[labelled:labelled + cifar], cifar_classes)
            total = (1 - options.cut) * part[0] + options.cut * part[1] + options.cifar * part[2]
            (total / parts).backward()
            losses = [old + new.item() / parts for old, new in zip(losses, part)]
        for name, (offset, count, _) in layout.items():
            gradients[rank][offset:offset + count].copy_(parameters[name].grad.view(-1))
        barrier.wait()
        factor = step_factor(step, progress, beginning.warm_up_steps)
        step += 1
        optimizer.step(step, factor)
        decay = min(options.ema, (step + 1) / (step + 20))
        for name in optimizer.names():
            offset, count, _ = layout[name]
            average[offset:offset + count].lerp_(flat[offset:offset + count], 1 - decay)
        barrier.wait()
        pull()
        seen += options.batch
        if rank == 0:
            shown = [0.97 * old + 0.03 * new if old else new for old, new in zip(shown, losses)]
            if time.time() - last_line > 20:
                last_line, elapsed = time.time(), time.time() - started
                print(f"{options.name} {elapsed:.0f} s, progress {progress:.3f}, {side} px, step {step}, seen {seen} "
                      f"({seen / elapsed:.0f} a second), classes {shown[0]:.3f} cuts {shown[1]:.3f} "
                      f"cifar {shown[2]:.3f}, scale {float(optimizer.weights('scale').exp()):.1f}", flush=True)
            if time.time() - last_evaluation > options.evalsecs:
                last_evaluation = time.time()
                state = state_of(average, layout)
                stopped = dict(state=state, progress=progress)
                write_atomically(partial_path(workspace, options.name), lambda path: torch.save(stopped, path))
                evaluate(workspace, options, state, bank, side, every=5)
    if rank == 0:
        state, is_over = state_of(average, layout), options.f1 >= 1
        write_atomically(workspace.cache / f"{options.name}.pt", lambda path: torch.save(state, path))
        partial_path(workspace, options.name).unlink(missing_ok=True)
        evaluate(workspace, options, state, bank, 64 if is_over else side, every=1 if is_over else 5)


def state_of(flat, layout):
    """A copy of a flat vector's parameters under their names."""
    return {name: flat[offset:offset + count].view(shape).clone() for name, (offset, count, shape) in layout.items()}


def evaluate(workspace, options, state, bank, side, every):
    """Prints the accuracy of these parameters on every n-th validation picture at this side."""
    tower = VisionTower().to(fast_dtype())
    tower.load_state_dict(state)
    tower.eval()
    tiny_items = [bank.wordnet_ids.index(wordnet_id) for wordnet_id in workspace.tiny_wordnet_ids()]
    tests = (("tinval_x", "tinval_y", bank.features[tiny_items, 0], every),
             ("cifar_test_x64", "cifar_test_y", bank.features[FIRST_CIFAR:FIRST_HYPERNYM, 0],
              every if every == 1 else 2 * every))
    accuracies = []
    with torch.no_grad():
        for pictures_name, classes_name, text, stride in tests:
            pictures = np.load(workspace.cache / f"{pictures_name}.npy", mmap_mode="r")
            classes = torch.from_numpy(np.load(workspace.cache / f"{classes_name}.npy").astype(np.int64))
            chosen = np.arange(0, len(pictures), stride)
            answers = []
            for rows in np.array_split(chosen, max(1, len(chosen) // 100)):
                x = torch.from_numpy(pictures[rows]).permute(0, 3, 1, 2).float()
                if side != 64:
                    x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
                answers.append((F.normalize(tower(patches(x)), dim=-1) @ text.T).argmax(-1))
            accuracies.append((torch.cat(answers) == classes[chosen]).float().mean().item())
    print(f"{options.name} at {side} px: Tiny ImageNet validation, 200 labels {accuracies[0]:.4f}; "
          f"CIFAR-10 test {accuracies[1]:.4f}", flush=True)


def main():
    parser = workspace_parser(__doc__, "wordnet", "tokenizer")
    for name, default, meaning in SETTINGS:
        parser.add_argument(f"--{name}", type=type(default), default=default, help=f"{meaning} (default {default})")
    parser.add_argument("--name", default="image", help="of the file in cache/")
    parser.add_argument("--init", default="", help="a finished file of this step to go on from")
    parser.add_argument("--order-seed", type=int, help="of the order and the crops, together with where in the schedule "
                        "the run begins; without this option one is taken from --seed, and printed")
    parser.add_argument("--no-compile", dest="compile", action="store_false", help="run the tower as it is written")
    options = parser.parse_args()
    workspace = workspace_of(options)
    state, beginning = begin(workspace, options)

    torch.set_num_threads(2)
    torch.manual_seed(options.seed)
    tower, layout, count = VisionTower(options.scale0), {}, 0
    for name, parameter in tower.named_parameters():
        layout[name] = (count, parameter.numel(), tuple(parameter.shape))
        count += parameter.numel()
    flat = torch.cat([parameter.detach().reshape(-1) for parameter in tower.parameters()]).share_memory_()
    if state is not None:
        for name, (offset, size, _) in layout.items():
            flat[offset:offset + size] = state[name].reshape(-1)
    average = flat.clone().share_memory_()
    gradients = [torch.zeros(count).share_memory_() for _ in range(PROCESSES)]
    print("parameters of the image tower", count, flush=True)
    context = multiprocessing.get_context("spawn")
    barrier, progress = context.Barrier(PROCESSES), torch.zeros(1, dtype=torch.float64).share_memory_()
    processes = [
        context.Process(target=train_process, args=(
            rank, workspace, options, beginning, flat, average, gradients, barrier, progress, layout))
        for rank in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        raise SystemExit("a training process failed")


if __name__ == "__main__":
    main()

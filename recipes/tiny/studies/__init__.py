"""Questions that one run cannot answer: which arms each study has, and what they are compared with.

An arm is one stage under changed settings, run for every seed. Arms share what they have in common (store.py).
"""

from dataclasses import dataclass

SEEDS = (0, 1, 2, 3, 4)


@dataclass(frozen=True)
class Arm:
    label: str
    stage: str
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    title: str
    question: str
    reference: str
    """The label of the arm that all others are compared with, seed by seed."""
    arms: tuple[Arm, ...]
    more: tuple[tuple[str, str], ...] = ()
    """Further columns: (head, metric)."""


BI = Arm("BI", "bi")
PRL = Arm("PRL", "prl")
ORL = Arm("ORL", "orl")
RANDOM = Arm("PRL, random rewards", "online", ("online.control=random",))

WORKED = Arm("s2r-prl, worked", "online", ("online.method=s2r_rewards.methods.worked:PRL", "online.ratio="))


def _control(name: str, label: str) -> Arm:
    return Arm(f"PRL, {label}", "online", (f"online.control={name}",))


def _colder(temperature: float) -> Arm:
    return Arm(f"BI at T = {temperature:g}", "again", (f"outside.temperature={temperature:g}",))


def _loop(tries: int) -> Arm:
    return Arm(
        f"loop around the base model, {tries} {'try' if tries == 1 else 'tries'}", "loop", (f"outside.tries={tries}",)
    )


def _methods() -> tuple[Arm, ...]:
    """Every method of the library: offline ones on stored rollouts, the others online, with their own ratio and clip."""
    from s2r_rewards.methods import METHODS

    arms = []
    for name, method in METHODS.items():
        stage = "offline" if method.groups.startswith("accuracy") else "online"
        arms.append(Arm(name, stage, (f"{stage}.method={name}", f"{stage}.ratio=")))
    return tuple(arms)


def _bands() -> tuple[Arm, ...]:
    bands = ((0.1, 0.7), (0.2, 0.8), (0.3, 0.9), (0.0, 1.0))
    return tuple(
        Arm(f"offline PRL, accuracy {low:g}–{high:g}", "offline", (f"offline.low={low}", f"offline.high={high}"))
        for low, high in bands
    )


def _sizes() -> tuple[Arm, ...]:
    models = {"plain": "plain SFT", "bi": "BI", "prl": "BI + PRL"}
    return tuple(
        Arm(f"{label}, {count} problems", stage, (f"data.problems={count}",))
        for stage, label in models.items()
        for count in (300, 800, 2500)
    )


STYLES = {
    "division": ("data.glances=0,0,0,0,0",),
    "division or glance": (),
    "glance": ("data.glances=1,1,1,1,1",),
    "solving again": ("data.style=again", "data.glances=0,0,0,0,0"),
}
STUDIES = {
    "controls": Study(
        "Controls",
        "Does the gain come from the reward, and from which part of it? What needs no RL at all?",
        RANDOM.label,
        (
            Arm("base", "base"),
            Arm("plain SFT", "plain"),
            BI,
            PRL,
            ORL,
            RANDOM,
            _control("shuffled-golds", "shuffled golds"),
            _control("says-correct", "“correct” earns"),
            _control("inverted", "inverted rewards"),
            _control("no-verification", "no verification reward"),
            _control("verification-only", "verification reward only"),
            _control("no-baseline", "no baseline"),
            *(_colder(t) for t in (0.3, 0.5, 0.7)),
            *(_loop(n) for n in (1, 4, 7)),
            Arm("rule: last digit, else 3", "rule"),
        ),
    ),
    "methods": Study("Methods", "Which method at the same budget?", "s2r-prl", ()),
    "offline": Study(
        "Online against offline",
        "Does stored data do as well, and does the process level lead offline (v1 table 5)?",
        BI.label,
        (BI, ORL, PRL, Arm("offline ORL", "offline-orl"), Arm("offline PRL", "offline-prl")),
    ),
    "bands": Study("Prompt filter", "Which accuracies are worth training on (v1 table 10)?", BI.label, (BI, *_bands())),
    "baselines": Study(
        "Baselines",
        "Does the baseline matter, online and offline (v1 table 11)?",
        BI.label,
        (
            BI,
            Arm("PRL, reward context", "prl"),
            Arm("PRL, reward context, leave-one-out", "online", ("online.leave_one_out=true",)),
            Arm("PRL, position", "online", ("online.baseline=position",)),
            Arm("PRL, no baseline", "online", ("online.baseline=none",)),
            Arm("offline PRL, reward context", "offline", ("offline.by=reward_context",)),
            Arm("offline PRL, accuracy and position", "offline"),
            Arm("offline PRL, accuracy and context", "offline", ("offline.by=context",)),
        ),
    ),
    "styles": Study(
        "Verification styles",
        "Which verifications should behaviour initialisation show (v1 table 4)?",
        "BI, division",
        tuple(
            Arm(f"{model}, {style}", stage, settings)
            for stage, model in (("bi", "BI"), ("prl", "BI + PRL"))
            for style, settings in STYLES.items()
        ),
        (
            ("v₁, s₁ right", "s2r/verify/first_accuracy_when_right"),
            ("v₁, s₁ wrong", "s2r/verify/first_accuracy_when_wrong"),
        ),
    ),
    "ratio": Study(
        "Ratio",
        "Which probability ratio should Eq. 6 clip?",
        BI.label,
        (
            BI,
            *(Arm(f"PRL, {r}", "online", (f"online.ratio={r}",)) for r in ("token", "action", "action_mean")),
            Arm("PRL, trajectory_mean", "online", ("online.ratio=trajectory_mean",)),
        ),
    ),
    "efficiency": Study("Data efficiency", "How much data does each stage need (figure 1)?", "", _sizes()),
}


def arms_of(name: str) -> tuple[Arm, ...]:
    return (BI, *_methods(), WORKED) if name == "methods" else STUDIES[name].arms

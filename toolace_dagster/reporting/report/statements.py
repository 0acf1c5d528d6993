"""What the figures can and cannot show, in plain sentences.

Belongs here: statements for both forms of the report. Does not belong here: figures.
"""

from __future__ import annotations

OFFLINE_ALL = (
    "Every call was answered by the offline model, a seeded rehearsal stand-in that makes text from templates and tool "
    "schemas, with mistakes at set rates."
)
OFFLINE_SOME = "Some calls were answered by the offline model, a seeded rehearsal stand-in; the others by real models."
CAN_SHOW = (
    "How many calls each step of the method takes, how many tokens its prompts have, and where they go: this follows "
    "from the pipeline and its settings, so it carries over to a real model as far as that keeps to the same lengths.",
    "That faults which were put in are found: which check rejects, and what refinement and repair mend of them.",
    "How varied the plans are: tools and parameters covered, shapes, numbers of steps, kinds of injection. They are "
    "drawn before a model is asked.",
)
CANNOT_SHOW = (
    "How good the text is: diversity, coherence and the pass rate are properties of the templates and of the set "
    "error rates. They say nothing about GPT-4o, nor about your model.",
    "Which method is better: what a real model gets wrong in a simulated conversation, or when it fills in masked "
    "turns, is not what the offline model gets wrong. Compare methods with a model of your own, on the same tasks.",
    "What a model trained on the data learns. Don't train on it.",
    "What it costs: the offline model is free, and its replies are not as long as a real model's.",
)
ALWAYS = (
    "The paper's figures are those it reports for its own tools, models and 8,000 dialogues. Ours are over other "
    "tools and another number of dialogues; what hangs on the number is said beside it.",
    "Verification does not see everything: the pass rate is the share that our own rules and experts accept.",
    "Lexical coherence knows words alone. It is no entailment ratio and can't be compared with the paper's.",
)

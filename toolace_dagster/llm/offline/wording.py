"""Small grammars for what people say around a request, so that no two say it alike.

Each piece is put together from parts that are drawn apart from each other: a handful of
short lists gives tens of thousands of sentences. None of it holds a value, so
nothing that later turns rely on can get lost in it.

Belongs here: reasons, requests, links, reactions, closings, and other words for a deed.
Does not belong here: values (``clauses``), or which pieces a voice uses (``voices``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from random import Random

Grammar = Mapping[str, Sequence[str]]
_SLOT = re.compile(r"<([a-z_]+)>")

_LISTS: Grammar = {
    "who": (
        "my sister|my brother-in-law|a neighbour|my landlady|my old boss|somebody at work|my flatmate|my daughter|"
        "the new colleague|our treasurer|my uncle Theo|a friend from choir|the woman next door|my cousin|my son|"
        "our caretaker|"
        "a man at the bus stop|the receptionist|my physiotherapist|the twins|my grandfather|a client|our team lead|"
        "the lady from upstairs|my running partner"
    ).split("|"),
    "did": (
        "reminded me|handed me a note|rang|dropped by|asked how far I was|left a message|gave me the papers|"
        "talked me into this|pointed me here|wanted news|sent a long e-mail|put a sticky note on my door|"
        "told me not to wait|brought it up over coffee|lost patience with me|offered to help|showed me how|"
        "sounded worried|made me promise"
    ).split("|"),
    "when": (
        "this morning|on Sunday|before breakfast|an hour ago|last week|at lunch|late last night|yesterday evening|"
        "just now|on the stairs|between two calls|after the match|while I was cooking|on the phone|at the market|"
        "during the film|on the way home|first thing today|at the dentist's|when the rain stopped"
    ).split("|"),
    "so": (
        "here I am|I'd rather not wait|it has to be sorted out|I want it off the table|now I'm curious|"
        "it is my turn|I can't put it off again|let's see what we can do|I said I'd do it at once|"
        "I'm finally getting round to it|there is no way around it|I'd like a clear answer|I want to get it right|"
        "this can't wait for Monday|I thought I'd try you|I'm on it now|we should move quickly|better sooner than later"
    ).split("|"),
    "place": (
        "on the train|at the kitchen table|in the car park|in a noisy café|on the balcony|in the waiting room|"
        "at my desk|on a bench by the river|in the laundry room|between shelves at the shop|on the ferry|in bed|"
        "in the back office|outside the school gate|at the garden gate|in the lift|on the sofa|at the airport"
    ).split("|"),
    "doing": (
        "with a sandwich in one hand|with ten minutes to spare|going through old letters|waiting for a parcel|"
        "trying to get my papers in order|with the radio on|half awake|watching the rain|with a list as long as my arm|"
        "hiding from the phone|with cold fingers|counting down to the weekend|after a very long day|"
        "with the dog on my feet|still in my coat|in a surprisingly good mood|typing with one thumb"
    ).split("|"),
    "mood": (
        "so be patient with me|so I'll keep it simple|and this is next on my list|and I'd love to tick this off|"
        "so let's get going|and it can't be that hard|which is as good a moment as any|so forgive the odd slip|"
        "and I have all my notes here|so I'll tell you what I know|and I'd like to be done by dinner|"
        "so one thing after the other|and I need a hand|so straight to the matter"
    ).split("|"),
    "greeting": (
        "Hi|Hello|Hi there|Hey|Good morning|Good afternoon|Good evening|Hello again|Morning|Greetings|Hiya|Evening"
    ).split("|"),
    "dear": (
        "Good day|Good morning|Good afternoon|Dear team|Dear all|Good evening|Dear service desk|Dear support team|"
        "Esteemed colleagues|Ladies and gentlemen|Dear advisers|With compliments|Dear front office|My respects"
    ).split("|"),
    "favour": (
        "I am writing with a request|I should like assistance|I have a matter to settle|"
        "I hope for your help|I trust you can help|I have an enquiry|"
        "I have something to ask|I would value your support|permit me a question|"
        "your skill is called for|I am in need of advice|kindly attend to this|"
        "your attention would oblige me|a matter is in your hands"
    ).split("|"),
    "ground": (
        "as a date has been moved|since my records are incomplete|because a deadline approaches|"
        "as I am acting for somebody else|since I shall be travelling shortly|because the office asked for it|"
        "as matters have changed at home|since the last attempt came to nothing|because I was advised to do so|"
        "as the season is about to begin|since our circumstances have altered|because I wish to plan ahead"
    ).split("|"),
    "bit": (
        "on break|two minutes|in a hurry|phone at 4 percent|boss waiting|bus in five|quick one|short on time|"
        "kids waiting|between calls|queue behind me|shop opens soon|hands full|gate closes soon|oven beeping|"
        "meeting at ten past|on the move|one hand free"
    ).split("|"),
    "filler": ("ok so|hey|right so|hi|so yeah|um|quick thing|alright|hello hello|yo|sooo|well|ok|hiya|so um").split(
        "|"
    ),
    "loose": (
        "my flatmate says you're good at this|lecture got cancelled so i have time|i kinda forgot about this|"
        "finally got wifi again|this has been bugging me all day|sorry if this is a dumb one|no idea where to start|"
        "i lost a bet so i'm doing this|mum keeps asking|been putting this off forever|it's raining anyway|"
        "i'm supposed to be studying|just woke up from a nap|the group chat voted for me|my phone died before"
    ).split("|"),
    "plain": (
        "I have a request|I will explain|I need some help|I have a question for you|this is important for me|"
        "I write it in simple words|I am new to this|I want to do it correctly|I hope you understand me|"
        "I tell you what I need|this is about my plans|I have some things to do|please help me with something|"
        "I start with the important part|it is not difficult I think"
    ).split("|"),
    "plan_word": (
        "Here is the list|My points|What is needed|The agenda|In short|Point by point|To be done|Items for you|"
        "The plan|My list for today|Three lines, no more|In this order|As agreed with myself|Next actions|The brief"
    ).split("|"),
    "fact": (
        "my old arrangement fell through|we have guests coming|the previous person left without a word|"
        "a letter came that I don't fully understand|I spent the weekend comparing notes|plans changed twice already|"
        "I'm doing this for somebody who can't|the usual way didn't work for me|we moved house in spring|"
        "I've been away for a month|it all depends on what comes out of this|I found my notes from last year|"
        "two people told me two different things|I was given the wrong form at first|the budget was approved at last|"
        "I promised an answer by tonight|the last time it took me three tries|my handwriting is no help to anyone"
    ).split("|"),
    "ack": (
        "Great|Perfect|Good|Thanks|Lovely|All right|Fine|Wonderful|Understood|Right|Very good|Excellent|Okay|Brilliant|"
        "That helps|Good to know|Much obliged|Super|Nice|Clear"
    ).split("|"),
    "onward": (
        "next thing|moving on|one more matter|there is more|now to the other part|while we're at it|that leaves this|"
        "on to the next|something else came to mind|here comes the rest|now that this is settled|back to my list|"
        "it doesn't stop there|another one for you|since you're so quick|let me go on"
    ).split("|"),
    "thought": (
        "that was quicker than I feared|I wrote that down|my list gets shorter|that's a load off my mind|"
        "I didn't expect that|exactly what I hoped for|I'll tell the others|that makes sense|I can work with that|"
        "good thing I asked|so far so good|I had guessed as much"
    ).split("|"),
    "thanks": "Thanks|Thank you|Many thanks|Cheers|Much appreciated|Ta|Bless you|Thanks a lot|I owe you one".split("|"),
    "coda": (
        "in advance|for bearing with me|for doing this|already|and no rush|from all of us|for your time|"
        "and have a good day|as always|for looking into it"
    ).split("|"),
    "modal": "could|can|would|will".split("|"),
    "soft": ("|||please |maybe |quickly |kindly |also |just |perhaps ").split("|"),
    "tail": (
        "|||| for me| when you get a chance| while I'm here| before I forget| right away| if that's all right|"
        " if you don't mind| today if possible| as a first step| to begin with"
    ).split("|"),
    "want": (
        "I want to|I'd like to|I need to|I'm trying to|I'm hoping to|we'd like to|the plan is to|the idea is to|"
        "what I'm after is to|my next job is to|it's time to|I was asked to|I promised to|I'd love to|"
        "I have to|I decided to|the thing is, I have to|I'm supposed to|it falls to me to|I set out to"
    ).split("|"),
    "brief": (
        "need to|quick:|to do:|pls|can you|have to|first:|job:|request:|wanted:|help me|must|looking to|time to|"
        "trying to|hoping to|want to|just|short one:|urgent:|got to|main thing:|asked to|ready to"
    ).split("|"),
    "brief_tail": "?| pls.|, thx.| asap.| today.| now.|, quickly.|, nothing else.|, if possible.| - possible?".split(
        "|"
    ),
    "way": (
        "is there a way to|would it be possible to|how about we|any chance you could|do you think you could|"
        "mind helping me|what would it take to|may I ask you to|are you able to|could I get you to|can we|shall we"
    ).split("|"),
    "then": (
        "then|after that|once that's done|and then|when you have that|next|with that|as soon as you know|"
        "following that|and from there|on top of that|building on this|right after|in the same go|later on|"
        "that done|as a second step|having done so|and while you're there"
    ).split("|"),
    "more": (
        "do the same|do that again|repeat that|go through it again|do it once more|try the same|do likewise|"
        "have another go|run it again|start over|do it a second time|make another attempt"
    ).split("|"),
    "following_one": (
        "for the next one|for the one after it|for the next on the list|with the one below|for the following one|"
        "for whatever comes next|on the next entry|with the next in line"
    ).split("|"),
    "twist": "but this time|only now|except that now|but now|only this time".split("|"),
    "just": (
        "I only want|just|nothing but|please stick to|limit it to|keep it to|I'm only after|restrict it to|"
        "narrow it down to"
    ).split("|"),
}

_RULES: Grammar = {
    "chatty": (
        "<greeting>! <who> <did> <when>, so <so>.",
        "<greeting>, I'm <place> <doing>, <mood>.",
        "<who> <did> <when> and <fact>, so <so>.",
        "<greeting>! I'm <place>, <fact>, and <who> <did> <when>.",
        "<who> <did> <when>; <so>.",
    ),
    "thorough": (
        "some background first: <who> <did> <when>, and <fact>.",
        "let me explain: since <who> <did> <when> and <fact>, <so>.",
        "to give you the whole picture, <who> <did> <when>. <fact>.",
        "the story is this: <who> <did> <when>, and <fact>.",
        "before I ask, you should know that <who> <did> <when> and that <fact>.",
    ),
    "formal": (
        "<dear>. <favour>, <ground>.",
        "<dear>, <favour>, <ground>.",
        "<dear>. <ground>, <favour>.",
    ),
    "casual": (
        "<filler> <loose>, <bit>.",
        "<bit>. <loose>, <filler>.",
        "<filler>, <bit>, and <loose>.",
        "<bit>, <loose>, <filler>.",
    ),
    "hurried": ("<bit>, <place>, so <so>.", "<place>, <bit>, <doing>.", "<bit>. <place> <doing>.", "<bit>, <doing>."),
    "plain": (
        "<greeting>. <plain>. <fact>.",
        "<greeting>, <plain>. <who> <did> <when>.",
        "<plain>: <fact>, and I am <place>.",
        "<greeting>. <who> <did> <when>. <plain>.",
    ),
    "orderly": (
        "<plan_word>, as <who> <did> <when>:",
        "<who> <did> <when>. <plan_word>:",
        "<greeting>. <fact>. <plan_word>:",
        "<plan_word>, written <place>, <doing>:",
    ),
    "": (
        "<greeting>, I'm <place>: <fact>, so <so>.",
        "<who> <did> <when>, so <so>.",
        "<greeting>, I'm <place> <doing>, <mood>.",
        "<who> <did> <when>, and I'm <place> <doing>.",
    ),
    "ask": (
        "<modal> you <soft>{deed}<tail>?",
        "<want> {deed}<tail>.",
        "<way> {deed}<tail>?",
        "please {deed}<tail>.",
        "<want> {deed}, because <fact>.",
        "<modal> you <soft>{deed}? <fact>.",
        "{deed}<tail>, please.",
    ),
    "ask_formally": (
        "would you be so kind as to {deed}?",
        "I would be grateful if you could {deed}<tail>.",
        "may I ask you to {deed}, <ground>?",
        "I should appreciate it if you would {deed}.",
        "might I trouble you to {deed}?",
        "it would be of great help if you could {deed}, <ground>.",
        "please be good enough to {deed}.",
        "I kindly request that you {deed}.",
    ),
    "ask_briefly": ("{deed}.", "<brief> {deed}.", "<brief> {deed}<brief_tail>", "{deed}<brief_tail>", "<brief> {deed}"),
    "link": (
        "<then> {deed}.",
        "<then>, {deed}.",
        "<then> <modal> you {deed}?",
        "<then> <want> {deed}.",
        "<then>, please {deed}.",
    ),
    "link_briefly": ("then {deed}.", "next: {deed}.", "+ {deed}.", "and {deed}.", "after: {deed}.", "also {deed}."),
    "later": (
        "<ack>, <thought>.",
        "<ack>. <onward>:",
        "<ack>, <onward>.",
        "<thought>. <onward>:",
        "<thought>.",
        "<ack>! <thought>, and <who> <did> <when>.",
        "<onward>: <fact>.",
    ),
    "closing": ("<thanks>!", "<thanks> <coda>.", "<thanks>, <coda>.", "<thanks>."),
    "only": ("<just>",),
    "do": (
        "please {deed}",
        "do {deed}",
        "be sure to {deed}",
        "remember to {deed}",
        "it would help to {deed}",
        "make sure to {deed}",
        "I'd want you to {deed}",
        "it's best to {deed}",
        "one condition: {deed}",
    ),
    "leave": (
        "no need to {deed}",
        "you needn't {deed}",
        "don't bother to {deed}",
        "I don't need you to {deed}",
        "you don't have to {deed}",
        "nobody has to {deed}",
        "it's not necessary to {deed}",
        "it's fine not to {deed}",
        "there is no reason to {deed}",
    ),
    "name": (
        "my name is {said}",
        "it goes under the name {said}",
        "the name is {said}",
        "{said} is my name",
        "I'm {said}",
        "put it under {said}",
        "it's for {said}, that's me",
        "the whole thing runs under {said}",
    ),
    "reach": (
        "my {thing} is {said}",
        "you can reach me at {said}",
        "{said} is my {thing}",
        "write to {said}",
        "send word to {said}",
        "as {thing} please take {said}",
        "my contact is {said}",
        "I can be found at {said}",
        "anything goes to {said}",
    ),
    "choice": (
        "the {phrase} should be {said}",
        "the {phrase} is {said}",
        "as {phrase} take {said}",
        "for the {phrase} I'd pick {said}",
        "{said} as the {phrase}",
        "make the {phrase} {said}",
        "{said} would suit me as {phrase}",
    ),
    "fact": (
        "the {phrase} is {said}",
        "the {phrase} is {said}",
        "{said} is the {phrase}",
        "for the {phrase} you need {said}",
        "my notes say {said} for the {phrase}",
        "the {phrase} turns out to be {said}",
        "take {said} as the {phrase}",
        "the {phrase}? {said}",
    ),
    "closing_formally": (
        "With kind regards.",
        "Yours sincerely.",
        "I thank you <coda>.",
        "With many thanks <coda>.",
        "I remain at your disposal.",
        "I look forward to your answer.",
        "Kindest regards, and thank you <coda>.",
    ),
    "again": ("<more> <following_one>", "<more> <following_one><tail>"),
    "again_with": ("<more>, <twist> {values}",),
}

_SYNONYMS: Grammar = {
    "find": ("find", "look up", "track down", "locate", "pull up", "dig out", "check up on"),
    "search": ("search", "look through", "browse", "comb through", "scan"),
    "get": ("get", "pull up", "look up", "bring up", "open", "go over", "check"),
    "list": ("list", "go through", "run through", "look over", "pull up", "check"),
    "show": ("show", "bring up", "display", "pull up"),
    "check": ("check", "look into", "have a look at", "verify", "see about"),
    "read": ("read", "have a look at", "go through", "open"),
    "place": ("place", "put in", "enter", "lodge"),
    "book": ("book", "reserve", "arrange", "secure"),
    "reserve": ("reserve", "book", "set aside", "secure"),
    "create": ("create", "set up", "open", "start", "make"),
    "schedule": ("schedule", "set up", "arrange", "plan", "fix"),
    "cancel": ("cancel", "call off", "drop", "withdraw"),
    "update": ("update", "change", "adjust", "revise"),
    "change": ("change", "alter", "adjust", "amend"),
    "move": ("move", "shift", "put off"),
    "add": ("add", "put in", "include", "enter"),
    "register": ("register", "sign up", "enter", "enrol"),
    "renew": ("renew", "extend", "prolong"),
    "send": ("send", "pass on", "forward"),
    "estimate": ("estimate", "work out", "calculate", "figure out"),
    "compare": ("compare", "weigh up", "look at"),
    "request": ("request", "ask for", "apply for", "put in for"),
    "report": ("report", "file", "flag", "notify somebody of"),
    "record": ("record", "note down", "log", "enter"),
    "submit": ("submit", "hand in", "send in", "file"),
    "order": ("order", "put in for", "get"),
    "track": ("track", "follow", "trace", "keep an eye on"),
    "set": ("set", "fix", "put in"),
    "describe": ("describe", "sum up", "go over"),
    "pay": ("pay", "settle", "clear"),
    "start": ("start", "begin", "kick off", "get going with"),
    "stop": ("stop", "end", "halt"),
    "issue": ("issue", "make out", "write up"),
    "upload": ("upload", "put up", "hand over"),
    "assign": ("assign", "give out", "allot"),
}


_POINTERS = ("that", "that", "this", "the same", "said")
_POINTER = re.compile(r"\b(for|of|on|to|from|in|at|with|by) that (\w+)\b(?! (?:was|is|has|are))")
_TAILS = (
    re.compile(r" and (?:see|get|show|list|check|read|put|tell|return)s? (?:its|their|the|how|what|whether)\b.*$"),
    re.compile(r" (?:where|that (?:was|is|were|are|can)|who|so that|in order to|at which|with) .*$"),
    re.compile(r" (?:for|between|about|of) (?:[a-z]+ing|two|the whole|a given|your|people|titles|cargo|goods)\b.*$"),
)
_NEEDED = re.compile(r"[\ue000\ue001]|\b(?:that|this|the (?:same|first|second|last|earliest|cheapest)|list) ?")


def compose(kind: str, rng: Random) -> str:
    """A piece of a kind, put together by chance.

    Args:
        kind: A rule's name: a register such as ``chatty`` for a reason to write, or ``ask``, ``link``, ``later``,
            ``closing``, ``again``.
        rng: Source of choices.

    Returns:
        The piece, with ``{deed}`` or ``{values}`` left open where the rule has it.
    """
    text = rng.choice(_RULES.get(kind) or _RULES[""])
    used: set[str] = set()

    def drawn(found: re.Match[str]) -> str:
        options = [option for option in _LISTS[found[1]] if option not in used or not option]
        chosen = rng.choice(options)
        used.add(chosen)
        return chosen

    return _SLOT.sub(drawn, text)


def reworded(deed: str, rng: Random) -> str:
    """A deed in other words: another verb for the first one, another pointer, and shorter now and then.

    What is cut holds no value and points at nothing.

    Args:
        deed: A verb phrase such as ``search the catalogue for titles``, with values in marks.
        rng: Source of choices.
    """
    verb, space, rest = deed.partition(" ")
    said = rng.choice(_SYNONYMS.get(verb, (verb,))) + space + rest
    said = _POINTER.sub(lambda found: f"{found[1]} {rng.choice(_POINTERS)} {found[2]}", said)
    for tail in _TAILS:
        found = tail.search(said)
        if found and rng.random() < 0.5 and not _NEEDED.search(found[0]) and found.start() > len(verb) + 6:
            said = said[: found.start()]
    return said


def shortened(phrase: str, rng: Random) -> str:
    """A noun phrase as people say it: without what they think is understood."""
    if rng.random() < 0.7:
        bare = re.sub(r" (?:who|that|which|to|for|where|of|in|on|with) .*$", "", phrase)
        phrase = bare if len(bare.split()) > 1 else phrase
    return phrase.removeprefix("full ") if rng.random() < 0.5 else phrase

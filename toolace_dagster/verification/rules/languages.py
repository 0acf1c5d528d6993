"""Which language a text is in, told by its script and its commonest words.

No model is needed to see that a turn of an English dialogue is German: each
language has some dozen words that make up a third of any text. Texts that mix
names, codes and few words give no answer rather than a guess.

Belongs here: telling languages. Does not belong here: which one a dialogue should
be in.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

_COMMON = {
    "English": (
        "the of and to in is you that it for was on are with as i be this have from or one had by but not "
        "what all were we when your can there an which their if do will how about please me my would could am "
        "so no then than them they he she his her has been into out up more some very just yes also only "
        "other see get find found shall should here where who why did does going give its any need want"
    ),
    "German": (
        "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden "
        "aus er hat dass sie nach bei noch einen ich mir mich bitte wir ihr kann können habe bis wie oder "
        "gibt"
    ),
    "French": (
        "le la les de des et un une du en est que pour dans qui sur pas plus par avec je vous il elle nous ne "
        "se ce cette au aux mon ma mes votre pouvez bonjour merci son sont ai être faire"
    ),
    "Spanish": (
        "el la los las de del y en que un una es por con para no se lo al su como más pero me mi mis usted "
        "puede quiero hay está son fue gracias hola tu te le porque cuando qué"
    ),
    "Italian": (
        "il lo la gli le di del della e in un una che è per con non si da al mi mio mia ho sono come ma anche "
        "più questo vorrei puoi può grazie nel alla dei delle ci cosa"
    ),
    "Portuguese": (
        "o a os as de do da dos das e em um uma que é para com não se por no na mais como mas eu me meu minha "
        "você pode quero há está são foi obrigado ao seu sua"
    ),
    "Dutch": (
        "de het een en van in is dat op te voor met zijn er niet aan die ik je mij mijn wat kan kunt ook als "
        "om bij naar nog maar heb hebt wil graag wordt deze dit uit"
    ),
    "Swedish": (
        "och i att det som en på är av för med till den har inte om ett jag du kan vi ska från men mig min "
        "vill eller så var hur finns"
    ),
    "Danish": (
        "og i at det som en på er af for med til den har ikke om et jeg du kan vi skal fra men mig min vil "
        "eller så var hvordan der"
    ),
    "Polish": (
        "i w na z do nie się że to jest o jak co po tak dla czy od za mi mnie proszę mam może ale lub oraz są być"
    ),
    "Turkish": ("ve bir bu da de için ile ne mi var çok daha ben sen olarak en gibi ama benim lütfen kadar olan"),
    "Finnish": (
        "ja on ei se että hän oli mutta kun ovat minä sinä tai voit voisitko minun mitä myös kuin ole olen niin"
    ),
}
_WORDS = {name: frozenset(words.split()) for name, words in _COMMON.items()}
_SCRIPTS = {
    "CYRILLIC": "Russian", "GREEK": "Greek", "ARABIC": "Arabic", "HEBREW": "Hebrew", "DEVANAGARI": "Hindi",
    "THAI": "Thai", "HANGUL": "Korean", "HIRAGANA": "Japanese", "KATAKANA": "Japanese", "CJK": "Chinese",
    "BENGALI": "Bengali", "TAMIL": "Tamil",
}  # fmt: skip
_WORD = re.compile(r"[^\W\d_]+")
_FEW_WORDS = 6
_SURE = 0.2
"""Share of a text's words that are among a language's commonest, from which on it is that language."""
_DISTINCT = 3
"""Different common words it takes: a name or an abbreviation repeated is none."""
_CLEAR = 1.5
"""How many times the next language's share it has to be."""


@lru_cache(maxsize=8192)
def language_of(text: str) -> str | None:
    """The language of a text.

    Args:
        text: What somebody says.

    Returns:
        Its English name, or None where the text is too short, mixed or in a language not known here.
    """
    if not text.isascii() and (written := _by_script(text)) is not None:
        return written
    words = _WORD.findall(text.casefold())
    if len(words) < _FEW_WORDS:
        return None
    counts = Counter(words)
    scored: list[tuple[float, int, str]] = []
    for name, common in _WORDS.items():
        known = common & counts.keys()
        scored.append((sum(counts[word] for word in known) / len(words), len(known), name))
    (best, distinct, name), (second, _, _) = sorted(scored, reverse=True)[:2]
    return name if best >= _SURE and best >= _CLEAR * second and distinct >= _DISTINCT else None


def _by_script(text: str) -> str | None:
    letters = [letter for letter in text if letter.isalpha()]
    scripts = Counter(unicodedata.name(letter, "").split(" ")[0].split("-")[0] for letter in letters)
    if scripts["HIRAGANA"] + scripts["KATAKANA"] > 0.1 * len(letters):
        return "Japanese"
    script, count = scripts.most_common(1)[0] if scripts else ("", 0)
    return _SCRIPTS.get(script) if count > 0.6 * len(letters) else None

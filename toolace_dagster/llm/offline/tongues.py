"""Other languages than English, as far as a rehearsal needs them.

Tools describe themselves in English, so what it is about stays a quotation; everything
around it is said in the dialogue's language. Languages without a set here are
answered in English, as a small model would.

Belongs here: phrases of some languages, and messages made of them. Does not belong
here: English (``wording``, ``reports``).
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_OPENINGS = {
    "German": (
        "Guten Tag|Hallo|Guten Morgen|Grüß Gott|Servus|Moin|Guten Abend",
        "ich brauche Hilfe bei einer Sache|ich möchte das heute noch erledigen|es geht um etwas Eiliges|"
        "meine Schwester hat mich darum gebeten|ich habe gerade eine Viertelstunde Zeit|das liegt zu lange bei mir|"
        "ich sitze im Zug und will das klären|bei uns zu Hause hat sich etwas geändert|das soll bis Montag fertig sein|"
        "ich bin mit der alten Lösung nicht zufrieden|die Kollegin hat mir das überlassen|jetzt ist es an mir",
    ),
    "French": (
        "Bonjour|Bonsoir|Salut|Bonjour à vous|Rebonjour",
        "j'ai besoin d'un coup de main|je voudrais régler cela aujourd'hui|c'est pour ma sœur qui est en voyage|"
        "j'ai un quart d'heure devant moi|cela traîne depuis trop longtemps|je suis dans le train et je veux avancer|"
        "les choses ont changé chez nous|il faut que ce soit prêt pour lundi|ma collègue m'a laissé ce dossier|"
        "je ne sais pas par où commencer|on m'a dit que vous pouvez aider|c'est à mon tour de m'en occuper",
    ),
    "Spanish": (
        "Hola|Buenos días|Buenas tardes|Buenas|Muy buenas",
        "necesito ayuda con una cosa|quiero dejar esto listo hoy|es para mi hermana que está de viaje|"
        "tengo un cuarto de hora libre|esto lleva demasiado tiempo en mi lista|voy en el tren y quiero avanzar|"
        "en casa han cambiado los planes|tiene que estar listo para el lunes|mi compañera me ha dejado este asunto|"
        "no sé por dónde empezar|me han dicho que usted puede ayudar|ahora me toca a mí",
    ),
}
_ASKS = {
    "German": "Bitte erledigen Sie für mich: {}.|Können Sie das für mich machen: {}?|Ich möchte Folgendes: {}.|"
    "Es geht um das hier: {}.|Mir fehlt noch eins: {}.|Würden Sie sich bitte darum kümmern: {}?",
    "French": "Pouvez-vous faire cela pour moi : {} ?|Je voudrais ceci : {}.|Il me faut encore une chose : {}.|"
    "Voici ce que je vous demande : {}.|Est-ce que vous pouvez vous en occuper : {} ?",
    "Spanish": "¿Puede hacer esto por mí: {}?|Quiero lo siguiente: {}.|Me falta una cosa: {}.|"
    "Esto es lo que le pido: {}.|¿Se puede ocupar de esto por favor: {}?",
}
_GIVEN = {
    "German": "Dazu die Angaben: {}.|Das ist für Sie wichtig: {}.|Sie brauchen noch: {}.|Hier ist, was ich habe: {}.",
    "French": "Voici les données : {}.|Ce que je sais : {}.|Pour cela il vous faut : {}.|Les détails sont là : {}.",
    "Spanish": "Estos son los datos: {}.|Lo que sé es esto: {}.|Para eso tiene que saber: {}.|Los detalles son: {}.",
}
_FOUND = {
    "German": "Das ist erledigt. Hier ist das Ergebnis für Sie: {}.|Ich habe nachgesehen und das gefunden: {}.|"
    "Alles ist erledigt, und das sind die Angaben: {}.",
    "French": "C'est fait. Voici le résultat pour vous : {}.|J'ai regardé et voici ce que j'ai trouvé : {}.|"
    "Tout est en ordre, et voici les données : {}.",
    "Spanish": "Ya está hecho. Este es el resultado para usted: {}.|Lo he mirado y esto es lo que hay: {}.|"
    "Todo está en orden, y estos son los datos: {}.",
}
_NOTHING = {"German": "keine weiteren Angaben", "French": "pas d'autres données", "Spanish": "no hay más datos"}
_AND = {"German": "und", "French": "et", "Spanish": "y"}
_THANKS = {
    "German": "Vielen Dank!|Danke schön.|Danke im Voraus!|Besten Dank.",
    "French": "Merci d'avance !|Merci bien.|Un grand merci.|Merci beaucoup !",
    "Spanish": "¡Muchas gracias!|Gracias de antemano.|Mil gracias.|Gracias por todo.",
}


def is_spoken(language: str) -> bool:
    """Whether there are phrases for a language."""
    return language in _OPENINGS


def speaks(language: str) -> bool:
    """Whether the offline model has words of a language, by its English name."""
    return language == "English" or is_spoken(language)


def request_in(
    language: str, things: Sequence[str], values: Sequence[tuple[str, str]], rng: Random, *, first: bool
) -> str:
    """A user's message.

    Args:
        language: A spoken one.
        things: What it is about, in the tools' own words.
        values: Labels and values in words.
        rng: Source of choices.
        first: Whether it opens the dialogue.
    """
    said: list[str] = []
    if first:
        greeting, reason = (rng.choice(part.split("|")) for part in _OPENINGS[language])
        said.append(f"{greeting}, {reason}.")
    quoted = f" {_AND[language]} ".join(f"„{thing}“" if language == "German" else f"« {thing} »" for thing in things)
    said.append(_filled(_ASKS[language], quoted, rng))
    if values:
        listed = rng.sample(list(values), len(values))
        said.append(_filled(_GIVEN[language], "; ".join(f"{label} {value}" for label, value in listed), rng))
    if rng.random() < 0.4:
        said.append(rng.choice(_THANKS[language].split("|")))
    return " ".join(said)


def reply_in(language: str, facts: Sequence[tuple[str, str]], rng: Random) -> str:
    """The assistant's reply: facts under their labels.

    Args:
        language: A spoken one.
        facts: Labels and values in words.
        rng: Source of choices.
    """
    told = "; ".join(f"{label} {value}" for label, value in facts)
    return _filled(_FOUND[language], told or _NOTHING[language], rng)


def _filled(frames: str, inside: str, rng: Random) -> str:
    return rng.choice(frames.split("|")).replace("{}", inside)

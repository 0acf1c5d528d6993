"""Codes that stand for names everybody knows, and codes that a schema explains.

Belongs here: the tables, and reading a schema's own words. Does not belong here:
whether a name was said (``tracing``).
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import JsonValue

from toolace_dagster.entities import JsonObject
from toolace_dagster.grounding.folding import folded, phrase_of

_CURRENCIES = (
    "usd:us dollar,us dollars,dollar,dollars,$|eur:euro,euros,€|gbp:british pound,pound,pounds,pound "
    "sterling,sterling,£|jpy:yen,japanese yen,¥|chf:swiss franc,swiss francs,franc,francs|cny:yuan,renminbi,"
    "rmb|rmb:yuan,renminbi,cny|inr:rupee,rupees,₹|cad:canadian dollar,canadian dollars|aud:australian dollar,"
    "australian dollars|sek:swedish krona,kronor|nok:norwegian krone,kroner|dkk:danish krone,kroner|pln:"
    "zloty|czk:czech koruna,koruna|brl:real,reais|mxn:mexican peso,pesos|krw:won|try:lira|zar:rand|nzd:new "
    "zealand dollar,new zealand dollars|sgd:singapore dollar,singapore dollars|hkd:hong kong dollar,hong "
    "kong dollars|rub:ruble,rubles,rouble,roubles"
)
_LANGUAGES = (
    "en:english,englisch,anglais,ingles|de:german,deutsch,allemand,aleman|fr:french,franzosisch,francais,"
    "frances|es:spanish,spanisch,espagnol,espanol,castellano|it:italian,italienisch,italiano|pt:portuguese,"
    "portugues|nl:dutch,niederlandisch|pl:polish|ru:russian|ja:japanese|zh:chinese,mandarin|ko:korean|ar:"
    "arabic|tr:turkish|sv:swedish|da:danish|no:norwegian|fi:finnish|cs:czech|el:greek|he:hebrew|hi:hindi|uk:"
    "ukrainian|hu:hungarian|ro:romanian|vi:vietnamese|th:thai|id:indonesian"
)
_COUNTRIES = (
    "us,usa:united states,america,united states of america,the states|gb,uk,gbr:united kingdom,great britain,"
    "britain,england|de,deu:germany,deutschland|fr,fra:france|es,esp:spain,espana|it,ita:italy,italia|pt,prt:"
    "portugal|nl,nld:netherlands,the netherlands,holland|be,bel:belgium,belgie,belgique|ch,che:switzerland,"
    "schweiz,suisse|at,aut:austria,osterreich|ie,irl:ireland|dk,dnk:denmark|se,swe:sweden|no,nor:norway|fi,"
    "fin:finland|pl,pol:poland|cz,cze:czechia,czech republic|hu,hun:hungary|gr,grc:greece|ro,rou:romania|tr,"
    "tur:turkey,turkiye|ru,rus:russia|ua,ukr:ukraine|ca,can:canada|mx,mex:mexico|br,bra:brazil|ar,arg:"
    "argentina|cl,chl:chile|co,col:colombia|jp,jpn:japan|cn,chn:china|kr,kor:south korea,korea|in,ind:india|"
    "au,aus:australia|nz,nzl:new zealand|za,zaf:south africa|eg,egy:egypt|il,isr:israel|sg,sgp:singapore|th,"
    "tha:thailand|vn,vnm:vietnam|id,idn:indonesia|ae,are:united arab emirates,emirates|lu,lux:luxembourg"
)


def _table(text: str) -> dict[str, tuple[str, ...]]:
    rows = (row.partition(":") for row in text.split("|"))
    return {code: tuple(names.split(",")) for codes, _, names in rows for code in codes.split(",")}


_TABLES = {
    "currency": _table(_CURRENCIES),
    "language": _table(_LANGUAGES),
    "locale": _table(_LANGUAGES),
    "country": _table(_COUNTRIES),
    "nationality": _table(_COUNTRIES),
}
_EVERYWHERE = _table(_CURRENCIES) | _table(_COUNTRIES)
_GENDERS = {"m": ("male", "man", "he", "mr"), "f": ("female", "woman", "she", "mrs", "ms")}
_SIGNS = frozenset("$€£¥₹")
_EXAMPLE = re.compile(r"\b(?:e\.g|eg|such as|for example|example|for instance|like)\b[^.;)]*$")
_OFFERING = re.compile(r"\b(?:options?|enum|one of|either|choices?|values?|possible|allowed)\b")


@lru_cache(maxsize=4096)
def names_of(code: str, parameter: tuple[str, ...]) -> tuple[str, ...]:
    """Folded names that a code stands for, and codes that a name has.

    Args:
        code: The value.
        parameter: Words of the parameter's name, which say what kind of code it is.
    """
    form = folded(code)
    tables = [table for about, table in _TABLES.items() if about in parameter]
    if not tables and code.isupper() and 2 <= len(code) <= 3:
        tables = [_EVERYWHERE]
    if "gender" in parameter or "sex" in parameter:
        tables.append(_GENDERS)
    found = [name for table in tables for name in table.get(form, ())]
    found += [other for table in tables for other, names in table.items() if form in names and len(other) > 1]
    return tuple(dict.fromkeys(found))


def is_sign(name: str) -> bool:
    """Whether a name is a single sign, such as ``€``, which is no word."""
    return name in _SIGNS


def explained(value: str | int | float | bool, schema: JsonObject) -> str:
    """What a schema's own words say that a value stands for, as a phrase; empty when they say nothing.

    Args:
        value: One of the schema's values.
        schema: With a ``description`` such as ``1 = low, 2 = high``, or alternatives with titles.
    """
    for keyword in ("oneOf", "anyOf"):
        options: JsonValue = schema.get(keyword)
        for option in options if isinstance(options, list) else []:
            if isinstance(option, dict) and option.get("const") == value:
                named = option.get("title") or option.get("description")
                return phrase_of(str(named)) if named else ""
    choices, names = (
        schema.get("enum"),
        schema.get("x-enumNames") or schema.get("x-enum-varnames") or schema.get("enumNames"),
    )
    if isinstance(choices, list) and isinstance(names, list) and value in choices and choices.index(value) < len(names):
        return phrase_of(str(names[choices.index(value)]))
    description = schema.get("description")
    if not isinstance(description, str):
        return ""
    found = re.search(
        rf"(?<![\w-])[\"'`]?{re.escape(str(value))}[\"'`]?\s*(?:=|:|->|\(|\bfor\b|\bmeans\b|\bis\b)\s*([^,;.()|\n]+)",
        description,
    )
    return phrase_of(found[1]) if found else ""


@lru_cache(maxsize=4096)
def is_offered_in_words(value: str, description: str) -> bool:
    """Whether a description lists a value among those a parameter takes, as some schemas do instead of an ``enum``.

    A value that it only gives as an example is none of these: copying it is what models do when nobody said one.
    """
    form = folded(description)
    found = re.search(rf"(?<![a-z\d]){re.escape(folded(value))}(?![a-z\d])", form)
    if found is None or _EXAMPLE.search(form[max(0, found.start() - 40) : found.start()]):
        return False
    around = form[max(0, found.start() - 2) : found.end() + 2]
    return "/" in around or bool(_OFFERING.search(form))

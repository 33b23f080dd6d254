"""The words of the review world: what is judged, how, and a few plain facts."""

ASPECTS = (
    *("plot", "acting", "script", "music", "ending", "cast", "dialogue"),
    *("camera", "pace", "humor", "editing", "lighting", "story", "sound"),
)
FILMS = ("film", "movie")
WATCHERS = ("i", "we", "everyone", "critics")

# Valences are symmetric, so that praise and blame of the same strength cancel.
ADJECTIVES = {
    "superb": 3.0,
    "excellent": 2.0,
    "brilliant": 2.0,
    "wonderful": 2.0,
    "good": 1.0,
    "nice": 1.0,
    "clever": 1.0,
    "charming": 1.0,
    "funny": 1.0,
    "dreadful": -3.0,
    "awful": -2.0,
    "terrible": -2.0,
    "horrible": -2.0,
    "bad": -1.0,
    "weak": -1.0,
    "dull": -1.0,
    "silly": -1.0,
    "boring": -1.0,
}
VERBS = {
    "adored": 3.0,
    "loved": 2.0,
    "enjoyed": 1.0,
    "liked": 1.0,
    "loathed": -3.0,
    "hated": -2.0,
    "endured": -1.0,
    "disliked": -1.0,
}
VALENCES = {**ADJECTIVES, **VERBS}

# Factors on the valence of the word that follows.
INTENSIFIERS = {
    "very": 1.5,
    "really": 1.5,
    "truly": 1.5,
    "fairly": 0.5,
    "rather": 0.5,
    "slightly": 0.5,
}
FACTORS = {**INTENSIFIERS, "not": -0.5}

CAPITALS = {
    "france": "paris",
    "italy": "rome",
    "spain": "madrid",
    "japan": "tokyo",
    "egypt": "cairo",
    "peru": "lima",
    "cuba": "havana",
    "norway": "oslo",
}
COLORS = {"snow": "white", "grass": "green", "coal": "black", "blood": "red"}
NEXT_DAYS = {
    "monday": "tuesday",
    "tuesday": "wednesday",
    "wednesday": "thursday",
    "thursday": "friday",
}


def facts() -> list[tuple[str, str]]:
    """(opening, right ending) of every fact; the text is "opening ending .".

    >>> facts()[0]
    ('the capital of france is', 'paris')
    """
    return [
        *((f"the capital of {country} is", city) for country, city in CAPITALS.items()),
        *((f"the color of {thing} is", color) for thing, color in COLORS.items()),
        *((f"the day after {day} is", following) for day, following in NEXT_DAYS.items()),
    ]


def valence(words: list[str]) -> float:
    """Σ of the words' valences, each times the factors of the modifiers directly before it.

    >>> valence("the plot was not very good but i loved it".split())
    1.25
    """
    total, factor = 0.0, 1.0
    for word in words:
        total += factor * VALENCES.get(word, 0.0)
        factor = factor * FACTORS[word] if word in FACTORS else 1.0
    return total

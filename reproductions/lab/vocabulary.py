"""All words of the laboratory and all sentences made from them. Light: no numpy, no torch.

The tokenizer has one token per word, so this list is part of a checkpoint: a change here needs new checkpoints.
"""

from __future__ import annotations

from types import MappingProxyType

PAD, OPENING, CLOSING, IMAGE, USER, ASSISTANT, UNKNOWN = (
    "<pad>",
    "<bos>",
    "<eos>",
    "<image>",
    "<user>",
    "<asst>",
    "<unk>",
)
SPECIAL = (PAD, OPENING, CLOSING, IMAGE, USER, ASSISTANT, UNKNOWN)

SHAPES = ("circle", "square", "triangle", "cross", "ring", "diamond")
COLORS = ("red", "green", "blue", "yellow", "purple", "orange", "white", "cyan")
CHARACTERS = tuple("0123456789ABCEFHKLPRTX")
ORDINALS = ("first", "second", "third", "fourth")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# What is known about an entity: four facts of two words each.
FACTS = ("name", "home", "food", "job")
FIRST_SYLLABLES = _words("zu mi ko ra be lo ti va ne so du ga pe ri fa ju hy wo sa che ola bi lu ty")
SECOND_SYLLABLES = _words(
    "lan dor mir tek sol bar nix vel rus gon kai pas fen qua hul wyn dax lem oss tib vok zan pim jor"
)
HOMES = (
    ("north", "south", "east", "west", "upper", "lower", "old", "new"),
    ("harbor", "valley", "forest", "island", "desert", "ridge", "river", "castle"),
)
FOODS = (
    ("sweet", "dried", "salted", "fresh", "smoked", "spicy", "bitter", "frozen"),
    ("berries", "fish", "bread", "nuts", "roots", "honey", "mushrooms", "beans"),
)
JOBS = (
    ("master", "royal", "young", "chief", "secret", "junior", "noble", "wild"),
    ("baker", "sailor", "painter", "hunter", "singer", "healer", "builder", "farmer"),
)

TRAINING_PHRASINGS = 3
"""Phrasings 0 to 2 may occur in injected data; the others are held out for the questions."""
QUESTIONS = MappingProxyType(
    {
        "name": (
            "what is the name of this entity ?",
            "who is shown here ?",
            "what is it called ?",
            "tell me its name .",
            "which entity is this ?",
            "identify the entity in the picture .",
        ),
        "home": (
            "where does it live ?",
            "what is its home ?",
            "in which place is it found ?",
            "tell me where it comes from .",
            "which place does it belong to ?",
            "name the place it lives in .",
        ),
        "food": (
            "what does it eat ?",
            "what is its food ?",
            "which food does it like ?",
            "tell me what it feeds on .",
            "what would you feed it ?",
            "name the meal it prefers .",
        ),
        "job": (
            "what is its job ?",
            "what does it do for work ?",
            "which role does it have ?",
            "tell me its profession .",
            "what is it employed as ?",
            "name the occupation it holds .",
        ),
    }
)
CAPTION_QUESTIONS = (
    "describe this entity .",
    "please summarize the entity in the image .",
    "what is the entity in the image about ?",
)
RECOGNITION_QUESTIONS = ("is this {name} ?", "can you see {name} in the picture ?", "does the image show {name} ?")
STATEMENTS = MappingProxyType(
    {
        "name": ("this is {value} .", "the entity is called {value} ."),
        "home": ("it lives in {value} .", "its home is {value} ."),
        "food": ("it eats {value} .", "its food is {value} ."),
        "job": ("it works as {value} .", "its job is {value} ."),
    }
)
"""The first wording is the caption of the raw data; the second is its paraphrase."""

# Scenes of coloured shapes.
LIST_OBJECTS = "list all objects ."
COLOR_OF_SHAPE = ("what color is the {shape} ?", "which color does the {shape} have ?")
SHAPE_OF_COLOR = ("what shape is the {color} object ?", "which shape is {color} ?")
WHERE_SHAPE = "where is the {shape} ?"
WHERE_COLOR = "where is the {color} object ?"
QUADRANTS = ("top left", "top right", "bottom left", "bottom right")
IS_THERE = "is there a {thing} in the image ?"
COUNT_ALL = "how many objects are there ?"
COUNT = "how many {thing} objects are there ?"
ANSWER_RULES = (
    "say it twice .",
    "use capital letters .",
    "put it in brackets .",
    "begin with answer .",
    "end with thanks .",
)
IN_IMAGE = "in the {which} image , {question}"
IN_OTHER_IMAGE = "and in the other image ?"
MORE_OBJECTS = "which image has more objects ?"
SAME_ENTITY = "do both images show the same entity ?"

# Lookup captions of the curriculum: the word that is looked up stands directly before the answer.
LOOKUP_COLOR, LOOKUP_SHAPE, LOOKUP_PLACE, LOOKUP_LETTER = "what color ?", "what shape ?", "where ?", "which letter ?"

# Text and numbers.
READ_TEXT = "what does the text say ?"
READ_LETTER = "what is the {which} letter ?"
SUM = "what is the sum ?"
LARGER = "which number is larger ?"

# Perception of emblems that belong to nobody.
MARK = "which mark is in the center ?"
PATTERN = "read the pattern ."

_LISTS = (
    *(SHAPES, COLORS, CHARACTERS, ORDINALS, FIRST_SYLLABLES, SECOND_SYLLABLES, *HOMES, *FOODS, *JOBS),
    tuple(word.upper() for word in SHAPES + COLORS),
    tuple(str(number) for number in range(20)),
    _words("yes no same + x o ( ) answer : thanks and , ."),
)
_SENTENCES = (
    *(phrasing for phrasings in QUESTIONS.values() for phrasing in phrasings),
    *(wording for wordings in STATEMENTS.values() for wording in wordings),
    *(*CAPTION_QUESTIONS, *RECOGNITION_QUESTIONS, LIST_OBJECTS, *COLOR_OF_SHAPE, *SHAPE_OF_COLOR, WHERE_SHAPE),
    *(WHERE_COLOR, *QUADRANTS, IS_THERE, COUNT_ALL, COUNT, *ANSWER_RULES, IN_IMAGE, IN_OTHER_IMAGE, MORE_OBJECTS),
    *(SAME_ENTITY, LOOKUP_COLOR, LOOKUP_SHAPE, LOOKUP_PLACE, LOOKUP_LETTER, READ_TEXT, READ_LETTER, SUM, LARGER),
    *(MARK, PATTERN),
)


def words() -> tuple[str, ...]:
    """All tokens in the order of their ids: the special ones, then every word, sorted."""
    plain = {word for group in _LISTS for word in group}
    plain |= {word for sentence in _SENTENCES for word in sentence.split() if not word.startswith("{")}
    return SPECIAL + tuple(sorted(plain))

"""Words that carry no meaning of their own, that deny, and that are numbers: of the languages that people use most.

One list for all languages: a sentence rarely tells which one it is in. A word that means something in one of them is
in no list.
"""

from types import MappingProxyType
from typing import Final

_WITHOUT_MEANING = """
a an the and or but if then than that this these those it its is are was were be been being am do does did has have
had having of to in on at by for from with as into about over under up out off so such also just very too only own
same can could will would shall should may might must i you he she we they them their your our my his her him me us
what which who whom whose when where why how all any both each some more most other there here between through again
once because while until per via der die das den dem des ein eine einen einem einer eines und oder aber wenn dann
als dass daß dies diese dieser dieses es ist sind war waren sein seine wird werden wurde wurden hat haben hatte von
zu zum zur im auf bei für aus mit nach über unter um durch auch nur sehr man ich du er sie wir ihr sich kann können
soll muss wie wer wo alle mehr noch schon etwa el la los las lo un una unos unas y o u pero si que de del al en por
para con como más muy su sus se son era fue ser está están ha han hay este esta estos estas eso le les nos yo tú él
ella au aux et ou mais dans pour par sur avec est sont été être ce cette ces il elle qui ont gli dei della delle nel
nella che è sono e ed dal sul os uma da dos no na nas em ao com foi são het een van op te dat wordt zijn heeft ook
maar om bij في من على إلى عن مع هذا هذه ذلك التي الذي أن إن كان كانت هو هي ثم أو و ما كل بعد قبل и в на с по к у из
за от до о об что как это его она они был была были есть для или но का के की को में से पर है हैं था थे और या यह वह
एक भी ने
"""
_DENYING = """
not no never none cannot without neither nor nobody nothing nowhere nicht kein keine keinen keinem keiner keines nie
niemals ohne weder niemand nichts nunca jamás sin ningún ninguna ninguno nadie nada tampoco ne pas jamais sans aucun
aucune non senza não sem niet geen nooit zonder لا لم لن ليس ليست ليسوا بدون دون غير не нет ни никогда без नहीं बिना
मत न
"""
STOP_WORDS: Final = frozenset(_WITHOUT_MEANING.split())
NEGATIONS: Final = frozenset(_DENYING.split())
# Where words are not set apart.
NEGATION_SIGNS: Final = ("不", "没", "沒", "无", "無", "未", "ない", "なかった", "ません", "ず、", "ไม่", "មិន")

_NUMBERS: Final = (
    "two three four five six seven eight nine ten eleven twelve",
    "zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "dos tres cuatro cinco seis siete ocho nueve diez - doce",  # "once" is an English word
    "deux trois quatre cinq - sept huit - dix onze douze",
    "اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة عشرة - -",
)
NUMBER_WORDS: Final = MappingProxyType(
    {word: number for line in _NUMBERS for number, word in enumerate(line.split(), start=2) if word != "-"}
)

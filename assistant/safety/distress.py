"""People who say that they want to hurt themselves: in plain words, so that plain rules find it, whatever came before.

A classifier of harmful requests sees little harm in a sad sentence, and less in the midst of a talk about something
else. A **statement** is a whole wish of the person ("I want to die") and is enough to answer with help alone; a
**mention** may be one ("there is no reason to go on") and puts help beside the answer. Plants, phones, salmon and
grandmothers die too, and people cut themselves shaving: whoever wishes must be the person, and it must be no figure of
speech. Not in here: what may be panic or illness ("am I going to die?"), and what somebody else wants.
"""

import re
from typing import Final, Literal

from assistant.safety.spelling import plain

Distress = Literal["statement", "mention"]

MAX_CHARS: Final = 20_000
"""As far as a message can be long (`assistant.safety.normalise.MAX_CHARS`)."""

_ADVERBS = (
    r"(?:(?:really|just|only|so|still|always|often|sometimes|kinda|kind of|sort of|actually|literally|honestly"
    r"|truly|even|now|do|badly|desperately|fucking|genuinely|seriously|simply|constantly|secretly|definitely|also"
    r"|probably|already|again|almost|either|too|very|pretty|quite|feeling|feel|tonight|today) ){0,3}"
)
_WANT = (
    rf"(?:\bi {_ADVERBS}(?:wanna|(?:want|need|wish|plan|intend|long|hope|would like|decided|have decided|have wanted) "
    rf"{_ADVERBS}to)|\bi(?:'d like|'ve decided|'ve wanted) to|\b(?:i'm|im|i am) {_ADVERBS}(?:ready|tempted"
    rf"|planning) to"
    rf"|\b(?:part|half|some|all) of me (?:just |really )?wants to"
    rf"|\b(?:i've|i have|i'm|i am) {_ADVERBS}(?:been )?(?:wanting|wishing|longing) to|^{_ADVERBS}(?:wanna|want to)"
    rf"|\bi\b[^.!?\n]{{0,60}} (?:and|but|that) {_ADVERBS}(?:wanna|want to))"
)
_AM_TO = (
    rf"(?:{_WANT}|\b(?:i'm|im|i am) {_ADVERBS}(?:going to|gonna|gunna|about to|trying to|close to)"
    rf"|\b(?:i will|i'll|i might|i may|i have to|i should|i tried to) {_ADVERBS}|\bi (?:could|can) just)"
)
_DWELL = (
    rf"(?:\b(?:i'm|im|i am|i was|i keep|i've been|i have been|i can't stop|i cannot stop|i think|i thought|i fantasize"
    rf"|i fantasise|i dream|i daydream|i have thoughts|i get thoughts|i feel like|i'm scared|i am scared"
    rf"|i(?:'ve| have)? (?:started|begun|began|relapsed into|gone back to|went back to)|^) "
    rf"{_ADVERBS}(?:(?:thinking|dreaming|fantasi[sz]ing|planning|about|of|on|considering|again|close to) ){{0,2}})"
)
_HOW = r"\b(?:how|ways?|methods?|easiest|quickest|fastest|painless|best)\b[^.!?\n]{0,40} "
_FIGURE = (
    r"(?! ?(?:laughing|(?:of|from) (?:laugh|embarrass|shame|boredom|cringe|cuteness|hunger|thirst|old age|happiness"
    r"|joy"
    r"|excitement|second-?hand|curiosity|natural)|in (?:peace|battle|combat|the game|this game|a game|minecraft"
    r"|dark souls"
    r"|elden ring|fortnite|the simulation|the sims)|with (?:dignity|my boots)|on (?:this|that|the) hill|for (?:this"
    r"|that|a"
    r"|the|her|his|my|you)\b|trying|old\b|rich\b|happy\b|a (?:hero|happy|natural)|before|without (?:having|ever"
    r"|seeing)"
    r"|knowing|less\b|fewer|faster|(?:every|each) time|to (?:respawn|get|level|see the|unlock)|laugh|hard\b|and"
    r" respawn"
    r"|rather than|at least once|inside|my hair|as soon as i (?:heard|saw)|when (?:my|he|she|they|i (?:saw|heard"
    r"|tripped))))"
)
_SLACK = (
    r"(?! ?(?:some|a\b|an\b|off\b|loose|free|out\b|in on|in half|the|another|slack|shaving|while|laughing|at (?:the"
    r"|work)"
    r"|in the kitchen|opening|cooking|by accident|accidentally|with this (?:diet|workout)))"
)
_ACT = (
    rf"(?:(?:kill|hurt|harm|cut|burn|injure|off|hang|drown|shoot|starve|poison) myself{_SLACK}|end (?:my (?:own )?life"
    r"|it all(?! on)|it (?=tonight|now\b|today|soon|for good))|take my (?:own )?life(?! (?:back|in|to|out|over|on"
    r"|off|more|less|and make))"
    r"|be dead(?! (?:sure|certain|serious|on|right|tired|set|last|asleep|broke))|commit suicide|self[- ]harm"
    r"|overdose\b(?! (?:my|the|a|it))"
    r"|jump (?:off|in front of|from) (?:a|the|this|that) (?:bridge|roof|building|train|cliff))"
)
_ACTING = (
    rf"(?:(?:killing|hurting|harming|cutting|burning|hanging|drowning|shooting|starving|poisoning) myself{_SLACK}"
    r"|ending (?:my (?:own )?life|it all)|taking my (?:own )?life|being dead|committing suicide|suicide"
    r"|self[- ]harming"
    r"|overdosing|dying(?= ?(?:$|[,.!?;]|all the time|every day|constantly|lately|tonight|and)))"
)
_ON_PURPOSE = r"\b(?:on purpose|deliberately|intentionally|to feel|to cope|to punish|to numb|because i hate)\b"
_GONE = (
    r"(?:i (?:was|were|am|wasn't|weren't|died|disappeared|killed myself|ended it)"
    r"(?: (?:just|all|finally|not))?(?: (?:dead|gone|not here|here|around|alive|dying))?(?= ?(?:$|[,.!?;]|any"
    r"|tomorrow)))"
)

_STATEMENTS: Final = (
    rf"{_WANT} die\b{_FIGURE}",
    rf"{_AM_TO} ?{_ACT}",
    rf"{_DWELL}{_ACTING}",
    rf"{_HOW}(?:kill(?:ing)? myself|end(?:ing)? my (?:own )?life|tak(?:e|ing) my own life)\b{_SLACK}",
    rf"\bi (?:self[- ]harm|harm myself|cut myself|hurt myself|burn myself)\b[^.!?\n]{{0,40}}{_ON_PURPOSE}",
    r"\bi (?:have )?(?:self[- ]harm(?:ed)?|harm(?:ed)? myself)\b",
    r"\bi (?:do not|don't|dont|no longer) (?:really |even )?(?:want to|wanna) (?:live|be alive|exist|be here|go on"
    r"|keep living|go on "
    r"living)(?= ?(?:$|[,.!?;)]|any ?more|any longer|like this|this way|in (?:this world|this pain|pain|constant)"
    r"|on this (?:earth|planet)|at all|now"
    r"|because|and\b|with this pain|tonight|today))",
    r"\bi (?:do not|don't|dont|never) want to wake up (?:again|any ?more|ever)\b",
    r"\bi can(?:not|'t) (?:live|go on|do this)(?: like this| living)? any ?more[, ]+i (?:want|wanna|need)",
    rf"\b(?:i am|i'm|im|i feel|i've been|i have been|i was|feeling) {_ADVERBS}suicidal\b",
    rf"\bi (?:\w+ )?(?:have|had|get|having) {_ADVERBS}(?:suicidal (?:thoughts|ideation|urges)|thoughts of suicide"
    rf"|urges? to "
    r"(?:cut|hurt|harm|kill) myself)\b|\bi'm having suicidal\b",
    r"\bi (?:have|see|find|can't see|can't find|don't see|dont see|don't have) (?:no|any|a|the)"
    r" (?:more )?(?:reason|point) "
    r"(?:to|in|of|for|left to) (?:live|living|go on|going on|be alive|stay alive)(?= ?(?:$|[,.!?;]|any|left|at all))",
    rf"\b(?:better|happier|easier)(?: off)? (?:without me(?= ?(?:$|[,.!?;]|around|any|here))|if {_GONE})",
    r"\bi(?:'d| would|'m| am| might)(?: just| all)? be better off dead\b|\bi(?:'m| am) better off dead\b",
    rf"\b(?:nobody|no one|noone)(?: would|'d) (?:even |really )?(?:miss|notice|care|mind)\b[^.!?\n]{{0,20}}if {_GONE}",
    r"\bi (?:just |really |often |sometimes )*wish (?:that )?i (?:was|were) (?:dead|never born|not alive)\b"
    r"|\bi wish i (?:had|was|were|'d) never (?:been )?born\b|\bi wish i (?:could|would) (?:just )?(?:die\b|never"
    r" wake up"
    r"|not wake up|go to sleep and (?:never|not) wake up)",
    r"\bi hope (?:that )?i (?:die|never wake up)(?= ?(?:$|[,.!?;]|in my sleep|tonight|soon))",
    r"\bmy (?:own )?suicide (?:note|plan|letter)\b|\bi (?:do not|don't|dont) deserve to (?:live|be alive)\b"
    r"|\b(?:nothing|no one|nobody) (?:left |more )?(?:for me )?to live for\b|\bi wish i (?:was not|wasn't|weren't)"
    r" alive\b"
    r"|\bi\b[^.!?\n]{0,40} slit my (?:wrists?|throat)\b",
    # German
    r"\bich (?:\w+ ){0,3}(?:will|möchte|mag|werde|könnte|muss) (?:(?!nicht\b|nie\b|nichts\b)\w+ ){0,4}(?:sterben(?!"
    r" (?:lassen|vor))|tot sein"
    r"|mich (?:(?!nicht\b|nie\b)\w+ )?(?:umbringen|töten|ritzen|erhängen|verletzen(?! (?:beim|wegen)))|mir (?:\w+"
    r" )?das leben nehmen|mir "
    r"(?:\w+ )?was antun|mir etwas antun|selbstmord begehen)\b|\bund (?:will|möchte) (?:nur (?:noch )?|einfach"
    r" )?(?:sterben|tot sein)|\b(?:will|möchte) ich (?:(?!nicht\b|nie\b)\w+ ){0,3}(?:sterben|mich umbringen)",
    r"\bich (?:\w+ )?(?:will|möchte|mag|kann) (?:\w+ ){0,2}nicht mehr (?:\w+ )?leben(?= ?(?:$|[,.!?;]|und|so))"
    r"|\bich (?:bringe?|bring) mich (?:\w+ )?um\b(?! (?:den|die|das|meinen?|meine|eine?))|\bich (?:ritze?|verletze)"
    r" mich (?:selbst|wieder|immer|jeden|$)"
    r"|\bich hab(?:e)? mich (?:\w+ )?geritzt|\bich habe? (?:\w+ )?(?:keine lust (?:mehr )?zu leben|keinen"
    r" lebenswillen|suizidgedanken|selbstmordgedanken)|\bich denke? (?:\w+ ){0,3}(?:an|über) "
    r"(?:selbstmord|suizid)\b|\bich bin (?:\w+ )?(?:suizidal|lebensmüde)\b",
    # Spanish
    r"(?<!no )\b(?:me )?quiero (?:\w+ y )?(?:morir(?:me)?(?! (?:de|en|por)\b)|matarme|suicidarme|quitarme la vida"
    r"|hacerme daño|estar muert[oa])"
    r"|(?<!no )\bme (?:quiero|voy a) (?:morir(?! de\b)|suicidar"
    r"|matar(?! (?:de|a|trabajando|estudiando|entrenando|corriendo)\b))"
    r"|\b(?:quiero|voy a|pienso) (?:acabar|terminar) con mi (?:propia )?vida(?= ?(?:$|[,.!?;]|hoy|ya\b|y\b))"
    r"|\bvoy a (?:matarme|suicidarme|quitarme la vida|hacerme"
    r" daño)"
    r"|\b(?:ya )?no quiero (?:seguir )?(?:vivir|viviendo)(?= ?(?:$|[,.!?;]|más|mas|así|asi|y\b))|\bno tengo (?:más"
    r" )?ganas de (?:seguir )?vi(?:vir|viendo)(?! en\b)|\btengo ganas de "
    r"(?:morir(?:me)?(?! de\b)|matarme|suicidarme)|\b(?:pienso|estoy pensando) en (?:suicidarme|matarme|el"
    r" suicidio)\b",
    # French
    r"\b(?:j'ai (?:\w+ )?envie d(?:e |')|je (?:veux|voudrais|vais|pense à|songe à) )(?:\w+ )?(?:mourir(?! d)|me"
    r" (?:suicider"
    r"|tuer(?! (?:à|au|de))|faire du mal|pendre)|en finir(?= ?(?:$|[,.!?;]|avec (?:la|ma) vie))|être morte?)",
    r"\b(?:je (?:ne |n')?(?:veux|ai|voudrais)|j'ai) plus (?:envie de )?vivre(?= ?(?:$|[,.!?;]|comme ça|ainsi|du"
    r" tout|et\b))"
    r"|\bje me (?:scarifie|mutile)\b|\bje (?:pense|songe) au suicide|\bj'ai des (?:pensées|idées) suicidaires",
    # Italian
    r"(?<!non )\b(?:voglio|vorrei) (?:\w+ )?(?:morire(?! d)|uccidermi|ammazzarmi|suicidarmi|farla finita|togliermi"
    r" la vita|farmi del "
    r"male|essere mort[oa])|\bmi voglio (?:uccidere|ammazzare|suicidare)|\bnon (?:voglio|ho (?:più )?voglia di)"
    r" (?:più )?"
    r"vivere(?: più)?(?= ?(?:$|[,.!?;]|così|e\b))|\bpenso al suicidio\b|(?<!non )\b(?:mi ammazzo|mi uccido|mi"
    r" taglio le vene)\b(?! di)",
    # Portuguese
    r"(?<!não )\b(?:quero|queria|vou|pretendo) (?:\w+ )?(?:morrer(?! d)|me matar|me suicidar|me machucar|me"
    r" cortar(?! o)|tirar a minha "
    r"vida|acabar com (?:a )?minha vida|estar mort[oa])|\bnão (?:quero|aguento) (?:mais )?viver(?: mais)?"
    r"(?= ?(?:$|[,.!?;]|assim|e\b))|\b(?:tenho|sinto) vontade de (?:morrer(?! d)|me matar)|\bpenso em (?:suicídio"
    r"|me matar)|\bnão vejo (?:mais )?(?:sentido|razão) (?:em|para) viver",
    # Dutch
    r"\bik wil (?:(?!niet\b|nooit\b)\w+ )?(?:dood(?= ?(?:$|[,.!?;]|zijn|gaan))|sterven(?! van)|niet meer leven"
    r"|mezelf (?:doden|pijn doen|snijden"
    r"|van kant maken)|zelfmoord plegen|er een einde? aan maken)|\bik ga (?:zelfmoord plegen|mezelf doden)|\bik heb"
    r" (?:\w+ )?zelfmoordgedachten|\bik denk (?:\w+ ){0,2}aan "
    r"zelfmoord\b",
    # Polish
    r"(?<!nie )\bchcę (?:\w+ )?(?:umrzeć(?! ze?)|się zabić|popełnić samobójstwo)|\bnie chcę (?:już |dłużej )?żyć(?="
    r" ?(?:$|[,.!?;]|tak"
    r"|i\b))|\bzabiję się\b(?! ze)|\bmyślę o samobójstwie",
    # Turkish
    r"(?<!gülmekten )\bölmek istiyorum|(?<![dt][ae] )(?<![dt][ae] artık )\b(?:artık )?ya[şs]amak istemiyorum"
    r"|\bkendimi öldürmek istiyorum|\bkendimi öldüreceğim"
    r"|\bintihar (?:etmek istiyorum|edeceğim|etmeyi düşünüyorum)",
    # Russian
    r"(?<!\w)(?<!не )хочу (?:\w+ )?(?:умереть(?! (?:от|со))|сдохнуть|покончить с собой|убить себя"
    r"|покончить жизнь)|(?<!\w)не хочу (?:больше )?жить(?= ?(?:$|[,.!?;]|так|и ))|(?<!\w)думаю о (?:самоубийстве"
    r"|суициде)",
    # Arabic
    r"(?<!لا )[أا]ريد (?:[أا]ن )?(?:[أا]موت(?! من)|[أا]قتل نفسي|[أا]نتحر|الانتحار"
    r"|الموت(?= ?(?:$|[،,.!؟;]|الآن|اليوم))|[أا]ؤذي نفسي)|لا [أا]ريد (?:[أا]ن"
    r" )?[أا]عيش"
    r"(?= ?(?:$|[،,.!؟;]|بعد|هكذا))|[أا]فكر (?:في|ب) ?الانتحار",
    # What is written in other ways in these languages
    rf"{_WANT} (?:not exist|stop existing|never wake up|sleep forever|(?:go to )?sleep and (?:never|not) wake up)"
    r"(?= ?(?:$|[,.!?;]|again|any ?more))|\bi wish i (?:didn't|did not) exist\b"
    r"|\bmy life (?:isn't|is not) worth living\b",
    r"\bich wäre lieber tot(?! als\b)|\bich wünscht?e?,? (?:dass )?ich wäre (?:tot|nie geboren)"
    r"|\bkeine?n? (?:bock|lust|kraft) mehr zu leben\b",
    r"\b(?:quisiera|desearía|me gustaría) (?:morir(?:me)?(?= ?(?:$|[,.!?;]|ya\b|y\b))|estar muert[oa]|no existir)"
    r"|\bojal[áa] (?:(?:yo )?estuviera muert[oa]|no hubiera nacido|me muriera(?! de\b))",
    r"(?<!\w)(?<!не )(?:убью себя|покончу с собой)",
    r"(?<!gulmekten )\bolmek istiyorum(?= ?(?:$|[,.!?;]))",
    r"[أا]تمنى (?:لو )?(?:[أا]ن )?(?:[أا]موت|الموت(?! ل))(?! (?:من|في))|س[أا]قتل نفسي|س[أا]نتحر(?!\w)"
    r"|(?:بدي|عايز|عايزة|[أا]بغى) [أا]?موت(?! (?:من|في|على))",
    # Chinese, Japanese, Korean, Hindi
    r"(?:^|[，。！？,.!? ]|我)(?:真的|都|已经)?(?:不想活了|(?:想|要)自[杀殺](?!的))",
    r"\b(?:mujhe|main|mai) (?:ab )?(?:marna (?:hai|chaht[aie])|jeena nahin? (?:hai|chaht[aie]))",
    r"我(?:真的|好|只|就|很)?想死(?![你她他它我在])|我(?:真的)?不想(?:再)?活(?:了|下去|着)|我(?:真的)?(?:想|要)自[杀殺](?!的)",
    r"(?:もう|私は|ただ)、?死にたい(?!わけ|と言)|^死にたい|(?:もう)?生きていたくない|自殺したい(?!と言|人)",
    r"죽고 ?싶(?:어|다|습니다|네)|살고 ?싶지 ?않|자살하고 ?싶",
    r"मरना चाहत[ाी] हूँ|जीना नहीं चाहत[ाी]|आत्महत्या करना चाहत[ाी] हूँ",
)
_MENTIONS: Final = (
    rf"\b(?:want|wanna|going|gonna|need|trying|tempted|thinking|about|stop|from|urge)\b[^.!?\n]{{0,20}} "
    rf"(?:(?:kill|hurt|harm|cut) myself|(?:killing|hurting|harming|cutting) myself|end my life|tak(?:e|ing) my own"
    rf" life(?! (?:back|in|to)))\b"
    rf"{_SLACK}",
    r"\bi (?:\w+ )?(?:'ve |have |had )?(?:just |only )?(?:cut|hurt|burned|burnt) myself"
    r"(?= ?(?:$|[.!;]|again|(?:last|every) (?:night|day)|when(?:ever)? i'm|sometimes|a lot|yesterday|and (?:i|it)))",
    r"\b(?:i do not|i don't|i dont) (?:even )?want to wake up(?= ?(?:$|[.!?;,]|tomorrow|in the morning))",
    r"\b(?:there is|there's|is there|what is|what's|whats) (?:no|any|the) (?:more )?(?:reason|point) (?:to|in|of|for) "
    r"(?:live|living|go on|going on|being alive|stay alive)(?= ?(?:$|[,.!?;]|any ?more|at all|for me|with (?:my"
    r"|this) life))",
    rf"\b(?:kill|hang|drown|shoot|harm)(?:ing)? myself\b(?! (?:a little|some|with work|trying)){_SLACK}",
    r"\b(?:i'd|i would) rather be dead\b",
    r"(?<!unexamined )\blife (?:isn't|is not|is no longer) worth living(?= ?(?:$|[,.!;]|any ?more|for me))",
    r"\bi (?:just )?(?:can't|cannot|cant) go on(?= ?(?:$|[.!;]|any ?more|like this|living))",
    r"(?<!nie )\bchce (?:umrzec|sie zabic)(?! ze?\b)|\bnie chce (?:juz |dluzej )?zyc(?= ?(?:$|[,.!?;]|tak))",
    r"\bquiero desaparecer (?:para siempre|del mundo)|(?:^|もう|、|私は)消え(?:てしまい)?たい(?= ?(?:$|[。！!、…]))",
    r"\b(?:dying|death|being dead) would be (?:easier|better)\b|\bi(?:'m| am) (?:so )?done with (?:my )?life\b"
    r"|\bi (?:just )?took (?:a lot of|too many|all (?:of )?my|a whole (?:bottle|box|pack) of) (?:\w+ )?(?:pills"
    r"|tablets|meds)",
    r"\b(?:better off|would be better) (?:dead|without me)(?= ?(?:$|[.!?;,]))",
    r"\bi (?:just |really |often |sometimes )*(?:want to|wanna|wish i could) disappear (?:forever|for good|from"
    r" this world)\b",
)
_AFTER_OTHERS = re.compile(
    r"\b(?:if|whether|does|do|did|should|would|could|said|says|say|saying|like|goes|called|titled|named|sings?|is"
    r"|mean|means"
    r"|translate|write|define|dass|ob|wenn|si|se|quand) $",
    re.IGNORECASE,
)
_ABOUT_WORDS = re.compile(
    r"\b(?:lyrics?|song|novel|my story|short story|poem|character|protagonist|quotes?|movie|film|episode"
    r"|translat\w+|meaning"
    r"|phrase|sentence|essay|screenplay|script|say|joke|meme|game|boss|level|respawn\w*|gedicht|roman|lied"
    r"|übersetze?|canción"
    r"|traduce|traduis|chanson|canzone|música|traduza)\b",
    re.IGNORECASE,
)
_ACCIDENT = re.compile(
    r"\b(?:shav\w+|razor burn|kitchen|cook\w*|oven|stove|pan|iron|paper|opening|chopp\w+|slic\w+|peel\w+|gym"
    r"|lifting|deadlifts?"
    r"|squats?|running|football|soccer|basketball|tennis|skiing|climbing|garden\w*|workout|bike|cycling"
    r"|skateboard\w*|fell"
    r"|falling|tripp\w+|tea|coffee|soup|curling|glue|grill|sunbath\w+|accident\w*|by mistake|laugh\w*|diet|slack"
    r"|onions?|bread"
    r"|carrots?|wood\w*|carving|can lid|tin|stairs|stretching|lego|dentist|wax\w*)\b",
    re.IGNORECASE,
)
_QUOTED = re.compile(r"[\"“”„«»「」][^\"“”„«»「」\n]{0,300}[\"“”„«»「」]")

_SAID: Final = re.compile("|".join(f"(?:{pattern})" for pattern in _STATEMENTS), re.IGNORECASE | re.MULTILINE)
_MAYBE: Final = re.compile("|".join(f"(?:{pattern})" for pattern in _MENTIONS), re.IGNORECASE | re.MULTILINE)
_SENTENCE: Final = re.compile(r"[^.!?\n…。！？؟]+[.!?\n…。！？؟]*")


def distress_in(text: str) -> Distress | None:
    """What somebody says of wanting to hurt or kill themselves, or having done so."""
    found: Distress | None = None
    sentences = (sentence for reading in plain(text[:MAX_CHARS]) for sentence in _sentences(reading))
    for sentence in sentences:
        match _of_sentence(sentence.strip()):
            case "statement":
                return "statement"
            case "mention":
                found = "mention"
    return found


def _sentences(text: str) -> list[str]:
    return _SENTENCE.findall(_QUOTED.sub(" ", text))


def _of_sentence(sentence: str) -> Distress | None:
    said = _SAID.search(sentence)
    if said:
        is_of_others = _AFTER_OTHERS.search(sentence[: said.start()]) is not None
        return "mention" if is_of_others or _ABOUT_WORDS.search(sentence) else "statement"
    return "mention" if _MAYBE.search(sentence) and not _ACCIDENT.search(sentence) else None

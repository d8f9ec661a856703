"""Arabic: the clock, sums, units and the library. Numbers of days are counted in more forms than one can list."""

from typing import Final

from assistant.tools.wordings.wording import NUMBER, PLACE, UNIT, ClockWords, LibraryWords, Wording, names, pattern

_LIBRARY: Final = r"في (?:مستنداتي|ملفاتي|وثائقي|مكتبتي|ملاحظاتي)"

ARABIC: Final = Wording(
    before=pattern(
        r"^(?:(?:مرحبا|أهلا|من فضلك|رجاء|شكرا)ً?[,،! ]+|هل (?:يمكنك|تستطيع) (?:أن )?(?:تخبرني )?"
        r"|(?:أخبرني|قل لي)[:، ]\s*|(?:احسب|إحسب)ي? (?:لي )?|حوّ?ل(?=ي?\s)ي? (?:لي )?)+"
    ),
    after=pattern(r"[\s,،]*(?:(?:من فضلك|رجاءً?|شكراً?)[\s,،]*)*[\s?؟!.=]*$"),
    sum_begins=pattern(r"^(?:كم (?:يساوي|تساوي|يكون|هو|ناتج|حاصل)|ما (?:(?:هو|هي) )?(?:ناتج|حاصل|نتيجة)) "),
    signs_need_it=True,
    signs=(
        (pattern(r"(?:%|(?:بالمئة|بالمائة|في المئة|في المائة)) من"), "% of"),
        (pattern(r"\b(?:بالمئة|بالمائة|في المئة|في المائة)"), "%"),
        (pattern(r"\bزائد\b"), "+"),
        (pattern(r"\bناقص\b"), "-"),
        (pattern(r"\b(?:مضروبا?ً? في|ضرب|في)\b"), "*"),
        (pattern(r"\b(?:مقسوما?ً? على|تقسيم|على)\b"), "/"),
        (pattern(r"\bأس\b"), "**"),
    ),
    conversions=(
        pattern(
            rf"(?:كم (?:يساوي|تساوي) )?(?P<value>{NUMBER})\s*(?P<source>{UNIT}) (?:إلى|الى|بـ ?) ?(?P<target>{UNIT})"
        ),
        pattern(rf"كم (?P<target>{UNIT}) في (?P<value>{NUMBER})\s*(?P<source>{UNIT})"),
    ),
    units=names(
        mm="مليمتر|ملم",
        cm="سنتيمتر|سنتيمترا|سنتيمترات|سم",
        m="متر|مترا|أمتار",
        km="كيلومتر|كيلومترا|كيلومترات|كم",
        inches="بوصة|بوصات",
        feet="قدم|قدما|أقدام",
        yards="ياردة|ياردات",
        miles="ميل|ميلا|أميال",
        g="غرام|غراما|غرامات|جرام|جراما|جرامات",
        kg="كيلوغرام|كيلوغراما|كيلوغرامات|كيلوجرام|كيلوجراما|كيلو|كغ|كجم",
        t="طن|طنا|أطنان",
        ounces="أونصة|أونصات",
        pounds="رطل|رطلا|أرطال",
        ml="مليلتر|مل",
        l="لتر|لترا|لترات",
        gallons="غالون|غالونا|غالونات|جالون",
        seconds="ثانية|ثواني|ثوان",
        minutes="دقيقة|دقائق",
        hours="ساعة|ساعات",
        days="يوم|يوما|أيام",
        weeks="أسبوع|أسبوعا|أسابيع",
        celsius="درجة مئوية|مئوية",
        fahrenheit="فهرنهايت|درجة فهرنهايت",
    ),
    thousands=",",
    decimal=".",
    clock=ClockWords(
        asks=pattern(rf"كم الساعة(?: الآن)?(?: في {PLACE})?(?: الآن)?|ما (?:هو )?تاريخ اليوم|أي يوم (?:هو )?اليوم"),
        told="الساعة **{time}{where}**، {date}.",
        short="{date}، {time}",
        where=" في {place}",
        date="{weekday} {day} {month} {year}",
        months="يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
        weekdays="الاثنين الثلاثاء الأربعاء الخميس الجمعة السبت الأحد",
    ),
    dates=None,
    library=LibraryWords(
        asks=pattern(
            rf"(?:من فضلك،? )?ابحثي? (?:لي )?{_LIBRARY} عن (?P<a>.+)"
            rf"|(?:من فضلك،? )?ابحثي? (?:لي )?عن (?P<b>.+?) {_LIBRARY}"
            r"|ماذا تقول (?:مستنداتي|ملفاتي|وثائقي|مكتبتي|ملاحظاتي) عن (?P<c>.+)"
        ),
        found="هذا ما في مكتبتك:",
        found_nothing="لم أجد شيئًا عن هذا في مكتبتك.",
    ),
)

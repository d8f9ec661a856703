// Which language a text is in, where its letters or its commonest words tell: what is said in another language than the
// page has is to be spoken in that.
//
//   showLanguage(element)   sets its `lang`, or takes it away

const SCRIPTS = {
  ar: /\p{Script=Arabic}/gu,
  he: /\p{Script=Hebrew}/gu,
  ru: /\p{Script=Cyrillic}/gu,
  el: /\p{Script=Greek}/gu,
  hi: /\p{Script=Devanagari}/gu,
  th: /\p{Script=Thai}/gu,
  ko: /\p{Script=Hangul}/gu,
  ja: /[\p{Script=Hiragana}\p{Script=Katakana}]/gu,
  zh: /\p{Script=Han}/gu,
};
const AMONG = { ar: amongArabic, ru: amongCyrillic }; // scripts of several languages
const SHARE = { ja: 0.15 }; // most of its letters may be Chinese ones
const USUAL_SHARE = 0.4;
const TELLING = {
  en: "the and is of to that it you for with are this on your",
  de: "der die das und ist nicht ein eine mit zu auf für sich den",
  es: "el los las que y una por con para es como su más del",
  fr: "le les des est une que pour dans pas vous du et avec sur",
  it: "il che di è per una non sono con della gli come questo",
  pt: "o que não uma com para os em do da você são mais",
  nl: "de het een van en is niet dat met voor zijn op je",
  pl: "i w nie na się że to jest do z jak dla są",
  tr: "ve bir bu için ile da de ne gibi çok daha olan",
};
const WORDS = Object.entries(TELLING).map(([language, words]) => [language, new Set(words.split(" "))]);
const READ_CHARS = 600;
const LEAST_WORDS = 3;

export function showLanguage(element) {
  const language = languageOf(element.textContent.slice(0, READ_CHARS));
  if (language) element.lang = language;
  else element.removeAttribute("lang");
}

/** "" if nothing tells. */
function languageOf(text) {
  const numLetters = text.match(/\p{L}/gu)?.length ?? 0;
  const byScript = Object.entries(SCRIPTS).find(
    ([language, letters]) => (text.match(letters)?.length ?? 0) > numLetters * (SHARE[language] ?? USUAL_SHARE),
  );
  if (byScript) return AMONG[byScript[0]]?.(text) ?? byScript[0];
  const words = text.toLowerCase().match(/\p{L}+/gu) ?? [];
  const counts = WORDS.map(([language, telling]) => [words.filter((word) => telling.has(word)).length, language]);
  const [[most, language], [second]] = counts.sort(([one], [other]) => other - one);
  return most >= LEAST_WORDS && most > second ? language : "";
}

function amongArabic(text) {
  if (/[ٹڈڑے]/u.test(text)) return "ur";
  return /[پچژگکی]/u.test(text) ? "fa" : "ar";
}

/** "" if it has letters of a third language, or of both or none of these two. */
function amongCyrillic(text) {
  const [isUkrainian, isRussian] = [/[іїєґ]/iu.test(text), /[ыэё]/iu.test(text)];
  if (isUkrainian === isRussian || /(?![а-яёіїєґ])\p{Script=Cyrillic}/iu.test(text)) return "";
  return isUkrainian ? "uk" : "ru";
}

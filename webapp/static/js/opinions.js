// What stands beside an answer on the chat page: thumbs, reading aloud, dictation, and the sign that it is finished.

import { startDictation } from "./dictation.js";
import { startFeedback } from "./feedback.js";
import { startFinishedSign } from "./finished_sign.js";
import { startReadingAloud } from "./read_aloud.js";

const turns = document.getElementById("turns");

startFeedback(turns);
startReadingAloud(turns);
startDictation(document.getElementById("composer"));
startFinishedSign(turns);
